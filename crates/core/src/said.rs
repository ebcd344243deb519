//! What of a reply is said to a reader: not what a model only thought, and not characters that show nothing.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Where models write down their reasoning, and what they call that.
static TAG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)<(?P<a>/?)(?:think|thinking|thought|thoughts|reasoning)>|\[(?P<b>/?)THINK\]|◁(?P<c>/?)think▷")
        .expect("a fixed pattern")
});

/// A character that a reader sees. Marks that belong to the number behind them are seen, other format characters are not.
static SEEN: LazyLock<Regex> = LazyLock::new(|| {
    let unseen = r"\p{White_Space}\p{Cc}\p{Default_Ignorable_Code_Point}[\p{Cf}--\p{Prepended_Concatenation_Mark}]";
    // The blank pattern of Braille, and the note without a head.
    Regex::new(&format!(r"[^{unseen}\x{{2800}}\x{{1D159}}]")).expect("a fixed pattern")
});

/// No tag has more bytes.
pub(crate) const LONGEST_TAG: usize = "</reasoning>".len();

/// Where reasoning begins or ends.
pub(crate) struct Tag {
    pub(crate) span: Range<usize>,
    pub(crate) closes: bool,
}

/// The first tag that begins at byte `from` of a reply, or behind it.
pub(crate) fn next_tag(reply: &str, from: usize) -> Option<Tag> {
    let tag = TAG.captures_at(reply, from)?;
    let closes = ["a", "b", "c"].iter().any(|name| tag.name(name).is_some_and(|mark| !mark.is_empty()));
    Some(Tag { span: tag.get(0)?.range(), closes })
}

/// The parts of a reply that are reasoning, with their tags. One that nothing closes goes on to the end; one that nothing
/// opens began with the reply, where templates of prompts open it.
pub(crate) fn thoughts(reply: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    // Nothing else begins a tag, and most replies have none of these.
    if memchr::memchr3(b'<', b'[', 0xE2, reply.as_bytes()).is_none() {
        return found;
    }
    let mut open: Option<usize> = None;
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(tag) = next_tag(reply, at) {
        at = tag.span.end;
        match (tag.closes, depth) {
            (false, _) => {
                open.get_or_insert(tag.span.start);
                depth += 1;
            }
            (true, 0) => {
                found.clear();
                found.push(0..at);
            }
            (true, 1) => {
                depth = 0;
                found.extend(open.take().map(|start| start..at));
            }
            (true, _) => depth -= 1,
        }
    }
    found.extend(open.map(|start| start..reply.len()));
    found
}

/// Where a reply begins behind the reasoning that stands first in it, in bytes.
pub(crate) fn begin(reply: &str, thoughts: &[Range<usize>]) -> usize {
    thoughts.iter().fold(0, |at, span| if reply[at.min(span.start)..span.start].trim().is_empty() { span.end } else { at })
}

/// Whether a part of a reply that is no reasoning holds a character that is seen.
fn shows(part: &str) -> bool {
    // Most texts show something at once, for less than the tables of Unicode cost.
    part.bytes().any(|byte| byte.is_ascii_graphic()) || SEEN.is_match(part)
}

/// Whether a reader to whom a reply is shown as it comes has seen anything of it besides reasoning, however it goes on: what may be
/// the beginning of a tag is not shown yet, and a closing tag that nothing opened takes nothing back.
pub(crate) fn is_shown(reply: &str) -> bool {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        let tag = next_tag(reply, at);
        let part = &reply[at..tag.as_ref().map_or(reply.len(), |tag| tag.span.start)];
        if depth == 0 && shows(if tag.is_some() { part } else { without_tag_begun(part) }) {
            return true;
        }
        let Some(tag) = tag else { return false };
        at = tag.span.end;
        depth = if tag.closes { depth.saturating_sub(1) } else { depth + 1 };
    }
}

/// A text without what may be the beginning of a tag at its end.
fn without_tag_begun(text: &str) -> &str {
    let Some(begun) = text.rfind(['<', '[', '◁']) else { return text };
    let mut rest = text[begun..].chars().skip(1);
    let may_go_on = text.len() - begun < LONGEST_TAG && rest.all(|c| c == '/' || c.is_ascii_alphabetic());
    if may_go_on { &text[..begun] } else { text }
}

/// Whether a reader sees anything of `reply` besides reasoning.
pub(crate) fn is_seen(reply: &str) -> bool {
    let mut at = 0;
    let before = thoughts(reply).into_iter().any(|span| {
        let part = &reply[at..span.start];
        at = span.end;
        shows(part)
    });
    before || shows(&reply[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reasoning_alone_is_nothing_said() {
        for reply in [
            "<think>let me see</think>",
            "<think>let me see",
            " \n<THINK>a<think>b</think>c</think> \n",
            "let me see</think>\n",
            "[THINK]x[/THINK]",
            "◁think▷x◁/think▷",
            "<thinking>a</thinking><thinking>b",
        ] {
            assert!(!is_seen(reply), "{reply}");
        }
        for reply in ["<think>x</think>Paris", "Paris<think>x", "x</think>Paris", "`<think>` is a tag", "a < b", "<thinker>"] {
            assert!(is_seen(reply), "{reply}");
        }
    }

    #[test]
    fn what_shows_nothing_is_nothing_said() {
        let unseen = [
            0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x180B, 0x180E, 0x200B, 0x200E, 0x202A, 0x202E, 0x2060, 0x2061,
            0x2066, 0x206A, 0x2800, 0x3000, 0x3164, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0xE_0001, 0xE_0041, 0xE_0100, 0x1_D173,
        ];
        for c in (0..0x20).chain([0x7F, 0x85, 0xA0]).chain(unseen).filter_map(char::from_u32) {
            assert!(!is_seen(&format!("{c} {c}")), "{:x}", u32::from(c));
            assert!(is_seen(&format!("{c}x{c}")));
        }
        for seen in ["0", ".", "é", "京", "🙂", "\u{301}", "\u{600}", "\u{e000}", "-"] {
            assert!(is_seen(seen), "{seen:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_shown_stays_shown(pieces in proptest::collection::vec(proptest::sample::select(vec!["<", "th", "ink>", "</think>", "<think>", "a", "é", " ", "\u{200b}", "[/", "THINK]", "◁"]), 0..12)) {
            let (mut reply, mut shown) = (String::new(), false);
            for piece in pieces {
                reply += piece;
                prop_assert!(!shown || is_shown(&reply), "{reply}");
                shown = is_shown(&reply);
            }
            // Nothing that opens is left open, and nothing closes that was not opened: then both say the same.
            let whole = !reply.contains(['<', '[', '◁']);
            prop_assert!(!whole || shown == is_seen(&reply));
        }

        #[test]
        fn thoughts_are_parts_of_the_reply_in_order(pieces in proptest::collection::vec(proptest::sample::select(vec!["<think>", "</think>", "a", "é\n", "[/THINK]", "[think]"]), 0..12)) {
            let reply = pieces.concat();
            let mut at = 0;
            for span in thoughts(&reply) {
                prop_assert!(at <= span.start && reply.get(span.clone()).is_some());
                at = span.end;
            }
            prop_assert!(reply.get(begin(&reply, &thoughts(&reply))..).is_some());
        }
    }
}

//! Finds the tokens of a part of the answer's text.
//!
//! The tokens of a call need not concatenate to its text: they may begin with a code fence or a space that the server
//! trimmed, end with a closing fence or an end-of-turn mark, and hold replacement characters where a character was cut
//! in two. Whatever cannot be placed without guessing is not placed at all.

use std::ops::Range;

use crate::completion::{Token, Tokens};

/// The most bytes of text for one replacement character: a whole character.
const BYTES_A_CHARACTER: usize = 4;

/// Where each token lies in `text`, in bytes; an empty range for tokens outside it. `None` where that is not certain.
pub(super) fn align(text: &str, tokens: &Tokens) -> Option<Vec<Range<usize>>> {
    let body = text.trim();
    if body.is_empty() {
        return None;
    }
    let lead = text.len() - text.trim_start().len();
    let written: String = tokens.iter().map(Token::text).collect();
    match find_once(&written, body) {
        Some(start) => Some(shifted(tokens, start, lead..lead + body.len())),
        None if written.contains(char::REPLACEMENT_CHARACTER) => cut_characters(text, lead, tokens),
        None => None,
    }
}

/// The tokens that share at least a byte with `span`.
pub(super) fn covering(places: &[Range<usize>], span: &Range<usize>) -> Range<usize> {
    let shares = |place: &Range<usize>| place.start < span.end && span.start < place.end;
    match places.iter().position(shares) {
        Some(first) => first..places.iter().rposition(shares).map_or(first, |last| last + 1),
        None => 0..0,
    }
}

/// Where `part` begins in `written`, if it is there once, or is all of it but blanks.
fn find_once(written: &str, part: &str) -> Option<usize> {
    let first = written.find(part)?;
    let next = first + part.chars().next().map_or(1, char::len_utf8);
    let again = written[next..].contains(part) && written.trim() != part;
    (!again).then_some(first)
}

/// Token places where the text's `body` begins at byte `start` of what the tokens write.
fn shifted(tokens: &Tokens, start: usize, body: Range<usize>) -> Vec<Range<usize>> {
    let mut written = 0;
    let to_text = |at: usize| (at.max(start) - start + body.start).min(body.end);
    let place = |length: usize| {
        let from = written;
        written += length;
        to_text(from)..to_text(written)
    };
    tokens.iter().map(|token| token.text().len()).map(place).collect()
}

/// Token places where some tokens hold halves of characters: those lie between their readable neighbours.
fn cut_characters(text: &str, lead: usize, tokens: &Tokens) -> Option<Vec<Range<usize>>> {
    let mut places = vec![lead..lead; tokens.len()];
    let mut at = lead;
    // The tokens whose replacement characters wait for a readable neighbour, and how many those are.
    let mut cut: Vec<usize> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let mut start = None;
        for (piece, readable) in token.text().split(char::REPLACEMENT_CHARACTER).enumerate() {
            if piece > 0 {
                cut.push(index);
            }
            // A blank before the first character was trimmed.
            let readable = if at == lead && cut.is_empty() { readable.trim_start() } else { readable };
            if readable.is_empty() {
                continue;
            }
            let rest = &text[at..];
            if rest.is_empty() && cut.is_empty() && readable.trim().is_empty() {
                continue;
            }
            let gap = rest.find(readable)?;
            fill(&mut places, &mut cut, at..at + gap)?;
            start = start.or(Some(at + gap));
            at += gap + readable.len();
        }
        places[index] = start.unwrap_or(at)..at;
    }
    let end = text.trim_end().len().max(at);
    fill(&mut places, &mut cut, at..end)?;
    (end == text.len() || text[end..].trim().is_empty()).then_some(places)
}

/// Gives `gap` to the tokens that hold the halves of its characters; `None` if it is no possible place for them.
fn fill(places: &mut [Range<usize>], cut: &mut Vec<usize>, gap: Range<usize>) -> Option<()> {
    if (gap.start == gap.end) != cut.is_empty() || gap.len() > cut.len() * BYTES_A_CHARACTER {
        return None;
    }
    for index in cut.drain(..) {
        let place = &mut places[index];
        *place = if place.start == place.end { gap.clone() } else { place.start.min(gap.start)..place.end.max(gap.end) };
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(texts: &[&str]) -> Tokens {
        let mut tokens = Tokens::default();
        for text in texts {
            tokens.push(text, -0.5);
        }
        tokens
    }

    fn parts<'a>(text: &'a str, texts: &[&str]) -> Option<Vec<&'a str>> {
        Some(align(text, &tokens(texts))?.into_iter().map(|place| &text[place]).collect())
    }

    #[test]
    fn fences_blanks_and_end_marks_lie_outside_the_text() {
        assert_eq!(parts("Paris.", &[" Par", "is", ".", ""]).unwrap(), ["Par", "is", ".", ""]);
        let fenced = ["```", "json\n", "{\"a\"", ": 1}", "\n```", "<|im_end|>"];
        assert_eq!(parts("{\"a\": 1}", &fenced).unwrap(), ["", "", "{\"a\"", ": 1}", "", ""]);
    }

    #[test]
    fn what_is_not_certain_is_not_placed() {
        assert_eq!(parts("Paris", &["Lon", "don"]), None);
        assert_eq!(parts("yes", &["yes", " or ", "yes"]), None);
        assert_eq!(parts("", &["a"]), None);
        assert_eq!(parts("a", &[]), None);
    }

    #[test]
    fn halves_of_characters_lie_between_their_neighbours() {
        assert_eq!(parts("Hi 🙂!", &["Hi", " \u{fffd}", "\u{fffd}", "!"]).unwrap(), ["Hi", " 🙂", "🙂", "!"]);
        assert_eq!(parts("Hi 🙂!", &["Hi", " ", "\u{fffd}", "\u{fffd}", "!"]).unwrap(), ["Hi", " ", "🙂", "🙂", "!"]);
        assert_eq!(parts("ok 🙂", &["ok ", "\u{fffd}", "\u{fffd}", ""]).unwrap(), ["ok ", "🙂", "🙂", ""]);
        assert_eq!(parts("ok nonsense", &["ok ", "\u{fffd}"]), None);
    }

    proptest! {
        #[test]
        fn aligned_tokens_tile_the_text(texts in proptest::collection::vec("[a-c é🙂]{0,4}", 0..12)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let text = texts.concat();
            if let Some(places) = align(&text, &tokens(&texts)) {
                let joined: String = places.into_iter().map(|place| &text[place]).collect();
                prop_assert_eq!(joined.trim(), text.trim());
            }
        }

        #[test]
        fn aligning_never_panics(text in "\\PC{0,12}", texts in proptest::collection::vec("[a\u{fffd}é ]{0,3}", 0..8)) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            for place in align(&text, &tokens(&texts)).into_iter().flatten() {
                prop_assert!(text.get(place).is_some());
            }
        }
    }
}

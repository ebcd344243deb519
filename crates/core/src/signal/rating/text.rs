//! Ratings in a text: behind a marker, or between tags. Each is found with the line or clause that it makes up, if it
//! makes up one: only that can be taken out without tearing a sentence.

use std::ops::Range;

use regex::Regex;

use super::number::{Value, is_note, value};
use super::scale::{NoRating, Scale};
use crate::said::thoughts;
use crate::signal::options::BadOption;

/// A place that speaks of the rating.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    /// The rating in [0, 1], or why there is none here.
    pub(super) rating: Result<f64, NoRating>,
    /// From the marker to the end of the number.
    pub(super) span: Range<usize>,
    /// The whole clause that it is; `None` where it is part of a sentence.
    pub(super) clause: Option<Range<usize>>,
    /// Whether it stands behind a brace that is not closed before it.
    pub(super) in_braces: bool,
}

/// Finds the mentions of one field.
#[derive(Clone, Debug)]
pub(super) struct Mentions {
    scale: Scale,
    marker: Regex,
    tag: Regex,
}

/// Mentions that are looked at in one reply.
const MOST_MENTIONS: usize = 64;
const EMPHASIS: &[char] = &['*', '_', '`', '~'];
/// Where clauses end and begin: marks that close a sentence stay, separators go with the clause.
pub(super) const CLOSING: &[char] = &['.', '!', '?', '…', '。', '！', '？', '．'];
const SEPARATING: &[char] = &[',', ';', '|', '·', '•', '–', '—', '-', '，', '、', '；', '｜'];
const BRACKETS: &[(char, char)] = &[('(', ')'), ('[', ']'), ('（', '）'), ('［', '］'), ('【', '】')];
/// What may stand behind a number and belongs to it: what encloses it, emphasis, a full stop.
const TRAILING: &[char] = &[
    ' ', '\t', '\u{a0}', '\u{3000}', '*', '_', '`', '"', '\'', '”', '’', ']', '}', ')', '）', '］', '】', '>', '$', '\\', '%',
    '％', '.', '．', '。', '!', '！', ';', '；',
];

impl Mentions {
    /// `field` is the marker; its case does not matter.
    pub(super) fn new(field: &str, scale: Scale) -> Result<Self, BadOption> {
        let name = regex::escape(field);
        let kind = r"(?:[ \t]+(?:level|score|rating|estimate))?";
        let numbers = r"(?:[\s0-9.,%％/–—-]|\b(?:to|out|of|from|in|on|a|the|scale|percent)\b){0,30}";
        let note = format!(r"(?:[ \t]*[(（\[]{numbers}[)）\]])?");
        // A marker begins a line, or is followed by a colon. Quotes, stars and a scale in brackets around it do not matter.
        let marker = format!(
            r#"(?i)(?P<lead>^[\s>#*_"'`~-]*)?(?:\b(?:my|overall|final|answer)[ \t]+)?\b{name}(?P<quote>["'”’])?{kind}[*_`]*{note}[ \t*_`]*(?:(?P<colon>[:：])|(?P<blank>[ \t]+(?:is[ \t]+)?))"#
        );
        let tag = format!(r"(?is)<\s*{name}\s*>(?P<inner>[^<>]{{0,80}})<\s*/\s*{name}\s*>");
        let compiled = |pattern: &str| {
            Regex::new(pattern).map_err(|error| BadOption::new("field", format!("makes no marker to look for: {error}")))
        };
        Ok(Self { scale, marker: compiled(&marker)?, tag: compiled(&tag)? })
    }

    /// Every mention in `reply` that is no reasoning, in order. Code, and names of JSON members, count only with `objects`.
    pub(super) fn in_text(&self, reply: &str, objects: bool) -> Vec<Mention> {
        let thoughts = thoughts(reply);
        let lines: Vec<Line> = lines(reply, &thoughts).filter(|line| objects || !line.code).collect();
        let in_lines = lines.iter().flat_map(|line| self.in_line(reply, line, objects));
        let stands = |at: usize| lines.iter().any(|line| line.span.contains(&at));
        let tags = self.tags(reply).filter(|mention| stands(mention.span.start));
        let is_said = |mention: &Mention| !thoughts.iter().any(|thought| meet(thought, &mention.span));
        let mut found: Vec<Mention> = in_lines.chain(tags).filter(is_said).take(MOST_MENTIONS).collect();
        found.sort_by_key(|mention| mention.span.start);
        let endless = found.len() == MOST_MENTIONS;
        for mention in &mut found {
            if endless {
                // A model that repeats itself without end has rated nothing.
                (mention.rating, mention.clause) = (Err(NoRating::Unclear), None);
            }
            let thought = thoughts.iter().rfind(|thought| thought.end <= mention.span.start).map_or(0, |thought| thought.end);
            let before = &reply[thought..mention.span.start];
            // That is data, however it is written.
            mention.in_braces = before.matches('{').count() > before.matches('}').count();
            mention.clause.take_if(|clause| mention.in_braces || thoughts.iter().any(|thought| meet(thought, clause)));
        }
        found
    }

    fn tags<'t>(&'t self, reply: &'t str) -> impl Iterator<Item = Mention> + 't {
        self.tag.captures_iter(reply).filter_map(|found| {
            let (whole, inner) = (found.get(0)?, found.name("inner")?.as_str());
            let Value { rating, span } = value(inner, self.scale);
            let nothing_else = !span.is_empty() && is_tail(&inner[span.end..]);
            let rating = if nothing_else { rating } else { Err(NoRating::NotANumber) };
            Some(Mention {
                rating,
                span: whole.range(),
                clause: apart(reply, whole.range()).filter(|_| nothing_else),
                in_braces: false,
            })
        })
    }

    fn in_line(&self, reply: &str, line: &Line, objects: bool) -> Vec<Mention> {
        let text = &reply[line.span.clone()];
        let mut found = Vec::new();
        for marker in self.marker.captures_iter(text).take(MOST_MENTIONS) {
            let Some(whole) = marker.get(0) else { continue };
            // `"confidence": 0.9` is the name of a JSON member, and no clause of a text.
            let name = marker.name("quote").is_some();
            if (name && !objects) || text[..whole.start()].ends_with(['-', '_']) {
                continue;
            }
            let leads = marker.name("lead").is_some();
            let behind = &text[whole.end()..];
            let Value { rating, span } = value(behind, self.scale);
            let end = whole.end() + span.end;
            let clause =
                if line.code || name || span.is_empty() { None } else { clause(text, leads, whole.start()..end, rating.is_ok()) };
            // Without a colon only a number makes it a rating, and in a sentence only one at its end.
            if let Some(blank) = marker.name("blank")
                && (rating.is_err() || !leads || (!blank.as_str().trim().is_empty() && clause.is_none()))
            {
                continue;
            }
            let shift = |span: Range<usize>| line.span.start + span.start..line.span.start + span.end;
            found.push(Mention {
                rating,
                span: shift(whole.start()..end),
                clause: clause.map(shift).and_then(|clause| apart(reply, clause)),
                in_braces: false,
            });
        }
        found
    }
}

/// The clause of a line that a mention makes up.
fn clause(line: &str, leads: bool, mention: Range<usize>, read: bool) -> Option<Range<usize>> {
    let (before, behind) = (&line[..mention.start], &line[mention.end..]);
    if leads && is_tail(behind) {
        return Some(0..line.len());
    }
    let opened = before.trim_end_matches(['*', '_', '`', ' ', '\t']);
    if let Some((open, close)) = BRACKETS.iter().find(|(open, _)| opened.ends_with(*open))
        && let Some(inside) = behind.find(*close)
        && is_note(behind[..inside].trim_start_matches([',', ';', '%', '％', '"', '\'', ' ']))
    {
        let (mut start, mut end) = (opened.len() - open.len_utf8(), mention.end + inside + close.len_utf8());
        // The emphasis that the brackets stand in belongs to them.
        while let (Some(left), Some(right)) = (line[..start].chars().next_back(), line[end..].chars().next())
            && left == right
            && EMPHASIS.contains(&left)
        {
            (start, end) = (start - left.len_utf8(), end + right.len_utf8());
        }
        return Some(start..end);
    }
    if !read {
        return None;
    }
    if leads {
        // `Confidence: 90. Paris`: the sentence that opens the line.
        let closed = behind.trim_start_matches(['*', '_', '`', ']', ')', '"']);
        let rest = closed.strip_prefix(['.', '。'])?;
        let parted = rest.starts_with([' ', '\t']) || closed.starts_with('。');
        let plain = !before.contains(['>', '#', '-']) && !line.trim_start().starts_with(['>', '#', '-']);
        return (parted && plain).then(|| 0..line.len() - rest.trim_start().len());
    }
    // `Paris. Confidence: 90`, `Paris, confidence: 90`: the last clause of the line.
    let kept = before.trim_end_matches(['*', '_', '`', ' ', '\t', '\u{3000}']);
    let parted = kept.len() < before.len();
    if is_list_mark(kept) {
        return None;
    }
    let last = kept.trim_end_matches(['*', '_', '`', '"', '\'', ')', '”', '’', '）']).chars().next_back()?;
    let start = if CLOSING.contains(&last) && (parted || !last.is_ascii()) {
        kept.len()
    } else {
        let last = kept.chars().next_back().filter(|last| SEPARATING.contains(last))?;
        let words = &kept[..kept.len() - last.len_utf8()];
        let apart = words.trim_end_matches([' ', '\t']).len() < words.len();
        // A hyphen without blanks around it is part of a word.
        (parted || !last.is_ascii()).then_some(())?;
        (last != '-' || apart).then(|| words.trim_end().len())?
    };
    is_tail(behind).then_some(start..line.len())
}

/// Whether nothing follows a number on its line but what belongs to it, and a note in brackets.
fn is_tail(behind: &str) -> bool {
    let rest = behind.trim_matches(|c: char| TRAILING.contains(&c) || c.is_whitespace());
    if rest.is_empty() {
        return true;
    }
    // The closing bracket of a note is among what was trimmed.
    let note = behind.trim_start_matches(|c: char| c.is_whitespace() || "*_`\"'”’]})）］】>$\\%％".contains(c));
    BRACKETS.iter().any(|(open, close)| {
        note.strip_prefix(*open)
            .and_then(|inside| inside.split_once(*close))
            .is_some_and(|(inside, after)| is_note(inside) && after.chars().all(|c| TRAILING.contains(&c) || c.is_whitespace()))
    })
}

/// Whether a line is no more so far than the mark of an item in a list: `2.`, `b.`
fn is_list_mark(line: &str) -> bool {
    let mark = line.trim().strip_suffix('.').unwrap_or_default();
    mark.chars().count() == 1 || (!mark.is_empty() && mark.chars().all(|c| c.is_ascii_digit()))
}

/// Whether a line is a name with its value, as files of settings have them.
pub(super) fn is_row(line: &str) -> bool {
    let line = line.trim();
    let name = line.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    let behind = name.trim_start().strip_prefix([':', '=']);
    line.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && behind.is_some_and(|value| !value.trim().is_empty())
}

fn meet(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// Whether every bracket, quotation mark and emphasis that begins in a clause ends in it.
fn is_balanced(clause: &str) -> bool {
    let clause = clause.trim_start();
    let item = clause.strip_prefix(['*', '-', '+']).filter(|rest| rest.starts_with([' ', '\t']));
    let clause = item.unwrap_or(clause);
    let count = |wanted: char| clause.matches(wanted).count();
    let pairs = BRACKETS.iter().chain(&[('{', '}'), ('“', '”'), ('《', '》'), ('「', '」')]);
    // `**` is one mark.
    let runs = |mark: char| clause.split(|c| c != mark).filter(|run| !run.is_empty()).count();
    pairs.into_iter().all(|(open, close)| count(*open) == count(*close))
        && ['*', '`', '"', '$'].into_iter().all(|mark| runs(mark).is_multiple_of(2))
}

/// A clause with the blanks that part it from what stands before it, or behind it at the start of a line; `None` where
/// taking it out would tear brackets apart or put two words together.
fn apart(reply: &str, clause: Range<usize>) -> Option<Range<usize>> {
    if !is_balanced(&reply[clause.clone()]) {
        return None;
    }
    let blank = |c: char| matches!(c, ' ' | '\t' | '\u{a0}' | '\u{3000}');
    let before = reply[..clause.start].trim_end_matches(blank);
    let behind = reply[clause.end..].trim_start_matches(blank);
    let starts = before.is_empty() || before.ends_with(is_break);
    let (start, end) = if starts { (clause.start, reply.len() - behind.len()) } else { (before.len(), clause.end) };
    let (left, right) = (reply[..start].chars().next_back(), reply[end..].chars().next());
    let words = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    (!(words(left) && words(right))).then_some(start..end)
}

/// A line without its break.
pub(super) struct Line {
    pub(super) span: Range<usize>,
    /// Whether it is part of a code block, or of its fences.
    pub(super) code: bool,
}

/// Whether a character ends a line.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The lines of a text, whatever ends them. Reasoning opens and closes no code block; a block that nothing closes goes on to
/// the end.
fn lines<'t>(text: &'t str, thoughts: &'t [Range<usize>]) -> impl Iterator<Item = Line> + 't {
    let (mut start, mut open): (usize, Option<&str>) = (0, None);
    text.split_inclusive(is_break).map(move |whole| {
        let line = whole.trim_end_matches(is_break);
        let span = start..start + line.len();
        start += whole.len();
        let fence = fence(line).filter(|_| !thoughts.iter().any(|thought| meet(thought, &span)));
        let indented = line.starts_with("    ") || line.starts_with('\t');
        let code = open.is_some() || fence.is_some() || indented;
        open = match (open, fence) {
            (None, Some((mark, _))) => Some(mark),
            // A fence is closed by one of its kind that is no shorter and says nothing.
            (Some(mark), Some((other, ""))) if other.starts_with(mark) => None,
            (open, _) => open,
        };
        Line { span, code }
    })
}

/// The fence that a line is, and what stands behind it.
fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let behind = line.trim_start_matches(mark);
    let fence = &line[..line.len() - behind.len()];
    // Code within a line may begin with three marks too.
    (fence.len() >= 3 && !(mark == '`' && behind.contains('`'))).then_some((fence, behind))
}

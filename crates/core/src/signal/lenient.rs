//! Objects as models write them: JSON, or JSON with the faults that models make, as long as it can mean only one thing.
//!
//! What is tolerated: a comma before the closing brace, a missing brace at the end, single quotes, names without quotes,
//! `.9`, Python's literals, line breaks inside texts, and quotation marks inside texts where they open and close in pairs.
//! What a text without quotes says is uncertain. Nothing is mended as text: members are found with their places, or there
//! is no object.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use serde_json::value::RawValue;

use super::json::{place, raw_members};

/// How many opening braces are tried as the start of an object.
const MOST_STARTS: usize = 32;
/// The longest name of a member, in bytes: what is longer is a sentence.
const LONGEST_NAME: usize = 64;

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member<'a> {
    /// Its name.
    pub(super) name: Cow<'a, str>,
    /// Its value.
    pub(super) value: Value<'a>,
    /// Where the value stands; of a text without its quotes.
    pub(super) place: Range<usize>,
    /// Where the member stands, from the name to the end of the value.
    pub(super) span: Range<usize>,
}

/// A member's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// A text.
    Text(Cow<'a, str>),
    /// `null`, and Python's `None`.
    Null,
    /// Anything else, as it is written.
    Other(&'a str),
    /// A text of which it is not certain what it says.
    Unclear,
}

impl Value<'_> {
    /// What is said: nothing for null; `None` where that is not certain.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Null => Some(Cow::Borrowed("")),
            Self::Other(written) => Some(Cow::Borrowed(written)),
            Self::Unclear => None,
        }
    }
}

/// An object and its place.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    pub(super) members: Vec<Member<'a>>,
    pub(super) span: Range<usize>,
}

/// The members of the JSON object at a place of `text`; `None` if it is no object.
pub(super) fn strict(text: &str, span: Range<usize>) -> Option<Vec<Member<'_>>> {
    let found = raw_members(&text[span])?.into_iter().map(|(name, value)| {
        let (name_place, span) = (place(text, name), place(text, value));
        let (value, place) = if value.starts_with('"') {
            // A text with half of a surrogate pair is none.
            let said = serde_json::from_str::<String>(value).map_or(Value::Unclear, |said| Value::Text(said.into()));
            (said, span.start + 1..span.end - 1)
        } else {
            (if value == "null" { Value::Null } else { Value::Other(value) }, span.clone())
        };
        let name = serde_json::from_str::<String>(name).ok()?;
        Some(Member { name: name.into(), value, place, span: name_place.start..span.end })
    });
    found.collect()
}

/// Every object that can be read in a text behind a place, from the outermost braces on.
pub(super) fn objects(text: &str, from: usize) -> impl Iterator<Item = Object<'_>> {
    let mut from = from;
    std::iter::from_fn(move || {
        for _ in 0..MOST_STARTS {
            let start = from + text[from..].find('{')?;
            from = start + 1;
            if let Some((members, end)) = (Reader { text, quoted: Cell::new(None) }).object(start) {
                from = end;
                return Some(Object { members, span: start..end });
            }
        }
        None
    })
}

struct Reader<'a> {
    text: &'a str,
    /// Whether the names of the object are in quotes, as its first one is: a word before a colon is then no name.
    quoted: Cell<Option<bool>>,
}

impl<'a> Reader<'a> {
    fn rest(&self, at: usize) -> &'a str {
        &self.text[at..]
    }

    fn skip(&self, at: usize) -> usize {
        self.text.len() - self.rest(at).trim_start().len()
    }

    /// Whether the reply ends here, or the code fence around the object does.
    fn is_end(&self, at: usize) -> bool {
        let rest = self.rest(self.skip(at));
        rest.is_empty() || rest.starts_with("```")
    }

    /// The members of the object that begins at `start`, and where it ends.
    fn object(&self, start: usize) -> Option<(Vec<Member<'a>>, usize)> {
        let mut found = Vec::new();
        let mut at = self.skip(start + 1);
        loop {
            if self.rest(at).starts_with('}') {
                return Some((found, at + 1));
            }
            if self.is_end(at) {
                return (!found.is_empty()).then_some((found, at));
            }
            let (name, behind) = self.name(at)?;
            let (value, place, end) = self.value(behind)?;
            found.push(Member { name, value, place, span: at..end });
            let next = self.skip(end);
            at = match self.rest(next).strip_prefix(',') {
                Some(_) => self.skip(next + 1),
                None if self.rest(next).starts_with('}') || self.is_end(next) => next,
                None => return None,
            };
        }
    }

    /// A member's name at `at`, and where its value begins.
    fn name(&self, at: usize) -> Option<(Cow<'a, str>, usize)> {
        let rest = self.rest(at);
        let first = rest.chars().next()?;
        let (name, length) = if matches!(first, '"' | '\'' | '“' | '”') {
            let inside = &rest[first.len_utf8()..];
            let closes = |c: char| c == first || (!first.is_ascii() && matches!(c, '“' | '”'));
            let mut near = inside.char_indices().take_while(|(at, _)| *at <= LONGEST_NAME);
            let (end, close) = near.find(|(_, c)| closes(*c))?;
            (&inside[..end], first.len_utf8() + end + close.len_utf8())
        } else {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))?;
            (&rest[..end], end)
        };
        let quoted = length > name.len();
        let alike = self.quoted.get().is_none_or(|others| others == quoted);
        let sound = alike && !name.is_empty() && name.len() <= LONGEST_NAME && !name.contains(['\n', '\\', '{', '}']);
        let colon = self.skip(at + length);
        if !sound || !self.rest(colon).starts_with(':') {
            return None;
        }
        self.quoted.set(Some(quoted));
        Some((name.into(), self.skip(colon + 1)))
    }

    /// Whether a value may end at `at`: what follows is a further member, or the end of the object.
    fn ends(&self, at: usize) -> bool {
        let next = self.skip(at);
        match self.rest(next).chars().next() {
            None | Some('}') => true,
            Some(',') => {
                let next = self.skip(next + 1);
                self.rest(next).starts_with('}') || self.is_end(next) || self.name(next).is_some()
            }
            Some('`') => self.is_end(next),
            _ => false,
        }
    }

    /// The value at `at`, its place, and where it ends.
    fn value(&self, at: usize) -> Option<(Value<'a>, Range<usize>, usize)> {
        let rest = self.rest(at);
        match rest.chars().next()? {
            quote @ ('"' | '\'') => self.quoted(at, quote),
            '{' | '[' => {
                let nested = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>().next()?.ok()?.get();
                let end = at + nested.len();
                self.ends(end).then_some((Value::Other(nested), at..end, end))
            }
            _ => self.bare(at),
        }
    }

    /// A text in quotes. It ends with the first quote behind which something ends; a quote before that is one of the text's
    /// own, and those open and close in pairs.
    fn quoted(&self, at: usize, quote: char) -> Option<(Value<'a>, Range<usize>, usize)> {
        let start = at + 1;
        // Whether one of the text's own quotes is open; `None` once one of them is no part of a pair.
        let mut own = Some(false);
        let mut characters = self.rest(start).char_indices().peekable();
        let mut before = None;
        while let Some((offset, c)) = characters.next() {
            match c {
                '\\' => {
                    characters.next();
                }
                c if c == quote => {
                    let end = start + offset;
                    if self.ends(end + 1) {
                        // Of one that nothing closes nobody knows whether it ended the text.
                        let clear = own == Some(false);
                        let text = clear.then(|| unescaped(&self.text[start..end], quote)).flatten();
                        return Some((text.map_or(Value::Unclear, Value::Text), start..end, end + 1));
                    }
                    let behind = characters.peek().map(|(_, c)| *c);
                    // An apostrophe.
                    let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                    if !(quote == '\'' && letter(before) && letter(behind)) {
                        own = own.and_then(|open| turned(open, before, behind, quote));
                    }
                }
                _ => {}
            }
            before = Some(c);
        }
        None
    }

    /// A number, a literal, or a text without quotes, which ends where something else can only follow.
    fn bare(&self, at: usize) -> Option<(Value<'a>, Range<usize>, usize)> {
        let rest = self.rest(at);
        let places = rest.char_indices().filter(|(_, c)| matches!(c, ',' | '}' | '`')).map(|(offset, _)| at + offset);
        let end = places.chain([self.text.len()]).find(|end| self.ends(*end))?;
        let written = self.text[at..end].trim_end();
        let place = at..at + written.len();
        let value = match written {
            "null" | "None" => Value::Null,
            "" => return None,
            // It may have been cut.
            _ if end == self.text.len() && !written.chars().all(|c| c.is_ascii_digit() || c == '.') => return None,
            "true" | "false" | "True" | "False" => Value::Other(written),
            _ if is_number(written) => Value::Other(written),
            // A word may be a name, an expression, or a text that somebody began to quote.
            _ => Value::Unclear,
        };
        Some((value, place, end))
    }
}

/// Whether one of a text's own quotes is open after one between these characters; `None` where it can neither open, behind a
/// blank or a bracket, nor close, before a blank or a mark: then it may be the text that ended and began.
fn turned(open: bool, before: Option<char>, behind: Option<char>, quote: char) -> Option<bool> {
    let blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
    if open {
        let closes = blank(behind) || behind.is_some_and(|c| c == quote || ".,;:!?)]…".contains(c));
        (!blank(before) && closes).then_some(false)
    } else {
        let opens = before.is_some_and(|c| c.is_whitespace() || "([—".contains(c));
        (opens && !blank(behind) && behind != Some(quote)).then_some(true)
    }
}

/// A number as models write it: `.9`, `90%`.
fn is_number(written: &str) -> bool {
    let digits = written.strip_prefix('-').unwrap_or(written);
    let digits = digits.strip_suffix('%').unwrap_or(digits);
    let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.') && digits.matches('.').count() <= 1;
    plain && digits.contains(|c: char| c.is_ascii_digit())
}

/// What a text in quotes says; `None` where an escape is none of JSON's, so that the others may not be meant either.
fn unescaped(written: &str, quote: char) -> Option<Cow<'_, str>> {
    if !written.contains('\\') {
        return Some(Cow::Borrowed(written));
    }
    // JSON's own reader reads the escapes. What it does not allow beside them is escaped first.
    let mut json = String::from("\"");
    let mut characters = written.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next()? {
                '\'' if quote == '\'' => json.push('\''),
                escaped => json.extend(['\\', escaped]),
            },
            '"' => json.push_str("\\\""),
            c if c.is_control() => json.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => json.push(c),
        }
    }
    json.push('"');
    serde_json::from_str::<String>(&json).ok().map(Cow::Owned)
}

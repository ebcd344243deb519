//! Where in a body is the fault? A JSON pointer for a serde error, found only once there is one, so that reading
//! pays nothing for it.

use std::fmt::Write;

use serde_json::error::Category;

use crate::dialect::DecodeError;

/// What a reader says of a repeated member, before its name.
pub(crate) const REPEATED: &str = "repeats the member";

/// Turns a serde error over `text` into one that names the place and nothing of what stands there.
pub(crate) fn locate(text: &str, error: &serde_json::Error) -> DecodeError {
    let why = match error.classify() {
        Category::Io | Category::Syntax => format!("not valid JSON (line {}, column {})", error.line(), error.column()),
        Category::Eof => "ends before the JSON does".to_owned(),
        Category::Data => expectation(&error.to_string()),
    };
    let read = offset(text, error.line(), error.column());
    // Of what breaks the syntax the last byte read is the first that is wrong.
    let end = if error.is_syntax() { read.saturating_sub(1) } else { read };
    DecodeError { at: pointer(text, end), why }
}

/// The part of serde's message that comes from our types: the rest quotes the body.
fn expectation(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if ["missing field", "duplicate field", REPEATED].iter().any(|ours| message.starts_with(ours)) {
        return message.to_owned();
    }
    if let Some((_, expected)) = message.rsplit_once("expected ") {
        return format!("expected {expected}");
    }
    "has a value that is not understood".to_owned()
}

/// The byte offset of serde's line and column, both counted from one.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column).min(text.len())
}

enum Frame {
    Array(usize),
    Object(String),
}

/// The pointer to the value that is being read at byte `end`, or was last read before it.
fn pointer(text: &str, end: usize) -> String {
    let bytes = text.as_bytes();
    let mut frames: Vec<Frame> = Vec::new();
    // Inside an object: is the next string a name?
    let mut name_next = false;
    let mut at = 0;
    while at < end {
        match bytes[at] {
            b'{' => {
                frames.push(Frame::Object(String::new()));
                name_next = true;
            }
            b'[' => {
                frames.push(Frame::Array(0));
                name_next = false;
            }
            b'}' | b']' => {
                frames.pop();
                name_next = false;
            }
            b',' => match frames.last_mut() {
                Some(Frame::Array(index)) => *index += 1,
                Some(Frame::Object(_)) => name_next = true,
                None => {}
            },
            b'"' => {
                let start = at + 1;
                at = start;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                if let (true, Some(Frame::Object(name))) = (name_next, frames.last_mut()) {
                    text.get(start..at).unwrap_or_default().clone_into(name);
                    name_next = false;
                }
            }
            _ => {}
        }
        at += 1;
    }
    let mut pointer = String::new();
    for frame in frames.iter().take(32) {
        match frame {
            Frame::Array(index) => _ = write!(pointer, "/{index}"),
            // An object of which no member was read yet is at fault itself.
            Frame::Object(name) if name.is_empty() => {}
            Frame::Object(name) => {
                pointer.push('/');
                pointer.extend(name.replace('~', "~0").replace('/', "~1").chars().take(60));
            }
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    struct Shape {
        #[expect(dead_code, reason = "only read")]
        rows: Vec<BTreeMap<String, f64>>,
    }

    fn fault(text: &str) -> DecodeError {
        locate(text, &serde_json::from_str::<Shape>(text).unwrap_err())
    }

    #[test]
    fn the_place_is_named_and_the_body_is_not() {
        let error = fault("{\"rows\":[{\"a\":1.0},\n {\"b\":2,\"se/cret\":\"my password, expected here\"}]}");
        assert_eq!((error.at.as_str(), error.why.as_str()), ("/rows/1/se~1cret", "expected f64"));
        assert_eq!(fault("{\"x\":[1,{\"y\":2}]}").why, "missing field `rows`");
        assert_eq!(fault("{\"rows\":[{\"a\":1}, 7]}").at, "/rows/1");
        assert_eq!(fault("{\"rows\":[{\"a\":1}").why, "ends before the JSON does");
    }

    proptest! {
        #[test]
        fn locating_never_panics(text in "[\\[\\]{}\",:a\\\\0é\n ]{0,40}") {
            if let Err(error) = serde_json::from_str::<Shape>(&text) {
                _ = locate(&text, &error);
            }
        }
    }
}

//! Reads JSON inside an answer and keeps its place in the text, so that tokens can be found again.

use std::fmt;
use std::ops::Range;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Values nested deeper than this are not looked into: the walk reads each level anew.
const DEEPEST: usize = 32;
/// How many opening braces in prose are tried as the start of an object.
const MOST_STARTS: usize = 32;

/// The JSON value of an answer: the whole text, else the last fenced block that is JSON, else the last object in prose.
pub(super) fn find(text: &str) -> Option<&str> {
    whole(text.trim()).or_else(|| text.split("```").skip(1).step_by(2).filter_map(fenced).last()).or_else(|| last_object(text))
}

fn whole(text: &str) -> Option<&str> {
    serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get)
}

/// What stands inside a code fence, behind the name of its language.
fn fenced(block: &str) -> Option<&str> {
    let (first, rest) = block.split_once('\n').unwrap_or(("", block));
    whole(rest.trim()).or_else(|| whole(first.trim_start_matches(char::is_alphanumeric).trim()))
}

fn last_object(text: &str) -> Option<&str> {
    let (mut from, mut found) = (0, None);
    for _ in 0..MOST_STARTS {
        let Some(at) = text[from..].find('{') else { break };
        from += at;
        match serde_json::Deserializer::from_str(&text[from..]).into_iter::<&RawValue>().next() {
            Some(Ok(object)) => {
                found = Some(object.get());
                from += object.get().len();
            }
            _ => from += 1,
        }
    }
    found
}

/// Where `part`, a slice of `text`, begins in it.
pub(super) fn offset(text: &str, part: &str) -> usize {
    part.as_ptr().addr() - text.as_ptr().addr()
}

/// Where `part`, a slice of `text`, lies in it.
pub(super) fn place(text: &str, part: &str) -> Range<usize> {
    let start = offset(text, part);
    start..start + part.len()
}

/// The members of an object in their order, repeated names included; `None` if it is no object.
pub(super) fn members(object: &str) -> Option<Vec<(String, &str)>> {
    raw_members(object)?.into_iter().map(|(name, value)| Some((serde_json::from_str(name).ok()?, value))).collect()
}

/// As [`members`], with the names as they are written.
pub(super) fn raw_members(object: &str) -> Option<Vec<(&str, &str)>> {
    struct Members<'a>(Vec<(&'a str, &'a str)>);
    impl<'de> Deserialize<'de> for Members<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct V;
            impl<'de> Visitor<'de> for V {
                type Value = Members<'de>;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                    let mut members = Vec::new();
                    while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                        members.push((name.get(), value.get()));
                    }
                    Ok(Members(members))
                }
            }
            deserializer.deserialize_map(V)
        }
    }
    serde_json::from_str::<Members<'_>>(object).ok().map(|members| members.0)
}

/// The elements of an array; `None` if it is no array.
fn elements(array: &str) -> Option<Vec<&str>> {
    let elements = serde_json::from_str::<Vec<&RawValue>>(array).ok()?;
    Some(elements.into_iter().map(RawValue::get).collect())
}

/// The value at a JSON pointer (RFC 6901); of repeated names the last.
pub(super) fn at_pointer<'a>(json: &'a str, pointer: &str) -> Option<&'a str> {
    let mut here = json;
    for (depth, step) in pointer.split('/').skip(1).enumerate() {
        if depth > DEEPEST {
            return None;
        }
        let step = step.replace("~1", "/").replace("~0", "~");
        here = match members(here) {
            Some(members) => members.into_iter().rev().find(|(name, _)| *name == step)?.1,
            None => elements(here)?.get(step.parse::<usize>().ok()?).copied()?,
        };
    }
    Some(here)
}

/// The scalars of a value in their order, strings without their quotes; names and punctuation left out.
pub(super) fn leaves(value: &str) -> Vec<&str> {
    fn walk<'a>(value: &'a str, depth: usize, leaves: &mut Vec<&'a str>) {
        if depth > DEEPEST {
            return;
        }
        if value.starts_with('{') {
            members(value).into_iter().flatten().for_each(|(_, value)| walk(value, depth + 1, leaves));
        } else if value.starts_with('[') {
            elements(value).into_iter().flatten().for_each(|value| walk(value, depth + 1, leaves));
        } else {
            leaves.push(value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value));
        }
    }
    let mut found = Vec::new();
    walk(value, 0, &mut found);
    found
}

/// One writing for equal values: names sorted, whole numbers without a fraction, no blanks.
pub(super) fn canonical(mut value: Value) -> String {
    write_whole(&mut value);
    // Where another crate makes serde_json keep the order of members.
    value.sort_all_objects();
    value.to_string()
}

/// Makes numbers that are whole, and exact as such, integers.
fn write_whole(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(write_whole),
        Value::Array(elements) => elements.iter_mut().for_each(write_whole),
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0) {
                #[expect(clippy::cast_possible_truncation, reason = "whole, and below 2^53")]
                let whole = float as i64;
                *value = whole.into();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_found_in_fences_and_prose() {
        for text in [
            r#" {"a": 1} "#,
            "```json\n{\"a\": 1}\n```",
            "Here you are:\n```\n{\"a\": 1}\n```\nBye.",
            "```json {\"a\": 1}```",
            r#"First {oops} then {"b": {"c": 2}} and last {"a": 1}."#,
        ] {
            assert_eq!(find(text), Some(r#"{"a": 1}"#), "{text}");
        }
        assert_eq!(find("no {json here"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn pointers_and_leaves_keep_their_place() {
        let text = r#"{"a/b": [{"c": "x\"y"}, 2, true], "d": {}}"#;
        let value = at_pointer(text, "/a~1b/0/c").unwrap();
        assert_eq!(&text[place(text, value)], r#""x\"y""#);
        assert_eq!(at_pointer(text, "/a~1b/3"), None);
        assert_eq!(at_pointer(text, "/nowhere"), None);
        assert_eq!(leaves(text), [r#"x\"y"#, "2", "true"]);
        let deep = "[".repeat(5000) + &"]".repeat(5000);
        assert!(leaves(&deep).is_empty());
    }

    #[test]
    fn equal_values_have_one_writing() {
        assert_eq!(canonical(json!({"b": [1.0, -2.5, -0.0], "a": {}})), r#"{"a":{},"b":[1,-2.5,0]}"#);
        assert_eq!(canonical(json!([-10.0, 100, 0.1])), "[-10,100,0.1]");
    }
}

//! JSON that is almost JSON: what is outside of the answer must not cost the answer.
//!
//! Read only where the strict reader has failed, so that plain bodies pay nothing for it.

use serde_json::Value;

/// The same body as JSON, where what is wrong with it changes nothing that is said: numbers that are none (`NaN`, `Infinity`) become
/// null, halves of a character become U+FFFD, and of members of one name the last one stands, as most readers have it. `None` where it
/// is no JSON even so.
pub(crate) fn mended(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(&spelled(text)).ok()?;
    Some(value.to_string())
}

/// The text with what JSON has no spelling for spelled otherwise.
fn spelled(text: &str) -> String {
    let (mut out, mut rest, mut quoted) = (String::with_capacity(text.len()), text, false);
    while let Some(at) = rest.find(['"', '\\', 'N', 'I', '-']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (written, read) = match rest.as_bytes()[0] {
            b'"' => {
                quoted = !quoted;
                ("\"", 1)
            }
            b'\\' => {
                let taken = escape(rest);
                out.push_str(taken);
                rest = &rest[read_of(rest)..];
                continue;
            }
            _ => match ["-Infinity", "Infinity", "NaN"].iter().find(|word| !quoted && rest.starts_with(**word)) {
                Some(word) => ("null", word.len()),
                None => (&rest[..1], 1),
            },
        };
        out.push_str(written);
        rest = &rest[read..];
    }
    out.push_str(rest);
    out
}

/// The code unit of an escape that `text` begins with.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

/// How an escape, or a pair of them for one character, is to be written.
fn escape(text: &str) -> &str {
    match unit(text) {
        Some(0xD800..=0xDBFF) if read_of(text) == 12 => &text[..12],
        Some(0xD800..=0xDFFF) => "\\ufffd",
        _ => &text[..read_of(text)],
    }
}

/// How many bytes an escape has, or a pair of them for one character.
fn read_of(text: &str) -> usize {
    match unit(text) {
        Some(0xD800..=0xDBFF) if text.get(6..).and_then(unit).is_some_and(|low| (0xDC00..0xE000).contains(&low)) => 12,
        Some(_) => 6,
        None => 1 + text[1..].chars().next().map_or(0, char::len_utf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_json_has_no_spelling_for() {
        for (text, want) in [
            (r#"{"a":NaN,"b":[-Infinity,Infinity]}"#, Some(r#"{"a":null,"b":[null,null]}"#)),
            (r#"{"a":"NaN \"Infinity\" -Infinity"}"#, Some(r#"{"a":"NaN \"Infinity\" -Infinity"}"#)),
            (
                r#"{"a":"x\ud83d","b":"\ude00y","c":"\ud83d\ud83d\ude00"}"#,
                Some("{\"a\":\"x\u{fffd}\",\"b\":\"\u{fffd}y\",\"c\":\"\u{fffd}\u{1f600}\"}"),
            ),
            (r#"{"a":1,"a":2}"#, Some(r#"{"a":2}"#)),
            (r#"{"a":-1.5e3}"#, Some(r#"{"a":-1500.0}"#)),
            (r#"{"a":"\\ud83d"}"#, Some(r#"{"a":"\\ud83d"}"#)),
            (r#"{"a":"\"#, None),
            (r#"{"a":"\ud8"}"#, None),
            ("{\"a\":\"\\é\"}", None),
            ("{\"a\":", None),
            ("Not", None),
        ] {
            assert_eq!(mended(text).as_deref(), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn json_is_what_it_was(value in proptest::collection::vec(("\\PC{0,8}", any::<i32>()), 0..6)) {
            let value = serde_json::json!(value);
            prop_assert_eq!(mended(&value.to_string()), Some(value.to_string()));
        }

        #[test]
        fn nothing_panics(text in "[\"\\\\uNaIn0dD8{}:,é-]{0,20}") {
            let _ = mended(&text);
        }
    }
}

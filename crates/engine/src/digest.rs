//! Digests: what recordings and fits are bound to, and short names for what was asked.

use std::borrow::Borrow;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tierfall_core::request::{Call, Content, Message};

/// SHA-256 of a value's JSON: the fields of types in their order, the keys of maps sorted.
///
/// # Panics
/// Where a value is no plain data: a map whose keys are no strings has no JSON.
pub fn of<T: Serialize + ?Sized>(value: &T) -> String {
    of_bytes(&serde_json::to_vec(value).expect("plain data with string keys is always JSON"))
}

/// SHA-256 in lower-case hexadecimal.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// In lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// What an example asks, white space around each text aside: 64 bits are plenty to notice an edited question.
pub fn of_question<M: Borrow<Message> + Serialize>(messages: &[M]) -> String {
    let is_trimmed = |message: &M| message.borrow().texts().all(|text| text.trim().len() == text.len());
    if messages.iter().all(is_trimmed) {
        return short(of(messages));
    }
    let mut messages: Vec<Message> = messages.iter().map(|message| message.borrow().clone()).collect();
    messages.iter_mut().for_each(trim);
    short(of(&messages))
}

fn trim(message: &mut Message) {
    match &mut message.content {
        Some(Content::Text(text)) => *text = text.trim().to_owned(),
        Some(Content::Parts(parts)) => {
            for part in parts {
                if let Some(Value::String(text)) = part.get_mut("text") {
                    *text = text.trim().to_owned();
                }
            }
        }
        None => {}
    }
}

/// What a probe asks, of whom, and how.
pub fn of_probe(call: &Call) -> String {
    short(of(&(&call.messages(), &call.model, &call.params, call.logprobs)))
}

/// A short digest of a value.
pub fn short_of<T: Serialize + ?Sized>(value: &T) -> String {
    short(of(value))
}

/// A short digest of a text, as of an answer.
pub fn of_text(text: &[u8]) -> String {
    short(of_bytes(text))
}

fn short(mut hex: String) -> String {
    hex.truncate(16);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierfall_core::request::Params;

    #[test]
    fn maps_are_written_with_sorted_keys() {
        // serde_json's feature preserve_order would change digests that are committed.
        let value: Value = serde_json::from_str(r#"{"b": 1, "a": 2}"#).unwrap();
        assert_eq!(value.to_string(), r#"{"a":2,"b":1}"#);
    }

    #[test]
    fn white_space_around_a_text_asks_nothing_else() {
        let parts = |text: &str| {
            let part = serde_json::json!({"type": "text", "text": text});
            Message { content: Some(Content::Parts(vec![part])), ..Message::user("") }
        };
        for ask in [Message::user as fn(&'static str) -> Message, parts as fn(&'static str) -> Message] {
            assert_eq!(of_question(&[ask(" a b\n")]), of_question(&[ask("a b")]));
            assert_ne!(of_question(&[ask("a  b")]), of_question(&[ask("a b")]));
        }
    }

    #[test]
    fn digests_stay_what_they_are() {
        // Committed recordings and fits carry these digests.
        assert_eq!(of(&Params::default()), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        let turns = [Message::system("Be brief."), Message::user("a")];
        assert_eq!(of(&turns), of_bytes(br#"[{"role":"system","content":"Be brief."},{"role":"user","content":"a"}]"#));
        assert_eq!(of_question(&turns), of(&turns)[..16]);
    }
}

//! All that a request sends to a model, as texts that patterns can be looked for in.

use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::fields::is_typed;
use crate::request::Request;

/// From this length on a text without blanks may be the bytes of a file.
const FILE_BYTES: usize = 256;

/// Every text, number and name that is sent, and the texts of each turn in one: a word may go on in the next part. What is
/// inside texts that are JSON, as the arguments of tools are, comes too. The bytes of images and files are left out.
pub(super) fn sent(request: &Request) -> Vec<String> {
    let mut found = Vec::new();
    for message in &request.messages {
        let texts: Vec<&str> = message.texts().collect();
        if texts.len() > 1 {
            found.extend([texts.concat(), texts.join(" ")]);
        }
    }
    walk(&request.messages, &mut found);
    walk(&request.params, &mut found);
    for text in [&request.tools, &request.response_format].into_iter().flatten() {
        inside(text.get(), &mut found);
    }
    if let Some(body) = request.body() {
        beyond(request, body, &mut found);
    }
    found
}

/// What is sent of the body that the client sent, and is not in the typed fields.
fn beyond(request: &Request, body: &str, found: &mut Vec<String>) {
    let Ok(Members(members)) = serde_json::from_str(body) else { return inside(body, found) };
    for (name, value) in members {
        if name == "messages"
            && let Ok(written) = serde_json::from_str(value.get())
            && let Ok(turns) = request.turns(written)
        {
            for turn in turns {
                inside(turn.get(), found);
            }
        } else if name == "messages" || !is_typed(&name) {
            inside(value.get(), found);
            found.push(name);
        }
    }
}

fn walk<T: Serialize>(value: &T, found: &mut Vec<String>) {
    if let Ok(text) = serde_json::to_string(value) {
        inside(&text, found);
    }
}

/// The texts of a JSON text, or the text itself where it is none.
fn inside(text: &str, found: &mut Vec<String>) {
    match serde_json::from_str::<Texts>(text) {
        Ok(Texts(texts)) => {
            for text in texts {
                if text.trim_start().starts_with(['{', '[', '"']) {
                    inside(&text, found);
                }
                found.push(text);
            }
        }
        Err(_) => found.push(text.to_owned()),
    }
}

/// The members of an object, those of the same name included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = map.next_entry()? {
                    all.push(member);
                }
                Ok(Members(all))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// The texts, numbers and names of a JSON value, members of the same name included.
struct Texts(Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextsVisitor;
        impl<'de> Visitor<'de> for TextsVisitor {
            type Value = Texts;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Texts, E> {
                Ok(Texts(Vec::new()))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Texts, E> {
                Ok(Texts(Vec::new()))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Texts, E> {
                Ok(Texts(vec![n.to_string()]))
            }
            fn visit_i64<E>(self, n: i64) -> Result<Texts, E> {
                Ok(Texts(vec![n.to_string()]))
            }
            fn visit_f64<E>(self, n: f64) -> Result<Texts, E> {
                Ok(Texts(vec![n.to_string()]))
            }
            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Texts, A::Error> {
                let mut all = Vec::new();
                while let Some(Texts(texts)) = seq.next_element()? {
                    all.extend(texts);
                }
                Ok(Texts(all))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut all = Vec::new();
                while let Some((name, Texts(texts))) = map.next_entry()? {
                    all.push(name);
                    all.extend(texts);
                }
                Ok(Texts(all))
            }
        }
        deserializer.deserialize_any(TextsVisitor)
    }
}

/// A text with one writing for each digit, blank and hyphen, without characters that are not seen, and without the bytes
/// of a file.
pub(super) fn plain(text: &str) -> String {
    static UNSEEN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]").expect("a fixed pattern"));
    static HYPHEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\p{Pd}\u{2212}]").expect("a fixed pattern"));
    let text = without_bytes(text).replace("%20", " ").replace("%40", "@");
    if text.is_ascii() {
        return text.replace('\t', " ");
    }
    let text = UNSEEN.replace_all(&text, "");
    let one = |c: char| match c {
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        c if c.is_whitespace() => ' ',
        c => digit(c).unwrap_or(c),
    };
    HYPHEN.replace_all(&text.chars().map(one).collect::<String>(), "-").into_owned()
}

/// A digit of any script as one of ours. Unicode has them in tens, from nought to nine, and nothing else between those.
fn digit(c: char) -> Option<char> {
    static DIGIT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{Nd}$").expect("a fixed pattern"));
    let is_digit = |code: u32| char::from_u32(code).is_some_and(|c| DIGIT.is_match(c.encode_utf8(&mut [0; 4])));
    let code = u32::from(c);
    if c.is_ascii() || !c.is_numeric() || !is_digit(code) {
        return None;
    }
    let before = (1..=code).take_while(|back| is_digit(code - back)).count();
    char::from_digit(u32::try_from(before % 10).ok()?, 10)
}

/// A text without the bytes of a file in base 64, in which any pattern may occur.
fn without_bytes(text: &str) -> &str {
    if let Some((head, _)) = text.split_once(";base64,").filter(|_| text.starts_with("data:")) {
        return head;
    }
    let base_64 = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'-' | b'_' | b'=');
    let has = |kind: fn(&u8) -> bool| text.bytes().any(|c| kind(&c));
    let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit);
    if text.len() >= FILE_BYTES && mixed && text.bytes().all(base_64) { "" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Message;
    use proptest::prelude::*;

    #[test]
    fn every_digit_is_read_as_what_it_is() {
        for (zero, name) in [
            ('0', "ASCII"),
            ('٠', "Arabic"),
            ('۰', "Persian"),
            ('०', "Devanagari"),
            ('０', "full width"),
            ('𝟎', "bold"),
            ('𝟶', "monospace"),
        ] {
            for n in 0..10 {
                let written = char::from_u32(u32::from(zero) + n).unwrap();
                assert_eq!(plain(&format!("é{written}")), format!("é{n}"), "{name}");
            }
        }
        assert_eq!(plain("½ ² ① Ⅷ 京"), "½ ² ① Ⅷ 京");
    }

    #[test]
    fn what_was_edited_out_is_not_sent() {
        const CARD: &str = "4111";
        let turn = |text: &str, more: &str| format!("{{\"role\": \"user\", \"content\": \"{text}\", \"more\": \"{more}\"}}");
        let told = |request: &Request| sent(request).concat();
        let from = |first: &str, second: &str, rest: &str| {
            let turns = vec![Message::user("a 4111"), Message::user("b")];
            Request::from_messages("id", turns).read_from(format!("{{\"messages\": [{first}, {second}], {rest}}}"))
        };
        let mut request =
            from(&turn("a 4111", "m 4111"), &turn("b", "kept"), "\"tools\": [\"4111\"], \"stop\": \"4111\", \"user\": \"u\"");
        assert!(told(&request).contains(CARD));
        request.messages[0] = Message::user("a card").into();
        let told_of = told(&request);
        assert!(!told_of.contains(CARD), "{told_of}");
        assert!(["kept", "u", "user", "a card"].iter().all(|text| told_of.contains(text)), "{told_of}");
        let mut elsewhere = from(&turn("a 4111", ""), &turn("b", "4111"), "\"x\": 1");
        elsewhere.messages[0] = Message::user("a card").into();
        assert!(told(&elsewhere).contains(CARD), "the second turn leaves as the client wrote it");
    }

    proptest! {
        #[test]
        fn whatever_a_turn_says_is_found(text in "\\PC{0,40}", name in "\\PC{0,20}") {
            let mut message = Message::user(text.clone());
            message.name = Some(name.clone());
            let found = sent(&Request::from_messages("id", vec![message]));
            prop_assert!(found.contains(&text) && found.contains(&name));
            for text in found {
                plain(&text);
            }
        }
    }
}

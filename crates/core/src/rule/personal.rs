//! Whether the conversation holds personal data: a routing decision needs yes or no, not the places.

use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde::Deserialize;

use super::sent::{plain, sent};
use super::settings::{Condition, Settings, SettingsError};
use crate::request::Request;

/// Which kinds of personal data to look for.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PersonalData {
    /// Only these kinds; all of them by default.
    #[cfg_attr(feature = "schema", schemars(extend("items" = { "enum": DETECTORS.iter().map(|one| one.name).collect::<Vec<_>>() })))]
    #[serde(default)]
    pub any: Vec<String>,
}

/// Says whether a text holds one kind of personal data.
#[derive(Clone, Copy, Debug)]
struct Detector {
    /// Its name in configuration.
    name: &'static str,
    finds: fn(&str) -> bool,
}

/// Every detector.
const DETECTORS: &[Detector] = &[
    // A payment card number: 13 to 19 digits with a valid Luhn check digit.
    Detector { name: "card", finds: card },
    Detector { name: "e-mail", finds: e_mail },
    // An IBAN whose length fits its country and whose check digits are right.
    Detector { name: "iban", finds: iban },
    // A telephone number: with a country code, or grouped like a national one.
    Detector { name: "phone", finds: phone },
];

impl Settings for PersonalData {
    fn build(&self) -> Result<Arc<dyn Condition>, SettingsError> {
        let mut detectors = Vec::new();
        for name in &self.any {
            let Some(detector) = DETECTORS.iter().find(|detector| detector.name == name) else {
                let known: Vec<_> = DETECTORS.iter().map(|detector| detector.name).collect();
                return Err(SettingsError(format!("there is no detector \"{name}\"; there are {}", known.join(", "))));
            };
            detectors.push(*detector);
        }
        if detectors.is_empty() {
            detectors.extend_from_slice(DETECTORS);
        }
        Ok(Arc::new(Detected { detectors }))
    }
}

#[derive(Debug)]
struct Detected {
    detectors: Vec<Detector>,
}

impl Condition for Detected {
    fn holds(&self, request: &Request) -> bool {
        sent(request).iter().map(|text| plain(text)).any(|text| self.detectors.iter().any(|detector| (detector.finds)(&text)))
    }
}

fn pattern(text: &'static str) -> Regex {
    Regex::new(text).expect("the patterns of this file are constants and compile")
}

fn e_mail(text: &str) -> bool {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?i)[\p{L}\p{N}._%+\-]+@[\p{L}\p{N}](?:[\p{L}\p{N}\-]*\.)+\p{L}{2,}"));
    PATTERN.is_match(text)
}

/// Runs of digits with at most two separators between them, standing alone. Without a country code a run must be grouped
/// and begin like a national number, or have the groups 3-3-4: order numbers, dates and sums do not.
fn phone(text: &str) -> bool {
    static RUN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\+?\(?\d(?:[ \-./()]{0,2}\d)*"));
    static NORTH_AMERICAN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\d{3}[ \-.]\d{3}[ \-.]\d{4}$"));
    RUN.find_iter(text).any(|found| {
        let run = found.as_str();
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        let beside = [text[..found.start()].chars().next_back(), text[found.end()..].chars().next()];
        let alone = !beside.into_iter().flatten().any(char::is_alphanumeric);
        let grouped = digits < run.len();
        alone
            && if run.starts_with('+') {
                (7..=15).contains(&digits)
            } else {
                (9..=15).contains(&digits) && grouped && (run.starts_with(['0', '(']) || NORTH_AMERICAN.is_match(run))
            }
    })
}

fn iban(text: &str) -> bool {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[A-Za-z]{2}\d{2}(?:[ \-]?[A-Za-z0-9]){11,30}"));
    PATTERN.find_iter(text).any(|found| {
        let plain: Vec<u8> = found.as_str().bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_uppercase()).collect();
        // The pattern may have run on into the next word: every length that a country uses is tried.
        (15..=plain.len().min(34))
            .any(|length| mod_97(&plain[..length]) == 1 && country_length(&plain[..2]).is_none_or(|l| l == length))
    })
}

/// ISO 7064 MOD 97-10 of an IBAN: the first four characters go to the end, letters count 10 to 35; valid = 1.
fn mod_97(iban: &[u8]) -> u32 {
    iban[4..].iter().chain(&iban[..4]).fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    })
}

/// The length of a country's IBANs, where it is known here.
fn country_length(country: &[u8]) -> Option<usize> {
    const LENGTHS: &[(&[u8], usize)] = &[
        (b"AT", 20),
        (b"BE", 16),
        (b"CH", 21),
        (b"CZ", 24),
        (b"DE", 22),
        (b"DK", 18),
        (b"ES", 24),
        (b"FI", 18),
        (b"FR", 27),
        (b"GB", 22),
        (b"IE", 22),
        (b"IT", 27),
        (b"LU", 20),
        (b"NL", 18),
        (b"NO", 15),
        (b"PL", 28),
        (b"PT", 25),
        (b"SE", 24),
    ];
    LENGTHS.iter().find(|(code, _)| *code == country).map(|(_, length)| *length)
}

fn card(text: &str) -> bool {
    static RUN: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b[0-9]+(?:[ \-]{1,3}[0-9]+)*\b"));
    let valid = |groups: &[&str]| {
        let digits: Vec<u8> = groups.concat().bytes().map(|b| b - b'0').collect();
        (13..=19).contains(&digits.len()) && luhn(&digits) && digits.iter().any(|digit| *digit != digits[0])
    };
    RUN.find_iter(text).any(|run| {
        let groups: Vec<&str> = run.as_str().split([' ', '-']).filter(|group| !group.is_empty()).collect();
        // The run as a whole, or a part that is grouped as cards are: a date or a code may stand beside it.
        valid(&groups)
            || (0..groups.len()).any(|from| {
                CARD_GROUPS.iter().any(|lengths| {
                    let part = groups.get(from..from + lengths.len());
                    part.is_some_and(|part| {
                        part.iter().zip(*lengths).all(|(group, length)| group.len() == *length) && valid(part)
                    })
                }) || valid(&groups[from..=from])
            })
    })
}

/// How the digits of cards are grouped.
const CARD_GROUPS: &[&[usize]] = &[&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];

/// Luhn: every second digit from the right doubled, digit sums added, divisible by ten.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Message;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<&'static str> {
        DETECTORS.iter().filter(|detector| (detector.finds)(text)).map(|detector| detector.name).collect()
    }

    #[test]
    fn each_kind_is_recognised() {
        for (text, kinds) in [
            ("write to jane.doe+shop@example.co.uk please", &["e-mail"][..]),
            ("straße@müller.example", &["e-mail"]),
            ("call +44 20 7946 0958", &["phone"]),
            ("call (030) 9012 3456", &["phone"]),
            ("0049-30-1234567 after six", &["phone"]),
            ("212-555-0147", &["phone"]),
            ("DE89 3704 0044 0532 0130 00", &["iban"]),
            ("my account gb82west12345698765432 is new", &["iban"]),
            ("IBAN NL91ABNA0417164300, thanks", &["iban"]),
            ("4111 1111 1111 1111 exp 12/30", &["card"]),
            ("card 5555555555554444.", &["card"]),
        ] {
            assert_eq!(found(text), kinds, "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "Where is my order 10234?",
            "I ordered 3 shirts at 19.99 each, 59.97 in all",
            "order 2026-11-23 10:15",
            "4111 1111 1111 1112",
            "DE89 3704 0044 0532 0130 02",
            "0000 0000 0000 0000",
            "follow me @shop",
            "a@b",
            "version 1.2.3",
        ] {
            assert_eq!(found(text), [] as [&str; 0], "{text}");
        }
    }

    #[test]
    fn all_turns_are_searched_and_kinds_can_be_chosen() {
        let turns = vec![Message::user("I am jane@example.com"), Message::assistant("Hello"), Message::user("thanks")];
        let request = Request::from_messages("id", turns);
        let holds = |any: &[&str]| {
            let any = any.iter().map(ToString::to_string).collect();
            PersonalData { any }.build().map(|condition| condition.holds(&request))
        };
        assert_eq!(holds(&[]), Ok(true));
        assert_eq!(holds(&["e-mail"]), Ok(true));
        assert_eq!(holds(&["card", "iban"]), Ok(false));
        assert!(holds(&["passport"]).is_err());
    }

    #[test]
    fn a_card_is_found_wherever_it_is_sent_and_however_it_is_written() {
        let card = "4111 1111 1111 1111";
        let message = |value: serde_json::Value| serde_json::from_value::<Message>(value).unwrap();
        let json = |value: serde_json::Value| Some(crate::request::Json::of(&value).unwrap());
        let turns = [
            serde_json::json!({ "role": "assistant", "tool_calls": [{ "id": "1", "type": "function", "function": { "name": "pay", "arguments": format!("{{\"card\": \"{card}\"}}") } }] }),
            serde_json::json!({ "role": "assistant", "tool_calls": [{ "function": { "arguments": "{\"card\": 4111111111111111}" } }] }),
            serde_json::json!({ "role": "assistant", "tool_calls": [{ "function": { "arguments": "{\"card\": \"4111\\u00a01111\\u20071111 \\u0031111\"}" } }] }),
            serde_json::json!({ "role": "user", "content": "hi", "name": "4111111111111111" }),
            serde_json::json!({ "role": "tool", "content": "hi", "tool_call_id": card }),
            serde_json::json!({ "role": "user", "content": [{ "type": "file", "file": { "filename": format!("{card}.pdf") } }] }),
            serde_json::json!({ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "https://x.example/4111111111111111.png" } }] }),
            serde_json::json!({ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "https://x.example/?n=4111%201111%201111%201111" } }] }),
            serde_json::json!({ "role": "user", "content": [{ "type": "text", "text": "4111 1111" }, { "type": "text", "text": " 1111 1111" }] }),
            serde_json::json!({ "role": "user", "content": [{ "type": "text", "text": "41111111" }, { "type": "text", "text": "11111111" }] }),
            serde_json::json!({ "role": "user", "content": [{ "type": "text", "text": "4111 1111" }, { "type": "text", "text": "1111 1111" }] }),
            serde_json::json!({ "role": "user", "content": [{ "type": "odd", "n": 4_111_111_111_111_111_u64 }] }),
            serde_json::json!({ "role": "user", "content": [{ "type": "odd", "4111111111111111": 1 }] }),
            serde_json::json!({ "role": "user", "content": "4111\u{a0}1111\u{202f}1111\u{2009}1111" }),
            serde_json::json!({ "role": "user", "content": "４１１１　１１１１　１１１１　１１１１" }),
            serde_json::json!({ "role": "user", "content": "٤١١١ ١١١١ ١١١١ ١١١١" }),
            serde_json::json!({ "role": "user", "content": "𝟒𝟏𝟏𝟏 𝟙𝟙𝟙𝟙 𝟣𝟣𝟣𝟣 𝟭𝟭𝟭𝟭" }),
            serde_json::json!({ "role": "user", "content": "4111\u{2011}1111–1111−1111" }),
            serde_json::json!({ "role": "user", "content": "4111\u{200b} 1111\u{ad}\u{2060} 1111 \u{200e}1111" }),
            serde_json::json!({ "role": "user", "content": "4111  1111 - 1111 1111 12/30" }),
            serde_json::json!({ "role": "user", "content": "order 7: 5 4111 1111 1111 1111 999" }),
        ];
        let card_rule = PersonalData { any: vec!["card".into()] }.build().unwrap();
        for turn in turns {
            let request = Request::from_messages("id", vec![message(turn.clone()), Message::user("thanks")]);
            assert!(card_rule.holds(&request), "{turn}");
        }
        let plain = Request::new("id", "hi");
        assert!(!card_rule.holds(&plain));
        let edited = |edit: &dyn Fn(&mut Request)| {
            let mut request = plain.clone();
            edit(&mut request);
            request
        };
        for request in [
            edited(&|request| _ = request.params.extra.insert("user".into(), card.into())),
            edited(&|request| request.params.stop = vec![card.into()]),
            edited(&|request| request.tools = json(serde_json::json!([{ "function": { "description": card } }]))),
            edited(&|request| request.response_format = json(serde_json::json!({ "enum": [card] }))),
            plain.clone().read_from(format!("{{\"messages\": [{{\"role\": \"user\", \"reasoning\": \"{card}\"}}]}}")),
            plain.clone().read_from(format!("{{\"a\": 1, \"a\": \"{card}\", \"a\": 2}}")),
            plain.clone().read_from(format!("{{\"{card}\": 1}}")),
            plain.clone().read_from(card),
        ] {
            assert!(card_rule.holds(&request), "{request:?}");
        }
    }

    #[test]
    fn what_an_image_is_made_of_is_no_text() {
        let noise: String = (0..40_000_u32)
            .map(|n| char::from(b"ABCDEFGHabcdefgh0123456789+/"[(n.wrapping_mul(2_654_435_761) >> 7) as usize % 28]))
            .collect();
        let part = |url: String| serde_json::json!({ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": url } }] });
        let rule = PersonalData { any: Vec::new() }.build().unwrap();
        let holds = |url: String| rule.holds(&Request::from_messages("id", vec![serde_json::from_value(part(url)).unwrap()]));
        assert!(!holds(format!("data:image/png;base64,{noise}")));
        assert!(!holds(noise));
        assert!(holds("data:text/plain,4111%201111%201111%201111".into()));
    }

    proptest! {
        #[test]
        fn any_text_is_searched_without_panic(text in "\\PC{0,80}") {
            found(&text);
        }

        #[test]
        fn one_wrong_digit_breaks_a_card(digits in proptest::collection::vec(0u8..10, 15), place in 0usize..15, add in 1u8..10) {
            let mut digits = digits;
            let check = (0..10).find(|check| { let mut all = digits.clone(); all.push(*check); luhn(&all) }).unwrap();
            digits.push(check);
            digits[place] = (digits[place] + add) % 10;
            prop_assert!(!luhn(&digits));
        }
    }
}

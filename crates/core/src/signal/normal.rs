//! When two answers are the same answer.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json::{canonical, find};
use super::labels::plain;

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Normalise {
    /// The words: case, blanks and closing punctuation do not matter.
    #[default]
    Text,
    /// The last number: signs, thousands separators and trailing zeros do not matter.
    Number,
    /// The one declared choice that the answer names.
    Choice,
    /// The JSON value: order of names, blanks and `1.0` for `1` do not matter.
    Json,
}

/// The last number of a text: `$1,234.50` is `1234.5`.
static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+\b|[0-9]+)(?:\.[0-9]+)?|-?\.[0-9]+").expect("a fixed pattern"));

/// The form in which an answer is compared; `None` where it holds nothing to compare.
pub(super) fn normal_form(answer: &str, how: Normalise, choices: &[String]) -> Option<String> {
    let form = match how {
        Normalise::Text => words(answer),
        Normalise::Number => canonical_number(NUMBER.find_iter(answer).last()?.as_str()),
        Normalise::Choice => chosen(answer, choices)?,
        Normalise::Json => canonical(serde_json::from_str::<Value>(find(answer)?).ok()?),
    };
    (!form.is_empty()).then_some(form)
}

fn words(text: &str) -> String {
    let lower = text.to_lowercase().replace(['\u{2018}', '\u{2019}'], "'").replace(['\u{201c}', '\u{201d}'], "\"");
    let joined = lower.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.trim_matches(|c: char| c.is_whitespace() || ".!?;:,\"'`*".contains(c)).to_owned()
}

/// Works on the digits, not on a float: long numbers stay apart.
fn canonical_number(written: &str) -> String {
    let digits = written.replace(',', "");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    match (whole, fraction) {
        ("0", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    }
}

/// The whole answer as a choice, else the choice that it begins with, else the only one that it names.
fn chosen(answer: &str, choices: &[String]) -> Option<String> {
    let plain_answer = plain(answer);
    let choices: Vec<String> = choices.iter().map(|choice| plain(choice)).filter(|choice| !choice.is_empty()).collect();
    if let Some(choice) = choices.iter().find(|choice| **choice == plain_answer) {
        return Some(choice.clone());
    }
    // "A) Paris" and "A: Paris", but not "A day in Paris".
    let opens = |choice: &&String| {
        plain_answer.strip_prefix(choice.as_str()).is_some_and(|rest| rest.starts_with([')', ':', '.', ']', ',']))
    };
    if let Some(choice) = choices.iter().filter(opens).max_by_key(|choice| choice.len()) {
        return Some(choice.clone());
    }
    let mut named = choices.iter().filter(|choice| names(answer, choice));
    let only = named.next()?;
    named.next().is_none().then(|| only.clone())
}

/// Whether `text` holds `choice` with no letter or digit right beside it. A single letter must be a capital that closes
/// a phrase or stands in parentheses: "(B)", "the answer is B.", but not "A day" or "a day".
fn names(text: &str, choice: &str) -> bool {
    let letter = choice.chars().count() == 1;
    let (text, choice) = if letter { (text.to_owned(), choice.to_uppercase()) } else { (text.to_lowercase(), choice.to_owned()) };
    text.match_indices(&choice).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let behind = text[start + found.len()..].chars().next();
        let closes = before == Some('(') || behind.is_none_or(|c| ").:,;!?\n\"'*".contains(c));
        !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric) && (closes || !letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(how: Normalise, a: &str, b: &str) -> bool {
        let choices = ["A".to_owned(), "B".to_owned(), "refund".to_owned()];
        let form = |text| normal_form(text, how, &choices);
        form(a).is_some() && form(a) == form(b)
    }

    #[test]
    fn equal_answers_are_equal() {
        for (how, a, b) in [
            (Normalise::Text, " Paris.", "paris"),
            (Normalise::Text, "It\u{2019}s  here", "it's here!"),
            (Normalise::Number, "The total is $1,234.50.", "1234.5"),
            (Normalise::Number, "3 + 4 = 7", "7.0"),
            (Normalise::Number, "-0.50", "-.5"),
            (Normalise::Choice, "(A) Paris", "a"),
            (Normalise::Choice, "The answer is B.", "B"),
            (Normalise::Choice, "I want a Refund now", "refund"),
            (Normalise::Json, "```json\n{\"a\": 1, \"b\": [1.0]}\n```", r#"{"b":[1],"a":1.0}"#),
        ] {
            assert!(same(how, a, b), "{how:?}: {a} / {b}");
        }
    }

    #[test]
    fn different_answers_stay_apart() {
        for (how, a, b) in [
            (Normalise::Text, "Paris", "London"),
            (Normalise::Number, "12345678901234567", "12345678901234568"),
            (Normalise::Number, "-5", "5"),
            (Normalise::Choice, "A", "B"),
            (Normalise::Json, r#"{"a": "1"}"#, r#"{"a": 1}"#),
        ] {
            assert!(!same(how, a, b), "{how:?}: {a} / {b}");
        }
    }

    #[test]
    fn nothing_to_compare_is_nothing() {
        for (how, text) in [
            (Normalise::Text, " ."),
            (Normalise::Number, "none"),
            (Normalise::Choice, "refund or B."),
            (Normalise::Choice, "A day in Paris is a day"),
            (Normalise::Json, "{broken"),
        ] {
            assert_eq!(normal_form(text, how, &["A".into(), "B".into(), "refund".into()]), None, "{how:?}");
        }
    }
}

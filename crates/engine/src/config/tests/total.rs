//! Any text gets an answer.

use proptest::prelude::*;

use super::EXAMPLE;
use crate::config::parse_str;

/// Words that get deep into the parser.
const WORDS: &[&str] = &[
    "version",
    "name",
    "tier",
    "gate",
    "signal",
    "threshold",
    "provider",
    "rule",
    "route",
    "price",
    "=",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    ",",
    ".",
    "\n",
    "\"",
    "1",
    "-1",
    "0.5",
    "nan",
    "-inf",
    "true",
    "\"fit\"",
    "\"small\"",
    "\"local/a\"",
    "2020-01-01",
    "'",
    "#",
    "é",
    "[]",
    "{}",
    "99999999999999999999",
    "0x10",
    "api-key",
    "openai-chat",
    "mean-logprob",
    "\"10s\"",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        if let Err(error) = parse_str(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn any_edit_of_a_good_file_is_read_or_refused(
        edits in proptest::collection::vec((0usize..2000, 0usize..40, proptest::sample::select(WORDS)), 1..6),
    ) {
        let mut text = EXAMPLE.to_owned();
        for (at, length, word) in edits {
            let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let end = (at + length..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
            text.replace_range(at..end, word);
        }
        if let Err(error) = parse_str(&text) {
            prop_assert!(error.errors() > 0);
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    let deep = format!("x = {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(parse_str(&deep).is_err());
}

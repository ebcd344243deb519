//! Words in the question.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::settings::{Condition, Settings, SettingsError};
use crate::request::Request;

/// Words that must or may stand in the question.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub struct Keyword {
    /// At least one of these.
    #[cfg_attr(feature = "schema", schemars(inner(length(min = 1))))]
    #[serde(default)]
    pub any: Vec<String>,
    /// Each of these.
    #[cfg_attr(feature = "schema", schemars(inner(length(min = 1))))]
    #[serde(default)]
    pub all: Vec<String>,
    /// "refund" is not found in "refunded".
    #[serde(default = "yes")]
    pub whole_word: bool,
}

fn yes() -> bool {
    true
}

impl Settings for Keyword {
    fn build(&self) -> Result<Arc<dyn Condition>, SettingsError> {
        if self.any.is_empty() && self.all.is_empty() {
            return Err(SettingsError("there are no words to look for; write `any = [\"…\"]` or `all = [\"…\"]`".into()));
        }
        if self.any.iter().chain(&self.all).any(|word| word.trim().is_empty()) {
            return Err(SettingsError("an empty word is found in every question".into()));
        }
        let one = |words: &[String]| -> Result<Regex, SettingsError> {
            let alternatives: Vec<String> = words.iter().map(|word| literal(word, self.whole_word)).collect();
            RegexBuilder::new(&alternatives.join("|"))
                .case_insensitive(true)
                .build()
                .map_err(|_| SettingsError("there are too many words for one rule; split it".into()))
        };
        let mut patterns = Vec::new();
        if !self.any.is_empty() {
            patterns.push(one(&self.any)?);
        }
        for word in &self.all {
            patterns.push(one(std::slice::from_ref(word))?);
        }
        Ok(Arc::new(Words { patterns }))
    }
}

/// A pattern that finds `word`. A word boundary stands only beside a word character: "C++" ends in none.
fn literal(word: &str, whole: bool) -> String {
    let boundary = |c: Option<char>| if whole && c.is_some_and(|c| c.is_alphanumeric() || c == '_') { r"\b" } else { "" };
    format!("{}{}{}", boundary(word.chars().next()), regex::escape(word), boundary(word.chars().next_back()))
}

#[derive(Debug)]
struct Words {
    /// All must be found.
    patterns: Vec<Regex>,
}

impl Condition for Words {
    fn holds(&self, request: &Request) -> bool {
        let question = request.question();
        self.patterns.iter().all(|pattern| pattern.is_match(&question))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(settings: serde_json::Value, question: &str) -> bool {
        let keyword: Keyword = serde_json::from_value(settings).unwrap();
        keyword.build().unwrap().holds(&Request::new("id", question))
    }

    #[test]
    fn words_are_found_whatever_their_case() {
        let any = serde_json::json!({ "any": ["refund", "C++", "Rückgabe"] });
        assert!(found(any.clone(), "REFUND me"));
        assert!(found(any.clone(), "I write C++, not C"));
        assert!(found(any.clone(), "Eine RÜCKGABE bitte"));
        assert!(!found(any.clone(), "I was refunded"));
        assert!(!found(any, "nothing of the kind"));
    }

    #[test]
    fn parts_of_words_count_on_request() {
        assert!(found(serde_json::json!({ "any": ["refund"], "whole-word": false }), "I was refunded"));
    }

    #[test]
    fn all_and_any_are_both_required() {
        let both = serde_json::json!({ "any": ["order", "parcel"], "all": ["late", "angry"] });
        assert!(found(both.clone(), "angry: my parcel is late"));
        assert!(!found(both.clone(), "my parcel is late"));
        assert!(!found(both, "late and angry"));
    }

    #[test]
    fn only_the_last_turn_of_the_person_is_read() {
        use crate::request::Message;
        let keyword: Keyword = serde_json::from_value(serde_json::json!({ "any": ["refund"] })).unwrap();
        let turns = vec![Message::user("refund"), Message::assistant("refund"), Message::user("thanks")];
        assert!(!keyword.build().unwrap().holds(&Request::from_messages("id", turns)));
    }

    #[test]
    fn empty_words_are_refused() {
        for settings in [serde_json::json!({}), serde_json::json!({ "any": [" "] })] {
            assert!(serde_json::from_value::<Keyword>(settings).unwrap().build().is_err());
        }
    }
}

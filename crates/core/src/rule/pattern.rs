//! Regular expressions over the question or the application's instructions.

use std::sync::Arc;

use regex::Regex;
use serde::Deserialize;

use super::settings::{Condition, Settings, SettingsError};
use crate::request::{Request, Role};

/// A regular expression over the question.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
#[cfg_attr(feature = "schema", schemars(extend("format" = "regex")))]
pub struct Question(String);

/// A regular expression over the client's system prompt.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
#[cfg_attr(feature = "schema", schemars(extend("format" = "regex")))]
pub struct SystemPrompt(String);

impl Settings for Question {
    fn build(&self) -> Result<Arc<dyn Condition>, SettingsError> {
        Ok(Arc::new(InQuestion(compile(&self.0)?)))
    }
}

impl Settings for SystemPrompt {
    fn build(&self) -> Result<Arc<dyn Condition>, SettingsError> {
        Ok(Arc::new(InSystemPrompt(compile(&self.0)?)))
    }
}

fn compile(pattern: &str) -> Result<Regex, SettingsError> {
    if pattern.is_empty() {
        return Err(SettingsError("an empty pattern is found in everything".into()));
    }
    Regex::new(pattern).map_err(|error| {
        // The crate draws the pattern with a caret of its own over several lines; its last line says what is wrong.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        SettingsError(format!("no regular expression: {}", last.trim().trim_start_matches("error: ")))
    })
}

#[derive(Debug)]
struct InQuestion(Regex);

impl Condition for InQuestion {
    fn holds(&self, request: &Request) -> bool {
        self.0.is_match(&request.question())
    }
}

#[derive(Debug)]
struct InSystemPrompt(Regex);

impl Condition for InSystemPrompt {
    fn holds(&self, request: &Request) -> bool {
        let instructs = |role: &Role| matches!(role, Role::System) || matches!(role, Role::Other(other) if other == "developer");
        request.messages.iter().filter(|m| instructs(&m.role)).flat_map(|m| m.texts()).any(|text| self.0.is_match(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Message;

    #[test]
    fn the_question_is_searched() {
        let rule = Question(r"(?i)order\s+\d{5}".into()).build().unwrap();
        assert!(rule.holds(&Request::new("id", "Where is Order 10234?")));
        assert!(!rule.holds(&Request::new("id", "Where is my order?")));
    }

    #[test]
    fn only_instructions_are_searched() {
        let rule = SystemPrompt("lawyer".into()).build().unwrap();
        let with = |role| Request::from_messages("id", vec![Message::new(role, "You are a lawyer."), Message::user("hi")]);
        assert!(rule.holds(&with(Role::System)));
        assert!(rule.holds(&with(Role::Other("developer".into()))));
        assert!(!rule.holds(&with(Role::Assistant)));
        assert!(!rule.holds(&Request::new("id", "lawyer")));
    }

    #[test]
    fn a_broken_pattern_says_what_is_broken() {
        let error = Question("(unclosed".into()).build().unwrap_err().to_string();
        assert_eq!(error, "no regular expression: unclosed group");
        assert!(SystemPrompt(String::new()).build().is_err());
    }
}

//! The one list of built-in rules: configuration, schema, reference and tests read it.
//!
//! A built-in rule is a condition and a route: where the condition holds, the route is taken. Adding a condition is one
//! file and one line here.

use std::sync::Arc;

use crate::registry::described_registry;

pub use super::settings::{Condition, Settings, SettingsError};

described_registry! {
    /// The settings of one built-in rule, which a file writes under the rule's name.
    #[derive(Clone, Debug)]
    #[non_exhaustive]
    pub enum ConditionSpec: "rule" of Settings {
        "keyword" => super::keyword::Keyword: "Words in the question (the last turn of the person), whatever their case.",
        "length" => super::length::Length: "The request's length in estimated tokens (bytes / 4, and 4 a turn; tools and schemas included).",
        "personal-data" => super::personal::PersonalData: "Whether anything that is sent with the request holds an e-mail address, a phone number, an IBAN or a card number.",
        "regex" => super::pattern::Question: "A regular expression over the question (the last turn of the person); `(?i)` ignores case.",
        "system-prompt" => super::pattern::SystemPrompt: "A regular expression over the system prompt that the client sent (not the tier's own).",
        "tag" => super::tag::Tag: "A label that the caller put on the request (segment, tenant, …).",
        "tools" => super::tools::Tools: "Whether the request declares tools (`true`) or none (`false`).",
    }
}

impl ConditionSpec {
    /// Checks the settings and compiles what can be compiled.
    pub fn build(&self) -> Result<Arc<dyn Condition>, SettingsError> {
        self.options().build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cascade::TierIx;
    use crate::registry::Registry;
    use crate::request::Request;
    use crate::rule::{Route, Rule};

    #[test]
    fn kinds_are_sorted_and_unknown_ones_are_none() {
        assert!(ConditionSpec::NAMES.is_sorted());
        assert!(ConditionSpec::read("no-such-rule", serde_json::json!({})).is_none());
    }

    #[test]
    fn a_rule_passes_where_its_condition_does_not_hold() {
        let spec = ConditionSpec::read("keyword", serde_json::json!({ "any": ["refund"] })).unwrap().unwrap();
        assert_eq!(spec.name(), "keyword");
        let rule = Rule { name: "money".into(), when: spec.build().unwrap(), route: Route::EnterAt(TierIx(1)) };
        assert_eq!(rule.route(&Request::new("a", "I want a refund")), Ok(Route::EnterAt(TierIx(1))));
        assert_eq!(rule.route(&Request::new("b", "Where is my order?")), Ok(Route::Pass));
    }
}

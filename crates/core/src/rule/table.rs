//! The one list of built-in rules: configuration, schema, reference and tests read it.
//!
//! A built-in rule is a condition and a route: where the condition holds, the route is in force. Adding a condition is one
//! file and one line here.

use std::sync::Arc;

use crate::registry::registry;

pub use super::settings::{Condition, Settings, SettingsError};

registry! {
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

    /// Whether no request can meet both conditions. `false` where nobody can say.
    pub fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tag(one), Self::Tag(other)) => {
                one.key == other.key && one.equals.is_some() && other.equals.is_some() && one.equals != other.equals
            }
            (Self::Tools(one), Self::Tools(other)) => one != other,
            (Self::Length(one), Self::Length(other)) => {
                let below = |one: &Length, other: &Length| one.max.zip(other.min).is_some_and(|(max, min)| max < min);
                below(one, other) || below(other, one)
            }
            _ => false,
        }
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
    fn a_rule_holds_where_its_condition_does() {
        let spec = ConditionSpec::read("keyword", serde_json::json!({ "any": ["refund"] })).unwrap().unwrap();
        assert_eq!(spec.name(), "keyword");
        let rule = Rule { name: "money".into(), when: spec.build().unwrap(), route: Route::enter_at(TierIx(1)) };
        assert_eq!(rule.holds(&Request::new("a", "I want a refund")), Ok(true));
        assert_eq!(rule.holds(&Request::new("b", "Where is my order?")), Ok(false));
    }

    #[test]
    fn conditions_that_cannot_both_hold_are_told() {
        let spec = |kind: &str, settings| ConditionSpec::read(kind, settings).unwrap().unwrap();
        let excludes = |(kind, settings), (other, others)| {
            let (one, other) = (spec(kind, settings), spec(other, others));
            assert_eq!(one.excludes(&other), other.excludes(&one));
            one.excludes(&other)
        };
        let tag = |key: &str, equals: Option<&str>| ("tag", serde_json::json!({ "key": key, "equals": equals }));
        assert!(excludes(tag("team", Some("a")), tag("team", Some("b"))));
        assert!(!excludes(tag("team", Some("a")), tag("team", Some("a"))));
        assert!(
            !excludes(tag("team", Some("a")), tag("team", None)) && !excludes(tag("team", Some("a")), tag("city", Some("b")))
        );
        let tools = |declared: bool| ("tools", serde_json::json!(declared));
        assert!(excludes(tools(true), tools(false)) && !excludes(tools(true), tools(true)));
        let length = |min: Option<u64>, max: Option<u64>| ("length", serde_json::json!({ "min": min, "max": max }));
        assert!(excludes(length(None, Some(9)), length(Some(10), None)));
        assert!(!excludes(length(None, Some(10)), length(Some(10), Some(20))) && !excludes(length(None, Some(1)), tools(true)));
    }
}

//! The one list of built-in rules: configuration, schema, reference and tests read it.
//!
//! A built-in rule is a condition and a route: where the condition holds, the route is taken. Adding a condition is one
//! file and one line here.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use super::{NamedRule, Route, Rule};
use crate::request::Request;

/// When a built-in rule applies.
pub trait Condition: fmt::Debug + Send + Sync {
    /// Whether it holds for a request.
    fn holds(&self, request: &Request) -> bool;
}

/// A condition's settings, as a configuration file writes them.
pub trait Settings: Sized {
    /// What the rule looks at, in one sentence.
    const ABOUT: &'static str;
    /// JSON Schema of the settings, with a description of each.
    const SCHEMA: &'static str;

    /// Checks the settings and compiles what can be compiled.
    fn build(self) -> Result<Arc<dyn Condition>, SettingsError>;
}

/// Settings that have the right shape but make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub String);

/// What is known about a kind of rule without an instance of it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its key in configuration.
    pub name: &'static str,
    /// What it looks at, in one sentence.
    pub about: &'static str,
    /// JSON Schema of its settings.
    pub schema: &'static str,
}

macro_rules! conditions {
    ($($key:literal => $module:ident::$ty:ident),+ $(,)?) => {
        /// Every kind of built-in rule.
        pub const KINDS: &[Kind] =
            &[$(Kind { name: $key, about: <super::$module::$ty>::ABOUT, schema: <super::$module::$ty>::SCHEMA }),+];

        /// The settings of one built-in rule.
        #[derive(Clone, Debug)]
        #[expect(missing_docs, reason = "each variant is the settings type of its name")]
        #[non_exhaustive]
        pub enum ConditionSpec {
            $($ty(super::$module::$ty)),+
        }

        impl ConditionSpec {
            /// The keys in configuration.
            pub const NAMES: &'static [&'static str] = &[$($key),+];

            /// Reads the settings of the kind named `name`; `None` where there is no such kind.
            pub fn deserialize<'de, D: Deserializer<'de>>(name: &str, settings: D) -> Option<Result<Self, D::Error>> {
                match name {
                    $($key => Some(<super::$module::$ty>::deserialize(settings).map(Self::$ty)),)+
                    _ => None,
                }
            }

            /// The kind's key in configuration.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$ty(_) => $key),+
                }
            }

            /// Checks the settings and compiles what can be compiled.
            pub fn build(self) -> Result<Arc<dyn Condition>, SettingsError> {
                match self {
                    $(Self::$ty(settings) => settings.build()),+
                }
            }
        }
    };
}

conditions! {
    "keyword" => keyword::Keyword,
    "length" => length::Length,
    "personal-data" => personal::PersonalData,
    "regex" => pattern::Question,
    "system-prompt" => pattern::SystemPrompt,
    "tag" => tag::Tag,
    "tools" => tools::Tools,
}

/// A condition with the route that is taken where it holds.
#[derive(Clone, Debug)]
pub struct Conditional {
    /// When.
    pub condition: Arc<dyn Condition>,
    /// Where to.
    pub route: Route,
}

impl Conditional {
    /// The rule under the name by which traces know it.
    pub fn named(name: impl Into<Arc<str>>, condition: Arc<dyn Condition>, route: Route) -> NamedRule {
        NamedRule { name: name.into(), rule: Arc::new(Self { condition, route }) }
    }
}

impl Rule for Conditional {
    fn route(&self, request: &Request) -> Route {
        if self.condition.holds(request) { self.route.clone() } else { Route::Pass }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cascade::TierIx;

    #[test]
    fn every_schema_names_the_fields_that_the_settings_take() {
        for kind in KINDS {
            let schema: serde_json::Value = serde_json::from_str(kind.schema).unwrap();
            if schema["type"] != "object" {
                continue;
            }
            let unknown = serde_json::json!({ "no-such-setting": 1 });
            let error = ConditionSpec::deserialize(kind.name, &unknown).unwrap().unwrap_err().to_string();
            assert!(error.contains("unknown field"), "{}: {error}", kind.name);
            let mut declared: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            let mut taken: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
            declared.sort_unstable();
            taken.sort_unstable();
            assert_eq!(declared, taken, "{}", kind.name);
            assert_eq!(schema["additionalProperties"], false, "{}", kind.name);
            for (key, property) in schema["properties"].as_object().unwrap() {
                assert!(property["description"].is_string(), "{}.{key} says nothing about itself", kind.name);
            }
        }
    }

    #[test]
    fn kinds_are_sorted_and_unknown_ones_are_none() {
        assert!(ConditionSpec::NAMES.is_sorted());
        assert!(ConditionSpec::deserialize("no-such-rule", serde_json::json!({})).is_none());
    }

    #[test]
    fn a_rule_passes_where_its_condition_does_not_hold() {
        let spec = ConditionSpec::deserialize("keyword", serde_json::json!({ "any": ["refund"] })).unwrap().unwrap();
        assert_eq!(spec.name(), "keyword");
        let rule = Conditional::named("money", spec.build().unwrap(), Route::EnterAt(TierIx(1)));
        assert_eq!(rule.rule.route(&Request::new("a", "I want a refund")), Route::EnterAt(TierIx(1)));
        assert_eq!(rule.rule.route(&Request::new("b", "Where is my order?")), Route::Pass);
    }
}

//! `[[rule]]` and `[segment]`.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use tierfall_core::registry::OptionsOf;
use tierfall_core::rule::table::ConditionSpec;

use crate::config::types::{Name, Spanned, Text};

/// A condition and where it leads: besides these keys exactly one of the kinds of rule.
#[derive(Debug, Default, JsonSchema)]
#[schemars(title = "a rule", extend("additionalProperties" = false, "x-kind" = "rule"))]
pub(crate) struct RuleFile {
    /// The rule's name in traces; its kind without it. No two rules share one.
    pub(crate) name: Option<Name>,
    /// What happens to a request for which the rule holds, together with what all other rules say that hold.
    #[schemars(with = "RouteFile")]
    pub(crate) route: Option<RouteFile>,
    #[schemars(flatten, with = "Conditions")]
    pub(crate) condition: Option<Spanned<ConditionSpec>>,
}

/// A condition and the segment of the requests for which it holds: besides these keys exactly one of the kinds of rule.
#[derive(JsonSchema)]
#[schemars(title = "a segment", extend("additionalProperties" = false, "x-kind" = "rule"))]
#[expect(dead_code, reason = "the keys of `[[segment.rule]]`, which is read as a rule without a route")]
struct SegmentRuleFile {
    /// The segment.
    name: Text,
    #[schemars(flatten)]
    condition: Conditions,
}

/// Exactly one kind of rule, with its settings.
struct Conditions;

impl JsonSchema for Conditions {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Conditions".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one: Vec<_> = ConditionSpec::NAMES.iter().map(|name| serde_json::json!({ "required": [name] })).collect();
        json_schema!({ "type": "object", "properties": ConditionSpec::schemas(generator), "oneOf": one })
    }
}

impl<'de> Deserialize<'de> for RuleFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = RuleFile;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rule")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RuleFile, A::Error> {
                let mut rule = RuleFile::default();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    match key.get_ref().as_str() {
                        "name" => rule.name = Some(map.next_value()?),
                        "route" => rule.route = Some(map.next_value()?),
                        kind => {
                            let settings = map.next_value_seed(OptionsOf::new(kind))?;
                            rule.condition = Some(Spanned::new(key.span(), settings));
                        }
                    }
                }
                Ok(rule)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// Who may answer a request, and from where in the chain; or that nobody does. `only`, `enter-at` and `point` may stand together;
/// `review` and `refuse` stand alone.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "a route", transform = some_key)]
pub(crate) struct RouteFile {
    /// Enter the chain at this tier; cheaper ones are skipped, and may still see the request: a gate may ask one.
    pub(crate) enter_at: Option<Spanned<Name>>,
    /// Only these tiers may see the request: no other one answers it, is asked about an answer by a gate, or is recorded with it.
    pub(crate) only: Option<Spanned<Vec<Spanned<Name>>>>,
    /// The gates cut as this operating point of the fit says, unless the request names a point itself. What is promised for a point is
    /// promised for the kind of requests that the fit was made on, not for those alone that a rule picks.
    pub(crate) point: Option<Spanned<Text>>,
    /// A person answers, and no tier with a model sees the request; the text says why. Where the chain ends with a person, that tier is
    /// asked, and costs what it costs.
    pub(crate) review: Option<Spanned<Text>>,
    /// The request is not answered, and no tier sees it; the text says why.
    pub(crate) refuse: Option<Spanned<Text>>,
}

fn some_key(schema: &mut Schema) {
    let schema = schema.ensure_object();
    let keys: Vec<String> = schema["properties"].as_object().into_iter().flat_map(|keys| keys.keys().cloned()).collect();
    let any: Vec<_> = keys.iter().map(|key| serde_json::json!({ "required": [key] })).collect();
    schema.insert("anyOf".to_owned(), any.into());
    schema.insert(
        "dependentSchemas".to_owned(),
        serde_json::json!({ "refuse": { "maxProperties": 1 }, "review": { "maxProperties": 1 } }),
    );
}

/// What kind of request it is, as far as that is known before any call. Changing it makes a fit with thresholds by segment stale.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a declaration of segments", extend("anyOf" = [{ "required": ["tag"] }, { "required": ["rule"] }]))]
pub(crate) struct SegmentFile {
    /// The request's tag whose value is the segment.
    pub(crate) tag: Option<Text>,
    /// Looked at where the tag says nothing; the first that holds wins.
    #[schemars(with = "Vec<SegmentRuleFile>")]
    #[serde(default)]
    pub(crate) rule: Vec<RuleFile>,
}

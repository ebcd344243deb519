//! Whether JSON fits a schema: the one part of the signals that a feature brings.

use serde_json::Value;

/// A schema that builds.
#[derive(Debug)]
pub(super) struct Schema(Built);

#[cfg(feature = "json-schema")]
type Built = jsonschema::Validator;
#[cfg(not(feature = "json-schema"))]
type Built = std::convert::Infallible;

/// The keywords that ask something of a value, in the drafts up to 2020-12. Others are passed over, as the standard has it.
#[cfg(feature = "json-schema")]
const KEYWORDS: [&str; 43] = [
    "$dynamicRef",
    "$recursiveRef",
    "$ref",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "disallow",
    "else",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "extends",
    "format",
    "if",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "required",
    "type",
];

impl Schema {
    /// The schema, or why there is none; reads on after the option's name.
    #[cfg(feature = "json-schema")]
    pub(super) fn new(schema: &Value) -> Result<Self, String> {
        if let Some(members) = schema.as_object()
            && !members.is_empty()
            && !members.keys().any(|name| KEYWORDS.contains(&name.as_str()))
        {
            let names: Vec<&str> = members.keys().map(String::as_str).collect();
            return Err(format!(
                "would accept everything: none of {} is a keyword of JSON Schema (a schema is written out here and read from no file)",
                names.join(", ")
            ));
        }
        // The linear-time engine: a schema's pattern meets text that nobody has checked.
        let options = jsonschema::options().with_pattern_options(jsonschema::PatternOptions::regex());
        options.build(schema).map(Self).map_err(|error| format!("is no JSON Schema that can be used: {error}"))
    }

    /// Why there is none.
    #[cfg(not(feature = "json-schema"))]
    pub(super) fn new(_: &Value) -> Result<Self, String> {
        Err("cannot be checked: this program was built without the feature `json-schema` of the crate `tierfall`; turn it on in Cargo.toml, \
             or gate on another signal"
            .to_owned())
    }

    #[cfg(feature = "json-schema")]
    pub(super) fn holds(&self, value: &Value) -> bool {
        self.0.is_valid(value)
    }

    #[cfg(not(feature = "json-schema"))]
    pub(super) fn holds(&self, _: &Value) -> bool {
        match self.0 {}
    }
}

#[cfg(all(test, feature = "json-schema"))]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_that_asks_nothing_is_none() {
        for nothing in
            [json!({"file": "schema.json"}), json!({"requird": ["n"], "tipe": "object"}), json!({"title": "an answer"})]
        {
            assert!(Schema::new(&nothing).unwrap_err().contains("would accept everything"), "{nothing}");
        }
        for one in [json!({}), json!(true), json!({"type": "object"}), json!({"title": "t", "required": ["n"]})] {
            assert!(Schema::new(&one).is_ok(), "{one}");
        }
    }
}

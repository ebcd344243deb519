//! Whether JSON fits a schema: the one part of the signals that a feature brings.

use serde_json::Value;

/// A schema that builds.
#[derive(Debug)]
pub(super) struct Schema(Built);

#[cfg(feature = "json-schema")]
type Built = jsonschema::Validator;
#[cfg(not(feature = "json-schema"))]
type Built = std::convert::Infallible;

impl Schema {
    /// The schema, or why there is none; reads on after the option's name.
    #[cfg(feature = "json-schema")]
    pub(super) fn new(schema: &Value) -> Result<Self, String> {
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

//! A label on the request.

use std::sync::Arc;

use serde::Deserialize;

use super::settings::{Condition, Settings, SettingsError};
use crate::request::Request;

/// A tag with a value, or any value.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// The label.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub key: String,
    /// Its value; without it the label only has to be there.
    pub equals: Option<String>,
}

impl Settings for Tag {
    fn build(&self) -> Result<Arc<dyn Condition>, SettingsError> {
        if self.key.is_empty() {
            return Err(SettingsError("the tag has no name".into()));
        }
        Ok(Arc::new(self.clone()))
    }
}

impl Condition for Tag {
    fn holds(&self, request: &Request) -> bool {
        request.tags.get(&self.key).is_some_and(|value| self.equals.as_ref().is_none_or(|wanted| value == wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_compared_or_only_looked_for() {
        let mut request = Request::new("id", "hello");
        request.tags.insert("segment".into(), "billing".into());
        let holds = |key: &str, equals: Option<&str>| {
            Tag { key: key.into(), equals: equals.map(Into::into) }.build().unwrap().holds(&request)
        };
        assert!(holds("segment", Some("billing")) && holds("segment", None));
        assert!(!holds("segment", Some("Billing")) && !holds("tenant", None));
        assert!(Tag { key: String::new(), equals: None }.build().is_err());
    }
}

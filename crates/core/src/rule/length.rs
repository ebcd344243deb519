//! How long the request is.

use std::sync::Arc;

use serde::Deserialize;

use super::settings::{Condition, Settings, SettingsError};
use crate::request::Request;

/// Bounds on the request's length in estimated tokens; both are inclusive.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub struct Length {
    /// At least this many.
    pub min: Option<u64>,
    /// At most this many.
    pub max: Option<u64>,
}

impl Settings for Length {
    fn build(&self) -> Result<Arc<dyn Condition>, SettingsError> {
        match (self.min, self.max) {
            (None, None) => Err(SettingsError("there is no bound; write `min = 500` or `max = 500`".into())),
            (Some(min), Some(max)) if min > max => {
                Err(SettingsError(format!("no length is at least {min} and at most {max} tokens")))
            }
            _ => Ok(Arc::new(*self)),
        }
    }
}

impl Condition for Length {
    fn holds(&self, request: &Request) -> bool {
        let tokens = request.estimated_tokens();
        self.min.is_none_or(|min| tokens >= min) && self.max.is_none_or(|max| tokens <= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_are_inclusive() {
        let request = Request::new("id", "x".repeat(40));
        let holds = |min, max| Length { min, max }.build().unwrap().holds(&request);
        assert_eq!(request.estimated_tokens(), 14);
        assert!(holds(Some(14), None) && holds(None, Some(14)) && holds(Some(14), Some(14)));
        assert!(!holds(Some(15), None) && !holds(None, Some(13)));
    }

    #[test]
    fn bounds_that_allow_nothing_are_refused() {
        assert!(Length { min: None, max: None }.build().is_err());
        assert!(Length { min: Some(2), max: Some(1) }.build().is_err());
    }
}

//! Whether the request declares tools.

use std::sync::Arc;

use serde::Deserialize;

use super::settings::{Condition, Settings, SettingsError};
use crate::request::Request;

/// Whether tools must be declared or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Tools(bool);

impl Settings for Tools {
    fn build(&self) -> Result<Arc<dyn Condition>, SettingsError> {
        Ok(Arc::new(*self))
    }
}

impl Condition for Tools {
    fn holds(&self, request: &Request) -> bool {
        request.has_tools() == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Json;

    #[test]
    fn an_empty_list_declares_nothing() {
        let mut request = Request::new("id", "hello");
        let holds = |request: &Request, wanted| Tools(wanted).build().unwrap().holds(request);
        assert!(holds(&request, false) && !holds(&request, true));
        request.tools = Some(Json::of(&serde_json::json!([])).unwrap());
        assert!(holds(&request, false));
        request.tools = Some(Json::of(&serde_json::json!([{ "type": "function" }])).unwrap());
        assert!(holds(&request, true) && !holds(&request, false));
    }
}

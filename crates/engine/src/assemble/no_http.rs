//! Without the feature `http`, what needs it says so.

use std::sync::Arc;

use tierfall_core::provider::Provider;

use super::asker::Asker;
use super::error::LoadError;
use crate::config::HttpSpec;

pub(super) fn provider(name: &str, _: &HttpSpec, _: Asker) -> Result<Arc<dyn Provider>, LoadError> {
    Err(LoadError::Provider(format!(
        "provider \"{name}\" is asked over HTTP, and this program was built without the feature `http` of the crate `tierfall`: \
         turn it on in Cargo.toml, or give the tiers providers of your own to Engine::unprovided"
    )))
}

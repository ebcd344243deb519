//! A provider that this program was built without.

use super::error::LoadError;

pub(super) fn provider(name: &str, what: &str, feature: &str) -> LoadError {
    LoadError::Provider(format!(
        "provider \"{name}\" {what}, and this program was built without the feature `{feature}` of the crate `tierfall`: turn it on in \
         Cargo.toml, or give the tiers providers of your own to Engine::unprovided"
    ))
}

//! The one place where the environment is read: keys, and headers that are secrets.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::trust;

/// The value of an environment variable; absent and empty are the same, since no key is empty.
fn secret(name: &str) -> Option<SecretString> {
    if !trust::has_variable(name) {
        return None;
    }
    #[expect(clippy::disallowed_methods, reason = "this is that one place")]
    let value = std::env::var(name).ok()?;
    // Keys pasted into files often end in a line break, which no header can carry.
    let value = value.trim();
    (!value.is_empty()).then(|| value.into())
}

/// An environment variable holds nothing. Its `Debug` is its message.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not set in the environment: `export {0}=…`")]
pub struct UnsetVariable(pub String);

tierfall_core::debug_is_message!(UnsetVariable);

/// The secret in an environment variable, without the white space around it.
///
/// Printing it never shows it.
pub fn secret_from_env(variable: &str) -> Result<SecretString, UnsetVariable> {
    secret(variable).ok_or_else(|| UnsetVariable(variable.to_owned()))
}

/// Where environments name a proxy.
pub(crate) const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// What variables held when they were read, all of them once: what is checked is what is used.
#[derive(Default)]
pub(crate) struct Secrets(BTreeMap<String, SecretString>);

impl Secrets {
    pub(crate) fn read<'a>(variables: impl IntoIterator<Item = &'a str>) -> Self {
        variables.into_iter().filter_map(|name| Some((name.to_owned(), secret(name)?))).collect()
    }

    pub(crate) fn get(&self, variable: &str) -> Option<&SecretString> {
        self.0.get(variable)
    }
}

impl FromIterator<(String, SecretString)> for Secrets {
    fn from_iter<T: IntoIterator<Item = (String, SecretString)>>(all: T) -> Self {
        Self(all.into_iter().collect())
    }
}

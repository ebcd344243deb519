//! The one place where the environment is read: keys, and headers that are secrets.

use secrecy::SecretString;

/// The value of an environment variable; absent and empty are the same, since no key is empty.
pub(crate) fn secret(name: &str) -> Option<SecretString> {
    #[expect(clippy::disallowed_methods, reason = "this is that one place")]
    let value = std::env::var(name).ok()?;
    // Keys pasted into files often end in a line break, which no header can carry.
    let value = value.trim();
    (!value.is_empty()).then(|| value.into())
}

/// Whether a variable holds something.
pub(crate) fn is_set(name: &str) -> bool {
    secret(name).is_some()
}

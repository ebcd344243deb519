//! How a provider knows who asks.

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use super::sign::Sign;

/// What is sent so that the provider lets us in. Printing it never shows a key.
#[derive(Clone, Default)]
pub enum Access {
    /// Nothing: the server is open, or the declared headers say it.
    #[default]
    Open,
    /// A key, in the dialect's own way.
    Key {
        /// The key.
        key: SecretString,
        /// Where it came from (an environment variable), for messages.
        source: Option<String>,
    },
    /// Each request is signed.
    Signed(Arc<dyn Sign>),
}

impl Access {
    /// A key of which nobody says where it came from.
    pub fn key(key: impl Into<SecretString>) -> Self {
        Self::Key { key: key.into(), source: None }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("Open"),
            Self::Key { source, .. } => f.debug_struct("Key").field("source", source).finish_non_exhaustive(),
            Self::Signed(_) => f.write_str("Signed"),
        }
    }
}

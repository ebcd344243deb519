//! Why there is no engine for a file.

use std::path::PathBuf;

use crate::builder::BuildError;
use crate::config::{ConfigError, UnsetKey};

/// Why there is no engine. Its `Debug` is its message.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The cascade file has problems; all of them are in the error.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file says that answers come from recordings, which this crate does not read.
    #[error(
        "{} answers from the recordings of \"{fixtures}\" ([replay]): open it with tierfall_workbench::open, \
         or ask its providers with Engine::live",
        path.display()
    )]
    Replays {
        /// The cascade file.
        path: PathBuf,
        /// The fixture set, as it is named there.
        fixtures: String,
    },
    /// Keys are not in the environment.
    #[error("{}", unset(.0))]
    UnsetKeys(Vec<UnsetKey>),
    /// A provider cannot be set up.
    #[error("{0}")]
    Provider(String),
    /// The runtime was shutting down.
    #[error("the runtime stopped before the cascade file was read")]
    Stopped,
    /// The parts do not fit together.
    #[error(transparent)]
    Build(#[from] BuildError),
}

tierfall_core::debug_is_message!(LoadError);

impl LoadError {
    /// How keys are set that are not, for a shell.
    pub fn hint(&self) -> Option<String> {
        let Self::UnsetKeys(keys) = self else { return None };
        Some(keys.iter().map(|key| format!("export {}=…", key.env)).collect::<Vec<_>>().join("; "))
    }
}

fn unset(keys: &[UnsetKey]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("provider \"{}\" needs {}", key.provider, key.env)).collect();
    format!("a key is not set: {}", keys.join(", "))
}

//! What a built-in rule is made of: settings as a file writes them, and the condition that they describe.

use std::fmt;
use std::sync::Arc;

use crate::request::Request;

/// When a rule applies: a built-in one, or one of a program's own.
pub trait Condition: fmt::Debug + Send + Sync {
    /// Whether it holds for a request.
    fn holds(&self, request: &Request) -> bool;
}

/// A condition's settings, as a configuration file writes them.
pub trait Settings: fmt::Debug {
    /// Checks the settings and compiles what can be compiled.
    fn build(&self) -> Result<Arc<dyn Condition>, SettingsError>;
}

/// Settings that have the right shape but make no sense. Its `Debug` is its message.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub String);

crate::debug_is_message!(SettingsError);

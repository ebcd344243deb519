//! What every kind of signal shows to a cascade file: its options, and what is wrong with them.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Signal;

/// The options of one kind of signal, as a cascade file writes them. Building checks them; what is built cannot be wrong.
pub trait Options: Clone + Default + Serialize + DeserializeOwned {
    /// The signal, or the first option that makes no sense.
    fn build(&self) -> Result<impl Signal + 'static, BadOption>;
}

/// An option that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadOption {
    /// The option, as written in the file.
    pub option: &'static str,
    /// What is wrong with it and what would be right; reads on after the option's name.
    pub problem: String,
}

impl BadOption {
    /// `option` has this `problem`.
    pub fn new(option: &'static str, problem: impl Into<String>) -> Self {
        Self { option, problem: problem.into() }
    }
}

/// An option that makes no sense, with the signal it was written for. Its `Debug` is its message.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("option `{option}` of signal `{signal}` {problem}")]
pub struct OptionError {
    /// The signal's name.
    pub signal: &'static str,
    /// The option, as written in the file.
    pub option: &'static str,
    /// What is wrong with it and what would be right.
    pub problem: String,
}

crate::debug_is_message!(OptionError);

/// `value`, if it lies in [low, high].
pub(super) fn within(option: &'static str, value: f64, low: f64, high: f64) -> Result<f64, BadOption> {
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(BadOption::new(option, format!("is {value}, but must lie between {low} and {high}")))
    }
}

/// How many alternatives a token a signal asks for: at least two make a rivalry, and no provider gives more than twenty.
pub(super) fn top(value: u8) -> Result<u8, BadOption> {
    if (2..=20).contains(&value) {
        Ok(value)
    } else {
        Err(BadOption::new("top", format!("is {value}, but must be 2 to 20 alternatives a token")))
    }
}

/// A text that says something.
pub(super) fn present<'a>(option: &'static str, text: &'a str, what: &str) -> Result<&'a str, BadOption> {
    if text.trim().is_empty() { Err(BadOption::new(option, format!("is empty, but must be {what}"))) } else { Ok(text) }
}

/// A compiled regular expression.
pub(super) fn regex(option: &'static str, pattern: &str) -> Result<regex::Regex, BadOption> {
    regex::Regex::new(present(option, pattern, "a regular expression")?)
        .map_err(|error| BadOption::new(option, format!("is no regular expression: {error}")))
}

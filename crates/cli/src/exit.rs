//! How a command ends.

use std::fmt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering};

use tierfall_core::provider::{CallError, CallErrorKind};

/// The exit codes that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Fine = 0,
    /// The target could not be promised, an expectation does not hold, something got worse, or an answer fell back where that
    /// is to count.
    Unmet = 1,
    /// Usage, configuration or data.
    Usage = 2,
    /// A provider failed.
    Provider = 3,
    /// Ctrl-C, SIGTERM or SIGHUP: 128 and the signal, as shells have it.
    Interrupted = 130,
}

/// The number of Ctrl-C's signal.
pub(crate) const INTERRUPT: u8 = 2;

/// The signal that told the program to end last.
static TOLD_BY: AtomicU8 = AtomicU8::new(INTERRUPT);

pub(crate) fn told_by(signal: u8) {
    TOLD_BY.store(signal, Ordering::Relaxed);
}

/// The exit code of a program that was told to end.
pub(crate) fn told() -> u8 {
    128 + TOLD_BY.load(Ordering::Relaxed)
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(if exit == Exit::Interrupted { told() } else { exit as u8 })
    }
}

/// An error with the exit code it leads to and what the user can do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, message: message.to_string(), hint: None }
    }

    pub(crate) fn provider(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Provider, message: message.to_string(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<&CallError> for Failure {
    fn from(error: &CallError) -> Self {
        let failure = Self::provider(&error.message);
        match error.kind {
            CallErrorKind::Cancelled => Self { exit: Exit::Interrupted, ..failure },
            CallErrorKind::Auth => failure.with_hint("set the key that the cascade file names, and check that it is valid"),
            CallErrorKind::QueueFull => failure.with_hint(
                "ask less at once, or raise the provider's max-concurrency, max-queue or queue-timeout in the cascade file",
            ),
            CallErrorKind::RateLimited => failure.with_hint("try again later, or lower the concurrency"),
            _ => failure,
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::usage(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::usage(error)
    }
}

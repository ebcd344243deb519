//! Why a call came to nothing.

use std::fmt::Display;
use std::path::PathBuf;

use tierfall::LoadError;
use tierfall::config::ConfigError;
use tierfall::fit::FitFileError;
use tierfall_calibrate::evaluate::EvaluateError;
use tierfall_calibrate::procedure::FitError;
use tierfall_calibrate::view::Overlap;

use crate::fixture::FixtureError;
use crate::observations::Unreadable;

/// Why a call came to nothing. What to do about it is in [`hint`](Self::hint). Its `Debug` is its message.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A cascade file, or a provider that it names, cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A fixture set, its recordings or its grades cannot be used.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// A file cannot be read or written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Rows that cannot be read as they are written.
    #[error("{0}")]
    Rows(Box<Unreadable>),
    /// A fit cannot be read.
    #[error(transparent)]
    Fit(#[from] FitFileError),
    /// Nothing can be calibrated on these rows.
    #[error(transparent)]
    Calibrate(#[from] FitError),
    /// A fit cannot be judged by these rows.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A fit was made on some of the rows that are to judge it.
    #[error(transparent)]
    Seen(#[from] Overlap),
    /// The providers failed on the way, which is no fault of what was asked for.
    #[error("{0}")]
    Provider(String),
    /// A judge's cascade cannot be loaded.
    #[error("judge \"{judge}\" ({}): {error}", path.display())]
    Judge {
        /// The judge.
        judge: String,
        /// Its cascade.
        path: PathBuf,
        /// Why.
        error: Box<LoadError>,
    },
    /// What is asked for cannot be done, or not with what is there.
    #[error("{why}")]
    Refused {
        /// What is wrong with it.
        why: String,
        /// What to do about it, where that can be said.
        hint: Option<String>,
    },
}

tierfall_core::debug_is_message!(Error);

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Load(error.into())
    }
}

impl Error {
    /// What is asked for cannot be done.
    pub(crate) fn refused(why: impl Display) -> Self {
        Self::Refused { why: why.to_string(), hint: None }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self::Refused { why: self.to_string(), hint: Some(hint.into()) }
    }

    /// What to do about it, where that can be said; it names options of the `tierfall` command.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Load(error) => error.hint(),
            Self::Judge { error, .. } => error.hint(),
            Self::Fixture(error) => error.hint().map(str::to_owned),
            Self::Rows(rows) => Some(rows.advice()),
            Self::Fit(_) => Some("tierfall calibrate makes a fit".to_owned()),
            Self::Seen(_) => Some("name other rows with --split or other files; --allow-overlap judges all the same".to_owned()),
            Self::Calibrate(FitError::NoValues { .. }) => Some(
                "record from a provider that gives what the signals read, or let the gates read others; `tierfall check CASCADE SET` says what \
                 the answers lack"
                    .to_owned(),
            ),
            Self::Refused { hint, .. } => hint.clone(),
            _ => None,
        }
    }
}

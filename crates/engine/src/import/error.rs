//! What can be wrong with a source.

use std::path::PathBuf;

use crate::observations::{BadRow, ObservationsError};

/// A source that cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file is not what it should be.
    #[error(transparent)]
    Source(#[from] ObservationsError),
    /// The options do not fit the source.
    #[error("{0}")]
    Options(String),
    /// The file lacks columns that its format needs.
    #[error("{} is not of the format {format}: {why}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
        /// What is missing, and what there is.
        why: String,
    },
    /// The first bad row, where none may be.
    #[error("{0}; without --strict such rows are left out and counted")]
    Strict(BadRow),
    /// Not one row could be converted.
    #[error("none of the {read} rows of {} can be converted: {why}", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
        /// Its rows.
        read: u64,
        /// What is wrong with the first.
        why: String,
    },
}

//! What can be wrong with a source.

use std::path::PathBuf;

use crate::observations::{ObservationsError, Unreadable};

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
    /// Rows that cannot be read as they are written.
    #[error("{0}")]
    Rows(Box<Unreadable>),
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

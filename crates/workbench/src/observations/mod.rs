//! The table that calibration works on, from files or from a fixture set.
//!
//! [`read`] takes JSON Lines, gzip and CSV; [`from_fixtures`] replays a cascade on its recordings. What
//! cannot be read is an error, and nothing is left out in silence: the [`Summary`] says what was read, what was not, and why.

mod chunk;
mod collect;
pub(crate) mod columns;
mod counts;
mod digest;
mod error;
pub(crate) mod faults;
mod filling;
mod json;
pub(crate) mod kinds;
mod labels;
pub(crate) mod lined;
mod names;
mod options;
mod read;
mod replayed;
pub(crate) mod row;
pub(crate) mod scalar;
pub(crate) mod scale;
pub(crate) mod source;
mod summary;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod value;

use tierfall_calibrate::observations::Observations;

pub use digest::digest;
pub use error::{BadRow, Unreadable};
pub(crate) use json::{as_python, json_error};
pub(crate) use names::hint;
pub use options::{BadRows, ReadOptions, Ungraded};
pub use read::read;
pub(crate) use read::unrepeatable;
pub use replayed::from_fixtures;
pub(crate) use replayed::{asking_all, played};
pub use summary::{LeftOut, Summary, TierSummary};

/// A table, and what became of the rows that it was made from.
#[derive(Clone, Debug)]
pub struct ReadOut {
    /// The table.
    pub observations: Observations,
    /// What was read, used and left out.
    pub summary: Summary,
}

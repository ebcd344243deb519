//! Keeping what a cascade does now as the baseline.

use std::path::PathBuf;

use tierfall_calibrate::regress::limits;

use super::baseline::Baseline;
use super::entry::BaselineEntry;
use super::played::Played;
use super::rows;
use crate::Error;

/// A baseline that is to be written, and what that changes.
#[derive(Clone, Debug)]
pub struct Update {
    /// Where it goes.
    pub path: PathBuf,
    /// What changes in it, one a fixture set and split.
    pub entries: Vec<UpdatedEntry>,
    baseline: Baseline,
}

/// What changes in an entry of a baseline.
#[derive(Clone, Debug)]
pub struct UpdatedEntry {
    /// What stands there; `None` = nothing does.
    pub was: Option<BaselineEntry>,
    /// What is to stand there.
    pub now: BaselineEntry,
    /// The share of right answers that the report and limits have, in [0, 1]: examples weigh what they stand for and those of a group
    /// share one item. A baseline has no weights.
    pub right: f64,
}

impl Update {
    /// Of these runs, in place of what the file has of them; its other entries stay.
    pub(super) fn of(path: PathBuf, before: Option<&Baseline>, played: &[Played]) -> Self {
        let mut baseline = before.cloned().unwrap_or_default();
        for played in played {
            baseline.update(played);
        }
        let entry = |played: &Played| UpdatedEntry {
            was: before.and_then(|before| before.find(&played.fixtures, &played.split, played.mode)).cloned(),
            now: BaselineEntry::from(played),
            right: limits::accuracy(&rows::samples(played, None)).value,
        };
        Self { path, entries: played.iter().map(entry).collect(), baseline }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self) -> Result<(), Error> {
        self.baseline.write(&self.path)
    }
}

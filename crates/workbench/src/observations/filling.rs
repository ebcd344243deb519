//! A table as it is filled, wherever its rows are from.

use std::sync::Arc;

use tierfall_calibrate::observations::{Builder, Condition, Row, TierSpec};

use super::names::hint;
use super::{LeftOut, Summary, TierSummary, Ungraded};
use crate::Error;

/// The table so far.
pub(super) struct Filling {
    pub(super) table: Builder,
    /// By tier, rows in which it gave no answer.
    pub(super) unanswered: Vec<u64>,
    ungraded: Ungraded,
    /// Rows that were left out for an answer without a grade.
    pub(super) at_random: u64,
}

impl Filling {
    pub(super) fn new(specs: Vec<TierSpec>, salt: impl Into<Arc<str>>, ungraded: Ungraded) -> Self {
        let unanswered = vec![0; specs.len()];
        Self { table: Builder::new(specs, salt), unanswered, ungraded, at_random: 0 }
    }

    /// Adds a row, unless it is left out for an answer without a grade; whether it was added.
    pub(super) fn push(&mut self, row: &Row<'_>) -> Result<bool, Error> {
        if self.ungraded == Ungraded::AtRandom && !row.is_graded() {
            self.at_random += 1;
            return Ok(false);
        }
        for (unanswered, cell) in self.unanswered.iter_mut().zip(row.tiers) {
            *unanswered += u64::from(cell.unanswered);
        }
        self.table.push(row).map_err(Error::refused)?;
        Ok(true)
    }

    pub(super) fn len(&self) -> u64 {
        self.table.so_far().len() as u64
    }

    /// The rows that were left out for an answer without a grade, and what is supposed of them.
    pub(super) fn left_out(&self) -> Option<(LeftOut, Condition)> {
        let rows = self.at_random;
        let left_out = || LeftOut { reason: "some answer has no grade".to_owned(), rows };
        (rows > 0).then(|| (left_out(), Condition::UngradedAtRandom { rows }))
    }

    /// The tiers with their signals.
    pub(super) fn tiers(&self) -> Vec<TierSummary> {
        let summary =
            |spec: &TierSpec| TierSummary { tier: spec.name.clone(), signals: spec.signals.clone(), ..TierSummary::default() };
        self.table.so_far().tiers().map(summary).collect()
    }
}

/// No row is of the split that was asked for.
pub(super) fn unknown_split(split: &str, summary: &Summary) -> Error {
    let hint = hint(split, "splits", summary.splits.keys().map(String::as_str));
    Error::refused(format!("no row is of the split \"{split}\"; {hint}"))
}

/// Not one row could be used; `why` says what became of them.
pub(super) fn nothing_usable(read: u64, why: &[String]) -> Error {
    Error::refused(format!("none of {read} rows can be used: {}", why.join("; ")))
}

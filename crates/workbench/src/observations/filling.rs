//! A table as it is filled, wherever its rows are from, and what its summary says of each tier.

use std::sync::Arc;

use tierfall_calibrate::observations::{Builder, Condition, Row, TierSpec};

use super::names::hint;
use super::{LeftOut, SignalSummary, Summary, TierSummary, Ungraded};
use crate::Error;

/// The table so far.
pub(super) struct Filling {
    pub(super) table: Builder,
    pub(super) tiers: Vec<OfTier>,
    ungraded: Ungraded,
    /// Rows that were left out for an answer without a grade.
    pub(super) at_random: u64,
}

/// Of a tier, how many rows of the table are so.
#[derive(Clone, Default)]
pub(super) struct OfTier {
    pub(super) unanswered: u64,
    human: u64,
    unknown_cost: u64,
}

impl Filling {
    pub(super) fn new(specs: Vec<TierSpec>, salt: impl Into<Arc<str>>, ungraded: Ungraded) -> Self {
        let tiers = vec![OfTier::default(); specs.len()];
        Self { table: Builder::new(specs, salt), tiers, ungraded, at_random: 0 }
    }

    /// Adds a row, unless it is left out for an answer without a grade; whether it was added.
    pub(super) fn push(&mut self, row: &Row<'_>) -> Result<bool, Error> {
        if self.ungraded == Ungraded::AtRandom && !row.is_graded() {
            self.at_random += 1;
            return Ok(false);
        }
        for (of, cell) in self.tiers.iter_mut().zip(row.tiers) {
            of.unanswered += u64::from(cell.unanswered);
            of.human += u64::from(cell.human.is_some());
            of.unknown_cost += u64::from(cell.cost.is_none());
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

    /// What the table has of each tier.
    pub(super) fn summaries(&self) -> Vec<TierSummary> {
        let table = self.table.so_far();
        let of_tier = |(tier, spec): (usize, &TierSpec)| {
            let signal = |signal: &Arc<str>| {
                let scores = table.scores(tier, signal).unwrap_or_default();
                SignalSummary { signal: signal.clone(), abstained: scores.iter().filter(|score| score.is_nan()).count() as u64 }
            };
            TierSummary {
                tier: spec.name.clone(),
                signals: spec.signals.iter().map(signal).collect(),
                silent: Vec::new(),
                candidates: Vec::new(),
                unknown_cost: self.tiers[tier].unknown_cost,
                judge: spec.judge.clone(),
                human: self.tiers[tier].human,
            }
        };
        table.tiers().enumerate().map(of_tier).collect()
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

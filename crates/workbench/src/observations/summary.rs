//! What was read, and what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tierfall_core::fit::Labels;

use super::BadRow;

/// What became of the rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Rows that were read, bad ones included.
    pub read: u64,
    /// Rows in the table.
    pub used: u64,
    /// Rows of other splits than the one asked for.
    pub other_splits: u64,
    /// Sound rows that were left out, by reason.
    pub left_out: Vec<LeftOut>,
    /// Rows that cannot be read as they are written, and are left out because that was declared to be
    /// [at random](super::BadRows::AtRandom).
    pub bad: u64,
    /// The first of them, at most [`Summary::SHOWN`].
    pub first_bad: Vec<BadRow>,
    /// Rows of every split, by its name.
    pub splits: BTreeMap<String, u64>,
    /// Rows that name no split.
    pub without_split: u64,
    /// Rows in the table whose id an earlier row has; they stay: only `group` says that rows repeat one item.
    pub repeated_ids: u64,
    /// The tiers of the chain.
    pub tiers: Vec<TierSummary>,
    /// Of a fixture set: what each split is made of.
    #[serde(skip)]
    pub labels: BTreeMap<String, Labels>,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// Rows that were left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Why.
    pub reason: String,
    /// How many.
    pub rows: u64,
}

/// What the files say of one tier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TierSummary {
    /// Its name.
    pub tier: Arc<str>,
    /// Its signals.
    pub signals: Vec<Arc<str>>,
    /// What is called a signal too, and has no number in any row.
    pub silent: Vec<String>,
    /// What would be signals if they were asked for: CSV columns `TIER.NAME` that hold numbers and that nobody calls signals.
    pub candidates: Vec<String>,
}

impl Summary {
    /// How many bad rows are shown.
    pub const SHOWN: usize = 20;

    /// Rows that are missing from the table for another reason than their split: left out or bad.
    pub fn n_excluded(&self) -> u64 {
        self.bad + self.left_out.iter().map(|left| left.rows).sum::<u64>()
    }
}

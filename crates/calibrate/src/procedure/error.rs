//! Why nothing can be calibrated.

use crate::certify::CertifyError;
use crate::evaluate::MOST_TIERS;
use crate::observations::{MixedGraders, Ungraded};
use crate::table::NoSignal;

/// Why nothing can be calibrated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// No row.
    #[error("there is no row to calibrate on: every one was left out, or the split has none")]
    Empty,
    /// A chain of one tier decides nothing.
    #[error("a chain of one tier has no threshold to calibrate: declare at least two")]
    OneTier,
    /// More tiers than a chain can have.
    #[error("a chain of {0} tiers is longer than {MOST_TIERS}")]
    TooManyTiers(usize),
    /// Another number of signal choices than gated tiers.
    #[error("{found} signals were chosen for {expected} gated tiers: one for every tier but the last is needed")]
    Signals {
        /// How many were chosen.
        found: usize,
        /// How many are needed.
        expected: usize,
    },
    /// A tier without any.
    #[error("tier \"{tier}\" has no signal to decide by: record one for it, or leave the tier out of the chain")]
    NoSignals {
        /// The tier.
        tier: String,
    },
    /// A gate reads what was not observed.
    #[error(transparent)]
    NoSignal(#[from] NoSignal),
    /// No gate can ever accept anything, whatever is labelled.
    #[error(
        "no gate ever has a value: {} in none of {rows} rows. Such a gate passes everything on, so that nothing is saved, and no number of \
         labels changes that", .tiers.join(", ")
    )]
    NoValues {
        /// What each gated tier compares, as a clause: ``tier "small" has `mean-logprob` ``.
        tiers: Vec<String>,
        /// Rows.
        rows: usize,
    },
    /// Rows that repeat an item and were sampled with unequal chances.
    #[error(
        "{rows} rows repeat {items} items (\"group\"), and rows have weights: one row of an item stands for it in a test, and \
         which of its requests were kept decides which that can be, so no promise holds. Give each item one weight and one row, \
         chosen before sampling; or, where repeats are requests like any other, leave \"group\" out; or promise nothing"
    )]
    WeightedRepeats {
        /// Rows.
        rows: usize,
        /// Different items.
        items: usize,
    },
    /// Tiers that cannot be compared.
    #[error(transparent)]
    MixedGraders(#[from] MixedGraders),
    /// Grades are missing where all are needed.
    #[error(transparent)]
    Ungraded(#[from] Ungraded),
    /// Grades are missing where signals are to be chosen by them.
    #[error("signals are chosen and fused by grades: name one a tier with --signal. {0}")]
    UngradedChoice(Ungraded),
    /// Columns that do not belong together.
    #[error(transparent)]
    Columns(#[from] CertifyError),
}

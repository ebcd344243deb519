//! Why rows cannot judge a fit.

use super::play::MOST_TIERS;
use crate::observations::Ungraded;
use crate::table::NoSignal;

/// Why rows cannot judge a fit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// No row.
    #[error("there is no row to evaluate on: every one was left out, or the split has none")]
    Empty,
    /// The fit has no such operating point.
    #[error("the fit has no operating point \"{asked}\"; it has {known}")]
    NoPoint {
        /// The one that was asked for.
        asked: String,
        /// Those that there are, as a list.
        known: String,
    },
    /// A tier in force is not among the observed ones.
    #[error("the fit asks tier \"{tier}\", and the observations have only {known}: name it in the chain")]
    NoTier {
        /// The tier.
        tier: String,
        /// Those that there are, as a list.
        known: String,
    },
    /// The tiers are in another order.
    #[error("the fit asks its tiers in the order {fit}, and the chain of the observations is {observed}: declare the same order")]
    Order {
        /// The fit's.
        fit: String,
        /// That of the observations.
        observed: String,
    },
    /// Losses would refer to another tier.
    #[error(
        "the fit's last tier is \"{fit}\" and that of the observations \"{observed}\": losses refer to the last tier, so end the chain with \"{fit}\""
    )]
    LastTier {
        /// The fit's.
        fit: String,
        /// That of the observations.
        observed: String,
    },
    /// More tiers than a chain can have.
    #[error("a chain of {0} tiers is longer than {MOST_TIERS}")]
    TooManyTiers(usize),
    /// A gate reads what was not observed.
    #[error(transparent)]
    NoSignal(#[from] NoSignal),
    /// Grades are missing.
    #[error(transparent)]
    Ungraded(#[from] Ungraded),
}

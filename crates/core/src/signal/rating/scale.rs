//! The scales of ratings, and why a reply has none on its scale.

use serde::{Deserialize, Serialize};

use crate::signal::Abstain;

/// The scale that the model was asked to rate on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// 0 to 100.
    #[default]
    Percent,
    /// 0 to 1.
    Unit,
    /// 0 to 10.
    Ten,
}

impl Scale {
    /// The scale's upper end.
    pub(crate) fn top(self) -> f64 {
        match self {
            Self::Percent => 100.0,
            Self::Unit => 1.0,
            Self::Ten => 10.0,
        }
    }
}

/// Why there is no rating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRating {
    /// No marker.
    Missing,
    /// A marker with a word or nothing behind it.
    NotANumber,
    /// A range: `70–80`.
    Range,
    /// Several different numbers.
    Contradictory,
    /// Outside the declared scale. That includes an unmarked fraction below 1 on the scales to 10 and 100, where 0.9
    /// is as likely the other scale's 90 % as this one's.
    OutOfScale,
    /// The object around it is broken, or something else is said beside it: what the answer is would have to be guessed.
    Unclear,
    /// The number stands neither at the end of the reply nor at its beginning: it is part of the answer.
    Misplaced,
}

impl From<NoRating> for Abstain {
    fn from(why: NoRating) -> Self {
        match why {
            NoRating::OutOfScale => Self::OutOfScale,
            NoRating::Missing
            | NoRating::NotANumber
            | NoRating::Range
            | NoRating::Contradictory
            | NoRating::Unclear
            | NoRating::Misplaced => Self::Unparsable,
        }
    }
}

/// `80%` and `0.8` are the same rating.
pub(super) fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

//! How well scores rank and confidences say what is right. All O(n log n).
//!
//! A NaN score or confidence is an abstention: its row is left out of every number here, and counted by whoever reports it.
//! Quality may be graded; where a ranking needs two classes, at least ½ is right.

pub mod calibration;
pub mod ranking;
pub mod selective;
mod sorted;

pub use calibration::{BINS, Bins, brier, ece, log_loss, mce, reliability};
pub(crate) use calibration::{brier_of, reliability_of};
pub use ranking::{auroc, auroc_benefit, auroc_interval, average_precision};
pub(crate) use ranking::{auroc_of, is_upside_down};
pub use selective::{augrc, aurc, risk_coverage};
pub(crate) use selective::{augrc_of, aurc_of, risk_coverage_of};
pub(crate) use sorted::Sorted;

/// Whether a grade counts as right where two classes are needed.
pub fn is_right(quality: f64) -> bool {
    quality >= 0.5
}

/// Rows whose score is not NaN.
pub(crate) fn read<'a>(scores: &'a [f64], quality: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + Clone + 'a {
    // Adding zero turns −0.0 into 0.0, which `total_cmp` would tell apart.
    scores.iter().zip(quality).filter(|(score, _)| !score.is_nan()).map(|(score, quality)| (*score + 0.0, *quality))
}

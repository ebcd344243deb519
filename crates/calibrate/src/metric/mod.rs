//! How well scores rank and confidences say what is right. All O(n log n).
//!
//! A NaN score or confidence is an abstention: its row is left out of every number here, and counted by whoever reports it.
//! Quality may be graded; where a ranking needs two classes, at least ½ is right.

pub mod calibration;
pub(super) mod ranking;
mod selective;
mod sorted;

pub use calibration::{BINS, bins_for, brier, ece, reliability};
pub use ranking::auroc;
pub(crate) use ranking::is_upside_down;
pub use selective::{augrc, aurc, risk_coverage};
pub use sorted::Sorted;

/// Whether a grade counts as right where two classes are needed.
pub fn is_right(quality: f64) -> bool {
    quality >= 0.5
}

//! Tails, intervals, p-values and sample sizes: pure functions on numbers.
//!
//! Counts are `u64`, probabilities and levels lie in [0, 1]. A p-value is for the hypothesis that a promise is *broken*, so
//! that a small one certifies the promise.

#![expect(clippy::many_single_char_names, reason = "formulas keep the letters of their sources")]

pub mod agreement;
mod beta;
pub mod betting;
pub mod binomial;
pub(crate) mod bisection;
pub mod eprocess;
pub mod flips;
pub mod mcnemar;
pub mod mean;
pub mod multiple;
pub mod normal;
pub mod paired;
pub mod plan;
pub mod proportion;
pub(super) mod student;
pub mod trinomial;

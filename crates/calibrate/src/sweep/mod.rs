//! Searches over thresholds: every cut of a pair, every pair of cuts of three tiers, grids of cuts of any number of tiers.
//!
//! All sums are of integers, so what is found never depends on the number of cores. A search finds what is best *on the
//! rows it reads*; that is a promise about new traffic only after a test on rows that were not searched, or a test of every cut.

pub mod chains;
pub mod exact3;
pub(super) mod frontier;
pub mod grid;
pub(super) mod order;
pub mod pair;
pub mod path;

#[cfg(test)]
mod test_tables;

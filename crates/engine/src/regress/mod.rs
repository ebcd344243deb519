//! Fixture sets replayed under a cascade as it is now: what each example gets, and how that differs from a committed baseline.
//!
//! Everything here is exact. Whether a difference means anything on other requests is a question of statistics, which the
//! engine does not answer.

mod played;

pub use played::{Last, Mode, Played, PlayedItem};

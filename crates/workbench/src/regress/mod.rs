//! Fixture sets replayed under a cascade as it is now: what each example gets, and how that differs from a committed baseline.
//!
//! Everything here is exact. Whether a difference means anything on other requests is a question of statistics, which the
//! engine does not answer.

mod baseline;
mod baseline_file;
mod compare;
mod entry;
mod error;
pub mod live;
mod played;
mod replay;

pub use baseline::Baseline;
pub use compare::{Compared, ItemChange, compare};
pub use entry::{Entry, EntryItem, Summary};
pub use error::{BaselineError, Problem, ProblemKind, RegressError};
pub use played::{Last, Mode, NoLast, Played, PlayedItem};
pub use replay::{asked, replay, system};

#[cfg(test)]
mod testing;

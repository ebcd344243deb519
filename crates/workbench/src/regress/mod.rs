//! Fixture sets replayed under a cascade as it is now: what each example gets, how that differs from a committed baseline, and what
//! that says of other requests.

mod baseline;
mod baseline_file;
mod beside;
mod compare;
mod early;
mod entry;
mod judged;
mod limits;
pub mod live;
mod missing;
mod played;
mod problem;
mod replay;
mod rows;
mod sets;
mod system;
mod texts;
mod update;

pub use baseline::Baseline;
pub(crate) use beside::{Beside, beside};
pub use compare::{Compared, compare};
pub use entry::{BaselineEntry, EntryItem, Mode, Summary};
pub(crate) use judged::section;
pub use judged::{Ask, Regressed, regress};
pub use played::{Last, NoLast, Played, PlayedItem};
pub use replay::replay;
pub(crate) use texts::{recorded, tell};
pub use update::{Update, UpdatedEntry};

#[cfg(test)]
mod testing;

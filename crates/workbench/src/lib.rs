//! The workbench: labelled examples, what each tier answered to them, whether that was right, and what follows from it.
//!
//! Fixture sets are recorded, graded and looked after; observations are read from files or replayed from recordings; cascades are
//! calibrated, evaluated and held against a committed baseline. Each is a call that returns a report; nothing here knows a terminal.

pub mod batch;
pub mod fit;
pub mod fixture;
pub mod import;
pub mod ledger;
mod located;
pub mod locked;
pub mod observations;
pub mod regress;
mod replaying;
pub mod traffic;
pub mod whole;

pub use replaying::{Answers, OpenError, Opened, Replaying, fixture_folder, open};

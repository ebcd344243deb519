//! The workbench: labelled examples, what each tier answered to them, whether that was right, and what follows from it.
//!
//! Fixture sets are recorded, graded and looked after; observations are read from files or replayed from recordings; cascades are
//! calibrated, evaluated and held against a committed baseline. Each is a call that returns a report; nothing here knows a terminal.

pub mod advise;
mod batch;
pub mod calibrate;
pub mod diff;
mod error;
pub mod evaluate;
pub mod fit;
pub mod fixture;
pub mod grade;
pub mod import;
pub mod inputs;
mod ledger;
mod located;
pub mod locked;
mod object;
pub mod observations;
pub mod plan;
pub mod progress;
mod record;
pub mod regress;
mod replaying;
pub mod results;
pub mod traffic;
pub mod whole;

pub use advise::advise;
pub use calibrate::calibrate;
pub use diff::diff;
pub use error::Error;
pub use evaluate::evaluate;
pub use grade::grade;
pub use inputs::Inputs;
pub use located::json_reason;
pub use plan::plan;
pub use progress::Progress;
pub use record::record;
pub use regress::regress;
pub use replaying::{Answers, Opened, Replaying, fixture_folder, given_folder, open, open_in};

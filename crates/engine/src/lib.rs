#![doc = include_str!("../README.md")]

mod ask;
mod assemble;
mod binding;
pub mod clock;
pub mod config;
mod digest;
mod drive;
mod engine;
mod environment;
pub mod fit;
pub mod fixture;
mod ids;
pub mod import;
pub mod ledger;
mod located;
pub mod locked;
pub mod observations;
pub mod regress;
mod replaying;
mod simulated;
pub mod sink;
pub mod timed;
pub mod traffic;
pub mod whole;

pub use ask::Ask;
pub use assemble::{Answers, LoadError, bindings, sources, sources_for};
pub use binding::TierBinding;
pub use clock::{Clock, SystemClock};
pub use engine::{Answer, BuildError, Engine, EngineBuilder};
pub use replaying::{Replaying, fixture_folder};
pub use tierfall_core as core;

#![doc = include_str!("../README.md")]

mod ask;
mod assemble;
mod binding;
pub mod clock;
pub mod config;
pub mod digest;
mod drive;
mod engine;
mod environment;
mod events;
pub mod fit;
mod ids;
pub mod jsonl;
mod observing;
pub mod timed;

pub use ask::Ask;
pub use assemble::{Asker, LoadError, Pool, Source, bindings, sources, sources_for};
pub use binding::TierBinding;
pub use clock::{Clock, SystemClock};
pub use engine::{Answer, BuildError, Engine, EngineBuilder};
pub use events::{Event, Events};
pub use jsonl::JsonlSink;
pub use tierfall_core as core;

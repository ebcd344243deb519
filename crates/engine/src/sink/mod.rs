//! Receivers of traces.

mod jsonl;

pub use jsonl::JsonlSink;

//! Receivers of traces.

mod jsonl;

pub use jsonl::JsonlSink;
pub(crate) use jsonl::Queue;

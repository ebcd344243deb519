//! Bytes to core types and back. Pure: no socket, no clock, no key.
//!
//! [`dialect`] is the way to providers: a call becomes a body, a body or a stream becomes a completion, an error body
//! becomes a kind of failure. [`openai`] is the other direction, for servers of our own. [`sse`] and [`body`] are what
//! both stand on: server-sent events from bytes cut anywhere, and JSON bodies whose untouched values stay byte-equal.

pub mod body;
pub mod dialect;
mod mend;
pub mod openai;
mod pointer;
pub mod sse;
mod view;

//! For tests of providers, signals and cascades: a chunked server with cuts and delays, scripted providers, sample answers, populations
//! with known truth.

pub mod conformance;
mod drawn;
pub mod field;
pub mod numbers;
pub mod openai;
pub mod populations;
pub mod sample;
pub mod scripted;
pub mod seen;
pub mod server;
pub mod simulated;

pub use scripted::Scripted;
pub use seen::Seen;
pub use server::{Gate, Script, Server};

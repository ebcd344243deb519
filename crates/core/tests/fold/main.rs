//! What must always hold of the fold, on scripted answers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test helpers: a wrong script should stop the test, and some are to panic"
)]

mod absurd;
mod fallback;
mod members;
mod money;
#[cfg(test)]
mod outset;
mod panics;
mod permission;
mod points;
mod probing;
mod runs;
mod scripted;
mod streams;
mod unsendable;

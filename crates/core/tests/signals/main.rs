//! What holds for every signal of the table, and what every formula gives.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "test helpers: a wrong example should stop the test, and a skipped one says so"
)]

mod conformance;
mod faults;
mod golden;
mod objects;
mod ratings;
mod table;
mod taken_out;

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

use serde_json::json;
use tierfall_core::signal::table::SignalSpec;

/// Every signal of the table with options that build: the defaults, except where one has no sensible default.
fn examples() -> impl Iterator<Item = SignalSpec> {
    let given = |name: &str| match name {
        "choice" => json!({ name: { "choices": ["yes", "no"] } }),
        "regex" => json!({ name: { "pattern": "^[A-D]$" } }),
        "json-schema" => json!({ name: { "schema": { "type": "object", "required": ["order"] } } }),
        _ => json!(name),
    };
    SignalSpec::NAMES.iter().map(move |name| serde_json::from_value(given(name)).unwrap())
}

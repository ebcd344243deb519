//! What calibration and regression runs claim, counted on populations whose truth is known, and on published results.
//!
//! ```text
//! cargo run --release -p tierfall-workbench --example trials -- TRIAL [OPTION…]
//! ```
//!
//! The head of each module says what its trial counts, and which options it takes. Each ends with 0, with 1 where a promise was broken
//! more often than it may be, and with 2 where it was asked wrongly. The tests of this example are their short forms.

mod false_alarms;
mod grid_search_curves;
mod promises;
mod sampled_traffic;
mod validity;

use std::io::{self, Write};
use std::process::ExitCode;

/// Takes what stands after the trial's name; whether what was to hold holds.
type Trial = fn(Vec<String>) -> Result<bool, String>;

const TRIALS: [(&str, Trial); 5] = [
    ("validity", validity::trial),
    ("promises", promises::trial),
    ("false-alarms", false_alarms::trial),
    ("sampled-traffic", sampled_traffic::trial),
    ("grid-search-curves", grid_search_curves::trial),
];

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let ended = match TRIALS.iter().find(|(known, _)| *known == name) {
        Some((_, trial)) => trial(args.collect()),
        None => Err(format!("which trial? {}", TRIALS.map(|(name, _)| name).join(", "))),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(2)
        }
    }
}

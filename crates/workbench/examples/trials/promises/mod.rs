//! Every mode in which something is promised, counted: how often the promise is broken over many draws from populations whose
//! truth is known, and what becomes of files whose rows, grades, scores or segments were lost by what they say.
//!
//! ```text
//! cargo run --release -p tierfall-workbench --example trials -- promises [--draws 1000] [--seed 1] [--only PART-OF-A-NAME]
//! ```
//!
//! A draw is written to a file of observations, read back, calibrated, and what was promised is held against the population. Printed a
//! mode: draws, in how many something was certified, in how many of all it was broken, with the exact bounds of Clopper and Pearson
//! (95 %), the error that was allowed, and the mean saving. The last line says whether any mode is above its error by more than chance.

mod line;
mod modes;
mod people;
mod plants;
mod run;
#[cfg(test)]
mod tests;
mod truth;
mod world;

use std::io::{self, IsTerminal, Write};

use self::modes::{Expects, Mode};
use self::run::{Count, draws};

struct Options {
    draws: u64,
    seed: u64,
    only: String,
}

/// Counts, and prints.
pub(crate) fn trial(args: Vec<String>) -> Result<bool, String> {
    print(&options(args.into_iter())?)
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { draws: 1000, seed: 1, only: String::new() };
    while let Some(arg) = args.next() {
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        let number = || value.parse().map_err(|_| format!("{arg} {value} is not a number"));
        match arg.as_str() {
            "--draws" => options.draws = number()?,
            "--seed" => options.seed = number()?,
            "--only" => options.only = value,
            _ => return Err(format!("{arg} is not known; see the head of this example")),
        }
    }
    Ok(options)
}

/// Prints the table; whether every mode is within its error.
fn print(options: &Options) -> Result<bool, String> {
    let mut out = io::stdout().lock();
    let mut line = |text: String| writeln!(out, "{text}").map_err(|error| error.to_string());
    line(format!(
        "{:<30} {:>5} {:>9} {:>6}  {:<22} {:>6} {:>7}",
        "mode", "draws", "certified", "broken", "rate (95 %)", "δ", "saving"
    ))?;
    let mut above = Vec::new();
    let all = modes::all().into_iter().chain(people::all()).chain(plants::all());
    for mode in all.filter(|mode| mode.name.contains(&options.only)) {
        if io::stderr().is_terminal() {
            let _ = write!(io::stderr(), "\r{:<30}\r", mode.name);
        }
        let count = draws(&mode, options.draws, options.seed)?;
        line(row(&mode, &count))?;
        if !count.is_as_expected(&mode) {
            above.push(mode.name);
        }
    }
    line(match above.as_slice() {
        [] => "no mode is above its error by more than chance, and what can promise nothing promised nothing".to_owned(),
        above => format!("ABOVE THEIR ERROR, OR PROMISED WHERE NOTHING CAN BE: {}", above.join(", ")),
    })?;
    Ok(above.is_empty())
}

fn row(mode: &Mode, count: &Count) -> String {
    let head = format!("{:<30} {:>5} {:>9} {:>6}", mode.name, count.draws, count.certified, count.broken);
    match mode.expects {
        Expects::Kept => {
            let (low, high) = count.bounds(0.95);
            let rate = format!("{:.4} ({low:.4} to {high:.4})", count.rate());
            format!("{head}  {rate:<22} {:>6.4} {:>6.1} %", mode.delta, 100.0 * count.saving / count.draws as f64)
        }
        Expects::Conditional => format!("{head}  {} without the condition that is not so", count.bare),
        Expects::Nothing => format!("{head}  nothing is promised"),
        Expects::Refused => format!("{head}  refused: {}", count.why),
    }
}

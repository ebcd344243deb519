//! How often promises are broken, over many draws of examples from populations whose truth is known.
//!
//! ```text
//! cargo run --release -p tierfall-workbench --example trials -- validity [--draws 1000] [--n 500,1000,2000] [--delta 0.1] [--loss 0.02]
//!     [--below 0.05] [--tiers 2,3] [--depth 1] [--seed 1]
//!     [FILE… --chain A,B,C [--chain …] --signal NAME]
//! ```
//!
//! Without files: five synthetic kinds of population, with two and three tiers, a loss of at most `--loss` against the last tier
//! (`rel`) and an accuracy of at least that of the last tier less `--below` (`abs`). With files: their rows, drawn with
//! replacement, `rel` alone. Printed beside ours: the cheapest cut that meets the target on the sample, and conformal risk control.

mod cell;
mod read;
mod rules;
#[cfg(test)]
mod tests;
pub(crate) mod truth;

use std::io::{self, IsTerminal, Write};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use tierfall_calibrate::ask::{Ask, Delta, Target};
use tierfall_testkit::populations::{Kind, population};

use self::cell::{Cell, Plan, run};
use self::truth::{Truth, binary};

/// Items of a synthetic population.
const ITEMS: usize = 200_000;

struct Options {
    draws: u64,
    n: Vec<usize>,
    tiers: Vec<usize>,
    delta: Delta,
    loss: f64,
    below: f64,
    depth: usize,
    seed: u64,
    files: Vec<String>,
    chains: Vec<String>,
    signal: String,
}

/// Counts, and prints.
pub(crate) fn trial(args: Vec<String>) -> Result<bool, String> {
    print(&options(args.into_iter())?).map(|()| true)
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} {text} is not a number"))
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let delta = |value: f64| Delta::new(value).ok_or_else(|| format!("--delta {value} is outside (0, 1)"));
    let mut options = Options {
        draws: 1000,
        n: vec![500, 2000],
        tiers: vec![2, 3],
        delta: delta(0.1)?,
        loss: 0.02,
        below: 0.05,
        depth: 1,
        seed: 1,
        files: Vec::new(),
        chains: Vec::new(),
        signal: String::new(),
    };
    let list = |name: &str, text: &str| text.split(',').map(|part| number(name, part)).collect::<Result<Vec<usize>, _>>();
    while let Some(arg) = args.next() {
        if !arg.starts_with("--") {
            options.files.push(arg);
            continue;
        }
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--draws" => options.draws = number(&arg, &value)?,
            "--n" => options.n = list(&arg, &value)?,
            "--tiers" => options.tiers = list(&arg, &value)?,
            "--delta" => options.delta = delta(number(&arg, &value)?)?,
            "--loss" => options.loss = number(&arg, &value)?,
            "--below" => options.below = number(&arg, &value)?,
            "--depth" => options.depth = number(&arg, &value)?,
            "--seed" => options.seed = number(&arg, &value)?,
            "--chain" => options.chains.push(value),
            "--signal" => options.signal = value,
            _ => return Err(format!("{arg} is not known; see the head of this example")),
        }
    }
    if options.files.is_empty() == options.chains.is_empty() && options.files.is_empty() == options.signal.is_empty() {
        Ok(options)
    } else {
        Err("files need --chain A,B,C and --signal NAME, and only they do".into())
    }
}

fn truths(options: &Options) -> Result<Vec<(Truth, bool)>, String> {
    let mut truths = Vec::new();
    for file in &options.files {
        for chain in &options.chains {
            let names: Vec<&str> = chain.split(',').collect();
            let name = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".gz").trim_end_matches(".jsonl");
            truths.push((Truth::new(format!("{name} {}", names.join(">")), read::table(file, &names, &options.signal)?), false));
        }
    }
    if options.files.is_empty() {
        for tiers in &options.tiers {
            for kind in Kind::ALL {
                let all = population(kind, *tiers, ITEMS, options.seed);
                let table = binary(all.scores, &all.right, &all.costs, all.ties);
                truths.push((Truth::new(format!("{} {tiers}", kind.name()), table), true));
            }
        }
    }
    Ok(truths)
}

fn print(options: &Options) -> Result<(), String> {
    let mut out = io::stdout().lock();
    let mut line = |text: String| writeln!(out, "{text}").map_err(|error| error.to_string());
    line(format!(
        "δ = {}, {} draws; a promise broken: share of draws ± standard error; saving against always asking the last tier",
        options.delta.get(),
        options.draws
    ))?;
    line(format!(
        "{:<56} {:>4} {:>5} | {:>13} {:>6} {:>6} | {:>6} {:>6} {:>6}",
        "population", "", "n", "ours", "naive", "CRC", "saving", "oracle", "share"
    ))?;
    let (mut most, mut shares) = (0.0_f64, Vec::new());
    for (truth, absolute) in truths(options)? {
        let abs = absolute.then_some(("abs", Target::Accuracy(truth.last.quality - options.below)));
        for (mode, target) in [("rel", Target::MaxLoss(options.loss))].into_iter().chain(abs) {
            for n in &options.n {
                let cell = draws(options, &truth, target, *n)?;
                let (rate, error) = cell.rate(cell.ours);
                // Where next to nothing can be saved no share means anything.
                let share = (cell.oracle > 0.01).then(|| cell.saving(cell.ours) / cell.oracle);
                most = most.max(rate);
                shares.extend(share);
                let share = share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
                line(format!(
                    "{:<56} {mode:>4} {n:>5} | {rate:>5.3} ± {error:>5.3} {:>6.3} {:>6.3} | {:>6.3} {:>6.3} {share:>6}",
                    truth.name,
                    cell.rate(cell.naive).0,
                    cell.rate(cell.conformal).0,
                    cell.saving(cell.ours),
                    cell.oracle,
                ))?;
            }
        }
    }
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    line(format!("most of ours: {most:.3}; mean share of the oracle's saving: {mean:.3}"))
}

fn draws(options: &Options, truth: &Truth, target: Target, n: usize) -> Result<Cell, String> {
    let ask = Ask {
        target,
        delta: Some(options.delta),
        signals: Vec::new(),
        points: Vec::new(),
        latency: None,
        by_segment: None,
        max_depth: options.depth,
        people_at_random: true,
        seed: options.seed,
        earlier: 0,
    };
    let (done, step) = (AtomicU64::new(0), (options.draws / 20).max(1));
    let seen = io::stderr().is_terminal();
    let tick = || {
        let now = done.fetch_add(1, Ordering::Relaxed) + 1;
        if seen && now.is_multiple_of(step) {
            let _ = write!(io::stderr(), "\r{:<56} {now:>6}/{}", truth.name, options.draws);
        }
    };
    let plan = Plan { ask, n, draws: options.draws, seed: options.seed << 32 };
    let cell = run(truth, &plan, &tick);
    if seen {
        let _ = write!(io::stderr(), "\r{:<72}\r", "");
    }
    cell
}

//! How often a regression run fails although nothing got worse, and how often it finds what did, beside the usual gates.
//!
//! ```text
//! cargo run --release -p tierfall-workbench --example trials -- false-alarms [--draws 20000]
//! ```

mod power;
mod published;
mod repeats;
mod runs;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use self::power::{CHURNS, SIZES};
use self::runs::{MidP, Setting};

/// Counts, and prints.
pub(crate) fn trial(args: Vec<String>) -> Result<bool, String> {
    print(draws(args.into_iter())?).map(|()| true).map_err(|error| error.to_string())
}

fn draws(mut args: impl Iterator<Item = String>) -> Result<u64, String> {
    let mut draws = 20_000;
    while let Some(arg) = args.next() {
        let value = args.next().filter(|_| arg == "--draws").and_then(|value| value.parse().ok());
        draws = value.filter(|draws| *draws > 0).ok_or_else(|| format!("{arg}: only --draws N is known, with N above 0"))?;
    }
    Ok(draws)
}

/// Ours beside what was published; a star where they differ by more than four standard errors of their difference.
fn beside(ours: f64, published: f64, draws: u64) -> String {
    let variance = |p: f64, n: f64| (p * (1.0 - p)).max(1e-4) / n;
    let error = (variance(ours, draws as f64) + variance(published, 20_000.0)).sqrt();
    let star = if (ours - published).abs() > 4.0 * error + 0.0005 { "*" } else { " " };
    format!("{ours:.3} {published:.3}{star}")
}

fn print(draws: u64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mid = MidP::new();
    writeln!(out, "{draws} runs a cell. A run: quality overall and by 7 segments, and cost, at a level of 0.01 in all.\n")?;
    writeln!(out, "Nothing got worse: share of runs that fail by ours | any drop of the score | a drop of more than 1 point")?;
    write!(out, "{:>8}", "n")?;
    for churn in CHURNS {
        write!(out, "   churn {:>4.0} %       ", 100.0 * churn)?;
    }
    writeln!(out)?;
    let mut most = 0.0_f64;
    let mut cell = 0;
    for n in SIZES {
        write!(out, "{n:>8}")?;
        for churn in CHURNS {
            let [ours, any, point] = power::alarms(draws, Setting { n, churn, drop: 0.0 }, cell, &mid);
            (most, cell) = (most.max(ours), cell + 1);
            write!(out, "   {ours:.4} | {any:.3} | {point:.3}")?;
        }
        writeln!(out)?;
    }
    writeln!(out, "most of ours: {most:.4}\n")?;
    writeln!(out, "Share of runs called worse, ours and as published (* = more than four standard errors apart)")?;
    writeln!(
        out,
        "{:>6} {:>5} {:>5} | {:<12} {:<12} {:<12} {:<12} {:<12}",
        "n", "churn", "drop", "any drop", "> 1 point", "exact .05", "mid-p .05", "mid-p .01"
    )?;
    for (at, (n, churn, drop, published)) in published::POWER.into_iter().enumerate() {
        let ours = power::columns(draws, Setting { n, churn, drop }, 40 + at as u64, &mid);
        write!(out, "{n:>6} {churn:>5.2} {drop:>5.2} |")?;
        for (ours, published) in ours.into_iter().zip(published) {
            write!(out, " {}", beside(ours, published, draws))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "\nQuality dropped by what ours says it finds with probability 0.8: share of runs that fail")?;
    for (at, (n, churn)) in [(500, 0.1), (1000, 0.06), (1000, 0.1), (3000, 0.02), (3000, 0.06)].into_iter().enumerate() {
        let (drop, power) = power::found(draws, n, churn, 60 + at as u64, &mid);
        writeln!(out, "{n:>6} {churn:>5.2}   drop of {:>4.2} points: {power:.3}", 100.0 * drop)?;
    }
    writeln!(out, "\n300 examples, repeated; nothing got worse: called worse at 0.05 by repeats pooled | by means of examples")?;
    for (repeats, published) in published::REPEATS {
        let [pooled, means] = repeats::sizes(draws, repeats, &mid);
        writeln!(out, "{repeats:>6} x   {} | {}", beside(pooled, published[0], draws), beside(means, published[1], draws))?;
    }
    let [alone, holm] = repeats::any_alarm(draws, 6, 0.3);
    writeln!(out, "\nSix metrics at 0.05, correlation 0.3: some false alarm, each by itself | by Holm's adjustment")?;
    writeln!(out, "           {} | {}", beside(alone, published::SIX[0], draws), beside(holm, published::SIX[1], draws))
}

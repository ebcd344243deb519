//! What a sample of the traffic says that keeps accepted requests rarely and escalated ones often, with the weights that undo that
//! and without.
//!
//! ```text
//! cargo run --release -p tierfall-workbench --example trials -- sampled-traffic [--draws 500] [--requests 20000] [--accepted 0.05]
//!     [--escalated 0.5] [--coverage 0.6] [--loss 0.04] [--delta 0.1] [--seed 1]
//! ```
//!
//! Five synthetic kinds of population with two tiers. `bias` is the mean estimate less the truth over all draws, in percentage
//! points, ± its Monte-Carlo standard error; `held` the share of 95 % intervals that hold the truth; `broken` the share of draws
//! after which a loss of at most `--loss` was certified and is not kept, which may be `--delta` at most.

#[cfg(test)]
mod tests;
mod traffic;

use std::io::{self, Write};

use tierfall_calibrate::ask::{Ask, Delta, Target};
use tierfall_testkit::populations::{Kind, population};

use self::traffic::{Outcome, Plan, Said, run};
use crate::validity::truth::{Truth, binary};

/// Items of a population.
const ITEMS: usize = 200_000;

/// Counts, and prints.
pub(crate) fn trial(args: Vec<String>) -> Result<bool, String> {
    print(&plan(args.into_iter())?).map(|()| true)
}

fn plan(mut args: impl Iterator<Item = String>) -> Result<Plan, String> {
    let (mut loss, mut delta) = (0.04, 0.1);
    let ask = Ask {
        target: Target::MaxLoss(loss),
        delta: None,
        signals: Vec::new(),
        points: Vec::new(),
        latency: None,
        by_segment: None,
        max_depth: 1,
        people_at_random: true,
        seed: 1,
        earlier: 0,
    };
    let mut plan = Plan { ask, requests: 20_000, coverage: 0.6, accepted: 0.05, escalated: 0.5, draws: 500, seed: 1 };
    while let Some(name) = args.next() {
        let text = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || text.parse::<f64>().map_err(|_| format!("{name} {text} is not a number"));
        let whole = || text.parse::<u64>().map_err(|_| format!("{name} {text} is not a whole number"));
        match name.as_str() {
            "--draws" => plan.draws = whole()?.max(2),
            "--requests" => plan.requests = usize::try_from(whole()?).map_err(|error| error.to_string())?,
            "--accepted" => plan.accepted = number()?,
            "--escalated" => plan.escalated = number()?,
            "--coverage" => plan.coverage = number()?,
            "--loss" => loss = number()?,
            "--delta" => delta = number()?,
            "--seed" => plan.seed = whole()?,
            _ => return Err(format!("{name} is no option of this example")),
        }
    }
    plan.ask.target = Target::MaxLoss(loss);
    plan.ask.delta = Some(Delta::new(delta).ok_or("--delta must be above 0 and below 1")?);
    Ok(plan)
}

fn print(plan: &Plan) -> Result<(), String> {
    let out = &mut io::stdout().lock();
    let write = |error: io::Error| error.to_string();
    writeln!(
        out,
        "{} requests a draw, {} draws; {:.0} % of the accepted and {:.0} % of the escalated ones are kept\n",
        plan.requests,
        plan.draws,
        100.0 * plan.accepted,
        100.0 * plan.escalated,
    )
    .map_err(write)?;
    writeln!(
        out,
        "{:<13} {:>5}  {:<10} {:>15} {:>6} {:>15} {:>6} {:>10} {:>15} {:>7}",
        "population", "kept", "read", "accuracy bias", "held", "loss bias", "held", "certified", "broken", "saving"
    )
    .map_err(write)?;
    for kind in Kind::ALL {
        let all = population(kind, 2, ITEMS, 7);
        let truth = Truth::new(kind.name().into(), binary(all.scores, &all.right, &all.costs, all.ties));
        let outcome = run(&truth, plan)?;
        row(out, &outcome, (&truth.name, &format!("{:.0}", outcome.kept)), "unweighted", outcome.naive).map_err(write)?;
        row(out, &outcome, ("", ""), "weighted", outcome.weighted).map_err(write)?;
    }
    Ok(())
}

fn row(out: &mut impl Write, outcome: &Outcome, (name, kept): (&str, &str), read: &str, said: Said) -> io::Result<()> {
    let points = |(mean, error): (f64, f64)| format!("{:+.2} ± {:.2}", 100.0 * mean, 100.0 * error);
    let (rate, error) = outcome.violation(said);
    writeln!(
        out,
        "{name:<13} {kept:>5}  {read:<10} {:>15} {:>6.3} {:>15} {:>6.3} {:>10} {:>15} {:>7.3}",
        points(said.accuracy),
        said.covered.0,
        points(said.loss),
        said.covered.1,
        said.certified,
        format!("{rate:.3} ± {error:.3}"),
        said.saving,
    )
}

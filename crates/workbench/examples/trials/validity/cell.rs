//! One population, target and number of rows: how often rules break their promise over many draws, and what they save.

use rayon::prelude::*;
use tierfall_calibrate::ask::{Ask, Target};

use super::rules::{Chosen, conformal, naive, ours};
use super::truth::{Truth, pick};

/// What is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) ask: Ask,
    /// Rows a draw.
    pub(crate) n: usize,
    pub(crate) draws: u64,
    /// Of the first draw.
    pub(crate) seed: u64,
}

/// How a rule did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    /// Draws after which it promised the target and broke it.
    pub(crate) broken: u64,
    /// Draws after which it promised the target.
    pub(crate) promised: u64,
    /// Σ saving against always asking the last tier.
    pub(crate) saving: f64,
}

/// How all did.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) draws: u64,
    pub(crate) ours: Score,
    pub(crate) naive: Score,
    pub(crate) conformal: Score,
    /// Of a rule that knows the population.
    pub(crate) oracle: f64,
}

impl Cell {
    /// The rate at which a promise is broken, and its Monte-Carlo standard error.
    pub(crate) fn rate(&self, score: Score) -> (f64, f64) {
        let rate = score.broken as f64 / self.draws as f64;
        (rate, (rate * (1.0 - rate) / self.draws as f64).sqrt())
    }

    /// Mean saving of a rule.
    pub(crate) fn saving(&self, score: Score) -> f64 {
        score.saving / self.draws as f64
    }
}

/// Draws, in parallel; the result is the same on any number of cores.
pub(crate) fn run(truth: &Truth, plan: &Plan, tick: &(impl Fn() + Sync)) -> Result<Cell, String> {
    let least = match plan.ask.target {
        Target::Accuracy(accuracy) => accuracy,
        Target::MaxLoss(loss) => truth.last.quality - loss,
        Target::MaxCost(_) => return Err("a limit on cost promises nothing".into()),
    } - 1e-12;
    let one = |draw: u64| -> Result<[(bool, bool, f64); 3], String> {
        let sample = pick(&truth.table, &truth.rows(plan.n, plan.seed + draw));
        let naive = naive(&sample, plan.ask.target);
        let conformal = conformal(&sample, plan.ask.target);
        let judged = |chosen: &Chosen| {
            let worth = truth.of(&chosen.policy);
            (chosen.promised && worth.quality < least, chosen.promised, 1.0 - worth.cost)
        };
        let all = [judged(&ours(sample, &plan.ask)?), judged(&naive), judged(&conformal)];
        tick();
        Ok(all)
    };
    let draws: Vec<[(bool, bool, f64); 3]> = (0..plan.draws).into_par_iter().map(one).collect::<Result<_, _>>()?;
    let mut scores = [Score::default(); 3];
    for draw in &draws {
        for (score, (broken, promised, saving)) in scores.iter_mut().zip(draw) {
            score.broken += u64::from(*broken);
            score.promised += u64::from(*promised);
            score.saving += saving;
        }
    }
    let [ours, naive, conformal] = scores;
    Ok(Cell { draws: plan.draws, ours, naive, conformal, oracle: 1.0 - truth.oracle(least).cost })
}

//! Requests drawn from a population that is wholly known, served by a deployed cascade, and kept with a probability that
//! depends on what became of them: what the kept ones say with their weights and without.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use tierfall_calibrate::ask::Ask;
use tierfall_calibrate::certify::{Input, Labels, certify};
use tierfall_calibrate::evaluate::{Cuts, evaluate_policy};
use tierfall_calibrate::observations::{Builder, Cell, Row, TierSpec};
use tierfall_calibrate::policy::Thresholds;
use tierfall_calibrate::report::Estimate;
use tierfall_calibrate::table::{Table, Weights};
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::{Seen, Status, TierFit};
use tierfall_core::fusion::GateValue;
use tierfall_core::number::{Score, Threshold};

use crate::validity::truth::{Truth, pick};

/// How traffic is served and kept.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What is promised from the kept requests.
    pub(crate) ask: Ask,
    /// Requests a draw.
    pub(crate) requests: usize,
    /// The share that the deployed first tier accepts.
    pub(crate) coverage: f64,
    /// The probability with which an accepted request is kept.
    pub(crate) accepted: f64,
    /// The same for an escalated one.
    pub(crate) escalated: f64,
    pub(crate) draws: u64,
    /// Of the first draw.
    pub(crate) seed: u64,
}

/// What the kept requests said, with weights or without.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    /// Mean and standard error of the estimated accuracy of the deployed cascade less the true one.
    pub(crate) accuracy: (f64, f64),
    /// The same of its loss against always asking the last tier.
    pub(crate) loss: (f64, f64),
    /// Share of the draws whose 95 % interval of the accuracy, and of the loss, holds the truth.
    pub(crate) covered: (f64, f64),
    /// Draws after which a target was certified by asking the last tier less, and of them those where the promise does not hold.
    pub(crate) certified: u64,
    pub(crate) broken: u64,
    /// Mean share of the last tier's cost that is saved.
    pub(crate) saving: f64,
}

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) draws: u64,
    /// Mean number of requests kept.
    pub(crate) kept: f64,
    pub(crate) naive: Said,
    pub(crate) weighted: Said,
}

impl Outcome {
    /// How often a promise is broken, and the Monte-Carlo standard error of that.
    pub(crate) fn violation(&self, said: Said) -> (f64, f64) {
        let rate = said.broken as f64 / self.draws as f64;
        (rate, (rate * (1.0 - rate) / self.draws as f64).sqrt())
    }
}

/// One draw, one way to read it.
#[derive(Clone, Copy)]
struct One {
    accuracy: f64,
    loss: f64,
    covered: [bool; 2],
    certified: bool,
    broken: bool,
    saving: f64,
}

/// Draws, in parallel; the result is the same on any number of cores.
pub(crate) fn run(truth: &Truth, plan: &Plan) -> Result<Outcome, String> {
    let deployed = deployed(truth, plan.coverage)?;
    let real = truth.of(&deployed);
    let draws: Vec<(usize, One, One)> = (0..plan.draws)
        .into_par_iter()
        .map(|draw| {
            let (rows, weights) = kept(truth, &deployed, plan, draw);
            let heaviest = 1.0 / plan.accepted.min(plan.escalated);
            let mut table = pick(&truth.table, &rows);
            let of = |table: &Table<'static>| {
                let estimate = estimates(table, &deployed)?;
                judged(truth, table.clone(), plan, (real.quality, truth.last.quality - real.quality), estimate)
            };
            let naive = of(&table)?;
            table.weights = Some(Weights { rows: weights.into(), heaviest: Some(heaviest) });
            Ok((rows.len(), naive, of(&table)?))
        })
        .collect::<Result<_, String>>()?;
    let n = draws.len() as f64;
    let said = |which: fn(&(usize, One, One)) -> One| {
        let all: Vec<One> = draws.iter().map(which).collect();
        let mean = |value: fn(&One) -> f64| {
            let mean = all.iter().map(value).sum::<f64>() / n;
            let squares: f64 = all.iter().map(|one| (value(one) - mean).powi(2)).sum();
            (mean, (squares / (n - 1.0) / n).sqrt())
        };
        let count = |holds: fn(&One) -> bool| all.iter().filter(|one| holds(one)).count() as u64;
        Said {
            accuracy: mean(|one| one.accuracy),
            loss: mean(|one| one.loss),
            covered: (count(|one| one.covered[0]) as f64 / n, count(|one| one.covered[1]) as f64 / n),
            certified: count(|one| one.certified),
            broken: count(|one| one.broken),
            saving: mean(|one| one.saving).0,
        }
    };
    let kept = draws.iter().map(|(kept, ..)| *kept as f64).sum::<f64>() / n;
    Ok(Outcome { draws: plan.draws, kept, naive: said(|draw| draw.1), weighted: said(|draw| draw.2) })
}

/// Ask the first tier, and the last one where it is less sure than at the given share of the population.
fn deployed(truth: &Truth, coverage: f64) -> Result<Thresholds, String> {
    let values = truth.table.tiers[0].values.as_deref().ok_or("the first tier has no gate")?;
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the rows")]
    let at = (coverage * sorted.len() as f64) as usize;
    let score = sorted.get(at).and_then(|score| Score::new(*score)).ok_or("a coverage is below 1")?;
    Thresholds::pair(0, truth.table.last(), Threshold::accept_from(score)).map_err(|error| format!("{error:?}"))
}

/// The requests that are kept, with 1 over the probability of that.
fn kept(truth: &Truth, deployed: &Thresholds, plan: &Plan, draw: u64) -> (Vec<usize>, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed ^ (draw << 20) ^ 0x5a);
    let propensity = |row: &usize| if deployed.exit(&truth.table, *row) == 0 { plan.accepted } else { plan.escalated };
    let rows = truth.rows(plan.requests, plan.seed + draw).into_iter();
    rows.filter_map(|row| {
        let p = propensity(&row);
        (rng.random::<f64>() < p).then_some((row, 1.0 / p))
    })
    .unzip()
}

/// What evaluation says of the deployed cascade: its accuracy, and its loss against always asking the last tier.
fn estimates(table: &Table<'_>, deployed: &Thresholds) -> Result<(Estimate, Estimate), String> {
    let tiers = table.tiers.len();
    let names: Vec<_> = table.tiers.iter().map(|tier| tier.name.clone()).collect();
    let signals = |tier: usize| if tier + 1 < tiers { vec!["score".into()] } else { Vec::new() };
    let spec = |(tier, name): (usize, &std::sync::Arc<str>)| TierSpec { name: name.clone(), signals: signals(tier), judge: None };
    let mut observations = Builder::new(names.iter().enumerate().map(spec).collect(), "salt");
    for row in 0..table.len() {
        let scores: Vec<Vec<Option<Score>>> =
            table.tiers.iter().map(|tier| tier.values.iter().map(|values| Score::new(values[row])).collect()).collect();
        let mut cells = Vec::with_capacity(tiers);
        for (tier, scores) in table.tiers.iter().zip(&scores) {
            cells.push(Cell::graded(tier.quality[row], scores));
        }
        let weight = table.weights.as_ref().map(|weights| weights[row]);
        let row = Row { id: &row.to_string(), segment: None, stratum: None, group: None, weight, tiers: &cells };
        observations.push(&row).map_err(|error| error.to_string())?;
    }
    let observations = observations.finish();
    let gate = |tier: usize| (tier + 1 < tiers).then(|| GateValue::Signal { signal: "score".into(), negated: false });
    let fits: Vec<TierFit> = names
        .iter()
        .enumerate()
        .map(|(tier, name)| TierFit { name: name.to_string(), binding: None, gate: gate(tier), map: None })
        .collect();
    let (held, _) = Held::overlapping(View::all(&observations), &Seen::default());
    let told = evaluate_policy(&held, &fits, &Cuts::of(deployed, tiers), 0).map_err(|error| error.to_string())?;
    Ok((told.accuracy, told.loss_vs_last))
}

/// Held against the truth: the estimates, and what is certified.
fn judged(
    truth: &Truth,
    table: Table<'static>,
    plan: &Plan,
    (accuracy, loss): (f64, f64),
    estimate: (Estimate, Estimate),
) -> Result<One, String> {
    use tierfall_calibrate::ask::Target;
    let least = match plan.ask.target {
        Target::Accuracy(accuracy) => accuracy,
        Target::MaxLoss(loss) => truth.last.quality - loss,
        Target::MaxCost(_) => return Err("a limit on cost promises nothing".into()),
    } - 1e-12;
    let input = Input { certify: table, tune: None, segments: None, labels: Labels::Human };
    let mut found = certify(&input, &plan.ask).map_err(|error| error.to_string())?;
    let point = found.points.swap_remove(0);
    let worth = truth.of(&point.policy);
    // That always asking the last tier loses nothing needs no rows.
    let certified = point.status == Status::Certified && point.policy != Thresholds::always(truth.table.last());
    let within = |estimate: Estimate, truth: f64| estimate.low <= truth && truth <= estimate.high;
    Ok(One {
        accuracy: estimate.0.value - accuracy,
        loss: estimate.1.value - loss,
        covered: [within(estimate.0, accuracy), within(estimate.1, loss)],
        certified,
        broken: certified && worth.quality < least,
        saving: if certified { 1.0 - worth.cost } else { 0.0 },
    })
}

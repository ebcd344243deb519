//! Which gate value each tier uses, and on which rows that is decided: a choice made on rows that certify costs error.

use std::borrow::Cow;

use tierfall_core::fusion::GateValue;
use tierfall_core::map::Transform;

use crate::ask::{Ask, SignalChoice};
use crate::map::fuse::{self, Toward};
use crate::metric::{self, Sorted};
use crate::observations::Observations;
use crate::table::{Table, values};
use crate::view::View;

use super::FitError;
use super::length;

/// From this many items on, choices are made on rows of their own, and the others certify.
pub(super) const SPLIT_FROM: usize = 1000;
/// The share of the items that choices are made on.
const TUNE: f64 = 0.4;
/// Folds of cross-fitted scores.
const FOLDS: usize = 5;

/// Whether choices about signals are made on one part of the rows and certified on the other. Where there are too few items for that, candidates
/// share δ, and fused scores are cross-fitted, which promises nothing exactly. Where every signal was named there is no choice.
pub(super) fn splits(ask: &Ask, observations: &Observations, items: usize) -> bool {
    let chosen = |(tier, choice): (usize, &SignalChoice)| match choice {
        SignalChoice::Fixed(_) => false,
        SignalChoice::Fuse(labels) => labels.len() != 1,
        SignalChoice::Auto => observations.spec(tier).signals.len() != 1,
    };
    items >= SPLIT_FROM && ask.signals.iter().enumerate().any(chosen)
}

/// What is to be certified: one table a candidate, all at an equal share of δ.
pub(super) struct Prepared<'a> {
    /// Gate values of every tier but the last, and the table they make; never empty.
    pub candidates: Vec<(Vec<Picked>, Table<'a>)>,
    /// The rows of the tables.
    pub certify: View<'a>,
    /// Rows on which choices were made, under the first candidate's gates; `None` where there are none.
    pub tune: Option<(View<'a>, Table<'a>)>,
    /// Whether scores were fused or chosen on the rows that certify: then a certificate is only approximate.
    pub approximate: bool,
}

/// A tier's gate value, and why it is not used where it is not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picked {
    /// What its gate compares.
    pub gate: GateValue,
    /// Why the tier is left out all the same.
    pub refused: Option<String>,
}

/// The gate values chosen on these rows, which are then not fit to certify or judge them.
pub(crate) fn gates_on(view: &View<'_>, choices: &[SignalChoice], seed: u64) -> Result<Vec<Picked>, FitError> {
    choices.iter().enumerate().map(|(tier, choice)| pick(view, tier, choice, seed)).collect()
}

fn plain(signal: &str, negated: bool) -> GateValue {
    GateValue::Signal { signal: signal.to_owned(), negated }
}

/// Chooses gate values on the rows of a view, one row an item.
pub(super) fn prepare<'a>(view: &View<'a>, ask: &Ask, split: bool) -> Result<Prepared<'a>, FitError> {
    if !split {
        return shared(view, ask);
    }
    let (tune, certify) = view.split(TUNE, ask.seed);
    let gates = gates_on(&tune, &ask.signals, ask.seed)?;
    let (first, other) = (table(&certify, &gates)?, table(&tune, &gates)?);
    Ok(Prepared { candidates: vec![(gates, first)], certify, tune: Some((tune, other)), approximate: false })
}

/// One signal by itself; refused where it knows nothing. That may be seen on the rows that certify: a pair less to promise spends
/// nothing.
fn alone(view: &View<'_>, tier: usize, label: &str) -> Result<Picked, FitError> {
    let gate = plain(label, false);
    let refused = length::refusal(view, tier, &values(view, tier, &gate)?);
    Ok(Picked { gate, refused })
}

/// The labels of a tier's signals.
pub(super) fn labels_of(view: &View<'_>, tier: usize) -> Vec<String> {
    view.observations().spec(tier).signals.iter().map(ToString::to_string).collect()
}

fn no_signals(view: &View<'_>, tier: usize) -> FitError {
    FitError::NoSignals { tier: view.observations().spec(tier).name.to_string() }
}

/// The table under chosen gates; a tier whose signal is refused reads nothing.
pub(crate) fn table<'a>(view: &View<'a>, gates: &[Picked]) -> Result<Table<'a>, FitError> {
    let readable: Vec<GateValue> = gates.iter().map(|picked| picked.gate.clone()).collect();
    let mut table = Table::new(view, &readable)?;
    for (tier, picked) in gates.iter().enumerate() {
        if picked.refused.is_some() {
            table.tiers[tier].values = Some(Cow::Owned(vec![f64::NAN; view.len()]));
        }
    }
    Ok(table)
}

/// How well gate values rank what deferral is about: AUROC for *not* (last right ∧ this wrong), ½ where that says nothing.
pub(super) fn rank(view: &View<'_>, tier: usize, gate_values: &[f64]) -> f64 {
    let last = view.observations().tiers().len() - 1;
    metric::auroc(&Sorted::new(gate_values), length::kept(view, tier, last)).unwrap_or(0.5)
}

/// The tier that a deferral of `tier` asks: the next one in force, and where none is, the last.
pub(super) fn next_of(in_force: &[usize], tier: usize, last: usize) -> usize {
    in_force.iter().copied().find(|other| *other > tier).unwrap_or(last)
}

/// The best gate value of a tier, by halves: what is trained is trained on one and all are compared on the other; the winner is
/// trained again on both.
///
/// Candidates are the named signals (under `auto` all, the wrong way round where they rank that way) and their fusions, towards being right and
/// towards benefit. One that ranks no better than the length of the answer does is refused.
fn pick(view: &View<'_>, tier: usize, choice: &SignalChoice, seed: u64) -> Result<Picked, FitError> {
    let (labels, turn) = match choice {
        SignalChoice::Fixed(gate) => return Ok(Picked { gate: gate.clone(), refused: None }),
        SignalChoice::Fuse(labels) => (labels.clone(), false),
        SignalChoice::Auto => (labels_of(view, tier), true),
    };
    let (train, compare) = view.split(0.5, seed ^ 0x5eed);
    let mut candidates: Vec<(f64, Option<Toward>, GateValue)> = Vec::new();
    let mut offer = |toward: Option<Toward>, gate: GateValue| -> Result<(), FitError> {
        candidates.push((rank(&compare, tier, &values(&compare, tier, &gate)?), toward, gate));
        Ok(())
    };
    for label in &labels {
        let upside_down = turn && rank(&train, tier, &values(&train, tier, &plain(label, false))?) < 0.5;
        offer(None, plain(label, upside_down))?;
    }
    if labels.len() > 1 {
        for toward in [Toward::Benefit, Toward::Correctness] {
            if let Some(fusion) = fuse::fit(&train, tier, &labels, toward) {
                offer(Some(toward), GateValue::Fused(fusion))?;
            }
        }
    }
    let best = candidates.into_iter().reduce(|best, other| if other.0 > best.0 { other } else { best });
    let (_, toward, mut gate) = best.ok_or_else(|| no_signals(view, tier))?;
    if let Some(again) = toward.and_then(|toward| fuse::fit(view, tier, &labels, toward)) {
        gate = GateValue::Fused(again);
    }
    let refused = length::refusal(view, tier, &values(view, tier, &gate)?);
    Ok(Picked { gate, refused })
}

/// Without rows to choose on: every signal of an `auto` tier is a candidate of its own, refused ones included; fused scores are cross-fitted.
fn shared<'a>(view: &View<'a>, ask: &Ask) -> Result<Prepared<'a>, FitError> {
    let mut approximate = false;
    let mut options: Vec<Vec<(Picked, Option<Vec<f64>>)>> = Vec::new();
    for (tier, choice) in ask.signals.iter().enumerate() {
        let (labels, fused) = match choice {
            SignalChoice::Fixed(gate) => {
                options.push(vec![(Picked { gate: gate.clone(), refused: None }, None)]);
                continue;
            }
            SignalChoice::Auto => (labels_of(view, tier), false),
            SignalChoice::Fuse(labels) => (labels.clone(), labels.len() > 1),
        };
        if labels.is_empty() {
            return Err(no_signals(view, tier));
        }
        // Even where a signal by itself wins over what is fused, it has won on the rows that certify.
        approximate |= fused;
        options.push(if fused {
            vec![cross_fitted(view, tier, &labels, ask.seed)?]
        } else {
            labels.iter().map(|label| Ok((alone(view, tier, label)?, None))).collect::<Result<_, FitError>>()?
        });
    }
    let most = options.iter().map(Vec::len).max().unwrap_or(1);
    let mut candidates = Vec::with_capacity(most);
    for at in 0..most {
        let chosen: Vec<&(Picked, Option<Vec<f64>>)> = options.iter().map(|tier| &tier[at % tier.len()]).collect();
        let gates: Vec<Picked> = chosen.iter().map(|(picked, _)| picked.clone()).collect();
        let mut table = table(view, &gates)?;
        for (tier, (picked, scores)) in chosen.iter().enumerate() {
            if let (None, Some(scores)) = (&picked.refused, scores) {
                table.tiers[tier].values = Some(Cow::Owned(scores.clone()));
            }
        }
        candidates.push((gates, table));
    }
    // A refused signal reads nothing but keeps its share of δ: whom it is refused for is seen on the rows that certify, and to share
    // δ among those that are left would be to choose them there for free. Of equal candidates the first is taken.
    candidates.sort_by_key(|(gates, _)| gates.iter().filter(|picked| picked.refused.is_some()).count());
    Ok(Prepared { candidates, certify: view.clone(), tune: None, approximate })
}

/// A fusion trained on all rows, and the score of each row by one that was not trained on it. Where a single signal ranks as well
/// as these scores do, or nothing can be trained, that signal is taken.
fn cross_fitted(view: &View<'_>, tier: usize, labels: &[String], seed: u64) -> Result<(Picked, Option<Vec<f64>>), FitError> {
    let mut candidates: Vec<(f64, GateValue, Option<Vec<f64>>)> = Vec::new();
    for label in labels {
        let gate = plain(label, false);
        candidates.push((rank(view, tier, &values(view, tier, &gate)?), gate, None));
    }
    for toward in [Toward::Benefit, Toward::Correctness] {
        if let Some((gate, scores)) = fused_scores(view, tier, labels, toward, seed)? {
            candidates.push((rank(view, tier, &scores), gate, Some(scores)));
        }
    }
    let best = candidates.into_iter().reduce(|best, other| if other.0 > best.0 { other } else { best });
    let (_, gate, scores) = best.ok_or_else(|| no_signals(view, tier))?;
    let refused = match &scores {
        Some(scores) => length::refusal(view, tier, scores),
        None => length::refusal(view, tier, &values(view, tier, &gate)?),
    };
    Ok((Picked { gate, refused }, scores))
}

/// The fusion of all rows with the cross-fitted score of each; `None` where there is too little to train on.
pub(super) fn fused_scores(
    view: &View<'_>,
    tier: usize,
    labels: &[String],
    toward: Toward,
    seed: u64,
) -> Result<Option<(GateValue, Vec<f64>)>, FitError> {
    let Some(all) = fuse::fit(view, tier, labels, toward) else { return Ok(None) };
    let mut place = vec![u32::MAX; view.observations().len()];
    for (at, row) in view.rows().enumerate() {
        place[row] = u32::try_from(at).unwrap_or(u32::MAX);
    }
    let mut scores = vec![f64::NAN; view.len()];
    for (train, held) in view.folds(FOLDS, seed ^ 0xf01d) {
        let Some(fusion) = fuse::fit(&train, tier, labels, toward) else { return Ok(None) };
        let held = held.view();
        for (row, value) in held.rows().zip(values(held, tier, &GateValue::Fused(fusion))?.iter()) {
            scores[place[row] as usize] = *value;
        }
    }
    Ok(Some((GateValue::Fused(all), scores)))
}

/// How a gate value is to be transformed before a logistic map: a fused one is a log-odds already.
pub(super) fn transform_of(gate: &GateValue) -> Option<Transform> {
    matches!(gate, GateValue::Fused(_)).then_some(Transform::Identity)
}

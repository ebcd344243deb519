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
pub const SPLIT_FROM: usize = 1000;
/// The share of the items that choices are made on.
const TUNE: f64 = 0.4;
/// Folds of cross-fitted scores.
const FOLDS: usize = 5;

/// How choices about signals are paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// There is none: every signal was named.
    Named,
    /// Made on one part, certified on the other.
    Split,
    /// Too few rows for that: candidates share δ, and fused scores are cross-fitted, which promises nothing exactly.
    Shared,
}

impl Route {
    /// What this many items allow.
    pub(super) fn of(ask: &Ask, observations: &Observations, items: usize) -> Self {
        let named = |(tier, choice): (usize, &SignalChoice)| match choice {
            SignalChoice::Fixed(_) => true,
            SignalChoice::Fuse(labels) => labels.len() == 1,
            SignalChoice::Auto => observations.tiers().nth(tier).is_some_and(|spec| spec.signals.len() == 1),
        };
        match ask.signals.iter().enumerate().all(named) {
            true => Self::Named,
            false if items >= SPLIT_FROM => Self::Split,
            false => Self::Shared,
        }
    }
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

impl Picked {
    fn plain(signal: &str, negated: bool) -> Self {
        Self { gate: GateValue::Signal { signal: signal.to_owned(), negated }, refused: None }
    }
}

/// Chooses gate values on the rows of a view, one row an item.
pub(super) fn prepare<'a>(view: &View<'a>, ask: &Ask, route: Route) -> Result<Prepared<'a>, FitError> {
    match route {
        Route::Named => {
            let gates = each_tier(view, ask, |tier, choice| {
                Ok(match choice {
                    SignalChoice::Fixed(gate) => Picked { gate: gate.clone(), refused: None },
                    SignalChoice::Fuse(labels) => alone(view, tier, first(view, tier, labels)?)?,
                    SignalChoice::Auto => alone(view, tier, first(view, tier, &labels_of(view, tier))?)?,
                })
            })?;
            let table = table(view, &gates)?;
            Ok(Prepared { candidates: vec![(gates, table)], certify: view.clone(), tune: None, approximate: false })
        }
        Route::Split => {
            let (tune, certify) = view.split(TUNE, ask.seed);
            let gates = each_tier(view, ask, |tier, choice| pick(&tune, tier, choice, ask.seed))?;
            let (first, other) = (table(&certify, &gates)?, table(&tune, &gates)?);
            Ok(Prepared { candidates: vec![(gates, first)], certify, tune: Some((tune, other)), approximate: false })
        }
        Route::Shared => shared(view, ask),
    }
}

/// The only signal there is; refused where it knows nothing. That may be seen on the rows that certify: a pair less to promise spends
/// nothing.
fn alone(view: &View<'_>, tier: usize, label: &str) -> Result<Picked, FitError> {
    let plain = Picked::plain(label, false);
    let refused = length::refusal(view, tier, &values(view, tier, &plain.gate)?);
    Ok(Picked { refused, ..plain })
}

fn each_tier(
    view: &View<'_>,
    ask: &Ask,
    one: impl Fn(usize, &SignalChoice) -> Result<Picked, FitError>,
) -> Result<Vec<Picked>, FitError> {
    let gated = view.observations().tiers().len() - 1;
    ask.signals.iter().take(gated).enumerate().map(|(tier, choice)| one(tier, choice)).collect()
}

/// The labels of a tier's signals.
pub(super) fn labels_of(view: &View<'_>, tier: usize) -> Vec<String> {
    view.observations().tiers().nth(tier).map_or_else(Vec::new, |spec| spec.signals.iter().map(ToString::to_string).collect())
}

fn first<'l>(view: &View<'_>, tier: usize, labels: &'l [String]) -> Result<&'l str, FitError> {
    let name = || view.observations().tiers().nth(tier).map(|spec| spec.name.to_string()).unwrap_or_default();
    labels.first().map(String::as_str).ok_or_else(|| FitError::NoSignals { tier: name() })
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
    first(view, tier, &labels)?;
    let last = view.observations().tiers().len() - 1;
    let (train, compare) = view.split(0.5, seed ^ 0x5eed);
    let mut best: Option<(f64, Option<Toward>, GateValue)> = None;
    let mut consider = |toward: Option<Toward>, gate: GateValue| -> Result<(), FitError> {
        let ranked = rank(&compare, tier, &values(&compare, tier, &gate)?);
        if best.as_ref().is_none_or(|(known, ..)| ranked > *known) {
            best = Some((ranked, toward, gate));
        }
        Ok(())
    };
    for label in &labels {
        let plain = Picked::plain(label, false).gate;
        let upside_down = turn && rank(&train, tier, &values(&train, tier, &plain)?) < 0.5;
        consider(None, if upside_down { Picked::plain(label, true).gate } else { plain })?;
    }
    if labels.len() > 1 {
        for toward in [Toward::Benefit, Toward::Correctness] {
            if let Some(fusion) = fuse::fit(&train, tier, &labels, toward) {
                consider(Some(toward), GateValue::Fused(fusion))?;
            }
        }
    }
    let (_, toward, mut gate) = best.ok_or_else(|| FitError::NoSignals { tier: String::new() })?;
    if let Some(again) = toward.and_then(|toward| fuse::fit(view, tier, &labels, toward)) {
        gate = GateValue::Fused(again);
    }
    let refused = length::refusal(view, tier, &values(view, tier, &gate)?);
    Ok(Picked { gate, refused })
}

/// Below [`SPLIT_FROM`]: every signal of an `auto` tier is a candidate of its own, refused ones included; fused scores are cross-fitted.
fn shared<'a>(view: &View<'a>, ask: &Ask) -> Result<Prepared<'a>, FitError> {
    let mut approximate = false;
    let mut options: Vec<Vec<(Picked, Option<Vec<f64>>)>> = Vec::new();
    for (tier, choice) in ask.signals.iter().enumerate() {
        options.push(match choice {
            SignalChoice::Fixed(gate) => vec![(Picked { gate: gate.clone(), refused: None }, None)],
            SignalChoice::Auto => {
                let labels = labels_of(view, tier);
                first(view, tier, &labels)?;
                let candidate = |label: &String| -> Result<_, FitError> { Ok((alone(view, tier, label)?, None)) };
                labels.iter().map(candidate).collect::<Result<_, _>>()?
            }
            SignalChoice::Fuse(labels) if labels.len() == 1 => {
                vec![(alone(view, tier, first(view, tier, labels)?)?, None)]
            }
            SignalChoice::Fuse(labels) => {
                let (picked, scores) = cross_fitted(view, tier, labels, ask.seed)?;
                // Even where a signal by itself has won, it has won on the rows that certify.
                approximate = true;
                vec![(picked, scores)]
            }
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
    let last = view.observations().tiers().len() - 1;
    let mut best: Option<(f64, GateValue, Option<Vec<f64>>)> = None;
    let mut consider = |gate: GateValue, scores: Option<Vec<f64>>| -> Result<(), FitError> {
        let ranked = match &scores {
            Some(scores) => rank(view, tier, scores),
            None => rank(view, tier, &values(view, tier, &gate)?),
        };
        if best.as_ref().is_none_or(|(known, ..)| ranked > *known) {
            best = Some((ranked, gate, scores));
        }
        Ok(())
    };
    first(view, tier, labels)?;
    for label in labels {
        consider(Picked::plain(label, false).gate, None)?;
    }
    for toward in [Toward::Benefit, Toward::Correctness] {
        if let Some((gate, scores)) = fused_scores(view, tier, labels, toward, seed)? {
            consider(gate, Some(scores))?;
        }
    }
    let (_, gate, scores) = best.ok_or_else(|| FitError::NoSignals { tier: String::new() })?;
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

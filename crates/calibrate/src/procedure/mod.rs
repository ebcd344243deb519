//! Calibration as a whole: from observations to operating points, and what may be expected of them.
//!
//! [`calibrate`] chooses gate values, certifies, and repeats all of that by folds for the estimate: what is printed about new data
//! never comes from rows that were fitted on.

mod curve;
mod error;
mod estimate;
mod labels;
mod length;
mod once;
mod points;
mod signals;
mod table;
mod unsaid;
mod warnings;

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;
use tierfall_core::map::ScoreMap;
use tierfall_core::number::{Confidence, Threshold};

use crate::ask::{Ask, SignalChoice, Target};
use crate::evaluate::{Cuts, MOST_TIERS, Played, Readings, baselines, chain_of};
use crate::observations::Observations;
use crate::report::{Calibration, PointReport, TierReport};
use crate::table::{NoSignal, Table};
use crate::view::View;
use tierfall_core::fit::{self, Seen, TierFit};

pub use error::FitError;
pub(crate) use estimate::folds_for;
pub(crate) use signals::{Picked, gates_on, table as table_under};

use estimate::{Folded, expected, folded};
use once::{Once, once};

/// What calibration makes.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The declared chain with gate values and maps; bindings are not known here.
    pub tiers: Vec<TierFit>,
    /// The operating points, `default` first.
    pub points: Vec<fit::Point>,
    /// What is printed.
    pub report: Calibration,
    /// The rows and groups that were used.
    pub seen: Seen,
}

/// How far calibration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Choosing gate values and certifying, on all rows.
    Certifying,
    /// Repeating it for the estimate.
    Estimating {
        /// Folds done.
        done: usize,
        /// Of how many.
        of: usize,
    },
    /// Putting the report together.
    Reporting,
}

/// Whether there are rows of a chain that has thresholds, and a choice of signals for each gated tier.
pub(crate) fn is_chain(observations: &Observations, signals: &[SignalChoice]) -> Result<(), FitError> {
    match observations.tiers().len() {
        0 | 1 => Err(FitError::OneTier),
        tiers if tiers > MOST_TIERS => Err(FitError::TooManyTiers(tiers)),
        tiers if signals.len() + 1 != tiers => Err(FitError::Signals { found: signals.len(), expected: tiers - 1 }),
        _ if observations.is_empty() => Err(FitError::Empty),
        _ => Ok(()),
    }
}

/// Whether these observations can be calibrated as is asked; the error says why not. [`calibrate`] asks it, too.
pub fn runnable(observations: &Observations, ask: &Ask) -> Result<(), FitError> {
    is_chain(observations, &ask.signals)?;
    for (spec, choice) in observations.tiers().zip(&ask.signals) {
        let there = |label: &str| spec.signals.iter().any(|signal| **signal == *label);
        let lacks = match choice {
            SignalChoice::Auto if spec.signals.is_empty() => return Err(FitError::NoSignals { tier: spec.name.to_string() }),
            SignalChoice::Auto => None,
            SignalChoice::Fixed(value) => value.signals().into_iter().find(|label| !there(label)),
            SignalChoice::Fuse(labels) => labels.iter().map(String::as_str).find(|label| !there(label)),
        };
        if let Some(signal) = lacks {
            return Err(NoSignal::of(spec, signal).into());
        }
    }
    // An accuracy may be promised of the last tier alone.
    let silent: Vec<String> = (0..ask.signals.len()).filter_map(|tier| warnings::never(observations, ask, tier)).collect();
    if ask.promises() && matches!(ask.target, Target::MaxLoss(_)) && silent.len() == ask.signals.len() {
        return Err(FitError::NoValues { tiers: silent, rows: observations.len() });
    }
    if ask.promises() && observations.weights().is_some() && observations.has_repeats() {
        let items = View::all(observations).one_per_item().len();
        return Err(FitError::WeightedRepeats { rows: observations.len(), items });
    }
    if !once::corrected(observations, ask) {
        observations.one_grader()?;
    }
    match observations.all_graded() {
        Err(ungraded) if !ask.promises() => Err(ungraded.into()),
        Err(ungraded) if ask.signals.iter().any(|choice| !matches!(choice, SignalChoice::Fixed(_))) => {
            Err(FitError::UngradedChoice(ungraded))
        }
        _ => Ok(()),
    }
}

/// Calibrates a declared chain.
///
/// Answers without a grade count as the worst that they can be, and then nothing is said of how right anything is: their rows are no
/// random part. Of rows that repeat one item, the exact tests see one. The estimate is cross-fitted: `once` more for every fold, on the other rows.
/// The result is the same for any number of threads.
pub fn calibrate(
    observations: &Observations,
    n_excluded: u64,
    ask: &Ask,
    progress: impl Fn(Progress) + Sync,
) -> Result<Outcome, FitError> {
    runnable(observations, ask)?;
    let worst = observations.at_worst(ask.target);
    let all = View::all(&worst);
    let single = all.one_per_item();
    let split = signals::splits(ask, observations, single.len());
    progress(Progress::Certifying);
    let fitted = once(&single, ask, split)?;
    let in_force = fitted.cuts.first().map_or_else(Vec::new, Cuts::chain);
    let folded = folded(&all, single.len(), ask, split, &in_force, &|done, of| progress(Progress::Estimating { done, of }))?;
    progress(Progress::Reporting);
    let graded = observations.all_graded().is_ok();
    let report = report(&all, &single, n_excluded, ask, &fitted, &folded, observations)?;
    let gate = |tier: usize| fitted.gates.get(tier).map(|picked| picked.gate.clone());
    // A map fitted to assumed grades would show them.
    let map = |tier: usize| fitted.maps.get(tier).cloned().flatten().filter(|_| graded);
    let named = observations.tiers().enumerate();
    Ok(Outcome {
        tiers: named
            .map(|(at, spec)| TierFit { name: spec.name.to_string(), binding: None, gate: gate(at), map: map(at) })
            .collect(),
        points: fitted.certification.points.iter().zip(&fitted.cuts).map(|(point, cuts)| points::written(point, cuts)).collect(),
        report,
        seen: Seen::of(observations.ids().iter().copied().chain(observations.groups())),
    })
}

fn report<'a>(
    all: &View<'a>,
    single: &View<'_>,
    n_excluded: u64,
    ask: &Ask,
    fitted: &Once<'_>,
    folded: &Folded<'a>,
    given: &Observations,
) -> Result<Calibration, FitError> {
    let observations = all.observations();
    let graded = given.all_graded().is_ok();
    let names: Vec<String> = observations.tiers().map(|spec| spec.name.to_string()).collect();
    let chosen = signals::table(all, &fitted.gates)?;
    let mut reports = Vec::with_capacity(fitted.cuts.len());
    for (at, (point, cuts)) in fitted.certification.points.iter().zip(&fitted.cuts).enumerate() {
        let by_judge = point.guarantee.as_ref().is_some_and(|guarantee| guarantee.judge.is_some());
        let estimate = expected(all, folded, at, cuts, &fitted.gates, by_judge)?;
        let (chain, raw_thresholds, ties) = points::read_off(&cuts.overall, &names);
        // Without a fold that certifies, all folds always ask the last tier, and that is not what is in force.
        let of_another =
            point.status == fit::Status::Certified && folded.certified.get(at) == Some(&0) && cuts.chain() != [names.len() - 1];
        reports.push(PointReport {
            name: point.name.clone(),
            status: point.status,
            target: point.target,
            guarantee: point.guarantee.clone(),
            chain,
            raw_thresholds,
            ties,
            estimate: Some(estimate).filter(|_| !of_another),
            segments: points::segments(point, &names),
        });
    }
    let (Some(point), Some(cuts)) = (fitted.certification.points.first(), fitted.cuts.first()) else {
        return Err(FitError::Empty);
    };
    let (chain, raw_thresholds, ties) = points::read_off(&cuts.overall, &names);
    let shown = |tier: usize, threshold: Threshold| shown(fitted.maps[tier].as_ref(), threshold);
    let in_force = chain_of(&cuts.overall);
    let gated = &in_force[..chain.len() - 1];
    // Made, and its columns dropped, before those of the tiers are there.
    let (baselines, frontier) =
        rayon::join(|| baselines(all, &chosen, &in_force_played(all, folded, cuts, &chosen)), || curve::frontier(fitted, &names));
    let (signal_table, looks) = table::signal_table(single, fitted, ask)?;
    let mut calibration = Calibration {
        thresholds: gated.iter().map(|tier| shown(*tier, cuts.overall[*tier].threshold)).collect(),
        chain,
        signals: names.iter().zip(&fitted.gates).map(|(name, picked)| (name.clone(), picked.gate.to_string())).collect(),
        n: all.len() as u64,
        n_items: single.len() as u64,
        n_excluded,
        status: point.status,
        saves: cuts.chain() != [names.len() - 1],
        why: point.why.clone(),
        needed_n: point.needed_n,
        attainable: point.attainable,
        raw_thresholds,
        ties,
        target: point.target,
        guarantee: point.guarantee.clone(),
        estimate: reports.first().and_then(|report| report.estimate.clone()),
        baselines,
        frontier,
        points: reports,
        segments: points::segments(point, &names),
        tiers: tier_reports(all, fitted, cuts, folded),
        signal_table,
        assumed: observations.basis().assumed as u64,
        warnings: Vec::new(),
        declared_chain: names,
    };
    if !graded {
        unsaid::blank(&mut calibration);
    }
    let unsaid = (!graded).then(|| unsaid::warning(given, &calibration));
    let others = warnings::warnings(all, single, ask, fitted, &looks, folded, &calibration);
    calibration.warnings = unsaid.into_iter().chain(others).collect();
    Ok(calibration)
}

/// A cut on the confidence scale; `None` = defer all, or no map to show it by.
fn shown(map: Option<&ScoreMap>, threshold: Threshold) -> Option<f64> {
    match threshold {
        Threshold::AcceptFrom { score, .. } => map?.confidence(score).map(Confidence::get),
        Threshold::DeferAll => None,
    }
}

fn in_force_played<'f, 'a>(all: &View<'a>, folded: &'f Folded<'a>, cuts: &Cuts, table: &Table<'_>) -> Cow<'f, Played<'a>> {
    if cuts.chain() == [table.last()] {
        return Cow::Owned(Played::new(all, table, cuts));
    }
    Cow::Borrowed(&folded.played[0])
}

fn tier_reports(all: &View<'_>, fitted: &Once<'_>, cuts: &Cuts, folded: &Folded<'_>) -> Vec<TierReport> {
    // Where nothing is in force but the last tier, no other one accepts anything, whatever single folds would have had in force.
    let fallback = cuts.chain() == [fitted.gates.len()];
    let played = if fallback { Cow::Owned(folded.played[0].always_last()) } else { Cow::Borrowed(&folded.played[0]) };
    let played = &*played;
    let sample = played.sample(all);
    let names = all.observations().tiers().map(|spec| spec.name.clone());
    let each: Vec<_> = names.zip(&fitted.gates).zip(&folded.readings).enumerate().collect();
    let report = |(tier, ((name, picked), readings)): (usize, ((Arc<str>, &Picked), &Readings))| {
        readings.report(tier, &name, picked.gate.to_string(), played, &sample)
    };
    each.into_par_iter().map(report).collect()
}

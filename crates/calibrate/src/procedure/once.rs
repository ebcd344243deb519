//! The whole procedure, once: choose gate values, certify, and say which cuts are in force. Folds repeat exactly this.

use std::borrow::Cow;

use rayon::prelude::*;
use tierfall_core::fusion::GateValue;
use tierfall_core::map::ScoreMap;
use tierfall_core::number::Threshold;

use crate::ask::Ask;
use crate::certify::{self, Certification, Input, Labels, PointCertified, Segments};
use crate::evaluate::Cuts;
use crate::map::{self, Read};
use crate::observations::Observations;
use crate::policy::Thresholds;
use crate::quality::Quality;
use crate::table::{Table, values};
use crate::view::View;
use tierfall_core::fit::{Cut, Status};

use super::FitError;
use super::signals::{Picked, Prepared, prepare, transform_of};

/// What one run of the procedure makes.
pub(super) struct Once<'a> {
    /// One a tier but the last.
    pub gates: Vec<Picked>,
    /// Shows each tier's gate values; `None` where nothing could be fitted.
    pub maps: Vec<Option<ScoreMap>>,
    /// The verdicts, under the chosen candidate.
    pub certification: Certification,
    /// The cuts of each of its points.
    pub cuts: Vec<Cuts>,
    /// The rows that certified, under the chosen gates.
    pub table: Table<'a>,
    /// How many candidates shared δ.
    pub shared: usize,
}

/// Runs it on rows of which each is an item of its own.
pub(super) fn once<'a>(view: &View<'a>, ask: &Ask, split: bool) -> Result<Once<'a>, FitError> {
    let Prepared { candidates, certify: rows, tune, approximate } = prepare(view, ask, split)?;
    let shared = candidates.len();
    let labels = labels(&rows, ask);
    // Borrowed: what folds certify on is a copy of their rows already, and one is enough.
    let inputs: Vec<Input<'_>> = candidates
        .iter()
        .map(|(_, table)| Input {
            certify: table.borrowed(),
            tune: tune.as_ref().map(|(_, table)| table.borrowed()),
            segments: ask.by_segment.map(|_| segments(&rows, tune.as_ref().map(|(view, _)| view))),
            labels: labels.clone(),
        })
        .collect();
    let (chosen, mut certification) = certify::certify_best(&inputs, ask)?.ok_or(FitError::Empty)?;
    drop(inputs);
    let (gates, table) = candidates.into_iter().nth(chosen).ok_or(FitError::Empty)?;
    for point in &mut certification.points {
        // The last tier alone loses nothing against itself, however scores were made.
        let by_construction = point.guarantee.as_ref().is_some_and(|guarantee| guarantee.method == certify::BY_CONSTRUCTION);
        if approximate && !by_construction {
            unpromise(point, APPROXIMATE);
        }
    }
    let tiers = table.tiers.len();
    let cuts = certification.points.iter().map(|point| cuts(point, tiers)).collect();
    let maps = gates.par_iter().enumerate().map(|(tier, picked)| shown(view, tier, &picked.gate)).collect::<Result<_, _>>()?;
    Ok(Once { gates, maps, certification, cuts, table, shared })
}

/// Why what certifies on rows that its scores were made on proves nothing after all.
const APPROXIMATE: &str = "the score was chosen, and where it is fused cross-fitted, on the rows that certify, so the target is met only \
                           approximately: from 1,000 items on it is trained and certified on different ones";

/// Takes back what was certified without proof.
fn unpromise(point: &mut PointCertified, why: &str) {
    if point.status != Status::Certified {
        return;
    }
    point.status = Status::Uncertified;
    point.guarantee = None;
    for segment in &mut point.segments {
        segment.guarantee = None;
        if segment.status == Status::Certified {
            segment.status = Status::Uncertified;
        }
    }
    why.clone_into(&mut point.why);
}

/// The map that shows a tier's gate values: the one recommended for these rows.
fn shown(view: &View<'_>, tier: usize, gate: &GateValue) -> Result<Option<ScoreMap>, FitError> {
    let quality = view.observations().quality(tier);
    // The gate values are dropped once they are read.
    let read = Read::new(&values(view, tier, gate)?, view.rows().map(|row| quality[row].get()));
    Ok(read.and_then(|read| map::recommended(read, transform_of(gate))))
}

/// The cuts of an operating point over the declared chain. A tier that is left out keeps the cut that is certified for it and the
/// last one, for requests that a rule sends there.
fn cuts(point: &PointCertified, tiers: usize) -> Cuts {
    let over = |policy: &Thresholds, pairs: &[Option<Threshold>]| -> Vec<Cut> {
        let mut cuts = Cuts::of(policy, tiers).overall;
        for (cut, pair) in cuts.iter_mut().zip(pairs) {
            if !cut.asked {
                cut.threshold = pair.unwrap_or(Threshold::DeferAll);
            }
        }
        cuts
    };
    let listed = point.segments.iter().filter(|segment| segment.pooled.is_empty() && segment.name != certify::REST);
    Cuts {
        overall: over(&point.policy, &point.pair_cuts),
        segments: listed.map(|segment| (segment.name.clone(), over(&segment.policy, &segment.pair_cuts))).collect(),
    }
}

/// The run-time segments of rows.
fn segments<'a>(rows: &View<'_>, tune: Option<&View<'_>>) -> Segments<'a> {
    let observations = rows.observations();
    let place = |row: usize| observations.segment_at(row).and_then(|at| u32::try_from(at).ok());
    let of = |view: &View<'_>| -> Cow<'a, [Option<u32>]> { view.rows().map(place).collect() };
    Segments { certify: of(rows), tune: tune.map_or(Cow::Owned(Vec::new()), of), names: observations.segments().to_vec() }
}

/// Whose grades these are. Where a judge graded any tier, people's grades of the answers of every judged tier count where they are declared to
/// be of a random part of the rows.
fn labels(rows: &View<'_>, ask: &Ask) -> Labels<'static> {
    let observations = rows.observations();
    let mut names: Vec<&str> = observations.tiers().filter_map(|spec| spec.judge.as_deref()).collect();
    names.dedup();
    if names.is_empty() {
        return Labels::Human;
    }
    let judge = names.join(" and ");
    if !corrected(observations, ask) {
        return Labels::Judge { name: judge };
    }
    let judged: Vec<bool> = observations.tiers().map(|spec| spec.judge.is_some()).collect();
    let by_people =
        |row: usize| judged.iter().enumerate().all(|(tier, judged)| !judged || observations.human(tier, row).is_some());
    let column = |tier: usize| -> Cow<'static, [Option<Quality>]> {
        let grade = |row: usize| if judged[tier] { observations.human(tier, row) } else { Some(observations.quality(tier)[row]) };
        rows.rows().map(|row| if by_people(row) { grade(row) } else { None }).collect()
    };
    Labels::Ppi { judge, human: (0..judged.len()).map(column).collect() }
}

/// Whether people's grades correct a judge's.
pub(super) fn corrected(observations: &Observations, ask: &Ask) -> bool {
    ask.people_at_random && observations.by_people() > 0 && observations.uncorrected().is_none()
}

//! A fixture set as observations: the cascade is replayed with gates that defer everything, so that every tier is asked.
//!
//! It is the fold itself that asks, probes, reads, strips and prices. What the table says is what production does.

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;
use tierfall_calibrate::observations::{Cell, Groups, Observations, Row, TierSpec};
use tierfall_calibrate::quality::Quality;
use tierfall_core::cascade::{Answerer, Cascade, OnAbstain, OnError, Parts, Policy, Tier};
use tierfall_core::gate::{Decision, Deferral, Gate};
use tierfall_core::money::Money;
use tierfall_core::number::{Score, Threshold};
use tierfall_core::plan::{Plan, Skip};
use tierfall_core::provider::CallErrorKind;
use tierfall_core::signal::NamedSignal;
use tierfall_core::trace::Step;

use super::{LeftOut, ObservationsError, ReadOut, SignalSummary, Summary, TierSummary, names};
use crate::config::Loaded;
use crate::fixture::grade::Grades;
use crate::fixture::replay::Recordings;
use crate::fixture::{Example, FixtureSet};

/// Grades of one tier; `None` = a person, who is taken to be always right.
type OfTier = Option<Grades>;

/// One tier's part of a row.
struct Values {
    quality: Quality,
    /// What people said, where the quality is a judge's.
    human: Option<Quality>,
    /// Who judged it.
    judge: Option<Arc<str>>,
    /// There is no answer; nobody has to grade it.
    failed: bool,
    scores: Vec<Option<Score>>,
    cost: Option<Money>,
    latency_ms: f64,
    length: Option<u32>,
}

/// Why an example is left out: what is counted, and what the first of its kind says.
struct Lack {
    reason: String,
    detail: Option<String>,
}

/// Every tier's answer to every example of a split: all signals of its gate, its grade, its cost with probes, its time.
///
/// An answer that its gate defers whatever the score, because it is truncated, filtered, a refusal or invalid, or because the
/// call failed, has no score at all. A failed call counts as a wrong answer, and a person as always right. Examples that a
/// rule or a limit of a tier keeps from some tier of the chain are left out and counted.
pub fn from_fixtures(
    loaded: &Loaded,
    set: &FixtureSet,
    recordings: &Recordings,
    split: Option<&str>,
) -> Result<ReadOut, ObservationsError> {
    of_cascade(&loaded.cascade, set, recordings, split)
}

fn of_cascade(
    declared: &Cascade,
    set: &FixtureSet,
    recordings: &Recordings,
    split: Option<&str>,
) -> Result<ReadOut, ObservationsError> {
    let mut summary = Summary { warnings: checked(declared)?, ..Summary::default() };
    let cascade = deferring(declared)?;
    let grades = cascade.tiers().iter().map(|tier| grades(set, tier)).collect::<Result<Vec<_>, _>>()?;
    let mut examples = Vec::new();
    for example in set.examples() {
        summary.read += 1;
        *summary.splits.entry(example.split.to_string()).or_default() += 1;
        if split.is_none_or(|split| *example.split == *split) {
            examples.push(example);
        } else {
            summary.other_splits += 1;
        }
    }
    if let Some(split) = split
        && examples.is_empty()
    {
        let hint = names::hint(split, "splits", summary.splits.keys().map(String::as_str));
        return Err(ObservationsError::UnknownSplit { split: split.to_owned(), hint });
    }
    // Only proportions count, and a table's weights begin at 1.
    let lightest = examples.iter().map(|example| example.weight).fold(1.0, f64::min);
    let weighted = examples.iter().any(|example| example.weight.total_cmp(&1.0).is_ne());
    let specs = cascade.tiers().iter().map(spec).collect();
    let (mut observations, mut groups) = (Observations::new(specs, cascade.salt()), Groups::default());
    let mut unknown_cost = vec![0; cascade.tiers().len()];
    let mut rows: Vec<_> = examples.par_iter().map(|example| row(&cascade, recordings, &grades, example)).collect();
    let judges = judges(&cascade, &examples, &mut rows, &mut summary);
    let mut human = vec![0; cascade.tiers().len()];
    for (example, row) in examples.into_iter().zip(rows) {
        let tiers = match row {
            Ok(tiers) => tiers,
            Err(lack) => {
                left_out(&mut summary, lack);
                continue;
            }
        };
        for (unknown, values) in unknown_cost.iter_mut().zip(&tiers) {
            *unknown += u64::from(values.cost.is_none());
        }
        for (human, values) in human.iter_mut().zip(&tiers) {
            *human += u64::from(values.human.is_some());
        }
        let cells: Vec<Cell<'_>> = tiers.iter().map(cell).collect();
        let request = example.request();
        let row = Row {
            id: &example.id,
            segment: declared.segment_of(&request),
            stratum: Some(&example.segment),
            group: example.group.as_deref(),
            weight: weighted.then(|| example.weight / lightest),
            tiers: &cells,
        };
        observations.push(&row, &mut groups).map_err(|error| ObservationsError::Options(error.to_string()))?;
    }
    if let Some(heaviest) = set.about().heaviest_weight {
        observations.set_heaviest(heaviest / lightest);
    }
    summary.used = observations.len() as u64;
    if observations.is_empty() {
        let why = summary.left_out.iter().map(|left| format!("{} examples: {}", left.rows, left.reason));
        let why = why.chain(summary.warnings.iter().cloned()).collect::<Vec<_>>().join("; ");
        return Err(ObservationsError::NothingUsable { read: summary.read, why });
    }
    for (tier, judge) in judges.into_iter().enumerate() {
        if let Some(judge) = judge {
            observations.set_judge(tier, judge);
        }
    }
    let of_tier = |(ix, spec)| TierSummary { human: human[ix], ..of_tier(&observations, ix, spec, unknown_cost[ix]) };
    summary.tiers = observations.tiers().enumerate().map(of_tier).collect();
    observations.settle();
    Ok(ReadOut { observations, summary })
}

/// Refuses what a table cannot show, and says what it simplifies.
fn checked(cascade: &Cascade) -> Result<Vec<String>, ObservationsError> {
    let refuse = |why: &str| Err(ObservationsError::Cascade { cascade: cascade.name().to_string(), why: why.to_owned() });
    let policy = cascade.policy();
    if policy.on_abstain == OnAbstain::Accept {
        return refuse(
            "on-abstain = \"accept\" accepts answers that no threshold judges; calibration certifies cascades that escalate on \
             abstention: set on-abstain = \"escalate\"",
        );
    }
    if policy.on_error == OnError::Fail {
        return refuse(
            "on-error = \"fail\" ends a request at a failed call; calibration certifies cascades that go on to the next tier: set \
             on-error = \"escalate\"",
        );
    }
    let mut warnings = Vec::new();
    if let Some(human) = cascade.tiers().last().filter(|tier| matches!(tier.answerer, Answerer::Human { .. })) {
        warnings.push(format!("the human tier \"{}\" is taken to be always right, at its declared cost", human.name));
    }
    for (limit, is_set) in [("budget", policy.budget.is_some()), ("deadline", policy.deadline.is_some())] {
        if is_set {
            warnings
                .push(format!("the policy's {limit} is not simulated: where it stops a request, another tier answers than here"));
        }
    }
    Ok(warnings)
}

/// The cascade without its fit, with gates that read everything and accept nothing, so that a replay asks every tier.
fn deferring(cascade: &Cascade) -> Result<Cascade, ObservationsError> {
    let mut tiers = cascade.tiers().to_vec();
    for gate in tiers.iter_mut().filter_map(|tier| tier.gate.as_mut()) {
        (gate.threshold, gate.value) = (Threshold::DeferAll, None);
    }
    let policy = Policy { budget: None, deadline: None, ..*cascade.policy() };
    let parts =
        Parts { name: cascade.name().clone(), salt: cascade.salt().into(), tiers, rules: cascade.rules().to_vec(), policy };
    Cascade::try_from(parts)
        .map_err(|error| ObservationsError::Cascade { cascade: cascade.name().to_string(), why: error.to_string() })
}

fn grades(set: &FixtureSet, tier: &Tier) -> Result<OfTier, ObservationsError> {
    if matches!(tier.answerer, Answerer::Human { .. }) {
        return Ok(None);
    }
    let grades = Grades::load(set.dir(), &tier.name)?;
    if grades.is_empty() {
        return Err(ObservationsError::NotGraded { tier: tier.name.to_string(), path: set.dir().to_owned() });
    }
    Ok(Some(grades))
}

/// A gate's own signal and those it observes, each once; validators only force deferrals.
fn scored(gate: &Gate) -> Vec<&NamedSignal> {
    let mut signals: Vec<&NamedSignal> = vec![&gate.signal];
    for named in &gate.observe {
        if signals.iter().all(|known| known.label != named.label) {
            signals.push(named);
        }
    }
    signals
}

fn spec(tier: &Tier) -> TierSpec {
    let signals = tier.gate.as_ref().map(|gate| scored(gate).iter().map(|named| named.label.clone()).collect());
    TierSpec { name: tier.name.clone(), signals: signals.unwrap_or_default(), judge: None }
}

/// What every tier did with an example.
fn row(cascade: &Cascade, recordings: &Recordings, grades: &[OfTier], example: &Example) -> Result<Vec<Values>, Lack> {
    let request = Arc::new(example.request());
    let plan = Plan::new(cascade, &request);
    if plan.tiers.len() < cascade.tiers().len() {
        return Err(Lack { reason: routed(cascade, &plan), detail: None });
    }
    let (_, trace) = recordings.replay(cascade, request);
    let mut row = Vec::with_capacity(cascade.tiers().len());
    for ((tier, step), grades) in cascade.tiers().iter().zip(&trace.steps).zip(grades) {
        let failed = match step.decision {
            Decision::Defer(Deferral::Failed(kind)) => Some(kind),
            _ => None,
        };
        if failed == Some(CallErrorKind::NotRecorded) {
            return Err(Lack { reason: format!("tier \"{}\" is not recorded", tier.name), detail: trace.error });
        }
        let (mut human, mut judge) = (None, None);
        let quality = match grades {
            None => Quality::RIGHT,
            Some(_) if failed.is_some() => Quality::WRONG,
            Some(grades) => {
                let lack = |why: &str| Lack { reason: format!("tier \"{}\" {why}", tier.name), detail: None };
                let recorded = recordings.answer_for(&tier.name, example).ok_or_else(|| lack("is not recorded"))?;
                let grade = grades.of(example, recorded).map_err(|why| lack(&why.to_string()))?;
                // What a judge said beside the program is nobody's grade.
                if let (Some(_), Some(judged)) = (example.grader.judged(), grade.judged) {
                    human = Quality::new(grade.correct).filter(|_| grade.by_people);
                    judge = grade.judge;
                    Quality::new(judged)
                } else {
                    Quality::new(grade.correct)
                }
                .ok_or_else(|| lack("is not graded"))?
            }
        };
        row.push(Values {
            quality,
            human,
            judge,
            failed: failed.is_some(),
            scores: tier.gate.as_ref().map(|gate| scores(gate, step)).unwrap_or_default(),
            cost: step.cost().total(),
            latency_ms: step.latency().as_micros() as f64 / 1e3,
            length: length(step),
        });
    }
    if row.len() < cascade.tiers().len() {
        let name = &cascade.tiers()[row.len()].name;
        return Err(Lack { reason: format!("tier \"{name}\" was not asked"), detail: trace.error });
    }
    Ok(row)
}

/// Who judged each tier's answers, where a judge did. Rows in which only a person graded what the judge was to grade are left out,
/// as in files of observations: their grades are of another kind.
fn judges(
    cascade: &Cascade,
    examples: &[&Example],
    rows: &mut [Result<Vec<Values>, Lack>],
    summary: &mut Summary,
) -> Vec<Option<Arc<str>>> {
    let mut judges = Vec::with_capacity(cascade.tiers().len());
    for (ix, tier) in cascade.tiers().iter().enumerate() {
        let values = rows.iter().flatten().filter_map(|row| row.get(ix));
        let names: BTreeSet<&str> = values.filter_map(|values| values.judge.as_deref()).collect();
        let name = names.into_iter().collect::<Vec<_>>().join(" and ");
        if name.is_empty() {
            judges.push(None);
            continue;
        }
        let mut by_others = false;
        for (example, row) in examples.iter().zip(&mut *rows) {
            let Ok(values) = row else { continue };
            if values[ix].failed || values[ix].judge.is_some() {
                continue;
            }
            if example.grader.judged().is_some() {
                let reason = format!("tier \"{}\" is not graded by the judge \"{name}\"", tier.name);
                *row = Err(Lack { reason, detail: None });
            } else {
                by_others = true;
            }
        }
        // A correction by people's grades supposes that these are of a random part of all rows.
        if by_others {
            let held = rows.iter_mut().flatten().filter_map(|row| row[ix].human.take()).count();
            if held > 0 {
                summary.warnings.push(format!(
                    "tier \"{}\": {held} answers are graded by the judge \"{name}\" and by people, but others by no judge at all; the \
                     judge is not corrected by people's grades, which would be no random part of all rows",
                    tier.name
                ));
            }
        }
        judges.push(Some(name.into()));
    }
    // Where people graded a row, they need not grade a failure: it is wrong, as they would say.
    for row in rows.iter_mut().flatten().filter(|row| row.iter().any(|values| values.human.is_some())) {
        for values in row.iter_mut().filter(|values| values.failed) {
            values.human = Some(Quality::WRONG);
        }
    }
    judges
}

/// Who keeps the request from some tier.
fn routed(cascade: &Cascade, plan: &Plan) -> String {
    match (&plan.rule, plan.skipped.first()) {
        (Some(rule), Some((_, Skip::Rule)) | None) => format!("rule \"{rule}\" routes them elsewhere"),
        (_, Some((tier, why))) => {
            // Without the numbers, which differ from example to example.
            let why = why.to_string();
            let kind = if why.starts_with("capability") { &why } else { why.split(':').next().unwrap_or(&why) };
            format!("tier \"{}\" is skipped ({kind})", cascade.tier(*tier).name)
        }
        (None, None) => "they are routed elsewhere".to_owned(),
    }
}

/// What a gate's signals read, if its threshold has any say in what happens to the answer.
fn scores(gate: &Gate, step: &Step) -> Vec<Option<Score>> {
    let validators_read = step.signals.iter().take(gate.require.len()).all(|(_, reading)| reading.is_ok());
    let decides = match &step.decision {
        Decision::Defer(Deferral::BelowThreshold) => true,
        // Of the gate's own signal; then another one may still be read.
        Decision::Defer(Deferral::Abstained(_)) => validators_read,
        _ => false,
    };
    let read = |named: &NamedSignal| {
        let (_, reading) = step.signals.iter().find(|(label, _)| *label == named.label)?;
        reading.ok().filter(|_| decides)
    };
    scored(gate).into_iter().map(read).collect()
}

/// Output tokens of the answer; an equal share where several were sampled.
fn length(step: &Step) -> Option<u32> {
    let answering = step.calls.iter().rev().find(|call| call.probe.is_none() && call.attempt.error.is_none())?;
    let usage = answering.attempt.billing.usage()?;
    u32::try_from(usage.output.div_ceil(answering.answers.max(1) as u64)).ok()
}

fn cell(values: &Values) -> Cell<'_> {
    Cell {
        quality: values.quality,
        human: values.human,
        scores: &values.scores,
        cost: values.cost,
        latency_ms: Some(values.latency_ms),
        length: values.length,
    }
}

fn left_out(summary: &mut Summary, lack: Lack) {
    if let Some(left) = summary.left_out.iter_mut().find(|left| left.reason == lack.reason) {
        left.rows += 1;
    } else {
        summary.left_out.push(LeftOut { reason: lack.reason, rows: 1 });
        summary.warnings.extend(lack.detail);
    }
}

fn of_tier(observations: &Observations, ix: usize, spec: &TierSpec, unknown_cost: u64) -> TierSummary {
    let abstained = |signal: &str| {
        let scores = observations.scores(ix, signal).unwrap_or_default();
        scores.iter().filter(|score| score.is_nan()).count() as u64
    };
    let signals = spec.signals.iter().map(|s| SignalSummary { signal: s.clone(), abstained: abstained(s) }).collect();
    TierSummary { tier: spec.name.clone(), signals, unknown_cost, judge: spec.judge.clone(), human: 0 }
}

#[cfg(test)]
#[path = "replayed_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "judged_tests.rs"]
mod judged_tests;

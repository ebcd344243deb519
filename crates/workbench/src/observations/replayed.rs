//! A fixture set as observations: the cascade is replayed with gates that defer everything, so that every tier is asked.
//!
//! It is the fold itself that asks, probes, reads, strips and prices. What the table says is what production does.

mod row;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

use rayon::prelude::*;
use tierfall_calibrate::observations::{Cell, Condition, Row, TierSpec};
use tierfall_core::cascade::{Answerer, Cascade, OnAbstain, OnError, Parts, Policy, Tier};
use tierfall_core::number::Threshold;

use super::filling::{Filling, nothing_usable, unknown_split};
use super::{LeftOut, ReadOut, Summary, Ungraded};
use crate::Error;
use crate::fixture::grade::{Grades, remarks};
use crate::fixture::replay::Recordings;
use crate::fixture::{Example, FixtureSet, labels};
pub(crate) use row::played;
use row::{Lack, OfTier, State, Values, row, scored};

/// Every tier's answer to every example of a split: all signals of its gate, its grade, its cost with probes, its time.
///
/// An answer that its gate defers whatever the score, because it is unfinished, empty, filtered, a refusal or invalid, or
/// because the call failed, has no score at all. A failed call counts as a wrong answer, and a person as always right. An answer that nobody
/// graded stays one without a grade, unless `ungraded` says that its row may be left out; an example that a tier before the last has no
/// recording of escalates there. Examples that a rule or a limit keeps from some tier of the chain are left out, counted, and a
/// condition of what is promised. One that the last tier has no recording of is an error.
pub fn from_fixtures(
    declared: &Cascade,
    set: &FixtureSet,
    recordings: &Recordings,
    split: Option<&str>,
    ungraded: Ungraded,
) -> Result<ReadOut, Error> {
    let mut summary = Summary { warnings: checked(declared)?, ..Summary::default() };
    let cascade = deferring(declared)?;
    let grades = cascade.tiers().iter().map(|tier| grades(set, tier)).collect::<Result<Vec<_>, _>>()?;
    let by_tier: Vec<_> = cascade.tiers().iter().zip(&grades).map(|(tier, grades)| (&*tier.name, grades.as_ref())).collect();
    summary.labels = labels::by_split(set, recordings, &by_tier);
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
        return Err(unknown_split(split, &summary));
    }
    // Only proportions count, and a table's weights begin at 1.
    let lightest = examples.iter().map(|example| example.weight).fold(1.0, f64::min);
    let weighted = examples.iter().any(|example| example.weight.total_cmp(&1.0).is_ne());
    let mut filling = Filling::new(cascade.tiers().iter().map(spec).collect(), cascade.salt(), ungraded);
    let mut rows: Vec<_> = examples.par_iter().map(|example| row(&cascade, recordings, &grades, example)).collect();
    let unrecorded = rows.iter().filter(|row| matches!(row, Err(Lack::Unrecorded))).count();
    if let (Some(last), 1..) = (cascade.tiers().last(), unrecorded) {
        // It can be asked, so none is left out for it.
        return Err(Error::refused(format!(
            "{unrecorded} of {} examples have no recording of tier \"{}\", which losses refer to, and which those are may depend on how right \
             answers are: `tierfall record … --only-missing` asks what is missing",
            examples.len(),
            last.name
        )));
    }
    let by_tier = cascade.tiers().iter().zip(&grades).filter_map(|(tier, grades)| Some((&*tier.name, grades.as_ref()?)));
    summary.warnings.extend(remarks(set.dir(), &examples, recordings, by_tier));
    let judges = judges(&cascade, &examples, &mut rows, &mut summary);
    let (mut elsewhere, mut unread): (Vec<(String, u64)>, Vec<u64>) = (Vec::new(), vec![0; cascade.tiers().len()]);
    let mut lost = false;
    for (example, row) in examples.into_iter().zip(rows) {
        let tiers = match row {
            Ok(tiers) => tiers,
            Err(Lack::Elsewhere(why)) => {
                match elsewhere.iter_mut().find(|(known, _)| *known == why) {
                    Some((_, rows)) => *rows += 1,
                    None => elsewhere.push((why, 1)),
                }
                continue;
            }
            Err(Lack::Unrecorded) => continue,
        };
        let cells: Vec<Cell<'_>> = tiers.iter().map(|values| Cell { scores: &values.scores, ..values.cell }).collect();
        let request = example.request();
        let added = filling.push(&Row {
            id: &example.id,
            segment: declared.segment_of(&request),
            stratum: Some(&example.segment),
            group: example.group.as_deref(),
            weight: weighted.then(|| example.weight / lightest),
            tiers: &cells,
        })?;
        if added {
            lost |= tiers.iter().any(|values| values.unread);
            for (unread, values) in unread.iter_mut().zip(&tiers) {
                *unread += u64::from(values.unasked || values.state == State::Absent);
            }
        }
    }
    let ungraded = filling.left_out();
    summary.left_out = elsewhere.iter().map(|(why, rows)| LeftOut { reason: why.clone(), rows: *rows }).collect();
    summary.left_out.extend(ungraded.iter().map(|(left_out, _)| left_out.clone()));
    for (tier, rows) in cascade.tiers().iter().zip(&unread).filter(|(_, rows)| **rows > 0) {
        let what =
            format!("{rows} examples have no recording of tier \"{}\", or of what its gate asks: they escalate there", tier.name);
        summary.warnings.push(format!("{what}; `tierfall record` asks what is missing"));
    }
    summary.used = filling.len();
    if summary.used == 0 {
        let why = summary.left_out.iter().map(|left| format!("{} examples: {}", left.rows, left.reason));
        return Err(nothing_usable(summary.read, &why.chain(summary.warnings.iter().cloned()).collect::<Vec<_>>()));
    }
    for (at, (tier, judge)) in cascade.tiers().iter().zip(judges).enumerate() {
        if let Some(judge) = judge {
            filling.table.set_judge(at, judge);
        }
        if matches!(tier.answerer, Answerer::Human { .. }) {
            filling.table.set_always_right(at);
        }
    }
    summary.tiers = filling.tiers();
    // What could not be read because it is not there was not read in the answers.
    if !lost && unread.iter().all(|rows| *rows == 0) {
        filling.table.replayed();
    }
    let mut observations = filling.table.finish();
    let elsewhere = elsewhere.into_iter().map(|(why, rows)| Condition::Elsewhere { why, rows });
    observations.set_conditions(elsewhere.chain(ungraded.map(|(_, condition)| condition)));
    if let Some(heaviest) = set.about().heaviest_weight {
        observations.declare_heaviest(heaviest / lightest).map_err(Error::refused)?;
    }
    Ok(ReadOut { observations, summary })
}

fn of_cascade(cascade: &Cascade, why: impl Display) -> Error {
    Error::refused(format!("cascade \"{}\": {why}", cascade.name()))
}

/// Refuses what a table cannot show, and says what it simplifies.
fn checked(cascade: &Cascade) -> Result<Vec<String>, Error> {
    let refuse = |why: &str| Err(of_cascade(cascade, why));
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

/// The same cascade without its fit.
fn deferring(cascade: &Cascade) -> Result<Cascade, Error> {
    let mut tiers = cascade.tiers().to_vec();
    for gate in tiers.iter_mut().filter_map(|tier| tier.gate.as_mut()) {
        gate.value = None;
    }
    asking_all(cascade, tiers)
}

/// The cascade with these tiers, and gates that read everything and accept nothing, so that a replay asks every tier.
pub(crate) fn asking_all(cascade: &Cascade, mut tiers: Vec<Tier>) -> Result<Cascade, Error> {
    for gate in tiers.iter_mut().filter_map(|tier| tier.gate.as_mut()) {
        gate.threshold = Threshold::DeferAll;
    }
    let policy = Policy { budget: None, deadline: None, ..*cascade.policy() };
    let parts =
        Parts { name: cascade.name().clone(), salt: cascade.salt().into(), tiers, rules: cascade.rules().to_vec(), policy };
    Cascade::try_from(parts).map_err(|error| of_cascade(cascade, error))
}

fn grades(set: &FixtureSet, tier: &Tier) -> Result<OfTier, Error> {
    if matches!(tier.answerer, Answerer::Human { .. }) {
        return Ok(None);
    }
    let grades = Grades::load(set.dir(), &tier.name)?;
    if grades.is_empty() {
        let (tier, set) = (&tier.name, set.dir().display());
        return Err(Error::refused(format!("tier \"{tier}\" has no grades in {set}: run `tierfall grade` on the set first")));
    }
    Ok(Some(grades))
}

fn spec(tier: &Tier) -> TierSpec {
    let signals = tier.gate.as_ref().map(|gate| scored(gate).iter().map(|named| named.label.clone()).collect());
    TierSpec { name: tier.name.clone(), signals: signals.unwrap_or_default(), judge: None }
}

/// Who judged each tier's answers, where a judge did. What only a person graded there has no grade, as in files of observations: theirs
/// is of another kind.
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
            // Without a judge there is nobody whom people would correct.
            rows.iter_mut().flatten().for_each(|row| row[ix].cell.human = None);
            judges.push(None);
            continue;
        }
        let mut by_others = false;
        for (example, row) in examples.iter().zip(&mut *rows) {
            let Ok(values) = row else { continue };
            if values[ix].state != State::Answered || values[ix].judge.is_some() {
                continue;
            }
            if example.grader.judged().is_some() {
                values[ix].cell.quality = None;
            } else {
                by_others = true;
            }
        }
        // A correction by people's grades supposes that these are of a random part of all rows.
        if by_others {
            let held = rows.iter_mut().flatten().filter_map(|row| row[ix].cell.human.take()).count();
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
    judges
}

#[cfg(test)]
mod tests;

//! A split of a fixture set through a cascade as it is, on recordings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use tierfall::config::Loaded;
use tierfall_core::cascade::{Answerer, Tier, TierIx};
use tierfall_core::gate::{Decision, Deferral};
use tierfall_core::plan::Plan;
use tierfall_core::provider::{Billing, CallErrorKind};
use tierfall_core::request::Request;
use tierfall_core::trace::Trace;

use super::entry::Mode;
use super::played::{Last, NoLast, Played, PlayedItem, asks_a_person, place, served};
use super::problem::{ReplayProblem, ReplayProblemKind};
use crate::Error;
use crate::fixture::grade::{Grades, NotGraded, asked_for, remarks};
use crate::fixture::recording::Recorded;
use crate::fixture::replay::Recordings;
use crate::fixture::{Example, FixtureError, FixtureSet, labels};
use crate::observations::hint;

/// Replays every example of a split and grades what is served. The same on any number of cores.
///
/// What counts as right follows calibration: a person is right, a failed call is wrong. So a run that reaches the human tier is
/// right, at its declared cost. A run that ends in *review* because its chain is exhausted (`on-exhausted = "review"`) reaches no
/// tier that would pay for the person's work; it has the grade of the answer attached, which is what the caller has until
/// somebody looks, and is wrong without one. Where the cascade abstains, refuses or fails, nothing is served, and that is wrong.
///
/// `progress` is told how many examples are done, and of how many, from any thread.
pub fn replay(
    loaded: &Loaded,
    set: &FixtureSet,
    recordings: &Recordings,
    split: &str,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Played, Error> {
    let examples = of_split(set, split)?;
    if let (Some(fit), None) = (&loaded.fit_path, &loaded.fit) {
        return Err(Error::refused(format!(
            "{} takes its thresholds from {}, which was not read: without them every gate would defer all",
            loaded.path.display(),
            fit.display()
        )));
    }
    let player = Player::new(loaded, set, recordings)?;
    let done = AtomicU64::new(0);
    let results: Vec<Result<PlayedItem, Vec<Lack>>> = examples
        .par_iter()
        .map(|example| {
            let item = player.item(example);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, examples.len() as u64);
            item
        })
        .collect();
    let (mut items, mut lacks) = (Vec::with_capacity(results.len()), BTreeMap::new());
    for (example, result) in examples.iter().zip(results) {
        match result {
            Ok(item) => items.push(item),
            Err(found) => {
                for Lack { tier, kind, why } in found {
                    let found = lacks.entry((tier, kind)).or_insert_with(|| Found { why, examples: Vec::new() });
                    found.examples.push(example.id.clone());
                }
            }
        }
    }
    if !lacks.is_empty() {
        let problems = lacks.into_iter().map(|(of, found)| Ok(player.problem(set, of, found)?.to_string()));
        return Err(Error::refused(problems.collect::<Result<Vec<_>, Error>>()?.join("\n")));
    }
    let mut warnings = player.warnings(set, &items);
    let tiers = loaded.cascade.tiers().iter().zip(&player.grades);
    let graded = tiers.filter_map(|(tier, grades)| Some((&*tier.name, grades.as_ref()?)));
    warnings.extend(remarks(set.dir(), &examples, recordings, graded));
    Ok(Played { warnings, ..Played::of(loaded, set, split, Mode::Replay, items) })
}

/// The examples that lack the same of a tier, and what is said of the first.
struct Found {
    why: String,
    examples: Vec<Arc<str>>,
}

fn of_split<'a>(set: &'a FixtureSet, split: &str) -> Result<Vec<&'a Example>, Error> {
    let examples: Vec<&Example> = set.examples().iter().filter(|example| *example.split == *split).collect();
    if examples.is_empty() {
        let splits: BTreeSet<&str> = set.examples().iter().map(|example| &*example.split).collect();
        let there = hint(split, "splits", splits.iter().copied());
        return Err(Error::refused(format!("{} has no split \"{split}\"; {there}", set.path().display())));
    }
    Ok(examples)
}

/// The grades of every tier; `None` for a person.
fn grades(loaded: &Loaded, set: &FixtureSet) -> Result<Vec<Option<Grades>>, FixtureError> {
    let of_tier = |tier: &Tier| match tier.answerer {
        Answerer::Human { .. } => Ok(None),
        Answerer::Model(_) => Grades::load(set.dir(), &tier.name).map(Some),
    };
    FixtureError::collect(loaded.cascade.tiers().par_iter().map(of_tier).collect::<Vec<_>>())
}

/// What a tier lacks for an example.
pub(super) struct Lack {
    tier: usize,
    kind: ReplayProblemKind,
    /// What is said of a recording that does not do.
    why: String,
}

impl Lack {
    fn of(tier: usize, kind: ReplayProblemKind) -> Self {
        Self { tier, kind, why: String::new() }
    }
}

/// What replaying needs to know of a set.
pub(super) struct Player<'a> {
    loaded: &'a Loaded,
    recordings: &'a Recordings,
    grades: Vec<Option<Grades>>,
}

impl<'a> Player<'a> {
    pub(super) fn new(loaded: &'a Loaded, set: &FixtureSet, recordings: &'a Recordings) -> Result<Self, FixtureError> {
        Ok(Self { loaded, recordings, grades: grades(loaded, set)? })
    }

    fn item(&self, example: &Example) -> Result<PlayedItem, Vec<Lack>> {
        let request = Arc::new(example.request());
        let (outcome, trace) = self.recordings.replay(&self.loaded.cascade, request.clone());
        let question = example.digest();
        let mut lacks = Vec::new();
        let correct = match self.unrecorded(example, &question, &trace) {
            Some(lack) => Err(lack),
            None if asks_a_person(&trace) => Ok(1.0),
            None => served(&outcome).map_or(Ok(0.0), |served| self.grade(example, &question, served.tier.0)),
        };
        let correct = correct.unwrap_or_else(|lack| {
            lacks.push(lack);
            0.0
        });
        let last = self.last(example, &question, request).unwrap_or_else(|lack| {
            if !lacks.iter().any(|before| before.tier == lack.tier) {
                lacks.push(lack);
            }
            Err(NoLast::NotRecorded)
        });
        if lacks.is_empty() {
            Ok(PlayedItem::of(self.loaded, example, Some(&outcome), &trace, correct, last))
        } else {
            Err(lacks)
        }
    }

    fn grade(&self, example: &Example, question: &str, tier: usize) -> Result<f64, Lack> {
        let Some(book) = &self.grades[tier] else { return Ok(1.0) };
        let recorded = self.recorded(example, question, tier).ok_or_else(|| Lack::of(tier, ReplayProblemKind::NotRecorded))?;
        match book.of(example, recorded) {
            Ok(graded) => Ok(graded.correct),
            Err(NotGraded::Never) => Err(Lack::of(tier, ReplayProblemKind::NotGraded)),
            Err(NotGraded::Stale) => Err(Lack::of(tier, ReplayProblemKind::StaleGrade)),
        }
    }

    fn recorded(&self, example: &Example, question: &str, tier: usize) -> Option<&Recorded> {
        self.recordings.answer_as_asked(&self.loaded.cascade.tiers()[tier].name, &example.id, question)
    }

    /// What the last declared tier would have done by itself with an example that asks this, as far as that is known.
    pub(super) fn last(&self, example: &Example, question: &str, request: Arc<Request>) -> Result<Result<Last, NoLast>, Lack> {
        let cascade = &self.loaded.cascade;
        let last = cascade.tiers().len() - 1;
        // What was recorded before a rule forbade it is not what could be done now.
        if !Plan::new(cascade, request).constraints().allows(TierIx(last)) {
            return Ok(Err(NoLast::NotAllowed));
        }
        let price = match &cascade.tiers()[last].answerer {
            Answerer::Human { cost } => return Ok(Ok(Last { correct: 1.0, cost: *cost })),
            Answerer::Model(model) => model.price,
        };
        let Some(recorded) = self.recorded(example, question, last) else { return Ok(Err(NoLast::NotRecorded)) };
        let billing = match &recorded.answer {
            Ok(answer) => Billing::told(answer.usage),
            Err(failure) => failure.billing,
        };
        Ok(Ok(Last { correct: self.grade(example, question, last)?, cost: billing.cost(price).total() }))
    }

    /// What kept the run from being what it is live: a call that has no recording.
    fn unrecorded(&self, example: &Example, question: &str, trace: &Trace) -> Option<Lack> {
        let step = trace.steps.last()?;
        if step.decision != Decision::Defer(Deferral::Failed(CallErrorKind::NotRecorded)) {
            return None;
        }
        let tier = place(self.loaded, &step.tier)?;
        if self.recorded(example, question, tier).is_some() {
            return Some(Lack { why: trace.error.clone().unwrap_or_default(), ..Lack::of(tier, ReplayProblemKind::Unusable) });
        }
        let edited = self.recordings.answer(&step.tier, &example.id).is_some();
        Some(Lack::of(tier, if edited { ReplayProblemKind::Edited } else { ReplayProblemKind::NotRecorded }))
    }

    fn problem(
        &self,
        set: &FixtureSet,
        (tier, kind): (usize, ReplayProblemKind),
        found: Found,
    ) -> Result<ReplayProblem, FixtureError> {
        let tier = self.loaded.cascade.tiers()[tier].name.clone();
        let Found { why, examples } = found;
        let folder = set.dir().display();
        let (below, command) = match kind {
            ReplayProblemKind::NotGraded | ReplayProblemKind::StaleGrade => {
                let by = |name: &str| examples.iter().any(|id| set.get(id).is_some_and(|example| example.grader.name() == name));
                let ways = asked_for(&self.loaded.path.display().to_string()).into_iter().filter(|(grader, _)| by(grader));
                let commands: Vec<String> =
                    ways.map(|(_, flags)| format!("tierfall grade {folder} --tier {tier} {flags}")).collect();
                let command = if commands.is_empty() { format!("tierfall grade {folder}") } else { commands.join("; ") };
                ("grades", command)
            }
            _ => ("recordings", format!("tierfall record {} {folder} --only-missing", self.loaded.path.display())),
        };
        let path = crate::fixture::file_of(set.dir(), below, &tier)?;
        Ok(ReplayProblem { path, tier, kind, why, examples, command })
    }

    fn warnings(&self, set: &FixtureSet, items: &[PlayedItem]) -> Vec<String> {
        let mut warnings = Vec::new();
        for (tier, line) in self.recordings.torn() {
            warnings.push(format!(
                "the last line, {line}, of the recording of tier \"{tier}\" was cut in the middle of a write and is missing"
            ));
        }
        let tiers = self.loaded.cascade.tiers();
        if let Some(fit) = &self.loaded.fit {
            let graded: Vec<_> = tiers.iter().zip(&self.grades).map(|(tier, grades)| (&*tier.name, grades.as_ref())).collect();
            let now = || labels::by_split(set, self.recordings, &graded);
            let what = fit.provenance.labels.as_ref().and_then(|_| labels::changed(fit, &set.about().name, &now()));
            warnings.extend(what.map(|what| format!("{what}; calibrate again")));
        }
        for human in tiers.iter().filter(|tier| matches!(tier.answerer, Answerer::Human { .. })) {
            warnings.push(format!("the human tier \"{}\" is taken to be always right, at its declared cost", human.name));
        }
        let without = |why: NoLast| items.iter().filter(|item| item.last == Err(why)).count();
        if let (alone @ 1.., Some(last)) = (without(NoLast::NotRecorded), tiers.last()) {
            warnings.push(format!(
                "the last tier \"{}\" has no recorded answer to {alone} of {} examples: what always asking it would do is not known \
                 there",
                last.name,
                items.len()
            ));
        }
        if let (kept @ 1.., Some(last)) = (without(NoLast::NotAllowed), tiers.last()) {
            warnings.push(format!(
                "rules keep {kept} of {} examples from the last tier \"{}\": what is said against always asking it is about the others",
                items.len(),
                last.name
            ));
        }
        let unknown = items.iter().filter(|item| item.cost.is_none()).count();
        if unknown > 0 {
            warnings.push(format!(
                "the cost of {unknown} of {} examples is unknown: a tier without a price, or a recorded answer without usage",
                items.len()
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests;

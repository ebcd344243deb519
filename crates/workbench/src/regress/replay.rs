//! A split of a fixture set through a cascade as it is, on recordings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;
use tierfall_core::cascade::{Answerer, Tier, TierIx};
use tierfall_core::fit::{Cut, Fit, TierFit};
use tierfall_core::gate::{Decision, Deferral};
use tierfall_core::plan::Plan;
use tierfall_core::provider::{Billing, CallErrorKind};
use tierfall_core::request::Request;
use tierfall_core::run::Outcome;
use tierfall_core::trace::Trace;

use super::error::{Problem, ProblemKind, RegressError};
use super::played::{Last, Mode, NoLast, Played, PlayedItem};
use crate::fixture::grade::{Grades, NotGraded, asked_for, digest_of_completion};
use crate::fixture::recording::Recorded;
use crate::fixture::replay::Recordings;
use crate::fixture::{Example, FixtureError, FixtureSet};
use crate::observations::hint;
use tierfall::config::Loaded;
use tierfall::digest;

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
) -> Result<Played, RegressError> {
    let examples = of_split(set, split)?;
    if let (Some(fit), None) = (&loaded.fit_path, &loaded.fit) {
        return Err(RegressError::Unfitted { cascade: loaded.path.clone(), fit: fit.clone() });
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
    let (mut items, mut lacks) = (Vec::with_capacity(results.len()), BTreeMap::<_, Vec<_>>::new());
    for (example, result) in examples.iter().zip(results) {
        match result {
            Ok(item) => items.push(item),
            Err(found) => {
                for Lack { tier, kind } in found {
                    let examples = lacks.entry((tier, group_of(&kind))).or_default();
                    examples.push((example.id.clone(), kind));
                }
            }
        }
    }
    if !lacks.is_empty() {
        let problem = |((tier, _), found)| player.problem(set, tier, found);
        return Err(RegressError::Problems(lacks.into_iter().map(problem).collect::<Result<_, _>>()?));
    }
    Ok(Played {
        fixtures: set.about().name.clone(),
        split: split.to_owned(),
        mode: Mode::Replay,
        system: system(loaded),
        tiers: loaded.cascade.tiers().iter().map(|tier| tier.name.clone()).collect(),
        warnings: player.warnings(&items),
        items,
    })
}

/// Digest of everything that decides how a request is served: what the cascade file says about it, the bindings of its tiers
/// (with the files that it names), and what is in force of its fit, wherever that was made.
pub fn system(loaded: &Loaded) -> String {
    #[derive(Serialize)]
    struct Serving<'a> {
        file: &'a str,
        tiers: Vec<Option<&'a str>>,
        fit: Option<String>,
    }
    let tiers = loaded.tiers.iter().map(|tier| tier.as_ref().map(|tier| tier.digest.as_str())).collect();
    digest::of(&Serving { file: &loaded.serving_digest, tiers, fit: loaded.fit.as_deref().map(in_force) })
}

/// What a fit decides: neither where its numbers come from, nor what is promised of them.
fn in_force(fit: &Fit) -> String {
    #[derive(Serialize)]
    struct InForce<'a> {
        salt: &'a str,
        tiers: &'a [TierFit],
        points: Vec<InForcePoint<'a>>,
    }
    #[derive(Serialize)]
    struct InForcePoint<'a> {
        name: &'a str,
        cuts: &'a [Cut],
        segments: &'a BTreeMap<String, Vec<Cut>>,
    }
    let points = fit.point.iter().map(|point| InForcePoint { name: &point.name, cuts: &point.cuts, segments: &point.segments });
    digest::of(&InForce { salt: &fit.salt, tiers: &fit.tier, points: points.collect() })
}

/// Digest of what an example asks, and of what a right answer is: items are compared only where it is the same.
pub fn asked(example: &Example) -> String {
    digest_of(Asked { example, question: &example.digest() })
}

fn digest_of(Asked { example, question }: Asked<'_>) -> String {
    digest::short_of(&(question, &example.expected, &example.grader, &example.tags))
}

fn of_split<'a>(set: &'a FixtureSet, split: &str) -> Result<Vec<&'a Example>, RegressError> {
    let examples: Vec<&Example> = set.examples().iter().filter(|example| *example.split == *split).collect();
    if examples.is_empty() {
        let mut splits: Vec<&str> = set.examples().iter().map(|example| &*example.split).collect();
        splits.sort_unstable();
        splits.dedup();
        let path = set.dir().join("examples.jsonl");
        return Err(RegressError::UnknownSplit {
            path,
            split: split.to_owned(),
            hint: hint(split, "splits", splits.iter().copied()),
        });
    }
    Ok(examples)
}

/// The grades of every tier; `None` for a person.
fn grades(loaded: &Loaded, set: &FixtureSet) -> Result<Vec<Option<Grades>>, FixtureError> {
    let of_tier = |tier: &Tier| match tier.answerer {
        Answerer::Human { .. } => Ok(None),
        Answerer::Model(_) => Grades::load(set.dir(), &tier.name).map(Some),
    };
    let (mut grades, mut errors) = (Vec::new(), Vec::new());
    for read in loaded.cascade.tiers().par_iter().map(of_tier).collect::<Vec<_>>() {
        match read {
            Ok(of_tier) => grades.push(of_tier),
            Err(error) => errors.push(error),
        }
    }
    FixtureError::all(errors)?;
    Ok(grades)
}

/// What a tier lacks for an example.
pub(super) struct Lack {
    tier: usize,
    kind: ProblemKind,
}

/// Problems of one kind are told together, whatever else is said of each.
fn group_of(kind: &ProblemKind) -> u8 {
    match kind {
        ProblemKind::NotRecorded => 0,
        ProblemKind::Edited => 1,
        ProblemKind::Unusable(_) => 2,
        ProblemKind::NotGraded => 3,
        ProblemKind::StaleGrade => 4,
    }
}

/// An example, with the digest of its question.
#[derive(Clone, Copy)]
struct Asked<'a> {
    example: &'a Example,
    question: &'a str,
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
        let asked = Asked { example, question: &question };
        let mut lacks = Vec::new();
        let correct = match self.unrecorded(asked, &trace) {
            Some(lack) => Err(lack),
            None => self.correct(asked, &outcome, &trace),
        };
        let correct = correct.unwrap_or_else(|lack| {
            lacks.push(lack);
            0.0
        });
        let last = self.last_of(asked, request).unwrap_or_else(|lack| {
            if !lacks.iter().any(|before| before.tier == lack.tier) {
                lacks.push(lack);
            }
            Err(NoLast::NotRecorded)
        });
        if !lacks.is_empty() {
            return Err(lacks);
        }
        let person = asks_a_person(&trace);
        let served = match &outcome {
            Outcome::Answered(served) if !person => Some(served),
            // Nobody is declared to look: the answer attached is what there is.
            Outcome::Review(attached) if !person => attached.as_ref(),
            _ => None,
        };
        let tier = if person { trace.steps.last().map(|step| step.tier.clone()) } else { None };
        Ok(PlayedItem {
            id: example.id.clone(),
            segment: example.segment.clone(),
            group: example.group.clone(),
            weight: example.weight,
            asked: digest_of(asked),
            outcome: outcome.kind(),
            tier: tier.or_else(|| served.map(|served| self.loaded.cascade.tier(served.tier).name.clone())),
            answer: served.map(|served| digest_of_completion(&served.answer)),
            correct,
            cost: trace.cost.total(),
            latency_ms: None,
            asked_tiers: asked_tiers(self.loaded, &trace),
            last,
            repeats: 1,
            errors: 0,
            flaky: false,
        })
    }

    /// The grade of what is served; see [`replay`].
    fn correct(&self, asked: Asked<'_>, outcome: &Outcome, trace: &Trace) -> Result<f64, Lack> {
        if asks_a_person(trace) {
            return Ok(1.0);
        }
        match outcome {
            Outcome::Answered(served) | Outcome::Review(Some(served)) => self.grade(asked, served.tier.0),
            Outcome::Review(None) | Outcome::Abstained(_) | Outcome::Refused(_) | Outcome::Failed(_) => Ok(0.0),
        }
    }

    fn grade(&self, asked: Asked<'_>, tier: usize) -> Result<f64, Lack> {
        let Some(book) = &self.grades[tier] else { return Ok(1.0) };
        let recorded = self.recorded(asked, tier).ok_or(Lack { tier, kind: ProblemKind::NotRecorded })?;
        match book.of(asked.example, recorded) {
            Ok(graded) => Ok(graded.correct),
            Err(NotGraded::Never) => Err(Lack { tier, kind: ProblemKind::NotGraded }),
            Err(NotGraded::Stale) => Err(Lack { tier, kind: ProblemKind::StaleGrade }),
        }
    }

    fn recorded(&self, asked: Asked<'_>, tier: usize) -> Option<&Recorded> {
        self.recordings.answer_as_asked(&self.loaded.cascade.tiers()[tier].name, &asked.example.id, asked.question)
    }

    /// What the last declared tier would have done by itself, as far as that is known.
    pub(super) fn last(&self, example: &Example) -> Result<Result<Last, NoLast>, Lack> {
        self.last_of(Asked { example, question: &example.digest() }, Arc::new(example.request()))
    }

    fn last_of(&self, asked: Asked<'_>, request: Arc<Request>) -> Result<Result<Last, NoLast>, Lack> {
        let cascade = &self.loaded.cascade;
        let last = cascade.tiers().len() - 1;
        // What was recorded before a rule forbade it is not what could be done now.
        if !Plan::new(cascade, request).route().allows(TierIx(last)) {
            return Ok(Err(NoLast::NotAllowed));
        }
        let price = match &cascade.tiers()[last].answerer {
            Answerer::Human { cost } => return Ok(Ok(Last { correct: 1.0, cost: *cost })),
            Answerer::Model(model) => model.price,
        };
        let Some(recorded) = self.recorded(asked, last) else { return Ok(Err(NoLast::NotRecorded)) };
        let billing = match &recorded.answer {
            Ok(answer) => Billing::told(answer.usage),
            Err(failure) => failure.billing,
        };
        Ok(Ok(Last { correct: self.grade(asked, last)?, cost: billing.cost(price).total() }))
    }

    /// What kept the run from being what it is live: a call that has no recording.
    fn unrecorded(&self, asked: Asked<'_>, trace: &Trace) -> Option<Lack> {
        let step = trace.steps.last()?;
        if step.decision != Decision::Defer(Deferral::Failed(CallErrorKind::NotRecorded)) {
            return None;
        }
        let tier = place(self.loaded, &step.tier)?;
        let kind = if self.recorded(asked, tier).is_some() {
            ProblemKind::Unusable(trace.error.clone().unwrap_or_default())
        } else if self.recordings.answer(&step.tier, &asked.example.id).is_some() {
            ProblemKind::Edited
        } else {
            ProblemKind::NotRecorded
        };
        Some(Lack { tier, kind })
    }

    fn problem(&self, set: &FixtureSet, tier: usize, found: Vec<(Arc<str>, ProblemKind)>) -> Result<Problem, FixtureError> {
        let tier = self.loaded.cascade.tiers()[tier].name.clone();
        let (examples, kinds): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let kind = kinds.into_iter().next().unwrap_or(ProblemKind::NotRecorded);
        let folder = set.dir().display();
        let (below, command) = match kind {
            ProblemKind::NotGraded | ProblemKind::StaleGrade => {
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
        Ok(Problem { path, tier, kind, examples, command })
    }

    fn warnings(&self, items: &[PlayedItem]) -> Vec<String> {
        let mut warnings = Vec::new();
        for tier in self.recordings.torn() {
            let line = self.recordings.torn_line(tier).map_or_else(String::new, |line| format!(", {line},"));
            warnings.push(format!(
                "the last line{line} of the recording of tier \"{tier}\" was cut in the middle of a write and is missing"
            ));
        }
        let tiers = self.loaded.cascade.tiers();
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

fn place(loaded: &Loaded, name: &str) -> Option<usize> {
    loaded.cascade.tiers().iter().position(|tier| *tier.name == *name)
}

/// The tiers that were asked, as places in the chain, and whether each took the request. A person takes whatever reaches them.
pub(super) fn asked_tiers(loaded: &Loaded, trace: &Trace) -> Vec<(usize, bool)> {
    let accepted = |decision: &Decision| matches!(decision, Decision::Accept(_) | Decision::Defer(Deferral::Review));
    trace.steps.iter().filter_map(|step| Some((place(loaded, &step.tier)?, accepted(&step.decision)))).collect()
}

/// Whether the run ended at the human tier.
pub(super) fn asks_a_person(trace: &Trace) -> bool {
    trace.steps.last().is_some_and(|step| step.decision == Decision::Defer(Deferral::Review))
}

#[cfg(test)]
mod tests;

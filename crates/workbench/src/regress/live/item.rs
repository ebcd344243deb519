//! One example, asked as often as it is to be.

use std::sync::Arc;
use std::time::Duration;

use tierfall::config::Loaded;
use tierfall::{Answer, Engine};
use tierfall_core::gate::{Decision, Deferral};
use tierfall_core::money::Money;
use tierfall_core::provider::CallErrorKind;
use tierfall_core::signal::Abstain;
use tierfall_core::trace::Fallback;

use crate::fixture::replay::Recordings;
use crate::fixture::{Example, FixtureError, FixtureSet};
use crate::regress::entry::EntryItem;
use crate::regress::played::{NoLast, PlayedItem, asks_a_person, served};
use crate::regress::replay::Player;

/// Asks examples and grades what comes back.
pub(super) struct Asker<'a> {
    loaded: &'a Loaded,
    /// What knows the recorded answers of the last tier.
    player: Option<Player<'a>>,
    engine: Engine,
    /// At least 1.
    repeats: u32,
}

/// An example, and how asking it ended.
pub(super) struct Asked {
    pub(super) item: PlayedItem,
    /// Whether its last repeat met a call that failed.
    pub(super) failed: bool,
    /// What was said of the last failure among its repeats.
    pub(super) said: Option<String>,
    /// Whether a call of it was refused because the run is to end.
    pub(super) cut: bool,
}

/// Why a run says nothing of what the cascade answers: a call of it failed for a reason that is none of the question's, or there was no
/// time for the last tier. Whatever is served then, another day would have served something else.
fn lost(answer: &Answer) -> Option<String> {
    let trace = &answer.trace;
    if let Some(step) = trace.steps.iter().find(|step| is_failure(&step.decision)) {
        let said = step.message.as_deref().unwrap_or("nothing was said of it");
        return Some(format!("tier \"{}\": {said}", step.tier));
    }
    if trace.fallback == Some(Fallback::Deadline) {
        return Some("the request's deadline passed before the last tier".to_owned());
    }
    answer.error().filter(|error| !is_of_the_question(error.kind)).map(ToString::to_string)
}

/// Whether a tier came to nothing for a reason that is none of the question's.
fn is_failure(decision: &Decision) -> bool {
    match decision {
        Decision::Defer(Deferral::Failed(kind)) => !is_of_the_question(*kind),
        Decision::Defer(Deferral::Abstained(why)) => *why == Abstain::ProbeFailed,
        _ => false,
    }
}

/// Whether the tier does so with this question every day: that is what the cascade does with it.
fn is_of_the_question(kind: CallErrorKind) -> bool {
    matches!(kind, CallErrorKind::ContentFilter | CallErrorKind::ContextLength)
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        loaded: &'a Loaded,
        set: &FixtureSet,
        recordings: Option<&'a Recordings>,
        engine: Engine,
        repeats: u32,
    ) -> Result<Self, FixtureError> {
        let player = recordings.map(|recordings| Player::new(loaded, set, recordings)).transpose()?;
        Ok(Self { loaded, player, engine, repeats })
    }

    pub(super) async fn ask(&self, example: &Example) -> Asked {
        let mut answers = Vec::new();
        // One after the other: repeats at once would hit one cache, or one overload, together.
        for _ in 0..self.repeats {
            answers.push(self.engine.complete(example.request()).await);
        }
        let failed = answers.last().is_some_and(|answer| lost(answer).is_some());
        let said = answers.iter().rev().find_map(lost);
        let refused = Decision::Defer(Deferral::Failed(CallErrorKind::Cancelled));
        let cut = answers.iter().flat_map(|answer| &answer.trace.steps).any(|step| step.decision == refused);
        Asked { item: self.item(example, &answers), failed, said, cut }
    }

    fn item(&self, example: &Example, answers: &[Answer]) -> PlayedItem {
        let answered: Vec<&Answer> = answers.iter().filter(|answer| lost(answer).is_none()).collect();
        let n = answered.len().max(1) as f64;
        let correct = answered.iter().fold(0.0, |sum, answer| sum + grade(example, answer)) / n;
        // What a run costs of which nothing is learned is no measurement either.
        let priced = || answers.iter().filter(|answer| answered.is_empty() || lost(answer).is_none());
        let costs: Option<Money> = priced().map(|answer| answer.trace.cost.told()).sum();
        let latency = answered.iter().fold(Duration::ZERO, |sum, answer| sum.saturating_add(answer.trace.latency));
        let last = self.player.as_ref().and_then(|player| {
            // What the last tier's recording lacks is not what was asked here.
            player.last(example, &example.digest(), Arc::new(example.request())).ok()
        });
        let last = last.unwrap_or(Err(NoLast::NotRecorded));
        let (outcome, trace) = match answered.first() {
            Some(first) => (Some(&first.outcome), &first.trace),
            None => (None, &answers[0].trace),
        };
        let item = PlayedItem::of(self.loaded, example, outcome, trace, correct, last);
        let entry = EntryItem {
            cost: costs.map(|sum| Money::from_pico(sum.pico() / priced().count().max(1) as u128)),
            latency_ms: (!answered.is_empty()).then(|| latency.as_secs_f64() * 1e3 / n),
            repeats: self.repeats,
            errors: answers.iter().map(|answer| u32::from(lost(answer).is_some())).sum(),
            flaky: answered.len() > 1 && correct > 0.1 && correct < 0.9,
            ..item.entry
        };
        PlayedItem { entry, ..item }
    }
}

/// The grade of what is served, as in a replay.
fn grade(example: &Example, answer: &Answer) -> f64 {
    if asks_a_person(&answer.trace) {
        return 1.0;
    }
    // Examples whose graders have to be asked are left out of live runs.
    let grade = served(&answer.outcome).and_then(|served| example.grader.grade(&example.expected, &served.answer));
    grade.map_or(0.0, |grade| grade.correct())
}

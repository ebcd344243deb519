//! What a cascade did with the examples of a fixture set.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use tierfall::config::Loaded;
use tierfall_core::completion::Completion;
use tierfall_core::gate::{Decision, Deferral};
use tierfall_core::money::Money;
use tierfall_core::run::{Outcome, Served};
use tierfall_core::trace::{OutcomeKind, Trace};

use super::entry::{BaselineEntry, EntryItem, Mode, Summary};
use super::system::{asked, system};
use crate::fixture::grade::digest_of_completion;
use crate::fixture::{Example, FixtureSet};

/// What a cascade did with one split of a fixture set.
#[derive(Clone, Debug)]
pub struct Played {
    /// The fixture set's name.
    pub fixtures: String,
    /// The split.
    pub split: String,
    /// Where answers came from.
    pub mode: Mode,
    /// Digest of everything that decides how a request is served: the cascade file without comments, expectations and replay,
    /// the files that it names, the fit. Equal digests are equal systems.
    pub system: String,
    /// The declared tiers, cheapest first.
    pub tiers: Vec<Arc<str>>,
    /// One entry an example, in the order of the set.
    pub items: Vec<PlayedItem>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Played {
    pub(super) fn of(loaded: &Loaded, set: &FixtureSet, split: &str, mode: Mode, items: Vec<PlayedItem>) -> Self {
        Self {
            fixtures: set.about().name.clone(),
            split: split.to_owned(),
            mode,
            system: system(loaded),
            tiers: loaded.cascade.tiers().iter().map(|tier| tier.name.clone()).collect(),
            items,
            warnings: Vec::new(),
        }
    }
}

impl From<&Played> for BaselineEntry {
    fn from(played: &Played) -> Self {
        let by_id: BTreeMap<_, _> = played.items.iter().map(|item| (&item.id, &item.entry)).collect();
        let items: Vec<EntryItem> = by_id.into_values().cloned().collect();
        Self {
            fixtures: played.fixtures.clone(),
            split: played.split.clone(),
            mode: played.mode,
            system: played.system.clone(),
            tiers: played.tiers.clone(),
            summary: Summary::of(&played.tiers, &items),
            items,
        }
    }
}

/// What a cascade did with one example: what a baseline keeps of it, and what only the run knows.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayedItem {
    /// What a baseline keeps of it.
    pub entry: EntryItem,
    /// Examples of one group repeat one item.
    pub group: Option<Arc<str>>,
    /// How many requests it stands for: 1 unless it was sampled with another propensity.
    pub weight: f64,
    /// The tiers that were asked, as places in the chain, and whether each accepted.
    pub asked_tiers: Vec<(usize, bool)>,
    /// What the last declared tier would have done by itself.
    pub last: Result<Last, NoLast>,
    /// The answer that is served; of several repeats that of the last one.
    pub answered: Option<Arc<Completion>>,
    /// Its place among the examples as they were asked; 0 in a replay, which has no times that it could matter to.
    pub turn: u32,
}

impl Deref for PlayedItem {
    type Target = EntryItem;

    fn deref(&self) -> &EntryItem {
        &self.entry
    }
}

impl PlayedItem {
    /// Of one run of an example, not timed; of one that says nothing of what the cascade answers there is only the trace.
    pub(super) fn of(
        loaded: &Loaded,
        example: &Example,
        outcome: Option<&Outcome>,
        trace: &Trace,
        correct: f64,
        last: Result<Last, NoLast>,
    ) -> Self {
        let served = outcome.filter(|_| !asks_a_person(trace)).and_then(served);
        let person = trace.steps.last().filter(|_| outcome.is_some() && asks_a_person(trace));
        let tier = served.map(|served| loaded.cascade.tier(served.tier).name.clone());
        let entry = EntryItem {
            id: example.id.clone(),
            asked: asked(example),
            segment: example.segment.clone(),
            outcome: outcome.map_or(OutcomeKind::Failed, Outcome::kind),
            tier: tier.or_else(|| person.map(|step| step.tier.clone())),
            correct,
            cost: trace.cost.told(),
            answer: served.map(|served| digest_of_completion(&served.answer)),
            latency_ms: None,
            repeats: 1,
            errors: 0,
            flaky: false,
        };
        Self {
            entry,
            group: example.group.clone(),
            weight: example.weight,
            asked_tiers: asked_tiers(loaded, trace),
            last,
            answered: served.map(|served| served.answer.clone()),
            turn: 0,
        }
    }
}

/// The answer that whoever asked has, if any. Where a review is the end and nobody is declared to look, that is the answer attached.
pub(super) fn served(outcome: &Outcome) -> Option<&Served> {
    match outcome {
        Outcome::Review(attached) => attached.as_ref(),
        _ => outcome.served(),
    }
}

/// The tiers that were asked, as places in the chain, and whether each took the request. A person takes whatever reaches them.
fn asked_tiers(loaded: &Loaded, trace: &Trace) -> Vec<(usize, bool)> {
    let accepted = |decision: &Decision| matches!(decision, Decision::Accept(_) | Decision::Defer(Deferral::Review));
    trace.steps.iter().filter_map(|step| Some((place(loaded, &step.tier)?, accepted(&step.decision)))).collect()
}

/// The place of a tier in the chain.
pub(super) fn place(loaded: &Loaded, name: &str) -> Option<usize> {
    loaded.cascade.tiers().iter().position(|tier| *tier.name == *name)
}

/// Whether the run ended at the human tier.
pub(super) fn asks_a_person(trace: &Trace) -> bool {
    trace.steps.last().is_some_and(|step| step.decision == Decision::Defer(Deferral::Review))
}

/// Why it is not known what the last declared tier would have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoLast {
    /// It has no recording.
    NotRecorded,
    /// A rule keeps the example from it: whatever is recorded, it cannot always be asked.
    NotAllowed,
}

/// What the last declared tier does with an example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Last {
    /// Its grade.
    pub correct: f64,
    /// Its cost; `None` = unknown.
    pub cost: Option<Money>,
}

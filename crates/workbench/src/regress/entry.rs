//! What a baseline says of one split of one fixture set.

use std::collections::BTreeMap;
use std::sync::Arc;

use tierfall_core::money::Money;
use tierfall_core::trace::OutcomeKind;

use super::played::{Mode, Played, PlayedItem};

/// What a cascade did with one split of one fixture set.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The fixture set's name.
    pub fixtures: String,
    /// The split.
    pub split: String,
    /// Where answers came from.
    pub mode: Mode,
    /// Digest of everything that decides how a request is served; see [`Played::system`].
    pub system: String,
    /// The declared tiers, cheapest first.
    pub tiers: Vec<Arc<str>>,
    /// What the items come to.
    pub summary: Summary,
    /// One an example, by id.
    pub items: Vec<EntryItem>,
}

/// What a cascade did with one example.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryItem {
    /// The example.
    pub id: Arc<str>,
    /// Digest of what it asks and what is expected; see [`asked`](super::asked).
    pub asked: String,
    /// Its segment.
    pub segment: Arc<str>,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// The tier whose answer was served; `None` = none was.
    pub tier: Option<Arc<str>>,
    /// The grade of what was served, in [0, 1].
    pub correct: f64,
    /// Every attempt included; `None` = unknown.
    pub cost: Option<Money>,
    /// Digest of the served answer; `None` = none was, or a person gave it.
    pub answer: Option<String>,
    /// Milliseconds; `None` in a replay.
    pub latency_ms: Option<f64>,
    /// How often it was asked: 1 in a replay.
    pub repeats: u32,
    /// How many of the repeats ended in an error of transport.
    pub errors: u32,
    /// Whether the repeats disagree.
    pub flaky: bool,
}

impl EntryItem {
    /// Whether any repeat was answered; otherwise its grade means nothing.
    pub fn is_graded(&self) -> bool {
        self.errors < self.repeats
    }
}

impl From<&PlayedItem> for EntryItem {
    fn from(item: &PlayedItem) -> Self {
        Self {
            id: item.id.clone(),
            asked: item.asked.clone(),
            segment: item.segment.clone(),
            outcome: item.outcome,
            tier: item.tier.clone(),
            correct: item.correct,
            cost: item.cost,
            answer: item.answer.clone(),
            latency_ms: item.latency_ms,
            repeats: item.repeats,
            errors: item.errors,
            flaky: item.flaky,
        }
    }
}

/// What the items of an entry come to, each counted once whatever it weighs: for those who read the file, and so that lines
/// that were taken out of it or merged into it are noticed.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// How many there are.
    pub n: usize,
    /// How many of them were never answered, for errors of transport alone; they have no grade.
    pub failed: usize,
    /// The mean grade of the others.
    pub correct: f64,
    /// What they cost together; `None` = some cost is unknown.
    pub cost: Option<Money>,
    /// How many each declared tier served.
    pub served: Vec<(Arc<str>, usize)>,
}

impl Summary {
    pub(super) fn of(tiers: &[Arc<str>], items: &[EntryItem]) -> Self {
        let graded = || items.iter().filter(|item| item.is_graded());
        let n_graded = graded().count();
        // From 0 and not by `sum`, whose empty sum is −0.
        let sum = graded().fold(0.0, |sum, item| sum + item.correct);
        let served = |tier: &Arc<str>| items.iter().filter(|item| item.tier.as_ref() == Some(tier)).count();
        Self {
            n: items.len(),
            failed: items.len() - n_graded,
            correct: sum / n_graded.max(1) as f64,
            cost: items.iter().map(|item| item.cost).sum(),
            served: tiers.iter().map(|tier| (tier.clone(), served(tier))).collect(),
        }
    }
}

impl From<&Played> for Entry {
    fn from(played: &Played) -> Self {
        let by_id: BTreeMap<_, _> = played.items.iter().map(|item| (&item.id, item)).collect();
        let items: Vec<EntryItem> = by_id.into_values().map(EntryItem::from).collect();
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

impl Entry {
    /// The item of an example.
    pub fn get(&self, id: &str) -> Option<&EntryItem> {
        self.position(id).map(|place| &self.items[place])
    }

    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.items.binary_search_by(|item| (*item.id).cmp(id)).ok()
    }

    pub(super) fn key(&self) -> (&str, &str, &str) {
        (&self.fixtures, &self.split, self.mode.as_str())
    }
}

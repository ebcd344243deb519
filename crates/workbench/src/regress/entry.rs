//! What a baseline says of one split of one fixture set.

use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use tierfall_core::money::Money;
use tierfall_core::trace::OutcomeKind;

tierfall_core::words! {
    /// Where answers came from.
    pub enum Mode {
        /// From recordings.
        Replay = "replay",
        /// From the declared providers.
        Live = "live",
    }
}

/// What a cascade did with one split of one fixture set.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineEntry {
    /// The fixture set's name.
    pub fixtures: String,
    /// The split.
    pub split: String,
    /// Where answers came from.
    pub mode: Mode,
    /// Digest of everything that decides how a request is served; see `system.rs`.
    pub system: String,
    /// The declared tiers, cheapest first.
    pub tiers: Vec<Arc<str>>,
    /// What the items come to.
    pub summary: Summary,
    /// One an example, by id.
    pub items: Vec<EntryItem>,
}

/// What a cascade did with one example: a line of the file. Of several repeats, outcome, tier and answer are those of the first that
/// was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryItem {
    /// The example.
    pub id: Arc<str>,
    /// Digest of what it asks and what is expected; see `system.rs`.
    pub asked: String,
    /// Its segment.
    pub segment: Arc<str>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "is_default")]
    pub outcome: OutcomeKind,
    /// The tier whose answer is served; `None` = none is.
    pub tier: Option<Arc<str>>,
    /// The grade of what is served, in [0, 1]; the mean over repeats that were answered. Nothing served is wrong, and a person is always
    /// right.
    pub correct: f64,
    /// Every attempt included; the mean over repeats; `None` = unknown.
    #[serde(rename = "cost_usd", default, serialize_with = "digits", deserialize_with = "usd")]
    pub cost: Option<Money>,
    /// Digest of the served answer; `None` = none is, or a person gave it.
    pub answer: Option<String>,
    /// Milliseconds, the mean over repeats; `None` in a replay, whose times are the recorder's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// How often it was asked: 1 in a replay.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub repeats: u32,
    /// How many of the repeats ended in an error of transport; they are no grade.
    #[serde(default, skip_serializing_if = "is_default")]
    pub errors: u32,
    /// Whether the repeats disagree: their mean grade is between 0.1 and 0.9.
    #[serde(default, skip_serializing_if = "is_default")]
    pub flaky: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_one(n: &u32) -> bool {
    *n == 1
}

/// Digit by digit: money is exact.
#[expect(clippy::ref_option, reason = "serde's serialize_with passes a reference")]
fn digits<S: Serializer>(cost: &Option<Money>, serializer: S) -> Result<S::Ok, S::Error> {
    let digits = cost.map(|cost| RawValue::from_string(decimals(cost)).expect("plain decimals are a JSON number"));
    digits.serialize(serializer)
}

fn usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
    let digits = Option::<&RawValue>::deserialize(deserializer)?;
    digits.map(|digits| digits.get().parse().map_err(D::Error::custom)).transpose()
}

/// USD as plain decimals, with as many places as there are.
pub(super) fn decimals(money: Money) -> String {
    const PICO: u128 = 1_000_000_000_000;
    let (usd, pico) = (money.pico() / PICO, money.pico() % PICO);
    if pico == 0 {
        return usd.to_string();
    }
    format!("{usd}.{}", format!("{pico:012}").trim_end_matches('0'))
}

impl EntryItem {
    /// Whether any repeat was answered; otherwise its grade means nothing.
    pub(crate) fn is_graded(&self) -> bool {
        self.errors < self.repeats
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

impl BaselineEntry {
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

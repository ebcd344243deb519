//! What a cascade did with the examples of a fixture set.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tierfall_core::money::Money;
use tierfall_core::trace::OutcomeKind;

/// Where answers came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// From recordings.
    Replay,
    /// From the declared providers.
    Live,
}

impl Mode {
    /// The mode as written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Live => "live",
        }
    }
}

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

/// What a cascade did with one example.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayedItem {
    /// The example.
    pub id: Arc<str>,
    /// Its segment, as the set says.
    pub segment: Arc<str>,
    /// Examples of one group repeat one item.
    pub group: Option<Arc<str>>,
    /// How many requests it stands for: 1 unless it was sampled with another propensity.
    pub weight: f64,
    /// Digest of its question, expectation, grader and tags.
    pub asked: String,
    /// How it ended; of several repeats, the first.
    pub outcome: OutcomeKind,
    /// The tier whose answer is served; of several repeats, the first. `None` = none is.
    pub tier: Option<Arc<str>>,
    /// Digest of the served answer; of several repeats, the first. `None` = none is.
    pub answer: Option<String>,
    /// The grade of what is served, in [0, 1]; the mean over repeats that were answered. Nothing served is wrong, and a person
    /// is always right.
    pub correct: f64,
    /// Every attempt included; the mean over repeats; `None` = unknown.
    pub cost: Option<Money>,
    /// Mean over repeats; `None` in a replay, whose times are the recorder's.
    pub latency_ms: Option<f64>,
    /// The tiers that were asked, as places in the chain, and whether each accepted.
    pub asked_tiers: Vec<(usize, bool)>,
    /// What the last declared tier would have done by itself.
    pub last: Result<Last, NoLast>,
    /// How often it was asked: 1 in a replay.
    pub repeats: u32,
    /// How many of the repeats ended in an error of transport; they are no grade.
    pub errors: u32,
    /// Whether repeats disagree: their mean grade is between 0.1 and 0.9.
    pub flaky: bool,
}

impl PlayedItem {
    /// Whether there is a grade: an example that only ended in errors of transport says nothing about quality.
    pub fn is_graded(&self) -> bool {
        self.errors < self.repeats
    }
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

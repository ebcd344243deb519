//! What a calibration is asked for. All of it is chosen before looking at the rows: choices made afterwards cost error.

use tierfall_core::fusion::GateValue;
use tierfall_core::money::Money;

/// The objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// Least cost at a mean quality of at least this, in [0, 1].
    Accuracy(f64),
    /// Least cost at a mean quality at most this much below that of the last declared tier, in [0, 1].
    MaxLoss(f64),
    /// Most quality at a mean cost a query of at most this; costs are unbounded, so nothing is certified.
    MaxCost(Money),
}

impl Target {
    /// Whether a promise can be made of it: costs have no bound, so none is ever made of them.
    pub fn can_be_promised(self) -> bool {
        !matches!(self, Self::MaxCost(_))
    }
}

/// The probability, over the draw of the examples, that a promise does not hold; above 0 and below 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Delta(f64);

impl Delta {
    /// `None` outside (0, 1).
    pub fn new(delta: f64) -> Option<Self> {
        (delta > 0.0 && delta < 1.0).then_some(Self(delta))
    }

    /// The probability.
    pub fn get(self) -> f64 {
        self.0
    }

    /// An equal part of it, `parts` at least 1.
    #[must_use]
    pub(crate) fn over(self, parts: usize) -> Self {
        Self(self.0 / parts.max(1) as f64)
    }
}

/// At most `share` of the requests may take longer than `over_ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyLimit {
    /// In milliseconds, all calls of a request together.
    pub over_ms: f64,
    /// In [0, 1).
    pub share: f64,
}

/// What thresholds by segment promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BySegment {
    /// The target holds over all segments together.
    Overall,
    /// The target holds in every segment by itself.
    Each,
}

/// Which gate value each gated tier is to use.
#[derive(Clone, Debug, PartialEq)]
pub enum SignalChoice {
    /// This one.
    Fixed(GateValue),
    /// These signals (labels), fused by a regression that is trained on rows of its own.
    Fuse(Vec<String>),
    /// The best of all that there are, picked on rows of their own.
    Auto,
}

/// An operating point beside the main one, declared beforehand.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtraPoint {
    /// Its name.
    pub name: String,
    /// Its target, of the same kind as the main one: a loss or an accuracy.
    pub target: f64,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The objective of the point named `default`.
    pub target: Target,
    /// `None` = no guarantee is wanted.
    pub delta: Option<Delta>,
    /// One for every tier but the last.
    pub signals: Vec<SignalChoice>,
    /// Further points; all share `delta`.
    pub points: Vec<ExtraPoint>,
    /// A limit that is certified beside the target.
    pub latency: Option<LatencyLimit>,
    /// Thresholds by run-time segment.
    pub by_segment: Option<BySegment>,
    /// Most gated tiers in a sub-chain; 1 = pairs.
    pub max_depth: usize,
    /// Whether the rows that people graded beside a judge are declared to be a random part of all. Only then do their grades correct the
    /// judge's: where people were shown what somebody picked, the judge may be wrong in another way on the rest.
    pub people_at_random: bool,
    /// Decides splits, folds and orders; never ties.
    pub seed: u64,
    /// How many certificates were made on these rows before: the i-th after the first gets δ·6/(π²i²).
    pub earlier: u64,
}

impl Ask {
    /// Whether a promise is asked for that could be made.
    pub fn promises(&self) -> bool {
        self.delta.is_some() && self.target.can_be_promised()
    }
}

//! What is said of every operating point.

use crate::stat::plan::Needed;
use tierfall_core::fit::{Guarantee, Status, TargetFit};
use tierfall_core::number::Threshold;

use crate::policy::Thresholds;

/// The method of a promise that needs no rows: the last tier loses nothing against itself.
pub const BY_CONSTRUCTION: &str = "by-construction";

/// The verdicts.
#[derive(Clone, Debug, PartialEq)]
pub struct Certification {
    /// The point named `default` first, then the extra ones in the order in which they were declared.
    pub points: Vec<PointCertified>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// The verdict on an operating point.
#[derive(Clone, Debug, PartialEq)]
pub struct PointCertified {
    /// Its name.
    pub name: String,
    /// Whether and what is promised.
    pub status: Status,
    /// What it was searched for.
    pub target: TargetFit,
    /// In force, for requests of a segment that is not listed; the fallback where nothing is certified.
    pub policy: Thresholds,
    /// In force by segment, where that was asked for; small ones are pooled into one named `rest`.
    pub segments: Vec<SegmentCertified>,
    /// The promise; present exactly where `status` is certified.
    pub guarantee: Option<Guarantee>,
    /// About how many labels would do; only where inconclusive, and only where that can be told.
    pub needed_n: Option<Needed>,
    /// The best value of the target that could be promised, where it is infeasible; where nothing was to be promised, the best that there is
    /// on these rows, if that misses the target.
    pub attainable: Option<f64>,
    /// Why, in a sentence.
    pub why: String,
    /// For every tier but the last: the cheapest certified cut of the pair (tier, last); `None` = none is certified, not
    /// even deferring all.
    pub pair_cuts: Vec<Option<Threshold>>,
    /// The cuts of all pairs that no other beats on these rows in both cost and quality, cheapest first, at most 200.
    pub frontier: Vec<FrontierCut>,
}

/// The verdict on a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentCertified {
    /// Its name, or `rest` for those that were pooled and the rows without one.
    pub name: String,
    /// In force.
    pub policy: Thresholds,
    /// Its verdict; under an overall promise that of all.
    pub status: Status,
    /// Its items.
    pub n: u64,
    /// The segments that were pooled into `rest`; empty for any other.
    pub pooled: Vec<String>,
    /// Its own promise, where every segment has one.
    pub guarantee: Option<Guarantee>,
    /// As [`PointCertified::pair_cuts`], for this segment.
    pub pair_cuts: Vec<Option<Threshold>>,
}

/// A point of the searched frontier.
#[derive(Clone, Debug, PartialEq)]
pub struct FrontierCut {
    /// The pair and its cut, or one tier alone.
    pub policy: Thresholds,
    /// How many rows the sums are over; weights are not applied.
    pub n: usize,
    /// Σ quality, in billionths.
    pub quality: u64,
    /// Σ cost in pico-USD; `None` = unknown.
    pub cost: Option<u128>,
    /// Whether the point's target is promised for it, together with every other one that is.
    pub certified: bool,
}

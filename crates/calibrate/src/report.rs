//! What calibration, evaluation and advice say, as data: the JSON of the commands, and what text and HTML are drawn from.

use std::collections::BTreeMap;

use serde::Serialize;
use tierfall_core::number::Score;

use crate::stat::plan::Needed;
use tierfall_core::fit::{Guarantee, Status, TargetFit};

/// A value with a two-sided 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

/// What `tierfall calibrate --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// The sub-chain in force.
    pub chain: Vec<String>,
    /// The declared one.
    pub declared_chain: Vec<String>,
    /// The gate value of every declared tier but the last, in words.
    pub signals: BTreeMap<String, String>,
    /// Rows used.
    pub n: u64,
    /// Items among them: rows that repeat one item count once.
    pub n_items: u64,
    /// Rows left out.
    pub n_excluded: u64,
    /// The verdict.
    pub status: Status,
    /// Whether what is in force is anything but always asking the last tier, in some segment at least: a certificate for that tier alone
    /// may be true, and saves nothing.
    pub saves: bool,
    /// Why, in one sentence.
    pub why: String,
    /// About how many labels would do; only where inconclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needed_n: Option<Needed>,
    /// The best value of the target that could be promised; only where infeasible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attainable: Option<f64>,
    /// Cuts on the confidence scale, one a gated tier of `chain`; `None` = defer all.
    pub thresholds: Vec<Option<f64>>,
    /// Cuts in raw units.
    pub raw_thresholds: Vec<Option<Score>>,
    /// Cuts' ties.
    pub ties: Vec<Option<f64>>,
    /// The objective.
    pub target: TargetFit,
    /// The promise.
    pub guarantee: Option<Guarantee>,
    /// What to expect on new data.
    pub estimate: Option<Expected>,
    /// `always-last`, `always-TIER`, `best-single`, `random-mix`, `oracle`.
    pub baselines: BTreeMap<String, Spot>,
    /// Cost against quality, cheapest first, of what was searched.
    pub frontier: Vec<FrontierPoint>,
    /// Rows in which what counts for the target was not known, for want of grades, and stands as the worst it can be.
    #[serde(skip_serializing_if = "is_none")]
    pub assumed: u64,
    /// Every operating point, the default one first.
    pub points: Vec<PointReport>,
    /// Thresholds by segment, where they were asked for.
    pub segments: Vec<SegmentReport>,
    /// The gated tiers.
    pub tiers: Vec<TierReport>,
    /// What `--signal auto` compared, and every signal beside the length of the answer.
    pub signal_table: Vec<SignalRow>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_none(rows: &u64) -> bool {
    *rows == 0
}

/// Cross-fitted or held-out: no row was used to fit what it judges.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expected {
    /// How it was made, like `5-fold: the whole procedure refitted a fold`.
    pub method: String,
    /// Mean quality; `None` where some answers have no grade.
    pub accuracy: Option<Estimate>,
    /// Mean quality of the last declared tier less that of the cascade; `None` where grades that it needs are missing.
    pub loss_vs_last: Option<Estimate>,
    /// Mean a query.
    pub cost_usd: Option<f64>,
    /// Of always asking the last declared tier.
    pub cost_last: Option<f64>,
    /// `cost_usd` / `cost_last`.
    pub cost_ratio: Option<f64>,
    /// A gated tier of the sub-chain in force: the share of the requests reaching it that it accepts.
    pub coverage: Vec<Option<f64>>,
}

/// A policy's place in the cost–quality plane.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spot {
    /// The tiers asked.
    pub chain: Vec<String>,
    /// Mean quality.
    pub accuracy: Estimate,
    /// Mean a query; `None` = unknown.
    pub cost_usd: Option<f64>,
    /// Over that of the last declared tier.
    pub cost_ratio: Option<f64>,
}

/// One point of the searched frontier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrontierPoint {
    /// The sub-chain.
    pub chain: Vec<String>,
    /// Its cuts in raw units; `None` = defer all.
    pub raw_thresholds: Vec<Option<Score>>,
    /// Their ties.
    pub ties: Vec<Option<f64>>,
    /// On the rows that were searched, for the curve's shape; optimistic, no promise.
    pub accuracy: f64,
    /// Mean a query.
    pub cost_usd: Option<f64>,
    /// Whether the default target is promised for it.
    pub certified: bool,
    /// What is promised, in words; empty where nothing is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub certified_for: String,
}

/// An operating point.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PointReport {
    /// Its name.
    pub name: String,
    /// Its verdict.
    pub status: Status,
    /// Its objective.
    pub target: TargetFit,
    /// Its promise.
    pub guarantee: Option<Guarantee>,
    /// Its sub-chain.
    pub chain: Vec<String>,
    /// Its cuts.
    pub raw_thresholds: Vec<Option<Score>>,
    /// Their ties.
    pub ties: Vec<Option<f64>>,
    /// Cross-fitted.
    pub estimate: Option<Expected>,
    /// Its thresholds by segment, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<SegmentReport>,
}

/// A segment's thresholds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentReport {
    /// Its name, or `rest` for the small ones together.
    pub segment: String,
    /// Items.
    pub n: u64,
    /// Its verdict; under an overall promise that of all.
    pub status: Status,
    /// Its sub-chain.
    pub chain: Vec<String>,
    /// Its cuts.
    pub raw_thresholds: Vec<Option<Score>>,
    /// Their ties.
    pub ties: Vec<Option<f64>>,
    /// Its own promise, where every segment has one.
    pub guarantee: Option<Guarantee>,
    /// Names that were pooled into `rest`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pooled: Vec<String>,
}

/// How well a tier knows when it is right.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TierReport {
    /// The tier.
    pub tier: String,
    /// Its gate value in words.
    pub signal: String,
    /// Rows that were read; those where the signal abstained are left out of everything below but `abstained`.
    pub n: u64,
    /// Rows where it abstained.
    pub abstained: u64,
    /// Mean quality.
    pub accuracy: Estimate,
    /// Area under the ROC curve for being right; `None` where all are right or all wrong.
    pub auroc: Option<f64>,
    /// For *not* (next right ∧ this wrong): what deferral is about.
    pub auroc_benefit: Option<f64>,
    /// Area under the risk–coverage curve, ties averaged.
    pub aurc: Option<f64>,
    /// Area under the generalised risk–coverage curve (Traub 2024).
    pub augrc: Option<f64>,
    /// Expected calibration error of the map, over bins of equal mass: at most 15, of 20 rows at least.
    pub ece: Option<f64>,
    /// Mean squared error of the map's confidence.
    pub brier: Option<f64>,
    /// Share of the requests reaching it that it accepts.
    pub coverage: Option<f64>,
    /// Error rate among those it accepts.
    pub selective_risk: Option<Estimate>,
    /// The reliability diagram.
    pub bins: Vec<Bin>,
    /// Risk at rising coverage, at most 200 points.
    pub risk_coverage: Vec<RiskPoint>,
}

/// A bin of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Mean confidence.
    pub confidence: f64,
    /// Mean quality.
    pub accuracy: f64,
    /// The lower end of its interval, at 95 % by itself.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Rows.
    pub n: u64,
}

/// A point of a risk–coverage curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RiskPoint {
    /// Share accepted.
    pub coverage: f64,
    /// Error rate among those.
    pub risk: f64,
}

/// One signal of one tier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SignalRow {
    /// The tier.
    pub tier: String,
    /// The signal, or `length` for the length of the answer alone.
    pub signal: String,
    /// For being right.
    pub auroc: Option<f64>,
    /// For benefit.
    pub auroc_benefit: Option<f64>,
    /// Share of rows where it abstains.
    pub abstained: f64,
    /// Whether it was chosen.
    pub chosen: bool,
    /// What is to be said of it, like that it does not beat the length of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What `tierfall evaluate --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// The sub-chain in force.
    pub chain: Vec<String>,
    /// The declared one.
    pub declared_chain: Vec<String>,
    /// The operating point.
    pub point: String,
    /// Rows.
    pub n: u64,
    /// Items among them.
    pub n_items: u64,
    /// Rows left out.
    pub n_excluded: u64,
    /// Mean quality.
    pub accuracy: Estimate,
    /// Of always asking the last declared tier.
    pub accuracy_last: f64,
    /// `accuracy_last` less the accuracy, paired.
    pub loss_vs_last: Estimate,
    /// Mean a query; `None` = unknown.
    pub cost_usd: Option<f64>,
    /// Of always asking the last declared tier.
    pub cost_last: Option<f64>,
    /// Over always-last.
    pub cost_ratio: Option<f64>,
    /// One a gated tier in force.
    pub coverage: Vec<Option<f64>>,
    /// Mean and 95th percentile of what a request takes, in milliseconds, as recorded.
    pub latency_ms: Option<Latency>,
    /// The gated tiers, whether in force or not.
    pub tiers: Vec<TierReport>,
    /// See [`Calibration::baselines`].
    pub baselines: BTreeMap<String, Spot>,
    /// By segment, or stratum where there is no segment.
    pub segments: Vec<SegmentScore>,
    /// What is supposed of these requests in all that is said of them, a sentence each; those of the promise are its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    /// The promise of the fit, and whether these rows speak against it.
    pub promise: Option<Promise>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// How long requests take, from recorded latencies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Mean.
    pub mean: f64,
    /// 95 of 100 take at most this.
    pub p95: f64,
    /// Mean of always asking the last declared tier.
    pub mean_last: f64,
    /// Its 95th percentile.
    pub p95_last: f64,
}

/// How a segment fares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentScore {
    /// Its name.
    pub segment: String,
    /// Items.
    pub n: u64,
    /// Mean quality, its interval at 95 % by itself.
    pub accuracy: Estimate,
    /// Against always-last.
    pub loss_vs_last: Estimate,
    /// Over always-last.
    pub cost_ratio: Option<f64>,
    /// One-sided p of a loss above 0, adjusted for the number of segments (Holm).
    pub p_worse: f64,
    /// Whether it is below 0.05.
    pub worse: bool,
}

/// A promise, looked at with other rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Promise {
    /// The fit's promise.
    pub guarantee: Guarantee,
    /// The objective.
    pub target: TargetFit,
    /// Whether the point estimate meets it.
    pub met: bool,
    /// One-sided p against it: small = these rows speak against the promise.
    pub p_broken: f64,
    /// Where it is made for every segment by itself: each of these; empty otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PromisedPart>,
}

/// A part of the traffic that has a promise of its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PromisedPart {
    /// The segment; `None` = those that the fit does not list, taken together: of none of them it promises anything by itself.
    pub segment: Option<String>,
    /// Items.
    pub n: u64,
    /// Whether the point estimate meets the target there.
    pub met: bool,
    /// One-sided p against it, adjusted for the number of parts (Holm).
    pub p_broken: f64,
}

/// Rows speak against a promise where chance alone would make them look as bad with less than this probability.
pub const LEVEL: f64 = 0.05;

impl Promise {
    /// Whether these rows speak against it: chance alone would do so once in twenty times at most.
    pub fn is_broken(&self) -> bool {
        self.p_broken < LEVEL
    }
}

/// What `tierfall advise --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// The declared chain.
    pub declared_chain: Vec<String>,
    /// Rows.
    pub n: u64,
    /// Rows left out.
    pub n_excluded: u64,
    /// Every sub-chain, held out at no loss against always-last and at the best trade-off, cheapest first.
    pub chains: Vec<ChainAdvice>,
    /// See [`Calibration::baselines`].
    pub baselines: BTreeMap<String, Spot>,
    /// Every tier.
    pub tiers: Vec<TierAdvice>,
    /// What to do, in sentences, most important first.
    pub advice: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// One sub-chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChainAdvice {
    /// Its tiers.
    pub chain: Vec<String>,
    /// Cross-fitted.
    pub accuracy: Estimate,
    /// Cross-fitted.
    pub loss_vs_last: Estimate,
    /// Cross-fitted cost over always-last.
    pub cost_ratio: Option<Estimate>,
    /// Whether no other chain is both cheaper and better.
    pub efficient: bool,
}

/// What a tier is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TierAdvice {
    /// The tier.
    pub tier: String,
    /// Alone.
    pub accuracy: Estimate,
    /// Alone, mean a query.
    pub cost_usd: Option<f64>,
    /// Saving at equal quality that is lost without it, as a share of the cost of always-last, cross-fitted and paired.
    pub saving: Option<Estimate>,
    /// Whether its call is worth its cost.
    pub earns: Earns,
    /// The same by segment or stratum.
    pub segments: BTreeMap<String, TierSegment>,
}

/// What a tier is worth in a segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TierSegment {
    /// Items.
    pub n: u64,
    /// Alone.
    pub accuracy: Estimate,
    /// As above.
    pub saving: Option<Estimate>,
    /// As above.
    pub earns: Earns,
}

/// Yes, no or too few rows to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Earns {
    /// The interval lies above 0.
    Yes,
    /// The interval lies below what it would have to earn.
    No,
    /// It does neither.
    Unclear,
}

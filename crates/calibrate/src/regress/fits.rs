//! The same traffic under two fits, or under one fit with other thresholds: who answers now, how well and at what cost.

use serde::Serialize;

use crate::evaluate::{Cuts, EvaluateError, Played, WeightedItems, chosen, play};
use crate::report::Estimate;
use crate::view::{Held, View};
use tierfall_core::fit::{Fit, Point};

use super::cost::Cost;
use super::quality::Quality;
use super::{Check, Item, Pair, Rules, judge};

/// One of the two fits on the rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OneFit {
    /// Its operating point.
    pub point: String,
    /// The tiers in force.
    pub chain: Vec<String>,
    /// Mean quality.
    pub accuracy: Estimate,
    /// Mean USD a query; `None` = unknown.
    pub cost_usd: Option<f64>,
    /// Over that of always asking the last tier.
    pub cost_ratio: Option<f64>,
    /// A tier of `chain`: the share of the requests reaching it that it answers; `None` where none reaches it.
    pub coverage: Vec<Option<f64>>,
}

/// Two fits on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Rows.
    pub n: u64,
    /// Items among them: rows that repeat one item count once.
    pub n_items: u64,
    /// The first fit.
    pub a: OneFit,
    /// The second one.
    pub b: OneFit,
    /// The observed tiers, cheapest first.
    pub tiers: Vec<String>,
    /// Rows by the tier that answers under the first fit, and in each entry by the tier that does under the second; as `tiers`.
    pub moves: Vec<Vec<u64>>,
    /// Rows that another tier answers.
    pub moved: u64,
    /// Rows whose grade is higher under the second fit.
    pub gained: u64,
    /// Rows whose grade is lower.
    pub lost: u64,
    /// Accuracy of the first less that of the second.
    pub loss: Estimate,
    /// Cost of the second over that of the first; `None` where a cost is unknown or the first is free.
    pub cost_ratio: Option<Estimate>,
    /// Is the second worse than the first? As a regression run would judge it.
    pub checks: Vec<Check>,
    /// By run-time segment, or by stratum where no row has a segment, in the order of first appearance.
    pub segments: Vec<SegmentComparison>,
    /// The rows that another tier answers, or whose grade differs: places in the observations, and the answering tiers' places in
    /// `tiers`.
    #[serde(skip)]
    pub changed: Vec<ChangedRow>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// One row that the fits treat differently.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangedRow {
    /// Its place in the observations.
    pub row: usize,
    /// The answering tiers, first and second.
    pub tier: (usize, usize),
    /// The grades, first and second.
    pub quality: (f64, f64),
}

/// Two fits on the rows of one segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentComparison {
    /// The segment.
    pub segment: String,
    /// Its rows.
    pub n: u64,
    /// Rows that another tier answers.
    pub moved: u64,
    /// Rows whose grade is higher under the second fit.
    pub gained: u64,
    /// Rows whose grade is lower.
    pub lost: u64,
    /// Mean quality, first and second.
    pub accuracy: [f64; 2],
    /// Accuracy of the first less that of the second.
    pub loss: Estimate,
    /// Cost of the second over that of the first.
    pub cost_ratio: Option<Estimate>,
}

/// Plays two fits, each at one of its operating points (the first where none is named), over the same rows. For what-if, `b` is a copy of
/// `a` with other cuts.
pub fn compare(
    held: &Held<'_>,
    (a, point_a): (&Fit, Option<&str>),
    (b, point_b): (&Fit, Option<&str>),
    rules: &Rules,
) -> Result<Comparison, EvaluateError> {
    let view = held.view();
    let (chosen_a, chosen_b) = (chosen(a, point_a)?, chosen(b, point_b)?);
    let (played_a, _, matched_a) = play(held, &a.tier, &Cuts::from(chosen_a))?;
    let (played_b, _, matched_b) = play(held, &b.tier, &Cuts::from(chosen_b))?;
    let tiers: Vec<String> = view.observations().tiers().map(|spec| spec.name.to_string()).collect();
    let names = &view.observations().labels().0.names;
    let pairs = pairs(view, &played_a, &played_b);
    let sample = played_a.sample(view);
    let whole = Differences::of(&pairs.iter().collect::<Vec<_>>(), rules);
    let mut moves = vec![vec![0; tiers.len()]; tiers.len()];
    let mut changed = Vec::new();
    for (at, pair) in pairs.iter().enumerate() {
        let tier = (played_a.exit(at), played_b.exit(at));
        moves[tier.0][tier.1] += 1;
        let quality = (pair.base.quality, pair.now.quality);
        if tier.0 != tier.1 || played_a.quality(at) != played_b.quality(at) {
            changed.push(ChangedRow { row: played_a.row[at] as usize, tier, quality });
        }
    }
    let mut within = vec![Vec::new(); names.len()];
    for (at, pair) in pairs.iter().enumerate() {
        if let Some(within) = within.get_mut(pair.segment as usize) {
            within.push(at);
        }
    }
    let segments = names.iter().zip(within).filter_map(|(name, within): (_, Vec<usize>)| {
        let part = Differences::of(&within.iter().map(|at| &pairs[*at]).collect::<Vec<_>>(), rules);
        (!within.is_empty()).then(|| SegmentComparison {
            segment: name.to_string(),
            n: within.len() as u64,
            moved: within.iter().filter(|at| played_a.exit(**at) != played_b.exit(**at)).count() as u64,
            gained: part.gained,
            lost: part.lost,
            accuracy: part.accuracy,
            loss: part.loss,
            cost_ratio: part.cost_ratio,
        })
    });
    let mut warnings = Vec::new();
    for (which, fit) in [("first", a), ("second", b)] {
        let (_, overlap) = Held::overlapping(view.clone(), &fit.provenance.seen);
        if overlap > 0 {
            let n = view.len();
            warnings.push(format!(
                "{overlap} of {n} rows are among those that the {which} fit was made on: it looks better than it is"
            ));
        }
    }
    let unlabelled = pairs.iter().filter(|pair| pair.segment == u32::MAX).count();
    if unlabelled > 0 && !names.is_empty() {
        let n = pairs.len();
        warnings.push(format!("{unlabelled} of {n} rows are of no segment: they count in everything but the rows by segment"));
    }
    Ok(Comparison {
        n: pairs.len() as u64,
        n_items: sample.items as u64,
        a: side(chosen_a, &played_a, &matched_a.cuts, &sample, &tiers),
        b: side(chosen_b, &played_b, &matched_b.cuts, &sample, &tiers),
        moved: (0..pairs.len()).filter(|at| played_a.exit(*at) != played_b.exit(*at)).count() as u64,
        moves,
        gained: whole.gained,
        lost: whole.lost,
        loss: whole.loss,
        cost_ratio: whole.cost_ratio,
        checks: judge(&pairs, names, rules),
        segments: segments.collect(),
        tiers,
        changed,
        warnings,
    })
}

fn side(point: &Point, played: &Played, cuts: &Cuts, sample: &WeightedItems, tiers: &[String]) -> OneFit {
    let chain = cuts.chain();
    OneFit {
        point: point.name.clone(),
        chain: chain.iter().map(|tier| tiers[*tier].clone()).collect(),
        accuracy: sample.quality(|at| played.quality(at)),
        cost_usd: played.cost_usd(sample),
        cost_ratio: played.cost_ratio(sample),
        coverage: chain.iter().map(|tier| played.coverage(sample, *tier)).collect(),
    }
}

/// The rows as pairs, first fit as the baseline. A row without a segment has a place that no name has.
fn pairs(view: &View<'_>, a: &Played, b: &Played) -> Vec<Pair> {
    let observations = view.observations();
    let (labels, _) = observations.labels();
    // Whether costs are known is told by whole columns, and so asked once a side.
    let (a_cost, b_cost) = (a.cost(), b.cost());
    let pair = |at: usize| {
        let row = a.row[at] as usize;
        Pair {
            segment: labels.place(row).and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX),
            cluster: observations.items()[row],
            weight: observations.weights().map_or(1.0, |weights| weights[row]),
            turn: 0,
            base: item(a.quality(at), a_cost.as_ref().map(|cost| cost(at))),
            now: item(b.quality(at), b_cost.as_ref().map(|cost| cost(at))),
        }
    };
    (0..a.len()).map(pair).collect()
}

/// A row under one fit, of which billionths and pico-dollars are known.
fn item(quality: u32, cost: Option<u64>) -> Item {
    Item { quality: f64::from(quality) / 1e9, cost_usd: cost.map(|cost| cost as f64 / 1e12), latency_ms: None }
}

/// What differs on some rows.
struct Differences {
    gained: u64,
    lost: u64,
    accuracy: [f64; 2],
    loss: Estimate,
    cost_ratio: Option<Estimate>,
}

impl Differences {
    fn of(pairs: &[&Pair], rules: &Rules) -> Self {
        let quality = Quality::of(pairs, rules);
        let accuracy = [quality.baseline, quality.value].map(|mean| mean.unwrap_or(f64::NAN));
        let [low, high] = quality.interval.unwrap_or([-1.0, 1.0]);
        let cost_ratio = match Cost::of(pairs, rules) {
            Cost::Known(known) if known.rise.is_finite() => {
                known.interval.map(|[low, high]| Estimate { value: 1.0 + known.rise, low: 1.0 + low, high: 1.0 + high })
            }
            _ => None,
        };
        Self {
            gained: quality.gained,
            lost: quality.lost,
            accuracy,
            loss: Estimate { value: accuracy[0] - accuracy[1], low: 0.0 - high, high: 0.0 - low },
            cost_ratio,
        }
    }
}

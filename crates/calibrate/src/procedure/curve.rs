//! The searched frontier with its coordinates, for the cost–quality curve.

use tierfall_core::number::Threshold;

use crate::certify::PointCertified;
use crate::policy::{Policy, Tally};
use crate::report::FrontierPoint;
use crate::sweep::pair::{PairSweep, Sums};
use crate::table::Table;
use tierfall_core::fit::TargetFit;

use super::once::Once;
use super::points::of_policy;

/// Most points.
const MOST: usize = 200;

/// The frontier of the default point, cheapest first, on the rows that certified: optimistic, and only for the curve's shape.
pub(super) fn frontier(fitted: &Once<'_>, names: &[String]) -> Vec<FrontierPoint> {
    let Some(default) = fitted.certification.points.first() else { return Vec::new() };
    let promised = |policy: &Policy| -> String {
        let [first, ..] = policy.tiers() else { return String::new() };
        let by_segment = !default.segments.is_empty();
        let holds = fitted.certification.points.iter().filter(|point| {
            let cut = point.pair_cuts.get(*first).copied().flatten();
            !by_segment && is_pair(policy, names.len() - 1) && at_or_above(policy, cut)
        });
        holds.filter_map(said).collect::<Vec<String>>().join("; ")
    };
    let policies: Vec<Policy> = default.frontier.iter().take(MOST).map(|point| point.policy.clone()).collect();
    let mut points: Vec<FrontierPoint> = places(&fitted.table, &policies)
        .into_iter()
        .zip(&default.frontier)
        .map(|((accuracy, cost_usd), point)| {
            let (chain, raw_thresholds, ties) = of_policy(&point.policy, names);
            let certified = point.certified && default.guarantee.is_some();
            let certified_for = match promised(&point.policy) {
                words if words.is_empty() && certified => said(default).unwrap_or_default(),
                words => words,
            };
            FrontierPoint { chain, raw_thresholds, ties, accuracy, cost_usd, certified, certified_for }
        })
        .collect();
    points.sort_by(|one, other| {
        let cost = |point: &FrontierPoint| point.cost_usd.unwrap_or(f64::INFINITY);
        cost(one).total_cmp(&cost(other)).then(one.accuracy.total_cmp(&other.accuracy))
    });
    points
}

/// What is promised at a point, in words; `None` where nothing is.
fn said(point: &PointCertified) -> Option<String> {
    let guarantee = point.guarantee.as_ref()?;
    Some(format!("{}{}", in_words(point.target), guarantee.under()))
}

fn is_pair(policy: &Policy, last: usize) -> bool {
    matches!(policy.tiers(), [_, second] if *second == last)
}

/// Whether a pair's cut accepts no more than a certified one.
fn at_or_above(policy: &Policy, certified: Option<Threshold>) -> bool {
    match (policy.cuts(), certified) {
        ([Threshold::DeferAll], Some(_)) => true,
        ([Threshold::AcceptFrom { score, tie }], Some(Threshold::AcceptFrom { score: least, tie: from })) => {
            (*score, *tie) >= (least, from)
        }
        _ => false,
    }
}

/// A target in words.
pub(super) fn in_words(target: TargetFit) -> String {
    match target {
        TargetFit::Accuracy(least) => format!("accuracy at least {least}"),
        TargetFit::MaxLoss(most) => format!("loss at most {most}"),
        TargetFit::MaxCost(most) => format!("cost at most {most} USD a query"),
    }
}

/// Accuracy and cost of policies: those of one pair in one walk over its cuts.
fn places(table: &Table<'_>, policies: &[Policy]) -> Vec<(f64, Option<f64>)> {
    let mut found = vec![None; policies.len()];
    let mut pairs: Vec<(usize, usize)> = policies.iter().filter_map(pair).collect();
    pairs.sort_unstable();
    pairs.dedup();
    for (first, second) in pairs {
        let sweep = PairSweep::new(table, first, second);
        let of_pair = (0..policies.len()).filter(|at| pair(&policies[*at]) == Some((first, second)));
        let mut wanted: Vec<(usize, usize)> =
            of_pair.filter_map(|at| Some((position(&sweep, *policies[at].cuts().first()?)?, at))).collect();
        wanted.sort_unstable();
        let mut left = wanted.into_iter().peekable();
        for sums in sweep.walk() {
            while let Some((_, at)) = left.next_if(|(position, _)| *position == sums.at) {
                found[at] = Some(means(sums, table.len()));
            }
            if left.peek().is_none() {
                break;
            }
        }
    }
    let alone = |(place, policy): (Option<_>, &Policy)| place.unwrap_or_else(|| of_tally(&policy.tally(table)));
    found.into_iter().zip(policies).map(alone).collect()
}

fn pair(policy: &Policy) -> Option<(usize, usize)> {
    match policy.tiers() {
        [first, second] => Some((*first, *second)),
        _ => None,
    }
}

/// Where a sweep has exactly this cut; cuts fall from position to position.
fn position(sweep: &PairSweep<'_>, cut: Threshold) -> Option<usize> {
    let key = |cut: Threshold| match cut {
        Threshold::AcceptFrom { score, tie } => Some((score, tie)),
        Threshold::DeferAll => None,
    };
    let Some(wanted) = key(cut) else { return Some(0) };
    let (mut low, mut high) = (1, sweep.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if key(sweep.cut(middle)).is_some_and(|found| found > wanted) { low = middle + 1 } else { high = middle }
    }
    (low < sweep.len() && sweep.cut(low) == cut).then_some(low)
}

fn means(sums: Sums, n: usize) -> (f64, Option<f64>) {
    let mean = |sum: f64| sum / n as f64;
    (mean(sums.quality as f64 / 1e9), sums.cost.map(|pico| mean(pico as f64 / 1e12)))
}

fn of_tally(tally: &Tally) -> (f64, Option<f64>) {
    (tally.accuracy(), tally.cost_usd())
}

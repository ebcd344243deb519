//! The searched frontier with its coordinates, for the cost–quality curve.

use rayon::prelude::*;
use tierfall_core::number::Threshold;

use crate::certify::PointCertified;
use crate::policy::Thresholds;
use crate::report::FrontierPoint;
use tierfall_core::fit::TargetFit;

use super::once::Once;
use super::points::of_policy;

/// The frontier of the default point, cheapest first, on the rows that certified: optimistic, and only for the curve's shape.
pub(super) fn frontier(fitted: &Once<'_>, names: &[String]) -> Vec<FrontierPoint> {
    let Some(default) = fitted.certification.points.first() else { return Vec::new() };
    let promised = |policy: &Thresholds| -> String {
        let [first, ..] = policy.tiers() else { return String::new() };
        let by_segment = !default.segments.is_empty();
        let holds = fitted.certification.points.iter().filter(|point| {
            let cut = point.pair_cuts.get(*first).copied().flatten();
            !by_segment && is_pair(policy, names.len() - 1) && at_or_above(policy, cut)
        });
        holds.filter_map(said).collect::<Vec<String>>().join("; ")
    };
    let n = fitted.table.len();
    let mut points: Vec<FrontierPoint> = default
        .frontier
        .par_iter()
        .map(|point| {
            // Certified on a part of the rows, it is shown on all of them.
            let (quality, cost) = if point.n == n {
                (point.quality, point.cost)
            } else {
                let tally = point.policy.tally(&fitted.table);
                (tally.quality, tally.cost)
            };
            let (accuracy, cost_usd) = (quality as f64 / 1e9 / n as f64, cost.map(|pico| pico as f64 / 1e12 / n as f64));
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

fn is_pair(policy: &Thresholds, last: usize) -> bool {
    matches!(policy.tiers(), [_, second] if *second == last)
}

/// Whether a pair's cut accepts no more than a certified one.
fn at_or_above(policy: &Thresholds, certified: Option<Threshold>) -> bool {
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

//! What a fit really does to a population.

use tierfall_core::fit::{Point, TargetFit, TierFit};
use tierfall_core::number::{Score, Threshold, Tie};
use tierfall_core::point::Cut;

use super::world::{Item, World};

/// Whose grades a promise is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    People,
    Judge,
}

/// Sums over a part of the population.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    mass: f64,
    quality: f64,
    last: f64,
    cost: f64,
    cost_last: f64,
    slow: f64,
}

/// What a point does, and whether it keeps what it promises.
pub(crate) struct Kept {
    pub(crate) broken: bool,
    pub(crate) saving: f64,
}

/// Holds a point against the population: the target over all of it or, where that was promised, in every listed segment and in the others
/// together; and the limit on latency, `(ms, share)`.
pub(crate) fn held(world: &World, tiers: &[TierFit], point: &Point, whose: Whose, slow: Option<(f64, f64)>) -> Kept {
    let each = point.guarantee.as_ref().is_some_and(|guarantee| guarantee.each_segment);
    let names: Vec<&str> = point.segments.keys().map(String::as_str).collect();
    let part = |item: &Item| if each { names.iter().position(|name| *name == item.segment) } else { None };
    let mut all = vec![Sums::default(); names.len() + 1];
    for item in world {
        let sums = &mut all[part(item).unwrap_or(names.len())];
        let cuts = point.segments.get(item.segment).unwrap_or(&point.cuts);
        add(sums, item, tiers, cuts, whose, slow.map_or(f64::INFINITY, |(ms, _)| ms));
    }
    let missed = |sums: &Sums| {
        let target = match point.target {
            TargetFit::Accuracy(least) => sums.quality / sums.mass < least - 1e-12,
            TargetFit::MaxLoss(most) => (sums.last - sums.quality) / sums.mass > most + 1e-12,
            TargetFit::MaxCost(_) => false,
        };
        target || slow.is_some_and(|(_, share)| sums.slow / sums.mass > share + 1e-12)
    };
    let there = all.iter().filter(|sums| sums.mass > 0.0);
    let (cost, last) = all.iter().fold((0.0, 0.0), |(cost, last), sums| (cost + sums.cost, last + sums.cost_last));
    Kept { broken: there.clone().any(missed), saving: 1.0 - cost / last }
}

/// A request's share in the sums: its tie is anything in [0, 1), and equally likely so.
fn add(sums: &mut Sums, item: &Item, tiers: &[TierFit], cuts: &[Cut], whose: Whose, over_ms: f64) {
    let value = |tier: usize| {
        let [a, b] = item.tiers[tier].scores?;
        let gate = tiers[tier].gate.as_ref()?;
        gate.value(|label| Score::new(if label == "a" { a } else { b }))
    };
    // Between these, ties fall alike.
    let mut ends = vec![0.0, 1.0];
    for (tier, cut) in cuts.iter().enumerate().filter(|(_, cut)| cut.asked) {
        if let Threshold::AcceptFrom { score, tie } = cut.threshold
            && value(tier) == Some(score)
        {
            ends.push(tie.get());
        }
    }
    ends.sort_by(f64::total_cmp);
    let grade = |tier: usize| {
        let answer = &item.tiers[tier];
        if whose == Whose::Judge { answer.judged } else { answer.right }
    };
    let last = item.tiers.len() - 1;
    for span in ends.windows(2).filter(|span| span[0] < span[1]) {
        let tie = Tie::try_from(f64::midpoint(span[0], span[1])).unwrap_or_else(|_| Tie::zero());
        let (mut cost, mut took, mut exit) = (0.0, 0.0, last);
        let accepts = |tier: usize, cut: &Cut| {
            cut.threshold == Threshold::accept_all() || value(tier).is_some_and(|value| cut.threshold.accepts(value, tie))
        };
        for (tier, cut) in cuts.iter().enumerate().filter(|(_, cut)| cut.asked) {
            (cost, took) = (cost + item.tiers[tier].cost_usd, took + item.tiers[tier].latency_ms);
            if accepts(tier, cut) {
                exit = tier;
                break;
            }
        }
        if exit == last {
            (cost, took) = (cost + item.tiers[last].cost_usd, took + item.tiers[last].latency_ms);
        }
        let mass = item.mass * (span[1] - span[0]);
        sums.mass += mass;
        sums.quality += mass * grade(exit);
        sums.last += mass * grade(last);
        sums.cost += mass * cost;
        sums.cost_last += mass * item.tiers[last].cost_usd;
        sums.slow += mass * f64::from(u8::from(took > over_ms));
    }
}

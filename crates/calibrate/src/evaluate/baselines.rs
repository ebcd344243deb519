//! What a cascade has to beat: one tier alone, a random mix of two at the same cost, and a router that knows the outcome.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::report::{Estimate, Spot};
use crate::table::Table;
use crate::view::View;

use super::play::Played;
use super::sample::WeightedItems;

/// From this many rows on, cores share them.
const SHARED: usize = 1 << 14;

/// One declared tier alone, over the rows of a table.
struct Alone {
    accuracy: Estimate,
    cost: Option<f64>,
}

/// `always-TIER` for every tier, `always-last`, `best-single`, `random-mix` at what `played` costs, and `oracle`.
///
/// - `best-single` is the tier of the highest mean quality, the cheaper one among equals.
/// - `random-mix` draws, for each request, one of two tiers whose costs enclose the cascade's, at the rate that gives its
///   cost; where costs are unknown, each tier as often as it answers in the cascade.
/// - `oracle` asks one tier a request: the cheapest of those whose answer is best. No policy can know that.
pub(crate) fn baselines(view: &View<'_>, table: &Table<'_>, played: &Played<'_>) -> BTreeMap<String, Spot> {
    let mut spots = BTreeMap::new();
    if table.is_empty() {
        return spots;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a table has fewer than 2³² rows")]
    let rows: Vec<u32> = view.rows().map(|row| row as u32).collect();
    let sample = WeightedItems::new(view, &rows);
    let name = |tier: usize| table.tiers[tier].name.to_string();
    let alone: Vec<Alone> = (0..table.tiers.len())
        .map(|tier| {
            let column = &table.tiers[tier];
            let cost = column.cost.as_ref().map(|costs| sample.mean(|at| costs[at] as f64 / 1e12));
            Alone { accuracy: sample.quality(|at| column.quality[at].nano()), cost }
        })
        .collect();
    let last = table.last();
    let ratio = |cost: Option<f64>| Some(cost? / alone[last].cost.filter(|cost| *cost > 0.0)?);
    let spot = |chain: Vec<usize>, accuracy: Estimate, cost: Option<f64>| Spot {
        chain: chain.into_iter().map(name).collect(),
        accuracy,
        cost_usd: cost,
        cost_ratio: ratio(cost),
    };
    for (tier, single) in alone.iter().enumerate() {
        spots.insert(format!("always-{}", name(tier)), spot(vec![tier], single.accuracy, single.cost));
    }
    spots.insert("always-last".into(), spot(vec![last], alone[last].accuracy, alone[last].cost));
    let best = best_single(&alone);
    spots.insert("best-single".into(), spot(vec![best], alone[best].accuracy, alone[best].cost));
    if let Some((shares, cost)) = mix(&played.sample(view), &alone, played) {
        let quality = |at: usize| shares.iter().map(|(tier, share)| share * table.tiers[*tier].quality[at].get()).sum();
        let chain = shares.iter().map(|(tier, _)| *tier).collect();
        spots.insert("random-mix".into(), spot(chain, sample.ratio(quality, |_| 1.0, 0.0, 1.0), cost));
    }
    #[expect(clippy::cast_possible_truncation, reason = "a chain has at most 64 tiers")]
    let choice: Vec<u8> = (0..table.len()).into_par_iter().with_min_len(SHARED).map(|at| oracle(table, at) as u8).collect();
    let choice = |at: usize| usize::from(choice[at]);
    let costs: Option<Vec<&[u64]>> = table.tiers.iter().map(|tier| tier.cost.as_deref()).collect();
    let cost = costs.map(|costs| sample.mean(|at| costs[choice(at)][at] as f64 / 1e12));
    let asked = (0..table.len()).fold(0_u64, |asked, at| asked | 1 << choice(at));
    let chain = (0..table.tiers.len()).filter(|tier| asked >> tier & 1 == 1).collect();
    let quality = sample.quality(|at| table.tiers[choice(at)].quality[at].nano());
    spots.insert("oracle".into(), spot(chain, quality, cost));
    spots
}

/// The cheapest of the tiers whose answer to a row is best; the earlier one where costs are equal or unknown.
fn oracle(table: &Table<'_>, at: usize) -> usize {
    let cost = |tier: usize| table.tiers[tier].cost.as_ref().map_or(0, |costs| costs[at]);
    let better = |best: usize, tier: usize| {
        let (one, other) = (table.tiers[best].quality[at], table.tiers[tier].quality[at]);
        if other > one || (other == one && cost(tier) < cost(best)) { tier } else { best }
    };
    (0..table.tiers.len()).fold(0, better)
}

fn best_single(alone: &[Alone]) -> usize {
    let cost = |tier: usize| alone[tier].cost.unwrap_or(tier as f64);
    (0..alone.len()).fold(0, |best, tier| {
        let (one, other) = (alone[best].accuracy.value, alone[tier].accuracy.value);
        let cheaper = other.total_cmp(&one).is_eq() && cost(tier) < cost(best);
        if other > one || cheaper { tier } else { best }
    })
}

/// Tiers, each with the share of requests that it gets.
type Shares = Vec<(usize, f64)>;

/// Tiers with the share of requests each gets, and what that costs. `sample` weighs the rows of `played`, whose order is its own.
fn mix(sample: &WeightedItems, alone: &[Alone], played: &Played<'_>) -> Option<(Shares, Option<f64>)> {
    let costs: Option<Vec<f64>> = alone.iter().map(|single| single.cost).collect();
    let (Some(costs), Some(spent)) = (costs, played.cost()) else {
        let share = |tier: usize| sample.mean(|at| f64::from(u8::from(played.accepted(at, tier))));
        let shares: Vec<(usize, f64)> =
            (0..alone.len()).map(|tier| (tier, share(tier))).filter(|(_, share)| *share > 0.0).collect();
        return (!shares.is_empty()).then_some((shares, None));
    };
    let budget = sample.mean(|at| spent(at) as f64 / 1e12);
    let accuracy = |tier: usize| alone[tier].accuracy.value;
    let mut best: Option<(f64, Shares, f64)> = None;
    let mut consider = |quality: f64, shares: Vec<(usize, f64)>, cost: f64| {
        if best.as_ref().is_none_or(|(known, ..)| quality > *known) {
            best = Some((quality, shares, cost));
        }
    };
    for one in 0..alone.len() {
        if costs[one] <= budget {
            consider(accuracy(one), vec![(one, 1.0)], costs[one]);
        }
        for other in (0..alone.len()).filter(|other| costs[one] < budget && budget < costs[*other]) {
            let share = (budget - costs[one]) / (costs[other] - costs[one]);
            let quality = (1.0 - share) * accuracy(one) + share * accuracy(other);
            consider(quality, vec![(one, 1.0 - share), (other, share)], budget);
        }
    }
    best.map(|(_, shares, cost)| (shares, Some(cost)))
}

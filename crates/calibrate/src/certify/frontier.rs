//! The cuts that no other one beats in both cost and quality, and for which of them the target is promised.

use std::cmp::Reverse;

use super::FrontierCut;
use super::descent::Descent;
use super::ground::{Ground, Pairs};
use crate::policy::Policy;
use crate::table::Table;

/// Cuts of a pair that are looked at: more would draw the same curve.
const PER_PAIR: usize = 400;
/// Points in all.
const MOST: usize = 200;

/// A policy by its exact sums. Those are over rows, whatever their weights: for a curve's shape.
struct Spot {
    price: u128,
    quality: u64,
    cut: FrontierCut,
}

/// Of all pairs (tier, last), of pairs that are certified beyond, and of tiers alone, cheapest first.
pub(crate) fn frontier(ground: &Ground<'_>, pairs: Option<&Pairs<'_>>) -> Vec<FrontierCut> {
    let table = ground.table;
    let prices: Vec<Prices<'_>> = (0..table.tiers.len()).map(|tier| Prices::new(ground, tier)).collect();
    let mut spots: Vec<Spot> = (0..table.tiers.len())
        .map(|tier| Spot {
            price: prices[tier].total(table.len()),
            quality: quality(table, tier),
            cut: FrontierCut {
                policy: Policy::always(tier),
                certified: tier == table.last() && pairs.is_some_and(|pairs| pairs.last),
            },
        })
        .collect();
    for descent in &ground.descents {
        let tier = descent.tier();
        let lowest = pairs.map_or(0, |pairs| pairs.certified[tier].saturating_sub(1));
        let holds = |at| pairs.is_some_and(|pairs| pairs.holds(tier, at));
        spots.extend(along(table, &prices, descent, descent.len(), lowest, holds));
    }
    for beyond in pairs.iter().flat_map(|pairs| &pairs.beyond) {
        let certified = Spot {
            price: prices[beyond.descent.second()].total(table.len()),
            quality: quality(table, beyond.descent.second()),
            cut: FrontierCut { policy: Policy::always(beyond.descent.second()), certified: true },
        };
        spots.push(certified);
        spots.extend(along(table, &prices, &beyond.descent, beyond.certified, beyond.certified - 1, |_| true));
    }
    // Of equal ones a certified one.
    spots.sort_by_key(|spot| (spot.price, Reverse(spot.quality), !spot.cut.certified));
    let mut best = None;
    let mut kept: Vec<FrontierCut> = Vec::new();
    for spot in spots {
        if best.is_none_or(|best| spot.quality > best) {
            best = Some(spot.quality);
            kept.push(spot.cut);
        }
    }
    let n = kept.len();
    if n <= MOST {
        return kept;
    }
    (0..MOST).map(|at| kept[at * (n - 1) / (MOST - 1)].clone()).collect()
}

/// Some of the first `len` cuts of a pair, `lowest` and the last one among them, but not "defer all".
fn along(
    table: &Table<'_>,
    prices: &[Prices<'_>],
    descent: &Descent<'_>,
    len: usize,
    lowest: usize,
    holds: impl Fn(usize) -> bool,
) -> Vec<Spot> {
    let (first, second) = (descent.tier(), descent.second());
    let mut price = prices[first].total(table.len()) + prices[second].total(table.len());
    let mut quality = quality(table, second);
    let (mut spots, mut accepted) = (Vec::new(), 0);
    let step = len.div_ceil(PER_PAIR).max(1);
    for at in (1..len).filter(|at| at % step == 0 || *at == lowest || at + 1 == len) {
        let rows = descent.accepted(at);
        for row in &rows[accepted..] {
            let row = *row as usize;
            let nano = |tier: usize| u64::from(table.tiers[tier].quality[row].nano());
            quality = quality + nano(first) - nano(second);
            price -= u128::from(prices[second].at(row));
        }
        accepted = rows.len();
        spots.push(Spot { price, quality, cut: FrontierCut { policy: descent.policy(at), certified: holds(at) } });
    }
    spots
}

/// What asking a tier costs on each row: money, or requests to the last tier where not all costs are known.
#[derive(Clone, Copy, Debug)]
enum Prices<'t> {
    Rows(&'t [u64]),
    Each(u64),
}

impl<'t> Prices<'t> {
    fn new(ground: &Ground<'t>, tier: usize) -> Self {
        match &ground.table.tiers[tier].cost {
            Some(cost) if ground.prices.known() => Self::Rows(cost),
            _ => Self::Each(u64::from(tier == ground.table.last())),
        }
    }

    fn at(self, row: usize) -> u64 {
        match self {
            Self::Rows(prices) => prices[row],
            Self::Each(price) => price,
        }
    }

    fn total(self, rows: usize) -> u128 {
        match self {
            Self::Rows(prices) => prices.iter().map(|price| u128::from(*price)).sum(),
            Self::Each(price) => u128::from(price) * rows as u128,
        }
    }
}

fn quality(table: &Table<'_>, tier: usize) -> u64 {
    table.tiers[tier].quality.iter().map(|quality| u64::from(quality.nano())).sum()
}

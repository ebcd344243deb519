//! The cuts that no other one beats in both cost and quality, and for which of them the target is promised.

use super::FrontierCut;
use super::descent::Descent;
use super::ground::{Ground, Pairs};
use crate::policy::Thresholds;
use crate::sweep::frontier::{Point, frontier, thin};

/// Cuts of a pair that are looked at: more would draw the same curve.
const PER_PAIR: usize = 400;
/// Points in all.
const MOST: usize = 200;

/// A policy at its price. Sums are over rows, whatever their weights: for a curve's shape.
type Spot = Point<FrontierCut>;

/// Of all pairs (tier, last), of pairs that are certified beyond, and of tiers alone, cheapest first.
pub(crate) fn cuts(ground: &Ground<'_>, pairs: Option<&Pairs<'_>>) -> Vec<FrontierCut> {
    let table = ground.table;
    let mut spots: Vec<Spot> = (0..table.tiers.len())
        .map(|tier| alone(ground, tier, tier == table.last() && pairs.is_some_and(|pairs| pairs.last)))
        .collect();
    for descent in &ground.descents {
        let tier = descent.tier();
        let lowest = pairs.map_or(0, |pairs| pairs.certified[tier].saturating_sub(1));
        let holds = |at| pairs.is_some_and(|pairs| pairs.holds(tier, at));
        spots.extend(along(ground, descent, descent.len(), lowest, holds));
    }
    for beyond in pairs.iter().flat_map(|pairs| &pairs.beyond) {
        spots.push(alone(ground, beyond.descent.second(), true));
        spots.extend(along(ground, &beyond.descent, beyond.certified, beyond.certified - 1, |_| true));
    }
    // Of equal ones a certified one.
    spots.sort_by_key(|spot| !spot.what.certified);
    thin(&frontier(spots), MOST).into_iter().map(|spot| spot.what).collect()
}

fn alone(ground: &Ground<'_>, tier: usize, certified: bool) -> Spot {
    let column = &ground.table.tiers[tier];
    let (quality, cost) = (column.total_quality(), column.total_cost());
    let what = FrontierCut { policy: Thresholds::always(tier), certified, n: ground.table.len(), quality, cost };
    Point { cost: ground.prices.total(tier), quality, what }
}

/// Some of the first `len` cuts of a pair, `lowest` and the last one among them, but not "defer all".
fn along(ground: &Ground<'_>, descent: &Descent<'_>, len: usize, lowest: usize, holds: impl Fn(usize) -> bool) -> Vec<Spot> {
    let (first, second) = (descent.tier(), descent.second());
    let [one, other] = [first, second].map(|tier| &ground.table.tiers[tier]);
    let mut price = ground.prices.total(first) + ground.prices.total(second);
    let mut cost = one.total_cost().zip(other.total_cost()).map(|(one, other)| one + other);
    let mut quality = other.total_quality();
    let (mut spots, mut accepted) = (Vec::new(), 0);
    let step = len.div_ceil(PER_PAIR).max(1);
    for at in (1..len).filter(|at| at % step == 0 || *at == lowest || at + 1 == len) {
        let rows = descent.accepted(at);
        for row in rows[accepted..].iter().map(|row| *row as usize) {
            quality = quality + u64::from(one.quality[row].nano()) - u64::from(other.quality[row].nano());
            price -= u128::from(ground.prices.at(row, second));
            if let (Some(cost), Some(saved)) = (&mut cost, &other.cost) {
                *cost -= u128::from(saved[row]);
            }
        }
        accepted = rows.len();
        let what = FrontierCut { policy: descent.policy(at), certified: holds(at), n: ground.table.len(), quality, cost };
        spots.push(Point { cost: price, quality, what });
    }
    spots
}

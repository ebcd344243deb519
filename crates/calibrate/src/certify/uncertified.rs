//! The policy that is best on the rows, for which nothing is promised.

use tierfall_core::number::Threshold;

use super::price::Prices;
use crate::ask::Target;
use crate::policy::Thresholds;
use crate::sweep::pair::PairSweep;
use crate::table::Table;

/// A policy's weighted sums on the rows.
#[derive(Clone, Copy, Debug)]
struct Sums {
    /// In billionths.
    quality: f64,
    /// In pico-USD, or requests to the last tier.
    price: f64,
}

/// Of every tier alone and every cut of every pair, the best on the rows: the cheapest that meets the target, or the best
/// within the cost. The second part says whether the target is met; where it is not, the policy comes nearest to it.
/// `None` where a limit on cost is asked for and costs are unknown.
pub(crate) fn best(table: &Table<'_>, target: Target) -> Option<(Thresholds, bool)> {
    let prices = if matches!(target, Target::MaxCost(_)) { Prices::money(table)? } else { Prices::new(table) };
    let total: f64 = (0..table.len()).map(|row| table.weight(row)).sum();
    let quality = |tier: usize, row: usize| table.weight(row) * f64::from(table.tiers[tier].quality[row].nano());
    let price = |tier: usize, row: usize| table.weight(row) * prices.at(row, tier) as f64;
    let alone = |tier: usize| Sums {
        quality: (0..table.len()).map(|row| quality(tier, row)).sum(),
        price: (0..table.len()).map(|row| price(tier, row)).sum(),
    };
    let singles: Vec<Sums> = (0..table.tiers.len()).map(alone).collect();
    let rank = |sums: Sums| rank(target, total, singles[table.last()].quality, sums);
    let better = |a: (f64, f64), b: (f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).is_lt();
    let mut found: Option<((f64, f64), Thresholds)> = None;
    let mut offer = |sums: Sums, policy: &dyn Fn() -> Option<Thresholds>| {
        let rank = rank(sums);
        if found.as_ref().is_none_or(|(best, _)| better(rank, *best))
            && let Some(policy) = policy()
        {
            found = Some((rank, policy));
        }
    };
    for (tier, sums) in singles.iter().enumerate() {
        offer(*sums, &|| Some(Thresholds::always(tier)));
    }
    for first in 0..table.last() {
        for second in first + 1..table.tiers.len() {
            let sweep = PairSweep::new(table, first, second);
            let mut sums = Sums { quality: singles[second].quality, price: singles[first].price + singles[second].price };
            let mut accepted = 0;
            for at in 1..sweep.positions() {
                let n = sweep.accepted(at);
                for row in &sweep.order().readable()[accepted..n] {
                    let row = *row as usize;
                    sums.quality += quality(first, row) - quality(second, row);
                    sums.price -= price(second, row);
                }
                accepted = n;
                offer(sums, &|| Thresholds::pair(first, second, sweep.cut(at)).ok());
            }
        }
    }
    found.map(|((short, _), policy)| (policy, short <= 0.0))
}

/// The shortfall of the target in its own units, 0 where it is met; then what is least wanted. `total` is the sum of the weights and
/// `last` the last tier's sum of quality.
fn rank(target: Target, total: f64, last: f64, sums: Sums) -> (f64, f64) {
    let wanted = match target {
        Target::Accuracy(accuracy) => accuracy * total * 1e9,
        Target::MaxLoss(loss) => last - loss * total * 1e9,
        Target::MaxCost(most) => {
            let over = (sums.price - most.usd() * 1e12 * total).max(0.0);
            return (over, if over > 0.0 { 0.0 } else { -sums.quality });
        }
    };
    // Whole billionths are sums of whole numbers; the target is not.
    let short = (wanted - sums.quality - 1e-6 * total).max(0.0);
    (short, if short > 0.0 { 0.0 } else { sums.price })
}

/// What a policy reaches on the rows, in the target's own terms; costs must be known for a limit on them.
pub(crate) fn reached(table: &Table<'_>, target: Target, policy: &Thresholds) -> f64 {
    let (total, last, sums) = totals(table, target, policy);
    match target {
        Target::Accuracy(_) => sums.quality / total / 1e9,
        Target::MaxLoss(_) => (last - sums.quality) / total / 1e9,
        Target::MaxCost(_) => sums.price / total / 1e12,
    }
}

/// How far a policy is from the target on the rows, and then what is least wanted of it: the lesser is the better.
pub(crate) fn rank_of(table: &Table<'_>, target: Target, policy: &Thresholds) -> (f64, f64) {
    let (total, last, sums) = totals(table, target, policy);
    rank(target, total, last, sums)
}

/// The sum of the weights, the last tier's of quality, and a policy's.
fn totals(table: &Table<'_>, target: Target, policy: &Thresholds) -> (f64, f64, Sums) {
    // Where all tiers are free, money tells no two policies apart.
    let money = matches!(target, Target::MaxCost(_)).then(|| Prices::money(table)).flatten();
    let prices = money.unwrap_or_else(|| Prices::new(table));
    let grade = |tier: usize, row: usize| table.weight(row) * f64::from(table.tiers[tier].quality[row].nano());
    let quality = (0..table.len()).map(|row| grade(policy.answers(table, row), row)).sum();
    let last = (0..table.len()).map(|row| grade(table.last(), row)).sum();
    ((0..table.len()).map(|row| table.weight(row)).sum(), last, Sums { quality, price: prices.of(policy) })
}

/// The cuts of the pairs (tier, last) in a policy.
pub(crate) fn cuts(table: &Table<'_>, policy: &Thresholds) -> Vec<Option<Threshold>> {
    let cut = |tier: usize| {
        let at = policy.tiers().iter().position(|asked| *asked == tier)?;
        policy.cuts().get(at).copied()
    };
    (0..table.last()).map(cut).collect()
}

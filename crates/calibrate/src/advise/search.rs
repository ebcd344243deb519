//! What a sub-chain can do on rows that may be searched, and what quality is worth there.

use std::cmp::Reverse;

use crate::policy::Thresholds;
use crate::sweep::frontier::Point;
use crate::sweep::grid::Grid;
use crate::sweep::path;
use crate::table::Table;

/// A policy, its Σ quality in billionths and its Σ cost in pico-USD.
pub(super) type Found = Point<Thresholds>;

/// The undominated policies of a sub-chain, cheapest first. Every tier of the table must have a cost; a chain that is too long for
/// a grid has none.
pub(super) fn undominated(table: &Table<'_>, chain: &[usize]) -> Vec<Found> {
    let found = match chain {
        [tier] => return vec![alone(table, *tier)],
        [_, _] => path::of_chain(table, chain),
        _ => Grid::quantiles(table, chain, cuts_an_axis(chain.len() - 1)).map(|grid| grid.frontier()),
    };
    found.unwrap_or_default()
}

/// By the number of gated tiers. Finer grids fit the noise of a fold, and folds and segments make many of them.
fn cuts_an_axis(gates: usize) -> usize {
    match gates {
        0..=2 => 48,
        3 => 20,
        4 => 10,
        _ => 6,
    }
}

/// What one more unit of quality is worth, in units of cost: what the frontier pays for the last five points up to `goal`, and at least
/// what a random mix of the cheapest tier and the last one pays. The slope at `goal` itself would be mostly noise.
pub(super) fn price(table: &Table<'_>, frontier: &[Found], goal: u64) -> f64 {
    let slope = |low: &Found, high: &Found| {
        if low.quality < high.quality { (high.cost as f64 - low.cost as f64) / (high.quality - low.quality) as f64 } else { 0.0 }
    };
    let alone: Vec<Found> = (0..table.tiers.len()).map(|tier| alone(table, tier)).collect();
    let cheapest = alone.iter().min_by_key(|found| (found.cost, Reverse(found.quality)));
    let mix = cheapest.map_or(0.0, |first| slope(first, &alone[table.last()]));
    let reaching = |quality: u64| frontier.iter().find(|found| found.quality >= quality).or(frontier.last());
    let five_points = 50_000_000 * table.len() as u64;
    let local = reaching(goal.saturating_sub(five_points)).zip(reaching(goal)).map_or(0.0, |(low, high)| slope(low, high));
    mix.max(local)
}

/// The policy of the least cost at a price for quality; the cheaper one among equals.
pub(super) fn best_at(frontier: &[Found], price: f64) -> Option<&Found> {
    let net = |found: &Found| found.cost as f64 - price * found.quality as f64;
    frontier.iter().min_by(|one, other| net(one).total_cmp(&net(other)))
}

fn alone(table: &Table<'_>, tier: usize) -> Found {
    let tally = Thresholds::always(tier).tally(table);
    Point { cost: tally.cost.unwrap_or_default(), quality: tally.quality, what: Thresholds::always(tier) }
}

//! The policies that a test on other rows should try, the safest first.

use rayon::prelude::*;

use super::chains::subchains;
use super::exact3::Triple;
use super::frontier::{Point, frontier, thin};
use super::grid::Grid;
use super::pair::PairSweep;
use crate::policy::Thresholds;
use crate::table::Table;

/// Cuts a gated tier by how many tiers are gated: all cuts of one, and grids of about 10⁵ to 10⁶ combinations of more.
const SIZES: [usize; 4] = [256, 64, 32, 16];

/// Prices of quality at which three tiers are searched exactly.
const PRICES: usize = 32;

/// Pareto path over the sub-chains of at most `depth` tiers on a tuning part, from the best policy there downward, each cheaper than
/// all before it. Every tier must have a cost; a chain that is too long for a grid has no part in it.
///
/// Pairs are searched over every cut, longer chains over grids. A path is only good for a test on rows that it was not made on
/// (learn then test; Pareto testing, arXiv 2210.07913).
pub(crate) fn path(tuning: &Table<'_>, depth: usize) -> Vec<Point<Thresholds>> {
    let chains = subchains(tuning.tiers.len(), depth);
    let found: Vec<Vec<Point<Thresholds>>> = chains.par_iter().map(|chain| of_chain(tuning, chain).unwrap_or_default()).collect();
    let mut path = frontier(found.into_iter().flatten().collect());
    path.reverse();
    path
}

/// The frontier of one sub-chain: over every cut of a pair, over a grid of longer ones, and for three tiers the exact optima at
/// the prices of quality along it as well.
pub fn of_chain(table: &Table<'_>, chain: &[usize]) -> Option<Vec<Point<Thresholds>>> {
    let &[first, second] = chain else {
        let size = SIZES[chain.len().saturating_sub(3).min(SIZES.len() - 1)];
        let found = Grid::quantiles(table, chain, size)?.frontier();
        return if let &[first, second, third] = chain { with_exact(table, [first, second, third], found) } else { Some(found) };
    };
    let sweep = PairSweep::new(table, first, second);
    let point = |sums: super::pair::Sums| Some(Point { cost: sums.cost?, quality: sums.quality, what: sums.at });
    let points = frontier(sweep.walk().map(point).collect::<Option<_>>()?);
    let policy = |point: Point<usize>| Point { cost: point.cost, quality: point.quality, what: sweep.policy(point.what) };
    Some(points.into_iter().map(policy).collect())
}

/// A frontier of three tiers with what lies between the cuts of its grid.
fn with_exact(table: &Table<'_>, chain: [usize; 3], mut found: Vec<Point<Thresholds>>) -> Option<Vec<Point<Thresholds>>> {
    let triple = Triple::new(table, chain)?;
    let steps = thin(&found, PRICES + 1);
    found.extend(steps.windows(2).map(|pair| {
        let (cost, quality) = ((pair[1].cost - pair[0].cost) as f64, (pair[1].quality - pair[0].quality) as f64);
        let unit = f64::from(u32::MAX) / cost.max(quality);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "both ascend along a frontier; at most u32::MAX"
        )]
        let best = triple.trade(((cost * unit) as u32).max(1), ((quality * unit) as u32).max(1));
        best
    }));
    Some(frontier(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::test_tables::{rows, table};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_path_descends_in_quality_and_in_cost(rows in rows(3, 1..60)) {
            let table = table(3, &rows);
            let path = path(&table, 3);
            let sums: Vec<_> = path.iter().map(|point| point.what.tally(&table)).collect();
            prop_assert!(!path.is_empty());
            prop_assert!(sums.is_sorted_by(|a, b| a.quality > b.quality && a.cost > b.cost));
        }

        #[test]
        fn what_three_tiers_are_said_to_do_they_do(rows in rows(3, 1..60)) {
            let table = table(3, &rows);
            for point in of_chain(&table, &[0, 1, 2]).unwrap() {
                let tally = point.what.tally(&table);
                prop_assert_eq!((tally.quality, tally.cost), (point.quality, Some(point.cost)));
            }
        }

        #[test]
        fn nothing_of_two_tiers_beats_a_whole_path(rows in rows(3, 1..40), cut in -9.0..9.0_f64, pair in 0..3_usize) {
            let table = table(3, &rows);
            let (first, second) = [(0, 1), (0, 2), (1, 2)][pair];
            let cut = tierfall_core::number::Threshold::accept_from(tierfall_core::number::Score::new(cut).unwrap());
            let tally = Thresholds::pair(first, second, cut).unwrap().tally(&table);
            let beats = |point: &Point<Thresholds>| point.quality >= tally.quality && Some(point.cost) <= tally.cost;
            prop_assert!(path(&table, 2).iter().any(beats));
        }
    }
}

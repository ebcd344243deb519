//! The policies that a test on other rows should try, the safest first.

use rayon::prelude::*;

use super::chains::subchains;
use super::frontier::{Point, frontier, thin};
use super::grid::{Grid, GridError};
use super::pair::PairSweep;
use crate::policy::Policy;
use crate::table::Table;

/// Cuts a gated tier by how many tiers are gated: all cuts of one, and grids of about 10⁵ to 10⁶ combinations of more.
const SIZES: [usize; 4] = [256, 64, 32, 16];

/// Pareto path over the sub-chains of at most `depth` tiers on a tuning part: at most `count` policies, from the best there
/// downward, each cheaper than all before it.
///
/// Pairs are searched over every cut, longer chains over grids. A path is only good for a test on rows that it was not made on
/// (learn then test; Pareto testing, arXiv 2210.07913).
pub fn path(tuning: &Table<'_>, depth: usize, count: usize) -> Result<Vec<Policy>, GridError> {
    let chains = subchains(tuning.tiers.len(), depth);
    let found: Vec<Vec<Point<Policy>>> = chains.par_iter().map(|chain| of_chain(tuning, chain)).collect::<Result<_, _>>()?;
    let mut path: Vec<Policy> = frontier(found.into_iter().flatten().collect()).into_iter().map(|point| point.what).collect();
    path.reverse();
    Ok(thin(&path, count))
}

/// The frontier of one sub-chain: over every cut of a pair, over a grid of longer ones.
pub fn of_chain(table: &Table<'_>, chain: &[usize]) -> Result<Vec<Point<Policy>>, GridError> {
    let &[first, second] = chain else {
        let size = SIZES[chain.len().saturating_sub(3).min(SIZES.len() - 1)];
        let cells = Grid::quantiles(table, chain, size)?.frontier(None);
        return Ok(cells.into_iter().map(|cell| Point { cost: cell.cost, quality: cell.quality, what: cell.what.0 }).collect());
    };
    if let Some(unknown) = chain.iter().find(|tier| table.tiers[**tier].cost.is_none()) {
        return Err(GridError::NoCost(table.tiers[*unknown].name.to_string()));
    }
    let sweep = PairSweep::new(table, first, second);
    let point = |sums: super::pair::Sums| Point { cost: sums.cost.unwrap_or_default(), quality: sums.quality, what: sums.at };
    let points = frontier(sweep.walk().map(point).collect());
    Ok(points
        .into_iter()
        .map(|point| Point { cost: point.cost, quality: point.quality, what: sweep.policy(point.what) })
        .collect())
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
            let path = path(&table, 3, 10).unwrap();
            let sums: Vec<_> = path.iter().map(|policy| policy.tally(&table)).collect();
            prop_assert!((1..=10).contains(&path.len()));
            prop_assert!(sums.is_sorted_by(|a, b| a.quality > b.quality && a.cost > b.cost));
        }

        #[test]
        fn nothing_of_two_tiers_beats_a_whole_path(rows in rows(3, 1..40), cut in -9.0..9.0_f64, pair in 0..3_usize) {
            let table = table(3, &rows);
            let (first, second) = [(0, 1), (0, 2), (1, 2)][pair];
            let cut = tierfall_core::number::Threshold::accept_from(tierfall_core::number::Score::new(cut).unwrap());
            let tally = Policy::pair(first, second, cut).unwrap().tally(&table);
            let beats = |policy: &Policy| {
                let other = policy.tally(&table);
                other.quality >= tally.quality && other.cost <= tally.cost
            };
            prop_assert!(path(&table, 2, usize::MAX).unwrap().iter().any(beats));
        }
    }
}

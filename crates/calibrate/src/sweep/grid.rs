//! Grids of cuts for chains of any number of tiers, by summed-area tables of whole numbers.
//!
//! The quality of a policy is that of tier 1 on all rows, plus, for every k, what tier k + 1 adds to tier k on those rows
//! that the gates 1 … k all defer; its cost likewise. Those are sums over the rows beyond a corner of k axes, which a
//! summed-area table holds for all corners. The tables are made and read one slice along the first axis at a time, so memory
//! stays a slice's.

use rayon::prelude::*;
use tierfall_core::number::{Score, Threshold, Tie};

use super::frontier::{Point, frontier};
use super::order::{Order, cut_at};
use crate::policy::Thresholds;
use crate::table::Table;

/// All combinations of one cut a gate from a list of its own.
#[derive(Clone, Debug)]
pub struct Grid {
    chain: Vec<usize>,
    /// One a gated tier, from the cut that accepts least to that which accepts most.
    axes: Vec<Vec<Threshold>>,
    /// By row and axis: the first cut that accepts, or the length of the axis.
    from: Vec<u16>,
    /// By row and place in the chain.
    weights: Vec<Weights>,
}

/// Quality and cost.
type Weights = [i64; 2];

/// Combinations of cuts behind one cut of the first gate: 256 MiB of them.
const SLICE: usize = 1 << 24;

/// At most `size` cuts of a tier, evenly spaced over the rows: "defer all" and the one that accepts most among them.
///
/// They lie on rows: between two neighbouring ones nothing is interpolated, and equal (gate value, tie) pairs are one.
pub(crate) fn axis(table: &Table<'_>, tier: usize, size: usize) -> Vec<Threshold> {
    let Some(values) = table.tiers[tier].values.as_deref() else { return vec![Threshold::DeferAll] };
    let order = Order::new(values, &table.ties);
    let rows = order.readable();
    let steps = size.saturating_sub(1).clamp(1, rows.len().max(1));
    let mut cuts = vec![Threshold::DeferAll];
    for step in 1..=steps {
        let Some(last) = (step * rows.len() / steps).checked_sub(1) else { continue };
        let cut = cut_at(table, tier, Some(rows[last]));
        if cuts.last() != Some(&cut) {
            cuts.push(cut);
        }
    }
    cuts
}

impl Grid {
    /// A grid over a sub-chain with at most `size` cuts of every gated tier, at quantiles of its values.
    pub fn quantiles(table: &Table<'_>, chain: &[usize], size: usize) -> Option<Self> {
        let axes = chain[..chain.len().saturating_sub(1)].iter().map(|tier| axis(table, *tier, size)).collect();
        Self::new(table, chain, axes)
    }

    /// A grid over a sub-chain with given cuts, one list for every tier of it but the last. `None` where the cost of a tier is
    /// unknown, so that no policy is cheaper than another, where costs add up to more than 9 million USD, and where there are too many cuts.
    ///
    /// # Panics
    /// If there is no tier, or another number of lists.
    pub fn new(table: &Table<'_>, chain: &[usize], mut axes: Vec<Vec<Threshold>>) -> Option<Self> {
        assert_eq!(axes.len() + 1, chain.len(), "one list of cuts for every tier but the last");
        for axis in &mut axes {
            axis.sort_by_key(|cut| std::cmp::Reverse(key(cut)));
            axis.dedup();
        }
        let sizes: Vec<usize> = axes.iter().map(Vec::len).collect();
        let slice = sizes.iter().skip(1).try_fold(1_usize, |cells, size| cells.checked_mul(*size));
        if slice.is_none_or(|cells| cells > SLICE) || sizes.iter().any(|size| u16::try_from(*size).is_err()) {
            return None;
        }
        Some(Self { chain: chain.to_vec(), from: places(table, chain, &axes), weights: weights(table, chain)?, axes })
    }

    /// How many combinations there are.
    pub fn cells(&self) -> usize {
        self.axes.iter().map(Vec::len).product()
    }

    /// The policies that no other of the grid beats, by ascending cost.
    ///
    /// Of combinations with equal cost and quality the one stays whose first gates accept least.
    pub fn frontier(&self) -> Vec<Point<Thresholds>> {
        if self.axes.is_empty() {
            // One tier has one policy.
            let mut sums = Weights::default();
            self.weights.iter().for_each(|row| add(&mut sums, row));
            return vec![self.point(&Found { sums, place: 0 })];
        }
        let first = self.axes[0].len();
        let rows = self.rows_by_first();
        // Far more parts than cores would build the first slice of each too often.
        let parts = first.min(rayon::current_num_threads() * 2).max(1);
        let found: Vec<Vec<Found>> =
            (0..parts).into_par_iter().map(|part| self.search(&rows, part * first / parts..(part + 1) * first / parts)).collect();
        thinned(found.into_iter().flatten().collect()).iter().map(|found| self.point(found)).collect()
    }

    /// The rows by the first cut of the first axis that accepts them.
    fn rows_by_first(&self) -> Vec<Vec<u32>> {
        let mut rows = vec![Vec::new(); self.axes[0].len() + 1];
        for (row, from) in (0_u32..).zip(self.from.chunks_exact(self.axes.len())) {
            rows[usize::from(from[0])].push(row);
        }
        rows
    }

    /// The frontier over the given cuts of the first axis.
    fn search(&self, rows: &[Vec<u32>], cuts: std::ops::Range<usize>) -> Vec<Found> {
        let k = self.axes.len();
        let sizes: Vec<usize> = self.axes[1..].iter().map(Vec::len).collect();
        // Table j has the axes 2 … j + 1, so the first one has none.
        let mut raw: Vec<Vec<Weights>> = (0..k).map(|axes| vec![Weights::default(); sizes[..axes].iter().product()]).collect();
        let mut summed = raw.clone();
        let mut base = Weights::default();
        self.weights.chunks_exact(k + 1).for_each(|row| add(&mut base, &row[0]));
        let mut found = Stairs::new(self.most());
        for beyond in &rows[cuts.end + 1..] {
            self.enter(beyond, &mut raw);
        }
        for cut in cuts.rev() {
            self.enter(&rows[cut + 1], &mut raw);
            for (axes, (summed, raw)) in summed.iter_mut().zip(&raw).enumerate() {
                summed.copy_from_slice(raw);
                (0..axes).for_each(|axis| sum_beyond(summed, sizes[axis], sizes[axis + 1..axes].iter().product()));
            }
            add(&mut summed[0][0], &base);
            for axes in 1..k {
                let (shorter, longer) = summed.split_at_mut(axes);
                for (line, sums) in longer[0].chunks_exact_mut(sizes[axes - 1]).zip(&shorter[axes - 1]) {
                    for cell in line {
                        add(cell, sums);
                    }
                }
            }
            let cells = &summed[k - 1];
            (cut * cells.len()..).zip(cells).for_each(|(place, cell)| found.offer(cell, place));
        }
        thinned(found.found)
    }

    /// Takes in the rows that the cut of the first axis now defers: they count in all corners before the place of their cuts.
    fn enter(&self, rows: &[u32], raw: &mut [Vec<Weights>]) {
        let k = self.axes.len();
        for row in rows {
            let row = *row as usize;
            let (from, weights) = (&self.from[row * k..][..k], &self.weights[row * (k + 1)..][..=k]);
            let mut place = 0;
            for (axes, table) in raw.iter_mut().enumerate() {
                if axes > 0 {
                    let Some(last) = usize::from(from[axes]).checked_sub(1) else { break };
                    place = place * self.axes[axes].len() + last;
                }
                let cell = &mut table[place];
                let (now, next) = (&weights[axes], &weights[axes + 1]);
                *cell = std::array::from_fn(|lane| cell[lane] + next[lane] - now[lane]);
            }
        }
    }

    /// What the dearest policy costs.
    fn most(&self) -> i64 {
        self.weights.chunks_exact(self.chain.len()).filter_map(|row| row.last()).map(|last| last[1]).sum()
    }

    fn point(&self, found: &Found) -> Point<Thresholds> {
        let mut place = found.place;
        let mut cuts: Vec<Threshold> = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            cuts.push(axis[place % axis.len()]);
            place /= axis.len();
        }
        cuts.reverse();
        let policy = Thresholds::new(self.chain.clone(), cuts).expect("a cut for every tier but the last");
        let [quality, cost] = found.sums.map(i64::unsigned_abs);
        Point { cost: cost.into(), quality, what: policy }
    }
}

/// A combination of cuts that may be on the frontier.
#[derive(Clone, Copy, Debug)]
struct Found {
    sums: Weights,
    place: usize,
}

/// Collects combinations, and drops at sight those that a cheaper one beats.
struct Stairs {
    /// Buckets a pico-USD.
    scale: f64,
    /// By bucket of cost: the best quality in cheaper buckets.
    best: Vec<i64>,
    found: Vec<Found>,
    /// How many to hold before those are dropped that others beat.
    room: usize,
}

const BUCKETS: usize = 4096;
const ROOM: usize = 1 << 14;

impl Stairs {
    /// For costs up to `most`.
    fn new(most: i64) -> Self {
        let scale = BUCKETS as f64 / (most as f64 + 1.0);
        Self { scale, best: vec![-1; BUCKETS + 2], found: Vec::new(), room: ROOM }
    }

    #[inline]
    fn offer(&mut self, sums: &Weights, place: usize) {
        let [quality, cost] = *sums;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "costs are at least 0, and at most the buckets"
        )]
        let bucket = (cost as f64 * self.scale) as usize;
        if self.best[bucket] < quality {
            self.hold(*sums, place, bucket);
        }
    }

    fn hold(&mut self, sums: Weights, place: usize, bucket: usize) {
        for best in self.best[bucket + 1..].iter_mut().take_while(|best| **best < sums[0]) {
            *best = sums[0];
        }
        self.found.push(Found { sums, place });
        if self.found.len() >= self.room {
            self.found = thinned(std::mem::take(&mut self.found));
            self.room = ROOM.max(2 * self.found.len());
        }
    }
}

/// The frontier; of equal combinations that with the first place. Which were found first, or in which parts, makes no difference.
fn thinned(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_unstable_by_key(|found| found.place);
    let point =
        |found: Found| Point { cost: found.sums[1].unsigned_abs().into(), quality: found.sums[0].unsigned_abs(), what: found };
    frontier(found.into_iter().map(point).collect()).into_iter().map(|point| point.what).collect()
}

fn add(sums: &mut Weights, more: &Weights) {
    *sums = std::array::from_fn(|lane| sums[lane] + more[lane]);
}

/// Adds to every cell those beyond it along an axis of `len` steps, `stride` cells apart.
fn sum_beyond(table: &mut [Weights], len: usize, stride: usize) {
    for block in table.chunks_exact_mut(len * stride) {
        for step in (1..len).rev() {
            let (nearer, beyond) = block.split_at_mut(step * stride);
            nearer[(step - 1) * stride..].iter_mut().zip(&beyond[..stride]).for_each(|(cell, more)| add(cell, more));
        }
    }
}

/// Ascends with what a cut asks for.
fn key(cut: &Threshold) -> (bool, Option<(Score, Tie)>) {
    match cut {
        Threshold::AcceptFrom { score, tie } => (false, Some((*score, *tie))),
        Threshold::DeferAll => (true, None),
    }
}

/// By row and axis: the first cut that accepts.
fn places(table: &Table<'_>, chain: &[usize], axes: &[Vec<Threshold>]) -> Vec<u16> {
    let mut places = vec![0; table.len() * axes.len()];
    if axes.is_empty() {
        return places;
    }
    places.par_chunks_exact_mut(axes.len()).enumerate().with_min_len(4096).for_each(|(row, places)| {
        let tie = Tie::try_from(table.ties[row]).unwrap_or_else(|_| Tie::zero());
        for ((place, axis), tier) in places.iter_mut().zip(axes).zip(chain) {
            let value = table.tiers[*tier].values.as_ref().and_then(|values| Score::new(values[row]));
            let accepts = value.map_or(axis.len(), |value| axis.partition_point(|cut| !cut.accepts(value, tie)));
            *place = u16::try_from(accepts).expect("checked when the grid was made");
        }
    });
    places
}

/// By row and place in the chain: quality of the answer there and cost up to there; `None` where a cost is unknown, or all are beyond what sums
/// can hold.
fn weights(table: &Table<'_>, chain: &[usize]) -> Option<Vec<Weights>> {
    let costs = known_costs(table, chain)?;
    let mut weights = vec![Weights::default(); table.len() * chain.len()];
    weights.par_chunks_exact_mut(chain.len()).enumerate().with_min_len(4096).for_each(|(row, weights)| {
        let mut cost = 0_i64;
        for ((weights, tier), costs) in weights.iter_mut().zip(chain).zip(&costs) {
            cost += costs[row].cast_signed();
            *weights = [table.tiers[*tier].quality[row].nano().into(), cost];
        }
    });
    Some(weights)
}

/// The costs of these tiers; `None` where one is unknown, or all add up to more than 9 million USD, beyond what sums can hold.
pub(super) fn known_costs<'t>(table: &'t Table<'_>, chain: &[usize]) -> Option<Vec<&'t [u64]>> {
    let costs: Vec<&[u64]> = chain.iter().map(|tier| table.tiers[*tier].cost.as_deref()).collect::<Option<_>>()?;
    let total: u128 = costs.iter().flat_map(|costs| costs.iter()).map(|cost| u128::from(*cost)).sum();
    i64::try_from(total).is_ok().then_some(costs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::frontier::thin;
    use crate::sweep::test_tables::{rows, table};
    use proptest::prelude::*;

    /// Every combination, by asking what each policy does.
    fn brute(table: &Table<'_>, grid: &Grid) -> Vec<(u128, u64)> {
        let mut policies: Vec<Vec<Threshold>> = vec![Vec::new()];
        for axis in &grid.axes {
            policies = policies.iter().flat_map(|cuts| axis.iter().map(|cut| [&cuts[..], &[*cut]].concat())).collect();
        }
        let point = |cuts| {
            let tally = Thresholds::new(grid.chain.clone(), cuts).unwrap().tally(table);
            Point { cost: tally.cost.unwrap(), quality: tally.quality, what: () }
        };
        let points = frontier(policies.into_iter().map(point).collect());
        points.into_iter().map(|point| (point.cost, point.quality)).collect()
    }

    proptest! {
        #[test]
        fn the_frontier_is_that_of_asking_every_policy(rows in rows(4, 0..30), chain in 0..5_usize, size in 1..6_usize) {
            let table = table(4, &rows);
            let chain = [&[0, 1, 2, 3][..], &[0, 2, 3], &[1, 3], &[0, 1, 2], &[2]][chain];
            let grid = Grid::quantiles(&table, chain, size).unwrap();
            let found = grid.frontier();
            for cell in &found {
                let tally = cell.what.tally(&table);
                prop_assert_eq!((cell.cost, cell.quality), (tally.cost.unwrap(), tally.quality));
            }
            let found: Vec<_> = found.into_iter().map(|cell| (cell.cost, cell.quality)).collect();
            prop_assert_eq!(found, brute(&table, &grid));
        }

        #[test]
        fn one_core_finds_what_several_do(rows in rows(4, 0..60)) {
            let table = table(4, &rows);
            let grid = Grid::quantiles(&table, &[0, 1, 2, 3], 9).unwrap();
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| grid.frontier())
            };
            prop_assert_eq!(on(1), on(3));
        }

        #[test]
        fn an_axis_has_both_ends_and_ascends_in_what_it_accepts(rows in rows(2, 1..60), size in 2..9_usize) {
            let table = table(2, &rows);
            let axis = axis(&table, 0, size);
            prop_assert!(axis.len() <= size && axis[0] == Threshold::DeferAll);
            let accepted: Vec<u64> =
                axis.iter().map(|cut| Thresholds::pair(0, 1, *cut).unwrap().tally(&table).accepted[0]).collect();
            prop_assert!(accepted.is_sorted_by(|a, b| a < b));
            let readable = rows.iter().filter(|row| !row.0[0].0.is_nan()).count() as u64;
            prop_assert_eq!(accepted.last(), Some(&readable));
        }
    }

    #[test]
    fn without_a_cost_nothing_is_searched() {
        let rows = [(vec![(0.5, 1.0), (0.0, 1.0)], 0.5)];
        let mut table = table(2, &rows);
        table.tiers[0].cost = None;
        assert!(Grid::quantiles(&table, &[0, 1], 3).is_none());
        assert!(thin(&Grid::quantiles(&table, &[1], 3).unwrap().frontier(), 5).len() == 1);
    }
}

//! Every cut of a two-tier policy, with exact sums.

use rayon::prelude::*;
use tierfall_core::number::Threshold;

use super::order::{Order, cut_at};
use crate::policy::Thresholds;
use crate::quality::Quality;
use crate::table::{Column, Table};

/// All policies "ask `first`; where its gate defers, `second`" that differ on the rows of a table.
///
/// Position 0 defers all; at every further position the next surest row is accepted as well, together with those whose
/// (gate value, tie) equals its own: they are one cut. The last position accepts every row whose gate value could be read.
/// Sums are made while one walks, so that a walk that stops early costs little.
#[derive(Clone, Debug)]
pub struct PairSweep<'t> {
    table: &'t Table<'t>,
    first: usize,
    second: usize,
    order: Order,
}

/// What the policy at one position does on all rows of the table: exact sums, weights not applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// The position.
    pub at: usize,
    /// Rows that the first tier answers.
    pub accepted: u64,
    /// Σ quality of the answers, in billionths.
    pub quality: u64,
    /// Rows where the last *declared* tier would have been better.
    pub minus: u64,
    /// Rows where it would have been worse.
    pub plus: u64,
    /// Σ cost in pico-USD, rejected answers included; `None` = unknown.
    pub cost: Option<u128>,
}

impl<'t> PairSweep<'t> {
    /// Orders the rows of a table by the gate of tier `first`.
    ///
    /// # Panics
    /// If `first` is not before `second`, or has no gate.
    pub fn new(table: &'t Table<'t>, first: usize, second: usize) -> Self {
        assert!(first < second, "a pair ascends");
        let values = table.tiers[first].values.as_deref().expect("every tier but the last has a gate value");
        Self { table, first, second, order: Order::new(values, &table.ties) }
    }

    /// How many positions there are: at least 1.
    pub fn positions(&self) -> usize {
        self.order.readable().len() - self.order.joined().len() + 1
    }

    /// The tiers of the pair.
    pub fn tiers(&self) -> (usize, usize) {
        (self.first, self.second)
    }

    /// The rows in the order in which they are accepted; rows without a gate value last.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// How many rows are accepted at a position.
    pub(crate) fn accepted(&self, at: usize) -> usize {
        // Of `joined`, which has one entry for every accepted row that is no position, the first `low` come before the cut.
        let joined = self.order.joined();
        let (mut low, mut high) = (0, joined.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if (joined[middle] as usize) < at + middle + 1 { low = middle + 1 } else { high = middle }
        }
        at + low
    }

    /// The cut at a position.
    ///
    /// # Panics
    /// If there are fewer positions.
    pub fn cut(&self, at: usize) -> Threshold {
        assert!(at < self.positions(), "there are {} positions", self.positions());
        let last = self.accepted(at).checked_sub(1);
        cut_at(self.table, self.first, last.map(|last| self.order.readable()[last]))
    }

    /// The policy at a position.
    ///
    /// # Panics
    /// If there are fewer positions.
    pub fn policy(&self, at: usize) -> Thresholds {
        Thresholds::pair(self.first, self.second, self.cut(at)).expect("checked to ascend")
    }

    /// The sums at every position, from "defer all" downward.
    pub fn walk(&self) -> Walk<'_> {
        let quality = |tier: usize| &*self.column(tier).quality;
        let last = self.table.last();
        Walk {
            columns: Columns {
                first: quality(self.first),
                second: quality(self.second),
                last: (self.second != last).then(|| quality(last)),
                cost: self.column(self.second).cost.as_deref(),
            },
            rows: self.order.readable(),
            read: Vec::new(),
            used: 0,
            joined: self.order.joined(),
            sums: self.defer_all(),
            started: false,
        }
    }

    /// The sums where every row goes on to the second tier.
    fn defer_all(&self) -> Sums {
        let (second, last) = (&self.column(self.second).quality, &self.column(self.table.last()).quality);
        let [one, other] = [self.first, self.second].map(|tier| self.column(tier).total_cost());
        let mut sums = Sums { cost: one.zip(other).map(|(one, other)| one + other), ..Sums::default() };
        for (second, last) in second.iter().zip(last.iter()) {
            sums.quality += u64::from(second.nano());
            sums.minus += u64::from(second < last);
            sums.plus += u64::from(second > last);
        }
        sums
    }

    fn column(&self, tier: usize) -> &Column<'t> {
        &self.table.tiers[tier]
    }
}

impl Sums {
    /// Takes in one more accepted row.
    #[inline]
    fn add(&mut self, row: &Change) {
        self.accepted += 1;
        // The sums hold the row's part with the second tier, so none falls below zero.
        self.quality = self.quality.wrapping_add_signed(i64::from(row.quality));
        self.minus = self.minus.wrapping_add_signed(i64::from(row.minus));
        self.plus = self.plus.wrapping_add_signed(i64::from(row.plus));
        if let Some(cost) = &mut self.cost {
            *cost -= u128::from(row.cost);
        }
    }
}

/// What accepting one row changes.
#[derive(Clone, Copy, Debug)]
struct Change {
    cost: u64,
    quality: i32,
    minus: i8,
    plus: i8,
}

/// The sums at every position of a [`PairSweep`]. Loops inside (`for_each`, `filter`, `last` …) run faster than `for`.
#[derive(Clone, Debug)]
pub struct Walk<'s> {
    columns: Columns<'s>,
    /// Whose changes were not yet read.
    rows: &'s [u32],
    /// Changes that were read, of which the first `used` are in the sums.
    read: Vec<Change>,
    used: usize,
    /// Not yet passed.
    joined: &'s [u32],
    /// Of the position that was given last, or is given first.
    sums: Sums,
    started: bool,
}

#[derive(Clone, Copy, Debug)]
struct Columns<'s> {
    first: &'s [Quality],
    second: &'s [Quality],
    /// `None` where the second tier is the last one.
    last: Option<&'s [Quality]>,
    cost: Option<&'s [u64]>,
}

impl Columns<'_> {
    #[inline]
    fn change(&self, row: u32) -> Change {
        let row = row as usize;
        let (first, second) = (self.first[row], self.second[row]);
        let last = self.last.map_or(second, |last| last[row]);
        Change {
            cost: self.cost.map_or(0, |cost| cost[row]),
            quality: first.nano().cast_signed() - second.nano().cast_signed(),
            minus: i8::from(first < last) - i8::from(second < last),
            plus: i8::from(first > last) - i8::from(second > last),
        }
    }
}

/// How many rows are read at once: few at first, as most walks stop early; from [`SHARED`] on by all cores.
const READ: std::ops::RangeInclusive<usize> = 256..=65_536;
const SHARED: usize = 16_384;

impl Walk<'_> {
    /// Reads further rows; `false` where there are none.
    fn read(&mut self) -> bool {
        let count = (2 * self.read.len()).clamp(*READ.start(), *READ.end()).min(self.rows.len());
        let (now, later) = self.rows.split_at(count);
        let columns = self.columns;
        if count < SHARED {
            self.read.clear();
            self.read.extend(now.iter().map(|row| columns.change(*row)));
        } else {
            now.par_iter().with_min_len(SHARED / 4).map(|row| columns.change(*row)).collect_into_vec(&mut self.read);
        }
        (self.rows, self.used) = (later, 0);
        count > 0
    }
}

impl Iterator for Walk<'_> {
    type Item = Sums;

    fn next(&mut self) -> Option<Sums> {
        while self.started {
            if self.used == self.read.len() && !self.read() {
                return None;
            }
            self.sums.add(&self.read[self.used]);
            self.used += 1;
            if self.joined.first().is_none_or(|place| u64::from(*place) != self.sums.accepted) {
                self.sums.at += 1;
                break;
            }
            self.joined = &self.joined[1..];
        }
        self.started = true;
        Some(self.sums)
    }

    #[inline]
    fn fold<B, F: FnMut(B, Sums) -> B>(mut self, init: B, mut f: F) -> B {
        let (mut sums, mut joined) = (self.sums, self.joined);
        let mut folded = if self.started { init } else { f(init, sums) };
        loop {
            for change in &self.read[self.used..] {
                sums.add(change);
                if joined.first().is_some_and(|place| u64::from(*place) == sums.accepted) {
                    joined = &joined[1..];
                } else {
                    sums.at += 1;
                    folded = f(folded, sums);
                }
            }
            if !self.read() {
                return folded;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::test_tables::{rows, table};
    use proptest::prelude::*;
    use tierfall_core::number::{Score, Tie};

    proptest! {
        #[test]
        fn the_sums_at_every_cut_are_those_of_its_policy(rows in rows(3, 0..60)) {
            let table = table(3, &rows);
            for (first, second) in [(0, 1), (0, 2), (1, 2)] {
                let sweep = PairSweep::new(&table, first, second);
                let walked: Vec<Sums> = sweep.walk().collect();
                prop_assert_eq!(walked.len(), sweep.positions());
                for (at, sums) in walked.iter().enumerate() {
                    let tally = sweep.policy(at).tally(&table);
                    prop_assert_eq!((at, sweep.accepted(at) as u64), (sums.at, sums.accepted));
                    prop_assert_eq!(
                        (sums.accepted, sums.quality, sums.minus, sums.plus, sums.cost),
                        (tally.accepted[0], tally.quality, tally.minus, tally.plus, tally.cost)
                    );
                }
            }
        }

        #[test]
        fn every_cut_that_decides_differently_is_a_position(rows in rows(2, 0..60)) {
            let table = table(2, &rows);
            let sweep = PairSweep::new(&table, 0, 1);
            let decisions = |cut| {
                let policy = Thresholds::pair(0, 1, cut).unwrap();
                (0..table.len()).map(|row| policy.exit(&table, row)).collect::<Vec<_>>()
            };
            let found: Vec<_> = (0..sweep.positions()).map(|at| decisions(sweep.cut(at))).collect();
            for (at, pair) in found.windows(2).enumerate() {
                prop_assert_ne!(&pair[0], &pair[1], "at {}", at);
            }
            for row in 0..table.len() {
                let score = Score::new(table.tiers[0].values.as_ref().unwrap()[row]);
                let tie = Tie::try_from(table.ties[row]).unwrap();
                if let Some(score) = score {
                    for cut in [Threshold::AcceptFrom { score, tie }, Threshold::accept_from(score)] {
                        prop_assert!(found.contains(&decisions(cut)));
                    }
                }
            }
        }
    }

    #[test]
    fn an_unknown_cost_is_no_cost_at_all() {
        let rows = [([(0.5, 1.0), (0.0, 1.0)].to_vec(), 0.5)];
        let mut table = table(2, &rows);
        table.tiers[1].cost = None;
        let sweep = PairSweep::new(&table, 0, 1);
        assert!(sweep.walk().all(|sums| sums.cost.is_none()));
        assert_eq!((sweep.positions(), sweep.cut(0)), (2, Threshold::DeferAll));
    }

    #[test]
    fn a_long_walk_is_that_of_its_policies() {
        let rows: Vec<_> = (0..150_000_u32)
            .map(|row| {
                let hash = row.wrapping_mul(2_654_435_761);
                let value = if hash % 3 == 0 { 0.5 } else { f64::from(hash) / 4e9 };
                let grade = |bit: u32| f64::from(hash >> bit & 1);
                (vec![(value, grade(7)), (0.0, grade(11)), (0.0, grade(13))], f64::from(row % 50_000) / 50_000.0)
            })
            .collect();
        let table = table(3, &rows);
        let sweep = PairSweep::new(&table, 0, 1);
        let folded = sweep.walk().fold(Vec::new(), |mut all, sums| {
            all.push(sums);
            all
        });
        assert!(sweep.walk().zip(&folded).all(|(stepped, folded)| stepped == *folded) && folded.len() == sweep.positions());
        for at in [1, 300, 20_000, 60_000, sweep.positions() - 1] {
            let (sums, tally) = (folded[at], sweep.policy(at).tally(&table));
            assert_eq!(
                (sums.accepted, sums.quality, sums.minus, sums.plus, sums.cost),
                (tally.accepted[0], tally.quality, tally.minus, tally.plus, tally.cost)
            );
        }
    }
}

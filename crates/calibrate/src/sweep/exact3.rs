//! The best cuts of a three-tier policy among all pairs of cuts, without trying all of them.
//!
//! For a fixed price of quality the best second cut under every first cut is the largest prefix sum of a segment tree over the second
//! gate's order, from which rows leave as the first gate accepts them: O(N log N) for all N² pairs.

use super::frontier::Point;
use super::grid::known_costs;
use super::order::{Order, cut_at};
use crate::policy::Thresholds;
use crate::quality::Quality;
use crate::table::Table;

/// All three-tier policies over three tiers of a table.
#[derive(Clone, Debug)]
pub struct Triple<'t> {
    table: &'t Table<'t>,
    chain: [usize; 3],
    costs: Vec<&'t [u64]>,
    first: Order,
    second: Order,
    /// By row: its place among the second gate's distinct cuts; `u32::MAX` where that gate abstains.
    leaf: Vec<u32>,
    /// How many distinct cuts the second gate has beside "defer all".
    leaves: usize,
}

/// A pair of cuts by how many rows the first gate accepts and how many distinct cuts of the second one lie above; with its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    quality: i64,
    cost: i64,
    accepted: usize,
    prefix: usize,
}

/// What a unit of quality and of cost count for.
#[derive(Clone, Copy, Debug)]
struct Price {
    quality: i128,
    cost: i128,
}

impl Price {
    fn value(self, quality: i64, cost: i64) -> i128 {
        self.quality * i128::from(quality) - self.cost * i128::from(cost)
    }
}

impl<'t> Triple<'t> {
    /// Orders the rows by both gates of three tiers, ascending; `None` where a cost is unknown, or all are more than sums can hold.
    ///
    /// # Panics
    /// If the tiers do not ascend.
    pub fn new(table: &'t Table<'t>, chain: [usize; 3]) -> Option<Self> {
        assert!(chain[0] < chain[1] && chain[1] < chain[2], "a chain ascends");
        let costs = known_costs(table, &chain)?;
        let order = |tier: usize| Order::new(table.tiers[tier].values.as_deref().unwrap_or_default(), &table.ties);
        let (first, second) = (order(chain[0]), order(chain[1]));
        let mut leaf = vec![u32::MAX; table.len()];
        let (mut leaves, mut joined) = (0, second.joined());
        for (place, row) in (0_u32..).zip(second.readable()) {
            if joined.first() == Some(&place) {
                joined = &joined[1..];
            } else {
                leaves += 1;
            }
            leaf[*row as usize] = leaves - 1;
        }
        Some(Self { table, chain, costs, first, second, leaf, leaves: leaves as usize })
    }

    /// The policy with the largest `quality` · Σ quality − `cost` · Σ cost, in billionths and pico-USD; of equal ones that whose
    /// first gate accepts least.
    pub fn trade(&self, quality: u32, cost: u32) -> Point<Thresholds> {
        let price = Price { quality: quality.into(), cost: cost.into() };
        let [first, second, third] = self.chain.map(|tier| &*self.table.tiers[tier].quality);
        let cost = |tier: usize, row: usize| self.costs[tier][row].cast_signed();
        let nano = |quality: Quality| i64::from(quality.nano());
        let mut tree = Tree::new(self.leaves, price);
        let mut at = Pair { quality: 0, cost: 0, accepted: 0, prefix: 0 };
        for row in 0..self.table.len() {
            at.quality += nano(third[row]);
            at.cost += cost(0, row) + cost(1, row) + cost(2, row);
            if self.leaf[row] != u32::MAX {
                tree.put(self.leaf[row], nano(second[row]) - nano(third[row]), cost(2, row));
            }
        }
        tree.build();
        let mut best = tree.best(at);
        let mut joined = self.first.joined();
        for row in self.first.readable().iter().map(|row| *row as usize) {
            at.accepted += 1;
            at.quality += nano(first[row]) - nano(third[row]);
            at.cost -= cost(1, row) + cost(2, row);
            if self.leaf[row] != u32::MAX {
                tree.put(self.leaf[row], nano(third[row]) - nano(second[row]), -cost(2, row));
                tree.update(self.leaf[row]);
            }
            if joined.first().is_some_and(|place| *place as usize == at.accepted) {
                // No cut parts this row from the next one.
                joined = &joined[1..];
            } else {
                let found = tree.best(at);
                best = if found.0 > best.0 { found } else { best };
            }
        }
        self.point(&best.1)
    }

    fn point(&self, pair: &Pair) -> Point<Thresholds> {
        let first = pair.accepted.checked_sub(1).map(|last| self.first.readable()[last]);
        let second = pair.prefix.checked_sub(1).and_then(|leaf| {
            let rows = self.second.readable();
            let end = rows.partition_point(|row| (self.leaf[*row as usize] as usize) <= leaf);
            rows.get(end.checked_sub(1)?).copied()
        });
        let cuts = vec![cut_at(self.table, self.chain[0], first), cut_at(self.table, self.chain[1], second)];
        let policy = Thresholds::new(self.chain.to_vec(), cuts).expect("checked to ascend");
        Point { cost: pair.cost.unsigned_abs().into(), quality: pair.quality.unsigned_abs(), what: policy }
    }
}

/// Over the distinct cuts of the second gate, from the surest: what accepting its rows adds to "the second gate defers all".
struct Tree {
    /// The root is 1; the children of `n` are `2n` and `2n + 1`.
    nodes: Vec<Node>,
    leaves: usize,
    price: Price,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Quality gained.
    quality: i64,
    /// Cost saved.
    saved: i64,
    /// The largest value of the sums of at least one leaf from the first on.
    best: i128,
}

/// Stands for the best of no leaves.
const NONE: i128 = i128::MIN / 2;

impl Node {
    fn value(self, price: Price) -> i128 {
        price.value(self.quality, -self.saved)
    }
}

impl Tree {
    fn new(leaves: usize, price: Price) -> Self {
        let leaves = leaves.next_power_of_two();
        Self { nodes: vec![Node { quality: 0, saved: 0, best: NONE }; 2 * leaves], leaves, price }
    }

    /// Adds to a leaf; the nodes above are told by [`Tree::build`] or [`Tree::update`].
    fn put(&mut self, leaf: u32, quality: i64, saved: i64) {
        let node = &mut self.nodes[self.leaves + leaf as usize];
        node.quality += quality;
        node.saved += saved;
        node.best = node.value(self.price);
    }

    fn build(&mut self) {
        (1..self.leaves).rev().for_each(|node| self.gather(node));
    }

    fn update(&mut self, leaf: u32) {
        let mut node = self.leaves + leaf as usize;
        while node > 1 {
            node /= 2;
            self.gather(node);
        }
    }

    fn gather(&mut self, node: usize) {
        let (left, right) = (self.nodes[2 * node], self.nodes[2 * node + 1]);
        self.nodes[node] = Node {
            quality: left.quality + right.quality,
            saved: left.saved + right.saved,
            best: left.best.max(left.value(self.price) + right.best),
        };
    }

    /// The pair of the largest value under the first cut of `at`, whose second gate defers all, and that value.
    fn best(&self, at: Pair) -> (i128, Pair) {
        let alone = self.price.value(at.quality, at.cost);
        let value = alone.max(alone.saturating_add(self.nodes[1].best));
        (value, if value > alone { self.descend(at, value - alone) } else { at })
    }

    /// The shortest prefix whose value is `gain`, which the root must have as its best.
    fn descend(&self, mut at: Pair, mut gain: i128) -> Pair {
        let mut node = 1;
        while node < self.leaves {
            node *= 2;
            let left = self.nodes[node];
            if left.best < gain {
                gain -= left.value(self.price);
                at = passed(at, left);
                node += 1;
            }
        }
        let mut pair = passed(at, self.nodes[node]);
        pair.prefix = node - self.leaves + 1;
        pair
    }
}

/// Once the second gate accepts all rows of a node as well.
fn passed(at: Pair, node: Node) -> Pair {
    Pair { quality: at.quality + node.quality, cost: at.cost - node.saved, ..at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::grid::axis;
    use crate::sweep::test_tables::{rows, table};
    use proptest::prelude::*;

    /// (cost, quality) of every pair of cuts.
    fn brute(table: &Table<'_>) -> Vec<(u128, u64)> {
        let cuts = |tier| axis(table, tier, usize::MAX);
        let sums = |a, b| {
            let tally = Thresholds::new(vec![0, 1, 2], vec![a, b]).unwrap().tally(table);
            (tally.cost.unwrap(), tally.quality)
        };
        cuts(0).into_iter().flat_map(|a| cuts(1).into_iter().map(move |b| sums(a, b))).collect()
    }

    proptest! {
        #[test]
        fn every_price_has_the_optimum_of_all_pairs(rows in rows(3, 0..25), quality in 0..9_u32, cost in 0..1_000_000_000_u32) {
            let table = table(3, &rows);
            let value = |(spent, right): (u128, u64)| i128::from(quality) * i128::from(right) - i128::from(cost) * spent.cast_signed();
            let best = brute(&table).into_iter().map(value).max();
            let found = Triple::new(&table, [0, 1, 2]).unwrap().trade(quality, cost);
            let tally = found.what.tally(&table);
            prop_assert_eq!((tally.cost, tally.quality), (Some(found.cost), found.quality));
            prop_assert_eq!(Some(value((found.cost, found.quality))), best);
        }
    }
}

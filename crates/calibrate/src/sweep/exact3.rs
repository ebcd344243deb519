//! The best cuts of a three-tier policy among all pairs of cuts, without trying all of them.
//!
//! For a fixed price of quality the best second cut under every first cut is the largest prefix sum of a segment tree over the second
//! gate's order, from which rows leave as the first gate accepts them: O(N log N) for all N² pairs. An optimum under a limit lies
//! on or below the line between two such policies; only pairs of cuts between that line and the best policy known are tried.

use super::grid::GridError;
use super::order::{Order, cut_at};
use crate::policy::Policy;
use crate::quality::Quality;
use crate::table::Table;

/// All three-tier policies over three tiers of a table.
#[derive(Clone, Debug)]
pub struct Triple<'t> {
    table: &'t Table<'t>,
    chain: [usize; 3],
    first: Order,
    second: Order,
    /// By row: its place among the second gate's distinct cuts; `u32::MAX` where that gate abstains.
    leaf: Vec<u32>,
    /// How many distinct cuts the second gate has beside "defer all".
    leaves: usize,
}

/// A best policy, and what it does on the rows of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimum {
    /// Its cuts.
    pub policy: Policy,
    /// Σ quality in billionths.
    pub quality: u64,
    /// Σ cost in pico-USD.
    pub cost: u128,
    /// Whether no other pair of cuts is better. Where too many pairs lie below the line for all to be tried, the policy is
    /// the best one found.
    pub exact: bool,
}

/// How many pairs of cuts are tried at most before the best one found is given: about a second's work.
const TRIED: u64 = 1 << 26;

/// How often the price of quality is changed at most.
const PRICES: usize = 64;

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

#[derive(Clone, Copy, Debug)]
enum Limit {
    /// At least so much quality, as cheaply as can be.
    Quality(i64),
    /// At most so much cost, as well as can be.
    Cost(i64),
}

impl Limit {
    fn holds(self, pair: &Pair) -> bool {
        match self {
            Self::Quality(least) => pair.quality >= least,
            Self::Cost(most) => pair.cost <= most,
        }
    }

    /// Ascends from the best: then fewest rows accepted by the first gate, then by the second.
    fn rank(self, pair: &Pair) -> (i64, i64, usize, usize) {
        match self {
            Self::Quality(_) => (pair.cost, -pair.quality, pair.accepted, pair.prefix),
            Self::Cost(_) => (-pair.quality, pair.cost, pair.accepted, pair.prefix),
        }
    }

    /// What a pair is worth at least at a price if it holds the limit and is as good as `best`.
    fn floor(self, price: Price, best: &Pair) -> i128 {
        match self {
            Self::Quality(least) => price.value(least, best.cost),
            Self::Cost(most) => price.value(best.quality, most),
        }
    }
}

impl<'t> Triple<'t> {
    /// Orders the rows by both gates of three tiers, ascending.
    ///
    /// # Panics
    /// If the tiers do not ascend.
    pub fn new(table: &'t Table<'t>, chain: [usize; 3]) -> Result<Self, GridError> {
        assert!(chain[0] < chain[1] && chain[1] < chain[2], "a chain ascends");
        let mut total = 0_u128;
        for tier in chain.map(|tier| &table.tiers[tier]) {
            let cost = tier.cost.as_deref().ok_or_else(|| GridError::NoCost(tier.name.to_string()))?;
            total += cost.iter().map(|cost| u128::from(*cost)).sum::<u128>();
        }
        if i64::try_from(total).is_err() {
            return Err(GridError::Cost);
        }
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
        Ok(Self { table, chain, first, second, leaf, leaves: leaves as usize })
    }

    /// The policy with the largest `quality` · Σ quality − `cost` · Σ cost, in billionths and pico-USD; of equal ones that whose
    /// first gate accepts least.
    pub fn trade(&self, quality: u32, cost: u32) -> Optimum {
        self.optimum(&self.best(Price { quality: quality.into(), cost: cost.into() }), true)
    }

    /// The cheapest policy of at least so much quality, in billionths over all rows; of equal ones the best. `None` where no
    /// policy reaches it.
    pub fn cheapest(&self, quality: u64) -> Option<Optimum> {
        self.under(Limit::Quality(i64::try_from(quality).ok()?))
    }

    /// The best policy that costs at most so much, in pico-USD over all rows; of equal ones the cheapest. `None` where every
    /// policy costs more.
    pub fn best_within(&self, cost: u128) -> Option<Optimum> {
        self.under(Limit::Cost(i64::try_from(cost).unwrap_or(i64::MAX)))
    }

    fn under(&self, limit: Limit) -> Option<Optimum> {
        // One unit of what comes first outweighs all there is of the other.
        let (all_quality, all_cost) = (self.table.len() as i128 * i128::from(Quality::RIGHT.nano()) + 1, i128::from(i64::MAX));
        let mut dear = self.best(Price { quality: all_cost, cost: 1 });
        let mut cheap = self.best(Price { quality: 1, cost: all_quality });
        let (mut best, ideal) = match limit {
            Limit::Quality(_) => (dear, cheap),
            Limit::Cost(_) => (cheap, dear),
        };
        if !limit.holds(&best) {
            return None;
        }
        if limit.holds(&ideal) {
            return Some(self.optimum(&ideal, true));
        }
        let mut price = Price { quality: 1, cost: 0 };
        for _ in 0..PRICES {
            price = Price { quality: i128::from(dear.cost - cheap.cost), cost: i128::from(dear.quality - cheap.quality) };
            let found = self.best(price);
            if price.value(found.quality, found.cost) == price.value(dear.quality, dear.cost) {
                break;
            }
            if limit.holds(&found) && limit.rank(&found) < limit.rank(&best) {
                best = found;
            }
            let high = match limit {
                Limit::Quality(_) => limit.holds(&found),
                Limit::Cost(_) => !limit.holds(&found),
            };
            if high {
                dear = found;
            } else {
                cheap = found;
            }
        }
        let exact = self.try_below(limit, price, &mut best);
        Some(self.optimum(&best, exact))
    }

    /// Tries all pairs that may be as good as the best one known; `false` where they are too many.
    fn try_below(&self, limit: Limit, price: Price, best: &mut Pair) -> bool {
        let mut tried = 0;
        self.sweep(price, |tree, at| {
            if tried >= TRIED {
                return;
            }
            let mut offer = |pair: Pair| {
                if limit.holds(&pair) && limit.rank(&pair) < limit.rank(best) {
                    *best = pair;
                }
                tried += 1;
                limit.floor(price, best)
            };
            let mut floor = offer(at);
            tree.visit(1, &mut at.clone(), price, &mut floor, &mut offer);
        });
        tried < TRIED
    }

    /// The pair of the largest value at a price.
    fn best(&self, price: Price) -> Pair {
        let mut best: Option<(i128, Pair)> = None;
        self.sweep(price, |tree, at| {
            let alone = price.value(at.quality, at.cost);
            let value = alone.max(alone.saturating_add(tree.nodes[1].best));
            if best.is_none_or(|(known, _)| value > known) {
                best = Some((value, if value > alone { tree.descend(at, value - alone, price) } else { at }));
            }
        });
        best.expect("\"defer all\" is always visited").1
    }

    /// Visits every cut of the first gate with the tree of the rows that pass it, and the pair whose second gate defers all.
    fn sweep(&self, price: Price, mut visit: impl FnMut(&Tree, Pair)) {
        let [first, second, third] = self.chain.map(|tier| &self.table.tiers[tier]);
        let cost =
            |tier: usize, row: usize| self.table.tiers[self.chain[tier]].cost.as_ref().map_or(0, |cost| cost[row].cast_signed());
        let nano = |quality: Quality| i64::from(quality.nano());
        let mut tree = Tree::new(self.leaves, price);
        let mut at = Pair { quality: 0, cost: 0, accepted: 0, prefix: 0 };
        for row in 0..self.table.len() {
            at.quality += nano(third.quality[row]);
            at.cost += cost(0, row) + cost(1, row) + cost(2, row);
            if self.leaf[row] != u32::MAX {
                tree.put(self.leaf[row], nano(second.quality[row]) - nano(third.quality[row]), cost(2, row));
            }
        }
        tree.build();
        let mut joined = self.first.joined();
        let rows = self.first.readable();
        loop {
            visit(&tree, at);
            loop {
                let Some(row) = rows.get(at.accepted).map(|row| *row as usize) else { return };
                at.accepted += 1;
                at.quality += nano(first.quality[row]) - nano(third.quality[row]);
                at.cost -= cost(1, row) + cost(2, row);
                if self.leaf[row] != u32::MAX {
                    tree.put(self.leaf[row], nano(third.quality[row]) - nano(second.quality[row]), -cost(2, row));
                    tree.update(self.leaf[row]);
                }
                if joined.first().is_none_or(|place| *place as usize != at.accepted) {
                    break;
                }
                joined = &joined[1..];
            }
        }
    }

    fn optimum(&self, pair: &Pair, exact: bool) -> Optimum {
        let first = pair.accepted.checked_sub(1).map(|last| self.first.readable()[last]);
        let second = pair.prefix.checked_sub(1).and_then(|leaf| {
            let rows = self.second.readable();
            let end = rows.partition_point(|row| (self.leaf[*row as usize] as usize) <= leaf);
            rows.get(end.checked_sub(1)?).copied()
        });
        let cuts = vec![cut_at(self.table, self.chain[0], first), cut_at(self.table, self.chain[1], second)];
        let policy = Policy::new(self.chain.to_vec(), cuts).expect("checked to ascend");
        Optimum { policy, quality: pair.quality.unsigned_abs(), cost: pair.cost.unsigned_abs().into(), exact }
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

    /// The shortest prefix whose value is `gain`, which the root must have as its best.
    fn descend(&self, mut at: Pair, mut gain: i128, price: Price) -> Pair {
        let mut node = 1;
        while node < self.leaves {
            node *= 2;
            let left = self.nodes[node];
            if left.best < gain {
                gain -= left.value(price);
                at = passed(at, left);
                node += 1;
            }
        }
        let mut pair = passed(at, self.nodes[node]);
        pair.prefix = node - self.leaves + 1;
        pair
    }

    /// Offers every prefix that ends in `node` and whose value is at least the floor, which the offer gives anew.
    fn visit(&self, node: usize, at: &mut Pair, price: Price, floor: &mut i128, offer: &mut impl FnMut(Pair) -> i128) {
        let inside = self.nodes[node];
        let reach = price.value(at.quality, at.cost).saturating_add(inside.best);
        if inside.best == NONE || reach < *floor {
            *at = passed(*at, inside);
        } else if node >= self.leaves {
            *at = passed(*at, inside);
            *floor = offer(Pair { prefix: node - self.leaves + 1, ..*at });
        } else {
            self.visit(2 * node, at, price, floor, offer);
            self.visit(2 * node + 1, at, price, floor, offer);
        }
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
            let tally = Policy::new(vec![0, 1, 2], vec![a, b]).unwrap().tally(table);
            (tally.cost.unwrap(), tally.quality)
        };
        cuts(0).into_iter().flat_map(|a| cuts(1).into_iter().map(move |b| sums(a, b))).collect()
    }

    fn told(table: &Table<'_>, optimum: &Optimum) -> (u128, u64) {
        let tally = optimum.policy.tally(table);
        assert_eq!((tally.cost, tally.quality), (Some(optimum.cost), optimum.quality));
        assert!(optimum.exact);
        (optimum.cost, optimum.quality)
    }

    proptest! {
        #[test]
        fn every_limit_has_the_optimum_of_all_pairs(rows in rows(3, 0..25), share in 0.0..1.1_f64) {
            let table = table(3, &rows);
            let (all, triple) = (brute(&table), Triple::new(&table, [0, 1, 2]).unwrap());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive limit")]
            let part = |whole: f64| (share * whole) as u64;
            let least = part(rows.len() as f64 * 1e9);
            let cheapest = all.iter().filter(|p| p.1 >= least).min_by_key(|p| (p.0, std::cmp::Reverse(p.1)));
            prop_assert_eq!(triple.cheapest(least).map(|o| told(&table, &o)), cheapest.copied());
            let most = u128::from(part(rows.len() as f64 * 115.0));
            let within = all.iter().filter(|p| p.0 <= most).max_by_key(|p| (p.1, std::cmp::Reverse(p.0)));
            prop_assert_eq!(triple.best_within(most).map(|o| told(&table, &o)), within.copied());
        }

        #[test]
        fn every_price_has_the_optimum_of_all_pairs(rows in rows(3, 0..25), quality in 0..9_u32, cost in 0..1_000_000_000_u32) {
            let table = table(3, &rows);
            let value = |(spent, right): (u128, u64)| i128::from(quality) * i128::from(right) - i128::from(cost) * spent.cast_signed();
            let best = brute(&table).into_iter().map(value).max();
            let found = Triple::new(&table, [0, 1, 2]).unwrap().trade(quality, cost);
            prop_assert_eq!(Some(value(told(&table, &found))), best);
        }
    }
}

//! A population that is wholly known, samples of it, and what any pair's cut is worth on it.

use std::borrow::Cow;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tierfall_calibrate::observations::Basis;
use tierfall_calibrate::policy::Thresholds;
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::sweep::pair::PairSweep;
use tierfall_calibrate::table::{Column, Table};
use tierfall_core::number::{Score, Threshold, Tie};

/// Mean quality and cost a query; cost in units of asking the last tier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Worth {
    pub(crate) quality: f64,
    pub(crate) cost: f64,
}

/// Everything there is.
pub(crate) struct Truth {
    pub(crate) name: String,
    pub(crate) table: Table<'static>,
    pairs: Vec<Pair>,
    pub(crate) last: Worth,
}

/// The worth of a pair's cuts, by how many items they accept.
struct Pair {
    tiers: [usize; 2],
    order: Vec<(Score, Tie)>,
    worth: Vec<Worth>,
}

impl Truth {
    pub(crate) fn new(name: String, table: Table<'static>) -> Self {
        let last = measured(&table, &Thresholds::always(table.last()), None);
        let pair = |tiers: [usize; 2]| {
            let sweep = PairSweep::new(&table, tiers[0], tiers[1]);
            let values = table.tiers[tiers[0]].values.as_deref().unwrap_or(&[]);
            let key = |row: &u32| {
                let (value, tie) = (Score::new(values[*row as usize]), Tie::try_from(table.ties[*row as usize]));
                value.zip(tie.ok())
            };
            let order: Vec<(Score, Tie)> = sweep.order().readable().iter().filter_map(key).collect();
            let empty = Worth { quality: f64::NAN, cost: f64::NAN };
            let mut worth = vec![empty; order.len() + 1];
            let (n, full) = (table.len() as f64, last.cost);
            for sums in sweep.walk() {
                worth[usize::try_from(sums.accepted).unwrap_or(0)] =
                    Worth { quality: sums.quality as f64 / 1e9 / n, cost: sums.cost.unwrap_or(0) as f64 / n / full };
            }
            Pair { tiers, order, worth }
        };
        let ascending = (0..table.last()).flat_map(|first| (first + 1..table.tiers.len()).map(move |second| [first, second]));
        let pairs = ascending.map(pair).collect();
        Self { name, last: Worth { cost: 1.0, ..last }, pairs, table }
    }

    /// The worth of a policy on the whole population.
    pub(crate) fn of(&self, policy: &Thresholds) -> Worth {
        if let [Threshold::AcceptFrom { score, tie }] = policy.cuts()
            && let Some(pair) = self.pairs.iter().find(|pair| policy.tiers() == pair.tiers)
        {
            return pair.worth[pair.order.partition_point(|key| *key >= (*score, *tie))];
        }
        if policy.tiers() == [self.table.last()] {
            return self.last;
        }
        let full = measured(&self.table, &Thresholds::always(self.table.last()), None).cost;
        measured(&self.table, policy, Some(full))
    }

    /// The cheapest cut of any pair, whether it ends at the last tier or before, that really keeps the quality: what one would
    /// choose who knew all.
    pub(crate) fn oracle(&self, quality: f64) -> Worth {
        let kept = self.pairs.iter().flat_map(|pair| &pair.worth).filter(|worth| worth.quality >= quality);
        kept.copied().fold(self.last, |best, worth| if worth.cost < best.cost { worth } else { best })
    }

    /// Places of items drawn with replacement.
    pub(crate) fn rows(&self, n: usize, seed: u64) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..n).map(|_| rng.random_range(0..self.table.len())).collect()
    }
}

fn measured(table: &Table<'_>, policy: &Thresholds, full: Option<f64>) -> Worth {
    let tally = policy.tally(table);
    let cost = tally.cost.unwrap_or(0) as f64 / tally.n as f64;
    Worth { quality: tally.accuracy(), cost: full.map_or(cost, |full| cost / full) }
}

/// Some rows of a table.
pub(crate) fn pick(table: &Table<'_>, rows: &[usize]) -> Table<'static> {
    fn of<T: Copy>(column: &[T], rows: &[usize]) -> Cow<'static, [T]> {
        rows.iter().map(|row| column[*row]).collect()
    }
    let column = |tier: &Column<'_>| Column {
        name: tier.name.clone(),
        values: tier.values.as_deref().map(|values| of(values, rows)),
        partial: None,
        quality: of(&tier.quality, rows),
        cost: tier.cost.as_deref().map(|cost| of(cost, rows)),
        latency: None,
    };
    Table { tiers: table.tiers.iter().map(column).collect(), ties: of(&table.ties, rows), weights: None, basis: Basis::default() }
}

/// A table of right and wrong answers whose tiers cost the same on every row.
pub(crate) fn binary(scores: Vec<Vec<f64>>, right: &[Vec<bool>], costs: &[u64], ties: Vec<f64>) -> Table<'static> {
    let n = ties.len();
    let mut scores = scores.into_iter();
    let column = |(ix, right): (usize, &Vec<bool>)| Column {
        name: format!("tier-{ix}").into(),
        values: scores.next().map(Cow::Owned),
        partial: None,
        quality: right.iter().map(|right| if *right { Quality::RIGHT } else { Quality::WRONG }).collect(),
        cost: Some(Cow::Owned(vec![costs[ix]; n])),
        latency: None,
    };
    Table {
        tiers: right.iter().enumerate().map(column).collect(),
        ties: Cow::Owned(ties),
        weights: None,
        basis: Basis::default(),
    }
}

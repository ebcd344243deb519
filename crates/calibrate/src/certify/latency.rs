//! A limit on how many requests may take long, certified beside the target.

use super::descent::Descent;
use super::rows;
use crate::ask::LatencyLimit;
use crate::stat::{betting, binomial};
use crate::table::Table;

/// The part of the error that a latency limit gets; the target gets the rest.
pub(crate) const SHARE: f64 = 0.2;

/// Whether requests take longer than the limit. Latencies of all calls of a request are added.
#[derive(Clone, Debug)]
pub(crate) struct Slow<'t> {
    table: &'t Table<'t>,
    limit: LatencyLimit,
    columns: Vec<&'t [u32]>,
    /// Rows in the order of betting, where they have weights.
    order: Vec<u32>,
}

impl<'t> Slow<'t> {
    /// `None` where the latency of any tier is unknown.
    pub(crate) fn new(table: &'t Table<'t>, limit: LatencyLimit, seed: u64) -> Option<Self> {
        let columns = table.tiers.iter().map(|tier| tier.latency.as_deref()).collect::<Option<_>>()?;
        let order = if table.weights.is_some() { rows::shuffled(table, seed) } else { Vec::new() };
        Some(Self { table, limit, columns, order })
    }

    fn slow(&self, row: usize, tiers: &[usize]) -> bool {
        tiers.iter().map(|tier| f64::from(self.columns[*tier][row])).sum::<f64>() > self.limit.over_ms * 1e3
    }

    /// Whether "more than the allowed share is slow" is rejected at a level.
    fn certifies(&self, slow: &[bool], count: u64, level: f64) -> bool {
        let Some(weights) = &self.table.weights else {
            return binomial::cdf(count, slow.len() as u64, self.limit.share) <= level;
        };
        let Some(heaviest) = weights.heaviest else { return false };
        let excess = |row: &u32| {
            let row = *row as usize;
            weights[row] * (f64::from(u8::from(slow[row])) - self.limit.share) / heaviest
        };
        // A file may be sorted by anything, and bets are only fair in an order that knows nothing of the rows.
        let excess: Vec<f64> = self.order.iter().map(excess).collect();
        betting::difference(&excess, 0.0, level).rejects(level)
    }

    /// Whether a policy is certified at a level, by the tiers that it asks for a row.
    pub(crate) fn holds_for<'p>(&self, asked: impl Fn(usize) -> &'p [usize], level: f64) -> bool {
        let slow: Vec<bool> = (0..self.table.len()).map(|row| self.slow(row, asked(row))).collect();
        let count = slow.iter().filter(|slow| **slow).count() as u64;
        self.certifies(&slow, count, level)
    }

    /// The first cut of a pair from which on downward all are certified at once: a walk from the lowest cut upward, since
    /// deferring more is slower.
    pub(crate) fn certified_from(&self, descent: &Descent<'_>, level: f64) -> usize {
        let (tier, last) = (descent.tier(), self.table.last());
        let mut accepted = descent.accepted(descent.len() - 1).len();
        let order = descent.accepted(descent.len() - 1);
        let mut slow: Vec<bool> = (0..self.table.len()).map(|row| self.slow(row, &[tier, last])).collect();
        for row in order {
            slow[*row as usize] = self.slow(*row as usize, &[tier]);
        }
        let mut count = slow.iter().filter(|slow| **slow).count() as u64;
        for at in (0..descent.len()).rev() {
            let n = descent.accepted(at).len();
            for row in &order[n..accepted] {
                let row = *row as usize;
                let now = self.slow(row, &[tier, last]);
                count = count + u64::from(now) - u64::from(slow[row]);
                slow[row] = now;
            }
            accepted = n;
            if !self.certifies(&slow, count, level) {
                return at + 1;
            }
        }
        0
    }
}

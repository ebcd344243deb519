//! A sub-chain with its cuts, and what it does to a table.

use tierfall_core::number::{Score, Threshold, Tie};

use crate::table::Table;

/// Which tiers are asked and where their gates cut; exactly what the engine does with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    tiers: Vec<usize>,
    cuts: Vec<Threshold>,
}

/// Tiers that are not ascending, or another number of cuts than gated tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a policy needs at least one tier, its tiers in ascending order and one cut for every tier but its last")]
pub struct NoPolicy;

impl Thresholds {
    /// Places of tiers in the declared chain, ascending and at least one, and a cut for each but the last.
    pub fn new(tiers: Vec<usize>, cuts: Vec<Threshold>) -> Result<Self, NoPolicy> {
        let ascending = tiers.windows(2).all(|pair| pair[0] < pair[1]);
        if tiers.len() == cuts.len() + 1 && ascending { Ok(Self { tiers, cuts }) } else { Err(NoPolicy) }
    }

    /// One tier answers everything.
    pub fn always(tier: usize) -> Self {
        Self { tiers: vec![tier], cuts: Vec::new() }
    }

    /// Two tiers.
    pub fn pair(first: usize, last: usize, cut: Threshold) -> Result<Self, NoPolicy> {
        Self::new(vec![first, last], vec![cut])
    }

    /// The tiers in force.
    pub fn tiers(&self) -> &[usize] {
        &self.tiers
    }

    /// Those of them that have a gate: all but the last.
    pub(crate) fn gated(&self) -> &[usize] {
        &self.tiers[..self.cuts.len()]
    }

    /// Their cuts.
    pub fn cuts(&self) -> &[Threshold] {
        &self.cuts
    }

    /// The place in [`Thresholds::tiers`] of the tier that answers a row.
    pub fn exit(&self, table: &Table<'_>, row: usize) -> usize {
        let accepts = |(tier, cut): (&usize, &Threshold)| {
            let value = table.tiers[*tier].values.as_ref().and_then(|values| Score::new(values[row]));
            value.is_some_and(|value| cut.accepts(value, Tie::try_from(table.ties[row]).unwrap_or_else(|_| Tie::zero())))
        };
        self.tiers.iter().zip(&self.cuts).position(accepts).unwrap_or(self.cuts.len())
    }

    /// The tiers that are asked for a row; the last of them answers.
    pub(crate) fn asked(&self, table: &Table<'_>, row: usize) -> &[usize] {
        &self.tiers[..=self.exit(table, row)]
    }

    /// The tier that answers a row.
    pub(crate) fn answers(&self, table: &Table<'_>, row: usize) -> usize {
        self.tiers[self.exit(table, row)]
    }

    /// What the policy does on every row; weights are not applied.
    pub fn tally(&self, table: &Table<'_>) -> Tally {
        let k = self.tiers.len();
        let mut tally = Tally { n: table.len() as u64, reached: vec![0; k], accepted: vec![0; k], ..Tally::default() };
        let last = &table.tiers[table.last()].quality;
        let costs: Option<Vec<&[u64]>> = self.tiers.iter().map(|tier| table.tiers[*tier].cost.as_deref()).collect();
        let mut cost = 0;
        for row in 0..table.len() {
            let exit = self.exit(table, row);
            let (quality, reference) = (table.tiers[self.tiers[exit]].quality[row].nano(), last[row].nano());
            tally.quality += u64::from(quality);
            tally.quality_last += u64::from(reference);
            tally.minus += u64::from(quality < reference);
            tally.plus += u64::from(quality > reference);
            tally.accepted[exit] += 1;
            for (place, reached) in tally.reached[..=exit].iter_mut().enumerate() {
                *reached += 1;
                cost += costs.as_ref().map_or(0, |costs| u128::from(costs[place][row]));
            }
        }
        tally.cost = costs.map(|_| cost);
        tally
    }
}

/// Exact sums over the rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows.
    pub n: u64,
    /// Σ quality of the answers, in billionths.
    pub quality: u64,
    /// Σ quality of the last declared tier, in billionths.
    pub quality_last: u64,
    /// Rows where the last declared tier would have been better.
    pub minus: u64,
    /// Rows where it would have been worse.
    pub plus: u64,
    /// Σ cost in pico-USD, rejected answers included; `None` = unknown.
    pub cost: Option<u128>,
    /// Rows that reach each tier of the policy.
    pub reached: Vec<u64>,
    /// Rows that each tier of the policy answers.
    pub accepted: Vec<u64>,
}

impl Tally {
    /// Mean quality.
    pub fn accuracy(&self) -> f64 {
        self.quality as f64 / 1e9 / self.n as f64
    }

    /// Mean quality of the last declared tier, less that of the policy; above 0 = the policy is worse.
    pub fn loss_vs_last(&self) -> f64 {
        (self.quality_last as f64 - self.quality as f64) / 1e9 / self.n as f64
    }

    /// Mean cost a query in USD.
    pub fn cost_usd(&self) -> Option<f64> {
        self.cost.map(|pico| pico as f64 / 1e12 / self.n as f64)
    }
}

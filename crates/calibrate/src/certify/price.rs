//! What a policy costs on the rows, for choosing among those that are certified: any rule may choose, since all hold at once.

use crate::policy::Thresholds;
use crate::table::Table;

/// Prices policies on the rows of a table: by their cost where that of every tier is known and not 0, by requests to the last tier where not: that
/// all are free tells none from another.
#[derive(Clone, Debug)]
pub(crate) struct Prices<'t> {
    table: &'t Table<'t>,
    known: bool,
}

impl<'t> Prices<'t> {
    pub(crate) fn new(table: &'t Table<'t>) -> Self {
        let free = || table.tiers.iter().all(|tier| tier.total_cost() == Some(0));
        Self { table, known: table.costs_known() && !free() }
    }

    /// By their cost even where all are free; `None` where some is not known.
    pub(crate) fn money(table: &'t Table<'t>) -> Option<Self> {
        table.costs_known().then_some(Self { table, known: true })
    }

    /// Whether prices are money.
    pub(crate) fn known(&self) -> bool {
        self.known
    }

    /// Of asking a tier for a row; weights are not applied.
    pub(crate) fn at(&self, row: usize, tier: usize) -> u64 {
        match &self.table.tiers[tier].cost {
            Some(cost) if self.known => cost[row],
            _ => u64::from(tier == self.table.last()),
        }
    }

    /// Of asking a tier for every row; weights are not applied.
    pub(crate) fn total(&self, tier: usize) -> u128 {
        (0..self.table.len()).map(|row| u128::from(self.at(row, tier))).sum()
    }

    fn of_row(&self, row: usize, tiers: &[usize]) -> f64 {
        self.table.weight(row) * tiers.iter().map(|tier| self.at(row, *tier) as f64).sum::<f64>()
    }

    /// Summed over the rows, in their order, by the tiers that are asked for a row.
    pub(crate) fn of_rows<'p>(&self, asked: impl Fn(usize) -> &'p [usize]) -> f64 {
        (0..self.table.len()).map(|row| self.of_row(row, asked(row))).sum()
    }

    /// Of a policy.
    pub(crate) fn of(&self, policy: &Thresholds) -> f64 {
        self.of_rows(|row| policy.asked(self.table, row))
    }

    /// The cheapest; of equal ones the first with the fewest tiers.
    pub(crate) fn cheapest(&self, policies: impl IntoIterator<Item = Thresholds>) -> Option<Thresholds> {
        let priced = policies.into_iter().map(|policy| (self.of(&policy), policy.tiers().len(), policy));
        priced.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, _, policy)| policy)
    }
}

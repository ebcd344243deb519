//! The cuts of a pair, from "defer all" downward: every distinct one, or some that were fixed beforehand.

use tierfall_core::number::{Score, Threshold, Tie};

use crate::policy::Thresholds;
use crate::sweep::pair::PairSweep;
use crate::table::Table;

/// Rows in the order in which a falling cut accepts them. Cut 0 defers all; no cut accepts rows where the gate abstained.
#[derive(Clone, Debug)]
pub(crate) struct Descent<'t> {
    sweep: PairSweep<'t>,
    /// The cuts after "defer all" and how many rows each accepts; `None` = every distinct cut.
    fixed: Option<Vec<(Threshold, usize)>>,
}

impl<'t> Descent<'t> {
    /// Every distinct cut of the pair (`first`, `second`).
    pub(crate) fn every(table: &'t Table<'t>, first: usize, second: usize) -> Self {
        Self { sweep: PairSweep::new(table, first, second), fixed: None }
    }

    /// The given falling cuts alone; they must not come from the labelled rows of `table`.
    pub(crate) fn on(table: &'t Table<'t>, first: usize, second: usize, cuts: &[Threshold]) -> Self {
        let sweep = PairSweep::new(table, first, second);
        let rows = sweep.order().readable();
        let values = table.tiers[first].values.as_deref().unwrap_or(&[]);
        let accepts = |cut: Threshold, row: u32| {
            let tie = Tie::try_from(table.ties[row as usize]).unwrap_or_else(|_| Tie::zero());
            Score::new(values[row as usize]).is_some_and(|value| cut.accepts(value, tie))
        };
        let fixed = cuts.iter().map(|cut| (*cut, rows.partition_point(|row| accepts(*cut, *row)))).collect();
        Self { sweep, fixed: Some(fixed) }
    }

    /// The gated tier.
    pub(crate) fn tier(&self) -> usize {
        self.sweep.tiers().0
    }

    /// The tier that answers what the gate defers.
    pub(crate) fn second(&self) -> usize {
        self.sweep.tiers().1
    }

    /// Every distinct cut with sums that are made while one walks; `None` where the cuts are fixed ones.
    pub(crate) fn sweep(&self) -> Option<&PairSweep<'t>> {
        self.fixed.is_none().then_some(&self.sweep)
    }

    /// How many cuts there are, "defer all" included.
    pub(crate) fn len(&self) -> usize {
        self.fixed.as_ref().map_or_else(|| self.sweep.positions(), |fixed| fixed.len() + 1)
    }

    /// The cut at a place.
    pub(crate) fn cut(&self, at: usize) -> Threshold {
        match (&self.fixed, at.checked_sub(1)) {
            (_, None) => Threshold::DeferAll,
            (Some(fixed), Some(before)) => fixed[before].0,
            (None, Some(_)) => self.sweep.cut(at),
        }
    }

    /// The policy of the cut at a place; deferring all is the second tier alone.
    pub(crate) fn policy(&self, at: usize) -> Thresholds {
        let (first, second) = self.sweep.tiers();
        match self.cut(at) {
            Threshold::DeferAll => Thresholds::always(second),
            cut @ Threshold::AcceptFrom { .. } => {
                Thresholds::pair(first, second, cut).unwrap_or_else(|_| Thresholds::always(second))
            }
        }
    }

    /// The rows that the cut at a place accepts, surest first.
    pub(crate) fn accepted(&self, at: usize) -> &[u32] {
        let n = match (&self.fixed, at.checked_sub(1)) {
            (_, None) => 0,
            (Some(fixed), Some(before)) => fixed[before].1,
            (None, Some(_)) => self.sweep.accepted(at),
        };
        &self.sweep.order().readable()[..n]
    }

    /// At most `n` cuts at equal shares of these rows, in falling order, the lowest one included.
    pub(crate) fn quantiles(&self, n: usize) -> Vec<Threshold> {
        let (rows, n) = (self.accepted(self.len() - 1).len(), n.max(1));
        let (mut cuts, mut next) = (Vec::with_capacity(n), 1);
        for at in 1..self.len() {
            let share = self.accepted(at).len() * n;
            if share >= next * rows {
                cuts.push(self.cut(at));
                next = share / rows + 1;
            }
        }
        cuts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::sample::table;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cut_accepts_what_the_policy_accepts(rows in proptest::collection::vec((0..5i32, 0..3u8, any::<bool>()), 1..30)) {
            let values: Vec<f64> = rows.iter().map(|(v, _, nan)| if *nan { f64::NAN } else { f64::from(*v) }).collect();
            let ties: Vec<f64> = rows.iter().map(|(_, t, _)| f64::from(*t) / 4.0).collect();
            let right = vec![true; rows.len()];
            let table = table(&[&values], &[&right, &right], &ties);
            let all = Descent::every(&table, 0, 1);
            let some = Descent::on(&table, 0, 1, &all.quantiles(3));
            prop_assert!(some.len() <= 4);
            for descent in [&all, &some] {
                for at in 0..descent.len() {
                    let policy = Thresholds::pair(0, 1, descent.cut(at)).unwrap();
                    let mut accepted: Vec<usize> = descent.accepted(at).iter().map(|row| *row as usize).collect();
                    accepted.sort_unstable();
                    let expected: Vec<usize> = (0..rows.len()).filter(|row| policy.exit(&table, *row) == 0).collect();
                    prop_assert_eq!(accepted, expected);
                }
            }
            prop_assert_eq!(some.accepted(some.len() - 1), all.accepted(all.len() - 1));
        }
    }
}

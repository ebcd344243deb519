//! Answers that nobody has graded. None is ever left out for that: which ones have no grade may depend on what it would be.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Observations;
use crate::ask::Target;
use crate::quality::Quality;

/// Answers without a grade, where every one is needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{answers} answers of tier \"{tier}\" have no grade, and this needs the grade of every answer: grade them, or declare with \
     --ungraded at-random that which ones have none is chance, which leaves their rows out"
)]
pub struct Ungraded {
    /// The first tier that has any.
    pub tier: Arc<str>,
    /// How many it has.
    pub answers: usize,
}

impl Observations {
    /// How many answers of a tier have no grade.
    ///
    /// # Panics
    /// If there is no such tier.
    pub fn ungraded(&self, tier: usize) -> usize {
        self.tiers[tier].ungraded.len()
    }

    /// The rows whose answer has no grade, in order, and whether that answer is known to be the last tier's.
    ///
    /// # Panics
    /// If there is no such tier.
    pub fn ungraded_rows(&self, tier: usize) -> impl ExactSizeIterator<Item = (usize, bool)> + '_ {
        self.tiers[tier].ungraded.iter().map(|(row, as_last)| (*row as usize, *as_last))
    }

    /// An error where any answer has no grade.
    pub fn all_graded(&self) -> Result<(), Ungraded> {
        let first = self.tiers.iter().find(|tier| !tier.ungraded.is_empty());
        first.map_or(Ok(()), |tier| Err(Ungraded { tier: tier.spec.name.clone(), answers: tier.ungraded.len() }))
    }

    /// Rows in which what counts for a target is not known: a grade; or for a loss a difference to the last tier, which answers that are all
    /// the last tier's have none of, whatever they are worth.
    fn assumed_rows(&self, loss: bool) -> usize {
        let mut cells: BTreeMap<u32, usize> = BTreeMap::new();
        for (row, as_last) in self.tiers.iter().flat_map(|tier| &tier.ungraded) {
            *cells.entry(*row).or_default() += usize::from(*as_last);
        }
        cells.values().filter(|as_last| !loss || **as_last < self.tiers.len()).count()
    }

    /// With the grades for the missing ones that are worst for a target: whatever they really are, what holds of these holds.
    ///
    /// Against a limit on the loss to the last tier, the last tier counts as right and the others as wrong, but for answers that are the
    /// last tier's: they lose nothing. Against an accuracy all count as wrong.
    pub(crate) fn at_worst(&self, target: Target) -> Cow<'_, Self> {
        let Some(last) = self.tiers.len().checked_sub(1).filter(|_| self.all_graded().is_err()) else {
            return Cow::Borrowed(self);
        };
        let mut worst = self.clone();
        let loss = matches!(target, Target::MaxLoss(_));
        worst.assumed = Some(self.assumed_rows(loss));
        let most = if loss { Quality::RIGHT } else { Quality::WRONG };
        for (row, _) in std::mem::take(&mut worst.tiers[last].ungraded) {
            worst.tiers[last].quality[row as usize] = most;
        }
        let (tiers, of_last) = worst.tiers.split_at_mut(last);
        for tier in tiers {
            for (row, as_last) in std::mem::take(&mut tier.ungraded) {
                tier.quality[row as usize] = if as_last { of_last[0].quality[row as usize] } else { Quality::WRONG };
            }
        }
        Cow::Owned(worst)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tierfall_core::number::Score;

    use super::*;
    use crate::observations::{Builder, Cell, Row, TierSpec};

    /// Three tiers; of each answer its real grade, whether that is known, and whether the answer is the last tier's.
    type Answers = [(bool, bool, bool); 3];

    fn table(rows: &[Answers], known: impl Fn(bool) -> bool) -> Observations {
        let spec = |name: &str| TierSpec { name: name.into(), signals: Vec::new(), judge: None };
        let mut table = Builder::new(["a", "b", "c"].map(spec).to_vec(), "salt");
        for (at, row) in rows.iter().enumerate() {
            let cell = |(right, graded, as_last): (bool, bool, bool)| {
                let quality = if right { Quality::RIGHT } else { Quality::WRONG };
                Cell { quality: known(graded).then_some(quality), as_last, ..Cell::graded(quality, &[] as &[Option<Score>]) }
            };
            let id = at.to_string();
            let cells = row.map(cell);
            let row = Row { id: &id, segment: None, stratum: None, group: None, weight: None, tiers: &cells };
            table.push(&row).unwrap();
        }
        table.finish()
    }

    proptest! {
        #[test]
        fn nothing_is_worse_than_the_worst(rows in proptest::collection::vec(any::<Answers>(), 1..20)) {
            // Equal answers have equal grades.
            let rows: Vec<Answers> = rows
                .into_iter()
                .map(|row| {
                    let last = row[2].0;
                    row.map(|(right, graded, as_last)| (if as_last { last } else { right }, graded, as_last))
                })
                .collect();
            let (real, seen) = (table(&rows, |_| true), table(&rows, |graded| graded));
            let loss = seen.at_worst(Target::MaxLoss(0.1));
            let accuracy = seen.at_worst(Target::Accuracy(0.9));
            prop_assert!(loss.all_graded().is_ok() && accuracy.all_graded().is_ok());
            for (row, answers) in rows.iter().enumerate() {
                for (tier, (_, graded, as_last)) in answers.iter().enumerate() {
                    let lost = |table: &Observations| {
                        table.quality(2)[row].get() - table.quality(tier)[row].get()
                    };
                    prop_assert!(lost(&loss) >= lost(&real));
                    prop_assert!(accuracy.quality(tier)[row] <= real.quality(tier)[row]);
                    prop_assert!(!*as_last || lost(&loss).abs() < 1e-12);
                    if *graded {
                        prop_assert_eq!(loss.quality(tier)[row], real.quality(tier)[row]);
                        prop_assert_eq!(accuracy.quality(tier)[row], real.quality(tier)[row]);
                    }
                }
            }
            let missing = (0..3).filter(|tier| rows.iter().any(|row| {
                let (_, graded, as_last) = row[*tier];
                let derived = (as_last || *tier == 2) && row.iter().enumerate().any(|(at, (_, graded, as_last))| *graded && (*as_last || at == 2));
                !graded && !derived
            }));
            prop_assert_eq!(seen.all_graded().is_ok(), missing.count() == 0);
        }
    }
}

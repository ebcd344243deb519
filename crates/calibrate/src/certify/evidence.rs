//! What the rows say about a policy, kept so that letting another tier answer a row costs O(1).

use super::ppi::{Humans, Paired};
use super::rows;
use crate::quality::Quality;
use crate::table::Table;

/// What is to be shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// Mean quality at least this.
    Accuracy(f64),
    /// Mean quality at most this much below the last tier's.
    Loss(f64),
}

impl Goal {
    /// The most loss that meets it, where loss is 1 − quality or the difference to the last tier.
    pub(crate) fn limit(self) -> f64 {
        match self {
            Self::Accuracy(accuracy) => 1.0 - accuracy,
            Self::Loss(loss) => loss,
        }
    }

    /// The same goal with another limit on the loss.
    pub(crate) fn with_limit(self, limit: f64) -> Self {
        match self {
            Self::Accuracy(_) => Self::Accuracy(1.0 - limit),
            Self::Loss(_) => Self::Loss(limit),
        }
    }

    /// A bound on the loss in the target's own terms.
    pub(crate) fn terms(self, loss: f64) -> f64 {
        match self {
            Self::Accuracy(_) => 1.0 - loss,
            Self::Loss(_) => loss,
        }
    }
}

/// Everything a test reads of a policy.
#[derive(Clone, Debug)]
pub(crate) enum Evidence {
    /// Grades that are right or wrong, every row counting once.
    Counts(Counts),
    /// One loss a row, in the order of betting.
    Losses(Vec<f64>),
    /// A judge's grades and people's.
    Judged(Box<Paired>),
}

/// Of one policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Rows where the last tier is right and the policy wrong.
    pub(crate) minus: u64,
    /// Rows where the last tier is wrong and the policy right.
    pub(crate) plus: u64,
    /// Rows where the policy is wrong.
    pub(crate) wrong: u64,
}

impl Counts {
    /// Of grades that are right or wrong.
    pub(crate) fn always_last(last: &[Quality]) -> Self {
        Self { wrong: last.iter().filter(|quality| quality.nano() == 0).count() as u64, ..Self::default() }
    }

    /// A grade takes the place of another one.
    pub(crate) fn replace(&mut self, before: Quality, quality: Quality, last: Quality) {
        self.minus = self.minus + u64::from(quality < last) - u64::from(before < last);
        self.plus = self.plus + u64::from(quality > last) - u64::from(before > last);
        self.wrong = self.wrong + u64::from(quality < before) - u64::from(quality > before);
    }
}

/// How evidence is gathered.
#[derive(Clone, Debug)]
pub(crate) enum Gather {
    /// As counts.
    Counts,
    /// As losses; each row's place in the order.
    Losses(Vec<u32>),
    /// With people's grades on a part of the rows.
    Judged(Humans),
}

impl Gather {
    /// Losses in an order fixed by the seed.
    pub(crate) fn losses(table: &Table<'_>, seed: u64) -> Self {
        Self::Losses(rows::places(table, seed))
    }

    /// The evidence on always asking the last tier.
    pub(crate) fn always_last(&self, table: &Table<'_>, goal: Goal) -> Evidence {
        let last = &table.tiers[table.last()].quality;
        match self {
            Self::Counts => Evidence::Counts(Counts::always_last(last)),
            Self::Losses(places) => {
                let mut losses = vec![0.0; places.len()];
                if let Goal::Accuracy(_) = goal {
                    for (place, quality) in places.iter().zip(last.iter()) {
                        losses[*place as usize] = 1.0 - quality.get();
                    }
                }
                Evidence::Losses(losses)
            }
            Self::Judged(humans) => Evidence::Judged(Box::new(humans.always_last(table, goal))),
        }
    }

    /// Lets the second of two tiers answer a row that the first answered before.
    pub(crate) fn replace(
        &self,
        evidence: &mut Evidence,
        table: &Table<'_>,
        goal: Goal,
        row: usize,
        (before, tier): (usize, usize),
    ) {
        let (quality, last) = (table.tiers[tier].quality[row], table.tiers[table.last()].quality[row]);
        match (self, evidence) {
            (Self::Counts, Evidence::Counts(counts)) => {
                counts.replace(table.tiers[before].quality[row], quality, last);
            }
            (Self::Losses(places), Evidence::Losses(losses)) => {
                losses[places[row] as usize] = match goal {
                    Goal::Accuracy(_) => 1.0 - quality.get(),
                    Goal::Loss(_) => (f64::from(last.nano()) - f64::from(quality.nano())) / 1e9,
                };
            }
            (Self::Judged(humans), Evidence::Judged(paired)) => humans.replace(paired, table, goal, row, (before, tier)),
            _ => {}
        }
    }
}

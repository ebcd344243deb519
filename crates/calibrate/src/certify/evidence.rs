//! What the rows say about a policy, kept so that letting another tier answer a row costs O(1).

use super::counts::Counts;
use super::goal::Goal;
use super::ppi::{Humans, Paired};
use super::rows;
use crate::table::Table;

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

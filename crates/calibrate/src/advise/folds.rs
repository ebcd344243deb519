//! Policies chosen without a part of the rows, and what they do on that part.

use std::sync::Arc;

use rayon::prelude::*;

use crate::ask::SignalChoice;
use crate::certify::rows;
use crate::evaluate::{Cuts, Played};
use crate::policy::Thresholds;
use crate::procedure::{FitError, Picked, gates_on, table_under};
use crate::sweep::frontier::frontier;
use crate::table::Table;
use crate::view::{Held, View};

use super::search::{Found, best_at, price, undominated};

/// What a question is answered about: all rows, or those of a segment.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// `None` = all rows.
    pub label: Option<Arc<str>>,
    /// Whether labels are run-time segments, not strata.
    pub by_segment: bool,
}

impl Scope {
    fn holds(&self, view: &View<'_>, row: usize) -> bool {
        self.label.as_ref().is_none_or(|label| view.observations().labels().0.get(row) == Some(label))
    }
}

/// Held-out rows under the policies that were chosen without them.
#[derive(Clone, Debug)]
pub(super) struct Judged<'a> {
    /// Of each sub-chain: the cheapest policy that lost nothing against always-last where it was chosen, else the best trade-off.
    pub chains: Vec<Played<'a>>,
    /// The cheapest such policy of all.
    pub best: Played<'a>,
    /// By scope, then by tier.
    pub worth: Vec<Worth>,
}

/// What tiers are worth in a scope, row by row.
#[derive(Clone, Debug, Default)]
pub(super) struct Worth {
    /// The rows.
    pub rows: Vec<u32>,
    /// A tier: what a row costs more without it, at equal quality, in pico-USD.
    pub more: Vec<Vec<f64>>,
    /// What always-last costs, in pico-USD.
    pub last: Vec<f64>,
    /// The tier that the best policy of each fold asks first.
    pub entry: Vec<usize>,
}

impl Judged<'_> {
    pub(super) fn append(&mut self, other: Self) {
        self.chains.iter_mut().zip(other.chains).for_each(|(all, part)| all.append(part));
        self.best.append(other.best);
        for (all, part) in self.worth.iter_mut().zip(other.worth) {
            all.rows.extend(part.rows);
            all.last.extend(part.last);
            all.entry.extend(part.entry);
            all.more.iter_mut().zip(part.more).for_each(|(all, part)| all.extend(part));
        }
    }
}

/// One fold.
pub(super) fn judge<'a>(
    train: &View<'_>,
    held: &Held<'a>,
    signals: &[SignalChoice],
    chains: &[Vec<usize>],
    scopes: &[Scope],
    seed: u64,
) -> Result<Judged<'a>, FitError> {
    let train = train.one_per_item();
    let gates = gates_on(&train, signals, seed)?;
    let (rows, known) = (held.view(), searched(table_under(&train, &gates)?));
    let table = table_under(rows, &gates)?;
    let play = |found: Option<&Found>| {
        let last = Cuts::of(&Thresholds::always(table.last()), table.tiers.len());
        Played::new(rows, &table, &found.map_or(last, |found| Cuts::of(&found.what, table.tiers.len())))
    };
    let frontiers: Vec<Vec<Found>> = chains.par_iter().map(|chain| undominated(&known, chain)).collect();
    let goal = known.tiers[known.last()].total_quality();
    let all = frontier(frontiers.iter().flatten().cloned().collect());
    let price = price(&known, &all, goal);
    let chosen =
        |frontier: &[Found]| frontier.iter().find(|found| found.quality >= goal).or_else(|| best_at(frontier, price)).cloned();
    let worth = scopes
        .par_iter()
        .map(|scope| {
            let part = rows.filter(|row| scope.holds(rows, row));
            if scope.label.is_none() {
                return worth(&part, &gates, chains, &frontiers, price);
            }
            let inside = train.filter(|row| scope.holds(&train, row));
            let known = searched(table_under(&inside, &gates)?);
            let frontiers: Vec<Vec<Found>> = chains.iter().map(|chain| undominated(&known, chain)).collect();
            worth(&part, &gates, chains, &frontiers, price)
        })
        .collect::<Result<_, _>>()?;
    Ok(Judged {
        chains: frontiers.iter().map(|frontier| play(chosen(frontier).as_ref())).collect(),
        best: play(chosen(&all).as_ref()),
        worth,
    })
}

/// What every tier is worth on held-out rows: the best trade-off at a price for quality, among all sub-chains and among those without it.
fn worth(
    rows: &View<'_>,
    gates: &[Picked],
    chains: &[Vec<usize>],
    frontiers: &[Vec<Found>],
    price: f64,
) -> Result<Worth, FitError> {
    let table = table_under(rows, gates)?.priced();
    let tiers = table.tiers.len();
    let best = |without: Option<usize>| {
        let allowed = chains.iter().zip(frontiers).filter(|(chain, _)| without.is_none_or(|tier| !chain.contains(&tier)));
        let each: Vec<Found> = allowed.filter_map(|(_, frontier)| best_at(frontier, price).cloned()).collect();
        best_at(&frontier(each), price).cloned()
    };
    let net = |found: &Found| -> Vec<f64> {
        let played = Played::new(rows, &table, &Cuts::of(&found.what, tiers));
        let net = |at: usize| {
            let asked = (0..tiers).filter(|tier| played.reached(at, *tier));
            // Those of the table, which stand for unknown ones.
            let cost: u64 = asked.filter_map(|tier| Some(table.tiers[tier].cost.as_ref()?[at])).sum();
            cost as f64 - price * f64::from(played.quality(at))
        };
        (0..rows.len()).map(net).collect()
    };
    let whole = best(None);
    let mut found = Worth {
        rows: rows.rows().map(|row| u32::try_from(row).unwrap_or(u32::MAX)).collect(),
        last: table.tiers[table.last()].cost.as_deref().unwrap_or(&[]).iter().map(|cost| *cost as f64).collect(),
        entry: whole.iter().map(|found| found.what.tiers()[0]).collect(),
        more: Vec::with_capacity(tiers),
    };
    let with = whole.as_ref().map(net);
    for tier in 0..tiers {
        let without = best(Some(tier)).as_ref().map(net);
        found.more.push(match (&with, without) {
            (Some(with), Some(without)) => without.iter().zip(with).map(|(without, with)| without - with).collect(),
            _ => vec![0.0; rows.len()],
        });
    }
    Ok(found)
}

/// The rows that cuts are searched on: a row of weight stands as often as it weighs.
fn searched(table: Table<'_>) -> Table<'_> {
    let table = table.priced();
    match rows::in_proportion(&table) {
        Some(copies) => rows::part(&table, &copies),
        None => table,
    }
}

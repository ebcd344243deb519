//! What threshold searches and tests read: one gate value a gated tier, quality, cost and latency of every tier, by row.

use std::borrow::Cow;
use std::sync::Arc;

use tierfall_core::fusion::GateValue;
use tierfall_core::number::Score;

use crate::observations::{Basis, Condition, TierSpec};
use crate::quality::Quality;
use crate::view::View;

/// The columns of a [`View`] under chosen gate values. Row `i` is the view's `i`-th row; the last tier has no gate value.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    /// Cheapest first.
    pub tiers: Vec<Column<'a>>,
    /// One a row, in [0, 1): orders equal gate values.
    pub ties: Cow<'a, [f64]>,
    /// How many requests a row stands for; `None` = every row counts once.
    pub weights: Option<Weights<'a>>,
    /// What the rows are, as far as a promise has to say it.
    pub basis: Basis,
}

/// 1/sampling probability a row.
#[derive(Clone, Debug)]
pub struct Weights<'a> {
    /// One a row.
    pub rows: Cow<'a, [f64]>,
    /// The greatest that the sampling allows. Where nobody declared it nothing can be promised: what is sampled more seldom may not have
    /// been seen.
    pub heaviest: Option<f64>,
}

impl std::ops::Deref for Weights<'_> {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.rows
    }
}

impl<'a, T: Into<Cow<'a, [f64]>>> From<T> for Weights<'a> {
    /// Nobody declared how heavy a row can be.
    fn from(rows: T) -> Self {
        Self { rows: rows.into(), heaviest: None }
    }
}

/// One tier.
#[derive(Clone, Debug)]
pub struct Column<'a> {
    /// Its name.
    pub name: Arc<str>,
    /// Gate values, NaN where the gate abstained (never accepted); `None` for the last tier, and for one without a gate.
    pub values: Option<Cow<'a, [f64]>>,
    /// Rows in which the gate value is made without some of the signals that it is made of; `None` = no such row.
    pub partial: Option<Cow<'a, [bool]>>,
    /// Grades.
    pub quality: Cow<'a, [Quality]>,
    /// Pico-USD; `None` = unknown.
    pub cost: Option<Cow<'a, [u64]>>,
    /// Microseconds; `None` = unknown.
    pub latency: Option<Cow<'a, [u32]>>,
}

/// A gate value that the observations cannot give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the observations of tier \"{tier}\" have no signal \"{signal}\"; they have {known}")]
pub struct NoSignal {
    /// The tier.
    pub tier: Arc<str>,
    /// The signal that was asked for.
    pub signal: String,
    /// Those that there are, as a list.
    pub known: String,
}

impl NoSignal {
    pub(crate) fn of(tier: &TierSpec, signal: &str) -> Self {
        let known = if tier.signals.is_empty() { "none".to_owned() } else { tier.signals.join(", ") };
        Self { tier: tier.name.clone(), signal: signal.to_owned(), known }
    }
}

impl<'a> Table<'a> {
    /// The columns of a view; `gates` has one entry for every tier but the last.
    ///
    /// # Panics
    /// If there is another number of gates.
    pub fn new(view: &View<'a>, gates: &[GateValue]) -> Result<Self, NoSignal> {
        let gates: Vec<Option<&GateValue>> = gates.iter().map(Some).collect();
        Self::partly_gated(view, &gates)
    }

    /// As [`Table::new`]; a tier without a gate has no gate values, so that it accepts nothing.
    ///
    /// # Panics
    /// If there is another number of gates.
    pub(crate) fn partly_gated(view: &View<'a>, gates: &[Option<&GateValue>]) -> Result<Self, NoSignal> {
        let observations = view.observations();
        assert_eq!(gates.len() + 1, observations.tiers().len(), "one gate for every tier but the last");
        let mut tiers = Vec::with_capacity(gates.len() + 1);
        for (ix, spec) in observations.tiers().enumerate() {
            tiers.push(Column {
                name: spec.name.clone(),
                values: gates.get(ix).copied().flatten().map(|gate| values(view, ix, gate)).transpose()?,
                partial: gates.get(ix).copied().flatten().and_then(|gate| partial(view, ix, gate)),
                quality: pick(view, observations.quality(ix)),
                cost: observations.costs(ix).map(|costs| pick(view, costs)),
                latency: observations.latencies(ix).map(|latencies| pick(view, latencies)),
            });
        }
        let heaviest = observations.heaviest();
        let weights = observations.weights().map(|weights| Weights { rows: pick(view, weights), heaviest });
        Ok(Self { tiers, ties: pick(view, observations.ties()), weights, basis: observations.basis() })
    }

    /// The same table without a copy of its columns.
    pub(crate) fn borrowed(&self) -> Table<'_> {
        Table {
            tiers: self.tiers.iter().map(Column::borrowed).collect(),
            ties: Cow::Borrowed(&self.ties),
            weights: self.weights.as_ref().map(|weights| Weights { rows: Cow::Borrowed(&weights.rows), ..*weights }),
            basis: self.basis.clone(),
        }
    }

    /// With requests to the last tier in the place of costs, where any of these is unknown: 1 for it and 0 for any other.
    pub(crate) fn priced(mut self) -> Self {
        if !self.costs_known() {
            let (rows, last) = (self.len(), self.last());
            for (at, tier) in self.tiers.iter_mut().enumerate() {
                tier.cost = Some(Cow::Owned(vec![u64::from(at == last); rows]));
            }
        }
        self
    }

    /// Whether the costs of all tiers are known.
    pub(crate) fn costs_known(&self) -> bool {
        self.tiers.iter().all(|tier| tier.cost.is_some())
    }

    /// How many requests a row stands for.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.as_deref().map_or(1.0, |weights| weights[row])
    }

    /// What is supposed where one concludes what a policy does that asks these tiers: of what their gates could not read, where what they
    /// read may have been lost, and of rows that are not there.
    pub(crate) fn conditions(&self, asked: &[usize]) -> Vec<Condition> {
        let given = !self.basis.replayed;
        let unread = asked.iter().filter(|_| given).filter_map(|tier| {
            let column = &self.tiers[*tier];
            let values = column.values.as_deref()?;
            let is_partial = |row: usize| column.partial.as_ref().is_some_and(|partial| partial[row]);
            let rows = (0..values.len()).filter(|row| values[*row].is_nan() || is_partial(*row)).count() as u64;
            (rows > 0).then(|| Condition::Unread { tier: column.name.clone(), rows })
        });
        unread.chain(self.basis.conditions.iter().cloned()).collect()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ties.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ties.is_empty()
    }

    /// The last declared tier, which losses and cost ratios refer to.
    pub fn last(&self) -> usize {
        self.tiers.len() - 1
    }

    /// Whether every grade is wholly right or wholly wrong.
    pub(crate) fn is_binary(&self) -> bool {
        self.tiers.iter().all(|tier| tier.quality.iter().all(|quality| quality.is_binary()))
    }
}

impl Column<'_> {
    /// Σ quality in billionths.
    pub(crate) fn total_quality(&self) -> u64 {
        self.quality.iter().map(|quality| u64::from(quality.nano())).sum()
    }

    /// Σ cost in pico-USD; `None` = unknown.
    pub(crate) fn total_cost(&self) -> Option<u128> {
        self.cost.as_ref().map(|costs| costs.iter().map(|cost| u128::from(*cost)).sum())
    }

    fn borrowed(&self) -> Column<'_> {
        Column {
            name: self.name.clone(),
            values: self.values.as_deref().map(Cow::Borrowed),
            partial: self.partial.as_deref().map(Cow::Borrowed),
            quality: Cow::Borrowed(&self.quality),
            cost: self.cost.as_deref().map(Cow::Borrowed),
            latency: self.latency.as_deref().map(Cow::Borrowed),
        }
    }
}

fn pick<'a, T: Copy>(view: &View<'_>, column: &'a [T]) -> Cow<'a, [T]> {
    if view.is_all() { Cow::Borrowed(column) } else { view.rows().map(|row| column[row]).collect() }
}

/// The gate values of a tier, NaN where it abstains.
pub(crate) fn values<'a>(view: &View<'a>, tier: usize, gate: &GateValue) -> Result<Cow<'a, [f64]>, NoSignal> {
    let observations = view.observations();
    let column = |signal: &str| observations.scores(tier, signal).ok_or_else(|| NoSignal::of(observations.spec(tier), signal));
    if let GateValue::Signal { signal, negated: false } = gate {
        return Ok(pick(view, column(signal)?));
    }
    let labels = gate.signals();
    let columns: Vec<&[f64]> = labels.iter().map(|label| column(label)).collect::<Result<_, _>>()?;
    let value = |row: usize| {
        let read = |label: &str| labels.iter().position(|l| *l == label).and_then(|at| Score::new(columns[at][row]));
        gate.value(read).map_or(f64::NAN, Score::get)
    };
    Ok(view.rows().map(value).collect())
}

/// Whether a gate value is made without some of its signals, by row; `None` where none is.
fn partial<'a>(view: &View<'a>, tier: usize, gate: &GateValue) -> Option<Cow<'a, [bool]>> {
    let columns: Vec<&[f64]> = gate.signals().iter().filter_map(|label| view.observations().scores(tier, label)).collect();
    let lacks = |row: usize| columns.len() > 1 && columns.iter().any(|column| column[row].is_nan());
    view.rows().any(lacks).then(|| view.rows().map(lacks).collect())
}

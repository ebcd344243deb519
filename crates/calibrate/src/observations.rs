//! The table that calibration works on, column by column and rectangular by construction.

use std::collections::HashMap;
use std::hash::Hasher;
use std::sync::Arc;

use siphasher::sip::SipHasher24;
use tierfall_core::money::Money;
use tierfall_core::number::{Score, Tie};

use crate::quality::Quality;

/// Stands for an unknown cost, latency or length, and for a missing human grade, inside a column.
const UNKNOWN_U64: u64 = u64::MAX;
const UNKNOWN_U32: u32 = u32::MAX;

/// Example × tier → scores, quality, cost, latency. Rows are in the order in which they were pushed.
///
/// About 28 bytes a row, and 20 bytes and 8 a signal a row and tier.
#[derive(Clone, Debug)]
pub struct Observations {
    tiers: Vec<Tier>,
    ids: Vec<u64>,
    ties: Vec<f64>,
    items: Vec<u32>,
    /// First row and fingerprint of each group, in the order of their first rows.
    groups: Vec<(u32, u64)>,
    weights: Option<Vec<f64>>,
    /// The greatest weight that the sampling allows, where that is known.
    heaviest: Option<f64>,
    segments: Labels,
    strata: Labels,
    salt: Arc<str>,
}

/// What is known of one tier.
#[derive(Clone, Debug)]
struct Tier {
    spec: TierSpec,
    quality: Vec<Quality>,
    /// By people, where the quality itself is a judge's; in billionths.
    human: Vec<u32>,
    scores: Vec<Vec<f64>>,
    cost: Vec<u64>,
    latency: Vec<u32>,
    length: Vec<u32>,
}

/// One tier of the chain whose observations are collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierSpec {
    /// Its name.
    pub name: Arc<str>,
    /// The labels of its signals, in the order in which [`Cell::scores`] gives them.
    pub signals: Vec<Arc<str>>,
    /// Who judged its answers, where [`Cell::quality`] is a judge's grade and not a person's.
    pub judge: Option<Arc<str>>,
}

/// A label a row, kept once each.
#[derive(Clone, Debug, Default)]
struct Labels {
    names: Vec<Arc<str>>,
    of: HashMap<Arc<str>, u32>,
    rows: Vec<u32>,
}

impl Labels {
    fn push(&mut self, label: Option<&str>) {
        let ix = label.map_or(UNKNOWN_U32, |label| {
            self.of.get(label).copied().unwrap_or_else(|| {
                let (ix, label) = (u32::try_from(self.names.len()).unwrap_or(UNKNOWN_U32 - 1), Arc::<str>::from(label));
                self.names.push(label.clone());
                self.of.insert(label, ix);
                ix
            })
        });
        self.rows.push(ix);
    }

    fn get(&self, row: usize) -> Option<&Arc<str>> {
        self.names.get(self.rows[row] as usize)
    }

    fn place(&self, row: usize) -> Option<usize> {
        Some(self.rows[row]).filter(|ix| *ix != UNKNOWN_U32).map(|ix| ix as usize)
    }
}

/// One example, as a reader hands it over.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The example's id, which decides its tie.
    pub id: &'a str,
    /// What a rule, tag or header says at run time; thresholds may depend on it.
    pub segment: Option<&'a str>,
    /// The kind of example by its author's knowledge, for reports alone; thresholds never depend on it.
    pub stratum: Option<&'a str>,
    /// Rows that repeat one item share it: they are never split, and count once.
    pub group: Option<&'a str>,
    /// 1/probability with which the row was sampled, at least 1; `None` = 1.
    pub weight: Option<f64>,
    /// One a tier, in the order of the chain.
    pub tiers: &'a [Cell<'a>],
}

/// One tier's part of a row.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// How right the answer was.
    pub quality: Quality,
    /// What people said, where `quality` is a judge's grade and people graded this row as well.
    pub human: Option<Quality>,
    /// One a signal, in the order of [`TierSpec::signals`]; `None` = the signal abstained, or a gate defers the answer whatever the score.
    pub scores: &'a [Option<Score>],
    /// Of this tier alone, probes and retries included; `None` = unknown.
    pub cost: Option<Money>,
    /// Of this tier alone, in milliseconds; `None` = unknown.
    pub latency_ms: Option<f64>,
    /// Output tokens; `None` = unknown.
    pub length: Option<u32>,
}

/// A row that does not fit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// Another number of tiers or signals than was declared.
    #[error("the row has {found} {what} and {expected} were declared")]
    Shape {
        /// `tiers`, or `signals of TIER`.
        what: String,
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// Sampling probabilities are at most 1.
    #[error("a weight is 1/probability, so {0} is none: it must be finite and at least 1")]
    Weight(f64),
    /// A cost beyond 18 million USD.
    #[error("a cost of {0} USD is not that of one query")]
    Cost(f64),
    /// 2³² rows.
    #[error("there are more than 4 billion rows")]
    Full,
}

impl Observations {
    /// An empty table for a chain of tiers, cheapest first. `salt` keys the ties and must be the cascade's.
    pub fn new(tiers: Vec<TierSpec>, salt: impl Into<Arc<str>>) -> Self {
        let empty = |spec: TierSpec| Tier {
            scores: vec![Vec::new(); spec.signals.len()],
            spec,
            quality: Vec::new(),
            human: Vec::new(),
            cost: Vec::new(),
            latency: Vec::new(),
            length: Vec::new(),
        };
        Self {
            tiers: tiers.into_iter().map(empty).collect(),
            ids: Vec::new(),
            ties: Vec::new(),
            items: Vec::new(),
            groups: Vec::new(),
            weights: None,
            heaviest: None,
            segments: Labels::default(),
            strata: Labels::default(),
            salt: salt.into(),
        }
    }

    /// Adds a row; one that does not fit changes nothing.
    pub fn push(&mut self, row: &Row<'_>, groups: &mut Groups) -> Result<(), RowError> {
        self.check(row)?;
        let at = self.len();
        let place = u32::try_from(at).map_err(|_| RowError::Full)?;
        let item = match row.group {
            None => place,
            Some(group) => *groups.first.entry(group.into()).or_insert_with(|| {
                self.groups.push((place, fingerprint("group", group)));
                place
            }),
        };
        self.ids.push(fingerprint("id", row.id));
        self.ties.push(Tie::of(&self.salt, row.id).get());
        self.items.push(item);
        self.segments.push(row.segment);
        self.strata.push(row.stratum);
        if row.weight.is_some() && self.weights.is_none() {
            self.weights = Some(vec![1.0; at]);
        }
        if let Some(weights) = &mut self.weights {
            weights.push(row.weight.unwrap_or(1.0));
        }
        for (tier, cell) in self.tiers.iter_mut().zip(row.tiers) {
            tier.quality.push(cell.quality);
            tier.human.push(cell.human.map_or(UNKNOWN_U32, Quality::nano));
            for (column, score) in tier.scores.iter_mut().zip(cell.scores) {
                column.push(score.map_or(f64::NAN, Score::get));
            }
            tier.cost.push(cell.cost.and_then(|cost| u64::try_from(cost.pico()).ok()).unwrap_or(UNKNOWN_U64));
            tier.latency.push(cell.latency_ms.map_or(UNKNOWN_U32, micros));
            tier.length.push(cell.length.unwrap_or(UNKNOWN_U32));
        }
        Ok(())
    }

    fn check(&self, row: &Row<'_>) -> Result<(), RowError> {
        if self.len() >= UNKNOWN_U32 as usize {
            return Err(RowError::Full);
        }
        let shape = |what: String, found: usize, expected: usize| {
            if found == expected { Ok(()) } else { Err(RowError::Shape { what, found, expected }) }
        };
        shape("tiers".into(), row.tiers.len(), self.tiers.len())?;
        for (tier, cell) in self.tiers.iter().zip(row.tiers) {
            shape(format!("signals of {}", tier.spec.name), cell.scores.len(), tier.scores.len())?;
            if let Some(cost) = cell.cost
                && u64::try_from(cost.pico()).is_err()
            {
                return Err(RowError::Cost(cost.usd()));
            }
        }
        match row.weight {
            Some(weight) if !(weight.is_finite() && weight >= 1.0) => Err(RowError::Weight(weight)),
            _ => Ok(()),
        }
    }

    /// Gives a tier one more signal, which abstained in every row so far; rows that follow carry its score last.
    ///
    /// # Panics
    /// If there is no such tier.
    pub fn add_signal(&mut self, tier: usize, label: impl Into<Arc<str>>) {
        let rows = self.len();
        let tier = &mut self.tiers[tier];
        tier.spec.signals.push(label.into());
        tier.scores.push(vec![f64::NAN; rows]);
    }

    /// Says who judged a tier's answers.
    ///
    /// # Panics
    /// If there is no such tier.
    pub fn set_judge(&mut self, tier: usize, judge: impl Into<Arc<str>>) {
        self.tiers[tier].spec.judge = Some(judge.into());
    }

    /// Where people graded every row of a judged tier, their grades are the tier's: the judge adds nothing to what is known.
    pub fn settle(&mut self) {
        for tier in &mut self.tiers {
            let known = |nano: &u32| if *nano == UNKNOWN_U32 { None } else { Quality::new(f64::from(*nano) / 1e9) };
            let grades: Option<Vec<Quality>> =
                tier.spec.judge.is_some().then(|| tier.human.iter().map(known).collect()).flatten();
            if let Some(grades) = grades.filter(|grades| !grades.is_empty()) {
                tier.quality = grades;
                tier.human.fill(UNKNOWN_U32);
                tier.spec.judge = None;
            }
        }
    }

    /// Says how heavy a row can be at most, known from how rows were sampled and not from these rows.
    pub fn set_heaviest(&mut self, heaviest: f64) {
        self.heaviest = Some(heaviest);
    }

    /// What the columns take, in bytes.
    pub fn column_bytes(&self) -> usize {
        let row = |bytes: usize| self.len() * bytes;
        let weights = if self.weights.is_some() { row(size_of::<f64>()) } else { 0 };
        let shared = row(size_of::<u64>() + size_of::<f64>() + 3 * size_of::<u32>());
        let tier = |tier: &Tier| row(2 * size_of::<u32>() + 8 * tier.scores.len() + size_of::<u64>() + 2 * size_of::<u32>());
        shared + weights + self.groups.len() * size_of::<(u32, u64)>() + self.tiers.iter().map(tier).sum::<usize>()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The chain, cheapest first.
    pub fn tiers(&self) -> impl ExactSizeIterator<Item = &TierSpec> {
        self.tiers.iter().map(|tier| &tier.spec)
    }

    /// The place of a tier.
    pub fn tier(&self, name: &str) -> Option<usize> {
        self.tiers.iter().position(|tier| &*tier.spec.name == name)
    }

    /// What keys the ties.
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// Fingerprints of the rows' ids: equal for equal ids, in every file.
    pub fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Fingerprints of the groups that rows belong to.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.groups.iter().map(|(_, group)| *group)
    }

    /// The fingerprint of the group that a row belongs to.
    pub fn group_of(&self, row: usize) -> Option<u64> {
        let at = self.groups.binary_search_by_key(&self.items[row], |(first, _)| *first).ok()?;
        Some(self.groups[at].1)
    }

    /// The rows' ties, each in [0, 1).
    pub fn ties(&self) -> &[f64] {
        &self.ties
    }

    /// A number a row that rows of one group share: the place of the group's first row.
    pub fn items(&self) -> &[u32] {
        &self.items
    }

    /// 1/sampling probability a row; `None` where no row has one.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// The greatest weight: what was declared, and at least that of every row and 1.
    pub fn heaviest(&self) -> f64 {
        let declared = self.heaviest.unwrap_or(1.0).max(1.0);
        self.weights.iter().flatten().copied().fold(declared, f64::max)
    }

    /// Whether the greatest weight is known from how rows were sampled, where rows have weights.
    pub fn heaviest_is_declared(&self) -> bool {
        self.heaviest.is_some()
    }

    /// The run-time segment of a row.
    pub fn segment(&self, row: usize) -> Option<&Arc<str>> {
        self.segments.get(row)
    }

    /// The place of a row's run-time segment in [`Self::segments`].
    pub fn segment_at(&self, row: usize) -> Option<usize> {
        self.segments.place(row)
    }

    /// Every run-time segment, in the order of first appearance.
    pub fn segments(&self) -> &[Arc<str>] {
        &self.segments.names
    }

    /// The stratum of a row.
    pub fn stratum(&self, row: usize) -> Option<&Arc<str>> {
        self.strata.get(row)
    }

    /// The place of a row's stratum in [`Self::strata`].
    pub fn stratum_at(&self, row: usize) -> Option<usize> {
        self.strata.place(row)
    }

    /// Every stratum, in the order of first appearance.
    pub fn strata(&self) -> &[Arc<str>] {
        &self.strata.names
    }

    /// A tier's grades: by people, or by the judge that [`TierSpec::judge`] names.
    pub fn quality(&self, tier: usize) -> &[Quality] {
        &self.tiers[tier].quality
    }

    /// What people said of a tier's answer that a judge graded.
    pub fn human(&self, tier: usize, row: usize) -> Option<Quality> {
        Quality::new(match self.tiers[tier].human[row] {
            UNKNOWN_U32 => return None,
            nano => f64::from(nano) / 1e9,
        })
    }

    /// A signal's raw scores, NaN where it abstained; `None` where the tier has no such signal.
    pub fn scores(&self, tier: usize, signal: &str) -> Option<&[f64]> {
        let tier = &self.tiers[tier];
        let at = tier.spec.signals.iter().position(|label| &**label == signal)?;
        Some(&tier.scores[at])
    }

    /// A tier's cost a row in pico-USD; `None` where that of any row is unknown.
    pub fn costs(&self, tier: usize) -> Option<&[u64]> {
        let costs = &self.tiers[tier].cost;
        (!costs.contains(&UNKNOWN_U64)).then_some(costs)
    }

    /// A tier's latency a row in microseconds; `None` where that of any row is unknown.
    pub fn latencies(&self, tier: usize) -> Option<&[u32]> {
        let latencies = &self.tiers[tier].latency;
        (!latencies.contains(&UNKNOWN_U32)).then_some(latencies)
    }

    /// A tier's output tokens in a row.
    pub fn length_of(&self, tier: usize, row: usize) -> Option<u32> {
        Some(self.tiers[tier].length[row]).filter(|length| *length != UNKNOWN_U32)
    }
}

/// The groups that were met while a table was filled; dropped afterwards.
#[derive(Debug, Default)]
pub struct Groups {
    first: HashMap<Box<str>, u32>,
}

/// A fixed 64-bit fingerprint of an id or a group.
pub fn fingerprint(kind: &str, text: &str) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(&(kind.len() as u64).to_le_bytes());
    hasher.write(kind.as_bytes());
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what fits: 71 minutes and more read as that"
)]
fn micros(ms: f64) -> u32 {
    if ms.is_nan() { UNKNOWN_U32 } else { (ms * 1e3).round().clamp(0.0, f64::from(UNKNOWN_U32 - 1)) as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(scores: &[Option<Score>]) -> Cell<'_> {
        Cell { quality: Quality::RIGHT, human: None, scores, cost: None, latency_ms: Some(1.5), length: None }
    }

    fn row<'a>(id: &'a str, group: Option<&'a str>, tiers: &'a [Cell<'a>]) -> Row<'a> {
        Row { id, segment: None, stratum: None, group, weight: None, tiers }
    }

    fn table() -> Observations {
        let spec = |name: &str, signals: &[&str]| TierSpec {
            name: name.into(),
            signals: signals.iter().map(|s| (*s).into()).collect(),
            judge: None,
        };
        Observations::new(vec![spec("small", &["sum"]), spec("large", &[])], "salt")
    }

    #[test]
    fn rows_of_a_group_are_one_item_and_others_items_of_their_own() {
        let (mut table, mut groups) = (table(), Groups::default());
        for (id, group) in [("a", None), ("b", Some("g")), ("c", None), ("d", Some("g")), ("e", None)] {
            table.push(&row(id, group, &[cell(&[None]), cell(&[])]), &mut groups).unwrap();
        }
        assert_eq!(table.items(), [0, 1, 2, 1, 4]);
        assert_eq!(table.groups().len(), 1);
    }

    #[test]
    fn a_row_that_does_not_fit_changes_nothing() {
        let (mut table, mut groups) = (table(), Groups::default());
        assert!(table.push(&row("a", None, &[cell(&[])]), &mut groups).is_err());
        assert!(table.push(&row("a", None, &[cell(&[]), cell(&[])]), &mut groups).is_err());
        assert!(table.is_empty() && table.quality(0).is_empty());
    }

    #[test]
    fn a_signal_that_comes_late_abstained_before() {
        let (mut table, mut groups) = (table(), Groups::default());
        table.push(&row("a", None, &[cell(&[Score::new(0.5)]), cell(&[])]), &mut groups).unwrap();
        table.add_signal(1, "late");
        assert!(table.push(&row("b", None, &[cell(&[None]), cell(&[])]), &mut groups).is_err());
        table.push(&row("b", None, &[cell(&[None]), cell(&[Score::new(1.0)])]), &mut groups).unwrap();
        let late = table.scores(1, "late").unwrap();
        assert!(late[0].is_nan() && late[1].total_cmp(&1.0).is_eq());
    }

    #[test]
    fn unknown_costs_stay_unknown() {
        let (mut table, mut groups) = (table(), Groups::default());
        let known = Cell { cost: Some(Money::from_pico(7)), ..cell(&[None]) };
        table.push(&row("a", None, &[known, cell(&[])]), &mut groups).unwrap();
        assert_eq!((table.costs(0), table.costs(1)), (Some(&[7][..]), None));
        assert_eq!(table.latencies(0), Some(&[1500][..]));
    }
}

//! The table that calibration works on, column by column and rectangular by construction.

mod build;
mod condition;
mod graders;
mod ungraded;

use std::collections::HashMap;
use std::hash::Hasher;
use std::sync::Arc;

use siphasher::sip::SipHasher24;

use crate::quality::Quality;

pub use build::{Builder, Cell, Row, RowError};
pub use condition::{Basis, Condition};
pub use graders::MixedGraders;
pub(crate) use graders::People;
pub use ungraded::Ungraded;

/// Stands for an unknown cost, latency or length, and for a missing human grade, inside a column.
const UNKNOWN_U64: u64 = u64::MAX;
const UNKNOWN_U32: u32 = u32::MAX;

/// Example × tier → scores, quality, cost, latency. Rows are in the order in which they were pushed.
///
/// About 28 bytes a row, and 20 bytes and 8 a signal a row and tier.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    tiers: Vec<TierColumns>,
    ids: Vec<u64>,
    ties: Vec<f64>,
    items: Vec<u32>,
    /// First row and fingerprint of each group, in the order of their first rows.
    groups: Vec<(u32, u64)>,
    /// Rows that name a group.
    grouped: usize,
    weights: Option<Vec<f64>>,
    /// The greatest weight that the sampling allows, where that is known.
    heaviest: Option<f64>,
    segments: Labels,
    strata: Labels,
    salt: Arc<str>,
    /// Rows whose id an earlier row has.
    repeated: u64,
    conditions: Arc<[Condition]>,
    replayed: bool,
    /// Rows in which what counts for the target is only the worst it can be; `None` = no grade was put in the place of a missing one.
    assumed: Option<usize>,
    /// Where different graders graded the tiers.
    mixed: Option<MixedGraders>,
    people: People,
}

/// What is known of one tier.
#[derive(Clone, Debug, Default)]
struct TierColumns {
    spec: TierSpec,
    /// Of an answer without a grade: wrong.
    quality: Vec<Quality>,
    /// Rows whose answer has no grade, and whether it is known to be the last tier's.
    ungraded: Vec<(u32, bool)>,
    /// By people, where the quality itself is a judge's; in billionths.
    human: Vec<u32>,
    scores: Vec<Vec<f64>>,
    cost: Vec<u64>,
    latency: Vec<u32>,
    length: Vec<u32>,
}

/// One tier of the chain whose observations are collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TierSpec {
    /// Its name.
    pub name: Arc<str>,
    /// The labels of its signals, in the order in which [`Cell::scores`] gives them.
    pub signals: Vec<Arc<str>>,
    /// Who judged its answers, where [`Cell::quality`] is a judge's grade and not a person's.
    pub judge: Option<Arc<str>>,
}

/// A row that is heavier than was declared possible.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a row weighs {seen}, more than the {declared} that were declared to be the most")]
pub struct Heavier {
    /// The greatest weight of a row.
    pub seen: f64,
    /// What was declared.
    pub declared: f64,
}

/// A label a row, kept once each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    pub(crate) names: Vec<Arc<str>>,
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

    /// A row's label.
    pub(crate) fn get(&self, row: usize) -> Option<&Arc<str>> {
        self.names.get(self.rows[row] as usize)
    }

    /// The place of a row's label among the names.
    pub(crate) fn place(&self, row: usize) -> Option<usize> {
        Some(self.rows[row]).filter(|ix| *ix != UNKNOWN_U32).map(|ix| ix as usize)
    }
}

impl Observations {
    /// Says how heavy a row can be at most, known from how rows were sampled and not from these rows. An error where a row is heavier.
    pub fn declare_heaviest(&mut self, heaviest: f64) -> Result<(), Heavier> {
        let seen = self.weights.iter().flatten().copied().fold(1.0, f64::max);
        // What is 1 over a probability in two places may differ in its last digit.
        if seen > heaviest * (1.0 + 1e-9) {
            return Err(Heavier { seen, declared: heaviest });
        }
        self.heaviest = Some(heaviest.max(seen));
        Ok(())
    }

    /// What the columns take, in bytes.
    pub fn column_bytes(&self) -> usize {
        let row = |bytes: usize| self.len() * bytes;
        let weights = if self.weights.is_some() { row(size_of::<f64>()) } else { 0 };
        let shared = row(size_of::<u64>() + size_of::<f64>() + 3 * size_of::<u32>());
        let tier =
            |tier: &TierColumns| row(2 * size_of::<u32>() + 8 * tier.scores.len() + size_of::<u64>() + 2 * size_of::<u32>());
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

    /// What a tier is.
    ///
    /// # Panics
    /// If there is no such tier.
    pub fn spec(&self, tier: usize) -> &TierSpec {
        &self.tiers[tier].spec
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

    /// Rows whose id an earlier row of another item has; each is a request of its own, with a tie of its own.
    pub fn repeated_ids(&self) -> u64 {
        self.repeated
    }

    /// What is supposed of the table by whoever concludes from it.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Says what is to be supposed: of rows that are not in the table, or of some that are.
    pub fn set_conditions(&mut self, conditions: impl IntoIterator<Item = Condition>) {
        self.conditions = conditions.into_iter().collect();
    }

    /// What a promise made on one row an item rests on.
    pub(crate) fn basis(&self) -> Basis {
        Basis {
            questions: self.has_repeats(),
            replayed: self.replayed,
            conditions: self.conditions.clone(),
            assumed: self.assumed.unwrap_or(0),
            rivals: 0,
        }
    }

    /// Whether grades are those that were given, and none was put in the place of a missing one.
    pub(crate) fn is_as_graded(&self) -> bool {
        self.assumed.is_none()
    }

    /// Whether any two rows repeat one item.
    pub fn has_repeats(&self) -> bool {
        self.grouped > self.groups.len()
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
    pub(crate) fn ties(&self) -> &[f64] {
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

    /// The greatest weight that the sampling allows; `None` where nobody declared it.
    pub fn heaviest(&self) -> Option<f64> {
        self.heaviest
    }

    /// The run-time segment of a row.
    pub fn segment(&self, row: usize) -> Option<&Arc<str>> {
        self.segments.get(row)
    }

    /// The place of a row's run-time segment in [`Self::segments`].
    pub(crate) fn segment_at(&self, row: usize) -> Option<usize> {
        self.segments.place(row)
    }

    /// Every run-time segment, in the order of first appearance.
    pub fn segments(&self) -> &[Arc<str>] {
        &self.segments.names
    }

    /// What rows are told apart by in reports, run-time segments or, where no row has one, strata; and whether it is the former.
    pub(crate) fn labels(&self) -> (&Labels, bool) {
        let by_segment = !self.segments.names.is_empty();
        (if by_segment { &self.segments } else { &self.strata }, by_segment)
    }

    /// The stratum of a row.
    pub fn stratum(&self, row: usize) -> Option<&Arc<str>> {
        self.strata.get(row)
    }

    /// A tier's grades: by people, or by the judge that [`TierSpec::judge`] names. What has none stands as wrong: see
    /// [`Observations::all_graded`].
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

    /// An error where different graders graded the tiers.
    pub fn one_grader(&self) -> Result<(), MixedGraders> {
        self.mixed.clone().map_or(Ok(()), Err)
    }

    /// How many rows people graded in every tier that a judge graded.
    pub fn by_people(&self) -> usize {
        let judged: Vec<usize> = (0..self.tiers.len()).filter(|tier| self.tiers[*tier].spec.judge.is_some()).collect();
        let graded = |row: &usize| judged.iter().all(|tier| self.human(*tier, *row).is_some());
        if judged.is_empty() { 0 } else { (0..self.len()).filter(graded).count() }
    }

    /// Why people's grades cannot correct the judge's, where there are any and they cannot.
    pub(crate) fn uncorrected(&self) -> Option<String> {
        let why = self.people.why()?;
        let any = self.by_people() > 0 || self.people.unjudged > 0;
        any.then(|| format!("people's grades do not correct the judge's: {why}"))
    }
}

/// A fixed 64-bit fingerprint of an id or a group.
pub fn fingerprint(kind: &str, text: &str) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(&(kind.len() as u64).to_le_bytes());
    hasher.write(kind.as_bytes());
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// The seeded hash of a row's tie, which is itself a hash of its id: unrelated to how the tie orders equal gate values.
pub(crate) fn hashed(seed: u64, bits: u64) -> u64 {
    let mut hasher = SipHasher24::new_with_keys(seed, 0x63_65_72_74);
    hasher.write(&bits.to_le_bytes());
    hasher.finish()
}

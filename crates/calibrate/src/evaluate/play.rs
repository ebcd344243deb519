//! What cuts do to rows: who answers each, how well and at what cost. Exactly what the engine would have done.

use std::collections::BTreeMap;

use tierfall_core::number::{Score, Threshold, Tie};

use crate::observations::Observations;
use crate::policy::Thresholds;
use crate::report::Estimate;
use crate::stat::paired;
use crate::table::Table;
use crate::view::View;
use tierfall_core::fit::{Cut, Point};

use super::sample::{CONFIDENCE, WeightedItems, finite, indicator, whole};

/// Cuts over a declared chain: by run-time segment, and for the requests of every other one.
#[derive(Clone, Debug, PartialEq)]
pub struct Cuts {
    /// One a declared tier but the last, for requests of a segment that is not listed.
    pub overall: Vec<Cut>,
    /// The same by run-time segment.
    pub segments: BTreeMap<String, Vec<Cut>>,
}

impl Cuts {
    /// The same for every request.
    pub fn overall(cuts: Vec<Cut>) -> Self {
        Self { overall: cuts, segments: BTreeMap::new() }
    }

    /// Those of a policy in a chain of `tiers` declared tiers. A policy that ends below the last one accepts there whatever is read.
    pub fn of(policy: &Thresholds, tiers: usize) -> Self {
        let mut cuts = vec![Cut { asked: false, threshold: Threshold::DeferAll }; tiers - 1];
        let ends = policy.cuts().iter().copied().map(Some).chain([None]);
        for (tier, threshold) in policy.tiers().iter().zip(ends) {
            if let Some(cut) = cuts.get_mut(*tier) {
                *cut = Cut { asked: true, threshold: threshold.unwrap_or_else(Threshold::accept_all) };
            }
        }
        Self::overall(cuts)
    }

    /// The gates that a request of this segment meets.
    fn for_segment(&self, segment: Option<&str>) -> &[Cut] {
        segment.and_then(|name| self.segments.get(name)).unwrap_or(&self.overall)
    }

    /// Which tiers may be asked, by place, those of any segment together; the last one unless an earlier gate lets everything pass.
    pub(crate) fn chain(&self) -> Vec<usize> {
        let mut chain: Vec<usize> =
            std::iter::once(&self.overall).chain(self.segments.values()).flat_map(|cuts| chain_of(cuts)).collect();
        chain.sort_unstable();
        chain.dedup();
        chain
    }
}

impl From<&Point> for Cuts {
    fn from(point: &Point) -> Self {
        Self { overall: point.cuts.clone(), segments: point.segments.clone() }
    }
}

/// The tiers in force under these cuts, by place: what lies behind a gate that accepts everything is not.
pub(crate) fn chain_of(cuts: &[Cut]) -> Vec<usize> {
    let mut chain = Vec::new();
    for (tier, cut) in cuts.iter().enumerate().filter(|(_, cut)| cut.asked) {
        chain.push(tier);
        if cut.threshold == Threshold::accept_all() {
            return chain;
        }
    }
    chain.push(cuts.len());
    chain
}

/// What happened to each row of a view. Of each row only its place and the tiers that were asked are kept: all else is in the observations.
#[derive(Clone, Debug)]
pub(crate) struct Played<'a> {
    observations: &'a Observations,
    /// The place of the row in the observations.
    pub row: Vec<u32>,
    asked: Asked,
    /// Bit `t`: declared tier `t` was asked for some row.
    ever: u64,
    /// Whether people's grades are read where there are any, and not the judge's.
    people: bool,
}

/// By row, the tiers that were asked: bit `t` stands for declared tier `t`. The highest of them answered.
#[derive(Clone, Debug)]
enum Asked {
    /// Of a chain of at most eight tiers.
    Few(Vec<u8>),
    Many(Vec<u64>),
}

impl Asked {
    fn new(tiers: usize, rows: usize) -> Self {
        if tiers <= 8 { Self::Few(Vec::with_capacity(rows)) } else { Self::Many(Vec::with_capacity(rows)) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a short chain has no higher bits")]
    fn push(&mut self, asked: u64) {
        match self {
            Self::Few(all) => all.push(asked as u8),
            Self::Many(all) => all.push(asked),
        }
    }

    fn at(&self, at: usize) -> u64 {
        match self {
            Self::Few(all) => u64::from(all[at]),
            Self::Many(all) => all[at],
        }
    }
}

/// Longest chain whose asked tiers fit the bits of the record of what was asked of a row.
pub(crate) const MOST_TIERS: usize = 64;

impl<'a> Played<'a> {
    /// Plays the rows of a view; `table` is its table, with a gate value a gated tier.
    pub(crate) fn new(view: &View<'a>, table: &Table<'_>, cuts: &Cuts) -> Self {
        let observations = view.observations();
        let last = table.last();
        let rows = table.len();
        let mut played =
            Self { observations, row: Vec::with_capacity(rows), asked: Asked::new(last + 1, rows), ever: 0, people: false };
        for at in 0..rows {
            let row = view.row(at);
            let segment = if cuts.segments.is_empty() { None } else { observations.segment(row) };
            let gates = cuts.for_segment(segment.map(|name| &**name));
            let tie = Tie::try_from(table.ties[at]).unwrap_or_else(|_| Tie::zero());
            let (mut asked, mut exit) = (0_u64, last);
            for (tier, cut) in gates.iter().enumerate().filter(|(_, cut)| cut.asked) {
                asked |= 1 << tier;
                let value = table.tiers[tier].values.as_ref().and_then(|values| Score::new(values[at]));
                // The sub-chain in force ends at a gate that accepts all: its answer is served even where nothing was read.
                if cut.threshold == Threshold::accept_all() || value.is_some_and(|value| cut.threshold.accepts(value, tie)) {
                    exit = tier;
                    break;
                }
            }
            asked |= 1 << exit;
            played.ever |= asked;
            #[expect(clippy::cast_possible_truncation, reason = "a table has fewer than 2³² rows")]
            played.row.push(row as u32);
            played.asked.push(asked);
        }
        played
    }

    /// What the asked tiers took together, by row; `None` where one of them is unknown in some row.
    fn total<T: Copy + Into<u64> + 'a>(&self, column: impl Fn(usize) -> Option<&'a [T]>) -> Option<impl Fn(usize) -> u64> {
        let ever = (0..=self.last()).filter(|tier| self.ever >> tier & 1 == 1);
        let columns: Vec<(usize, &'a [T])> = ever.map(|tier| Some((tier, column(tier)?))).collect::<Option<_>>()?;
        Some(move |at: usize| {
            let (asked, row) = (self.asked.at(at), self.row[at] as usize);
            columns.iter().filter(|(tier, _)| asked >> tier & 1 == 1).map(|(_, column)| column[row].into()).sum()
        })
    }

    /// Pico-USD by row, rejected answers included; `None` = unknown.
    pub(crate) fn cost(&self) -> Option<impl Fn(usize) -> u64> {
        self.total(|tier| self.observations.costs(tier))
    }

    /// Of always asking the last declared tier.
    pub(crate) fn cost_last(&self) -> Option<impl Fn(usize) -> u64> {
        let costs = self.observations.costs(self.last())?;
        Some(|at: usize| costs[self.row[at] as usize])
    }

    /// Microseconds by row, all calls of a row in turn; `None` = unknown.
    pub(crate) fn latency(&self) -> Option<impl Fn(usize) -> u64> {
        self.total(|tier| self.observations.latencies(tier))
    }

    /// Of always asking the last declared tier.
    pub(crate) fn latency_last(&self) -> Option<impl Fn(usize) -> u64> {
        let latencies = self.observations.latencies(self.last())?;
        Some(|at: usize| u64::from(latencies[self.row[at] as usize]))
    }

    /// The last declared tier.
    fn last(&self) -> usize {
        self.observations.tiers().len() - 1
    }

    /// How many rows were played.
    pub(crate) fn len(&self) -> usize {
        self.row.len()
    }

    /// The rows of another part of the table after these.
    pub(crate) fn append(&mut self, other: Self) {
        self.row.extend(&other.row);
        match (&mut self.asked, other.asked) {
            (Asked::Few(mine), Asked::Few(theirs)) => mine.extend(theirs),
            (mine, theirs) => (0..other.row.len()).for_each(|at| mine.push(theirs.at(at))),
        }
        self.ever |= other.ever;
    }

    /// The rows, by place, that `keep` holds for.
    pub(crate) fn filter(&self, keep: impl Fn(usize) -> bool) -> Self {
        self.part(&(0..self.len()).filter(|at| keep(*at)).collect::<Vec<usize>>())
    }

    /// The rows at these places.
    pub(crate) fn part(&self, places: &[usize]) -> Self {
        let mut asked = Asked::new(self.last() + 1, places.len());
        for at in places {
            asked.push(self.asked.at(*at));
        }
        Self { row: places.iter().map(|at| self.row[*at]).collect(), asked, ..*self }
    }

    /// The rows whose every answer people graded, by what they said; a tier that no judge graded has people's grades alone.
    pub(crate) fn by_people(&self) -> Self {
        let judged = |tier: usize| self.observations.tiers().nth(tier).is_some_and(|spec| spec.judge.is_some());
        let judged: Vec<usize> = (0..=self.last()).filter(|tier| judged(*tier)).collect();
        let graded = |at: usize| judged.iter().all(|tier| self.observations.human(*tier, self.row[at] as usize).is_some());
        Self { people: true, ..self.filter(graded) }
    }

    /// The same rows, each answered by the last declared tier alone.
    pub(crate) fn always_last(&self) -> Self {
        let mut asked = Asked::new(self.last() + 1, self.len());
        (0..self.len()).for_each(|_| asked.push(1 << self.last()));
        Self { row: self.row.clone(), asked, ever: 1 << self.last(), ..*self }
    }

    /// The declared tier that answered the row at `at`.
    pub(crate) fn exit(&self, at: usize) -> usize {
        self.asked.at(at).ilog2() as usize
    }

    /// Of the answer, in billionths.
    pub(crate) fn quality(&self, at: usize) -> u32 {
        self.quality_of(self.exit(at), at)
    }

    /// Of the last declared tier's answer.
    pub(crate) fn quality_last(&self, at: usize) -> u32 {
        self.quality_of(self.last(), at)
    }

    /// Of the answer that a declared tier has, asked or not.
    pub(crate) fn quality_of(&self, tier: usize, at: usize) -> u32 {
        let row = self.row[at] as usize;
        let human = if self.people { self.observations.human(tier, row) } else { None };
        human.unwrap_or_else(|| self.observations.quality(tier)[row]).nano()
    }

    /// Whether the row at `at` asked a declared tier.
    pub(crate) fn reached(&self, at: usize, tier: usize) -> bool {
        self.asked.at(at) >> tier & 1 == 1
    }

    /// Whether a declared tier answered the row at `at`.
    pub(crate) fn accepted(&self, at: usize, tier: usize) -> bool {
        self.exit(at) == tier
    }

    /// What always-last would have been better by, in [−1, 1].
    pub(crate) fn lost(&self, at: usize) -> f64 {
        (f64::from(self.quality_last(at)) - f64::from(self.quality(at))) / 1e9
    }

    /// Of the rows that were played.
    pub(crate) fn sample(&self, view: &View<'_>) -> WeightedItems {
        WeightedItems::new(view, &self.row)
    }

    /// Rows where both are right, only always-last, only the cascade, neither; `None` unless counts are whole.
    pub(crate) fn cells(&self, sample: &WeightedItems) -> Option<[u64; 4]> {
        if !sample.plain {
            return None;
        }
        let mut cells = [0; 4];
        for at in 0..self.len() {
            let (mine, theirs) = (self.quality(at), self.quality_last(at));
            if !whole(mine) || !whole(theirs) {
                return None;
            }
            cells[usize::from(theirs == 0) * 2 + usize::from(mine == 0)] += 1;
        }
        Some(cells)
    }

    /// Loss against always-last, paired: Newcombe's interval (1998, method 10) where counts are whole, else that of a mean over
    /// items. It is 0 by construction where the last declared tier answers everything.
    pub(crate) fn loss(&self, sample: &WeightedItems, last: usize) -> Estimate {
        if (0..self.len()).all(|at| self.exit(at) == last) {
            return Estimate { value: 0.0, low: 0.0, high: 0.0 };
        }
        self.cells(sample).map_or_else(|| sample.ratio(|at| self.lost(at), |_| 1.0, -1.0, 1.0), loss_of)
    }

    /// As [`Played::loss`], by differences alone, where two answers are known to be worth the same but not what: Tango's interval (1998).
    pub(crate) fn loss_by_differences(&self, sample: &WeightedItems, last: usize) -> Estimate {
        let loss = self.loss(sample, last);
        let Some([both, minus, plus, neither]) = self.cells(sample).filter(|_| loss.low < loss.high) else {
            return loss;
        };
        let (low, high) = paired::tango(minus, plus, both + minus + plus + neither, CONFIDENCE);
        Estimate { low, high, ..loss }
    }

    /// Mean cost a query in USD.
    pub(crate) fn cost_usd(&self, sample: &WeightedItems) -> Option<f64> {
        usd(self.cost()?, sample)
    }

    /// That of always asking the last declared tier.
    pub(crate) fn cost_last_usd(&self, sample: &WeightedItems) -> Option<f64> {
        usd(self.cost_last()?, sample)
    }

    /// One over the other; `None` where either is unknown or always-last is free.
    pub(crate) fn cost_ratio(&self, sample: &WeightedItems) -> Option<f64> {
        let last = self.cost_last_usd(sample).filter(|last| *last > 0.0)?;
        Some(self.cost_usd(sample)? / last)
    }

    /// Share of the requests reaching a declared tier that it answers; `None` where none reaches it.
    pub(crate) fn coverage(&self, sample: &WeightedItems, tier: usize) -> Option<f64> {
        let reached = sample.mean(|at| indicator(self.reached(at, tier)));
        (reached > 0.0).then(|| sample.mean(|at| indicator(self.accepted(at, tier))) / reached)
    }
}

/// The loss of rows where both are right, only always-last, only the cascade, neither, with Newcombe's interval.
pub(crate) fn loss_of([both, minus, plus, neither]: [u64; 4]) -> Estimate {
    let (low, high) = paired::newcombe(both, minus, plus, neither, CONFIDENCE);
    Estimate { value: (minus as f64 - plus as f64) / (both + minus + plus + neither) as f64, low, high }
}

fn usd(pico: impl Fn(usize) -> u64, sample: &WeightedItems) -> Option<f64> {
    finite(sample.mean(|at| pico(at) as f64 / 1e12))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observations::{Builder, Cell, Observations, Row, TierSpec};
    use crate::quality::Quality;
    use proptest::prelude::*;
    use tierfall_core::fusion::GateValue;

    /// Rows of three tiers; `None` = the signal abstains.
    fn observed(rows: &[[Option<u8>; 2]]) -> Observations {
        let spec = |name: &str| {
            let signals = if name == "c" { Vec::new() } else { vec!["s".into()] };
            TierSpec { name: name.into(), signals, judge: None }
        };
        let mut table = Builder::new(["a", "b", "c"].map(spec).to_vec(), "salt");
        for (at, row) in rows.iter().enumerate() {
            let scores = row.map(|score| [score.and_then(|score| Score::new(f64::from(score)))]);
            let cell = |scores| Cell::graded(Quality::RIGHT, scores);
            let tiers = [cell(&scores[0][..]), cell(&scores[1][..]), cell(&[])];
            let id = at.to_string();
            let row = Row { id: &id, segment: None, stratum: None, group: None, weight: None, tiers: &tiers };
            table.push(&row).unwrap();
        }
        table.finish()
    }

    proptest! {
        #[test]
        fn cuts_do_what_their_policy_does_abstentions_and_ends_included(
            rows in proptest::collection::vec(proptest::array::uniform2(proptest::option::of(0u8..4)), 1..30),
            chain in 1usize..8,
            from in proptest::array::uniform2((0u8..4, 0.0..1.0f64)),
        ) {
            let tiers: Vec<usize> = (0..3).filter(|tier| chain >> tier & 1 == 1).collect();
            let cut = |(score, tie): &(u8, f64)| Threshold::AcceptFrom {
                score: Score::new(f64::from(*score)).unwrap(),
                tie: Tie::try_from(*tie).unwrap(),
            };
            let policy = Thresholds::new(tiers.clone(), from.iter().take(tiers.len() - 1).map(cut).collect()).unwrap();
            let observed = observed(&rows);
            let view = View::all(&observed);
            let own = GateValue::Signal { signal: "s".into(), negated: false };
            let table = Table::new(&view, &[own.clone(), own]).unwrap();
            let cuts = Cuts::of(&policy, 3);
            prop_assert_eq!(chain_of(&cuts.overall), tiers.clone());
            let played = Played::new(&view, &table, &cuts);
            for row in 0..played.len() {
                prop_assert_eq!(played.exit(row), tiers[policy.exit(&table, row)]);
            }
        }
    }
}

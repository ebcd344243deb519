//! Filling a table, row by row.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;
use tierfall_core::money::Money;
use tierfall_core::number::{Score, Tie};

use super::{MixedGraders, Observations, People, TierColumns, TierSpec, UNKNOWN_U32, UNKNOWN_U64, fingerprint};
use crate::quality::Quality;

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

impl Row<'_> {
    /// Whether every answer has a grade: its own, or that of an answer that is the same.
    pub fn is_graded(&self) -> bool {
        let Some((last, before)) = self.tiers.split_last() else { return true };
        let mut same = before.iter().filter(|cell| cell.as_last).filter_map(|cell| cell.quality);
        let derived = same.next().filter(|first| same.all(|other| other == *first));
        let of_last = last.quality.is_some() || derived.is_some();
        of_last && before.iter().all(|cell| cell.quality.is_some() || cell.as_last)
    }
}

/// One tier's part of a row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cell<'a> {
    /// How right the answer was; `None` = nobody has graded it.
    pub quality: Option<Quality>,
    /// Whether the answer is known to be that of the last tier: then both are worth the same, and one grade is enough.
    pub as_last: bool,
    /// What people said, where `quality` is a judge's grade or is to be one.
    pub human: Option<Quality>,
    /// There is no answer: the call failed, or nothing is known of the tier. Everybody would call it wrong, and nobody has to.
    pub unanswered: bool,
    /// One a signal, in the order of [`TierSpec::signals`]; `None` = the signal abstained, or a gate defers the answer whatever the score.
    pub scores: &'a [Option<Score>],
    /// Of this tier alone, probes and retries included; `None` = unknown.
    pub cost: Option<Money>,
    /// Of this tier alone, in milliseconds; `None` = unknown.
    pub latency_ms: Option<f64>,
    /// Output tokens; `None` = unknown.
    pub length: Option<u32>,
}

impl<'a> Cell<'a> {
    /// An answer of which nothing is known but its grade and what signals read.
    pub fn graded(quality: Quality, scores: &'a [Option<Score>]) -> Self {
        Self { quality: Some(quality), scores, ..Self::default() }
    }
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

/// A table that is being filled.
#[derive(Debug)]
pub struct Builder {
    table: Observations,
    /// The first row of every group.
    first: HashMap<Box<str>, u32>,
    /// Rows and tiers whose answer is the last tier's, which itself has no grade.
    same: Vec<(u32, usize)>,
    /// By tier, the rows in which it gave no answer.
    unanswered: Vec<Vec<u32>>,
    /// Tiers that are always right.
    always_right: Vec<bool>,
}

impl Builder {
    /// An empty table for a chain of tiers, cheapest first. `salt` keys the ties and must be the cascade's.
    pub fn new(tiers: Vec<TierSpec>, salt: impl Into<Arc<str>>) -> Self {
        let (same, unanswered, always_right) = (Vec::new(), vec![Vec::new(); tiers.len()], vec![false; tiers.len()]);
        let empty = |spec: TierSpec| TierColumns { scores: vec![Vec::new(); spec.signals.len()], spec, ..TierColumns::default() };
        let table = Observations { tiers: tiers.into_iter().map(empty).collect(), salt: salt.into(), ..Observations::default() };
        Self { table, first: HashMap::new(), same, unanswered, always_right }
    }

    /// Adds a row; one that does not fit changes nothing.
    pub fn push(&mut self, row: &Row<'_>) -> Result<(), RowError> {
        self.check(row)?;
        let Self { table, first, same, unanswered, .. } = self;
        let at = table.len();
        let place = u32::try_from(at).map_err(|_| RowError::Full)?;
        let item = match row.group {
            None => place,
            Some(group) => *first.entry(group.into()).or_insert_with(|| {
                table.groups.push((place, fingerprint("group", group)));
                place
            }),
        };
        table.ids.push(fingerprint("id", row.id));
        table.ties.push(Tie::of(&table.salt, row.id).get());
        table.items.push(item);
        table.grouped += usize::from(row.group.is_some());
        table.segments.push(row.segment);
        table.strata.push(row.stratum);
        if row.weight.is_some() && table.weights.is_none() {
            table.weights = Some(vec![1.0; at]);
        }
        if let Some(weights) = &mut table.weights {
            weights.push(row.weight.unwrap_or(1.0));
        }
        let last = row.tiers.len() - 1;
        for (ix, (tier, cell)) in table.tiers.iter_mut().zip(row.tiers).enumerate() {
            if cell.quality.is_none() {
                tier.ungraded.push((place, cell.as_last || ix == last));
            } else if cell.as_last && row.tiers[last].quality.is_none() {
                same.push((place, ix));
            }
            if cell.unanswered {
                unanswered[ix].push(place);
            }
            tier.quality.push(cell.quality.unwrap_or(Quality::WRONG));
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
        let tiers = &self.table.tiers;
        if self.table.len() >= UNKNOWN_U32 as usize {
            return Err(RowError::Full);
        }
        let shape = |what: &str, of: &str, found: usize, expected: usize| {
            if found == expected { Ok(()) } else { Err(RowError::Shape { what: format!("{what}{of}"), found, expected }) }
        };
        shape("tiers", "", row.tiers.len(), tiers.len())?;
        for (tier, cell) in tiers.iter().zip(row.tiers) {
            shape("signals of ", &tier.spec.name, cell.scores.len(), tier.scores.len())?;
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
        let rows = self.table.len();
        let tier = &mut self.table.tiers[tier];
        tier.spec.signals.push(label.into());
        tier.scores.push(vec![f64::NAN; rows]);
    }

    /// Says who judged a tier's answers.
    ///
    /// # Panics
    /// If there is no such tier.
    pub fn set_judge(&mut self, tier: usize, judge: impl Into<Arc<str>>) {
        self.table.tiers[tier].spec.judge = Some(judge.into());
    }

    /// Says that a tier is right whatever it answers, as a person is taken to be: it is nobody's to grade.
    ///
    /// # Panics
    /// If there is no such tier.
    pub fn set_always_right(&mut self, tier: usize) {
        self.always_right[tier] = true;
    }

    /// Says that signals read the answers themselves: what they read was not lost on the way.
    pub fn replayed(&mut self) {
        self.table.replayed = true;
    }

    /// What there is so far.
    pub fn so_far(&self) -> &Observations {
        &self.table
    }

    /// The table.
    pub fn finish(mut self) -> Observations {
        let nowhere = self.of_people();
        self.settle();
        self.derive();
        self.table.people = People { unjudged: self.unjudged(), nowhere };
        self.table.mixed = self.mixed();
        self.part_repeats();
        self.table
    }

    /// Where people graded some tier's answer in a row, an answer that another tier did not give counts as wrong to them, too. Returns in how
    /// many rows no judged tier gave any.
    fn of_people(&mut self) -> u64 {
        let tiers = &mut self.table.tiers;
        let judged: Vec<usize> = (0..tiers.len()).filter(|tier| tiers[*tier].spec.judge.is_some()).collect();
        let nowhere = |row: &u32| judged.iter().all(|tier| self.unanswered[*tier].binary_search(row).is_ok());
        for tier in &judged {
            for row in &self.unanswered[*tier] {
                if judged.iter().any(|tier| tiers[*tier].human[*row as usize] != UNKNOWN_U32) {
                    tiers[*tier].human[*row as usize] = Quality::WRONG.nano();
                }
            }
        }
        judged.first().map_or(0, |tier| self.unanswered[*tier].iter().filter(|row| nowhere(row)).count() as u64)
    }

    /// How many answers of judged tiers people graded and the judge did not.
    fn unjudged(&self) -> u64 {
        let of_tier =
            |tier: &TierColumns| tier.ungraded.iter().filter(|(row, _)| tier.human[*row as usize] != UNKNOWN_U32).count() as u64;
        self.table.tiers.iter().filter(|tier| tier.spec.judge.is_some()).map(of_tier).sum()
    }

    /// Where people graded every row of a judged tier, their grades are the tier's: the judge adds nothing to what is known.
    fn settle(&mut self) {
        for tier in &mut self.table.tiers {
            let known = |nano: &u32| if *nano == UNKNOWN_U32 { None } else { Quality::new(f64::from(*nano) / 1e9) };
            let grades: Option<Vec<Quality>> =
                tier.spec.judge.is_some().then(|| tier.human.iter().map(known).collect()).flatten();
            if let Some(grades) = grades.filter(|grades| !grades.is_empty()) {
                tier.quality = grades;
                tier.ungraded.clear();
                tier.human.fill(UNKNOWN_U32);
                tier.spec.judge = None;
            }
        }
    }

    /// Answers that are the last tier's are worth what that is: one grade is enough, where one grader gives both.
    fn derive(&mut self) {
        let Some((last, before)) = self.table.tiers.split_last_mut() else { return };
        let alike: Vec<bool> = before.iter().map(|tier| tier.spec.judge == last.spec.judge).collect();
        let mut same = self.same.as_slice();
        last.ungraded.retain(|(row, _)| {
            let of_row = same.partition_point(|(at, _)| at < row);
            same = &same[of_row..];
            let others = same.iter().take_while(|(at, _)| at == row).filter(|(_, tier)| alike[*tier]);
            let mut grades = others.map(|(_, tier)| before[*tier].quality[*row as usize]);
            let Some(grade) = grades.next().filter(|first| grades.all(|other| other == *first)) else { return true };
            last.quality[*row as usize] = grade;
            false
        });
        for (tier, alike) in before.iter_mut().zip(alike) {
            let known = |row: u32| last.ungraded.binary_search_by_key(&row, |(row, _)| *row).is_err();
            tier.ungraded.retain_mut(|(row, as_last)| {
                *as_last &= alike;
                let derived = *as_last && known(*row);
                if derived {
                    tier.quality[*row as usize] = last.quality[*row as usize];
                }
                !derived
            });
        }
    }

    /// Where different graders graded the tiers.
    fn mixed(&self) -> Option<MixedGraders> {
        let rows = self.table.len();
        let has_grades =
            |at: usize, tier: &TierColumns| !self.always_right[at] && tier.ungraded.len() + self.unanswered[at].len() < rows;
        let tiers = self.table.tiers.iter().enumerate().filter(|(at, tier)| has_grades(*at, tier));
        let mut graded = tiers.map(|(_, tier)| (tier.spec.name.clone(), tier.spec.judge.clone()));
        let first = graded.next()?;
        let other = graded.find(|other| other.1 != first.1)?;
        Some(MixedGraders { tiers: [first, other] })
    }

    /// Gives rows whose id an earlier row has ties of their own. They are requests like any other, since only a group says
    /// that rows repeat an item; with one tie for all, a cut inside equal gate values would choose among questions.
    fn part_repeats(&mut self) {
        let table = &mut self.table;
        let mut rows: Vec<(u64, u32)> = table.ids.iter().copied().zip(0..).collect();
        rows.par_sort_unstable();
        let mut items: Vec<(u64, u32)> = table.ids.iter().copied().zip(table.items.iter().copied()).collect();
        items.par_sort_unstable();
        items.dedup();
        table.repeated = items.windows(2).filter(|pair| pair[0].0 == pair[1].0).count() as u64;
        let mut nth = 0;
        for pair in rows.windows(2) {
            let [(before, _), (id, row)] = [pair[0], pair[1]];
            nth = if id == before { nth + 1 } else { 0 };
            if nth > 0 {
                // Keyed by the place among its like alone: whatever else is known of the row has no say.
                table.ties[row as usize] = Tie::of(&table.salt, &format!("{id:016x} {nth}")).get();
            }
        }
    }
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
        Cell { latency_ms: Some(1.5), ..Cell::graded(Quality::RIGHT, scores) }
    }

    fn row<'a>(id: &'a str, group: Option<&'a str>, tiers: &'a [Cell<'a>]) -> Row<'a> {
        Row { id, segment: None, stratum: None, group, weight: None, tiers }
    }

    fn table() -> Builder {
        let spec = |name: &str, signals: &[&str]| TierSpec {
            name: name.into(),
            signals: signals.iter().map(|s| (*s).into()).collect(),
            judge: None,
        };
        Builder::new(vec![spec("small", &["sum"]), spec("large", &[])], "salt")
    }

    #[test]
    fn rows_of_a_group_are_one_item_and_others_items_of_their_own() {
        let mut table = table();
        for (id, group) in [("a", None), ("b", Some("g")), ("c", None), ("d", Some("g")), ("e", None)] {
            table.push(&row(id, group, &[cell(&[None]), cell(&[])])).unwrap();
        }
        let table = table.finish();
        assert_eq!(table.items(), [0, 1, 2, 1, 4]);
        assert_eq!(table.groups().len(), 1);
    }

    #[test]
    fn a_row_that_does_not_fit_changes_nothing() {
        let mut table = table();
        assert!(table.push(&row("a", None, &[cell(&[])])).is_err());
        assert!(table.push(&row("a", None, &[cell(&[]), cell(&[])])).is_err());
        assert!(table.so_far().is_empty() && table.so_far().quality(0).is_empty());
    }

    #[test]
    fn a_signal_that_comes_late_abstained_before() {
        let mut table = table();
        table.push(&row("a", None, &[cell(&[Score::new(0.5)]), cell(&[])])).unwrap();
        table.add_signal(1, "late");
        assert!(table.push(&row("b", None, &[cell(&[None]), cell(&[])])).is_err());
        table.push(&row("b", None, &[cell(&[None]), cell(&[Score::new(1.0)])])).unwrap();
        let table = table.finish();
        let late = table.scores(1, "late").unwrap();
        assert!(late[0].is_nan() && late[1].total_cmp(&1.0).is_eq());
    }

    #[test]
    fn unknown_costs_stay_unknown() {
        let mut table = table();
        let known = Cell { cost: Some(Money::from_pico(7)), ..cell(&[None]) };
        table.push(&row("a", None, &[known, cell(&[])])).unwrap();
        let table = table.finish();
        assert_eq!((table.costs(0), table.costs(1)), (Some(&[7][..]), None));
        assert_eq!(table.latencies(0), Some(&[1500][..]));
    }

    #[test]
    fn rows_that_share_an_id_but_no_item_have_ties_of_their_own() {
        let ids = ["a", "b", "a", "a", "c"];
        let mut table = table();
        for id in ids {
            table.push(&row(id, None, &[cell(&[None]), cell(&[])])).unwrap();
        }
        let table = table.finish();
        let mut ties = table.ties().to_vec();
        assert!(
            ids.iter().zip(&ties).filter(|(id, _)| **id != "a").all(|(id, tie)| Tie::of("salt", id).get().total_cmp(tie).is_eq())
        );
        assert!(ties[0].total_cmp(&Tie::of("salt", "a").get()).is_eq(), "the first is what a request of this id has");
        ties.sort_by(f64::total_cmp);
        assert!(ties.windows(2).all(|pair| pair[0] < pair[1]), "{ties:?}");
        assert_eq!(table.repeated_ids(), 2);
        let mut grouped = self::table();
        for (id, group) in [("a", Some("g")), ("a", Some("g")), ("a", None)] {
            grouped.push(&row(id, group, &[cell(&[None]), cell(&[])])).unwrap();
        }
        assert_eq!(grouped.finish().repeated_ids(), 1, "rows of one group say that they repeat");
    }
}

//! Pieces put together, in the files' order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tierfall_calibrate::observations::{Builder, Cell, Condition, Row, TierSpec};
use tierfall_core::number::Score;

use super::chunk::{Chunk, Lack, Without};
use super::faults::Faults;
use super::names::{self, Names};
use super::options::{ReadOptions, Ungraded};
use super::row::Cell as Written;
use super::scale::Seen;
use super::source::Source;
use super::{LeftOut, ObservationsError, ReadOut, SignalSummary, Summary, TierSummary};

/// The table as it grows.
pub(super) struct Collector<'o> {
    options: &'o ReadOptions,
    table: Builder,
    summary: Summary,
    lacks: BTreeMap<Lack, u64>,
    /// By tier, rows of the table that say nothing of it.
    absent: Vec<u64>,
    unweighted: Lost,
    unsegmented: Lost,
    ungrouped: Lost,
    judges: Vec<BTreeSet<Box<str>>>,
    human: Vec<u64>,
    unknown_cost: Vec<u64>,
    other_tiers: Names,
    /// By tier, the table's signals.
    signals: Vec<Vec<Arc<str>>>,
    /// By tier, what is called a signal, whether it has a number or not.
    called: Vec<Names>,
    /// By tier, columns that would be signals if they were asked for.
    candidates: Vec<Names>,
    faults: Faults,
    /// By tier, the grades under `correct` and `judged`.
    scales: Vec<[Seen; 2]>,
    path: PathBuf,
    /// Lines of the file before the piece that comes next.
    lines: u64,
}

/// Rows of the table that lack something, and where the first of them is.
#[derive(Debug, Default)]
struct Lost {
    rows: u64,
    first: Option<(PathBuf, u64)>,
}

impl Lost {
    /// Adds those of a piece of a file that has so many lines before it.
    fn add(&mut self, (path, lines): (&Path, u64), piece: &Without) {
        self.rows += piece.rows;
        if let (None, Some(line)) = (&self.first, piece.first) {
            self.first = Some((path.to_owned(), lines + line));
        }
    }
}

impl<'o> Collector<'o> {
    pub(super) fn new(options: &'o ReadOptions) -> Self {
        let k = options.chain.len();
        let spec = |name: &Arc<str>| TierSpec { name: name.clone(), signals: Vec::new(), judge: None };
        Self {
            options,
            table: Builder::new(options.chain.iter().map(spec).collect(), options.salt.clone()),
            summary: Summary::default(),
            lacks: BTreeMap::new(),
            absent: vec![0; k],
            unweighted: Lost::default(),
            unsegmented: Lost::default(),
            ungrouped: Lost::default(),
            judges: vec![BTreeSet::new(); k],
            human: vec![0; k],
            unknown_cost: vec![0; k],
            other_tiers: Names::default(),
            signals: vec![Vec::new(); k],
            called: vec![Names::default(); k],
            candidates: vec![Names::default(); k],
            faults: Faults::default(),
            scales: vec![<[Seen; 2]>::default(); k],
            path: PathBuf::new(),
            lines: 0,
        }
    }

    /// The pieces that follow are of this file.
    pub(super) fn begin(&mut self, source: &Source) {
        source.path().clone_into(&mut self.path);
        self.lines = 0;
        let Some(columns) = source.columns() else { return };
        for (all, these) in self.candidates.iter_mut().zip(&columns.candidates) {
            for name in these {
                all.add(name);
            }
        }
        if !columns.unread.is_empty() {
            let names = names::some(columns.unread.iter().map(String::as_str));
            let file = source.path().display();
            self.summary.warnings.push(format!("{file}: columns that nobody calls signals are not read: {names}"));
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.summary.read
    }

    pub(super) fn add(&mut self, chunk: &Chunk) -> Result<(), ObservationsError> {
        self.faults.add(&self.path, self.lines, &chunk.faults);
        for (all, these) in self.scales.iter_mut().flatten().zip(chunk.scales.iter().flatten()) {
            all.merge(these);
        }
        let here = (&*self.path, self.lines);
        self.unweighted.add(here, &chunk.unweighted);
        self.unsegmented.add(here, &chunk.unsegmented);
        self.ungrouped.add(here, &chunk.ungrouped);
        self.lines += chunk.lines;
        let summary = &mut self.summary;
        summary.read += chunk.read;
        summary.other_splits += chunk.other_splits;
        summary.without_split += chunk.without_split;
        for (split, n) in &chunk.splits {
            *summary.splits.entry(split.to_string()).or_default() += n;
        }
        for (lack, n) in &chunk.lacks {
            *self.lacks.entry(*lack).or_default() += n;
        }
        for (all, these) in self.called.iter_mut().zip(&chunk.met.signals) {
            these.iter().for_each(|name| all.add(name));
        }
        chunk.met.other_tiers.iter().for_each(|name| self.other_tiers.add(name));
        for (all, these) in self.judges.iter_mut().zip(&chunk.judges) {
            all.extend(these.iter().cloned());
        }
        self.push(chunk)
    }

    fn push(&mut self, chunk: &Chunk) -> Result<(), ObservationsError> {
        let k = self.options.chain.len();
        // By tier, for every signal of the table its column in the piece.
        let mut columns: Vec<Vec<Option<&[f64]>>> = Vec::with_capacity(k);
        for tier in 0..k {
            for (name, column) in chunk.met.signals[tier].iter().zip(&chunk.scores[tier]) {
                // A key that never has a number is no signal.
                let has_number = || column.iter().any(|score| !score.is_nan());
                if !self.signals[tier].iter().any(|known| **known == *name) && has_number() {
                    self.table.add_signal(tier, name);
                    self.signals[tier].push(name.into());
                }
            }
            let local = |label: &Arc<str>| {
                let at = chunk.met.signals[tier].iter().position(|name| *name == **label)?;
                chunk.scores[tier].get(at).map(Vec::as_slice)
            };
            columns.push(self.signals[tier].iter().map(local).collect());
        }
        let mut scores: Vec<Vec<Option<Score>>> = vec![Vec::new(); k];
        for (at, row) in chunk.rows.iter().enumerate() {
            for (scores, columns) in scores.iter_mut().zip(&columns) {
                scores.clear();
                scores.extend(columns.iter().map(|column| Score::new(*column.as_ref()?.get(at)?)));
            }
            let values = &chunk.values[at * k..(at + 1) * k];
            let cells: Vec<Cell<'_>> = values
                .iter()
                .zip(&scores)
                .map(|(values, scores)| Cell {
                    quality: values.quality,
                    as_last: values.as_last,
                    human: values.human,
                    unanswered: values.absent,
                    scores,
                    cost: values.cost,
                    latency_ms: values.latency_ms,
                    length: values.length,
                })
                .collect();
            let text = |range: &std::ops::Range<usize>| &chunk.text[range.clone()];
            let row = Row {
                id: text(&row.id),
                segment: row.segment.as_ref().map(text),
                stratum: row.segment.as_ref().map(text),
                group: row.group.as_ref().map(text),
                weight: row.weight,
                tiers: &cells,
            };
            if self.options.ungraded == Ungraded::AtRandom && !row.is_graded() {
                *self.lacks.entry(Lack::Grade).or_default() += 1;
                continue;
            }
            for (tier, values) in values.iter().enumerate() {
                self.absent[tier] += u64::from(values.absent);
                self.human[tier] += u64::from(values.human.is_some());
                self.unknown_cost[tier] += u64::from(values.cost.is_none());
            }
            self.table.push(&row).map_err(|error| ObservationsError::Options(error.to_string()))?;
        }
        Ok(())
    }

    /// The table, or why there is none.
    pub(super) fn finish(mut self) -> Result<ReadOut, ObservationsError> {
        let chain = &self.options.chain;
        self.summary.used = self.table.so_far().len() as u64;
        let last = chain.last().cloned().unwrap_or_default();
        for (lack, rows) in &self.lacks {
            let reason = match lack {
                Lack::Last => format!("no tier \"{last}\""),
                Lack::Grade => "some answer has no grade".to_owned(),
            };
            self.summary.left_out.push(LeftOut { reason, rows: *rows });
        }
        for (tier, rows) in chain.iter().zip(&self.absent).filter(|(_, rows)| **rows > 0) {
            self.summary.warnings.push(format!("{rows} rows say nothing of tier \"{tier}\": they escalate there"));
        }
        self.summary.other_tiers = self.other_tiers.iter().map(str::to_owned).collect();
        if let Some(error) = self.nothing_named() {
            return Err(error);
        }
        let faults = std::mem::take(&mut self.faults);
        let settled = faults.settle(self.summary.read, self.options.bad_rows, || self.scales());
        (self.summary.bad, self.summary.first_bad) = settled.map_err(ObservationsError::Rows)?;
        if self.table.so_far().is_empty() {
            return Err(self.nothing());
        }
        let without = |what: &str, without: &Lost, why: &str| {
            let (path, line) = without.first.as_ref()?;
            let (rows, used, path) = (without.rows, self.summary.used, path.display());
            Some(ObservationsError::Options(format!(
                "{rows} of {used} rows have no {what}, the first of them {path}:{line}: {why}"
            )))
        };
        let some_weigh = self.unweighted.rows < self.summary.used;
        let of_weights = "others have one, and a row without one is not one of weight 1, so write it";
        let weights = some_weigh.then(|| without("weight", &self.unweighted, of_weights)).flatten();
        let of_segments = "thresholds depend on it, and a row that lost its own would count in another. Write it, or declare with \
                           --unsegmented rest that such requests have none at run time";
        let segments = self.options.segments.then(|| without("segment", &self.unsegmented, of_segments)).flatten();
        if let Some(error) = weights.or(segments) {
            return Err(error);
        }
        for tier in 0..chain.len() {
            if !self.judges[tier].is_empty() {
                let judge = self.judges[tier].iter().map(|judge| &**judge).collect::<Vec<_>>().join(", ");
                self.table.set_judge(tier, judge);
            }
        }
        let abstained = |tier: usize, signal: &str| {
            let scores = self.table.so_far().scores(tier, signal).unwrap_or_default();
            scores.iter().filter(|score| score.is_nan()).count() as u64
        };
        let silent = |tier: usize, spec: &TierSpec| {
            let called = self.called[tier].iter().filter(|name| !spec.signals.iter().any(|known| **known == **name));
            called.map(str::to_owned).collect()
        };
        let tier = |(tier, spec): (usize, &TierSpec)| TierSummary {
            tier: spec.name.clone(),
            signals: spec.signals.iter().map(|s| SignalSummary { signal: s.clone(), abstained: abstained(tier, s) }).collect(),
            silent: silent(tier, spec),
            candidates: self.candidates[tier].iter().map(str::to_owned).collect(),
            unknown_cost: self.unknown_cost[tier],
            judge: spec.judge.clone(),
            human: self.human[tier],
        };
        self.summary.tiers = self.table.so_far().tiers().enumerate().map(tier).collect();
        let mut observations = self.table.finish();
        let rows = |lack: Lack| self.lacks.get(&lack).copied().filter(|rows| *rows > 0);
        let bad = Some(self.summary.bad).filter(|rows| *rows > 0);
        let ungrouped = Some(self.ungrouped.rows).filter(|rows| *rows > 0 && observations.has_repeats());
        let conditions = [
            rows(Lack::Last).map(|rows| Condition::WithoutLast { tier: last, rows }),
            rows(Lack::Grade).map(|rows| Condition::UngradedAtRandom { rows }),
            bad.map(|rows| Condition::BadAtRandom { rows }),
            ungrouped.map(|rows| Condition::Ungrouped { rows }),
        ];
        observations.set_conditions(conditions.into_iter().flatten());
        self.summary.repeated_ids = observations.repeated_ids();
        Ok(ReadOut { observations, summary: self.summary })
    }

    /// What the grades look like, tier by tier.
    fn scales(&self) -> Vec<String> {
        let of_tier = |(tier, seen): (&Arc<str>, &[Seen; 2])| -> Vec<String> {
            let columns =
                [Written::CORRECT, Written::JUDGED].map(|field| format!("\"{}\" of tier \"{tier}\"", Written::FIELDS[field]));
            columns.iter().zip(seen).filter_map(|(column, seen)| seen.hint(column, 1.0)).collect()
        };
        self.options.chain.iter().zip(&self.scales).flat_map(of_tier).collect()
    }

    /// Whether no row has the split or a tier that was asked for, as far as all rows can be read: its name is probably wrong.
    fn nothing_named(&self) -> Option<ObservationsError> {
        let (summary, chain) = (&self.summary, &self.options.chain);
        if let Some(split) = &self.options.split
            && !summary.splits.contains_key(split)
            && summary.read > 0
            && summary.without_split + summary.splits.values().sum::<u64>() == summary.read
        {
            let hint = names::hint(split, "splits", summary.splits.keys().map(String::as_str));
            return Some(ObservationsError::UnknownSplit { split: split.clone(), hint });
        }
        if !self.faults.is_empty() {
            return None;
        }
        let (taken, lost) = (summary.used, self.lacks.get(&Lack::Last).copied().unwrap_or_default());
        let nowhere = |tier: &usize| match taken {
            0 => *tier + 1 == chain.len() && lost > 0 && lost == self.lacks.values().sum::<u64>(),
            _ => self.absent[*tier] == taken,
        };
        let tier = (0..chain.len()).find(nowhere)?;
        let others = chain.iter().enumerate().filter(|(other, _)| *other != tier && self.absent[*other] < taken.max(1));
        let known = self.other_tiers.iter().chain(others.map(|(_, tier)| &**tier));
        let hint = names::hint(&chain[tier], "tiers", known.collect::<Vec<_>>().into_iter());
        Some(ObservationsError::UnknownTier { tier: chain[tier].to_string(), hint })
    }

    /// Why no row is left.
    fn nothing(&self) -> ObservationsError {
        let summary = &self.summary;
        let mut why: Vec<String> = summary.left_out.iter().map(|left| format!("{} rows: {}", left.rows, left.reason)).collect();
        if summary.other_splits > 0 {
            why.push(format!("{} rows are of other splits", summary.other_splits));
        }
        if let Some(first) = summary.first_bad.first() {
            why.push(format!("{} rows are bad, the first of them {first}", summary.bad));
        }
        if summary.read == 0 {
            why.push("the files hold no row at all".to_owned());
        }
        ObservationsError::NothingUsable { read: summary.read, why: why.join("; ") }
    }
}

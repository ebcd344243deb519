//! Pieces put together, in the files' order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tierfall_calibrate::observations::{Builder, Cell, Row, TierSpec};
use tierfall_core::number::Score;

use super::chunk::{Chunk, Lack};
use super::names::{self, Names};
use super::options::ReadOptions;
use super::{BadRow, LeftOut, ObservationsError, ReadOut, SignalSummary, Summary, TierSummary};

/// The table as it grows.
pub(super) struct Collector<'o> {
    options: &'o ReadOptions,
    table: Builder,
    summary: Summary,
    lacks: BTreeMap<Lack, u64>,
    judges: Vec<BTreeSet<Box<str>>>,
    human: Vec<u64>,
    unknown_cost: Vec<u64>,
    other_tiers: Names,
    other_signals: Names,
    /// By tier, the table's signals.
    signals: Vec<Vec<Arc<str>>>,
    path: PathBuf,
    /// Lines of the file before the piece that comes next.
    lines: u64,
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
            judges: vec![BTreeSet::new(); k],
            human: vec![0; k],
            unknown_cost: vec![0; k],
            other_tiers: Names::default(),
            other_signals: Names::default(),
            signals: vec![Vec::new(); k],
            path: PathBuf::new(),
            lines: 0,
        }
    }

    /// The pieces that follow are of this file.
    pub(super) fn begin(&mut self, path: &Path) {
        path.clone_into(&mut self.path);
        self.lines = 0;
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.summary.warnings.push(warning);
    }

    pub(super) fn rows(&self) -> u64 {
        self.summary.read
    }

    pub(super) fn add(&mut self, chunk: &Chunk) -> Result<(), ObservationsError> {
        for (line, field, reason) in &chunk.first_bad {
            let (field, reason) = (field.clone(), reason.clone());
            let bad = BadRow { path: self.path.clone(), line: self.lines + line, field, reason };
            if self.options.strict {
                return Err(ObservationsError::Strict(bad));
            }
            if self.summary.first_bad.len() < Summary::SHOWN {
                self.summary.first_bad.push(bad);
            }
        }
        self.lines += chunk.lines;
        let summary = &mut self.summary;
        summary.read += chunk.read;
        summary.bad += chunk.bad;
        summary.other_splits += chunk.other_splits;
        summary.without_split += chunk.without_split;
        for (split, n) in &chunk.splits {
            *summary.splits.entry(split.to_string()).or_default() += n;
        }
        for (lack, n) in &chunk.lacks {
            *self.lacks.entry(*lack).or_default() += n;
        }
        chunk.met.other_tiers.iter().for_each(|name| self.other_tiers.add(name));
        chunk.met.other_signals.iter().for_each(|name| self.other_signals.add(name));
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
                    quality: Some(values.quality),
                    as_last: false,
                    human: values.human,
                    scores,
                    cost: values.cost,
                    latency_ms: values.latency_ms,
                    length: values.length,
                })
                .collect();
            for (tier, values) in values.iter().enumerate() {
                self.human[tier] += u64::from(values.human.is_some());
                self.unknown_cost[tier] += u64::from(values.cost.is_none());
            }
            let text = |range: &std::ops::Range<usize>| &chunk.text[range.clone()];
            let row = Row {
                id: text(&row.id),
                segment: row.segment.as_ref().map(text),
                stratum: row.segment.as_ref().map(text),
                group: row.group.as_ref().map(text),
                weight: row.weight,
                tiers: &cells,
            };
            self.table.push(&row).map_err(|error| ObservationsError::Options(error.to_string()))?;
        }
        Ok(())
    }

    /// The table, or why there is none.
    pub(super) fn finish(mut self) -> Result<ReadOut, ObservationsError> {
        let chain = &self.options.chain;
        self.summary.used = self.table.so_far().len() as u64;
        for (lack, rows) in &self.lacks {
            let reason = match lack {
                Lack::Tier(tier) => format!("no tier \"{}\"", chain[*tier]),
                Lack::Grade(tier) => format!("no grade for tier \"{}\"", chain[*tier]),
                Lack::Judged(tier) => format!("tier \"{}\" is graded by a judge, but not in these rows", chain[*tier]),
                Lack::Split => "no split".to_owned(),
            };
            self.summary.left_out.push(LeftOut { reason, rows: *rows });
        }
        self.summary.other_tiers = self.other_tiers.iter().map(str::to_owned).collect();
        if self.table.so_far().is_empty() {
            return Err(self.nothing());
        }
        self.check_signals()?;
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
        let tier = |(tier, spec): (usize, &TierSpec)| TierSummary {
            tier: spec.name.clone(),
            signals: spec.signals.iter().map(|s| SignalSummary { signal: s.clone(), abstained: abstained(tier, s) }).collect(),
            unknown_cost: self.unknown_cost[tier],
            judge: spec.judge.clone(),
            human: self.human[tier],
        };
        self.summary.tiers = self.table.so_far().tiers().enumerate().map(tier).collect();
        let observations = self.table.finish();
        self.summary.repeated_ids = observations.repeated_ids();
        Ok(ReadOut { observations, summary: self.summary })
    }

    fn check_signals(&self) -> Result<(), ObservationsError> {
        for signal in self.options.signals.iter().flatten() {
            if !self.signals.iter().flatten().any(|known| known == signal) {
                let known: BTreeSet<&str> =
                    self.other_signals.iter().chain(self.signals.iter().flatten().map(|known| &**known)).collect();
                let hint = names::hint(signal, "signals", known.iter().copied());
                return Err(ObservationsError::UnknownSignal { signal: signal.to_string(), hint });
            }
        }
        Ok(())
    }

    /// Why no row is left.
    fn nothing(&self) -> ObservationsError {
        let (summary, chain) = (&self.summary, &self.options.chain);
        if let Some(split) = &self.options.split
            && !summary.splits.contains_key(split)
            && summary.bad < summary.read
        {
            let hint = names::hint(split, "splits", summary.splits.keys().map(String::as_str));
            return ObservationsError::UnknownSplit { split: split.clone(), hint };
        }
        // All sound rows of the split lack one tier: its name is probably wrong.
        let sound: u64 = self.lacks.iter().filter(|(lack, _)| **lack != Lack::Split).map(|(_, n)| *n).sum();
        if let Some((Lack::Tier(tier), n)) = self.lacks.iter().find(|(lack, _)| matches!(lack, Lack::Tier(_)))
            && *n == sound
        {
            let known = self.other_tiers.iter().chain(chain[..*tier].iter().map(|tier| &**tier));
            let hint = names::hint(&chain[*tier], "tiers", known.collect::<Vec<_>>().into_iter());
            return ObservationsError::UnknownTier { tier: chain[*tier].to_string(), hint };
        }
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

//! Pieces put together, in the files' order.

use std::path::Path;
use std::sync::Arc;

use tierfall_calibrate::observations::{Cell, Condition, Row, TierSpec};
use tierfall_core::number::Score;

use super::chunk::Chunk;
use super::columns::Columns;
use super::counts::{Counts, Without};
use super::filling::{Filling, nothing_usable, unknown_split};
use super::names::{self, Names};
use super::options::ReadOptions;
use super::row::RawCell;
use super::scale::Seen;
use super::{LeftOut, ReadOut, Summary, TierSummary};
use crate::Error;

/// Keys the ties: these rows belong to no cascade.
const SALT: &str = "tierfall";

/// The table as it grows.
pub(super) struct Collector<'o> {
    options: &'o ReadOptions,
    filling: Filling,
    counts: Counts,
    /// By tier, columns that would be signals if they were asked for.
    candidates: Vec<Names>,
}

impl<'o> Collector<'o> {
    pub(super) fn new(options: &'o ReadOptions) -> Self {
        let spec = |name: &Arc<str>| TierSpec { name: name.clone(), signals: Vec::new(), judge: None };
        let specs: Vec<TierSpec> = options.chain.iter().map(spec).collect();
        let (counts, candidates) = (Counts::new(specs.len()), vec![Names::default(); specs.len()]);
        Self { options, filling: Filling::new(specs, SALT, options.ungraded), counts, candidates }
    }

    /// The pieces that follow are of this file; CSV has columns.
    pub(super) fn begin(&mut self, path: &Path, columns: Option<&Columns>) {
        let Some(columns) = columns else { return };
        for (all, these) in self.candidates.iter_mut().zip(&columns.candidates) {
            for name in these {
                all.add(name);
            }
        }
        if !columns.unread.is_empty() {
            let names = names::some(columns.unread.iter().map(String::as_str));
            let warning = format!("{}: columns that nobody calls signals are not read: {names}", path.display());
            self.counts.summary.warnings.push(warning);
        }
    }

    pub(super) fn add(&mut self, chunk: &Chunk<'_>) -> Result<(), Error> {
        self.counts.add(&chunk.counts);
        let k = self.options.chain.len();
        // By tier, for every signal of the table its column in the piece.
        let mut columns: Vec<Vec<Option<&[f64]>>> = Vec::with_capacity(k);
        for tier in 0..k {
            let (names, scores) = (&chunk.counts.signals[tier], &chunk.scores[tier]);
            for (name, column) in names.iter().zip(scores) {
                // A key that never has a number is no signal.
                let has_number = || column.iter().any(|score| !score.is_nan());
                if !self.signals(tier).iter().any(|known| **known == *name) && has_number() {
                    self.filling.table.add_signal(tier, name);
                }
            }
            let local = |label: &Arc<str>| {
                let at = names.iter().position(|name| *name == **label)?;
                scores.get(at).map(Vec::as_slice)
            };
            columns.push(self.signals(tier).iter().map(local).collect());
        }
        let mut scores: Vec<Vec<Option<Score>>> = vec![Vec::new(); k];
        for (at, row) in chunk.rows.iter().enumerate() {
            for (scores, columns) in scores.iter_mut().zip(&columns) {
                scores.clear();
                scores.extend(columns.iter().map(|column| Score::new(*column.as_ref()?.get(at)?)));
            }
            let cells = chunk.cells[at * k..(at + 1) * k].iter().zip(&scores);
            let cells: Vec<Cell<'_>> = cells.map(|(cell, scores)| Cell { scores, ..*cell }).collect();
            self.filling.push(&Row {
                id: &row.id,
                segment: row.segment.as_deref(),
                stratum: row.segment.as_deref(),
                group: row.group.as_deref(),
                weight: row.weight,
                tiers: &cells,
            })?;
        }
        Ok(())
    }

    fn signals(&self, tier: usize) -> &[Arc<str>] {
        &self.filling.table.so_far().spec(tier).signals
    }

    /// The table, or why there is none.
    pub(super) fn finish(mut self) -> Result<ReadOut, Error> {
        let chain = &self.options.chain;
        let last = chain.last().cloned().unwrap_or_default();
        let without_last = self.counts.without_last;
        let ungraded = self.filling.left_out();
        let summary = &mut self.counts.summary;
        summary.used = self.filling.len();
        if without_last > 0 {
            summary.left_out.push(LeftOut { reason: format!("no tier \"{last}\""), rows: without_last });
        }
        summary.left_out.extend(ungraded.iter().map(|(left_out, _)| left_out.clone()));
        for (tier, rows) in chain.iter().zip(&self.filling.unanswered).filter(|(_, rows)| **rows > 0) {
            summary.warnings.push(format!("{rows} rows say nothing of tier \"{tier}\": they escalate there"));
        }
        if let Some(error) = self.nothing_named() {
            return Err(error);
        }
        let faults = std::mem::take(&mut self.counts.faults);
        let settled = faults
            .settle(self.counts.summary.read, self.options.bad_rows, || self.columns(|seen, column| seen.hint(column, 1.0)));
        (self.counts.summary.bad, self.counts.summary.first_bad) = settled.map_err(Error::Rows)?;
        if let Some(why) = self.columns(Seen::unsure).first() {
            return Err(Error::refused(why));
        }
        let Self { options, mut filling, counts, candidates } = self;
        let Counts { mut summary, .. } = counts;
        let used = summary.used;
        if used == 0 {
            return Err(nothing(&summary));
        }
        let without = |what: &str, without: &Without, why: &str| {
            let (path, line) = without.first.as_ref()?;
            let (rows, path) = (without.rows, path.display());
            Some(Error::refused(format!("{rows} of {used} rows have no {what}, the first of them {path}:{line}: {why}")))
        };
        let some_weigh = counts.unweighted.rows < used;
        let of_weights = "others have one, and a row without one is not one of weight 1, so write it";
        let weights = some_weigh.then(|| without("weight", &counts.unweighted, of_weights)).flatten();
        let of_segments = "thresholds depend on it, and a row that lost its own would count in another. Write it, or declare with \
                           --unsegmented rest that such requests have none at run time";
        let segments = options.segments.then(|| without("segment", &counts.unsegmented, of_segments)).flatten();
        if let Some(error) = weights.or(segments) {
            return Err(error);
        }
        for (tier, judges) in counts.judges.iter().enumerate().filter(|(_, judges)| !judges.is_empty()) {
            filling.table.set_judge(tier, judges.iter().map(|judge| &**judge).collect::<Vec<_>>().join(", "));
        }
        let tiers = filling.tiers().into_iter().zip(&counts.signals).zip(&candidates);
        let tier = |((tier, called), candidates): ((TierSummary, &Names), &Names)| {
            let silent = called.iter().filter(|name| tier.signals.iter().all(|known| **known != **name));
            let (silent, candidates) = (silent.map(str::to_owned).collect(), candidates.iter().map(str::to_owned).collect());
            TierSummary { silent, candidates, ..tier }
        };
        summary.tiers = tiers.map(tier).collect();
        let mut observations = filling.table.finish();
        let ungrouped = Some(counts.ungrouped.rows).filter(|rows| *rows > 0 && observations.has_repeats());
        for tier in (0..observations.tiers().len()).filter(|tier| observations.costs(*tier).is_none()) {
            let name = &chain[tier];
            if options.prices.contains_key(&**name) {
                summary.warnings.push(format!(
                    "--price {name}: some row does not tell how many tokens went in and came out, so its cost stays unknown; --cost \
                     {name}=USD declares one"
                ));
            }
        }
        let conditions = [
            (without_last > 0).then_some(Condition::WithoutLast { tier: last, rows: without_last }),
            ungraded.map(|(_, condition)| condition),
            (summary.bad > 0).then_some(Condition::BadAtRandom { rows: summary.bad }),
            ungrouped.map(|rows| Condition::Ungrouped { rows }),
        ];
        observations.set_conditions(conditions.into_iter().flatten());
        summary.repeated_ids = observations.repeated_ids();
        Ok(ReadOut { observations, summary })
    }

    /// What is said of the columns of grades, tier by tier.
    fn columns(&self, said: impl Fn(&Seen, &str) -> Option<String>) -> Vec<String> {
        let mut all = Vec::new();
        for (tier, seen) in self.options.chain.iter().zip(&self.counts.scales) {
            for (field, seen) in [RawCell::CORRECT, RawCell::JUDGED].into_iter().zip(seen) {
                all.extend(said(seen, &format!("\"{}\" of tier \"{tier}\"", RawCell::FIELDS[field])));
            }
        }
        all
    }

    /// Whether no row has the split or a tier that was asked for, as far as all rows can be read: its name is probably wrong.
    fn nothing_named(&self) -> Option<Error> {
        let (summary, chain) = (&self.counts.summary, &self.options.chain);
        if let Some(split) = &self.options.split
            && !summary.splits.contains_key(split)
            && summary.read > 0
            && summary.without_split + summary.splits.values().sum::<u64>() == summary.read
        {
            return Some(unknown_split(split, summary));
        }
        if !self.counts.faults.is_empty() {
            return None;
        }
        let (taken, lost) = (summary.used, self.counts.without_last);
        let absent = |tier: usize| self.filling.unanswered[tier];
        let nowhere = |tier: &usize| match taken {
            0 => *tier + 1 == chain.len() && lost > 0 && self.filling.at_random == 0,
            _ => absent(*tier) == taken,
        };
        let tier = (0..chain.len()).find(nowhere)?;
        let others = chain.iter().enumerate().filter(|(other, _)| *other != tier && absent(*other) < taken.max(1));
        let known = self.counts.other_tiers.iter().chain(others.map(|(_, tier)| &**tier));
        let hint = names::hint(&chain[tier], "tiers", known.collect::<Vec<_>>().into_iter());
        Some(Error::refused(format!("no row has the tier \"{}\"; {hint}", chain[tier])))
    }
}

/// Why no row is left.
fn nothing(summary: &Summary) -> Error {
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
    nothing_usable(summary.read, &why)
}

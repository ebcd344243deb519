//! A piece of a file, parsed by itself: columns that are put together afterwards in the file's order.

use std::path::Path;

use tierfall_calibrate::observations as table;
use tierfall_calibrate::quality::Quality;
use tierfall_core::completion::Usage;
use tierfall_core::money::Money;

use super::counts::Counts;
use super::faults::Fault;
use super::lined::numbered;
use super::options::Config;
use super::row::{Places, RawCell, RawRow};
use super::scalar::Scalar;
use super::{as_python, json, json_error, text, value};

/// Log-probabilities from here down stand for "not in the top": −∞.
const MINUS_INFINITY: f64 = -1e9;

/// A row that was taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) segment: Option<String>,
    pub(super) group: Option<String>,
    pub(super) weight: Option<f64>,
}

/// The grades of a tier: `correct` and `judged`.
type Grades = [Option<Quality>; 2];

/// A parsed piece.
#[derive(Debug)]
pub(super) struct Chunk<'p> {
    path: &'p Path,
    places: Places,
    pub(super) counts: Counts,
    pub(super) rows: Vec<Taken>,
    /// Row by row, tier by tier; the scores are apart.
    pub(super) cells: Vec<table::Cell<'static>>,
    /// By tier and place in [`Counts::signals`]; NaN = abstained. Short columns end with abstentions.
    pub(super) scores: Vec<Vec<Vec<f64>>>,
    /// Tiers that turned out to be judged.
    pub(super) judged: Vec<usize>,
}

impl<'p> Chunk<'p> {
    pub(super) fn new(path: &'p Path, places: Places, config: &Config<'_>) -> Self {
        let k = config.options.chain.len();
        Self {
            path,
            places,
            counts: Counts::new(k),
            rows: Vec::new(),
            cells: Vec::new(),
            scores: vec![Vec::new(); k],
            judged: Vec::new(),
        }
    }

    /// Parses whole lines of JSON, of which the first has this number.
    pub(super) fn of_lines(path: &'p Path, first: u64, bytes: &[u8], config: &Config<'_>) -> Self {
        let mut chunk = Self::new(path, Places::Pointers, config);
        for (number, line) in numbered(first, bytes) {
            let read = as_python(line, |text| {
                chunk.take(number, &json::row(text, &config.options.chain)?, config);
                Ok(())
            });
            if let Err(error) = read {
                chunk.is_bad(number, Fault::new("", json_error(&error)));
            }
        }
        chunk
    }

    /// Takes a row, or counts why not.
    pub(super) fn take(&mut self, line: u64, row: &RawRow<'_>, config: &Config<'_>) {
        row.others.iter().for_each(|tier| self.counts.other_tiers.add(tier));
        for (names, cell) in self.counts.signals.iter_mut().zip(&row.cells) {
            cell.scores.iter().for_each(|(signal, _)| names.add(signal));
        }
        let summary = &mut self.counts.summary;
        match row.get(RawRow::SPLIT).as_text().map(str::trim) {
            Some(split) => match summary.splits.get_mut(split) {
                Some(rows) => *rows += 1,
                None => _ = summary.splits.insert(split.to_owned(), 1),
            },
            None => summary.without_split += 1,
        }
        match self.judge(line, row, config) {
            Ok(()) => self.counts.summary.read += 1,
            Err(fault) => self.is_bad(line, fault),
        }
    }

    pub(super) fn is_bad(&mut self, line: u64, fault: Fault) {
        self.counts.summary.read += 1;
        self.counts.faults.note(self.path, line, fault);
    }

    /// Takes a sound row, if it is one of those that are asked for.
    fn judge(&mut self, line: u64, row: &RawRow<'_>, config: &Config<'_>) -> Result<(), Fault> {
        let places = self.places;
        let at = |field: usize| move |reason: String| Fault::new(places.row(RawRow::FIELDS[field]), reason);
        if let Some(key) = row.twice {
            return Err(Fault::twice(places.row(key)));
        }
        // Of which split it is may be what could not be read.
        match row.get(RawRow::UNREADABLE) {
            value if value.is_missing() => {}
            Scalar::Text(why) => {
                return Err(at(RawRow::UNREADABLE)(format!("says that the row could not be read where it is from: {why}")));
            }
            value => return Err(at(RawRow::UNREADABLE)(value::wrong(value, "a text that says why the row could not be read"))),
        }
        if let Some(wanted) = config.options.split.as_deref() {
            match value::name(row.get(RawRow::SPLIT)).map_err(at(RawRow::SPLIT))? {
                Some(split) if split == wanted => {}
                Some(_) => {
                    self.counts.summary.other_splits += 1;
                    return Ok(());
                }
                None => return Err(at(RawRow::SPLIT)("is missing, and rows are taken by their split".to_owned())),
            }
        }
        if !row.get(RawRow::TIERS).may_have_keys() {
            return Err(Fault::new(places.row("tiers"), "is no object of tiers"));
        }
        // Before all else that can be wrong: a grade that is none must not be left out together with a row that is bad for another reason.
        let grades = self.grades(row, config)?;
        let id = value::name(row.get(RawRow::ID)).map_err(at(RawRow::ID))?;
        let id = id.ok_or_else(|| at(RawRow::ID)("is missing: the id decides the row's tie".to_owned()))?;
        let segment = value::name(row.get(RawRow::SEGMENT)).map_err(at(RawRow::SEGMENT))?.map(str::to_owned);
        let group = value::name(row.get(RawRow::GROUP)).map_err(at(RawRow::GROUP))?.map(str::to_owned);
        let weight = value::amount(row.get(RawRow::WEIGHT), 1.0)
            .map_err(|reason| at(RawRow::WEIGHT)(format!("{reason}: it is 1/probability of sampling the row")))?;
        let (mut cells, last) = (Vec::with_capacity(row.cells.len()), row.cells.len() - 1);
        // The scores of all tiers in the order in which their cells have them.
        let mut numbers = Vec::new();
        for (tier, cell) in row.cells.iter().enumerate() {
            let Some(cell) = self.cell(tier, cell, grades[tier], &mut numbers, config)? else { return Ok(()) };
            cells.push(cell);
        }
        if cells[last].unanswered {
            self.counts.without_last += 1;
            return Ok(());
        }
        if cells.iter().any(|cell| cell.quality.is_none()) {
            for (tier, cell) in cells.iter_mut().enumerate() {
                // Grades of different graders need not be equal where answers are.
                let alike = tier != last && config.judged[tier] == config.judged[last];
                cell.as_last = alike && is_same(row.cells[tier].get(RawCell::ANSWER), row.cells[last].get(RawCell::ANSWER));
            }
        }
        let at = self.rows.len();
        let mut numbers = numbers.into_iter();
        for (tier, cell) in row.cells.iter().enumerate() {
            let columns = &mut self.scores[tier];
            columns.resize_with(self.counts.signals[tier].len(), Vec::new);
            for ((signal, _), number) in cell.scores.iter().zip(&mut numbers) {
                let column = &mut columns[self.counts.signals[tier].place(signal)];
                column.resize(at, f64::NAN);
                column.push(number);
            }
        }
        self.counts.unweighted.note(self.path, line, weight.is_none());
        self.counts.unsegmented.note(self.path, line, segment.is_none());
        self.counts.ungrouped.note(self.path, line, group.is_none());
        self.cells.extend(cells);
        self.rows.push(Taken { id: id.to_owned(), segment, group, weight });
        Ok(())
    }

    /// Reads the grades of all tiers.
    fn grades(&mut self, row: &RawRow<'_>, config: &Config<'_>) -> Result<Vec<Grades>, Fault> {
        let mut all = Vec::with_capacity(row.cells.len());
        let mut fault = None;
        for (tier, cell) in row.cells.iter().enumerate() {
            let name = &*config.options.chain[tier];
            if let Some(field) = &cell.twice {
                return Err(Fault::twice(self.places.tier(name, field)));
            }
            let mut grades = Grades::default();
            for (place, field) in [RawCell::CORRECT, RawCell::JUDGED].into_iter().enumerate() {
                let value = cell.get(field);
                if value.is_absent() {
                    continue;
                }
                match self.counts.scales[tier][place].read(value, 1.0) {
                    Ok(grade) => grades[place] = grade.and_then(Quality::new),
                    Err(reason) => {
                        let field = self.places.tier(name, RawCell::FIELDS[field]);
                        fault.get_or_insert(Fault::of_grade(field, reason));
                    }
                }
            }
            all.push(grades);
        }
        fault.map_or(Ok(all), Err)
    }

    /// Reads one tier's part; none where its grades are a judge's, which was not known: what was read before is void.
    fn cell(
        &mut self,
        tier: usize,
        cell: &RawCell<'_>,
        [correct, judged]: Grades,
        numbers: &mut Vec<f64>,
        config: &Config<'_>,
    ) -> Result<Option<table::Cell<'static>>, Fault> {
        let (places, name) = (self.places, &*config.options.chain[tier]);
        let at = |field: usize| move |reason: String| Fault::new(places.tier(name, RawCell::FIELDS[field]), reason);
        match cell.get(RawCell::ITSELF) {
            // What nothing is said of is an answer without a grade where losses refer to it, and passed over before.
            Scalar::Object if cell.says || tier + 1 == config.options.chain.len() => {}
            // It is passed over, as a tier that gives no answer is.
            Scalar::Object | Scalar::Absent => {
                return Ok(Some(table::Cell { unanswered: true, ..table::Cell::graded(Quality::WRONG, &[]) }));
            }
            _ => return Err(Fault::new(places.tier(name, ""), "is no object")),
        }
        if !cell.get(RawCell::CONFIDENCE).may_have_keys() {
            return Err(Fault::new(places.tier(name, "confidence"), "is no object of signals"));
        }
        for (signal, score) in &cell.scores {
            let number = value::score(score).map_err(|reason| Fault::new(places.signal(name, signal), reason))?;
            // Few numbers are so low, and few names are looked at.
            let none = number <= MINUS_INFINITY && is_logprob(signal);
            numbers.push(if none { f64::NEG_INFINITY } else { number });
        }
        if judged.is_some() {
            let judge = value::name(cell.get(RawCell::JUDGE)).map_err(at(RawCell::JUDGE))?;
            let judge =
                judge.ok_or_else(|| at(RawCell::JUDGE)("is missing: it names who gave the grade \"judged\"".to_owned()))?;
            self.counts.judges[tier].insert(judge.into());
        }
        let amount = |field: usize| value::amount(cell.get(field), 0.0).map_err(at(field));
        let tokens = |field: usize| value::tokens(cell.get(field)).map_err(at(field));
        let (usd, latency_ms) = (amount(RawCell::COST)?, amount(RawCell::LATENCY)?);
        let (input, output) = (tokens(RawCell::INPUT)?, tokens(RawCell::OUTPUT)?);
        if usd.is_some_and(|usd| usd >= 1e6) {
            return Err(at(RawCell::COST)(value::wrong(cell.get(RawCell::COST), "what one query costs")));
        }
        let quality = match (config.judged[tier], correct, judged) {
            (false, _, Some(_)) => {
                self.judged.push(tier);
                return Ok(None);
            }
            // What a person says of an answer is not what the judge would have said.
            (true, _, judged) => judged,
            (false, correct, None) => correct,
        };
        let cost = if let Some(cost) = config.options.costs.get(name) {
            Some(*cost)
        } else if let Some(price) = config.options.prices.get(name) {
            let usage = |(input, output): (u32, u32)| Usage { input: input.into(), output: output.into(), ..Usage::default() };
            input.zip(output).map(|tokens| price.of(usage(tokens)))
        } else {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1e18")]
            usd.map(|usd| Money::from_pico((usd * 1e12).round() as u128))
        };
        let human = correct.filter(|_| config.judged[tier]);
        Ok(Some(table::Cell { quality, as_last: false, human, unanswered: false, scores: &[], cost, latency_ms, length: output }))
    }
}

/// Whether two answers are known to be the same text. Whether those are that the file does not hold is not known, nor whether a number is
/// that was a text before.
fn is_same(one: &Scalar<'_>, other: &Scalar<'_>) -> bool {
    match (one, other) {
        (Scalar::Text(one), Scalar::Text(other)) => !text::may_be_none(one) && one.trim() == other.trim(),
        (Scalar::Absent | Scalar::List | Scalar::Object, _) => false,
        (one, other) => one == other,
    }
}

/// Whether a signal is a log-probability, by its name.
fn is_logprob(signal: &str) -> bool {
    ["logprob", "log_prob", "log-prob"].iter().any(|word| signal.contains(word))
}

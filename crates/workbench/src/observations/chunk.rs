//! A piece of a file, parsed by itself: columns that are put together afterwards in the file's order.

use std::collections::BTreeSet;
use std::io::BufRead as _;
use std::ops::Range;

use tierfall_calibrate::quality::Quality;
use tierfall_core::completion::Usage;
use tierfall_core::money::Money;

use super::config::{Config, Met};
use super::faults::{Fault, Faults};
use super::names::Names;
use super::row::{Cell, Places, Presence, Row};
use super::scalar::Scalar;
use super::scale::Seen;
use super::{json, text, value};

/// Log-probabilities from here down stand for "not in the top": −∞.
const MINUS_INFINITY: f64 = -1e9;

/// A row that was taken.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) id: Range<usize>,
    pub(super) segment: Option<Range<usize>>,
    pub(super) group: Option<Range<usize>>,
    pub(super) weight: Option<f64>,
}

/// A tier's part of a row that was taken, its scores aside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    /// `None` = it has no grade.
    pub(super) quality: Option<Quality>,
    /// The answer is the last tier's.
    pub(super) as_last: bool,
    /// The row says nothing of the tier.
    pub(super) absent: bool,
    pub(super) human: Option<Quality>,
    pub(super) cost: Option<Money>,
    pub(super) latency_ms: Option<f64>,
    pub(super) length: Option<u32>,
}

impl Values {
    /// Of a tier that the row says nothing of: it is passed over, as one that gives no answer is.
    const ABSENT: Self = Self {
        quality: Some(Quality::WRONG),
        as_last: false,
        absent: true,
        human: None,
        cost: None,
        latency_ms: None,
        length: None,
    };
}

/// Why a sound row is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lack {
    /// The row says nothing of the last tier, which losses refer to.
    Last,
    /// Some answer has no grade, and which ones have none was declared to be chance.
    Grade,
}

/// Rows that lack something which other rows have.
#[derive(Clone, Debug, Default)]
pub(super) struct Without {
    pub(super) rows: u64,
    /// The line of the first of them.
    pub(super) first: Option<u64>,
}

impl Without {
    fn note(&mut self, line: u64, lacks: bool) {
        if lacks {
            self.rows += 1;
            self.first.get_or_insert(line);
        }
    }
}

/// What became of a row that can be read.
enum Verdict {
    Taken,
    OtherSplit,
    Lacks(Lack),
    /// The judge of this tier was not known of: what was read before is void.
    Judge(usize),
}

/// The grades of a tier: `correct` and `judged`.
type Grades = [Option<Quality>; 2];

/// A parsed piece.
#[derive(Debug)]
pub(super) struct Chunk {
    places: Places,
    pub(super) met: Met,
    pub(super) text: String,
    pub(super) rows: Vec<Taken>,
    /// Row by row, tier by tier.
    pub(super) values: Vec<Values>,
    /// By tier and place in [`Met::signals`]; NaN = abstained. Short columns end with abstentions.
    pub(super) scores: Vec<Vec<Vec<f64>>>,
    pub(super) read: u64,
    pub(super) other_splits: u64,
    pub(super) lacks: Vec<(Lack, u64)>,
    /// Of the rows taken, those without a weight.
    pub(super) unweighted: Without,
    /// Those that name no segment.
    pub(super) unsegmented: Without,
    /// Those that name no group.
    pub(super) ungrouped: Without,
    /// With lines as the caller of [`Chunk::take`] counts them.
    pub(super) faults: Faults,
    /// By tier, the grades under `correct` and `judged`.
    pub(super) scales: Vec<[Seen; 2]>,
    pub(super) splits: Vec<(Box<str>, u64)>,
    pub(super) without_split: u64,
    pub(super) judges: Vec<BTreeSet<Box<str>>>,
    /// Tiers that turned out to be judged.
    pub(super) judged: Vec<usize>,
    /// Lines, for those who count on.
    pub(super) lines: u64,
    /// Of the row at hand, by tier.
    grades: Vec<Grades>,
    /// Of the row at hand, the scores of all tiers in the order in which their cells have them.
    numbers: Vec<f64>,
}

impl Chunk {
    pub(super) fn new(config: &Config<'_>, places: Places) -> Self {
        let k = config.chain.len();
        Self {
            places,
            met: Met { signals: vec![Names::default(); k], other_tiers: Names::default() },
            text: String::new(),
            rows: Vec::new(),
            values: Vec::new(),
            scores: vec![Vec::new(); k],
            read: 0,
            other_splits: 0,
            lacks: Vec::new(),
            unweighted: Without::default(),
            unsegmented: Without::default(),
            ungrouped: Without::default(),
            faults: Faults::default(),
            scales: vec![<[Seen; 2]>::default(); k],
            splits: Vec::new(),
            without_split: 0,
            judges: vec![BTreeSet::new(); k],
            judged: Vec::new(),
            lines: 0,
            grades: Vec::with_capacity(k),
            numbers: Vec::new(),
        }
    }

    /// Parses whole lines of JSON; bad rows bear line numbers from 1.
    pub(super) fn of_lines(bytes: &[u8], config: &Config<'_>) -> Self {
        let mut chunk = Self::new(config, Places::Pointers);
        let mut row = Row::of(config.chain.len());
        let mut rest = bytes;
        while !rest.is_empty() {
            let from = rest;
            // Quicker than a look at byte after byte; a slice has no errors.
            let Ok(length) = rest.skip_until(b'\n') else { break };
            let line = &from[..length];
            chunk.lines += 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            row.clear();
            match json::line(line, config, &mut chunk.met, &mut row) {
                Ok(()) => chunk.take(chunk.lines, &row, config),
                Err(error) => chunk.take_python(line, &error, config),
            }
        }
        chunk
    }

    /// A second attempt at a line that is no JSON.
    fn take_python(&mut self, line: &[u8], error: &serde_json::Error, config: &Config<'_>) {
        let no_json = |error: &serde_json::Error| Fault::new("", json_error(error));
        let Some(text) = json::without_literals(line) else { return self.is_bad(self.lines, no_json(error)) };
        let mut row = Row::of(config.chain.len());
        match json::line(&text, config, &mut self.met, &mut row) {
            Ok(()) => self.take(self.lines, &row, config),
            Err(error) => self.is_bad(self.lines, no_json(&error)),
        }
    }

    /// Takes a row, or counts why not.
    pub(super) fn take(&mut self, line: u64, row: &Row<'_>, config: &Config<'_>) {
        match row.get(Row::SPLIT).as_text().map(str::trim) {
            Some(split) => match self.splits.iter_mut().find(|(known, _)| **known == *split) {
                Some((_, n)) => *n += 1,
                None => self.splits.push((split.into(), 1)),
            },
            None => self.without_split += 1,
        }
        let (text, values) = (self.text.len(), self.values.len());
        let verdict = self.judge(row, config);
        if !matches!(verdict, Ok(Verdict::Taken)) {
            self.text.truncate(text);
            self.values.truncate(values);
        }
        match verdict {
            Err(fault) => return self.is_bad(line, fault),
            Ok(Verdict::Taken) => {
                if let Some(Taken { weight, segment, group, .. }) = self.rows.last() {
                    self.unweighted.note(line, weight.is_none());
                    self.unsegmented.note(line, segment.is_none());
                    self.ungrouped.note(line, group.is_none());
                }
            }
            Ok(Verdict::OtherSplit) => self.other_splits += 1,
            Ok(Verdict::Lacks(lack)) => count(&mut self.lacks, lack),
            Ok(Verdict::Judge(tier)) => self.judged.push(tier),
        }
        self.read += 1;
    }

    pub(super) fn is_bad(&mut self, line: u64, fault: Fault) {
        self.read += 1;
        self.faults.note(line, fault);
    }

    fn judge(&mut self, row: &Row<'_>, config: &Config<'_>) -> Result<Verdict, Fault> {
        let places = self.places;
        let at = |field: usize| move |reason: String| Fault::new(places.row(Row::FIELDS[field]), reason);
        if let Some(key) = row.twice {
            return Err(Fault::twice(places.row(key)));
        }
        // Of which split it is may be what could not be read.
        match row.get(Row::UNREADABLE) {
            value if value.is_missing() => {}
            Scalar::Text(why) => {
                return Err(at(Row::UNREADABLE)(format!("says that the row could not be read where it is from: {why}")));
            }
            value => return Err(at(Row::UNREADABLE)(value::wrong(value, "a text that says why the row could not be read"))),
        }
        if let Some(wanted) = config.split {
            match value::name(row.get(Row::SPLIT)).map_err(at(Row::SPLIT))? {
                Some(split) if split == wanted => {}
                Some(_) => return Ok(Verdict::OtherSplit),
                None => return Err(at(Row::SPLIT)("is missing, and rows are taken by their split".to_owned())),
            }
        }
        if row.has_tiers == Presence::Other {
            return Err(Fault::new(places.row("tiers"), "is no object of tiers"));
        }
        // Before all else that can be wrong: a grade that is none must not be left out together with a row that is bad for another reason.
        self.grades(row, config)?;
        let id = value::name(row.get(Row::ID)).map_err(at(Row::ID))?;
        let id = id.ok_or_else(|| at(Row::ID)("is missing: the id decides the row's tie".to_owned()))?;
        let id = self.keep(id);
        let segment = value::name(row.get(Row::SEGMENT)).map_err(at(Row::SEGMENT))?.map(|segment| self.keep(segment));
        let group = value::name(row.get(Row::GROUP)).map_err(at(Row::GROUP))?.map(|group| self.keep(group));
        let weight = value::amount(row.get(Row::WEIGHT), 1.0)
            .map_err(|reason| at(Row::WEIGHT)(format!("{reason}: it is 1/probability of sampling the row")))?;
        let (from, last) = (self.values.len(), row.cells.len() - 1);
        self.numbers.clear();
        for (tier, cell) in row.cells.iter().enumerate() {
            match self.cell(tier, cell, config)? {
                Ok(values) => self.values.push(values),
                Err(verdict) => return Ok(verdict),
            }
        }
        let values = &mut self.values[from..];
        if values[last].absent {
            return Ok(Verdict::Lacks(Lack::Last));
        }
        if values.iter().any(|values| values.quality.is_none()) {
            for (tier, values) in values.iter_mut().enumerate() {
                // Grades of different graders need not be equal where answers are.
                let alike = tier != last && config.judged[tier] == config.judged[last];
                values.as_last = alike && is_same(row.cells[tier].get(Cell::ANSWER), row.cells[last].get(Cell::ANSWER));
            }
        }
        let at = self.rows.len();
        let mut numbers = self.numbers.iter();
        for (tier, cell) in row.cells.iter().enumerate() {
            let columns = &mut self.scores[tier];
            columns.resize_with(self.met.signals[tier].len(), Vec::new);
            for ((place, _), number) in cell.scores.iter().zip(&mut numbers) {
                let column = &mut columns[*place];
                column.resize(at, f64::NAN);
                column.push(*number);
            }
        }
        self.rows.push(Taken { id, segment, group, weight });
        Ok(Verdict::Taken)
    }

    /// Reads the grades of all tiers.
    fn grades(&mut self, row: &Row<'_>, config: &Config<'_>) -> Result<(), Fault> {
        self.grades.clear();
        let mut fault = None;
        for (tier, cell) in row.cells.iter().enumerate() {
            let name = &*config.chain[tier];
            if let Some(field) = &cell.twice {
                return Err(Fault::twice(self.places.tier(name, field)));
            }
            let mut grades = Grades::default();
            for (place, field) in [Cell::CORRECT, Cell::JUDGED].into_iter().enumerate() {
                let value = cell.get(field);
                if value.is_absent() {
                    continue;
                }
                match self.scales[tier][place].read(value, 1.0) {
                    Ok(grade) => grades[place] = grade.and_then(Quality::new),
                    Err(reason) => {
                        let field = self.places.tier(name, Cell::FIELDS[field]);
                        fault.get_or_insert(Fault::of_grade(field, reason));
                    }
                }
            }
            self.grades.push(grades);
        }
        fault.map_or(Ok(()), Err)
    }

    /// Reads one tier's part; the inner error says that its grades are a judge's.
    fn cell(&mut self, tier: usize, cell: &Cell<'_>, config: &Config<'_>) -> Result<Result<Values, Verdict>, Fault> {
        let (places, name) = (self.places, &*config.chain[tier]);
        let at = |field: usize| move |reason: String| Fault::new(places.tier(name, Cell::FIELDS[field]), reason);
        match cell.there {
            // What nothing is said of is an answer without a grade where losses refer to it, and passed over before.
            Presence::There if cell.says || tier + 1 == config.chain.len() => {}
            Presence::There | Presence::Absent => return Ok(Ok(Values::ABSENT)),
            Presence::Other => return Err(Fault::new(places.tier(name, ""), "is no object")),
        }
        if cell.has_scores == Presence::Other {
            return Err(Fault::new(places.tier(name, "confidence"), "is no object of signals"));
        }
        for (place, score) in &cell.scores {
            let signal = || self.met.signals[tier].iter().nth(*place).unwrap_or_default();
            let number = value::score(score).map_err(|reason| Fault::new(places.signal(name, signal()), reason))?;
            // Few numbers are so low, and few names are looked at.
            let none = number <= MINUS_INFINITY && is_logprob(signal());
            self.numbers.push(if none { f64::NEG_INFINITY } else { number });
        }
        let [correct, judged] = self.grades[tier];
        if judged.is_some() {
            let judge = value::name(cell.get(Cell::JUDGE)).map_err(at(Cell::JUDGE))?;
            let judge = judge.ok_or_else(|| at(Cell::JUDGE)("is missing: it names who gave the grade \"judged\"".to_owned()))?;
            if !self.judges[tier].contains(judge) {
                self.judges[tier].insert(judge.into());
            }
        }
        let amount = |field: usize| value::amount(cell.get(field), 0.0).map_err(at(field));
        let tokens = |field: usize| value::tokens(cell.get(field)).map_err(at(field));
        let (usd, latency_ms) = (amount(Cell::COST)?, amount(Cell::LATENCY)?);
        let (input, output) = (tokens(Cell::INPUT)?, tokens(Cell::OUTPUT)?);
        if usd.is_some_and(|usd| usd >= 1e6) {
            return Err(at(Cell::COST)(value::wrong(cell.get(Cell::COST), "what one query costs")));
        }
        let quality = match (config.judged[tier], correct, judged) {
            (false, _, Some(_)) => return Ok(Err(Verdict::Judge(tier))),
            // What a person says of an answer is not what the judge would have said.
            (true, _, judged) => judged,
            (false, correct, None) => correct,
        };
        let cost = if config.costs[tier].is_some() {
            config.costs[tier]
        } else if let Some(price) = &config.prices[tier] {
            let usage = |(input, output): (u32, u32)| Usage { input: input.into(), output: output.into(), ..Usage::default() };
            input.zip(output).map(|tokens| price.of(usage(tokens)))
        } else {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1e18")]
            usd.map(|usd| Money::from_pico((usd * 1e12).round() as u128))
        };
        let human = correct.filter(|_| config.judged[tier]);
        Ok(Ok(Values { quality, as_last: false, absent: false, human, cost, latency_ms, length: output }))
    }

    fn keep(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }
}

/// Whether two answers are known to be the same text. Whether those are that the file does not hold is not known, nor whether a number is
/// that was a text before.
fn is_same(one: &Scalar<'_>, other: &Scalar<'_>) -> bool {
    match (one, other) {
        (Scalar::Text(one), Scalar::Text(other)) => !text::may_be_none(one) && one.trim() == other.trim(),
        (Scalar::Absent | Scalar::Other, _) => false,
        (one, other) => one == other,
    }
}

/// Whether a signal is a log-probability, by its name.
fn is_logprob(signal: &str) -> bool {
    ["logprob", "log_prob", "log-prob"].iter().any(|word| signal.contains(word))
}

fn count(lacks: &mut Vec<(Lack, u64)>, lack: Lack) {
    match lacks.iter_mut().find(|(known, _)| *known == lack) {
        Some((_, n)) => *n += 1,
        None => lacks.push((lack, 1)),
    }
}

/// A JSON error without serde's own line number, which is always 1 here.
pub(crate) fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    format!("no JSON: {what} (column {})", error.column())
}

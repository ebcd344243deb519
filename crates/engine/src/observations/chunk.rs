//! A piece of a file, parsed by itself: columns that are put together afterwards in the file's order.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use tierfall_calibrate::quality::Quality;
use tierfall_core::completion::Usage;
use tierfall_core::money::{Money, Price};

use super::names::Names;
use super::options::ReadOptions;
use super::scalar::Scalar;
use super::{Summary, json};

/// Log-probabilities from here down stand for "not in the top": −∞.
const MINUS_INFINITY: f64 = -1e9;

/// What parsing needs to know.
#[derive(Debug)]
pub(super) struct Config<'o> {
    pub(super) chain: &'o [Arc<str>],
    signals: Option<&'o [Arc<str>]>,
    split: Option<&'o str>,
    prices: Vec<Option<Price>>,
    costs: Vec<Option<Money>>,
    /// Tiers whose quality is a judge's.
    pub(super) judged: Vec<bool>,
}

impl<'o> Config<'o> {
    pub(super) fn new(options: &'o ReadOptions, judged: Vec<bool>) -> Self {
        Self {
            chain: &options.chain,
            signals: options.signals.as_deref(),
            split: options.split.as_deref(),
            prices: options.chain.iter().map(|tier| options.prices.get(&**tier).copied()).collect(),
            costs: options.chain.iter().map(|tier| options.costs.get(&**tier).copied()).collect(),
            judged,
        }
    }

    /// Whether a signal is to be read.
    pub(super) fn wants(&self, signal: &str) -> bool {
        self.signals.is_none_or(|signals| signals.iter().any(|known| **known == *signal))
    }
}

/// The names that a piece of a file uses.
#[derive(Debug)]
pub(super) struct Met {
    /// By tier.
    pub(super) signals: Vec<Names>,
    pub(super) other_tiers: Names,
    pub(super) other_signals: Names,
}

/// Whether there was an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Presence {
    #[default]
    Absent,
    There,
    Other,
}

/// One row as it is written.
#[derive(Debug, Default)]
pub(super) struct Row<'a> {
    pub(super) id: Scalar<'a>,
    pub(super) segment: Scalar<'a>,
    pub(super) group: Scalar<'a>,
    pub(super) split: Scalar<'a>,
    pub(super) weight: Scalar<'a>,
    pub(super) has_tiers: Presence,
    pub(super) cells: Vec<Cell<'a>>,
}

/// One tier's part of it.
#[derive(Debug, Default)]
pub(super) struct Cell<'a> {
    pub(super) there: Presence,
    pub(super) has_scores: Presence,
    /// Places in [`Met::signals`].
    pub(super) scores: Vec<(usize, Scalar<'a>)>,
    correct: Scalar<'a>,
    judged: Scalar<'a>,
    judge: Scalar<'a>,
    cost: Scalar<'a>,
    latency: Scalar<'a>,
    input: Scalar<'a>,
    output: Scalar<'a>,
}

impl<'a> Cell<'a> {
    /// The fields of a tier besides its signals.
    pub(super) const FIELDS: [&'static str; 7] =
        ["correct", "judged", "judge", "cost_usd", "latency_ms", "input_tokens", "output_tokens"];

    /// The field under a key.
    pub(super) fn field(&mut self, key: &str) -> Option<&mut Scalar<'a>> {
        Some(match key {
            "correct" => &mut self.correct,
            "judged" => &mut self.judged,
            "judge" => &mut self.judge,
            "cost_usd" => &mut self.cost,
            "latency_ms" => &mut self.latency,
            "input_tokens" => &mut self.input,
            "output_tokens" => &mut self.output,
            _ => return None,
        })
    }
}

impl Row<'_> {
    pub(super) fn of(tiers: usize) -> Self {
        Self { cells: (0..tiers).map(|_| Cell::default()).collect(), ..Self::default() }
    }

    pub(super) fn clear(&mut self) {
        for field in [&mut self.id, &mut self.segment, &mut self.group, &mut self.split, &mut self.weight] {
            *field = Scalar::Absent;
        }
        self.has_tiers = Presence::Absent;
        for cell in &mut self.cells {
            cell.scores.clear();
            (cell.there, cell.has_scores) = (Presence::Absent, Presence::Absent);
            for key in Cell::FIELDS {
                if let Some(field) = cell.field(key) {
                    *field = Scalar::Absent;
                }
            }
        }
    }
}

/// How places are named in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Places {
    /// JSON pointers.
    Pointers,
    /// Columns.
    Columns,
}

impl Places {
    fn tier(self, tier: &str, field: &str) -> String {
        let escaped = |text: &str| text.replace('~', "~0").replace('/', "~1");
        match self {
            Self::Pointers if field.is_empty() => format!("/tiers/{}", escaped(tier)),
            Self::Pointers => format!("/tiers/{}/{field}", escaped(tier)),
            Self::Columns => format!("{tier}.{field}"),
        }
    }

    fn signal(self, tier: &str, signal: &str) -> String {
        match self {
            Self::Pointers => self.tier(tier, &format!("confidence/{}", signal.replace('~', "~0").replace('/', "~1"))),
            Self::Columns => self.tier(tier, signal),
        }
    }

    fn row(self, field: &str) -> String {
        match self {
            Self::Pointers => format!("/{field}"),
            Self::Columns => field.to_owned(),
        }
    }
}

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
    pub(super) quality: Quality,
    pub(super) human: Option<Quality>,
    pub(super) cost: Option<Money>,
    pub(super) latency_ms: Option<f64>,
    pub(super) length: Option<u32>,
}

/// Why a sound row is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lack {
    /// The row says nothing of a tier of the chain.
    Tier(usize),
    /// The tier's answer has no grade.
    Grade(usize),
    /// The other answers of the tier have a judge's grade, this one has none.
    Judged(usize),
    /// The row names no split, and one was asked for.
    Split,
}

/// What became of a row.
enum Verdict {
    Taken,
    OtherSplit,
    Lacks(Lack),
    /// The judge of this tier was not known of: what was read before is void.
    Judge(usize),
    Bad(String, String),
}

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
    pub(super) bad: u64,
    /// Line, field and reason of the first bad rows; lines as the caller of [`Chunk::take`] counts them.
    pub(super) first_bad: Vec<(u64, String, String)>,
    pub(super) splits: Vec<(Box<str>, u64)>,
    pub(super) without_split: u64,
    pub(super) judges: Vec<BTreeSet<Box<str>>>,
    /// Tiers that turned out to be judged.
    pub(super) judged: Vec<usize>,
    /// Lines, for those who count on.
    pub(super) lines: u64,
}

impl Chunk {
    pub(super) fn new(config: &Config<'_>, places: Places) -> Self {
        let k = config.chain.len();
        Self {
            places,
            met: Met { signals: vec![Names::default(); k], other_tiers: Names::default(), other_signals: Names::default() },
            text: String::new(),
            rows: Vec::new(),
            values: Vec::new(),
            scores: vec![Vec::new(); k],
            read: 0,
            other_splits: 0,
            lacks: Vec::new(),
            bad: 0,
            first_bad: Vec::new(),
            splits: Vec::new(),
            without_split: 0,
            judges: vec![BTreeSet::new(); k],
            judged: Vec::new(),
            lines: 0,
        }
    }

    /// Parses whole lines of JSON; bad rows bear line numbers from 1.
    pub(super) fn of_lines(bytes: &[u8], config: &Config<'_>) -> Self {
        let mut chunk = Self::new(config, Places::Pointers);
        let mut row = Row::of(config.chain.len());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
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
        let Some(text) = json::without_literals(line) else { return self.is_bad(self.lines, String::new(), json_error(error)) };
        let mut row = Row::of(config.chain.len());
        match json::line(&text, config, &mut self.met, &mut row) {
            Ok(()) => self.take(self.lines, &row, config),
            Err(error) => self.is_bad(self.lines, String::new(), json_error(&error)),
        }
    }

    /// Takes a row, or counts why not.
    pub(super) fn take(&mut self, line: u64, row: &Row<'_>, config: &Config<'_>) {
        let (text, values) = (self.text.len(), self.values.len());
        let verdict = self.judge(row, config).unwrap_or_else(|(field, reason)| Verdict::Bad(field, reason));
        if !matches!(verdict, Verdict::Taken) {
            self.text.truncate(text);
            self.values.truncate(values);
        }
        match verdict {
            Verdict::Bad(field, reason) => return self.is_bad(line, field, reason),
            Verdict::Taken => {}
            Verdict::OtherSplit => self.other_splits += 1,
            Verdict::Lacks(lack) => count(&mut self.lacks, lack),
            Verdict::Judge(tier) => self.judged.push(tier),
        }
        self.read += 1;
        if let Scalar::Text(split) = &row.split {
            match self.splits.iter_mut().find(|(known, _)| **known == **split) {
                Some((_, n)) => *n += 1,
                None => self.splits.push((split.as_ref().into(), 1)),
            }
        } else {
            self.without_split += 1;
        }
    }

    pub(super) fn is_bad(&mut self, line: u64, field: String, reason: String) {
        self.read += 1;
        self.bad += 1;
        if self.first_bad.len() < Summary::SHOWN {
            self.first_bad.push((line, field, reason));
        }
    }

    fn judge(&mut self, row: &Row<'_>, config: &Config<'_>) -> Result<Verdict, (String, String)> {
        let places = self.places;
        let wrong =
            |field: &str, found: &Scalar<'_>, wanted: &str| (places.row(field), format!("is {}, not {wanted}", found.shown()));
        if let Some(wanted) = config.split {
            match &row.split {
                Scalar::Text(split) if **split == *wanted => {}
                Scalar::Text(_) => return Ok(Verdict::OtherSplit),
                _ => return Ok(Verdict::Lacks(Lack::Split)),
            }
        }
        let id = match &row.id {
            Scalar::Text(id) if !id.is_empty() => self.keep(id),
            Scalar::Number(id) => self.keep(&id.to_string()),
            Scalar::Absent => return Err((places.row("id"), "is missing: the id decides the row's tie".to_owned())),
            other => return Err(wrong("id", other, "a text that names the row")),
        };
        let mut label = |field: &str, value: &Scalar<'_>| match value {
            Scalar::Absent => Ok(None),
            Scalar::Text(text) => Ok(Some(self.keep(text))),
            Scalar::Number(number) => Ok(Some(self.keep(&number.to_string()))),
            other => Err(wrong(field, other, "a text")),
        };
        let (segment, group) = (label("segment", &row.segment)?, label("group", &row.group)?);
        let weight = match &row.weight {
            Scalar::Absent => None,
            Scalar::Number(weight) if weight.is_finite() && *weight >= 1.0 => Some(*weight),
            other => return Err(wrong("weight", other, "1/probability of sampling the row, a number of at least 1")),
        };
        if row.has_tiers == Presence::Other {
            return Err((places.row("tiers"), "is no object of tiers".to_owned()));
        }
        let mut lack = None;
        for (tier, cell) in row.cells.iter().enumerate() {
            match self.cell(tier, cell, config)? {
                Ok(values) => self.values.push(values),
                Err(Verdict::Judge(tier)) => return Ok(Verdict::Judge(tier)),
                Err(Verdict::Lacks(why)) => lack = lack.or(Some(why)),
                Err(other) => return Ok(other),
            }
        }
        if let Some(lack) = lack {
            return Ok(Verdict::Lacks(lack));
        }
        let at = self.rows.len();
        for (tier, cell) in row.cells.iter().enumerate() {
            let columns = &mut self.scores[tier];
            columns.resize_with(self.met.signals[tier].len(), Vec::new);
            for (place, value) in &cell.scores {
                let column = &mut columns[*place];
                // A key that stands twice in an object counts as it stands last.
                column.truncate(at);
                column.resize(at, f64::NAN);
                column.push(score(value, self.met.signals[tier].iter().nth(*place).unwrap_or_default()));
            }
        }
        self.rows.push(Taken { id, segment, group, weight });
        Ok(Verdict::Taken)
    }

    /// Checks one tier's part; the inner error says why a sound row is not taken.
    fn cell(&mut self, tier: usize, cell: &Cell<'_>, config: &Config<'_>) -> Result<Result<Values, Verdict>, (String, String)> {
        let (places, name) = (self.places, &*config.chain[tier]);
        let wrong = |field: &str, found: &Scalar<'_>, wanted: &str| {
            (places.tier(name, field), format!("is {}, not {wanted}", found.shown()))
        };
        match cell.there {
            Presence::There => {}
            Presence::Absent => return Ok(Err(Verdict::Lacks(Lack::Tier(tier)))),
            Presence::Other => return Err((places.tier(name, ""), "is no object".to_owned())),
        }
        if cell.has_scores == Presence::Other {
            return Err((places.tier(name, "confidence"), "is no object of signals".to_owned()));
        }
        for (place, value) in &cell.scores {
            let sound = match value {
                Scalar::Absent | Scalar::Number(_) => true,
                Scalar::Text(text) => named_number(text).is_some(),
                Scalar::Bool(_) | Scalar::Other => false,
            };
            if !sound {
                let signal = self.met.signals[tier].iter().nth(*place).unwrap_or_default();
                let reason = format!("is {}, not a number, null, \"inf\" or \"-inf\"", value.shown());
                return Err((places.signal(name, signal), reason));
            }
        }
        let grade = |field: &str, value: &Scalar<'_>| match value {
            Scalar::Absent => Ok(None),
            Scalar::Bool(right) => Ok(Some(if *right { Quality::RIGHT } else { Quality::WRONG })),
            Scalar::Number(number) => Quality::new(*number).map(Some).ok_or_else(|| wrong(field, value, "a grade from 0 to 1")),
            other => Err(wrong(field, other, "a grade from 0 to 1")),
        };
        let (correct, judged) = (grade("correct", &cell.correct)?, grade("judged", &cell.judged)?);
        match (&cell.judge, judged) {
            (Scalar::Text(judge), Some(_)) if !judge.is_empty() => {
                if !self.judges[tier].contains(&**judge) {
                    self.judges[tier].insert(judge.as_ref().into());
                }
            }
            (other, Some(_)) => return Err(wrong("judge", other, "the name of who gave the grade \"judged\"")),
            (_, None) => {}
        }
        let amount = |field: &str, value: &Scalar<'_>| match value {
            Scalar::Absent => Ok(None),
            Scalar::Number(number) if number.is_finite() && *number >= 0.0 => Ok(Some(*number)),
            other => Err(wrong(field, other, "a number of at least 0")),
        };
        let tokens = |field: &str, value: &Scalar<'_>| match amount(field, value)? {
            Some(number) if number >= 4e9 => Err(wrong(field, value, "a number of tokens")),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 4e9")]
            number => Ok(number.map(|number| number.round() as u32)),
        };
        let (usd, latency_ms) = (amount("cost_usd", &cell.cost)?, amount("latency_ms", &cell.latency)?);
        let (input, output) = (tokens("input_tokens", &cell.input)?, tokens("output_tokens", &cell.output)?);
        if usd.is_some_and(|usd| usd >= 1e6) {
            return Err(wrong("cost_usd", &cell.cost, "what one query costs"));
        }
        let quality = match (config.judged[tier], correct, judged) {
            (false, _, Some(_)) => return Ok(Err(Verdict::Judge(tier))),
            (true, Some(_), None) => return Ok(Err(Verdict::Lacks(Lack::Judged(tier)))),
            (_, None, None) => return Ok(Err(Verdict::Lacks(Lack::Grade(tier)))),
            (true, _, Some(judged)) => judged,
            (false, Some(correct), None) => correct,
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
        Ok(Ok(Values { quality, human, cost, latency_ms, length: output }))
    }

    fn keep(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }
}

/// A score as a column holds it; NaN = abstained.
fn score(value: &Scalar<'_>, signal: &str) -> f64 {
    let number = match value {
        Scalar::Number(number) => *number,
        Scalar::Text(text) => named_number(text).unwrap_or(f64::NAN),
        _ => f64::NAN,
    };
    let is_logprob = || signal.contains("logprob") || signal.contains("log_prob") || signal.contains("log-prob");
    if number <= MINUS_INFINITY && is_logprob() { f64::NEG_INFINITY } else { number }
}

/// Numbers that JSON has no form for; NaN = abstained.
fn named_number(text: &str) -> Option<f64> {
    match text {
        "inf" | "Infinity" => Some(f64::INFINITY),
        "-inf" | "-Infinity" => Some(f64::NEG_INFINITY),
        "nan" | "NaN" => Some(f64::NAN),
        _ => None,
    }
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

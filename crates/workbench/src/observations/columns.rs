//! CSV: which column holds what.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ::csv::{ByteRecord, StringRecord};

use super::chunk::Chunk;
use super::faults::Fault;
use super::options::{Config, ReadOptions};
use super::row::{Places, RawCell, RawRow, graded_tier, of_tier};
use super::scalar::Scalar;
use super::text::{self, Plain};

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    /// Of the row, a place in [`RawRow::FIELDS`].
    RawRow(usize),
    /// Of a tier of the chain, a place in [`RawCell::FIELDS`].
    Tier(usize, usize),
    /// A signal of a tier of the chain.
    Signal(usize, String),
    /// Something else of a tier of the chain: it is not read, but tells that the tier has answered.
    Beside(usize),
    Ignored,
}

/// The columns of a file.
#[derive(Debug)]
pub(crate) struct Columns {
    /// With the column's own name.
    fields: Vec<(Field, String)>,
    /// Tiers that the columns name and the chain does not.
    other_tiers: Vec<String>,
    /// By tier, the signals that columns would be if they were asked for: what follows the tier's name, where the first records have mostly
    /// numbers there.
    pub(super) candidates: Vec<Vec<String>>,
    /// Columns of a tier of the chain that are not read.
    pub(super) unread: Vec<String>,
}

impl Columns {
    /// Reads the header.
    ///
    /// A column of a tier that is none of its fields is a signal where somebody says so: by its name `TIER.confidence.SIGNAL`, by the
    /// options' columns, or by the options' signals. What stands in it decides nothing: a number may be anything.
    pub(super) fn of(header: &StringRecord, sample: &[ByteRecord], options: &ReadOptions) -> Result<Self, String> {
        let own: Vec<&str> = header.iter().map(str::trim).collect();
        if let Some(missing) = options.columns.keys().find(|column| !own.contains(&column.as_str())) {
            return Err(format!("it has no column \"{missing}\"; it has {}", shown(header)));
        }
        let mut columns = Self {
            fields: Vec::new(),
            other_tiers: Vec::new(),
            candidates: vec![Vec::new(); options.chain.len()],
            unread: Vec::new(),
        };
        for (at, column) in own.into_iter().enumerate() {
            let given = options.columns.get(column);
            let name = given.map_or(column, String::as_str);
            let field = Self::field(name, given.is_some(), options);
            let is_read = |field: &Field| !matches!(field, Field::Ignored | Field::Beside(_));
            let lower = name.to_lowercase();
            if !is_read(&field)
                && is_read(&Self::field(&lower, false, options))
                && !header.iter().any(|other| other.trim() == lower)
            {
                return Err(format!(
                    "its column {name:?} would be read if it were called {lower:?}: write it so, or say it with --map"
                ));
            }
            if field == Field::Ignored
                && let Some(tier) = graded_tier(name)
                && !columns.other_tiers.iter().any(|known| known == tier)
            {
                columns.other_tiers.push(tier.to_owned());
            }
            if let Field::Beside(tier) = field {
                columns.unread.push(column.to_owned());
                if mostly_numbers(sample.iter().filter_map(|record| record.get(at))) {
                    columns.candidates[tier].push(column[options.chain[tier].len() + 1..].to_owned());
                }
            }
            columns.fields.push((field, column.to_owned()));
        }
        let mut read = BTreeMap::new();
        for (field, column) in columns.fields.iter().filter(|(field, _)| !matches!(field, Field::Beside(_) | Field::Ignored)) {
            if let Some(before) = read.insert(field, column) {
                return Err(format!("its columns {before:?} and {column:?} stand for the same"));
            }
        }
        let graded = |name: &str| header.iter().any(|column| column.trim() == name);
        if !read.keys().any(|field| matches!(field, Field::Tier(..) | Field::Signal(..)))
            && (graded("correct") || graded("judged"))
        {
            return Err(tidy(header, sample, options));
        }
        if !read.contains_key(&Field::RawRow(RawRow::ID)) {
            return Err(format!("it is neither JSON Lines nor CSV with a column \"id\"; its first line has {}", shown(header)));
        }
        Ok(columns)
    }

    /// What a column of this name holds; `given`: the name is not its own, but was given to it.
    fn field(name: &str, given: bool, options: &ReadOptions) -> Field {
        if let Some(field) = RawRow::field(name) {
            return Field::RawRow(field);
        }
        let Some((tier, rest)) = of_tier(name, options.chain.iter()) else { return Field::Ignored };
        if let Some(field) = RawCell::field(rest) {
            return Field::Tier(tier, field);
        }
        let asked = || options.signals.get(&*options.chain[tier]).is_some_and(|signals| signals.contains(rest));
        match rest.strip_prefix("confidence.") {
            Some(signal) => Field::Signal(tier, signal.to_owned()),
            None if given || asked() => Field::Signal(tier, rest.to_owned()),
            None => Field::Beside(tier),
        }
    }

    /// Parses records.
    pub(super) fn parse<'p>(&self, path: &'p Path, records: &[ByteRecord], config: &Config<'_>) -> Chunk<'p> {
        let chain = &config.options.chain;
        let mut chunk = Chunk::new(path, Places::Columns, config);
        self.other_tiers.iter().for_each(|tier| chunk.counts.other_tiers.add(tier));
        let is_graded = |tier: usize| {
            let graded = [RawCell::CORRECT, RawCell::JUDGED].map(|field| Field::Tier(tier, field));
            self.fields.iter().any(|(field, _)| graded.contains(field))
        };
        let graded: Vec<bool> = (0..chain.len()).map(is_graded).collect();
        for record in records.iter().filter(|record| !is_blank(record)) {
            let mut row = RawRow::of(chain.len());
            let line = record.position().map_or(0, ::csv::Position::line);
            if record.len() != self.fields.len() {
                let reason = format!("has {} columns, and the header has {}", record.len(), self.fields.len());
                chunk.is_bad(line, Fault::new("", reason));
                continue;
            }
            let unreadable = self.fields.iter().zip(record).find_map(|((field, column), bytes)| {
                let Ok(text) = std::str::from_utf8(bytes) else { return Some(column) };
                put(&mut row, field, text);
                None
            });
            // Where a column has its grades, a tier has a place in the row, whether anything stands there or not.
            for (cell, graded) in row.cells.iter_mut().zip(&graded) {
                if cell.says || *graded {
                    cell.set(RawCell::ITSELF, Scalar::Object);
                }
            }
            match unreadable {
                Some(column) => chunk.is_bad(line, Fault::new(column.clone(), "is not UTF-8")),
                None => chunk.take(line, &row, config),
            }
        }
        chunk.counts.faults.fields_mut().for_each(|field| self.rename(field, chain));
        chunk
    }

    /// Names the place of a fault as the file does.
    fn rename(&self, place: &mut String, chain: &[Arc<str>]) {
        let is_it = |field: &Field| match field {
            Field::RawRow(field) => RawRow::FIELDS[*field] == *place,
            Field::Tier(tier, field) => Places::Columns.tier(&chain[*tier], RawCell::FIELDS[*field]) == *place,
            Field::Signal(tier, signal) => Places::Columns.signal(&chain[*tier], signal) == *place,
            Field::Beside(_) | Field::Ignored => false,
        };
        if let Some((_, column)) = self.fields.iter().find(|(field, _)| is_it(field)) {
            place.clone_from(column);
        }
    }
}

fn put<'a>(row: &mut RawRow<'a>, field: &'a Field, text: &'a str) {
    let tier = match field {
        Field::Ignored => return,
        Field::RawRow(field) => return row.set(*field, Scalar::of_cell(text)),
        Field::Tier(tier, _) | Field::Signal(tier, _) | Field::Beside(tier) => *tier,
    };
    let (cell, value) = (&mut row.cells[tier], Scalar::of_cell(text));
    cell.says |= !value.is_missing();
    match field {
        Field::Tier(_, field) => cell.set(*field, value),
        Field::Signal(_, signal) => cell.scores.push((signal.into(), value)),
        Field::RawRow(_) | Field::Beside(_) | Field::Ignored => {}
    }
}

/// Why a table with one row an answer is not read, with the column that seems to name the tier.
fn tidy(header: &StringRecord, sample: &[ByteRecord], options: &ReadOptions) -> String {
    let is_tier = |cell: &[u8]| options.chain.iter().any(|tier| tier.as_bytes() == cell.trim_ascii());
    let names = |at: &usize| sample.iter().any(|record| record.get(*at).is_some_and(is_tier));
    let column = (0..header.len()).find(names).and_then(|at| header.get(at)).map_or("COLUMN", str::trim);
    format!(
        "it has one row an answer, with \"correct\" and no TIER.correct: `tierfall import tidy FILE --tier-column {column} --out rows.jsonl` joins \
         its rows by id, and so it does a file a model without --tier-column"
    )
}

/// Whether the texts that say anything are numbers for the greater part.
fn mostly_numbers<'r>(cells: impl Iterator<Item = &'r [u8]>) -> bool {
    let (mut numbers, mut others) = (0_u64, 0_u64);
    for cell in cells {
        match std::str::from_utf8(cell).map_or(Plain::Odd, text::plain) {
            Plain::Missing => {}
            Plain::Number(_) => numbers += 1,
            Plain::Bool(_) | Plain::Odd => others += 1,
        }
    }
    numbers > others
}

fn shown(header: &StringRecord) -> String {
    let all = header.iter().map(|column| format!("{column:?}")).collect::<Vec<_>>().join(", ");
    if all.chars().count() > 300 { format!("{}…", all.chars().take(300).collect::<String>()) } else { all }
}

/// Whether a record is a blank line with delimiters, as spreadsheets write them below a table.
pub(crate) fn is_blank(record: &ByteRecord) -> bool {
    record.iter().all(|cell| cell.trim_ascii().is_empty())
}

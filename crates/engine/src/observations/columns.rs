//! CSV: which column holds what.

use std::borrow::Cow;

use ::csv::{ByteRecord, StringRecord};

use super::chunk::{Cell, Chunk, Config, Places, Presence, Row};
use super::options::ReadOptions;
use super::scalar::Scalar;

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    Id,
    Segment,
    Group,
    Split,
    Weight,
    /// Of a tier of the chain, a key of [`Cell::FIELDS`].
    Tier(usize, &'static str),
    /// A signal of a tier of the chain.
    Signal(usize, String),
    Ignored,
}

/// The columns of a file.
#[derive(Debug)]
pub(crate) struct Columns {
    fields: Vec<Field>,
    /// Tiers that the columns name and the chain does not.
    pub(super) other_tiers: Vec<String>,
    /// Signals that were not asked for.
    pub(super) other_signals: Vec<String>,
    /// Columns of a tier that hold text and are no signals.
    pub(super) texts: Vec<String>,
}

impl Columns {
    /// Reads the header. Without a list of signals, a column of a tier is one where the first records have numbers in it
    /// and nothing else, or where it is called `TIER.confidence.SIGNAL`.
    pub(super) fn of(header: &StringRecord, sample: &[ByteRecord], options: &ReadOptions) -> Result<Self, String> {
        let names: Vec<&str> =
            header.iter().map(str::trim).map(|column| options.columns.get(column).map_or(column, String::as_str)).collect();
        if let Some(missing) = options.columns.keys().find(|column| !header.iter().any(|known| known.trim() == **column)) {
            return Err(format!("it has no column \"{missing}\"; it has {}", shown(header)));
        }
        if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return Err(format!("two columns stand for \"{}\"", twice.1));
        }
        if !names.contains(&"id") {
            return Err(format!("it is neither JSON Lines nor CSV with a column \"id\"; its first line has {}", shown(header)));
        }
        let mut columns = Self { fields: Vec::new(), other_tiers: Vec::new(), other_signals: Vec::new(), texts: Vec::new() };
        for (at, name) in names.iter().enumerate() {
            let field = columns.field(name, at, sample, options);
            columns.fields.push(field);
        }
        Ok(columns)
    }

    fn field(&mut self, name: &str, at: usize, sample: &[ByteRecord], options: &ReadOptions) -> Field {
        match name {
            "id" => return Field::Id,
            "segment" => return Field::Segment,
            "group" => return Field::Group,
            "split" => return Field::Split,
            "weight" => return Field::Weight,
            _ => {}
        }
        // Names of tiers may hold points themselves: the longest that fits counts.
        let of_tier = options.chain.iter().enumerate().filter_map(|(ix, tier)| {
            let rest = name.strip_prefix(&**tier)?.strip_prefix('.')?;
            Some((tier.len(), ix, rest))
        });
        let Some((_, tier, rest)) = of_tier.max_by_key(|(length, ..)| *length) else {
            if let Some(tier) = name.strip_suffix(".correct").or_else(|| name.strip_suffix(".judged"))
                && !self.other_tiers.iter().any(|known| known == tier)
            {
                self.other_tiers.push(tier.to_owned());
            }
            return Field::Ignored;
        };
        if let Some(key) = Cell::FIELDS.iter().find(|key| **key == rest) {
            return Field::Tier(tier, key);
        }
        let (signal, declared) = match rest.strip_prefix("confidence.") {
            Some(signal) => (signal, true),
            None => (rest, false),
        };
        if let Some(signals) = &options.signals {
            if signals.iter().any(|known| **known == *signal) {
                return Field::Signal(tier, signal.to_owned());
            }
            self.other_signals.push(signal.to_owned());
            return Field::Ignored;
        }
        let cells = || sample.iter().filter_map(|record| record.get(at));
        let is_number =
            |cell: &[u8]| std::str::from_utf8(cell).is_ok_and(|text| matches!(scalar(text), Scalar::Absent | Scalar::Number(_)));
        if declared || cells().all(is_number) {
            Field::Signal(tier, signal.to_owned())
        } else {
            self.texts.push(name.to_owned());
            Field::Ignored
        }
    }

    /// Parses records.
    pub(super) fn parse(&self, records: &[ByteRecord], config: &Config<'_>) -> Chunk {
        let mut chunk = Chunk::new(config, Places::Columns);
        for (tier, other) in self.other_tiers.iter().map(|tier| (tier, true)).chain(self.other_signals.iter().map(|s| (s, false)))
        {
            if other { chunk.met.other_tiers.add(tier) } else { chunk.met.other_signals.add(tier) }
        }
        let places: Vec<usize> = self
            .fields
            .iter()
            .map(|field| match field {
                Field::Signal(tier, signal) => chunk.met.signals[*tier].place(signal, 0),
                _ => 0,
            })
            .collect();
        let mut row = Row::of(config.chain.len());
        for record in records {
            row.clear();
            let line = record.position().map_or(0, ::csv::Position::line);
            if record.len() != self.fields.len() {
                let reason = format!("has {} columns, and the header has {}", record.len(), self.fields.len());
                chunk.is_bad(line, String::new(), reason);
                continue;
            }
            row.has_tiers = Presence::There;
            let mut unreadable = None;
            for ((field, place), bytes) in self.fields.iter().zip(&places).zip(record) {
                let Ok(text) = std::str::from_utf8(bytes) else {
                    unreadable = Some(field);
                    break;
                };
                put(&mut row, field, *place, text);
            }
            match unreadable {
                Some(_) => chunk.is_bad(line, String::new(), "is not UTF-8".to_owned()),
                None => chunk.take(line, &row, config),
            }
        }
        chunk
    }
}

fn put<'a>(row: &mut Row<'a>, field: &Field, place: usize, text: &'a str) {
    match field {
        Field::Ignored => {}
        Field::Id => row.id = words(text),
        Field::Segment => row.segment = words(text),
        Field::Group => row.group = words(text),
        Field::Split => row.split = words(text),
        Field::Weight => row.weight = scalar(text),
        Field::Tier(tier, key) => {
            let value = if *key == "judge" { words(text) } else { scalar(text) };
            let cell = &mut row.cells[*tier];
            if !value.is_absent() {
                cell.there = Presence::There;
            }
            if let Some(field) = cell.field(key) {
                *field = value;
            }
        }
        Field::Signal(tier, _) => {
            let (value, cell) = (scalar(text), &mut row.cells[*tier]);
            if !value.is_absent() {
                cell.there = Presence::There;
            }
            cell.scores.push((place, value));
        }
    }
}

/// A text, however much it looks like a number.
fn words(text: &str) -> Scalar<'_> {
    if text.is_empty() { Scalar::Absent } else { Scalar::Text(Cow::Borrowed(text)) }
}

/// A number where it is one.
pub(crate) fn scalar(text: &str) -> Scalar<'_> {
    let text = text.trim();
    match text {
        "" | "null" | "None" | "NA" | "NaN" | "nan" => Scalar::Absent,
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        "inf" | "Infinity" => Scalar::Number(f64::INFINITY),
        "-inf" | "-Infinity" => Scalar::Number(f64::NEG_INFINITY),
        // Rust reads more words as numbers than these.
        _ if text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
            text.parse().map_or(Scalar::Text(Cow::Borrowed(text)), Scalar::Number)
        }
        _ => Scalar::Text(Cow::Borrowed(text)),
    }
}

fn shown(header: &StringRecord) -> String {
    let all = header.iter().map(|column| format!("{column:?}")).collect::<Vec<_>>().join(", ");
    if all.chars().count() > 300 { format!("{}…", all.chars().take(300).collect::<String>()) } else { all }
}

//! Flat records, from CSV with a header or from JSON Lines.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::grades::Grades;
use super::row::{Row, at};
use super::{Converted, ImportError, ImportOptions};
use crate::observations::columns::is_blank;
use crate::observations::faults::Fault;
use crate::observations::scalar::{Scalar, Word};
use crate::observations::source::{self, Lines, Table};
use crate::observations::{ObservationsError, as_python, hint, json_error, value};

/// One record.
pub(super) struct Record<'a> {
    fields: Fields<'a>,
    context: &'a Context<'a>,
}

enum Fields<'a> {
    Csv(&'a [String], Vec<&'a str>),
    Json(BTreeMap<String, Field<'a>>),
}

/// A value of JSON: as a name, and as it is.
struct Field<'a> {
    word: Scalar<'a>,
    value: Scalar<'a>,
}

/// What all records of a file share.
struct Context<'a> {
    options: &'a ImportOptions,
    models: RefCell<BTreeSet<String>>,
    passed_over: RefCell<BTreeSet<String>>,
    grades: Grades<'a>,
}

impl<'a> Record<'a> {
    /// What stands in a column.
    pub(super) fn get(&self, column: &str) -> Scalar<'a> {
        match &self.fields {
            Fields::Csv(header, cells) => {
                let cell = header.iter().position(|name| name == column).and_then(|at| cells.get(at));
                cell.map_or(Scalar::Absent, |text| Scalar::of_cell(text))
            }
            Fields::Json(fields) => fields.get(column).map(|field| field.value.clone()).unwrap_or_default(),
        }
    }

    /// The same as a name: a number is its digits.
    fn word(&self, column: &str) -> Scalar<'a> {
        match &self.fields {
            Fields::Csv(..) => self.get(column),
            Fields::Json(fields) => fields.get(column).map(|field| field.word.clone()).unwrap_or_default(),
        }
    }

    /// A text by which rows are told apart or put together.
    pub(super) fn name(&self, column: &str) -> Result<Option<String>, Fault> {
        at(column, value::name(&self.word(column)).map(|name| name.map(str::to_owned)))
    }

    pub(super) fn amount(&self, column: &str, least: f64) -> Result<Option<f64>, Fault> {
        at(column, value::amount(&self.get(column), least))
    }

    pub(super) fn tokens(&self, column: &str) -> Result<Option<u64>, Fault> {
        at(column, value::tokens(&self.get(column)).map(|tokens| tokens.map(u64::from)))
    }

    pub(super) fn grade(&self, column: &str) -> Result<Option<f64>, Fault> {
        self.context.grades.read(column, &self.get(column))
    }

    /// The first of these columns that says anything.
    pub(super) fn first(&self, columns: &[&'static str]) -> &'static str {
        let said = columns.iter().find(|column| !self.get(column).is_absent());
        said.or(columns.first()).copied().unwrap_or_default()
    }

    pub(super) fn columns(&self) -> Vec<&str> {
        match &self.fields {
            Fields::Csv(header, _) => header.iter().map(String::as_str).collect(),
            Fields::Json(fields) => fields.keys().map(String::as_str).collect(),
        }
    }

    pub(super) fn options(&self) -> &'a ImportOptions {
        self.context.options
    }

    /// The tier that a model of the source is.
    pub(super) fn tier(&self, model: &str) -> String {
        add(&self.context.models, model);
        self.context.options.tier(model)
    }

    /// Remembers that a column is of no use.
    pub(super) fn pass_over(&self, column: &str) {
        add(&self.context.passed_over, column);
    }
}

fn add(names: &RefCell<BTreeSet<String>>, name: &str) {
    if !names.borrow().contains(name) {
        names.borrow_mut().insert(name.to_owned());
    }
}

/// The tiers of models that stand side by side in a row. Two of them as one tier would throw the answers of one away.
pub(super) fn tiers_of<'m>(record: &Record<'_>, models: &[&'m str]) -> Result<Vec<(&'m str, String)>, Fault> {
    let mut all: Vec<(&str, String)> = Vec::with_capacity(models.len());
    for model in models {
        let tier = record.tier(model);
        if let Some((other, _)) = all.iter().find(|(_, known)| *known == tier) {
            let why = format!(
                "is the tier \"{tier}\", as \"{other}\" is: answers of one of them would be thrown away; give each its own name with --tier"
            );
            return Err(Fault::new(*model, why));
        }
        all.push((model, tier));
    }
    Ok(all)
}

/// Every record of a file, in order, into what `convert` makes of it.
pub(super) fn each(
    path: &Path,
    options: &ImportOptions,
    converted: &mut Converted<'_>,
    convert: impl FnMut(&Record<'_>, u64) -> Result<Row, Fault>,
) -> Result<(), ImportError> {
    let context = Context { options, models: RefCell::default(), passed_over: RefCell::default(), grades: Grades::new(options) };
    let (start, input) = source::open(path, &Arc::default())?;
    match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => {
            let why = "it is empty".to_owned();
            return Err(ObservationsError::Format { path: path.to_owned(), why }.into());
        }
        Some(b'{') => each_object(path, &context, converted, convert)?,
        Some(_) => each_record(path, source::csv_reader(path, start, input), &context, converted, convert)?,
    }
    converted.scales = context.grades.scales();
    converted.report.passed_over = context.passed_over.into_inner();
    let models = context.models.into_inner();
    match options.tiers.keys().find(|model| !models.contains(*model)) {
        Some(model) if converted.report.written > 0 => {
            let hint = hint(model, "models", models.iter().map(String::as_str));
            Err(ImportError::Options(format!("--tier {model}=…: no row of {} has a model \"{model}\"; {hint}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Those of JSON Lines. Which columns there are shows only at the end, for rows may leave some out.
fn each_object(
    path: &Path,
    context: &Context<'_>,
    converted: &mut Converted<'_>,
    mut convert: impl FnMut(&Record<'_>, u64) -> Result<Row, Fault>,
) -> Result<(), ImportError> {
    let renamed = &context.options.columns;
    let mut unseen: BTreeSet<&String> = renamed.keys().collect();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut example = |Object(fields): Object<'_>, line| {
        if !unseen.is_empty() {
            unseen.retain(|column| !fields.iter().any(|(name, _)| name == *column));
            seen.extend(fields.iter().map(|(name, _)| name).filter(|key| !seen.contains(*key)).cloned().collect::<Vec<_>>());
        }
        let mut row = BTreeMap::new();
        for (name, field) in fields {
            let name = renamed.get(&name).cloned().unwrap_or(name);
            if row.insert(name.clone(), field).is_some() {
                return Err(Fault::twice(name));
            }
        }
        convert(&Record { fields: Fields::Json(row), context }, line)
    };
    lines(path, |line, text| {
        let row = as_python(text, |text| Ok(example(serde_json::from_slice(text)?, line)));
        converted.row(line, row.unwrap_or_else(|error| Err(Fault::new("", json_error(&error)))))
    })?;
    match unseen.first() {
        Some(column) => Err(no_column(path, column, seen.iter().map(String::as_str))),
        None => Ok(()),
    }
}

/// Those of CSV.
fn each_record(
    path: &Path,
    mut reader: Table,
    context: &Context<'_>,
    converted: &mut Converted<'_>,
    mut convert: impl FnMut(&Record<'_>, u64) -> Result<Row, Fault>,
) -> Result<(), ImportError> {
    let header = reader.headers().map_err(|error| source::csv_error(path, &error))?;
    let there: Vec<&str> = header.iter().map(str::trim).collect();
    if let Some(column) = context.options.columns.keys().find(|column| !there.contains(&column.as_str())) {
        return Err(no_column(path, column, there.iter().copied()));
    }
    let name = |column: &str| context.options.columns.get(column).map_or(column, String::as_str).to_owned();
    let header: Vec<String> = there.into_iter().map(name).collect();
    let mut names = BTreeSet::new();
    if let Some(twice) = header.iter().find(|name| !name.is_empty() && !names.insert(*name)) {
        let why = format!("several columns stand for {twice:?}: which of them counts is not known");
        return Err(ObservationsError::Format { path: path.to_owned(), why }.into());
    }
    loop {
        let records = source::records(path, &mut reader)?;
        if records.is_empty() {
            return Ok(());
        }
        for record in records.iter().filter(|record| !is_blank(record)) {
            let line = record.position().map_or(0, ::csv::Position::line);
            let cells: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
            let row = match cells {
                Err(_) => Err(Fault::new("", "is not UTF-8")),
                Ok(cells) if cells.len() != header.len() => {
                    let reason = format!("has {} columns, and the header has {}", cells.len(), header.len());
                    Err(Fault::new("", reason))
                }
                Ok(cells) => convert(&Record { fields: Fields::Csv(&header, cells), context }, line),
            };
            converted.row(line, row)?;
        }
    }
}

fn no_column<'a>(path: &Path, column: &str, there: impl Iterator<Item = &'a str> + Clone) -> ImportError {
    let hint = hint(column, "columns", there);
    ImportError::Options(format!("--map {column}=…: {} has no column \"{column}\"; {hint}", path.display()))
}

/// A line of JSON as flat fields, in their order; what is nested in them is no value.
struct Object<'a>(Vec<(String, Field<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object(Vec::new()))
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Object<'a> {
    type Value = Self;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object, one example")
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((key, raw)) = map.next_entry::<String, &'de RawValue>()? {
            let word = Word::of(raw).map_err(serde::de::Error::custom)?.0;
            let value = serde_json::from_str(raw.get()).map_err(serde::de::Error::custom)?;
            self.0.push((key, Field { word, value }));
        }
        Ok(self)
    }
}

/// Every line of a file that is not blank, with its number.
pub(super) fn lines(path: &Path, mut line: impl FnMut(u64, &[u8]) -> Result<(), ImportError>) -> Result<(), ImportError> {
    let mut source = Lines::open(path)?;
    let mut number = 0;
    while let Some(piece) = source.next(path)? {
        for text in piece.split_inclusive(|byte| *byte == b'\n') {
            number += 1;
            if !text.iter().all(u8::is_ascii_whitespace) {
                line(number, text)?;
            }
        }
    }
    Ok(())
}

//! Flat records, from CSV with a header or from JSON Lines.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::row::Fault;
use super::{Converted, ImportError, ImportOptions};
use crate::observations::columns::scalar;
use crate::observations::scalar::Scalar;
use crate::observations::source::{self, Lines, Table};
use crate::observations::{ObservationsError, hint, json_error};

/// One record.
pub(super) struct Record<'a> {
    fields: Fields<'a>,
    options: &'a ImportOptions,
    models: &'a RefCell<BTreeSet<String>>,
}

enum Fields<'a> {
    Csv(&'a [String], Vec<&'a str>),
    Json(BTreeMap<String, Scalar<'a>>),
}

impl<'a> Record<'a> {
    /// What stands in a column, as it is written.
    pub(super) fn get(&self, column: &str) -> Scalar<'a> {
        match &self.fields {
            Fields::Csv(header, cells) => match header.iter().position(|name| name == column).and_then(|at| cells.get(at)) {
                Some(text) if !text.is_empty() => Scalar::Text(Cow::Borrowed(*text)),
                _ => Scalar::Absent,
            },
            Fields::Json(fields) => fields.get(column).cloned().unwrap_or_default(),
        }
    }

    /// What stands in a column, as a number or a truth where it is one.
    pub(super) fn value(&self, column: &str) -> Scalar<'a> {
        match self.get(column) {
            Scalar::Text(Cow::Borrowed(text)) => scalar(text),
            other => other,
        }
    }

    /// The first of these columns that says anything.
    pub(super) fn first(&self, columns: &[&'static str]) -> (&'static str, Scalar<'a>) {
        let said = columns.iter().map(|column| (*column, self.get(column))).find(|(_, value)| !value.is_absent());
        said.unwrap_or_else(|| (columns.first().copied().unwrap_or_default(), Scalar::Absent))
    }

    pub(super) fn columns(&self) -> Vec<&str> {
        match &self.fields {
            Fields::Csv(header, _) => header.iter().map(String::as_str).collect(),
            Fields::Json(fields) => fields.keys().map(String::as_str).collect(),
        }
    }

    pub(super) fn options(&self) -> &'a ImportOptions {
        self.options
    }

    /// The tier that a model of the source is.
    pub(super) fn tier(&self, model: &str) -> String {
        if !self.models.borrow().contains(model) {
            self.models.borrow_mut().insert(model.to_owned());
        }
        self.options.tier(model)
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
            return Err(((*model).to_owned(), why));
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
    convert: impl FnMut(&Record<'_>, u64) -> Result<super::Row, Fault>,
) -> Result<(), ImportError> {
    let models = RefCell::default();
    let (start, input) = source::open(path, &Arc::default())?;
    match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => {
            let why = "it is empty".to_owned();
            return Err(ObservationsError::Format { path: path.to_owned(), why }.into());
        }
        Some(b'{') => each_object(path, options, &models, converted, convert)?,
        Some(_) => each_record(path, source::csv_reader(path, start, input), options, &models, converted, convert)?,
    }
    let models = models.into_inner();
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
    options: &ImportOptions,
    models: &RefCell<BTreeSet<String>>,
    converted: &mut Converted<'_>,
    mut convert: impl FnMut(&Record<'_>, u64) -> Result<super::Row, Fault>,
) -> Result<(), ImportError> {
    let mut unseen: BTreeSet<&String> = options.columns.keys().collect();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    lines(path, |line, text| {
        let row = object(text).and_then(|fields| {
            if !unseen.is_empty() {
                unseen.retain(|column| !fields.contains_key(*column));
                seen.extend(fields.keys().filter(|key| !seen.contains(*key)).cloned().collect::<Vec<_>>());
            }
            let renamed = |name: String| options.columns.get(&name).cloned().unwrap_or(name);
            let fields = fields.into_iter().map(|(name, value)| (renamed(name), value)).collect();
            convert(&Record { fields: Fields::Json(fields), options, models }, line)
        });
        converted.row(line, row)
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
    options: &ImportOptions,
    models: &RefCell<BTreeSet<String>>,
    converted: &mut Converted<'_>,
    mut convert: impl FnMut(&Record<'_>, u64) -> Result<super::Row, Fault>,
) -> Result<(), ImportError> {
    let header = reader.headers().map_err(|error| source::csv_error(path, &error))?;
    let there: Vec<&str> = header.iter().map(str::trim).collect();
    if let Some(column) = options.columns.keys().find(|column| !there.contains(&column.as_str())) {
        return Err(no_column(path, column, there.iter().copied()));
    }
    let name = |column: &str| options.columns.get(column).map_or(column, String::as_str).to_owned();
    let header: Vec<String> = there.into_iter().map(name).collect();
    loop {
        let records = source::records(path, &mut reader)?;
        if records.is_empty() {
            return Ok(());
        }
        for record in &records {
            let line = record.position().map_or(0, ::csv::Position::line);
            let cells: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
            let row = match cells {
                Err(_) => Err((String::new(), "is not UTF-8".to_owned())),
                Ok(cells) if cells.len() != header.len() => {
                    let reason = format!("has {} columns, and the header has {}", cells.len(), header.len());
                    Err((String::new(), reason))
                }
                Ok(cells) => convert(&Record { fields: Fields::Csv(&header, cells), options, models }, line),
            };
            converted.row(line, row)?;
        }
    }
}

fn no_column<'a>(path: &Path, column: &str, there: impl Iterator<Item = &'a str> + Clone) -> ImportError {
    let hint = hint(column, "columns", there);
    ImportError::Options(format!("--map {column}=…: {} has no column \"{column}\"; {hint}", path.display()))
}

/// A line of JSON as flat fields; what is nested in it is no value.
fn object(text: &[u8]) -> Result<BTreeMap<String, Scalar<'_>>, Fault> {
    serde_json::from_slice(text).map_err(|error| (String::new(), json_error(&error)))
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

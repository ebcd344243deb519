//! Flat records, from CSV with a header or from JSON Lines.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::row::Fault;
use super::{Converted, ImportError, ImportOptions};
use crate::observations::columns::scalar;
use crate::observations::scalar::Scalar;
use crate::observations::source::{self, Lines};
use crate::observations::{ObservationsError, json_error};

/// One record.
pub(super) struct Record<'a> {
    fields: Fields<'a>,
    options: &'a ImportOptions,
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
}

/// Every record of a file, in order, into what `convert` makes of it.
pub(super) fn each(
    path: &Path,
    options: &ImportOptions,
    converted: &mut Converted<'_>,
    mut convert: impl FnMut(&Record<'_>, u64) -> Result<super::Row, Fault>,
) -> Result<(), ImportError> {
    let (start, input) = source::open(path, &Arc::default())?;
    match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => {
            let why = "it is empty".to_owned();
            Err(ObservationsError::Format { path: path.to_owned(), why }.into())
        }
        Some(b'{') => lines(path, |line, text| {
            let row = object(text, options).and_then(|record| convert(&record, line));
            converted.row(line, row)
        }),
        Some(_) => {
            let mut reader = source::csv_reader(path, start, input);
            let header = reader.headers().map_err(|error| source::csv_error(path, &error))?;
            let name = |column: &str| options.columns.get(column).map_or(column, String::as_str).to_owned();
            let header: Vec<String> = header.iter().map(|column| name(column.trim())).collect();
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
                        Ok(cells) => convert(&Record { fields: Fields::Csv(&header, cells), options }, line),
                    };
                    converted.row(line, row)?;
                }
            }
        }
    }
}

/// A line of JSON as a flat record; what is nested in it is no value.
fn object<'a>(text: &'a [u8], options: &'a ImportOptions) -> Result<Record<'a>, Fault> {
    let fields: BTreeMap<String, Scalar<'a>> =
        serde_json::from_slice(text).map_err(|error| (String::new(), json_error(&error)))?;
    let renamed = |name: String| options.columns.get(&name).cloned().unwrap_or(name);
    let fields = fields.into_iter().map(|(name, value)| (renamed(name), value)).collect();
    Ok(Record { fields: Fields::Json(fields), options })
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

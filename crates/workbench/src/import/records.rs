//! Flat records, from CSV with a header or from JSON Lines.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::grades::Grades;
use super::row::{ConvertedRow, at};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::object::{Line, Object};
use crate::observations::columns::is_blank;
use crate::observations::faults::Fault;
use crate::observations::lined::numbered;
use crate::observations::scalar::Scalar;
use crate::observations::source::{self, CsvReader, Lines, no_observations};
use crate::observations::{as_python, hint, json_error, value};

/// One record.
pub(super) struct Record<'a> {
    /// By column: those of CSV in their order, those of JSON in that of their names.
    fields: Vec<(Cow<'a, str>, Scalar<'a>)>,
    context: &'a Context<'a>,
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
        self.fields.iter().find(|(name, _)| name == column).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// A text by which rows are told apart or put together.
    pub(super) fn name(&self, column: &str) -> Result<Option<String>, Fault> {
        at(column, value::name(&self.get(column)).map(|name| name.map(str::to_owned)))
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
        self.fields.iter().map(|(name, _)| &**name).collect()
    }

    pub(super) fn options(&self) -> &'a ImportOptions {
        self.context.options
    }

    /// The tier that a model of the source is.
    pub(super) fn tier(&self, model: &str) -> String {
        self.context.models.borrow_mut().insert(model.to_owned());
        self.context.options.tier(model)
    }

    /// Remembers that a column is of no use.
    pub(super) fn pass_over(&self, column: &str) {
        self.context.passed_over.borrow_mut().insert(column.to_owned());
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

/// Every record of a file, in order, into the example that `convert` makes of it.
pub(super) fn each(
    path: &Path,
    options: &ImportOptions,
    converted: &mut Converted<'_>,
    mut convert: impl FnMut(&Record<'_>, u64) -> Result<ConvertedRow, Fault>,
) -> Result<(), Error> {
    let models = each_of(path, options, converted, |record, line| convert(record, line).map(Some))?;
    known_models(&models, options, converted)
}

/// Every record of a file, in order, into what `convert` makes of it, if it is an example of its own; the models of the file.
pub(super) fn each_of(
    path: &Path,
    options: &ImportOptions,
    converted: &mut Converted<'_>,
    convert: impl FnMut(&Record<'_>, u64) -> Result<Option<ConvertedRow>, Fault>,
) -> Result<BTreeSet<String>, Error> {
    path.clone_into(&mut converted.source);
    let context = Context { options, models: RefCell::default(), passed_over: RefCell::default(), grades: Grades::new(options) };
    let (start, input) = source::open(path)?;
    match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Err(no_observations(path, "it is empty")),
        Some(b'{') => each_object(path, &context, converted, convert)?,
        Some(_) => each_record(path, source::csv_reader(path, start, input), &context, converted, convert)?,
    }
    converted.judge(&context.grades);
    converted.report.passed_over.extend(context.passed_over.into_inner());
    Ok(context.models.into_inner())
}

/// Whether the source has every model that `--tier` names.
fn known_models(models: &BTreeSet<String>, options: &ImportOptions, converted: &Converted<'_>) -> Result<(), Error> {
    let path = &converted.source;
    match options.tiers.keys().find(|model| !models.contains(*model)) {
        Some(model) if converted.report.written > 0 => {
            let hint = hint(model, "models", models.iter().map(String::as_str));
            Err(Error::refused(format!("--tier {model}=…: no row of {} has a model \"{model}\"; {hint}", path.display())))
        }
        _ => Ok(()),
    }
}

/// Those of JSON Lines. Which columns there are shows only at the end, for rows may leave some out.
fn each_object(
    path: &Path,
    context: &Context<'_>,
    converted: &mut Converted<'_>,
    mut convert: impl FnMut(&Record<'_>, u64) -> Result<Option<ConvertedRow>, Fault>,
) -> Result<(), Error> {
    let renamed = &context.options.columns;
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut example = |Object(mut fields): Line<'_, Scalar<'_>>, line| {
        if !renamed.is_empty() {
            seen.extend(fields.iter().map(|(name, _)| name.to_string()));
        }
        for (name, _) in &mut fields {
            if let Some(own) = renamed.get(&**name) {
                *name = Cow::Borrowed(own);
            }
        }
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        if let Some(pair) = fields.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Fault::twice(&*pair[0].0));
        }
        convert(&Record { fields, context }, line)
    };
    lines(path, |line, text| {
        let row = as_python(text, |text| Ok(example(serde_json::from_slice(text)?, line)));
        converted.row(line, row.unwrap_or_else(|error| Err(Fault::new("", json_error(&error)))))
    })?;
    match renamed.keys().find(|column| !seen.contains(*column)) {
        Some(column) => Err(no_column(path, column, seen.iter().map(String::as_str))),
        None => Ok(()),
    }
}

/// Those of CSV.
fn each_record(
    path: &Path,
    mut reader: CsvReader,
    context: &Context<'_>,
    converted: &mut Converted<'_>,
    mut convert: impl FnMut(&Record<'_>, u64) -> Result<Option<ConvertedRow>, Fault>,
) -> Result<(), Error> {
    let header = reader.headers().map_err(|error| source::csv_error(path, &error))?;
    let there: Vec<&str> = header.iter().map(str::trim).collect();
    if let Some(column) = context.options.columns.keys().find(|column| !there.contains(&column.as_str())) {
        return Err(no_column(path, column, there.iter().copied()));
    }
    let name = |column: &str| context.options.columns.get(column).map_or(column, String::as_str).to_owned();
    let header: Vec<String> = there.into_iter().map(name).collect();
    let mut names = BTreeSet::new();
    if let Some(twice) = header.iter().find(|name| !name.is_empty() && !names.insert(*name)) {
        let why = format_args!("several columns stand for {twice:?}: which of them counts is not known");
        return Err(no_observations(path, why));
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
                Ok(cells) => {
                    let names = header.iter().map(|name| Cow::Borrowed(name.as_str()));
                    let fields = names.zip(cells.into_iter().map(Scalar::of_cell)).collect();
                    convert(&Record { fields, context }, line)
                }
            };
            converted.row(line, row)?;
        }
    }
}

fn no_column<'a>(path: &Path, column: &str, there: impl Iterator<Item = &'a str> + Clone) -> Error {
    let hint = hint(column, "columns", there);
    Error::refused(format!("--map {column}=…: {} has no column \"{column}\"; {hint}", path.display()))
}

/// Every line of a file that is not blank, with its number.
pub(super) fn lines(path: &Path, mut line: impl FnMut(u64, &[u8]) -> Result<(), Error>) -> Result<(), Error> {
    let mut source = Lines::open(path)?;
    while let Some((first, piece)) = source.next()? {
        numbered(first, &piece).try_for_each(|(number, text)| line(number, text))?;
    }
    Ok(())
}

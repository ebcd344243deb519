//! A table of questions as a fixture set that can be recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::expected::of_form;
use super::records::{Record, each_of};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::fixture::FixtureSet;
use crate::fixture::grade::{GraderSpec, Graders, NamedGrader};
use crate::observations::faults::Fault;
use crate::observations::scalar::Scalar;
use crate::traffic::Splits;

/// How questions become examples.
#[derive(Clone, Debug)]
pub struct QuestionOptions {
    /// Column → the one that is looked for.
    pub columns: BTreeMap<String, String>,
    /// Where examples go that name no split.
    pub splits: Splits,
    /// What compares answers with what is expected.
    pub grader: GraderSpec,
}

/// What became of the questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportedQuestions {
    /// Examples written: every row is one.
    pub written: u64,
    /// Examples by split.
    pub splits: BTreeMap<String, u64>,
    /// Whether rows were named by their numbers, for the table has no `id`.
    pub numbered: bool,
    /// Columns that are no fields.
    pub passed_over: BTreeSet<String>,
}

/// The segment of questions that name none.
const SEGMENT: &str = "questions";

/// Makes a fixture set in the folder `into`, of a table (CSV or flat JSON Lines) with `query`, `expected` and, where there are some, `id`, `segment`,
/// `split` and `group`. It is put in its place as a whole, and nothing is overwritten.
///
/// # Errors
/// A row that cannot be read, an id that stands twice, or something expected that is not of the grader's form: no question is left out.
pub fn questions(table: &Path, into: &Path, options: &QuestionOptions) -> Result<ImportedQuestions, Error> {
    if into.exists() {
        return Err(Error::refused(format!("{} exists already, and nothing is overwritten", into.display())));
    }
    let graders = Graders::default();
    let grader = graders.build(options.grader.clone()).map_err(Error::refused)?;
    let of_table = ImportOptions { columns: options.columns.clone(), ..ImportOptions::default() };
    let mut nowhere = std::io::sink();
    let mut rows = Converted::new(&of_table, table, &mut nowhere);
    let mut made =
        Made { options, grader: &grader, ids: BTreeSet::new(), lines: Vec::new(), report: ImportedQuestions::default() };
    each_of(table, &of_table, &mut rows, |record, line| made.add(record, line).map(|()| None))?;
    let Converted { report: of_rows, faults, .. } = rows;
    faults.settle(of_rows.read, of_table.bad_rows, Vec::new).map_err(Error::Rows)?;
    let Made { lines, mut report, .. } = made;
    report.passed_over.extend(of_rows.passed_over);
    if lines.is_empty() {
        return Err(Error::refused(format!("{}: it has no rows", table.display())));
    }
    let folder = into.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    let beside = tempfile::Builder::new().prefix(".importing-").tempdir_in(folder)?;
    fs_err::write(beside.path().join("set.toml"), set_toml(into, table, options, report.splits.keys())?)?;
    fs_err::write(beside.path().join("examples.jsonl"), lines)?;
    // What is read back is what everybody will read.
    FixtureSet::load_with(beside.path(), &graders)?;
    fs_err::rename(beside.path(), into)?;
    // It is no longer there to be removed.
    let _ = beside.keep();
    Ok(report)
}

/// The examples so far.
struct Made<'o> {
    options: &'o QuestionOptions,
    grader: &'o NamedGrader,
    ids: BTreeSet<String>,
    lines: Vec<u8>,
    report: ImportedQuestions,
}

impl Made<'_> {
    fn add(&mut self, record: &Record<'_>, line: u64) -> Result<(), Fault> {
        const FIELDS: [&str; 6] = ["id", "query", "expected", "segment", "split", "group"];
        let columns = record.columns();
        columns.iter().filter(|column| !FIELDS.contains(column)).for_each(|column| record.pass_over(column));
        // A row that lost its id is none of a table without ids.
        let id = match record.name("id")? {
            Some(id) => id,
            None if columns.contains(&"id") => return Err(Fault::new("id", "is missing, and other rows have one")),
            None => {
                self.report.numbered = true;
                format!("row-{line}")
            }
        };
        let text = |column: &str| record.get(column).as_text().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let query = text("query").ok_or_else(|| {
            Fault::new(
                "query",
                format!(
                    "is missing: it is what is asked; give its column with --map COLUMN=query. There are {}",
                    columns.join(", ")
                ),
            )
        })?;
        let expected = match record.get("expected") {
            Scalar::Bool(truth) => Value::Bool(truth),
            Scalar::Absent if !self.grader.is_pure() => Value::Null,
            Scalar::List | Scalar::Object => return Err(Fault::new("expected", "is a list or an object: write it as JSON in a text")),
            _ => text("expected").map(Value::from).ok_or_else(|| {
                Fault::new("expected", "is missing: it is what a right answer says; --map COLUMN=expected gives its column, and --grader human needs none")
            })?,
        };
        let expected = of_form(self.grader, expected).map_err(|why| Fault::new("expected", why))?;
        let group = record.name("group")?;
        let split = record.name("split")?.unwrap_or_else(|| self.options.splits.of(group.as_deref().unwrap_or(&id)).to_owned());
        if !self.ids.insert(id.clone()) {
            return Err(Fault::new("id", format!("\"{id}\" stands twice: an id is of one question")));
        }
        let mut example = Map::new();
        example.insert("id".to_owned(), id.into());
        example.insert("segment".to_owned(), record.name("segment")?.unwrap_or_else(|| SEGMENT.to_owned()).into());
        example.insert("split".to_owned(), split.clone().into());
        if let Some(group) = group {
            example.insert("group".to_owned(), group.into());
        }
        example.insert("query".to_owned(), query.into());
        example.insert("expected".to_owned(), expected);
        self.lines.extend(Value::Object(example).to_string().bytes().chain([b'\n']));
        self.report.written += 1;
        *self.report.splits.entry(split).or_default() += 1;
        Ok(())
    }
}

fn set_toml<'s>(
    into: &Path,
    table: &Path,
    options: &QuestionOptions,
    splits: impl Iterator<Item = &'s String>,
) -> Result<String, Error> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let about = json!({
        "name": name(into),
        "description": format!("Questions of {}.", name(table)),
        "made-by": "tierfall import questions",
        "splits": splits.collect::<Vec<_>>(),
        "grader": options.grader,
    });
    let about = toml::Value::try_from(about).and_then(|about| toml::to_string(&about));
    about.map_err(|error| Error::refused(format!("set.toml cannot be written: {error}")))
}

//! Reads what right answers say.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::expected::Expected;
use super::records::{each_of, lines};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::fixture::grade::{GraderSpec, Graders};
use crate::observations::faults::Fault;
use crate::observations::scalar::Scalar;
use crate::observations::source::open;
use crate::observations::{BadRows, as_python, json_error, value};

/// One line. Keys that are not here are passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    id: Scalar<'a>,
    expected: Option<Value>,
}

/// Reads `id` and `expected` from a table (CSV or JSON Lines, as `examples.jsonl` is), for a grader that compares.
///
/// # Errors
/// There is no such grader, or it has to ask somebody; a row that is not to be read, an id that stands twice, or something expected that is
/// not of the grader's form.
pub fn expected(path: &Path, grader: impl Into<GraderSpec>) -> Result<Expected, Error> {
    let grader = Graders::default().build(grader).map_err(Error::refused)?;
    if !grader.is_pure() {
        return Err(Error::refused(format!("the grader \"{}\" has to ask somebody, and an import asks nobody", grader.name()))
            .with_hint("`tierfall grade` asks programs, judges and people of a fixture set"));
    }
    let mut all = Expected::new(grader);
    let (options, mut nowhere) = (ImportOptions::default(), std::io::sink());
    let mut rows = Converted::new(&options, path, &mut nowhere);
    let (start, _) = open(path)?;
    if start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        lines(path, |line, text| {
            let read = as_python(text, |text| {
                let Line { id, expected } = serde_json::from_slice(text)?;
                let id = value::name(&id).map(|id| id.map(str::to_owned)).map_err(|why| Fault::new("/id", why));
                Ok(id.and_then(|id| all.add(id, expected)))
            });
            let read = read.unwrap_or_else(|error| Err(Fault::new("", json_error(&error))));
            rows.row(line, read.map(|()| None))
        })?;
    } else {
        each_of(path, &options, &mut rows, |record, _| {
            let expected = record.get("expected").as_text().map(|text| Value::from(text.trim()));
            all.add(record.name("id")?, expected).map(|()| None)
        })?;
    }
    let (read, faults) = (rows.report.read, rows.faults);
    faults.settle(read, BadRows::Refuse, Vec::new).map_err(Error::Rows)?;
    if all.is_empty() { Err(Error::refused(format!("{}: it has no rows", path.display()))) } else { Ok(all) }
}

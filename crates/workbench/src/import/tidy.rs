//! One row an answer: a file a model, or a table with a column for the model.

use std::path::{Path, PathBuf};

use tierfall_core::number::Score;

use super::joined::{Answer, Joined, Lacking};
use super::records::{Record, each_of};
use super::row::{ConvertedCell, ConvertedRow, at};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::observations::faults::Fault;
use crate::observations::value;

/// Columns that tell of an answer whether it is right, or what it says.
const GRADED: [&str; 3] = ["correct", "judged", "answer"];

pub(super) fn convert(paths: &[PathBuf], options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), Error> {
    let mut joined = Joined::default();
    for path in paths {
        joined.begin(path, converted);
        let (mut rows, mut graded) = (false, false);
        each_of(path, options, converted, |record, line| {
            rows = true;
            graded |= record.columns().iter().any(|column| GRADED.contains(column));
            joined.add(line, record.name("id").ok().flatten(), answer(record, path)).map(|()| None)
        })?;
        joined.end(converted)?;
        if rows && !graded {
            let why =
                format!("{}: no row has a column {}: nothing says which answers are right", path.display(), GRADED.join(", "));
            return Err(Error::refused(why).with_hint("--map COLUMN=correct gives the column of the grades"));
        }
    }
    joined.write(Lacking::Place, converted)
}

/// The model that gave an answer.
fn model_of(record: &Record<'_>, path: &Path) -> Result<String, Fault> {
    let Some(column) = &record.options().tier_column else { return Ok(super::options::stem(path).to_owned()) };
    record.name(column)?.ok_or_else(|| Fault::new(column.as_str(), "is missing: no tier gave this answer"))
}

fn answer(record: &Record<'_>, path: &Path) -> Result<Answer, Fault> {
    let tier = record.options().tier_of(path, Some(model_of(record, path)?));
    let id = record.name("id")?.ok_or_else(|| Fault::new("id", "is missing; give its column with --map COLUMN=id"))?;
    let (segment, group, split) = (record.name("segment")?, record.name("group")?, record.name("split")?);
    let row = ConvertedRow { id, segment, group, split, weight: record.amount("weight", 1.0)?, ..ConvertedRow::default() };
    let mut cell = ConvertedCell::default();
    for column in record.columns() {
        let value = record.get(column);
        if value.is_absent() || record.options().tier_column.as_deref() == Some(column) {
            continue;
        }
        match column {
            "id" | "segment" | "group" | "split" | "weight" => {}
            "correct" => cell.correct = record.grade(column)?,
            "judged" => cell.judged = record.grade(column)?,
            "judge" => cell.judge = record.name(column)?,
            "answer" => cell.answer = value.as_text().map(str::to_owned),
            "cost_usd" => cell.cost_usd = record.amount(column, 0.0)?,
            "latency_ms" => cell.latency_ms = record.amount(column, 0.0)?,
            "input_tokens" => cell.input_tokens = record.tokens(column)?,
            "output_tokens" => cell.output_tokens = record.tokens(column)?,
            other => {
                // A number beside the grade may be anything: a signal is what is called one.
                let called = record.options().columns.values().any(|given| given == other) || other == "confidence";
                match other.strip_prefix("confidence.").or(called.then_some(other)) {
                    Some(signal) => {
                        let score = at(column, value::score(&value))?;
                        cell.confidence.insert(signal.to_owned(), Score::new(score));
                    }
                    None => record.pass_over(column),
                }
            }
        }
    }
    Ok(Answer { row, tier, cell })
}

//! A wide table: a grade and a cost for every model in a row.

use std::path::Path;

use super::records::{Record, each, tiers_of};
use super::row::ConvertedRow;
use super::{Converted, ImportOptions};
use crate::Error;
use crate::observations::faults::Fault;

const COST: &str = "|total_cost";
const ANSWER: &str = "|model_response";

pub(super) fn convert(path: &Path, options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), Error> {
    each(path, options, converted, |record, _| example(record))
}

fn example(record: &Record<'_>) -> Result<ConvertedRow, Fault> {
    let column = record.first(&["sample_id", "id"]);
    let id = record.name(column)?.ok_or_else(|| Fault::new("sample_id", "is missing"))?;
    let (segment, split) = (record.name("eval_name")?, record.name("split")?);
    let mut example = ConvertedRow { id, segment, split, ..ConvertedRow::default() };
    let columns = record.columns();
    let mut models: Vec<&str> = columns.iter().filter_map(|column| column.strip_suffix(COST)).collect();
    // A model without costs is one too, where its answers stand there.
    models.extend(
        columns.iter().filter_map(|column| column.strip_suffix(ANSWER)).filter(|m| !columns.contains(&&*format!("{m}{COST}"))),
    );
    if models.is_empty() {
        return Err(Fault::new("", format!("no column is named MODEL{COST}: there is no model")));
    }
    for (model, tier) in tiers_of(record, &models)? {
        let (cost, answer) = (format!("{model}{COST}"), format!("{model}{ANSWER}"));
        // A model that has a column has a place, and what nothing is said of there is decided by who reads it.
        let cell = example.cell(&tier);
        cell.said = [model, &cost, &answer].iter().any(|column| !record.get(column).is_missing());
        (cell.correct, cell.cost_usd) = (record.grade(model)?, record.amount(&cost, 0.0)?);
    }
    Ok(example)
}

//! A wide table: a grade and a cost for every model in a row.

use std::path::Path;

use super::records::{Record, each, tiers_of};
use super::row::{self, Fault, Row};
use super::{Converted, ImportError, ImportOptions};

const COST: &str = "|total_cost";

pub(super) fn convert(path: &Path, options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), ImportError> {
    each(path, options, converted, |record, _| example(record))
}

fn example(record: &Record<'_>) -> Result<Row, Fault> {
    let (column, id) = record.first(&["sample_id", "id"]);
    let id = row::text(column, &id)?.ok_or_else(|| ("sample_id".to_owned(), "is missing".to_owned()))?;
    let (segment, split) = (row::text("eval_name", &record.get("eval_name"))?, row::text("split", &record.get("split"))?);
    let mut example = Row { id, segment, split, ..Row::default() };
    let columns = record.columns();
    let mut models: Vec<&str> = columns.iter().filter_map(|column| column.strip_suffix(COST)).collect();
    // A model without costs is one too, where its answers stand there.
    models.extend(
        columns
            .iter()
            .filter_map(|column| column.strip_suffix("|model_response"))
            .filter(|m| !columns.contains(&&*format!("{m}{COST}"))),
    );
    if models.is_empty() {
        return Err((String::new(), format!("no column is named MODEL{COST}: there is no model")));
    }
    for (model, tier) in tiers_of(record, &models)? {
        let grade = row::grade(model, &record.value(model), record.options().max_score)?;
        let cost_column = format!("{model}{COST}");
        let cost_usd = row::amount(&cost_column, &record.value(&cost_column), 0.0)?;
        // A model that was not asked has neither.
        if grade.is_some() || cost_usd.is_some() {
            let cell = example.cell(&tier);
            (cell.correct, cell.cost_usd) = (grade, cost_usd);
        }
    }
    Ok(example)
}

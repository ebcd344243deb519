//! Any table, with names of columns given.

use std::path::Path;

use super::records::{Record, each, tiers_of};
use super::row::{self, Fault, Row};
use super::{Converted, ImportError, ImportOptions};
use crate::observations::scalar::Scalar;

pub(super) fn convert(path: &Path, options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), ImportError> {
    each(path, options, converted, |record, _| example(record))
}

/// Every tier has a column with its grades: that tells its name, which may hold points.
fn tiers<'a>(columns: &[&'a str]) -> Vec<&'a str> {
    let mut tiers = Vec::new();
    for column in columns {
        if let Some(tier) = column.strip_suffix(".correct").or_else(|| column.strip_suffix(".judged"))
            && !tiers.contains(&tier)
        {
            tiers.push(tier);
        }
    }
    tiers
}

fn example(record: &Record<'_>) -> Result<Row, Fault> {
    let columns = record.columns();
    for column in record.options().columns.values() {
        if columns.iter().filter(|known| *known == column).count() > 1 {
            return Err((column.clone(), "several columns stand for it".to_owned()));
        }
    }
    let tiers = tiers(&columns);
    if tiers.is_empty() {
        let why = format!("no column is TIER.correct; give one with --map COLUMN=TIER.correct. There are {}", columns.join(", "));
        return Err((String::new(), why));
    }
    let tiers = tiers_of(record, &tiers)?;
    let of_row = |field: &str| row::text(field, &record.get(field));
    let id = of_row("id")?.ok_or_else(|| ("id".to_owned(), "is missing; give its column with --map COLUMN=id".to_owned()))?;
    let (segment, group, split) = (of_row("segment")?, of_row("group")?, of_row("split")?);
    let weight = row::amount("weight", &record.value("weight"), 1.0)?;
    let mut example = Row { id, segment, group, split, weight, ..Row::default() };
    for column in columns {
        let of_tier =
            tiers.iter().filter_map(|(model, tier)| Some((model.len(), tier, column.strip_prefix(model)?.strip_prefix('.')?)));
        let Some((_, tier, field)) = of_tier.max_by_key(|(long, ..)| *long) else { continue };
        let value = record.value(column);
        if value.is_absent() {
            continue;
        }
        let most = record.options().max_score;
        let cell = example.cell(tier);
        match field {
            "correct" => cell.correct = row::grade(column, &value, most)?,
            "judged" => cell.judged = row::grade(column, &value, most)?,
            "judge" => cell.judge = row::text(column, &record.get(column))?,
            "cost_usd" => cell.cost_usd = row::amount(column, &value, 0.0)?,
            "latency_ms" => cell.latency_ms = row::amount(column, &value, 0.0)?,
            "input_tokens" => cell.input_tokens = row::tokens(column, &value)?,
            "output_tokens" => cell.output_tokens = row::tokens(column, &value)?,
            // Answers and other texts stand beside the signals, unless a column was given for one.
            _ if matches!(value, Scalar::Text(_)) && !record.options().columns.values().any(|given| given == column) => {}
            signal => {
                let signal = signal.strip_prefix("confidence.").unwrap_or(signal);
                cell.confidence.insert(signal.to_owned(), row::score(column, &value)?);
            }
        }
    }
    Ok(example)
}

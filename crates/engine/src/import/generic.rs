//! Any table, with names of columns given.

use std::path::Path;

use tierfall_core::number::Score;

use super::records::{Record, each, tiers_of};
use super::row::{Row, at};
use super::{Converted, ImportError, ImportOptions};
use crate::observations::faults::Fault;
use crate::observations::value;

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
    let tiers = tiers(&columns);
    if tiers.is_empty() {
        let why = format!("no column is TIER.correct; give one with --map COLUMN=TIER.correct. There are {}", columns.join(", "));
        return Err(Fault::new("", why));
    }
    let tiers = tiers_of(record, &tiers)?;
    let id = record.key("id")?.ok_or_else(|| Fault::new("id", "is missing; give its column with --map COLUMN=id"))?;
    let (segment, group, split) = (record.name("segment")?, record.key("group")?, record.key("split")?);
    let mut example = Row { id, segment, group, split, weight: record.amount("weight", 1.0)?, ..Row::default() };
    for column in columns {
        let of_tier =
            tiers.iter().filter_map(|(model, tier)| Some((model.len(), tier, column.strip_prefix(model)?.strip_prefix('.')?)));
        let Some((_, tier, field)) = of_tier.max_by_key(|(long, ..)| *long) else { continue };
        // Whatever is said of a tier tells that it has answered.
        if record.get(column).is_absent() {
            continue;
        }
        let cell = example.cell(tier);
        match field {
            "correct" => cell.correct = record.grade(column)?,
            "judged" => cell.judged = record.grade(column)?,
            "judge" => cell.judge = record.key(column)?,
            "cost_usd" => cell.cost_usd = record.amount(column, 0.0)?,
            "latency_ms" => cell.latency_ms = record.amount(column, 0.0)?,
            "input_tokens" => cell.input_tokens = record.tokens(column)?,
            "output_tokens" => cell.output_tokens = record.tokens(column)?,
            // A number beside the grade may be anything: a signal is what is called one.
            other => {
                let called = || record.options().columns.values().any(|given| given == column).then_some(other);
                match other.strip_prefix("confidence.").or_else(called) {
                    Some(signal) => {
                        let score = at(column, value::score(&record.get(column)))?;
                        cell.confidence.insert(signal.to_owned(), Score::new(score));
                    }
                    None => record.pass_over(column),
                }
            }
        }
    }
    Ok(example)
}

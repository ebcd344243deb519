//! Any table, with names of columns given.

use std::path::Path;

use tierfall_core::number::Score;

use super::records::{Record, each, tiers_of};
use super::row::{ConvertedRow, at};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::observations::faults::Fault;
use crate::observations::row::{graded_tier, of_tier};
use crate::observations::value;

pub(super) fn convert(path: &Path, options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), Error> {
    each(path, options, converted, |record, _| example(record))
}

/// Every tier has a column with its grades.
fn tiers<'a>(columns: &[&'a str]) -> Vec<&'a str> {
    let mut tiers = Vec::new();
    for tier in columns.iter().filter_map(|column| graded_tier(column)) {
        if !tiers.contains(&tier) {
            tiers.push(tier);
        }
    }
    tiers
}

fn example(record: &Record<'_>) -> Result<ConvertedRow, Fault> {
    let columns = record.columns();
    let tiers = tiers(&columns);
    if tiers.is_empty() {
        let why = format!("no column is TIER.correct; give one with --map COLUMN=TIER.correct. There are {}", columns.join(", "));
        return Err(Fault::new("", why));
    }
    let tiers = tiers_of(record, &tiers)?;
    let id = record.name("id")?.ok_or_else(|| Fault::new("id", "is missing; give its column with --map COLUMN=id"))?;
    let (segment, group, split) = (record.name("segment")?, record.name("group")?, record.name("split")?);
    let mut example =
        ConvertedRow { id, segment, group, split, weight: record.amount("weight", 1.0)?, ..ConvertedRow::default() };
    // A tier that has a column has a place, and what nothing is said of there is decided by who reads it.
    for (_, tier) in &tiers {
        example.cell(tier);
    }
    for column in columns {
        let Some((at_tier, field)) = of_tier(column, tiers.iter().map(|(model, _)| model)) else {
            if column.contains('.') && record.options().columns.iter().any(|(_, field)| *field == column) {
                let why = "is named by --map, and there is no such tier: none whose column TIER.correct is there";
                return Err(Fault::new(column, why));
            }
            continue;
        };
        let (value, cell) = (record.get(column), example.cell(&tiers[at_tier].1));
        cell.said |= !value.is_missing();
        if value.is_absent() {
            continue;
        }
        match field {
            "correct" => cell.correct = record.grade(column)?,
            "judged" => cell.judged = record.grade(column)?,
            "judge" => cell.judge = record.name(column)?,
            "answer" => cell.answer = value.as_text().map(str::to_owned),
            "cost_usd" => cell.cost_usd = record.amount(column, 0.0)?,
            "latency_ms" => cell.latency_ms = record.amount(column, 0.0)?,
            "input_tokens" => cell.input_tokens = record.tokens(column)?,
            "output_tokens" => cell.output_tokens = record.tokens(column)?,
            // A number beside the grade may be anything: a signal is what is called one.
            other => {
                let called = || record.options().columns.values().any(|given| given == column).then_some(other);
                match other.strip_prefix("confidence.").or_else(called) {
                    Some(signal) => {
                        let score = at(column, value::score(&value))?;
                        cell.confidence.insert(signal.to_owned(), Score::new(score));
                    }
                    None => record.pass_over(column),
                }
            }
        }
    }
    Ok(example)
}

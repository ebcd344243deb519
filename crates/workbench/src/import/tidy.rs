//! One row an answer: a file a model, or a table with a column for the model. Rows of one id are one example.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use tierfall_core::number::Score;

use super::records::{Record, each_of, known_models};
use super::row::{ConvertedRow, at};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::observations::faults::Fault;
use crate::observations::value;

pub(super) fn convert(paths: &[PathBuf], options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), Error> {
    let mut joined = Joined::default();
    let mut models = BTreeSet::new();
    for path in paths {
        let of_file = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split('.').next());
        let read = each_of(path, options, converted, |record, line| {
            let added = model_of(record, of_file).and_then(|model| joined.add(record, &record.tier(&model), (path, line)));
            if added.is_err() {
                joined.lost.extend(record.name("id").ok().flatten());
            }
            added.map(|()| None)
        });
        models.extend(read?);
    }
    // An answer that cannot be read is one that is there: without it the tier would seem to have been passed over. Of a row without an
    // id nobody knows whose answer it is.
    let nameless = converted.faults.count() > joined.lost.len() as u64;
    let lost: HashSet<String> = joined.lost.into_iter().collect();
    for mut row in joined.rows {
        if lost.contains(&row.id) || nameless && row.tiers.len() < joined.tiers.len() {
            continue;
        }
        // One that is not in a file has no answer there, and who reads it decides what that is.
        joined.tiers.iter().for_each(|tier| _ = row.cell(tier));
        row.tiers.sort_by_key(|(tier, _)| joined.tiers.iter().position(|known| known == tier));
        converted.write(&row)?;
    }
    known_models(&models, options, converted)
}

/// The model that gave an answer.
fn model_of(record: &Record<'_>, of_file: Option<&str>) -> Result<String, Fault> {
    let Some(column) = &record.options().tier_column else { return Ok(of_file.unwrap_or_default().to_owned()) };
    record.name(column)?.ok_or_else(|| Fault::new(column.as_str(), "is missing: no tier gave this answer"))
}

/// The examples so far, in the order in which their ids came.
#[derive(Default)]
struct Joined {
    rows: Vec<ConvertedRow>,
    places: HashMap<String, usize>,
    tiers: Vec<String>,
    /// Where the answer of a tier to an example stands.
    answers: HashMap<(usize, usize), (PathBuf, u64)>,
    /// The ids of rows that cannot be read.
    lost: Vec<String>,
}

impl Joined {
    fn add(&mut self, record: &Record<'_>, tier: &str, (path, line): (&Path, u64)) -> Result<(), Fault> {
        let id = record.name("id")?.ok_or_else(|| Fault::new("id", "is missing; give its column with --map COLUMN=id"))?;
        let at_tier = self.tiers.iter().position(|known| known == tier).unwrap_or_else(|| {
            self.tiers.push(tier.to_owned());
            self.tiers.len() - 1
        });
        let place = *self.places.entry(id.clone()).or_insert_with(|| {
            self.rows.push(ConvertedRow { id: id.clone(), ..ConvertedRow::default() });
            self.rows.len() - 1
        });
        if let Some((other, first)) = self.answers.insert((place, at_tier), (path.to_owned(), line)) {
            let why = format!(
                "\"{id}\" has an answer of the tier \"{tier}\" already, in {}:{first}: which of them counts is not known; a table of several \
                 models names them in a column, --tier-column",
                other.display()
            );
            return Err(Fault::new("id", why));
        }
        let row = &mut self.rows[place];
        for (field, known) in [("segment", &mut row.segment), ("group", &mut row.group), ("split", &mut row.split)] {
            agree(&id, field, known, record.name(field)?)?;
        }
        agree(&id, "weight", &mut row.weight, record.amount("weight", 1.0)?)?;
        let cell = row.cell(tier);
        cell.said = true;
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
        Ok(())
    }
}

/// What is said of an example beside each of its answers is one thing.
fn agree<T: PartialEq + std::fmt::Debug>(
    id: &str,
    field: &'static str,
    known: &mut Option<T>,
    said: Option<T>,
) -> Result<(), Fault> {
    match (known.as_ref(), said) {
        (Some(before), Some(said)) if *before != said => {
            Err(Fault::new(field, format!("of \"{id}\" is {said:?} here and {before:?} beside another answer")))
        }
        (_, said) => {
            *known = said.or(known.take());
            Ok(())
        }
    }
}

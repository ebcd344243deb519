//! Comparisons of two models: who was preferred, or what score each got.

use std::path::Path;

use super::records::{Record, each};
use super::row::{ConvertedCell, ConvertedRow};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::observations::faults::Fault;
use crate::observations::scalar::Scalar;
use crate::observations::text::Plain;
use tierfall::digest;

const ONE_HOT: [(&str, &str); 3] = [("winner_model_a", "model_a"), ("winner_model_b", "model_b"), ("winner_tie", "tie")];

pub(super) fn convert(path: &Path, options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), Error> {
    each(path, options, converted, example)
}

fn example(record: &Record<'_>, line: u64) -> Result<ConvertedRow, Fault> {
    let model = |column: &str| {
        record.name(column)?.ok_or_else(|| Fault::new(column, "is missing: a row compares `model_a` with `model_b`"))
    };
    let (a, b) = (model("model_a")?, model("model_b")?);
    if a == b {
        return Err(Fault::new("model_b", format!("is {b:?} like `model_a`: nothing is compared")));
    }
    let id = record.name(record.first(&["id", "question_id", "conversation_id"]))?.unwrap_or_else(|| format!("row-{line}"));
    // A prompt that is compared again, with other models or judges, is the same item.
    let group = record.name("prompt")?.map(|prompt| digest::of_bytes(prompt.trim().as_bytes())[..16].to_owned());
    let (segment, split) = (record.name("segment")?, record.name("split")?);
    let mut example = ConvertedRow { id, segment, group, split, ..ConvertedRow::default() };
    let judge = record.name("judge")?;
    let (of_a, of_b) = grades(record, (&a, &b))?;
    for (name, grade, cost) in [(&a, of_a, "cost_a"), (&b, of_b, "cost_b")] {
        let cell = example.cell(&record.tier(name));
        *cell = ConvertedCell { said: true, cost_usd: record.amount(cost, 0.0)?, ..ConvertedCell::default() };
        match &judge {
            Some(judge) => (cell.judged, cell.judge) = (grade, Some(judge.clone())),
            None => cell.correct = grade,
        }
    }
    if example.tiers.len() < 2 {
        return Err(Fault::new("model_b", format!("both models are the tier {:?}", example.tiers[0].0)));
    }
    Ok(example)
}

/// The grades of both; `None` where nobody compared them.
fn grades(record: &Record<'_>, (a, b): (&str, &str)) -> Result<(Option<f64>, Option<f64>), Fault> {
    let told_by = ["winner", "score_a", "score_b"].into_iter().chain(ONE_HOT.map(|(column, _)| column));
    let columns = record.columns();
    if !told_by.into_iter().any(|column| columns.contains(&column)) {
        return Err(Fault::new("winner", "is missing, and there are no `score_a` and `score_b`"));
    }
    let scores = (record.grade("score_a")?, record.grade("score_b")?);
    if let (Some(_), Some(_)) = scores {
        return Ok(scores);
    }
    let value = record.get("winner");
    let winner = match &value {
        Scalar::Absent => one_hot(record)?,
        value if value.plain() == Plain::Missing => None,
        Scalar::Text(winner) => Some(winner.trim()),
        other => return Err(Fault::of_grade("winner", format!("is {}, not a model or a tie", other.shown()))),
    };
    let (of_a, of_b) = match winner {
        None => return Ok(scores),
        Some("model_a" | "a" | "A") => (1.0, 0.0),
        Some("model_b" | "b" | "B") => (0.0, 1.0),
        Some("tie") => (1.0, 1.0),
        Some("tie (bothbad)" | "tie_bothbad" | "both_bad" | "bothbad") => (0.0, 0.0),
        Some(name) if name == a => (1.0, 0.0),
        Some(name) if name == b => (0.0, 1.0),
        Some(other) => {
            let why = format!("is {other:?}, not model_a, model_b, tie, tie (bothbad) or one of the two names");
            return Err(Fault::of_grade("winner", why));
        }
    };
    Ok((Some(of_a), Some(of_b)))
}

/// The winner by three columns of which one is 1; `None` where they say nothing.
fn one_hot(record: &Record<'_>) -> Result<Option<&'static str>, Fault> {
    let (mut said, mut set) = (false, Vec::new());
    for (column, winner) in ONE_HOT {
        let value = record.get(column);
        match value.plain() {
            Plain::Missing => continue,
            Plain::Bool(false) | Plain::Number(0.0) => {}
            Plain::Bool(true) | Plain::Number(1.0) => set.push(winner),
            Plain::Number(_) | Plain::Odd => return Err(Fault::of_grade(column, format!("is {}, not 0 or 1", value.shown()))),
        }
        said = true;
    }
    match set[..] {
        [winner] => Ok(Some(winner)),
        [] if !said => Ok(None),
        [] => Err(Fault::of_grade("winner", "none of the columns winner_… is 1")),
        _ => Err(Fault::of_grade("winner", "more than one of the columns winner_… is 1")),
    }
}

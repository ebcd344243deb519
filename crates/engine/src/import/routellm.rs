//! Comparisons of two models: who was preferred, or what score each got.

use std::path::Path;

use super::records::{Record, each};
use super::row::{self, Cell, Fault, Row};
use super::{Converted, ImportError, ImportOptions};
use crate::digest;
use crate::observations::scalar::Scalar;

pub(super) fn convert(path: &Path, options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), ImportError> {
    each(path, options, converted, example)
}

fn example(record: &Record<'_>, line: u64) -> Result<Row, Fault> {
    let model = |column: &str| {
        let name = row::text(column, &record.get(column))?;
        name.ok_or_else(|| (column.to_owned(), "is missing: a row compares `model_a` with `model_b`".to_owned()))
    };
    let (a, b) = (model("model_a")?, model("model_b")?);
    if a == b {
        return Err(("model_b".to_owned(), format!("is {b:?} like `model_a`: nothing is compared")));
    }
    let (column, id) = record.first(&["id", "question_id", "conversation_id"]);
    let id = row::text(column, &id)?.unwrap_or_else(|| format!("row-{line}"));
    // A prompt that is compared again, with other models or judges, is the same item.
    let group =
        row::text("prompt", &record.get("prompt"))?.map(|prompt| digest::of_bytes(prompt.trim().as_bytes())[..16].to_owned());
    let segment = row::text("segment", &record.get("segment"))?;
    let split = row::text("split", &record.get("split"))?;
    let mut example = Row { id, segment, group, split, ..Row::default() };
    let judge = row::text("judge", &record.get("judge"))?;
    let (of_a, of_b) = grades(record, (&a, &b))?;
    for (name, grade, cost) in [(&a, of_a, "cost_a"), (&b, of_b, "cost_b")] {
        let cell = example.cell(&record.tier(name));
        *cell = Cell { cost_usd: row::amount(cost, &record.value(cost), 0.0)?, ..Cell::default() };
        match &judge {
            Some(judge) => (cell.judged, cell.judge) = (Some(grade), Some(judge.clone())),
            None => cell.correct = Some(grade),
        }
    }
    if example.tiers.len() < 2 {
        return Err(("model_b".to_owned(), format!("both models are the tier {:?}", example.tiers[0].0)));
    }
    Ok(example)
}

fn grades(record: &Record<'_>, (a, b): (&str, &str)) -> Result<(f64, f64), Fault> {
    let most = record.options().max_score;
    let score = |column: &str| row::grade(column, &record.value(column), most);
    if let (Some(of_a), Some(of_b)) = (score("score_a")?, score("score_b")?) {
        return Ok((of_a, of_b));
    }
    let winner = match record.get("winner") {
        Scalar::Text(winner) => winner.trim().to_owned(),
        Scalar::Absent => one_hot(record)?.to_owned(),
        other => return Err(("winner".to_owned(), format!("is {}, not a model or a tie", other.shown()))),
    };
    match winner.as_str() {
        "model_a" | "a" | "A" => Ok((1.0, 0.0)),
        "model_b" | "b" | "B" => Ok((0.0, 1.0)),
        "tie" => Ok((1.0, 1.0)),
        "tie (bothbad)" | "tie_bothbad" | "both_bad" | "bothbad" => Ok((0.0, 0.0)),
        name if name == a => Ok((1.0, 0.0)),
        name if name == b => Ok((0.0, 1.0)),
        other => {
            Err(("winner".to_owned(), format!("is {other:?}, not model_a, model_b, tie, tie (bothbad) or one of the two names")))
        }
    }
}

/// The winner by three columns of which one is 1.
fn one_hot(record: &Record<'_>) -> Result<&'static str, Fault> {
    let is_set = |column: &str| matches!(record.value(column), Scalar::Bool(true) | Scalar::Number(1.0));
    let columns = [("winner_model_a", "model_a"), ("winner_model_b", "model_b"), ("winner_tie", "tie")];
    let set: Vec<_> = columns.into_iter().filter(|(column, _)| is_set(column)).collect();
    match set[..] {
        [(_, winner)] => Ok(winner),
        [] => Err(("winner".to_owned(), "is missing, and there are no `score_a` and `score_b`".to_owned())),
        _ => Err(("winner".to_owned(), "more than one of the columns winner_… is 1".to_owned())),
    }
}

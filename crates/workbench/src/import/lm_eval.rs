//! `samples_TASK_DATE.jsonl` of the LM Evaluation Harness, which `--log_samples` writes into a folder a model.
//!
//! A line has `doc_id`, `doc`, `target`, `arguments`, `resps`, `filtered_resps` and each metric under its own name; since 0.4.5 `filter` says
//! which filter the answer went through, and a document stands on a line a filter. Newer ones list their `metrics`. Of requests for
//! log-likelihoods `filtered_resps` has a pair, of the log-likelihood and whether it is the greedy one, for each choice, as numbers or texts.
//! The layout: `lm_eval/evaluator.py` and `lm_eval/loggers/evaluation_tracker.py` of `EleutherAI/lm-evaluation-harness`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tierfall_core::number::Score;

use super::document::At;
use super::grades::Grades;
use super::joined::{Answer, Joined, Lacking};
use super::options::stem;
use super::records::lines;
use super::row::{ConvertedCell, ConvertedRow};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::observations::faults::Fault;
use crate::observations::scalar::Scalar;
use crate::observations::{as_python, json_error};

/// What of a line is no metric.
const OTHERS: [&str; 11] = [
    "doc_id",
    "doc",
    "target",
    "arguments",
    "resps",
    "filtered_resps",
    "filter",
    "metrics",
    "doc_hash",
    "prompt_hash",
    "target_hash",
];

pub(super) fn convert(paths: &[PathBuf], options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), Error> {
    let mut joined = Joined::default();
    // Of the answers that went through several filters one counts, in a task for all models, and only who asks knows which.
    let mut filters: HashMap<Option<String>, String> = HashMap::new();
    let mut documents: HashMap<String, [Option<String>; 2]> = HashMap::new();
    for path in paths {
        let grades = Grades::new(options);
        joined.begin(path, converted);
        lines(path, |line, text| {
            converted.report.read += 1;
            let read = as_python(text, |text| serde_json::from_slice::<Map<String, Value>>(text));
            let read = read.map_err(|error| Fault::new("", json_error(&error)));
            if let Ok(sample) = &read
                && is_other(sample, options)
            {
                converted.report.others += 1;
                return Ok(());
            }
            let id = read.as_ref().ok().and_then(|sample| id(sample, path).ok());
            let answer = read.and_then(|sample| {
                if let Some(this) = sample.get("filter").and_then(Value::as_str) {
                    let first = filters.entry(task(path).map(str::to_owned)).or_insert_with(|| this.to_owned());
                    if first != this {
                        let why = format!(
                            "is {this:?}, and other lines are of {first:?}: say which counts, as in --map {first}=filter"
                        );
                        return Err(Fault::new("/filter", why));
                    }
                }
                same_document(&mut documents, &sample, path)?;
                answer(sample, (path, options), &grades)
            });
            joined.add(line, id, answer).or_else(|fault| converted.bad(line, fault))
        })?;
        converted.judge(&grades);
        joined.end(converted)?;
    }
    joined.write(Lacking::Place, converted)
}

/// Documents are counted in each file: one number of two versions of a data set, or of two orders, is of two questions.
fn same_document(
    known: &mut HashMap<String, [Option<String>; 2]>,
    sample: &Map<String, Value>,
    path: &Path,
) -> Result<(), Fault> {
    const HASHES: [&str; 2] = ["doc_hash", "target_hash"];
    let these = HASHES.map(|key| sample.get(key).and_then(Value::as_str).map(str::to_owned));
    let first = known.entry(id(sample, path)?).or_insert_with(|| these.clone());
    for ((key, first), this) in HASHES.iter().zip(first).zip(these) {
        if first.is_some() && this.is_some() && *first != this {
            let why = "is not that of the document of this number in the lines before: these are two questions, of two versions or orders of the data set";
            return Err(Fault::new(format!("/{key}"), why));
        }
    }
    Ok(())
}

/// Whether another filter than this one was asked for.
fn is_other(sample: &Map<String, Value>, options: &ImportOptions) -> bool {
    let asked = options.columns.iter().find(|(_, field)| *field == "filter");
    asked.is_some_and(|(filter, _)| sample.get("filter").and_then(Value::as_str).is_some_and(|this| this != filter))
}

/// The task, by the name of the file: documents are counted from 0 in each.
fn task(path: &Path) -> Option<&str> {
    // A date has points in its seconds.
    let name = path.file_name()?.to_str()?.strip_prefix("samples_")?;
    let of_date = |(at, _): &(usize, &str)| {
        let date: Vec<char> = name[at + 1..].chars().take(5).collect();
        date.len() == 5 && date[..4].iter().all(char::is_ascii_digit) && date[4] == '-'
    };
    let end = name.match_indices('_').rfind(of_date).map(|(at, _)| at);
    Some(end.map_or_else(|| name.split('.').next().unwrap_or(name), |at| &name[..at])).filter(|task| !task.is_empty())
}

/// The model, by the name of the folder; a file of another name is called as its model.
fn model(path: &Path) -> Option<String> {
    // Run in the folder itself, the name of the file says nothing of it.
    let whole = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = || whole.parent()?.file_name()?.to_str();
    let name = task(path).and_then(|_| folder()).unwrap_or_else(|| stem(path));
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

fn id(sample: &Map<String, Value>, path: &Path) -> Result<String, Fault> {
    let doc = At(sample.get("doc_id").unwrap_or(&Value::Null)).name("")?;
    let doc = doc.ok_or_else(|| Fault::new("/doc_id", "is missing: it names the document"))?;
    Ok(task(path).map_or_else(|| doc.clone(), |task| format!("{task}/{doc}")))
}

fn answer(sample: Map<String, Value>, (path, options): (&Path, &ImportOptions), grades: &Grades<'_>) -> Result<Answer, Fault> {
    let row = ConvertedRow { id: id(&sample, path)?, segment: task(path).map(str::to_owned), ..ConvertedRow::default() };
    let metric = metric(&sample, options)?.to_owned();
    let mut cell = ConvertedCell::default();
    let sample = Value::Object(sample);
    let grade = sample[&metric].to_string();
    let grade: Scalar<'_> = serde_json::from_str(&grade).map_err(|error| Fault::new(format!("/{metric}"), json_error(&error)))?;
    cell.correct = grades.read(&format!("/{metric}"), &grade)?;
    let said = &sample["filtered_resps"];
    if let Some(text) = said[0].as_str().filter(|_| said.as_array().is_some_and(|all| all.len() == 1)) {
        cell.answer = Some(text.to_owned());
    }
    if let Some((sure, margin)) = choices(said) {
        cell.confidence.insert("choice-logprob".to_owned(), Score::new(sure));
        cell.confidence.insert("choice-margin".to_owned(), Score::new(margin));
    }
    Ok(Answer { row, tier: options.tier_of(path, model(path)), cell })
}

/// The metric that is the grade: the one that is asked for, else the only one.
fn metric<'s>(sample: &'s Map<String, Value>, options: &'s ImportOptions) -> Result<&'s str, Fault> {
    if let Some((metric, _)) = options.columns.iter().find(|(_, field)| *field == "correct") {
        return if sample.contains_key(metric) {
            Ok(metric)
        } else {
            let there = metrics(sample).join(", ");
            Err(Fault::new(format!("/{metric}"), format!("is missing, and --map says that it is the grade; there are {there}")))
        };
    }
    match metrics(sample)[..] {
        [only] => Ok(only),
        [] => Err(Fault::new("", "has no metric: it has no grade")),
        ref several => {
            let (all, first) = (several.join(", "), several[0]);
            Err(Fault::new("", format!("has several metrics, {all}: say which is the grade, as in --map {first}=correct")))
        }
    }
}

fn metrics(sample: &Map<String, Value>) -> Vec<&str> {
    let listed = sample.get("metrics").and_then(Value::as_array);
    match listed {
        Some(listed) => listed.iter().filter_map(Value::as_str).collect(),
        None => sample.iter().filter(|(key, _)| !OTHERS.contains(&key.as_str())).map(|(key, _)| key.as_str()).collect(),
    }
}

/// Of the log-likelihoods of choices, the logarithm of the best one's share of all, and how far it is before the next.
fn choices(said: &Value) -> Option<(f64, f64)> {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let all: Option<Vec<f64>> =
        said.as_array()?.iter().map(|one| one.as_array().filter(|pair| pair.len() == 2).and_then(|p| number(&p[0]))).collect();
    let mut all = all.filter(|all| all.len() > 1 && all.iter().all(|one| one.is_finite()))?;
    all.sort_by(|a, b| b.total_cmp(a));
    let share: f64 = all.iter().map(|one| (one - all[0]).exp()).sum();
    Some((-share.ln(), all[0] - all[1]))
}

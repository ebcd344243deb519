//! Results of promptfoo, as `results.json` (`promptfoo eval --output results.json`, `promptfoo export`) or as JSON Lines of its rows.
//!
//! A document has its rows in `results.results`; a row has `provider`, `testIdx` and `promptIdx` (not in old ones, which tell tests by their
//! `vars` alone), `response` (`output`, `tokenUsage`, `logProbs`, `cached`), `success`, `score`, `cost`, `latencyMs`, `gradingResult`, and
//! `failureReason`: 2 where no answer came or it could not be graded. `error` repeats why an assertion failed. The layout: `EvaluateResult` and
//! `EvaluateSummaryV2`, `V3` in `src/types/index.ts` of `promptfoo/promptfoo`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tierfall::digest;

use super::document::{At, line_of, of_logprobs, part, text};
use super::grades::Grades;
use super::joined::{Answer, Joined, Lacking};
use super::records::lines;
use super::row::{ConvertedCell, ConvertedRow};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::observations::faults::Fault;
use crate::observations::kinds::is_document_of_results;
use crate::observations::source::{no_observations, start_of};
use crate::observations::{as_python, json_error};

/// The document, or what it holds of all rows.
#[derive(Deserialize)]
struct Results<'a> {
    #[serde(borrow)]
    results: &'a RawValue,
}

/// A row, with its line.
type Row = (u64, Result<Value, Fault>);

/// What all rows of a file say together.
struct Reading<'r> {
    path: &'r Path,
    options: &'r ImportOptions,
    grades: Grades<'r>,
    /// By provider, its prompts.
    prompts: BTreeMap<String, BTreeSet<String>>,
    /// Whether a model grades.
    judged: bool,
}

pub(super) fn convert(paths: &[PathBuf], options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), Error> {
    let mut joined = Joined::default();
    for path in paths {
        let rows = rows(path)?;
        let read = || rows.iter().filter_map(|(_, row)| row.as_ref().ok());
        let mut prompts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in read() {
            prompts.entry(provider(row).unwrap_or_default()).or_default().insert(prompt(row));
        }
        let reading = Reading { path, options, grades: Grades::new(options), judged: read().any(is_judged), prompts };
        joined.begin(path, converted);
        for (line, row) in rows {
            converted.report.read += 1;
            let id = row.as_ref().ok().and_then(|row| id(row).ok());
            let answer = row.and_then(|row| reading.answer(&row));
            joined.add(line, id, answer).or_else(|fault| converted.bad(line, fault))?;
        }
        converted.judge(&reading.grades);
        joined.end(converted)?;
    }
    joined.write(Lacking::Place, converted)
}

fn rows(path: &Path) -> Result<Vec<Row>, Error> {
    let start = start_of(path).ok_or_else(|| no_observations(path, "it is no file whose beginning can be read"))?;
    if is_document_of_results(&start) {
        let text = text(path)?;
        let unknown = |error| no_observations(path, format_args!("it is no document of promptfoo's results: {error}"));
        let Results { mut results } = serde_json::from_str(&text).map_err(unknown)?;
        // What all rows say together stands around them, but in some exports.
        if results.get().starts_with('{') {
            results = serde_json::from_str::<Results<'_>>(results.get()).map_err(unknown)?.results;
        }
        let rows: Vec<&RawValue> = serde_json::from_str(results.get()).map_err(unknown)?;
        return Ok(rows.into_iter().map(|row| (line_of(&text, row), part("/results", row))).collect());
    }
    let mut rows = Vec::new();
    lines(path, |line, text| {
        let row = as_python(text, |text| serde_json::from_slice(text));
        rows.push((line, row.map_err(|error| Fault::new("", json_error(&error)))));
        Ok(())
    })?;
    Ok(rows)
}

fn provider(row: &Value) -> Option<String> {
    let provider = &row["provider"];
    let name = provider.as_str().or_else(|| provider["label"].as_str().filter(|label| !label.is_empty()));
    name.or_else(|| provider["id"].as_str()).map(str::to_owned)
}

fn prompt(row: &Value) -> String {
    let told = ["promptIdx", "promptId"].into_iter().map(|key| &row[key]).find(|told| !told.is_null());
    told.unwrap_or(&row["prompt"]["raw"]).to_string()
}

/// A test by its number, else by what stands in for its variables.
fn id(row: &Value) -> Result<String, Fault> {
    match (At(row).name("/testIdx")?, of_vars(row)) {
        (Some(at), _) => Ok(format!("test-{at}")),
        (None, Some(vars)) => Ok(format!("vars-{vars}")),
        (None, None) => Err(Fault::new("/testIdx", "is missing, and there are no `vars`: which test it is nobody knows")),
    }
}

/// What stands in for the variables of a test; those of a row may have more, as what another test stored.
fn of_vars(row: &Value) -> Option<String> {
    let vars = [&row["testCase"]["vars"], &row["vars"]].into_iter().find_map(Value::as_object).filter(|vars| !vars.is_empty())?;
    let sorted: BTreeMap<&String, &Value> = vars.iter().collect();
    let text = serde_json::to_string(&sorted).ok()?;
    Some(digest::of_bytes(text.as_bytes())[..16].to_owned())
}

/// Whether an assertion of the row is a model's.
fn is_judged(row: &Value) -> bool {
    const MODELS: [&str; 8] =
        ["llm-rubric", "model-graded", "g-eval", "factuality", "answer-relevance", "context-", "select-best", "search-rubric"];
    let components = row["gradingResult"]["componentResults"].as_array();
    let types = components.into_iter().flatten().filter_map(|part| part["assertion"]["type"].as_str());
    types.map(|kind| kind.strip_prefix("not-").unwrap_or(kind)).any(|kind| MODELS.iter().any(|model| kind.starts_with(model)))
}

impl Reading<'_> {
    fn answer(&self, row: &Value) -> Result<Answer, Fault> {
        let at = At(row);
        let provider = provider(row).ok_or_else(|| Fault::new("/provider", "is missing: it says who answered"))?;
        let several = self.prompts.get(&provider).is_some_and(|prompts| prompts.len() > 1);
        // Of one model with two prompts there are two tiers.
        let model = if several { format!("{provider}#{}", prompt(row).trim_matches('"')) } else { provider };
        let response = &row["response"];
        let mut cell = ConvertedCell::default();
        let output = &response["output"];
        cell.answer = match output {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        self.grade(at, cell.answer.is_some(), &mut cell)?;
        // What came from the cache took no time and cost nothing this time, and would another time. A cost of 0 is one that nobody knows.
        if response["cached"] != Value::Bool(true) {
            cell.latency_ms = at.amount("/latencyMs")?;
            cell.cost_usd = at.amount("/cost")?.or(at.amount("/response/cost")?).filter(|cost| *cost > 0.0);
            cell.input_tokens = at.tokens("/response/tokenUsage/prompt")?;
            cell.output_tokens = at.tokens("/response/tokenUsage/completion")?;
        }
        if let Some(logprobs) = response["logProbs"].as_array() {
            let numbers: Option<Vec<f64>> = logprobs.iter().map(Value::as_f64).collect();
            of_logprobs(&mut cell, &numbers.ok_or_else(|| Fault::new("/response/logProbs", "is no list of numbers"))?);
        }
        let group = of_vars(row);
        let tier = self.options.tier_of(self.path, Some(model));
        Ok(Answer { row: ConvertedRow { id: id(row)?, group, ..ConvertedRow::default() }, tier, cell })
    }

    fn grade(&self, at: At<'_>, answered: bool, cell: &mut ConvertedCell) -> Result<(), Fault> {
        let failed = at.0["failureReason"].as_u64().map_or(!at.0["error"].is_null(), |reason| reason == 2);
        if !answered && (failed || at.0["response"]["error"].is_string()) {
            cell.correct = Some(0.0);
            if self.judged {
                (cell.judged, cell.judge) = (Some(0.0), Some("promptfoo".to_owned()));
            }
            return Ok(());
        }
        // There is an answer, and what was to grade it failed.
        if at.0["failureReason"] == 2 {
            return Ok(());
        }
        let asked = self.options.columns.iter().find(|(_, field)| *field == "correct");
        let pointer = match asked {
            None => "/success".to_owned(),
            Some((score, _)) if score == "score" => "/score".to_owned(),
            Some((named, _)) => format!("/namedScores/{named}"),
        };
        let text = at.0.pointer(&pointer).cloned().unwrap_or_default().to_string();
        let value = serde_json::from_str(&text).map_err(|error| Fault::new(pointer.as_str(), json_error(&error)))?;
        let grade = self.grades.read(&pointer, &value)?;
        if self.judged {
            (cell.judged, cell.judge) = (grade, grade.map(|_| "promptfoo".to_owned()));
        } else {
            cell.correct = grade;
        }
        Ok(())
    }
}

//! Logs of Inspect, as `.json`: `inspect log dump FILE.eval` writes one of the archive that it keeps by default.
//!
//! A log has `status`, `eval` (`task`, `model`, `config`), `results` and `samples`; a sample has `id`, `epoch`, `scores` by scorer, `output` with
//! `choices`, `usage` and log-probabilities, `model_usage` by model, times in seconds and an `error` where it failed. Scores in letters are C
//! for right, I for wrong, P for half right and N for no answer. The layout: `src/inspect_ai/log/_log.py`,
//! `src/inspect_ai/model/_model_output.py` and `src/inspect_ai/scorer/_metric.py` of `UKGovernmentBEIS/inspect_ai`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tierfall_core::request::Request;
use tierfall_wire::dialect::openai_chat::OpenAiChat;
use tierfall_wire::dialect::{Dialect as _, NoAnswer};

use super::chat::Reader;
use super::document::{At, line_of, part, text};
use super::grades::Grades;
use super::joined::{Answer, Joined, Lacking};
use super::row::{ConvertedCell, ConvertedRow};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::observations::faults::Fault;
use crate::observations::scalar::Scalar;
use crate::observations::source::no_observations;

/// What is read of a log.
#[derive(Deserialize)]
struct Log<'a> {
    #[serde(default)]
    status: Option<String>,
    eval: Value,
    #[serde(default)]
    results: Value,
    #[serde(default, borrow)]
    samples: Option<Vec<&'a RawValue>>,
}

/// How to read the samples of a log.
struct Reading<'r> {
    path: &'r Path,
    options: &'r ImportOptions,
    eval: &'r Value,
    grades: &'r Grades<'r>,
    reader: &'r Reader,
}

pub(super) fn convert(paths: &[PathBuf], options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), Error> {
    let reader = Reader::new();
    let mut joined = Joined::default();
    for path in paths {
        let text = text(path)?;
        let log: Log<'_> = serde_json::from_str(&text)
            .map_err(|error| no_observations(path, format_args!("it is no log of Inspect: {error}")))?;
        let Some(samples) = log.samples else {
            return Err(no_observations(path, "it is a log without samples: `--no-log-samples` leaves them out"));
        };
        let grades = Grades::new(options);
        let reading = Reading { path, options, eval: &log.eval, grades: &grades, reader: &reader };
        joined.begin(path, converted);
        for sample in &samples {
            converted.report.read += 1;
            let line = line_of(&text, sample);
            let read: Result<Value, Fault> = part("/samples", sample);
            let id = read.as_ref().ok().and_then(|sample| reading.id(sample).ok());
            let answer = read.and_then(|sample| reading.answer(&sample));
            joined.add(line, id, answer).or_else(|fault| converted.bad(line, fault))?;
        }
        if let Some(fault) = unfinished(log.status.as_deref(), &log.results, samples.len() as u64) {
            converted.report.read += 1;
            joined.add(1, None, Err(fault)).or_else(|fault| converted.bad(1, fault))?;
        }
        converted.judge(&grades);
        joined.end(converted)?;
    }
    joined.write(Lacking::Place, converted)
}

/// What the log lacks: which questions were not reached may depend on how hard they are.
fn unfinished(status: Option<&str>, results: &Value, samples: u64) -> Option<Fault> {
    let lacks = results["total_samples"].as_u64().map_or(0, |total| total.saturating_sub(samples));
    match status {
        None | Some("success") if lacks == 0 => None,
        None | Some("success") => Some(Fault::new("/results/total_samples", format!("{lacks} samples are not in the log"))),
        Some(status) => Some(Fault::new(
            "/status",
            format!("is {status:?}: the run came to no end, and samples that it did not reach are lost"),
        )),
    }
}

impl Reading<'_> {
    fn task(&self) -> Option<&str> {
        self.eval["task"].as_str().filter(|task| !task.trim().is_empty())
    }

    /// Whether questions were asked several times.
    fn repeats(&self) -> bool {
        self.eval["config"]["epochs"].as_u64().is_some_and(|epochs| epochs > 1)
    }

    /// The question: ids are those of a task's own data.
    fn question(&self, sample: &Value) -> Result<String, Fault> {
        let id = At(sample).name("/id")?.ok_or_else(|| Fault::new("/id", "is missing: it names the sample"))?;
        Ok(self.task().map_or_else(|| id.clone(), |task| format!("{task}/{id}")))
    }

    fn id(&self, sample: &Value) -> Result<String, Fault> {
        let question = self.question(sample)?;
        if !self.repeats() {
            return Ok(question);
        }
        let epoch = At(sample).name("/epoch")?.ok_or_else(|| Fault::new("/epoch", "is missing, and the log has several"))?;
        Ok(format!("{question}#{epoch}"))
    }

    fn answer(&self, sample: &Value) -> Result<Answer, Fault> {
        let (id, question) = (self.id(sample)?, self.question(sample)?);
        let row = ConvertedRow {
            segment: self.task().map(str::to_owned),
            group: self.repeats().then_some(question),
            id: id.clone(),
            ..ConvertedRow::default()
        };
        let model = self.eval["model"].as_str();
        let mut cell = ConvertedCell::default();
        if sample["error"].is_null() {
            self.grade(sample, &mut cell)?;
        } else {
            // A sample that failed is a wrong answer.
            cell.correct = Some(0.0);
        }
        let output = &sample["output"];
        if let Some(reply) = chat(output).filter(|_| sample["error"].is_null()) {
            match OpenAiChat.decode(reply.to_string().as_bytes()) {
                Ok(completion) => self.reader.read(&mut cell, &Request::from_messages(id, Vec::new()), &completion),
                Err(NoAnswer::Failed(_)) => cell.correct = Some(0.0),
                Err(NoAnswer::Unreadable(error)) => return Err(Fault::new("/output/choices/0", error.why)),
            }
        }
        // All calls of the model for a sample are paid for, and `output` is of the last one alone.
        let of_model = model.map(|model| &sample["model_usage"][model]).filter(|usage| usage.is_object());
        let usage = At(of_model.unwrap_or(&output["usage"]));
        cell.output_tokens = usage.tokens("/output_tokens")?;
        // `input_tokens` leaves out what came from a cache.
        let total = usage.tokens("/total_tokens")?;
        cell.input_tokens = total.zip(cell.output_tokens).and_then(|(total, output)| total.checked_sub(output));
        cell.cost_usd = usage.amount("/total_cost")?;
        let seconds = [(output, "/time"), (sample, "/working_time"), (sample, "/total_time")];
        for (value, pointer) in seconds {
            cell.latency_ms = cell.latency_ms.or(At(value).amount(pointer)?.map(|seconds| 1000.0 * seconds));
        }
        Ok(Answer { row, tier: self.options.tier_of(self.path, model.map(str::to_owned)), cell })
    }

    /// The grade: by the scorer that is asked for, else by the only one. What a model graded is judged.
    fn grade(&self, sample: &Value, cell: &mut ConvertedCell) -> Result<(), Fault> {
        let asked = self.options.columns.iter().find(|(_, field)| ["correct", "judged"].contains(&field.as_str()));
        let none = serde_json::Map::new();
        let all = sample["scores"].as_object().unwrap_or(&none);
        let names = || all.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let (by, score) = match (asked, all.iter().next()) {
            (Some((by, _)), Some(_)) if !all.contains_key(by) => {
                let why = format!("has no scorer {by:?}, and --map says that it grades; there are {}", names());
                return Err(Fault::new("/scores", why));
            }
            (Some((by, _)), _) => (by.as_str(), &all.get(by).unwrap_or(&Value::Null)["value"]),
            (None, Some((first, _))) if all.len() > 1 => {
                let why = format!("has several scorers, {}: say which grades, as in --map {first}=correct", names());
                return Err(Fault::new("/scores", why));
            }
            (None, Some((by, score))) => (by.as_str(), &score["value"]),
            // Old logs have one score without a name.
            (None, None) => ("score", &sample["score"]["value"]),
        };
        let letter = score.as_str().and_then(|value| match value {
            "C" => Some("1"),
            "P" => Some("0.5"),
            "I" | "N" => Some("0"),
            _ => None,
        });
        let text = letter.map_or_else(|| score.to_string(), str::to_owned);
        let field = format!("/scores/{by}/value");
        let value: Scalar<'_> = serde_json::from_str(&text).map_err(|error| Fault::new(field.as_str(), error.to_string()))?;
        let grade = self.grades.read(&field, &value)?;
        let judged = asked.map_or_else(|| by.starts_with("model_graded"), |(_, field)| field == "judged");
        if judged {
            (cell.judged, cell.judge) = (grade, grade.map(|_| by.to_owned()));
        } else {
            cell.correct = grade;
        }
        Ok(())
    }
}

/// The output as a chat completion; none where nothing came back.
fn chat(output: &Value) -> Option<Value> {
    let choice = output["choices"].as_array()?.first()?;
    let content = &choice["message"]["content"];
    let text = content.as_str().map(str::to_owned).or_else(|| {
        let parts = content.as_array()?.iter().filter(|part| part["type"] == "text");
        Some(parts.filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join(""))
    });
    let finish = match choice["stop_reason"].as_str() {
        Some("max_tokens" | "model_length") => "length",
        Some(reason @ ("content_filter" | "tool_calls")) => reason,
        _ => "stop",
    };
    let mut reply =
        json!({"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text.unwrap_or_default()}});
    if choice["logprobs"].is_object() {
        reply["logprobs"] = choice["logprobs"].clone();
    }
    Some(json!({"model": output["model"], "choices": [reply]}))
}

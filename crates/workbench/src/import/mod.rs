//! Other people's tables and logs as observations.
//!
//! Every format is one file and one line in [`FORMATS`]. A row that cannot be converted is what one is to the reader of observations: an error,
//! or left out where that was declared. What a source does not say stays absent.

mod chat;
mod converted;
mod document;
mod expected;
mod expecting;
mod generic;
mod grades;
mod inspect;
mod joined;
mod lm_eval;
mod log;
mod options;
mod promptfoo;
mod questions;
mod records;
mod routellm;
mod routerbench;
mod row;
#[cfg(test)]
mod tests;
mod tidy;

use std::io::Write;
use std::path::{Path, PathBuf};

use converted::Converted;
pub use converted::Imported;
pub use expected::Expected;
pub use expecting::expected;
pub use options::ImportOptions;
pub use questions::{ImportedQuestions, QuestionOptions, questions};

use crate::Error;
use crate::observations::kinds::recognised;
use crate::observations::source::start_of;
use crate::observations::{Unreadable, hint};

/// A format that can be imported.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it holds, and what becomes of it.
    pub about: &'static str,
    convert: fn(&[PathBuf], &ImportOptions, &mut Converted<'_>) -> Result<(), Error>,
    /// Whether it may lie in several files: its records are one answer each.
    several: bool,
    /// What --map can name where records are nested; `None`: any column.
    names: Option<&'static [&'static str]>,
}

const LOG: &str = "openai-log";
const TIDY: &str = "tidy";

/// Every format.
pub const FORMATS: &[Format] = &[
    Format {
        name: "routerbench",
        about: "a wide table (CSV or JSON Lines): one row a question with `sample_id`, `eval_name` (the segment), and for every \
                model a grade under its name and a cost under `MODEL|total_cost`",
        convert: |files, options, converted| routerbench::convert(&files[0], options, converted),
        several: false,
        names: None,
    },
    Format {
        name: "routellm",
        about: "comparisons of two models (CSV or JSON Lines): `prompt`, `model_a`, `model_b`, and a `winner` (model_a, model_b, \
                tie, tie (bothbad)), one of `winner_model_a`, `winner_model_b`, `winner_tie`, or `score_a` and `score_b`; a \
                preferred answer and a tie count as right. Where `judge` names who compared, the grades are the judge's",
        convert: |files, options, converted| routellm::convert(&files[0], options, converted),
        several: false,
        names: None,
    },
    Format {
        name: LOG,
        about: "a log of chat completions or the output files of batches (JSON Lines), of OpenAI (chat completions, Responses) or Anthropic \
                (messages): `custom_id` or `id`, `request`, `response` or `result`, `correct` or `label`, `latency_ms`, `tier` (else the \
                request's model); an `error` is a wrong answer, log-probabilities become signals, lines of one id one example. Answers \
                without grades are graded by --expected",
        convert: log::convert,
        several: true,
        names: Some(&[]),
    },
    Format {
        name: "lm-eval",
        about: "samples of the LM Evaluation Harness (`samples_TASK_DATE.jsonl` of --log_samples): the folder's name is the tier's, the task is \
                the segment, the metric is the grade (--map METRIC=correct where there are several, --map FILTER=filter likewise); \
                log-likelihoods of choices become the signals `choice-logprob` and `choice-margin`",
        convert: lm_eval::convert,
        several: true,
        names: Some(&["correct", "filter"]),
    },
    Format {
        name: "inspect",
        about: "logs of Inspect (.json; `inspect log dump FILE.eval > FILE.json`): the model is the tier, the task is the segment, the score is the \
                grade (--map SCORER=correct, or =judged, where there are several), epochs share a group; log-probabilities become signals",
        convert: inspect::convert,
        several: true,
        names: Some(&["correct", "judged"]),
    },
    Format {
        name: "promptfoo",
        about: "results of promptfoo (results.json, or JSON Lines): the provider is the tier, PROVIDER#PROMPT where it has several prompts; passed is \
                right (--map score=correct takes the score), a model's verdict is judged; log-probabilities become signals",
        convert: promptfoo::convert,
        several: true,
        names: Some(&["correct"]),
    },
    Format {
        name: "csv",
        about: "any table with a header, with --map COLUMN=FIELD: the fields are id, segment, group, split, weight, TIER.correct, \
                TIER.judged, TIER.judge, TIER.cost_usd, TIER.latency_ms, TIER.input_tokens, TIER.output_tokens and TIER.SIGNAL; \
                a column that has its field's name needs no --map, but for a signal's, which is TIER.confidence.SIGNAL",
        convert: |files, options, converted| generic::convert(&files[0], options, converted),
        several: false,
        names: None,
    },
    Format {
        name: TIDY,
        about: "one row an answer (CSV or JSON Lines), joined by `id`: a file a model, whose name is the tier's, or one table whose \
                --tier-column names the tier. The fields are segment, group, split, weight, correct, judged, judge, cost_usd, latency_ms, \
                input_tokens, output_tokens, answer; a column `confidence`, and one that --map gives any other name, is a signal",
        convert: tidy::convert,
        several: true,
        names: None,
    },
];

/// The format of this name.
pub fn format(name: &str) -> Result<&'static Format, Error> {
    FORMATS.iter().find(|format| format.name == name).ok_or_else(|| {
        let known = FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
        Error::refused(format!("there is no format \"{name}\" to import; there are {known}"))
    })
}

/// Writes a source as observations in JSON Lines.
pub fn convert(format: &Format, files: &[PathBuf], options: &ImportOptions, out: &mut dyn Write) -> Result<Imported, Error> {
    let input = match files {
        [] => return Err(Error::refused("no file is given".to_owned())),
        [_, _, ..] if !format.several => {
            return Err(Error::refused(format!(
                "one file of {} at a time: the examples of a second one would be mixed up with the first one's; a table a model is `tidy`",
                format.name
            )));
        }
        [input, ..] => input,
    };
    if options.tiers.contains_key("") && !format.several {
        return Err(Error::refused(format!(
            "--tier NAME is for files whose records are one answer each; {} has several tiers in a row: --tier MODEL=NAME",
            format.name
        )));
    }
    if options.tier_column.is_some() && format.name != TIDY {
        return Err(Error::refused(format!(
            "--tier-column is for tables with one row an answer, `tidy`; {} has other rows",
            format.name
        )));
    }
    let named = |names: &[&str]| options.columns.values().find(|field| !names.contains(&field.as_str()));
    if let Some(names) = format.names
        && let Some(field) = named(names)
    {
        let why = if names.is_empty() {
            format!("{} has none", format.name)
        } else {
            format!("of {} it can name {}", format.name, names.join(", "))
        };
        return Err(Error::refused(format!("--map …={field}: {why}; its lines are nested")));
    }
    if let Some(most) = options.max_score.filter(|most| !(most.is_finite() && *most > 0.0)) {
        return Err(Error::refused(format!("--max-score {most}: the greatest grade of a source is above 0")));
    }
    for file in files.iter().filter(|_| format.names.is_some()) {
        let start = start_of(file).unwrap_or_default();
        if start.trim_ascii_start().first().is_some_and(|first| !b"{[".contains(first)) {
            let why = format!("{}: it is no JSON, and {} is; tables are `tidy` or `csv`", file.display(), format.name);
            return Err(Error::refused(why));
        }
    }
    let mut converted = Converted::new(options, input, out);
    (format.convert)(files, options, &mut converted).map_err(|error| told(error, format, input))?;
    let Converted { mut report, faults, scales, unsure, met, .. } = converted;
    match faults.settle(report.read, options.bad_rows, || scales) {
        Ok(left_out) => (report.bad, report.first_bad) = left_out,
        Err(rows) => return Err(told(none_or(input, rows), format, input)),
    }
    if let Some(why) = unsure.first() {
        return Err(Error::refused(why));
    }
    // A log tells its models line by line; the others have said already which are missing.
    if let Some((model, tier)) = options.tiers.iter().find(|(_, tier)| report.written > 0 && !report.tiers.contains_key(*tier)) {
        let hint = hint(model, "tiers", report.tiers.keys().map(String::as_str));
        return Err(Error::refused(format!(
            "--tier {model}={tier}: nothing in {} has answers of \"{model}\"; {hint}",
            files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
        )));
    }
    report.unanswered = options.expected.as_ref().map_or(0, |expected| expected.unanswered(&met));
    if report.written == 0 {
        let none = if report.others > 0 { "none is of the filter that --map names" } else { "it has no rows" };
        let why = report.first_bad.first().map_or_else(|| none.to_owned(), |bad| format!("the first is {bad}"));
        return Err(nothing(input, report.read, &why));
    }
    Ok(report)
}

/// The same, with the format that reads the file, where it looks like another one.
fn told(error: Error, format: &Format, input: &Path) -> Error {
    match start_of(input).and_then(|start| recognised(&start)) {
        Some((other, what)) if other != format.name && !matches!(error, Error::Rows(_)) => {
            error.with_hint(format!("it looks like {what}: tierfall import {other} {}", input.display()))
        }
        _ => error,
    }
}

/// What is wrong with every row in the same way is wrong with the source.
fn none_or(input: &Path, rows: Box<Unreadable>) -> Error {
    match rows.first.as_slice() {
        [first, others @ ..] if rows.bad == rows.read && others.iter().all(|row| row.reason == first.reason) => {
            nothing(input, rows.read, &format!("the first is {first}"))
        }
        _ => Error::Rows(rows),
    }
}

fn nothing(input: &Path, read: u64, why: &str) -> Error {
    Error::refused(format!("none of the {read} rows of {} can be converted: {why}", input.display()))
}

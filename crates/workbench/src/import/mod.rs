//! Other people's tables and logs as observations.
//!
//! Every format is one file and one line in [`FORMATS`]. A row that cannot be converted is what one is to the reader of observations: an error,
//! or left out where that was declared. What a source does not say stays absent.

mod converted;
mod generic;
mod grades;
mod log;
mod options;
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
pub use options::ImportOptions;

use crate::Error;
use crate::observations::{Unreadable, hint};

/// A format that can be imported.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it holds, and what becomes of it.
    pub about: &'static str,
    convert: fn(&[PathBuf], &ImportOptions, &mut Converted<'_>) -> Result<(), Error>,
    /// Whether it may lie in several files.
    several: bool,
}

const LOG: &str = "openai-log";

/// Every format.
pub const FORMATS: &[Format] = &[
    Format {
        name: "routerbench",
        about: "a wide table (CSV or JSON Lines): one row a question with `sample_id`, `eval_name` (the segment), and for every \
                model a grade under its name and a cost under `MODEL|total_cost`",
        convert: |files, options, converted| routerbench::convert(&files[0], options, converted),
        several: false,
    },
    Format {
        name: "routellm",
        about: "comparisons of two models (CSV or JSON Lines): `prompt`, `model_a`, `model_b`, and a `winner` (model_a, model_b, \
                tie, tie (bothbad)), one of `winner_model_a`, `winner_model_b`, `winner_tie`, or `score_a` and `score_b`; a \
                preferred answer and a tie count as right. Where `judge` names who compared, the grades are the judge's",
        convert: |files, options, converted| routellm::convert(&files[0], options, converted),
        several: false,
    },
    Format {
        name: LOG,
        about: "a log of chat completions (JSON Lines): `id` or `custom_id`, `request`, `response`, `correct` or `label`, \
                `latency_ms`, `tier` (else the request's model); an `error` is a wrong answer, log-probabilities become signals, lines of \
                one id one example",
        convert: |files, options, converted| log::convert(&files[0], options, converted),
        several: false,
    },
    Format {
        name: "csv",
        about: "any table with a header, with --map COLUMN=FIELD: the fields are id, segment, group, split, weight, TIER.correct, \
                TIER.judged, TIER.judge, TIER.cost_usd, TIER.latency_ms, TIER.input_tokens, TIER.output_tokens and TIER.SIGNAL; \
                a column that has its field's name needs no --map, but for a signal's, which is TIER.confidence.SIGNAL",
        convert: |files, options, converted| generic::convert(&files[0], options, converted),
        several: false,
    },
    Format {
        name: "tidy",
        about: "one row an answer (CSV or JSON Lines), joined by `id`: a file a model, whose name is the tier's, or one table whose \
                --tier-column names the tier. The fields are segment, group, split, weight, correct, judged, judge, cost_usd, latency_ms, \
                input_tokens, output_tokens; a column `confidence`, and one that --map gives any other name, is a signal",
        convert: tidy::convert,
        several: true,
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
                "one file of {} at a time: the examples of a second one would be mixed up with the first one's; a file a model is `tidy`",
                format.name
            )));
        }
        [input, ..] => input,
    };
    if options.tier_column.is_some() && !format.several {
        return Err(Error::refused(format!(
            "--tier-column is for tables with one row an answer, `tidy`; {} has other rows",
            format.name
        )));
    }
    if format.name == LOG && !options.columns.is_empty() {
        return Err(Error::refused(format!("--map names columns of a table, and {LOG} has none: its lines are nested")));
    }
    if let Some(most) = options.max_score.filter(|most| !(most.is_finite() && *most > 0.0)) {
        return Err(Error::refused(format!("--max-score {most}: the greatest grade of a source is above 0")));
    }
    let mut converted = Converted::new(options, input, out);
    (format.convert)(files, options, &mut converted)?;
    let Converted { mut report, faults, scales, unsure, .. } = converted;
    match faults.settle(report.read, options.bad_rows, || scales) {
        Ok(left_out) => (report.bad, report.first_bad) = left_out,
        Err(rows) => return Err(none_or(input, rows)),
    }
    if let Some(why) = unsure.first() {
        return Err(Error::refused(why));
    }
    // A log tells its models line by line; the others have said already which are missing.
    if let Some((model, tier)) = options.tiers.iter().find(|(_, tier)| report.written > 0 && !report.tiers.contains_key(*tier)) {
        let hint = hint(model, "tiers", report.tiers.keys().map(String::as_str));
        return Err(Error::refused(format!(
            "--tier {model}={tier}: nothing in {} has answers of \"{model}\"; {hint}",
            input.display()
        )));
    }
    if report.written == 0 {
        let why = report.first_bad.first().map_or_else(|| "it has no rows".to_owned(), |bad| format!("the first is {bad}"));
        return Err(nothing(input, report.read, &why));
    }
    Ok(report)
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

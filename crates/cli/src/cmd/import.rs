//! `tierfall import`: other people's tables and logs as observations.

use std::fs::File;
use std::io::{BufWriter, Seek as _, Write as _};
use std::path::Path;

use tierfall_workbench::import::{ImportOptions, Imported, convert, expected, format};
use tierfall_workbench::inputs::no_stdin;
use tierfall_workbench::results::{Named, PREFIX, ready};
use tierfall_workbench::whole::Beside;

use super::output::{until, unwritten};
use super::watch::{tell_bad, tell_made};
use crate::args::{Import, QUESTIONS, TRACES};
use crate::interrupt::interrupted;
use crate::render::printable;
use crate::render::words::{count, list};
use crate::{Exit, Failure, printed, quiet, say};

pub(crate) async fn import(args: &Import) -> Result<Exit, Failure> {
    if args.format == TRACES {
        return super::traffic::import(args).await;
    }
    if args.format == QUESTIONS {
        return super::questions::import(args).await;
    }
    let to = destination(args);
    let expected = args.table.expected.iter().map(|path| ("--expected", path.clone()));
    let read: Vec<Named> = args.files.iter().map(|path| ("the source", path.clone())).chain(expected).collect();
    no_stdin(&args.files)?;
    let ended = interrupted();
    ready(&read, &to.map(|path| ("--out", path.to_owned())).into_iter().collect::<Vec<_>>())?;
    // It is held here, not by the work, which nobody waits for once it is interrupted.
    let out = to.map(|path| Beside::open(path, PREFIX).map_err(|error| unwritten(path, &error))).transpose()?;
    // Whether all rows can be converted shows at the end, and a part of them is no result.
    let mut whole = match &out {
        Some(file) => file.handle()?,
        None => tempfile::tempfile()?,
    };
    let (owned, handle) = (args.clone(), whole.try_clone()?);
    let report = until(ended, move || made(&owned, &handle)).await?;
    if let (Some(path), Some(file)) = (to, out) {
        file.put().map_err(|error| unwritten(path, &error))?;
    } else {
        whole.rewind()?;
        let mut stdout = std::io::stdout().lock();
        printed(std::io::copy(&mut whole, &mut stdout).and_then(|_| stdout.flush()))?;
    }
    if !quiet() {
        tell(args, &report);
    }
    Ok(Exit::Fine)
}

/// The file that is written; `None` for stdout.
fn destination(args: &Import) -> Option<&Path> {
    args.table.out.as_deref().filter(|path| *path != Path::new("-"))
}

/// What became of the rows.
fn made(args: &Import, out: &File) -> Result<Imported, Failure> {
    if args.traffic.into.is_some() {
        return Err(Failure::usage(format!(
            "only {TRACES} and {QUESTIONS} become a fixture set; {} becomes observations",
            args.format
        ))
        .with_hint("leave out --into and --cascade"));
    }
    let grader = args.traffic.grader.as_deref();
    if let (Some(_), None) = (grader, &args.table.expected) {
        return Err(Failure::usage("--grader compares answers with what is expected").with_hint("--expected FILE says that"));
    }
    let of_file = |path| expected(path, grader.unwrap_or("normalised"));
    let options = ImportOptions {
        expected: args.table.expected.as_deref().map(of_file).transpose()?,
        columns: args.table.columns.iter().cloned().collect(),
        tiers: args.table.tiers.iter().cloned().collect(),
        tier_column: args.table.tier_column.clone(),
        max_score: args.table.max_score,
        bad_rows: args.table.bad_rows.unwrap_or_default(),
    };
    let format = format(&args.format)?;
    let mut out = BufWriter::new(out);
    let report = convert(format, &args.files, &options, &mut out)?;
    out.flush()?;
    Ok(report)
}

/// What becomes of rows that cannot be read, where that was declared.
const UNREADABLE: &str = "cannot be read and are written as such: what is made of the result needs --bad-rows at-random, too";

fn tell(args: &Import, report: &Imported) {
    tell_bad(report.bad, report.read, UNREADABLE, &report.first_bad);
    let signals = printable::line(&list(&report.signals.iter().map(String::as_str).collect::<Vec<_>>()));
    let signals = if report.signals.is_empty() { "no signals".to_owned() } else { format!("signals {signals}") };
    let to = destination(args).map_or_else(String::new, |out| format!(" in {}", out.display()));
    say(format_args!("{} examples{to}, {signals}", count(report.written)));
    let met = [
        (
            report.unread_requests,
            "requests cannot be read; their answers are there, and signals that look at the request saw none",
        ),
        (report.unanswered, "questions of --expected have no answer in the source: they are in no example"),
        (report.others, "records were not asked for, by --map NAME=filter"),
        (report.ungraded, "answers have no grade: to `calibrate` each counts as the worst that it can be"),
        (
            report.unreadable,
            "answers could not be read by the grader, and count as wrong: look at them before anything is made of it",
        ),
        (report.unsaid, UNSAID),
    ];
    tell_made(&report.tiers, &met);
    if !report.passed_over.is_empty() {
        let columns = printable::line(&list(&report.passed_over.iter().map(String::as_str).collect::<Vec<_>>()));
        say(format_args!("  not taken, for nobody calls them signals: {columns}; --map COLUMN=TIER.SIGNAL does"));
    }
}

/// What rows are that say nothing of a tier.
const UNSAID: &str = "times a row says nothing of a tier: to `calibrate` that is an answer without a grade of the last one, and passes \
                      over another";

//! `tierfall import`: other people's tables and logs as observations.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Seek as _, Write};
use std::path::Path;

use tempfile::spooled_tempfile;
use tierfall_workbench::Error;
use tierfall_workbench::import::{ImportOptions, Imported, convert, format};
use tierfall_workbench::inputs::no_stdin;
use tierfall_workbench::results::{Named, PREFIX, ready};
use tierfall_workbench::whole::Beside;

use super::output::{ended, until, unwritten};
use super::watch::tell_bad;
use crate::args::{Chance, Import, TRACES};
use crate::exit::{Exit, Failure};
use crate::render::printable;
use crate::render::words::{count, list};
use crate::say;

pub(crate) async fn import(args: &Import, quiet: bool) -> Result<Exit, Failure> {
    if args.format == TRACES {
        return super::traffic::import(args, quiet).await;
    }
    let to = destination(args);
    let read: Vec<Named> = args.files.iter().map(|path| ("the source", path.clone())).collect();
    no_stdin(&args.files)?;
    let ended = ended();
    ready(&read, &to.map(|path| ("--out", path.to_owned())).into_iter().collect::<Vec<_>>())?;
    // It is held here, not by the work, which nobody waits for once it is interrupted.
    let out = match to {
        Some(path) => Some((path, Beside::open(path, PREFIX).map_err(|error| unwritten(path, &error))?)),
        None => None,
    };
    let handle = match &out {
        Some((path, file)) => Some(file.handle().map_err(|error| unwritten(path, &error))?),
        None => None,
    };
    let owned = args.clone();
    let Some(report) = until(ended, move || made(&owned, handle)).await? else { return Ok(Exit::Fine) };
    if let Some((path, file)) = out {
        file.put().map_err(|error| unwritten(path, &error))?;
    }
    if !quiet {
        tell(args, &report);
    }
    Ok(Exit::Fine)
}

/// The file that is written; `None` for stdout.
fn destination(args: &Import) -> Option<&Path> {
    args.table.out.as_deref().filter(|path| *path != Path::new("-"))
}

/// What became of the rows; `None` where whoever read them went away.
fn made(args: &Import, out: Option<File>) -> Result<Option<Imported>, Failure> {
    let [file] = args.files.as_slice() else {
        return Err(Failure::usage("one file at a time: the examples of a second one would be mixed up with the first one's"));
    };
    if args.traffic.into.is_some() {
        return Err(Failure::usage(format!("only {TRACES} become a fixture set; {} becomes observations", args.format))
            .with_hint("leave out --into and --cascade"));
    }
    let options = ImportOptions {
        columns: args.table.columns.iter().cloned().collect(),
        tiers: args.table.tiers.iter().cloned().collect(),
        max_score: args.table.max_score,
        bad_rows: Chance::bad_rows(args.table.bad_rows),
    };
    let format = format(&args.format)?;
    let convert = |out: &mut dyn Write| -> Result<Imported, Error> {
        let mut out = BufWriter::new(out);
        let report = convert(format, file, &options, &mut out)?;
        out.flush()?;
        Ok(report)
    };
    if let Some(mut file) = out {
        return Ok(convert(&mut file).map(Some)?);
    }
    // Whether all rows can be converted shows at the end, and a part of them is no result.
    let mut whole = spooled_tempfile(IN_MEMORY);
    let report = convert(&mut whole)?;
    whole.rewind()?;
    let mut stdout = std::io::stdout().lock();
    match std::io::copy(&mut whole, &mut stdout).and_then(|_| stdout.flush()) {
        Ok(()) => Ok(Some(report)),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(None),
        Err(error) => Err(Failure::usage(format!("stdout could not be written: {error}"))),
    }
}

/// Bytes of a result that wait in memory until it is whole; more of them wait in a file.
const IN_MEMORY: usize = 64 << 20;

/// What becomes of rows that cannot be read, where that was declared.
const UNREADABLE: &str = "cannot be read and are written as such: what is made of the result needs --bad-rows at-random, too";

fn tell(args: &Import, report: &Imported) {
    tell_bad(report.bad, report.read, UNREADABLE, &report.first_bad);
    let signals: Vec<String> = report.signals.iter().map(|signal| printable::line(signal)).collect();
    let signals: Vec<&str> = signals.iter().map(String::as_str).collect();
    let signals = if signals.is_empty() { "no signals".to_owned() } else { format!("signals {}", list(&signals)) };
    let to = destination(args).map_or_else(String::new, |out| format!(" in {}", out.display()));
    say(format_args!("{} examples{to}, {signals}", count(report.written)));
    for (tier, n) in &report.tiers {
        say(format_args!("  {}: {} answers", printable::line(tier), count(*n)));
    }
    if report.unread_requests > 0 {
        say(format_args!(
            "  {} requests cannot be read; their answers are there, and signals that look at the request saw none",
            count(report.unread_requests)
        ));
    }
    if report.ungraded > 0 {
        say(format_args!(
            "  {} answers have no grade: to `calibrate` each counts as the worst that it can be",
            count(report.ungraded)
        ));
    }
    if report.unsaid > 0 {
        say(format_args!(
            "  {} times a row says nothing of a tier: to `calibrate` that is an answer without a grade of the last one, and passes over another",
            count(report.unsaid)
        ));
    }
    if !report.passed_over.is_empty() {
        let columns: Vec<String> = report.passed_over.iter().map(|column| printable::line(column)).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        say(format_args!("  not taken, for nobody calls them signals: {}; --map COLUMN=TIER.SIGNAL does", list(&columns)));
    }
}

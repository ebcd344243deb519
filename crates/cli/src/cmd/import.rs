//! `tierfall import`: other people's tables and logs as observations.

use std::io::{BufWriter, ErrorKind, Write as _};

use tierfall::import::{ImportError, ImportOptions, Imported, convert, convert_to_file, format};

use super::observed::tell_bad;
use super::output::interruptible;
use crate::args::{Import, TRACES};
use crate::exit::{Exit, Failure};
use crate::render::words::{count, list};
use crate::say;

pub(crate) async fn import(args: &Import, quiet: bool) -> Result<Exit, Failure> {
    if args.format == TRACES {
        return super::traffic::import(args, quiet).await;
    }
    let owned = args.clone();
    let Some(report) = interruptible(move || made(&owned)).await? else { return Ok(Exit::Fine) };
    if !quiet {
        tell(args, &report);
    }
    Ok(Exit::Fine)
}

/// What became of the rows; `None` where whoever read them went away.
fn made(args: &Import) -> Result<Option<Imported>, Failure> {
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
        strict: args.strict,
    };
    let format = format(&args.format).map_err(Failure::usage)?;
    let converted = if let Some(out) = &args.table.out {
        convert_to_file(format, file, &options, out)
    } else {
        let mut out = BufWriter::new(std::io::stdout().lock());
        convert(format, file, &options, &mut out).and_then(|report| Ok(out.flush().map(|()| report)?))
    };
    match converted {
        Ok(report) => Ok(Some(report)),
        Err(ImportError::Io(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(None),
        Err(error) => Err(Failure::usage(error)),
    }
}

fn tell(args: &Import, report: &Imported) {
    tell_bad(report.bad, report.read, &report.first_bad);
    let signals: Vec<&str> = report.signals.iter().map(String::as_str).collect();
    let signals = if signals.is_empty() { "no signals".to_owned() } else { format!("signals {}", list(&signals)) };
    let to = args.table.out.as_ref().map_or_else(String::new, |out| format!(" in {}", out.display()));
    say(format_args!("{} examples{to}, {signals}", count(report.written)));
    for (tier, n) in &report.tiers {
        say(format_args!("  {tier}: {} answers", count(*n)));
    }
    if report.unread_requests > 0 {
        say(format_args!(
            "  {} requests cannot be read; their answers are there, and signals that look at the request saw none",
            count(report.unread_requests)
        ));
    }
    if report.ungraded > 0 {
        say(format_args!(
            "  {} answers have no grade: their examples are left out wherever the tier is asked for",
            count(report.ungraded)
        ));
    }
}

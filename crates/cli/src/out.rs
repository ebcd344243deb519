//! What the user sees: results on stdout, everything else on stderr.

use crate::exit::{Exit, Failure};
use crate::render::printable;
use crate::render::style::{BAD, HINT, WARN, paint};

/// An error and what to do about it. Both may quote names that others chose.
pub(crate) fn tell(failure: &Failure) {
    say(format_args!("{} {}", paint(BAD, "error:"), printable::lines(&failure.message)));
    if let Some(hint) = &failure.hint {
        say(format_args!("{} {}", paint(HINT, "hint:"), printable::lines(hint)));
    }
}

/// What the user should know; it may quote names that others chose.
pub(crate) fn warn(warning: impl std::fmt::Display) {
    say(format_args!("{} {}", paint(WARN, "warning:"), printable::lines(&warning.to_string())));
}

/// One line to stderr, coloured where that is wanted. A closed stderr is nobody's error.
pub(crate) fn say(line: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// A verdict to stdout. It stands, and decides the exit code, also where its reader went away (`| head`).
pub(crate) fn print_verdict(text: impl std::fmt::Display) -> Result<(), Failure> {
    print(text).or_else(|failure| if failure.exit == Exit::Fine { Ok(()) } else { Err(failure) })
}

/// Text to stdout. A reader that went away (`| head`) ends the output quietly, as everywhere on Unix.
pub(crate) fn print(text: impl std::fmt::Display) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut out = anstream::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure { exit: Exit::Fine, ..Failure::usage("") }),
        other => other.map_err(|error| Failure::usage(format!("stdout could not be written: {error}"))),
    }
}

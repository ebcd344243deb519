//! What the user sees: results on stdout, everything else on stderr.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::render::printable;
use crate::render::style::{BAD, HINT, WARN, paint};
use crate::{Exit, Failure};

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

/// Whether stderr is for errors alone.
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on, if `quiet`, stderr is for errors alone.
pub(crate) fn hush(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

pub(crate) fn quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// What is said in passing: a line to stderr that [`quiet`] keeps back.
pub(crate) fn note(line: impl std::fmt::Display) {
    if !quiet() {
        say(line);
    }
}

/// One line to stderr, coloured where that is wanted. A closed stderr is nobody's error.
pub(crate) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// A verdict to stdout. It stands, and decides the exit code, also where its reader went away (`| head`).
pub(crate) fn print_verdict(text: impl std::fmt::Display) -> Result<(), Failure> {
    print(text).or_else(|failure| if failure.exit == Exit::Fine { Ok(()) } else { Err(failure) })
}

/// Text to stdout, coloured where that is wanted. What has no colour is printed byte for byte, as JSON has to be.
pub(crate) fn print(text: impl std::fmt::Display) -> Result<(), Failure> {
    let text = text.to_string();
    if !text.contains('\x1b') {
        return print_data(&text);
    }
    let mut out = anstream::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Text to stdout, byte for byte.
pub(crate) fn print_data(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// What became of writing to stdout. A reader that went away (`| head`) ends the output quietly, as everywhere on Unix.
pub(crate) fn printed(written: std::io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Failure { exit: Exit::Fine, ..Failure::usage("") },
        _ => Failure::usage(format!("stdout could not be written: {error}")),
    })
}

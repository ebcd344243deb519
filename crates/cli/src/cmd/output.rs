//! Results in files. Each is replaced whole or not at all, so that an interruption leaves nothing half-written.

use std::io;
use std::path::Path;

use futures_util::future::BoxFuture;
use serde::Serialize;
use tierfall_workbench::Error;
use tierfall_workbench::results::PREFIX;
use tierfall_workbench::whole;

use crate::args::Outputs;
use crate::interrupt::interrupted;
use crate::render::document::Document;
use crate::render::{html, text};
use crate::{Exit, Failure, note, print_verdict};

/// Writes text to a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    whole::write(path, PREFIX, text.as_bytes()).map_err(|error| unwritten(path, &error))
}

/// Why there is no such file now.
pub(crate) fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("{} could not be written: {error}", path.display()))
}

/// Writes and prints a result: HTML and JSON where they are asked for, else, and beside files, the summary.
pub(crate) fn results<R: Serialize>(outputs: &Outputs, report: &R, document: &Document<'_>) -> Result<(), Failure> {
    if let Some(path) = &outputs.html {
        write(path, &html::page(document))?;
    }
    json_or(outputs.json.as_deref(), report, || text::document(document))?;
    if let Some(path) = &outputs.html {
        note(format_args!("the report is {}", path.display()));
    }
    Ok(())
}

/// Prints the summary, with JSON in a file where that is asked for; or JSON alone for `-`.
pub(crate) fn json_or(path: Option<&Path>, report: &impl Serialize, summary: impl FnOnce() -> String) -> Result<(), Failure> {
    if let Some(path) = path {
        let json = serde_json::to_string(report)? + "\n";
        if path == Path::new("-") {
            return print_verdict(json);
        }
        write(path, &json)?;
    }
    print_verdict(summary())
}

/// Does work that takes long off the runtime's threads, so that Ctrl-C ends it, and whatever else tells it to end. What it has
/// not returned, nobody has written.
pub(crate) async fn interruptible<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Failure> {
    until(interrupted(), move || Ok(work()?)).await
}

/// The same for who listens already, because something is to be cleaned up.
pub(crate) async fn until<T: Send + 'static>(
    mut ended: BoxFuture<'static, ()>,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::select! {
        done = tokio::task::spawn_blocking(work) => {
            done.unwrap_or_else(|error| Err(Failure::usage(format!("the calculation broke off: {error}"))))
        }
        () = &mut ended => Err(Failure { exit: Exit::Interrupted, ..Failure::usage("") }),
    }
}

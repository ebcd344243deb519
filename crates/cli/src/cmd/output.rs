//! Results in files. Each is replaced whole or not at all, so that an interruption leaves nothing half-written.

use std::io;
use std::path::Path;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, select};
use serde::Serialize;
use tierfall_workbench::whole::{self, Beside};

use crate::args::Outputs;
use crate::exit::{Exit, Failure};
use crate::render::document::Document;
use crate::render::{html, text};
use crate::{interrupt, print_verdict, say};

/// What temporary files begin with.
pub(crate) const PREFIX: &str = ".tierfall";

/// Whether files can be put where they are wanted, before work that takes long; nothing is left there.
pub(crate) fn check<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<(), Failure> {
    // What cannot be replaced is written into, and opening it now might wait for a reader.
    for path in paths.into_iter().filter(|path| *path != Path::new("-") && !whole::is_stream(path)) {
        let tried =
            if path.is_dir() { Err(io::Error::from(io::ErrorKind::IsADirectory)) } else { Beside::open(path, PREFIX).map(drop) };
        tried.map_err(|error| {
            Failure::usage(format!("{} cannot be written: {error}", path.display()))
                .with_hint("nothing was calculated; name a file in a folder that exists and may be written to")
        })?;
    }
    Ok(())
}

/// Writes text to a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    whole::write(path, PREFIX, text.as_bytes()).map_err(|error| unwritten(path, &error))
}

/// Why there is no such file now.
pub(crate) fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("{} could not be written: {error}", path.display()))
}

/// Writes and prints a result: JSON and HTML where they are asked for, else, and beside files, the summary.
pub(crate) fn results<R: Serialize>(outputs: &Outputs, report: &R, document: &Document<'_>, quiet: bool) -> Result<(), Failure> {
    let json = serde_json::to_string(report).map_err(Failure::usage)?;
    if let Some(path) = &outputs.html {
        write(path, &html::page(document))?;
    }
    let alone = outputs.json.as_deref() == Some(Path::new("-"));
    if let Some(path) = &outputs.json
        && !alone
    {
        write(path, &format!("{json}\n"))?;
    }
    if alone {
        print_verdict(format_args!("{json}\n"))?;
    } else {
        print_verdict(text::document(document))?;
    }
    if let Some(path) = &outputs.html
        && !quiet
    {
        say(format_args!("the report is {}", path.display()));
    }
    Ok(())
}

/// Completes when Ctrl-C is pressed, or the command is told to end otherwise. It listens from now on.
pub(crate) fn ended() -> BoxFuture<'static, ()> {
    select(interrupt::interrupted(), interrupt::terminated()).map(drop).boxed()
}

/// Does work that takes long off the runtime's threads, so that Ctrl-C ends it, and whatever else tells it to end. What it has
/// not returned, nobody has written.
pub(crate) async fn interruptible<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    until(ended(), work).await
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

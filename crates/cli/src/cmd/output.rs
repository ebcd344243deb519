//! Results in files. Each is replaced whole or not at all, so that an interruption leaves nothing half-written.

use std::path::Path;

use serde::Serialize;

use crate::args::Outputs;
use crate::exit::{Exit, Failure};
use crate::{print, say};

/// Whether files can be put where they are wanted, before work that takes long; nothing is left there.
pub(crate) fn check<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<(), Failure> {
    // What cannot be replaced is written into, and opening it now might wait for a reader.
    for path in paths.into_iter().filter(|path| *path != Path::new("-") && !tierfall::whole::is_stream(path)) {
        let tried = if path.is_dir() {
            Err(std::io::Error::from(std::io::ErrorKind::IsADirectory))
        } else {
            tempfile::Builder::new().prefix(".tierfall").tempfile_in(folder(path)).map(drop)
        };
        tried.map_err(|error| {
            Failure::usage(format!("{} cannot be written: {error}", path.display()))
                .with_hint("nothing was calculated; name a file in a folder that exists and may be written to")
        })?;
    }
    Ok(())
}

/// Where a file is, or will be.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes text to a file that is as readable as others.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    tierfall::whole::write(path, ".tierfall", text.as_bytes())
        .map_err(|error| Failure::usage(format!("{} could not be written: {error}", path.display())))
}

/// Writes and prints a result: JSON and HTML where they are asked for, else, and beside files, the summary.
pub(crate) fn results<R: Serialize>(
    outputs: &Outputs,
    report: &R,
    html: impl FnOnce() -> String,
    summary: impl FnOnce() -> String,
    quiet: bool,
) -> Result<(), Failure> {
    let json = serde_json::to_string(report).map_err(Failure::usage)?;
    if let Some(path) = &outputs.html {
        write(path, &html())?;
    }
    let alone = outputs.json.as_deref() == Some(Path::new("-"));
    if let Some(path) = &outputs.json
        && !alone
    {
        write(path, &format!("{json}\n"))?;
    }
    if alone {
        print(format_args!("{json}\n"))?;
    } else {
        print(summary())?;
    }
    if let Some(path) = &outputs.html
        && !quiet
    {
        say(format_args!("the report is {}", path.display()));
    }
    Ok(())
}

/// Does work that takes long off the runtime's threads, so that Ctrl-C ends it. What it has not returned, nobody has written.
pub(crate) async fn interruptible<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let mut pressed = crate::interrupt::interrupted();
    tokio::select! {
        done = tokio::task::spawn_blocking(work) => {
            done.unwrap_or_else(|error| Err(Failure::usage(format!("the calculation broke off: {error}"))))
        }
        () = &mut pressed => Err(Failure { exit: Exit::Interrupted, ..Failure::usage("") }),
    }
}

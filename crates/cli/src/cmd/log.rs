//! Where `run` writes traces, with content where the user wants it.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tierfall::{Engine, JsonlSink, TierBinding};
use tierfall_core::observer::{Ended, Observer, Room};
use tierfall_workbench::Replaying;
use tierfall_workbench::results::{Named, apart, fit_of, parts_of_set};
use tierfall_workbench::traffic::{Capture, Sampling};
use tierfall_workbench::whole;

use crate::args::Run;
use crate::interrupt::Ends;
use crate::{Exit, Failure, note, quiet, warn};

/// So long a log may be behind before that is said.
const PATIENCE: Duration = Duration::from_secs(1);

/// An open trace log. No trace is lost to it: whoever asks waits [until it has kept up](Log::keeps_up).
pub(super) struct Log {
    path: PathBuf,
    sink: Box<dyn Sink>,
    /// How many traces it was told of, and is done with.
    taken: AtomicU64,
}

/// What writes traces.
trait Sink: Observer {
    fn lost(&self) -> u64;
    fn close(&self) -> io::Result<()>;
}

impl Sink for JsonlSink {
    fn lost(&self) -> u64 {
        self.lost()
    }

    fn close(&self) -> io::Result<()> {
        self.close()
    }
}

impl Sink for Capture {
    fn lost(&self) -> u64 {
        self.lost()
    }

    fn close(&self) -> io::Result<()> {
        self.close()
    }
}

impl Observer for Log {
    fn room(&self) -> Room {
        Room { calls: 0, runs: usize::MAX }
    }

    fn ended(&self, ended: &Ended) {
        self.sink.ended(ended);
        self.taken.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a log lacks.
pub(super) struct Lacks {
    pub(super) failure: Failure,
    /// Whether its thread still writes.
    pub(super) given_up: bool,
}

impl Log {
    pub(super) fn open(path: &Path, args: &Run, replay: Option<&Replaying>, tiers: &[TierBinding]) -> Result<Self, Failure> {
        apart(&reads(args, replay), &written(path, args))?;
        // A pipe that nobody reads is said, not waited for; it stays open until it is open for good.
        let open = whole::is_stream(path).then(|| whole::through(path)).transpose();
        let _open = open.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        let sink: Box<dyn Sink> = if args.capture.is_none() {
            Box::new(JsonlSink::open(path)?)
        } else {
            Box::new(Capture::open(path, args.sample.unwrap_or(Sampling::ALL), tiers)?)
        };
        if args.capture.is_some() && !quiet() && others_may_read(path) {
            let path = path.display();
            warn(format_args!("others may read {path}, and it now holds what was asked and answered: chmod 600 it"));
        }
        Ok(Self { path: path.to_owned(), sink, taken: AtomicU64::new(0) })
    }

    /// Waits until it has every trace so far; whether it could write them all.
    pub(super) async fn keeps_up(&self, engine: &Engine) -> bool {
        engine.flushed().await;
        self.fails().is_none()
    }

    /// Why nothing more should be asked, where it could not write a trace.
    pub(super) fn fails(&self) -> Option<String> {
        (self.sink.lost() > 0).then(|| format!("{} cannot be written", self.path.display()))
    }

    /// Closes it, once it has all the traces of so many runs, or once the program is told not to wait any longer. What it lacks then.
    pub(super) async fn close(&self, engine: &Engine, runs: u64, ends: &mut Ends) -> Option<Lacks> {
        let path = self.path.display();
        let mut flushed = pin!(engine.flushed());
        let given_up = tokio::select! {
            biased;
            () = &mut flushed => false,
            () = tokio::time::sleep(PATIENCE) => {
                let missing = self.missing(runs);
                note(format_args!("waiting until {path} has taken {missing} more of {runs} traces; Ctrl-C gives them up"));
                tokio::select! {
                    () = &mut flushed => false,
                    () = ends.next() => true,
                }
            }
            () = ends.next() => true,
        };
        // Closing waits for whoever writes.
        let closed = if given_up { Ok(()) } else { self.sink.close() };
        let why = match closed {
            Err(error) => error.to_string(),
            Ok(()) if given_up => "whoever reads it did not take them".to_owned(),
            Ok(()) if self.missing(runs) == 0 => return None,
            Ok(()) => "they were lost on the way".to_owned(),
        };
        let failure = Failure::usage(format!("{} of {runs} traces are not in {path}: {why}", self.missing(runs)));
        let exit = if given_up { Exit::Interrupted } else { failure.exit };
        Some(Lacks { failure: Failure { exit, ..failure }, given_up })
    }

    fn missing(&self, runs: u64) -> u64 {
        runs.saturating_sub(self.taken.load(Ordering::Relaxed)) + self.sink.lost()
    }
}

/// What the command reads.
fn reads(args: &Run, replay: Option<&Replaying>) -> Vec<Named> {
    let mut read = vec![("the cascade", args.cascade.clone())];
    read.extend(fit_of(&args.cascade).map(|fit| ("the fit", fit)));
    read.extend(args.jsonl.clone().map(|queries| ("the queries", queries)));
    read.extend(replay.iter().flat_map(|replay| parts_of_set(replay.set.dir())));
    read
}

fn written(log: &Path, args: &Run) -> Vec<Named> {
    let out = args.out.clone().map(|out| ("--out", out));
    out.into_iter().chain([("--trace-log", log.to_owned())]).collect()
}

/// Whether a file is open to more than its owner, where permissions tell.
fn others_may_read(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs_err::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

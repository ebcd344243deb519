//! Where `run` writes traces, with content where the user wants it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tierfall::{JsonlSink, TierBinding};
use tierfall_core::observer::Observer;
use tierfall_workbench::Replaying;
use tierfall_workbench::results::{Named, apart, fit_of, parts_of_set};
use tierfall_workbench::traffic::{Capture, Sampling};

use crate::args::Run;
use crate::{Failure, quiet, warn};

/// An open trace log.
pub(super) struct Log {
    pub(super) observer: Arc<dyn Observer>,
    /// Closes it; how many traces were lost, since they could not be written.
    pub(super) close: Box<dyn Fn() -> io::Result<u64>>,
}

impl Log {
    pub(super) fn open(path: &Path, args: &Run, replay: Option<&Replaying>, tiers: &[TierBinding]) -> Result<Self, Failure> {
        apart(&reads(args, replay), &written(path, args))?;
        if args.capture.is_none() {
            let sink = Arc::new(JsonlSink::open(path)?);
            return Ok(Self { observer: sink.clone(), close: Box::new(move || sink.close().map(|()| sink.lost())) });
        }
        let capture = Arc::new(Capture::open(path, args.sample.unwrap_or(Sampling::ALL), tiers)?);
        if !quiet() && others_may_read(path) {
            let path = path.display();
            warn(format_args!("others may read {path}, and it now holds what was asked and answered: chmod 600 it"));
        }
        Ok(Self { observer: capture.clone(), close: Box::new(move || capture.close().map(|()| capture.lost())) })
    }
}

/// What the command reads.
fn reads(args: &Run, replay: Option<&Replaying>) -> Vec<Named> {
    let mut read = vec![("the cascade", args.cascade.clone())];
    read.extend(fit_of(&args.cascade).map(|fit| ("the fit", fit)));
    read.extend(args.jsonl.clone().map(|queries| ("the queries", queries)));
    let sets = replay.map(|replay| replay.set.dir().to_string_lossy());
    read.extend(sets.into_iter().flat_map(|set| parts_of_set(&args.cascade, &set)));
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

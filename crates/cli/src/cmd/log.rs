//! Where `run` writes traces, with content where the user wants it.

use std::path::Path;
use std::sync::Arc;

use tierfall::{EngineBuilder, JsonlSink, TierBinding};
use tierfall_workbench::traffic::{Capture, Sampling};

use crate::args::Run;
use crate::exit::Failure;
use crate::render::style::{WARN, paint};
use crate::say;

/// Traces that may wait for the disk before any is lost.
const QUEUE: usize = 4096;

/// An open trace log.
pub(super) enum Log {
    Traces(Arc<JsonlSink>),
    Content(Arc<Capture>),
}

impl Log {
    pub(super) fn open(path: &Path, args: &Run, tiers: &[TierBinding], quiet: bool) -> Result<Self, Failure> {
        if args.capture.is_none() {
            return Ok(Self::Traces(Arc::new(JsonlSink::open(path, QUEUE)?)));
        }
        let capture = Capture::open(path, QUEUE, args.sample.unwrap_or(Sampling::ALL), tiers)?;
        if !quiet && others_may_read(path) {
            say(format_args!(
                "{} others may read {}, and it now holds what was asked and answered: chmod 600 it",
                paint(WARN, "warning:"),
                path.display()
            ));
        }
        Ok(Self::Content(Arc::new(capture)))
    }

    pub(super) fn attach(&self, builder: EngineBuilder) -> EngineBuilder {
        match self {
            Self::Traces(sink) => builder.observer(sink.clone()),
            Self::Content(capture) => builder.observer(capture.clone()),
        }
    }

    /// Writes what is waiting; how many traces were lost.
    pub(super) fn close(&self) -> std::io::Result<u64> {
        match self {
            Self::Traces(sink) => sink.close().map(|()| sink.lost()),
            Self::Content(capture) => capture.close().map(|()| capture.lost()),
        }
    }
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

//! Writes traces, and for a sample of the requests what was said.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use fs_err::OpenOptions;
use tierfall_core::completion::Completion;
use tierfall_core::provider::{CallError, CallErrorKind};
use tierfall_core::request::{Call, Purpose, Request};
use tierfall_core::run::Took;
use tierfall_core::trace::Trace;

use super::line::{Captured, Content, Line, Sample};
use super::{Sampling, Stratum};
use crate::digest;
use crate::fixture::recording::{Record, Recorded};
use crate::sink::Queue;

/// Appends the trace of every run to a JSON Lines file, and with it, for the requests that the [`Sampling`] keeps, the client's
/// messages and tags and every tier's answer. Given to
/// [`EngineBuilder::capture`](crate::EngineBuilder::capture), it takes the place of a [`JsonlSink`](crate::sink::JsonlSink).
///
/// What people asked is in this file: where it is made, only its owner may read it.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use tierfall::traffic::Capture;
/// use tierfall::{Answers, Engine};
///
/// let capture = Arc::new(Capture::open("traces.jsonl", 4096, "accepted=0.05,escalated=0.5".parse()?)?);
/// let engine = Engine::open("cascades/shop.cascade.toml", &Answers::Live)?.capture(capture.clone()).build()?;
/// engine.complete("Where is my order?").await;
/// capture.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Capture {
    queue: Queue<Line>,
    sampling: Sampling,
}

impl Capture {
    /// Appends to the file at `path`, which is made with permissions 0600 if it is not there, with room for `capacity` waiting
    /// lines, at least one.
    pub fn open(path: impl AsRef<Path>, capacity: usize, sampling: Sampling) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true);
        #[cfg(unix)]
        {
            use fs_err::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        Ok(Self { queue: Queue::appending(&mut options, path.as_ref(), capacity)?, sampling })
    }

    /// How many lines were lost: the queue was full, or the file could not be written.
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }

    /// Writes what is waiting and closes the file; the first error that writing met comes back. What is recorded afterwards is
    /// lost, and counted.
    pub fn close(&self) -> io::Result<()> {
        self.queue.close()
    }

    pub(crate) fn record(&self, salt: &str, request: &Request, said: Said, bindings: &BTreeMap<Arc<str>, String>, trace: &Trace) {
        let stratum = Stratum::of(trace).filter(|stratum| self.sampling.keeps(salt, &request.id, *stratum));
        self.queue.put(match stratum {
            None => Line::Plain(Box::new(trace.clone())),
            Some(stratum) => Line::Captured(Box::new(Captured {
                trace: trace.clone(),
                content: Content::of(request, said.answers, bindings),
                sample: Sample { propensity: self.sampling.rate(stratum), stratum, least: self.sampling.least() },
            })),
        });
    }
}

/// What the tiers of one run said so far.
#[derive(Debug, Default)]
pub(crate) struct Said {
    answers: BTreeMap<Arc<str>, Record>,
    /// Whose answer probes are about.
    last: Option<Arc<str>>,
}

impl Said {
    /// Keeps the result of a call to `tier`: its own answer, or that to a probe about the last one.
    pub(crate) fn keep(
        &mut self,
        tier: &Arc<str>,
        request: &Request,
        call: &Call,
        result: &Result<Arc<Completion>, CallError>,
        took: &Took,
    ) {
        // That the caller went away, had no more time, or stood in too long a queue, says nothing of the tier.
        let is_the_tiers = |error: &CallError| {
            let ours = [CallErrorKind::Cancelled, CallErrorKind::Deadline, CallErrorKind::NotRecorded, CallErrorKind::QueueFull];
            // A timeout with which the request's own time ran out is the deadline's.
            let cut = call.deadline.is_some_and(|left| took.time().saturating_add(took.queued) >= left);
            !ours.contains(&error.kind) && (!cut || error.kind != CallErrorKind::Timeout)
        };
        let counts = result.as_ref().err().is_none_or(is_the_tiers);
        match &call.purpose {
            Purpose::Answer => {
                self.last = counts.then(|| tier.clone());
                if !counts {
                    return;
                }
                let answer = Recorded::new(Some(digest::of_question(&request.messages)), result, took);
                let record = Record { id: request.id.as_str().into(), answer, probes: BTreeMap::new() };
                self.answers.insert(tier.clone(), record);
            }
            Purpose::Probe(label) => {
                let about = self.last.as_ref().filter(|_| counts);
                if let Some(record) = about.and_then(|tier| self.answers.get_mut(tier)) {
                    record.probes.insert(label.clone(), Recorded::new(Some(digest::of_probe(call)), result, took));
                }
            }
        }
    }
}

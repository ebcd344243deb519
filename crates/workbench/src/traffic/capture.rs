//! Writes traces, and for a sample of the requests what was said.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use fs_err::OpenOptions;
use tierfall_core::observer::{Called, Ended, Observer, Room};
use tierfall_core::provider::{CallError, CallErrorKind};
use tierfall_core::request::Purpose;

use super::line::{Content, Line, Sample};
use super::{Sampling, Stratum};
use crate::fixture::recording::{Header, Record, Recorded};
use tierfall::jsonl::Lines;
use tierfall::{TierBinding, digest};

/// Appends the trace of every run to a JSON Lines file, and with it, for the requests that the [`Sampling`] keeps, the client's
/// messages and tags and every tier's answer. Given to [`EngineBuilder::observer`](tierfall::EngineBuilder::observer), it takes the
/// place of a [`JsonlSink`](tierfall::JsonlSink).
///
/// What people asked is in this file: where it is made, only its owner may read it.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use tierfall::{Asker, Engine, bindings, config};
/// use tierfall_workbench::traffic::Capture;
///
/// let loaded = config::load("cascades/shop.cascade.toml")?;
/// let capture = Arc::new(Capture::open("traces.jsonl", "accepted=0.05,escalated=0.5".parse()?, &bindings(&loaded))?);
/// let engine = Engine::live(loaded, Asker::Anybody)?.observer(capture.clone()).build()?;
/// engine.complete("Where is my order?").await;
/// engine.flush();
/// capture.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Capture {
    lines: Lines,
    sampling: Sampling,
    /// What answers are bound to, by tier.
    bindings: BTreeMap<Arc<str>, String>,
}

impl Capture {
    /// Appends to the file at `path`, which is made with permissions 0600 if it is not there. `tiers` say what the answers are bound to, so that they can be told from answers of another model, prompt
    /// or parameters.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use tierfall::{Asker, Engine, bindings, config};
    /// use tierfall_workbench::traffic::Capture;
    ///
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let cascade = config::load("cascades/shop.cascade.toml")?;
    /// let sampling = "accepted=0.05,escalated=0.5".parse()?;
    /// let capture = Arc::new(Capture::open("traces.jsonl", sampling, &bindings(&cascade))?);
    /// let engine = Engine::live(cascade, Asker::Anybody)?.observer(capture.clone()).build()?;
    /// // … answer requests …
    /// engine.flush();
    /// capture.close()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>, sampling: Sampling, tiers: &[TierBinding]) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true);
        #[cfg(unix)]
        {
            use fs_err::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let bindings = tiers.iter().map(|tier| (tier.tier.clone(), Header::new(tier).digest())).collect();
        Ok(Self { lines: Lines::appending(&mut options, path.as_ref())?, sampling, bindings })
    }

    /// How many lines were lost, since the file could not be written.
    pub fn lost(&self) -> u64 {
        self.lines.lost()
    }

    /// Closes the file; the first error that writing met comes back. What is recorded afterwards is lost, and counted:
    /// [`Engine::flush`](tierfall::Engine::flush) before it.
    pub fn close(&self) -> io::Result<()> {
        self.lines.close()
    }
}

impl Observer for Capture {
    fn room(&self) -> Room {
        Room { calls: 0, ..Room::default() }
    }

    fn ended(&self, ended: &Ended) {
        let Ended { cascade, request, trace, .. } = ended;
        let stratum = Stratum::of(trace).filter(|stratum| self.sampling.keeps(cascade.salt(), &request.id, *stratum));
        self.lines.put(&Line {
            trace: trace.clone(),
            content: stratum.map(|_| Content::of(request, answers(ended), &self.bindings)),
            sample: stratum.map(|stratum| {
                let (propensity, least) = (self.sampling.rate(stratum), self.sampling.least());
                Sample { propensity, stratum, least }
            }),
        });
    }
}

/// What the calls of a run gave: the tiers' own answers, and those to probes about them.
fn answers(ended: &Ended) -> BTreeMap<Arc<str>, Record> {
    let mut answers: BTreeMap<Arc<str>, Record> = BTreeMap::new();
    // Whose answer probes are about.
    let mut last = None;
    for called in &ended.calls {
        let Called { tier, call, result, took, .. } = &**called;
        // That the caller went away, had no more time, or stood in too long a queue, says nothing of the tier; nor does a call that was
        // not made.
        let is_the_tiers = |error: &CallError| {
            let ours = [
                CallErrorKind::Cancelled,
                CallErrorKind::CircuitOpen,
                CallErrorKind::Deadline,
                CallErrorKind::NotRecorded,
                CallErrorKind::QueueFull,
            ];
            // A timeout with which the request's own time ran out is the deadline's.
            let cut = call.deadline.is_some_and(|left| took.time().saturating_add(took.queued) >= left);
            !ours.contains(&error.kind) && (!cut || error.kind != CallErrorKind::Timeout)
        };
        let counts = result.as_ref().err().is_none_or(is_the_tiers);
        match &call.purpose {
            Purpose::Answer => {
                last = counts.then_some(tier);
                if counts {
                    let answer = Recorded::new(Some(digest::of_question(&ended.request.messages)), result, took);
                    let record = Record { id: ended.request.id.as_str().into(), answer, probes: BTreeMap::new() };
                    answers.insert(tier.clone(), record);
                }
            }
            Purpose::Probe(label) => {
                if let Some(record) = last.filter(|_| counts).and_then(|tier| answers.get_mut(tier)) {
                    record.probes.insert(label.clone(), Recorded::new(Some(digest::of_probe(call)), result, took));
                }
            }
        }
    }
    answers
}

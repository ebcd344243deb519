//! Who is told.

use std::sync::Arc;

use crate::cascade::Cascade;
use crate::completion::Completion;
use crate::outcome::Outcome;
use crate::permit::PermittedCall;
use crate::provider::{CallError, Took};
use crate::request::Request;
use crate::trace::Trace;

/// Is told of calls and runs.
///
/// It is told by a thread of its own, so that it delays no answer, however long it takes; nothing that it does is the failure of a
/// run, or of another observer. What comes while as much waits for it as it has [room](Self::room) for is lost to it, and counted.
/// Whoever drops the last engine that tells it waits until it has taken what waits for it.
pub trait Observer: Send + Sync {
    /// How much may wait for it. It is asked once, when an engine is built.
    fn room(&self) -> Room {
        Room::default()
    }

    /// Takes a call that came back, before its run has ended. It is told of none where it has no [room](Room::calls) for calls.
    fn called(&self, _called: &Called) {}

    /// Takes a run, also one that was cancelled.
    fn ended(&self, ended: &Ended);
}

/// How much may wait for an observer: so many calls, and so many runs beside them. Neither takes the other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Calls. With 0 it is told of none, and none counts as lost.
    pub calls: usize,
    /// Runs. With [`usize::MAX`] none is ever lost; whoever makes the runs then has to wait for the observer, or memory grows.
    pub runs: usize,
}

/// 4096 of each.
impl Default for Room {
    fn default() -> Self {
        Self { calls: 4096, runs: 4096 }
    }
}

/// A run that ended, with what was said in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// What decided it.
    pub cascade: Cascade,
    /// What was asked.
    pub request: Arc<Request>,
    /// How it ended, with what is served or attached.
    pub outcome: Outcome,
    /// The calls that came back, in order; one that the caller cancelled is in the trace alone.
    pub calls: Vec<Arc<Called>>,
    /// Every decision and every cent; it holds no text of the conversation.
    pub trace: Arc<Trace>,
}

impl Ended {
    /// A run that ended.
    pub fn new(cascade: Cascade, request: Arc<Request>, outcome: Outcome, calls: Vec<Arc<Called>>, trace: Arc<Trace>) -> Self {
        Self { cascade, request, outcome, calls, trace }
    }
}

/// A call and what came back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Called {
    /// The tier's name.
    pub tier: Arc<str>,
    /// What was asked of it.
    pub call: PermittedCall,
    /// The answer, or why there is none.
    pub result: Result<Arc<Completion>, CallError>,
    /// How long it took.
    pub took: Took,
}

impl Called {
    /// A call that came back.
    pub fn new(tier: Arc<str>, call: PermittedCall, result: Result<Arc<Completion>, CallError>, took: Took) -> Self {
        Self { tier, call, result, took }
    }
}

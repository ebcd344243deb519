//! Who is told.

use std::sync::Arc;

use crate::cascade::Cascade;
use crate::completion::Completion;
use crate::permit::PermittedCall;
use crate::provider::CallError;
use crate::request::Request;
use crate::run::Took;
use crate::trace::Trace;

/// Is told of every run when it ends. It never blocks and never fails the run: an observer that falls behind counts its losses.
pub trait Observer: Send + Sync {
    /// Takes one run, also one that was cancelled.
    fn ended(&self, ended: &Ended<'_>);
}

/// A run that ended, with what was said in it.
#[derive(Debug)]
pub struct Ended<'a> {
    /// What decided it.
    pub cascade: &'a Cascade,
    /// What was asked.
    pub request: &'a Arc<Request>,
    /// The calls that came back, in order; one that the caller cancelled is in the trace alone.
    pub calls: &'a [Called],
    /// Every decision and every cent; it holds no text of the conversation.
    pub trace: &'a Trace,
}

/// A call and what came back.
#[derive(Clone, Debug)]
pub struct Called {
    /// What was asked of which tier.
    pub call: PermittedCall,
    /// The answer, or why there is none.
    pub result: Result<Arc<Completion>, CallError>,
    /// How long it took.
    pub took: Took,
}

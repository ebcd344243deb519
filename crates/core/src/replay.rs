//! The fold, fed from memory: what calibration, regression and tests use in place of providers.

use std::sync::Arc;

use crate::cascade::{Cascade, TierIx};
use crate::completion::Completion;
use crate::permit::PermittedCall;
use crate::provider::CallError;
use crate::request::Request;
use crate::run::{Next, Outcome, Run, Took};
use crate::trace::Trace;

/// Runs a request on recorded results.
pub fn replay(
    cascade: &Cascade,
    request: impl Into<Arc<Request>>,
    mut recorded: impl FnMut(TierIx, &PermittedCall) -> (Result<Arc<Completion>, CallError>, Took),
) -> (Outcome, Trace) {
    let mut run = Run::new(cascade, request);
    while let Next::Call(call) = run.next() {
        let (result, took) = recorded(call.tier(), &call);
        run.feed(result, took);
    }
    run.finish()
}

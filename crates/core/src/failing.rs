//! What failed and late calls mean for their run.

use std::sync::Arc;
use std::time::Duration;

use crate::completion::Completion;
use crate::provider::{Attempt, Billing, CallError, CallErrorKind, Took};
use crate::text::one_line;

/// What a trace says of a failed call: a line. Our own providers shorten what they quote; whoever writes one may not.
pub(crate) fn told(error: &CallError) -> String {
    one_line(&error.message, 1000)
}

/// An answer that came too late is a failed call, as it is live: whoever waits for it has gone on.
pub(crate) fn in_time(
    result: Result<Arc<Completion>, CallError>,
    took: Took,
    limit: Option<Duration>,
) -> (Result<Arc<Completion>, CallError>, Took) {
    let waited = Attempt::time(&took.failed);
    match (result, limit) {
        (Ok(answer), Some(limit)) if waited.saturating_add(took.latency) > limit => {
            let kind = CallErrorKind::Timeout;
            let billing = Billing::told(answer.usage);
            let mut attempts = took.failed;
            attempts.push(Attempt { error: Some(kind), billing, latency: limit.saturating_sub(waited) });
            let message = format!("the answer took longer than the {} ms that were left", limit.as_millis());
            (Err(CallError::new(kind, message).with_attempts(attempts)), Took { queued: took.queued, ..Took::default() })
        }
        (result, _) => (result, took),
    }
}

/// Errors that no other tier can mend: the caller is gone, a replay would measure something that never happened, or there is
/// more to do than there are places for, and dearer tiers would only be flooded in turn.
pub(crate) fn stops_the_run(kind: CallErrorKind) -> bool {
    matches!(kind, CallErrorKind::Cancelled | CallErrorKind::NotRecorded | CallErrorKind::QueueFull)
}

//! What failed and late calls mean for their run.

use std::sync::Arc;
use std::time::Duration;

use crate::completion::Completion;
use crate::limit::Limit;
use crate::provider::{Attempt, Billing, CallError, CallErrorKind, Took};
use crate::request::Call;
use crate::text::one_line;

/// What a trace says of a failed call: a line. Our own providers shorten what they quote; whoever writes one may not.
pub(crate) fn told(error: &CallError) -> String {
    one_line(&error.message, 1000)
}

/// How long a call may take once it has its place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// The call's own limit.
    pub(crate) own: Option<Limit>,
    /// What is left until the request's deadline.
    pub(crate) left: Option<Duration>,
}

/// An answer that came too late is a failed call, as it is live: whoever waits for it has gone on. A call that took all that was
/// left to the request was cut by its deadline, which is no fault of the tier's.
pub(crate) fn in_time(
    call: &Call,
    result: Result<Arc<Completion>, CallError>,
    took: Took,
    Limits { own, left }: Limits,
) -> (Result<Arc<Completion>, CallError>, Took) {
    let deadline = || "the request's deadline passed before it answered".to_owned();
    let time = took.time();
    match result {
        Ok(answer) => {
            let Some(limit) = own.map(|own| own.longest).into_iter().chain(left).min().filter(|limit| time > *limit) else {
                return (Ok(answer), took);
            };
            let (kind, message) = match own {
                Some(own) if left.is_none_or(|left| own.longest < left) => {
                    (CallErrorKind::Timeout, format!("the answer took longer than {own}"))
                }
                _ => (CallErrorKind::Deadline, deadline()),
            };
            let latency = took.latency.saturating_sub(time.saturating_sub(limit));
            let mut attempts = took.failed;
            attempts.push(Attempt::new(kind, Billing::of(call, &answer), latency).by(took.member));
            let wall = took.wall.map(|_| limit);
            let error = CallError { wall, ..CallError::new(kind, message).with_attempts(attempts) };
            (Err(error), Took { queued: took.queued, wall, ..Took::default() })
        }
        Err(mut error) if error.kind == CallErrorKind::Timeout && left.is_some_and(|left| time >= left) => {
            error.kind = CallErrorKind::Deadline;
            error.message = deadline();
            if let Some(cut) = error.attempts.last_mut() {
                cut.error = Some(error.kind);
            }
            (Err(error), took)
        }
        result => (result, took),
    }
}

/// Errors that no other tier can mend: the caller is gone, a replay would measure something that never happened, or there is
/// more to do than there are places for, and dearer tiers would only be flooded in turn.
pub(crate) fn stops_the_run(kind: CallErrorKind) -> bool {
    matches!(kind, CallErrorKind::Cancelled | CallErrorKind::NotRecorded | CallErrorKind::QueueFull)
}

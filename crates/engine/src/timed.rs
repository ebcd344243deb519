//! One call to a provider, with the time that it took. Whoever asks a model in this crate does it here, with a call that a plan
//! permits.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tierfall_core::caught::Panicked;
use tierfall_core::completion::Completion;
use tierfall_core::permit::PermittedCall;
use tierfall_core::provider::{Attempt, CallError, CallErrorKind, Provider};
use tierfall_core::request::Call;
use tierfall_core::run::Took;
use tierfall_providers::collect;
use tierfall_providers::waits::Waits;

use crate::clock::Clock;

/// Makes one call to the provider of its tier and collects its reply. A provider that panics has failed.
///
/// What the call waited for its place is told apart, and is no part of any latency.
/// After an error every attempt is in [`CallError::attempts`] and none in [`Took::failed`], so that each is booked once.
pub async fn timed(
    provider: &dyn Provider,
    call: &PermittedCall,
    clock: &dyn Clock,
) -> (Result<Arc<Completion>, CallError>, Took) {
    passed_on(provider, call, clock).await
}

/// The same in a provider that passes on what it is asked.
pub async fn passed_on(provider: &dyn Provider, call: &Call, clock: &dyn Clock) -> (Result<Arc<Completion>, CallError>, Took) {
    let start = clock.now();
    let since = || clock.now().saturating_sub(start);
    let waits = Waits::current();
    let called = waits.of(AssertUnwindSafe(made(provider, call, &since)).catch_unwind()).await;
    called.unwrap_or_else(|panic| {
        let error = CallError::new(CallErrorKind::Panicked, format!("the tier's provider {}", Panicked::from(panic)));
        // What it had paid for when it panicked, nobody knows.
        let queued = waits.waited();
        (Err(error), Took { latency: since().saturating_sub(queued), queued, ..Took::default() })
    })
}

async fn made(
    provider: &dyn Provider,
    call: &Call,
    since: &(dyn Fn() -> Duration + Sync),
) -> (Result<Arc<Completion>, CallError>, Took) {
    let reply = match provider.call(call).await {
        Ok(reply) => reply,
        Err(error) => {
            let (queued, wall) = (error.queued, error.wall);
            let took = Took { latency: since().saturating_sub(queued), queued, wall, failed: Vec::new() };
            return (Err(error), took);
        }
    };
    let (queued, wall) = (reply.queued, reply.wall);
    let before = Attempt::time(&reply.failed).saturating_add(queued);
    // A recorded time is that of the last attempt alone; the clock saw the failed ones, and the wait, too.
    let recorded = reply.recorded;
    let latency = || recorded.unwrap_or_else(|| since().saturating_sub(before));
    let (mut failed, result) = collect(reply, latency).await;
    let latency = latency();
    match result {
        Ok(answer) => (Ok(answer), Took { latency, queued, wall, failed }),
        Err(mut error) => {
            failed.append(&mut error.attempts);
            error.queued = queued;
            (Err(error.with_attempts(failed)), Took { latency, queued, wall, failed: Vec::new() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use futures_util::future::BoxFuture;
    use futures_util::stream;
    use std::sync::Mutex;
    use tierfall_core::cascade::{Answerer, Cascade, Model, Parts, Policy, Tier, TierIx};
    use tierfall_core::plan::Plan;
    use tierfall_core::provider::{Billing, Chunk, Reply};
    use tierfall_core::request::Request;

    /// Replies once, taking 40 ms of a manual clock.
    struct Once<'c>(Mutex<Option<Result<Reply, CallError>>>, &'c ManualClock);

    impl Provider for Once<'_> {
        fn call<'a>(&'a self, _: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
            self.1.advance(ms(40));
            std::future::ready(self.0.lock().unwrap().take().unwrap()).boxed()
        }
    }

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    fn attempt(kind: CallErrorKind, latency: u64) -> Attempt {
        Attempt { error: Some(kind), billing: Billing::Free, latency: ms(latency) }
    }

    /// A reply after an attempt of 30 ms.
    fn retried(chunk: Result<Chunk, CallError>, recorded: Option<Duration>) -> Reply {
        Reply { failed: vec![attempt(CallErrorKind::Overloaded, 30)], recorded, ..Reply::new(Box::pin(stream::iter([chunk]))) }
    }

    async fn asked(reply: Result<Reply, CallError>) -> (Result<Arc<Completion>, CallError>, Took) {
        let clock = ManualClock::default();
        let tier = Tier { name: "t".into(), answerer: Answerer::Model(Model::new("m")), gate: None };
        let (name, salt) = ("one".into(), "salt".into());
        let parts = Parts { name, salt, tiers: vec![tier], rules: Vec::new(), policy: Policy::default() };
        let cascade = Cascade::try_from(parts).unwrap();
        let plan = Plan::new(&cascade, Request::new("1", "?"));
        let call = plan.may_see(TierIx(0)).unwrap().answering_call();
        timed(&Once(Mutex::new(Some(reply)), &clock), &call, &clock).await
    }

    #[tokio::test]
    async fn a_retry_is_booked_once_and_its_time_is_its_own() {
        let whole = || Ok(Chunk::Whole(Arc::new(Completion::text("hi"))));
        for (recorded, latency) in [(None, 10), (Some(ms(7)), 7)] {
            let (result, took) = asked(Ok(retried(whole(), recorded))).await;
            assert_eq!(result.unwrap().text, "hi");
            assert_eq!((took.latency, took.failed), (ms(latency), vec![attempt(CallErrorKind::Overloaded, 30)]));
        }
    }

    #[tokio::test]
    async fn waiting_for_a_place_is_no_latency() {
        let whole = || Ok(Chunk::Whole(Arc::new(Completion::text("hi"))));
        let cut = || Err(CallError::new(CallErrorKind::Truncated, "cut"));
        for chunk in [whole(), cut()] {
            let (result, took) = asked(Ok(Reply { queued: ms(6), ..retried(chunk, None) })).await;
            assert_eq!((took.latency, took.queued), (ms(4), ms(6)));
            assert!(result.is_ok_and(|answer| answer.text == "hi") || took.failed.is_empty());
        }
        let shed = CallError { queued: ms(40), ..CallError::new(CallErrorKind::QueueFull, "full") };
        let (_, took) = asked(Err(shed)).await;
        assert_eq!((took.latency, took.queued), (ms(0), ms(40)));
    }

    #[tokio::test]
    async fn a_reply_that_breaks_loses_no_attempt() {
        let own = attempt(CallErrorKind::Truncated, 10);
        for told in [Vec::new(), vec![own.clone()]] {
            let unknown = if told.is_empty() { Billing::Unknown } else { Billing::Free };
            let error = CallError::new(CallErrorKind::Truncated, "cut").with_attempts(told);
            let (result, took) = asked(Ok(retried(Err(error), None))).await;
            let last = Attempt { billing: unknown, ..own.clone() };
            assert_eq!(result.unwrap_err().attempts, [attempt(CallErrorKind::Overloaded, 30), last]);
            assert!(took.failed.is_empty(), "else the first one would be booked twice");
        }
    }

    #[tokio::test]
    async fn a_call_that_fails_at_once_keeps_its_attempts() {
        let both = vec![attempt(CallErrorKind::Overloaded, 30), attempt(CallErrorKind::Auth, 10)];
        let (result, took) = asked(Err(CallError::new(CallErrorKind::Auth, "no").with_attempts(both.clone()))).await;
        assert_eq!(result.unwrap_err().attempts, both);
        assert_eq!((took.latency, took.failed), (ms(40), Vec::new()));
    }
}

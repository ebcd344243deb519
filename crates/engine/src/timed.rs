//! One call to a provider, with the time that it took. Whoever asks a model in this crate does it here, with a call that a plan
//! permits.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::{Either, select};
use tierfall_core::caught::{Panicked, caught};
use tierfall_core::completion::Completion;
use tierfall_core::permit::PermittedCall;
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Member, Provider};
use tierfall_core::request::Call;
use tierfall_core::run::Took;
use tierfall_providers::meter::Meter;
use tierfall_providers::{Heard, Listener, estimate, listen};
use tokio::time::{Instant, sleep};

use crate::clock::Clock;

/// What a call came to: an answer, or why there is none, and the time that it took.
pub type Came = (Result<Arc<Completion>, CallError>, Took);

/// How much longer than it may take a call is waited for: a provider that keeps its time has its own words for it then.
const SLACK: Duration = Duration::from_millis(5);

/// Makes one call to the provider of its tier and collects its reply. A provider that panics has failed, and so has one that takes
/// longer than the call may.
///
/// What the call waited for its place is told apart, and is no part of any latency.
/// After an error every attempt is in [`CallError::attempts`] and none in [`Took::failed`], so that each is booked once.
pub async fn timed(provider: &dyn Provider, call: &PermittedCall, clock: &dyn Clock) -> Came {
    passed_on(provider, call, clock).await
}

/// The same in a provider that passes on what it is asked.
pub async fn passed_on(provider: &dyn Provider, call: &Call, clock: &dyn Clock) -> Came {
    match heard(provider, call, clock, &mut Completion::default()).await {
        Ok(came) => came,
        Err(_) => unreachable!("what is put together hears everything"),
    }
}

/// The same for a listener; the error is the time that a call took of which it wanted no more.
pub(crate) async fn heard(
    provider: &dyn Provider,
    call: &Call,
    clock: &dyn Clock,
    listener: &mut impl Listener,
) -> Result<Came, Took> {
    let start = clock.now();
    let meter = Meter::current();
    let uncounted = meter.uncounted();
    let since = || clock.now().saturating_sub(start).saturating_sub(meter.uncounted().saturating_sub(uncounted));
    let before = meter.failed().len();
    let ended = {
        // In a place of its own: everything around it would move it, and it is large.
        let mut made = Shielded(Some(Box::pin(made(provider, call, &since, listener))));
        meter.of(in_time(call, &meter, Pin::new(&mut made))).await
    };
    let (kind, message) = match ended {
        Ok(Ok(came)) => return came,
        Ok(Err(panic)) => (CallErrorKind::Panicked, format!("the tier's provider {panic}")),
        Err(late) => late,
    };
    let elapsed = since();
    if kind == CallErrorKind::Panicked {
        // What it had paid for when it panicked, nobody knows.
        let queued = meter.waited();
        return Ok((
            Err(CallError::new(kind, message)),
            Took { latency: elapsed.saturating_sub(queued), queued, ..Took::default() },
        ));
    }
    // Of the call around this one are those that had failed before.
    let failed = meter.failed().split_off(before);
    Ok(cut_off(CallError::new(kind, message), (provider, call), (&meter, failed), elapsed, &listener.take()))
}

/// A call that was cut off for this reason after so long: the attempts that had failed before, and, unless nobody was being asked, the
/// one under way, by what had arrived of it.
pub(crate) fn cut_off<T>(
    error: CallError,
    (provider, call): (&dyn Provider, &Call),
    (meter, mut attempts): (&Meter, Vec<Attempt>),
    elapsed: Duration,
    arrived: &Completion,
) -> (Result<T, CallError>, Took) {
    let queued = meter.waited();
    let latency = elapsed.saturating_sub(queued);
    estimate(provider, call, &mut attempts);
    let own = latency.saturating_sub(Attempt::time(&attempts));
    match attempts.last_mut() {
        // Samples pause one by one, while others are under way.
        Some(cause) if meter.pauses() && call.samples.get() == 1 => cause.latency = cause.latency.saturating_add(own),
        _ => {
            // Who never had a place was not called: all that it did was to wait.
            let billing = if meter.never_placed() { Billing::Free } else { Billing::Unknown };
            let mut cut = Attempt::new(error.kind, billing, own).by(meter.member());
            cut.estimate(call, Member::one_of(&provider.declares(&call.model).members).as_ref(), Some(arrived));
            attempts.push(cut);
        }
    }
    (Err(error.with_attempts(attempts)), Took { latency, queued, ..Took::default() })
}

/// Waits for a call as long as it may take, whatever its provider does; its own limit begins when it has its place.
async fn in_time<F: Future>(call: &Call, meter: &Meter, mut work: Pin<&mut F>) -> Result<F::Output, (CallErrorKind, String)> {
    let (limit, deadline) = (call.limit(), call.deadline);
    if limit.is_none() && deadline.is_none() {
        return Ok(work.await);
    }
    let (began, before) = (Instant::now(), meter.uncounted());
    // What is there at once, as in a replay, needs no timer, nor a runtime that has one.
    if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
        return Ok(done);
    }
    loop {
        let elapsed = began.elapsed().saturating_sub(meter.uncounted().saturating_sub(before));
        let own = limit.map(|limit| limit.longest.saturating_add(meter.waited()).saturating_sub(elapsed));
        let until = deadline.map(|deadline| deadline.saturating_sub(elapsed));
        let left = own.into_iter().chain(until).min().unwrap_or_default();
        if left.is_zero() && elapsed >= SLACK {
            return Err(match limit {
                Some(limit) if !until.is_some_and(|until| until.is_zero()) => {
                    (CallErrorKind::Timeout, format!("the provider did not answer within {limit}"))
                }
                _ => (CallErrorKind::Deadline, "the request's deadline passed before it answered".to_owned()),
            });
        }
        match select(work.as_mut(), std::pin::pin!(sleep(left.saturating_add(SLACK)))).await {
            Either::Left((done, _)) => return Ok(done),
            Either::Right(_) => {}
        }
    }
}

async fn made(
    provider: &dyn Provider,
    call: &Call,
    since: &(dyn Fn() -> Duration + Sync),
    listener: &mut impl Listener,
) -> Result<Came, Took> {
    let mut reply = match provider.call(call).await {
        Ok(reply) => reply,
        Err(mut error) => {
            estimate(provider, call, &mut error.attempts);
            let (queued, wall) = (error.queued, error.wall);
            let took = Took { latency: since().saturating_sub(queued), queued, wall, ..Took::default() };
            return Ok((Err(error), took));
        }
    };
    estimate(provider, call, &mut reply.failed);
    // Who drops the call from here on knows whose it was.
    Meter::current().answers(reply.member.clone());
    let (queued, wall) = (reply.queued, reply.wall);
    let before = Attempt::time(&reply.failed).saturating_add(queued);
    // A recorded time is that of the last attempt alone; the clock saw the failed ones, and the wait, too.
    let (recorded, member, upstream) = (reply.recorded, reply.member.clone(), reply.upstream.take());
    let latency = || recorded.unwrap_or_else(|| since().saturating_sub(before));
    let (mut failed, heard) = listen(call, reply, latency, listener).await;
    let latency = latency();
    match heard {
        Heard::Answer(answer) => Ok((Ok(answer), Took { latency, queued, wall, failed, member, upstream })),
        Heard::Enough => Err(Took { latency, queued, wall, failed, member, upstream }),
        Heard::Broken(mut error) => {
            failed.append(&mut error.attempts);
            error.queued = queued;
            Ok((Err(error.with_attempts(failed)), Took { latency, queued, wall, ..Took::default() }))
        }
    }
}

/// Code of others under way. What it panics with ends it, and what it panics with while it is dropped reaches nobody.
struct Shielded<F>(Option<Pin<Box<F>>>);

impl<F: Future> Future for Shielded<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = self.0.as_mut() else { return Poll::Pending };
        let polled = caught(|| work.as_mut().poll(context));
        Poll::Ready(Ok(ready!(polled?)))
    }
}

impl<F> Drop for Shielded<F> {
    fn drop(&mut self) {
        let work = self.0.take();
        if let Err(panic) = caught(|| drop(work)) {
            tracing::error!("a provider {panic} while its call was dropped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use futures_util::FutureExt;
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
        Attempt::new(kind, Billing::Free, ms(latency))
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
            let untold = told.is_empty();
            let error = CallError::new(CallErrorKind::Truncated, "cut").with_attempts(told);
            let (result, took) = asked(Ok(retried(Err(error), None))).await;
            let mut attempts = result.unwrap_err().attempts;
            if untold {
                assert!(matches!(attempts[1].billing, Billing::Estimated(_)), "{attempts:?}");
                attempts[1].billing = own.billing;
            }
            assert_eq!(attempts, [attempt(CallErrorKind::Overloaded, 30), own.clone()]);
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

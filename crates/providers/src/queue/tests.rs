use std::num::NonZeroU8;

use super::*;
use crate::fan_out::FanOut;
use crate::meter::Meter;
use crate::reply::collect;
use crate::retry::{RetryPolicy, Retrying};
use crate::test_calls::call;
use futures_util::future::{join, join_all};
use futures_util::poll;
use tierfall_core::completion::Completion;
use tierfall_core::provider::Chunk;
use tierfall_testkit::{Gate, Scripted, sample};

const SECOND: Duration = Duration::from_secs(1);

/// Takes a second for every call, and fails the first of them, as many as told.
#[derive(Debug)]
struct Slow {
    failing: AtomicUsize,
    totals: std::sync::Mutex<Vec<Option<Duration>>>,
}

impl Slow {
    fn failing(n: usize) -> Self {
        Self { failing: AtomicUsize::new(n), totals: std::sync::Mutex::default() }
    }

    fn calls(&self) -> usize {
        self.totals.lock().unwrap().len()
    }
}

impl Provider for Slow {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        async {
            self.totals.lock().unwrap().push(call.timeouts.total);
            tokio::time::sleep(SECOND).await;
            let fails = |left: usize| left.checked_sub(1);
            if self.failing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails).is_ok() {
                let down = Attempt::new(CallErrorKind::Overloaded, Billing::Free, SECOND);
                return Err(CallError::new(CallErrorKind::Overloaded, "down").with_attempts(vec![down]));
            }
            let answer = Arc::new(sample::scored(&[("yes", -0.1)]));
            Ok(Reply::new(stream::iter([Ok(Chunk::Whole(answer))]).boxed()))
        }
        .boxed()
    }
}

fn places(n: usize) -> QueuePolicy {
    QueuePolicy::new(NonZeroUsize::new(n).unwrap())
}

fn queued(policy: QueuePolicy) -> Queued<Slow> {
    Queued::new(Slow::failing(0), "p", policy)
}

/// Asks to the end: what came, and how long it waited for its place.
async fn ask(provider: &impl Provider, call: &Call) -> (Result<Arc<Completion>, CallError>, Duration) {
    match provider.call(call).await {
        Ok(reply) => {
            let queued = reply.queued;
            (collect(call, reply, || Duration::ZERO).await.1, queued)
        }
        Err(error) => {
            let queued = error.queued;
            (Err(error), queued)
        }
    }
}

fn about(time: Duration, seconds: u64) -> bool {
    // Each of tokio's timers rounds up to a millisecond.
    time.abs_diff(Duration::from_secs(seconds)) < Duration::from_millis(50)
}

#[tokio::test(start_paused = true)]
async fn calls_wait_in_order_and_are_told_how_long() {
    let provider = queued(places(2));
    let calls: Vec<_> = (0..6).map(|_| call("q")).collect();
    let asked = join_all(calls.iter().map(|call| ask(&provider, call))).await;
    for (n, (result, waited)) in asked.into_iter().enumerate() {
        assert!(result.is_ok() && about(waited, n as u64 / 2), "{n}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_the_queue_full_is_turned_away_at_once() {
    let provider = queued(QueuePolicy { waiting: 1, ..places(1) });
    let calls: Vec<_> = (0..4).map(|_| call("q")).collect();
    let began = Instant::now();
    let asked = join_all(calls.iter().map(|call| async { (ask(&provider, call).await.0, began.elapsed()) })).await;
    assert!(asked[0].0.is_ok() && asked[1].0.is_ok());
    for (result, at) in &asked[2..] {
        let error = result.as_ref().unwrap_err();
        assert_eq!((error.kind, *at, error.kind.is_transient()), (CallErrorKind::QueueFull, Duration::ZERO, false));
        assert_eq!(
            error.message,
            "provider \"p\": all places (1) are taken, and as many calls wait as may (1); the call was not made"
        );
        assert_eq!((error.attempts.len(), error.attempts[0].billing), (1, Billing::Free));
    }
    assert_eq!(provider.inner.calls(), 2);
    assert!(ask(&provider, &call("later")).await.0.is_ok(), "who left the queue left it");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_queue_or_the_request_may() {
    let provider = queued(QueuePolicy { longest: Duration::from_millis(500), ..places(1) });
    let (first, second) = (call("1"), call("2"));
    let (_, (result, waited)) = join(ask(&provider, &first), ask(&provider, &second)).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind, waited.as_millis() / 10), (CallErrorKind::QueueFull, 50));
    assert!(error.message.contains("no place came free within 0.5 s (there are 1)"), "{}", error.message);

    let hurried = call("2").within(Duration::from_millis(300));
    let (_, (result, waited)) = join(ask(&provider, &first), ask(&provider, &hurried)).await;
    assert_eq!((result.unwrap_err().kind, waited.as_millis() / 10), (CallErrorKind::Deadline, 30));
}

#[tokio::test(start_paused = true)]
async fn a_calls_time_begins_with_its_place_and_the_deadline_does_not() {
    let provider = queued(places(1));
    let mut patient = call("1");
    patient.timeouts.total = Some(2 * SECOND);
    let calls = [patient.clone(), patient.clone(), patient.within(10 * SECOND)];
    join_all(calls.iter().map(|call| ask(&provider, call))).await;
    let mut seen = provider.inner.totals.lock().unwrap().clone();
    assert_eq!(seen, [Some(2 * SECOND); 3], "the deadline is further away");

    let calls = [call("1"), call("2").within(Duration::from_millis(2500))];
    join_all(calls.iter().map(|call| ask(&provider, call))).await;
    seen = provider.inner.totals.lock().unwrap().split_off(3);
    assert!(seen[0].is_none() && seen[1].is_some_and(|left| left <= Duration::from_millis(1500)), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_waits_for_its_place_too() {
    let slow = Queued::new(Slow::failing(1), "p", places(1));
    let provider = Retrying::new(slow, RetryPolicy { base: Duration::ZERO, ..RetryPolicy::default() });
    // Two seconds are enough for two attempts of one, however long they wait in between.
    let mut first = call("1");
    first.timeouts.total = Some(Duration::from_millis(2100));
    let others: Vec<_> = (2..6).map(|n| call(&n.to_string())).collect();
    let ((result, waited), _) = join(ask(&provider, &first), join_all(others.iter().map(|call| ask(&provider, call)))).await;
    assert!(result.is_ok() && about(waited, 4), "{waited:?}");

    let full = Queued::new(Slow::failing(1), "p", QueuePolicy { waiting: 1, ..places(1) });
    let provider = Retrying::new(full, RetryPolicy { base: SECOND, ..RetryPolicy::default() });
    let crowd = async {
        // Between the two attempts others come.
        tokio::time::sleep(SECOND + Duration::from_millis(5)).await;
        let queue = &provider.inner;
        let (_place, _in_line) = (queue.places.acquire().await.unwrap(), InLine::stand(&queue.waiting, 1).unwrap());
        tokio::time::sleep(5 * SECOND).await;
    };
    let asked = call("1");
    let ((result, _), ()) = join(ask(&provider, &asked), crowd).await;
    let error = result.unwrap_err();
    let kinds: Vec<_> = error.attempts.iter().map(|attempt| attempt.error).collect();
    // What the provider said is what happened: a better tier may answer, and nothing says that no call was made.
    assert_eq!(kinds, [Some(CallErrorKind::Overloaded)]);
    assert_eq!((error.kind, provider.inner.inner.calls()), (CallErrorKind::Overloaded, 1));
    assert!(error.message.starts_with("down; not tried again: provider \"p\": all places (1) are taken"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_keeps_its_place_until_it_was_read_or_dropped() {
    let provider = queued(places(1));
    for reads in [true, false] {
        let (first, second) = (call("1"), call("2"));
        let reply = provider.call(&first).await.unwrap();
        let mut next = Box::pin(provider.call(&second));
        assert!(poll!(&mut next).is_pending());
        tokio::time::sleep(10 * SECOND).await;
        assert!(poll!(&mut next).is_pending(), "the place is taken");
        if reads {
            collect(&call("q"), reply, || Duration::ZERO).await.1.unwrap();
        } else {
            drop(reply);
        }
        let reply = next.await.unwrap();
        assert!(about(reply.queued, 10), "{:?}", reply.queued);
    }
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_the_queue() {
    let gate = Gate::new();
    let held = Scripted::always(sample::scored(&[("yes", -0.1)])).behind(&gate);
    let provider = Queued::new(held, "p", QueuePolicy { waiting: 1, ..places(1) });
    let (first, second, third) = (call("1"), call("2"), call("3"));
    let mut first = Box::pin(provider.call(&first));
    assert!(poll!(&mut first).is_pending());
    for _ in 0..3 {
        let mut waits = Box::pin(provider.call(&second));
        assert!(poll!(&mut waits).is_pending());
    }
    let mut waits = Box::pin(provider.call(&third));
    assert!(poll!(&mut waits).is_pending(), "there is room again");
}

/// How busy we are decides nothing but whether there is an answer: a queue that is full, or that takes longer than the request
/// has, turns the whole call away.
#[tokio::test(start_paused = true)]
async fn a_sample_that_has_no_place_in_time_is_not_merely_missing() {
    let mut three = call("q").within(Duration::from_millis(2500));
    three.samples = NonZeroU8::new(3).unwrap();
    let provider = FanOut::new(queued(places(1)));
    assert!(ask(&provider, &three).await.0.is_ok_and(|answer| answer.samples.len() == 2));
    let (result, _) = ask(&provider, &three.within(Duration::from_millis(1500))).await;
    assert_eq!(result.unwrap_err().kind, CallErrorKind::Deadline);
}

#[tokio::test(start_paused = true)]
async fn what_a_call_waits_is_known_while_it_is_under_way() {
    let provider = queued(places(1));
    let (first, second) = (call("1"), call("2"));
    for (dropped_after, waited, never_placed) in [(500, 500, true), (1500, 1000, false)] {
        let meter = Meter::default();
        let mut first = Box::pin(provider.call(&first));
        assert!(poll!(&mut first).is_pending());
        let limit = Duration::from_millis(dropped_after);
        let _ = join(async { drop(first.await) }, timeout(limit, meter.of(provider.call(&second)))).await;
        assert!(meter.waited().abs_diff(Duration::from_millis(waited)) < Duration::from_millis(50), "{:?}", meter.waited());
        assert_eq!(meter.never_placed(), never_placed);
        // Nobody waits any more.
        tokio::time::sleep(SECOND).await;
        assert!(meter.waited().abs_diff(Duration::from_millis(waited)) < Duration::from_millis(50));
    }
}

#[tokio::test(start_paused = true)]
async fn samples_wait_like_calls_and_are_turned_away_together() {
    let mut three = call("q");
    three.samples = NonZeroU8::new(3).unwrap();
    let provider = FanOut::new(queued(places(1)));
    let (result, waited) = ask(&provider, &three).await;
    assert!(result.is_ok_and(|answer| answer.samples.len() == 2) && about(waited, 2), "{waited:?}");

    // One is under way, one waits, and the third is turned away: the others are not waited for.
    let provider = FanOut::new(queued(QueuePolicy { waiting: 1, ..places(1) }));
    let began = Instant::now();
    let error = ask(&provider, &three).await.0.unwrap_err();
    let untold = error.attempts.iter().filter(|attempt| matches!(attempt.billing, Billing::Estimated(_))).count();
    assert_eq!((error.kind, error.attempts.len(), untold), (CallErrorKind::QueueFull, 3, 2));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(ask(&provider, &call("q")).await.1, Duration::ZERO, "what was dropped keeps no place");

    let provider = FanOut::new(queued(QueuePolicy { waiting: 0, ..places(1) }));
    let one = call("q");
    let mut under_way = provider.call(&one);
    assert!(poll!(&mut under_way).is_pending());
    let error = ask(&provider, &three).await.0.unwrap_err();
    let all_free = error.attempts.iter().all(|attempt| attempt.billing == Billing::Free);
    assert_eq!((error.attempts.len(), all_free), (1, true), "what was not called costs nothing");
}

use std::sync::Arc;

use super::*;
use crate::test_calls::{attempt, call};
use futures_util::future::join_all;
use tierfall_core::completion::Completion;
use tierfall_core::provider::CallErrorKind;
use tierfall_testkit::{Gate, Scripted};

fn fails(kind: CallErrorKind) -> CallError {
    CallError::new(kind, format!("it is {kind}")).with_attempts(vec![attempt(kind)])
}

fn hinted(after: u64) -> CallError {
    CallError { retry_after: Some(Duration::from_secs(after)), ..fails(CallErrorKind::RateLimited) }
}

fn answer() -> Arc<Completion> {
    Arc::new(Completion::text("there"))
}

fn retrying(script: Scripted) -> Retrying<Scripted> {
    Retrying::new(script, RetryPolicy::default())
}

#[tokio::test(start_paused = true)]
async fn transient_failures_are_tried_again_and_reported() {
    let provider =
        retrying(Scripted::new().then([Err(fails(CallErrorKind::Overloaded)), Err(fails(CallErrorKind::Connect)), Ok(answer())]));
    let reply = provider.call(&call("q")).await.unwrap();
    let kinds: Vec<_> = reply.failed.iter().map(|attempt| attempt.error).collect();
    assert_eq!(kinds, [Some(CallErrorKind::Overloaded), Some(CallErrorKind::Connect)]);
}

#[tokio::test(start_paused = true)]
async fn other_failures_are_final() {
    for kind in [CallErrorKind::Auth, CallErrorKind::InvalidRequest, CallErrorKind::Malformed, CallErrorKind::TooLarge] {
        let provider = retrying(Scripted::always_fails(fails(kind)));
        let error = provider.call(&call("q")).await.err().unwrap();
        assert_eq!((error.kind, error.attempts.len(), provider.inner.calls().len()), (kind, 1, 1));
        assert_eq!(error.message, format!("it is {kind}"));
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_are_limited_and_all_are_told() {
    let provider = retrying(Scripted::always_fails(fails(CallErrorKind::Overloaded)));
    let error = provider.call(&call("q")).await.err().unwrap();
    assert_eq!((error.attempts.len(), provider.inner.calls().len()), (3, 3));
    assert_eq!(error.message, "it is overloaded; tried 3 times");
}

#[tokio::test(start_paused = true)]
async fn waits_grow_are_jittered_and_bounded() {
    let policy = RetryPolicy { attempts: 12, ..RetryPolicy::default() };
    let mut waits = Vec::new();
    for _ in 0..100 {
        let provider = Retrying::new(Scripted::new(), policy.clone());
        waits.push(
            (2..10).map(|next| provider.wait(&policy, &fails(CallErrorKind::Timeout), next, None).unwrap()).collect::<Vec<_>>(),
        );
    }
    for at in 0..8u32 {
        let bound = Duration::from_millis(500 * (1 << at)).min(Duration::from_secs(8));
        let longest = waits.iter().map(|run| run[at as usize]).max().unwrap();
        let shortest = waits.iter().map(|run| run[at as usize]).min().unwrap();
        assert!(longest <= bound && longest > bound / 2, "{longest:?} of {bound:?}");
        assert!(shortest < bound / 4, "full jitter reaches down to nothing: {shortest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_providers_hint_is_waited_for() {
    let provider = retrying(Scripted::new().then([Err(hinted(20)), Ok(answer())]));
    let began = Instant::now();
    let reply = provider.call(&call("q")).await.unwrap();
    let took = began.elapsed();
    let told = reply.failed[0].latency.saturating_sub(Duration::from_millis(7));
    // tokio's timers round up to a millisecond.
    assert!(took.abs_diff(told) <= Duration::from_millis(1), "the pause belongs to the attempt that caused it: {told:?}");
    assert!(took >= Duration::from_secs(20) && took <= Duration::from_millis(20_501), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hint_beyond_the_limit_ends_the_call_at_once() {
    let provider = retrying(Scripted::always_fails(hinted(120)));
    let began = Instant::now();
    let error = provider.call(&call("q")).await.err().unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!((error.retry_after, provider.inner.calls().len()), (Some(Duration::from_mins(2)), 1));
    assert!(error.message.contains("a pause of 120 s, and the limit is 30 s"), "{}", error.message);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_gets_only_the_time_that_is_left() {
    let provider = retrying(Scripted::new().then([Err(hinted(20)), Ok(answer())]));
    let mut call = call("q");
    call.timeouts.total = Some(Duration::from_secs(30));
    provider.call(&call).await.unwrap();
    let second = provider.inner.calls()[1].timeouts.total.unwrap();
    assert!(second <= Duration::from_secs(10) && second > Duration::from_secs(9), "{second:?}");

    call.timeouts.total = None;
    let provider = retrying(Scripted::always_fails(hinted(20))).within(Some(Duration::from_secs(30)));
    assert!(provider.call(&call).await.is_err());
    assert!(provider.inner.calls()[1].timeouts.total.unwrap() <= Duration::from_secs(10), "the default is shared out too");

    call.timeouts.total = Some(Duration::from_secs(20));
    let provider = retrying(Scripted::always_fails(hinted(20)));
    let error = provider.call(&call).await.err().unwrap();
    assert!(error.message.ends_with("no time is left for another attempt"), "{}", error.message);
}

#[tokio::test(start_paused = true)]
async fn a_storm_stays_inside_the_budget() {
    let gate = Gate::new();
    let provider = retrying(Scripted::always_fails(fails(CallErrorKind::RateLimited)).behind(&gate));
    gate.open_for(10_000);
    let calls: Vec<_> = (0..1000).map(|_| call("q")).collect();
    let results = join_all(calls.iter().map(|call| provider.call(call))).await;
    assert!(results.iter().all(Result::is_err));
    assert_eq!(provider.inner.calls().len(), 1000 + 200 + 10);
    let attempts: usize = results.into_iter().filter_map(Result::err).map(|error| error.attempts.len()).sum();
    assert_eq!(attempts, 1210, "every attempt is told");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_call_ends_the_backoff() {
    let provider = retrying(Scripted::always_fails(hinted(20)));
    let asked = call("q");
    let cut = tokio::time::timeout(Duration::from_secs(5), provider.call(&asked)).await;
    assert!(cut.is_err());
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(provider.inner.calls().len(), 1);
}

//! Calls again what may succeed a little later.
//!
//! A loop of our own rather than `tower::retry`: every failed attempt has to reach the ledger, each new attempt gets only
//! the time that is left, and a wait that cannot pay (beyond the deadline, or longer than the provider's hint may be) has
//! to end the call at once. Nothing is retried once a reply has begun: its first piece may already be with the client.

mod budget;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tierfall_core::provider::{Attempt, CallError, CallErrorKind, Declares, Provider, Reply};
use tierfall_core::request::Call;
use tokio::time::Instant;

use self::budget::Budget;
use crate::meter::Pause;

/// When and how often to try again.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Most attempts at one call, the first included; 1 = never again.
    pub attempts: u32,
    /// The longest wait before the second attempt; doubles with each further one.
    pub base: Duration,
    /// The longest wait before any attempt.
    pub longest: Duration,
    /// A provider that asks for a longer pause than this is not waited for: the call fails with its hint.
    pub longest_hint: Duration,
    /// Retries that each recent call adds to the provider's common budget, so that a storm of refusals does not multiply
    /// the traffic that caused it.
    pub budget_share: f64,
    /// Retries that are always within the budget.
    pub budget_floor: u32,
    /// Whether an attempt that timed out is followed by another one, too.
    pub after_timeout: bool,
}

impl Default for RetryPolicy {
    /// Three attempts within seconds, a fifth of the calls again.
    fn default() -> Self {
        Self {
            attempts: 3,
            base: Duration::from_millis(500),
            longest: Duration::from_secs(8),
            longest_hint: Duration::from_secs(30),
            budget_share: 0.2,
            budget_floor: 10,
            after_timeout: true,
        }
    }
}

impl RetryPolicy {
    /// Where another model is ready: two attempts, no second one where the first took all the time, and no pause that a provider asks for
    /// beyond 3 s.
    pub fn failing_over() -> Self {
        Self { attempts: 2, longest_hint: Duration::from_secs(3), after_timeout: false, ..Self::default() }
    }

    /// One attempt, no more.
    pub fn never() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// The bound of the wait before attempt `next` (2 = the first retry).
    fn bound(&self, next: u32) -> Duration {
        let doublings = next.saturating_sub(2).min(31);
        self.base.saturating_mul(1 << doublings).min(self.longest)
    }
}

/// A provider that retries the transient failures of another one: full jitter, exponential backoff, the provider's own
/// hints, a common budget.
///
/// The pause after a failed attempt counts into that attempt's latency.
#[derive(Debug)]
pub struct Retrying<P> {
    pub(crate) inner: P,
    policy: RetryPolicy,
    failing_over: RetryPolicy,
    total: Option<Duration>,
    budget: Budget,
}

impl<P: Provider> Retrying<P> {
    /// Retries what `inner` fails at.
    pub fn new(inner: P, policy: RetryPolicy) -> Self {
        let budget = Budget::new(policy.budget_share, policy.budget_floor);
        Self { inner, failing_over: policy.clone(), policy, total: None, budget }
    }

    /// Gives calls that [fail over](Call::fails_over) a policy of their own. The budget stays common.
    #[must_use]
    pub fn failing_over(mut self, policy: RetryPolicy) -> Self {
        self.failing_over = policy;
        self
    }

    /// Gives calls that declare no total time this one.
    #[must_use]
    pub fn within(mut self, total: Option<Duration>) -> Self {
        self.total = total;
        self
    }

    async fn call_until_done(&self, call: &Call) -> Result<Reply, CallError> {
        let began = Instant::now();
        let policy = if call.fails_over { &self.failing_over } else { &self.policy };
        let total = call.timeouts.total.or(self.total);
        self.budget.note_call(began);
        let mut failed: Vec<Attempt> = Vec::new();
        let mut queued = Duration::ZERO;
        // Waiting for a place is not the call's time, but the request's.
        let left = |queued: Duration| {
            let elapsed = began.elapsed();
            let own = total.map(|total| total.saturating_sub(elapsed.saturating_sub(queued)));
            (own, call.deadline.map(|deadline| deadline.saturating_sub(elapsed)))
        };
        let mut shortened: Option<Call> = None;
        let mut before: Option<CallError> = None;
        for next in 2u32.. {
            let mut error = match self.inner.call(shortened.as_ref().unwrap_or(call)).await {
                Ok(mut reply) => {
                    failed.append(&mut reply.failed);
                    return Ok(Reply { failed, queued: queued.saturating_add(reply.queued), ..reply });
                }
                Err(error) => error,
            };
            queued = queued.saturating_add(error.queued);
            error.queued = queued;
            // What the provider failed at is what happened, not that there was no place to ask it again.
            if let Some(first) = before.take()
                && matches!(error.kind, CallErrorKind::QueueFull | CallErrorKind::Deadline)
            {
                let kind = if error.kind == CallErrorKind::QueueFull { first.kind } else { error.kind };
                let message = format!("{}; not tried again: {}", first.message, error.message);
                return Err(CallError { kind, message, queued, attempts: failed, ..first });
            }
            let (own, until_deadline) = left(queued);
            let wait = match self.wait(policy, &error, next, own.into_iter().chain(until_deadline).min()) {
                Ok(wait) => wait,
                Err(why) => return Err(give_up(error, failed, &why)),
            };
            tracing::debug!(kind = error.kind.as_str(), attempt = next, wait_ms = wait.as_millis(), "retrying a call");
            let pause = Pause::after(&error.attempts);
            failed.append(&mut error.attempts);
            before = Some(error);
            if let Some(cause) = failed.last_mut() {
                // So that the latencies of a call's attempts add up to the time that it took.
                cause.latency = cause.latency.saturating_add(wait);
            }
            tokio::time::sleep(wait).await;
            pause.over(wait);
            let (own, until_deadline) = left(queued);
            let mut again = call.clone();
            again.timeouts.total = own;
            shortened = Some(match until_deadline {
                Some(left) => again.within(left),
                None => again,
            });
        }
        unreachable!("attempts are counted in u32, and so is their limit")
    }

    /// How long to wait before attempt `next`, or why there is none; an empty reason where it goes without saying.
    fn wait(&self, policy: &RetryPolicy, error: &CallError, next: u32, left: Option<Duration>) -> Result<Duration, String> {
        // What the server itself says of trying again, in the header that OpenAI's and Anthropic's clients obey.
        let told = error.upstream.as_ref().and_then(|upstream| upstream.header("x-should-retry"));
        let may_pass = match told {
            Some("false") => false,
            Some("true") => true,
            _ => error.kind.is_transient(),
        };
        if !may_pass || left.is_some_and(|left| left.is_zero()) {
            return Err(String::new());
        }
        if error.kind == CallErrorKind::Timeout && !policy.after_timeout {
            return Err(String::new());
        }
        if next > policy.attempts {
            return Err(if next > 2 { format!("tried {} times", next - 1) } else { String::new() });
        }
        let jitter = policy.bound(next).mul_f64(share());
        let wait = match error.retry_after {
            Some(hint) if hint > policy.longest_hint => {
                let (hint, limit) = (hint.as_secs_f64().ceil(), policy.longest_hint.as_secs_f64());
                return Err(format!("the provider asks for a pause of {hint} s, and the limit is {limit} s"));
            }
            // After the pause, not at its end: all who were told the same would come back together.
            Some(hint) => hint.saturating_add(jitter),
            None => jitter,
        };
        if left.is_some_and(|left| wait >= left) {
            return Err("no time is left for another attempt".to_owned());
        }
        if !self.budget.take(Instant::now()) {
            return Err("not tried again: too many recent calls to this provider failed (retry budget)".to_owned());
        }
        Ok(wait)
    }
}

/// A number in [0, 1) from the operating system's randomness, with which the standard library keys its hash maps: processes
/// that were refused together must not come back together.
fn share() -> f64 {
    (RandomState::new().hash_one(()) >> 11) as f64 / (1u64 << 53) as f64
}

fn give_up(mut error: CallError, mut failed: Vec<Attempt>, why: &str) -> CallError {
    if !why.is_empty() {
        error.message = format!("{}; {why}", error.message);
    }
    failed.append(&mut error.attempts);
    error.with_attempts(failed)
}

impl<P: Provider> Provider for Retrying<P> {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        self.call_until_done(call).boxed()
    }

    fn declares(&self, model: &str) -> Declares {
        self.inner.declares(model)
    }
}

#[cfg(test)]
mod tests;

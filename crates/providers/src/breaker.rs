//! Leaves a model alone that fails again and again.
//!
//! A call to a server that is down costs its timeout each time, and keeps the server down that has too much to do. So a circuit for each
//! model opens after some calls in a row that came to nothing. While it is open, a call that fails over is refused at once: another
//! model is ready. After a pause one call is let through as a trial, and what comes of it closes the circuit or keeps it open. A call
//! that does not fail over is always made: an answer that is not likely is better than none.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Chunks, Declares, Provider, Reply};
use tierfall_core::request::Call;
use tokio::time::Instant;

/// When a model is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Calls in a row that must come to nothing.
    pub failures: NonZeroU32,
    /// How long it is left alone before the next trial.
    pub pause: Duration,
}

impl Default for BreakerPolicy {
    /// Five calls, ten seconds.
    fn default() -> Self {
        Self { failures: NonZeroU32::MIN.saturating_add(4), pause: Duration::from_secs(10) }
    }
}

/// A provider each of whose models is left alone for a while once its calls fail in a row.
///
/// Failures are those of a server that is not there or not able: no connection, 5xx, no reply in time, a reply that breaks off. A refusal is
/// none, nor is a call that had less time than its tier allows.
#[derive(Debug)]
pub struct Breaking<P> {
    inner: P,
    name: Arc<str>,
    policy: BreakerPolicy,
    circuits: Arc<Circuits>,
}

/// A circuit for each model that was asked.
#[derive(Debug, Default)]
struct Circuits(Mutex<BTreeMap<Arc<str>, Circuit>>);

#[derive(Clone, Copy, Debug, Default)]
struct Circuit {
    /// Calls in a row that failed, and how the last one did.
    failures: u32,
    last: Option<CallErrorKind>,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: Instant,
    /// A trial is under way.
    tried: bool,
}

/// What a call said of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Alive,
    Down(CallErrorKind),
    Unsaid,
}

impl<P: Provider> Breaking<P> {
    /// Puts a breaker before `inner`; `name` is the provider's in messages.
    pub fn new(inner: P, name: impl Into<Arc<str>>, policy: BreakerPolicy) -> Self {
        Self { inner, name: name.into(), policy, circuits: Arc::default() }
    }

    async fn call_unless_open(&self, call: &Call) -> Result<Reply, CallError> {
        let mut made = self.admit(call)?;
        match self.inner.call(call).await {
            Ok(reply) if call.stream => Ok(Reply { chunks: watched(reply.chunks, made, call.clone()), ..reply }),
            Ok(reply) => {
                made.says(Health::Alive);
                Ok(reply)
            }
            Err(error) => {
                made.says(health(&error, call));
                Err(error)
            }
        }
    }

    fn admit(&self, call: &Call) -> Result<Made, CallError> {
        let mut circuits = self.circuits.lock();
        let circuit = circuits.get_mut(&call.model);
        let mut trial = false;
        if let Some(Circuit { failures, last, open: Some(open) }) = circuit {
            let left = open.until.saturating_duration_since(Instant::now());
            if left.is_zero() && !open.tried {
                (open.tried, trial) = (true, true);
            } else if call.fails_over {
                return Err(self.refused(&call.model, *failures, *last, left));
            }
        }
        drop(circuits);
        Ok(Made {
            circuits: self.circuits.clone(),
            policy: self.policy,
            model: call.model.clone(),
            trial,
            dropped: Health::Unsaid,
        })
    }

    /// Says nothing of what the server said: that may quote somebody else's request.
    fn refused(&self, model: &str, failures: u32, last: Option<CallErrorKind>, left: Duration) -> CallError {
        let calls = if failures == 1 { "1 call".to_owned() } else { format!("{failures} calls") };
        let last = last.map(|kind| format!(" (the last one with {kind})")).unwrap_or_default();
        let next =
            if left.is_zero() { "one is being tried now".to_owned() } else { format!("the next try is in {} s", rounded(left)) };
        let message = format!(
            "provider \"{}\": \"{model}\" is left alone, since {calls} failed and none came through meanwhile{last}; {next}, and this call \
             was not made",
            self.name
        );
        let attempt = Attempt::new(CallErrorKind::CircuitOpen, Billing::Free, Duration::ZERO);
        let retry_after = Some(left).filter(|left| !left.is_zero());
        CallError { retry_after, ..CallError::new(CallErrorKind::CircuitOpen, message) }.with_attempts(vec![attempt])
    }
}

/// In seconds, never 0.
fn rounded(left: Duration) -> f64 {
    (left.as_secs_f64() * 10.0).ceil() / 10.0
}

/// What a failure says of the model.
fn health(error: &CallError, call: &Call) -> Health {
    match error.kind {
        CallErrorKind::Connect | CallErrorKind::Overloaded | CallErrorKind::Truncated => Health::Down(error.kind),
        // A deadline of the caller's own says nothing of the server: it is what ends a call that had all of its share.
        CallErrorKind::Timeout if call.share.is_none_or(|share| Attempt::time(&error.attempts) < share) => {
            Health::Down(error.kind)
        }
        CallErrorKind::Auth
        | CallErrorKind::ContentFilter
        | CallErrorKind::ContextLength
        | CallErrorKind::InvalidRequest
        | CallErrorKind::Malformed
        | CallErrorKind::NotFound
        | CallErrorKind::TooLarge => Health::Alive,
        // Too many requests are neither: the server is there, and may take none.
        _ => Health::Unsaid,
    }
}

impl Circuits {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Circuit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was let through. What comes of it is said once; if it is dropped before, nothing is.
struct Made {
    circuits: Arc<Circuits>,
    policy: BreakerPolicy,
    model: Arc<str>,
    trial: bool,
    /// What is said where it is dropped.
    dropped: Health,
}

impl Made {
    fn says(&mut self, health: Health) {
        self.dropped = Health::Unsaid;
        let trial = std::mem::take(&mut self.trial);
        let mut circuits = self.circuits.lock();
        match health {
            Health::Alive => _ = circuits.remove(&self.model),
            Health::Down(kind) => {
                let circuit = circuits.entry(self.model.clone()).or_default();
                circuit.failures = circuit.failures.saturating_add(1);
                circuit.last = Some(kind);
                if circuit.failures >= self.policy.failures.get() && (trial || circuit.open.is_none()) {
                    let until = Instant::now() + self.policy.pause;
                    circuit.open = Some(Open { until, tried: false });
                    tracing::warn!(model = %self.model, failures = circuit.failures, kind = %kind, "a model is left alone for a while");
                }
            }
            Health::Unsaid if trial => {
                if let Some(open) = circuits.get_mut(&self.model).and_then(|circuit| circuit.open.as_mut()) {
                    open.tried = false;
                }
            }
            Health::Unsaid => {}
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if self.trial || self.dropped != Health::Unsaid {
            self.says(self.dropped);
        }
    }
}

/// A stream that says at its end what it says of the model. Who leaves it earlier has seen that it began.
fn watched(chunks: Chunks, mut made: Made, call: Call) -> Chunks {
    made.dropped = Health::Alive;
    stream::unfold((chunks, Some(made), call), |(mut chunks, mut made, call)| async move {
        let chunk = chunks.next().await;
        if let Some(Err(error)) = &chunk
            && let Some(mut made) = made.take()
        {
            made.says(health(error, &call));
        }
        Some((chunk?, (chunks, made, call)))
    })
    .boxed()
}

impl<P: Provider> Provider for Breaking<P> {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        self.call_unless_open(call).boxed()
    }

    fn declares(&self, model: &str) -> Declares {
        self.inner.declares(model)
    }
}

#[cfg(test)]
mod tests;

//! A provider's places, and the queue before them.
//!
//! Waiting for a place is no part of a call: its timeouts begin when it has one, and its latency is without the wait. A
//! call that cannot have a place within the queue's bounds is turned away with a kind of its own, which nobody takes for a
//! fault of the provider.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Chunks, Declares, Provider, Reply};
use tierfall_core::request::Call;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::meter::Counted;

/// How many calls a provider takes, and how many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePolicy {
    /// Calls under way at once.
    pub places: NonZeroUsize,
    /// Most calls that wait for a place; one more is turned away at once.
    pub waiting: usize,
    /// The longest wait for a place.
    pub longest: Duration,
}

impl QueuePolicy {
    /// So many places, 1024 calls that wait for one, and ten minutes at most.
    pub fn new(places: NonZeroUsize) -> Self {
        Self { places, waiting: 1024, longest: Duration::from_mins(10) }
    }
}

/// A provider that has places for so many calls at once. First come, first served; a streamed reply keeps its place to its
/// end.
#[derive(Debug)]
pub struct Queued<P> {
    pub(crate) inner: P,
    name: Arc<str>,
    policy: QueuePolicy,
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl<P: Provider> Queued<P> {
    /// Gives `inner` places; `name` is the provider's in messages.
    pub fn new(inner: P, name: impl Into<Arc<str>>, policy: QueuePolicy) -> Self {
        let places = policy.places.get().min(Semaphore::MAX_PERMITS);
        Self { inner, name: name.into(), policy, places: Arc::new(Semaphore::new(places)), waiting: AtomicUsize::new(0) }
    }

    async fn call_in_turn(&self, call: &Call) -> Result<Reply, CallError> {
        let (place, queued) = match self.places.clone().try_acquire_owned() {
            Ok(place) => (place, Duration::ZERO),
            Err(_) => self.wait(call.deadline).await?,
        };
        let rest = call.deadline.filter(|_| !queued.is_zero()).map(|deadline| deadline.saturating_sub(queued));
        let shortened = rest.map(|rest| call.clone().within(rest));
        let held = Counted::placed();
        match self.inner.call(shortened.as_ref().unwrap_or(call)).await {
            Ok(reply) => {
                Ok(Reply { queued: reply.queued.saturating_add(queued), chunks: in_place(reply.chunks, (place, held)), ..reply })
            }
            Err(error) => Err(CallError { queued: error.queued.saturating_add(queued), ..error }),
        }
    }

    async fn wait(&self, deadline: Option<Duration>) -> Result<(OwnedSemaphorePermit, Duration), CallError> {
        let QueuePolicy { places, waiting, longest } = self.policy;
        let Some(_in_line) = InLine::stand(&self.waiting, waiting) else {
            let message = format!("all places ({places}) are taken, and as many calls wait as may ({waiting})");
            return Err(self.turned_away(CallErrorKind::QueueFull, Duration::ZERO, &message));
        };
        let _told = Counted::waiting();
        let began = Instant::now();
        let limit = deadline.map_or(longest, |deadline| deadline.min(longest));
        match timeout(limit, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok((place, began.elapsed())),
            Ok(Err(_)) => unreachable!("nobody closes the semaphore"),
            Err(_) if deadline.is_some_and(|deadline| deadline <= longest) => {
                let message = format!("the request's deadline passed while it waited for a place (there are {places})");
                Err(self.turned_away(CallErrorKind::Deadline, began.elapsed(), &message))
            }
            Err(_) => {
                let message = format!("no place came free within {} s (there are {places})", longest.as_secs_f64());
                Err(self.turned_away(CallErrorKind::QueueFull, began.elapsed(), &message))
            }
        }
    }

    fn turned_away(&self, kind: CallErrorKind, queued: Duration, message: &str) -> CallError {
        let attempt = Attempt::new(kind, Billing::Free, Duration::ZERO);
        let message = format!("provider \"{}\": {message}; the call was not made", self.name);
        CallError { queued, ..CallError::new(kind, message) }.with_attempts(vec![attempt])
    }
}

impl<P: Provider> Provider for Queued<P> {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        self.call_in_turn(call).boxed()
    }

    fn declares(&self, model: &str) -> Declares {
        self.inner.declares(model)
    }
}

/// Somebody who waits.
struct InLine<'a>(&'a AtomicUsize);

impl<'a> InLine<'a> {
    /// Joins those who wait, unless there are `most` already.
    fn stand(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let join = |waiting: usize| (waiting < most).then_some(waiting + 1);
        waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, join).ok().map(|_| Self(waiting))
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A reply that gives its place free at its end, or when nobody reads on.
fn in_place(chunks: Chunks, place: (OwnedSemaphorePermit, Counted)) -> Chunks {
    stream::unfold((chunks, place), |(mut chunks, place)| async move {
        let chunk = chunks.next().await?;
        Some((chunk, (chunks, place)))
    })
    .boxed()
}

#[cfg(test)]
mod tests;

//! Providers that spend no more than they may, together.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, stream};
use tierfall_core::cascade::Model;
use tierfall_core::money::{Cost, Money};
use tierfall_core::provider::{CallError, CallErrorKind, Chunk, Provider, Reply};
use tierfall_core::request::Call;

use super::LiveStop;
use crate::fixture::budget::{self, Budget};
use tierfall::clock::Clock;
use tierfall::timed::passed_on;

/// What all tiers of one live run spend.
pub(super) struct Purse {
    budget: Budget,
    spent: Mutex<Cost>,
    stop: OnceLock<LiveStop>,
    clock: Arc<dyn Clock>,
}

impl Purse {
    pub(super) fn new(limit: Option<Money>, clock: Arc<dyn Clock>) -> Self {
        Self { budget: Budget::new(limit), spent: Mutex::default(), stop: OnceLock::new(), clock }
    }

    /// Why no further call is made.
    pub(super) fn stopped(&self) -> Option<&LiveStop> {
        self.stop.get()
    }

    /// Everything charged so far.
    pub(super) fn spent(&self) -> Cost {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, stop: LiveStop) -> CallError {
        let error = CallError::new(CallErrorKind::Cancelled, stop.to_string());
        // The first reason is the one that counts.
        let _ = self.stop.set(stop);
        error
    }
}

/// A tier's provider, whose every call is paid from the purse before it is made.
pub(super) struct Bounded {
    pub(super) tier: Arc<str>,
    pub(super) inner: Arc<dyn Provider>,
    pub(super) model: Model,
    /// The most attempts that one call makes.
    pub(super) attempts: u32,
    pub(super) purse: Arc<Purse>,
}

impl Provider for Bounded {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        async move {
            let purse = &*self.purse;
            if let Some(stop) = purse.stopped() {
                return Err(CallError::new(CallErrorKind::Cancelled, stop.to_string()));
            }
            let most = budget::most(&self.model, call);
            if most.is_none() && purse.budget.is_limited() {
                return Err(purse.refuse(LiveStop::Unbounded(self.tier.clone())));
            }
            let reserved = purse.budget.reserve(most.unwrap_or_default(), self.attempts).await;
            let reserved = reserved.map_err(|full| purse.refuse(LiveStop::Spend { spent: full.spent, limit: full.limit }))?;
            let (result, took) = passed_on(&*self.inner, call, &*purse.clock).await;
            let cost = budget::cost(&self.model, &budget::billings(&result, &took));
            reserved.settle(cost);
            *purse.spent.lock().unwrap_or_else(PoisonError::into_inner) += cost;
            let answer = result.map_err(|error| match error.kind.lasting() {
                Some(what) => purse.refuse(LiveStop::Lasting { what, message: error.message }),
                None if error.kind == CallErrorKind::QueueFull => purse.refuse(LiveStop::QueueFull(error.message)),
                None => error,
            })?;
            let chunks = Box::pin(stream::iter([Ok(Chunk::Whole(answer))]));
            let (recorded, queued, wall) = (Some(took.latency), took.queued, took.wall);
            Ok(Reply { failed: took.failed, recorded, queued, wall, ..Reply::new(chunks) })
        }
        .boxed()
    }
}

//! Providers that spend no more than they may, together.

use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, stream};
use tierfall_core::cascade::Model;
use tierfall_core::money::{Cost, Money};
use tierfall_core::provider::{CallError, CallErrorKind, Chunk, Provider, Reply};
use tierfall_core::request::Call;

use crate::batch::Halt;
use crate::batch::purse::{Account, Purse};
use tierfall::clock::Clock;
use tierfall::timed::passed_on;

/// What all tiers of one live run spend, and what ended it.
pub(super) struct Paid {
    account: Account,
    stop: OnceLock<Halt>,
    clock: Arc<dyn Clock>,
}

impl Paid {
    pub(super) fn new(limit: Option<Money>, clock: Arc<dyn Clock>) -> Self {
        let purse = Arc::new(Purse::new(limit, "fewer examples"));
        Self { account: Account::new(&purse), stop: OnceLock::new(), clock }
    }

    /// Why no further call is made.
    pub(super) fn stopped(&self) -> Option<&Halt> {
        self.stop.get()
    }

    /// Everything charged so far.
    pub(super) fn spent(&self) -> Cost {
        self.account.charged().0
    }

    fn refuse(&self, stop: Halt) -> CallError {
        let error = CallError::new(CallErrorKind::Cancelled, stop.to_string());
        // The first reason is the one that counts.
        let _ = self.stop.set(stop);
        error
    }
}

/// A tier's provider, whose every call is paid before it is made.
pub(super) struct Bounded {
    pub(super) tier: Arc<str>,
    pub(super) inner: Arc<dyn Provider>,
    pub(super) model: Model,
    /// The most attempts that one call makes.
    pub(super) attempts: u32,
    pub(super) paid: Arc<Paid>,
}

impl Provider for Bounded {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        async move {
            let Paid { account, clock, .. } = &*self.paid;
            if let Some(stop) = self.paid.stopped() {
                return Err(CallError::new(CallErrorKind::Cancelled, stop.to_string()));
            }
            let unbounded = || self.paid.refuse(Halt::Unbounded(self.tier.clone()));
            let most = account.purse().most(&self.model, call).ok_or_else(unbounded)?;
            let mut cost = Cost::ZERO;
            let made = passed_on(&*self.inner, call, &**clock);
            let paid = account.pay(&self.model, most, self.attempts, made, &mut cost).await;
            let (result, took) = paid.map_err(|halt| self.paid.refuse(halt))?;
            let chunks = Box::pin(stream::iter([Ok(Chunk::Whole(result?))]));
            let (recorded, queued, wall) = (Some(took.latency), took.queued, took.wall);
            Ok(Reply { failed: took.failed, recorded, queued, wall, member: took.member, ..Reply::new(chunks) })
        }
        .boxed()
    }
}

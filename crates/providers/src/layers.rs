//! What stands between a call and the endpoint that answers it, and in which order.

use std::sync::Arc;
use std::time::Duration;

use tierfall_core::provider::Provider;

use crate::breaker::{BreakerPolicy, Breaking};
use crate::fan_out::FanOut;
use crate::queue::{QueuePolicy, Queued};
use crate::retry::{RetryPolicy, Retrying};

/// The layers around an endpoint. Each is a provider that passes calls on to another one; here is the one place where they are put
/// together.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers {
    /// The provider's name in messages.
    pub name: Arc<str>,
    /// Take several samples by as many calls: many servers take no `n`, whatever their dialect.
    pub fan_out: bool,
    /// When to leave a model alone that fails again and again; `None` = never.
    pub breaker: Option<BreakerPolicy>,
    /// When and how often to try again.
    pub retry: RetryPolicy,
    /// The same for calls that [fail over](tierfall_core::request::Call::fails_over).
    pub retry_failing_over: RetryPolicy,
    /// How long a call may take with all its attempts, where it does not say; waiting for a place is not counted.
    pub total: Option<Duration>,
    /// Most attempts at once, and how many may wait to be; `None` = no limit.
    pub queue: Option<QueuePolicy>,
}

impl Layers {
    /// Puts the layers around an endpoint. From the inside:
    ///
    /// 1. The queue, so that every attempt has a place, and the pause before the next one has none.
    /// 2. The retries.
    /// 3. The samples, so that one that failed is tried again alone.
    /// 4. The breaker, so that a call which is not made waits for nothing, and one that came through at last is none that failed.
    pub fn around(self, endpoint: impl Provider + 'static) -> Arc<dyn Provider> {
        let Self { name, breaker, fan_out, retry, retry_failing_over, total, queue } = self;
        let mut provider: Arc<dyn Provider> = Arc::new(endpoint);
        if let Some(queue) = queue {
            provider = Arc::new(Queued::new(provider, name.clone(), queue));
        }
        provider = Arc::new(Retrying::new(provider, retry).failing_over(retry_failing_over).within(total));
        if fan_out {
            provider = Arc::new(FanOut::new(provider));
        }
        if let Some(breaker) = breaker {
            provider = Arc::new(Breaking::new(provider, name, breaker));
        }
        provider
    }
}

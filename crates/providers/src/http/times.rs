//! How long one attempt may wait, and for what.

use std::future::Future;
use std::time::Duration;

use tierfall_core::provider::{Billing, CallErrorKind};
use tierfall_core::request::{Call, Timeouts};
use tokio::time::{Instant, timeout_at};

use super::failed::{Failed, seconds};
use crate::meter::Meter;

/// The limits of one attempt, from when it has its place.
#[derive(Clone, Debug)]
pub(super) struct Times {
    began: Instant,
    meter: Meter,
    /// What was not counted before it began.
    uncounted: Duration,
    timeouts: Timeouts,
    /// What of the limits is short because the call fails over.
    short: Timeouts,
}

impl Times {
    /// The call's own timeouts, the provider's where the call says nothing, and the usual ones where neither does.
    pub(super) fn start(call: &Call, provider: Timeouts) -> Self {
        let timeouts = call.timeouts.or(provider).in_force(call.fails_over, call.stream);
        let meter = Meter::current();
        let Timeouts { idle, total, .. } = Timeouts::FAILING_OVER;
        let usual = |limit: Option<Duration>, short| limit.filter(|_| call.fails_over && limit == short);
        let short = Timeouts {
            connect: None,
            idle: usual(timeouts.idle, idle),
            // What a deadline leaves the call is nothing that the tier could say.
            total: usual(timeouts.total, total).filter(|_| call.share != timeouts.total),
        };
        Self { began: Instant::now(), uncounted: meter.uncounted(), meter, timeouts, short }
    }

    /// How long it has taken so far.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed().saturating_sub(self.uncounted())
    }

    fn uncounted(&self) -> Duration {
        self.meter.uncounted().saturating_sub(self.uncounted)
    }

    pub(super) fn connect(&self) -> Option<Duration> {
        self.timeouts.connect
    }

    /// Waits within the total time alone.
    pub(super) async fn in_all<T>(&self, what: &str, billing: Billing, wait: impl Future<Output = T>) -> Result<T, Failed> {
        self.limit(what, billing, None, wait).await
    }

    /// Waits for bytes: within the idle time and the total one.
    pub(super) async fn read<T>(&self, what: &str, wait: impl Future<Output = T>) -> Result<T, Failed> {
        self.limit(what, Billing::Unknown, self.timeouts.idle, wait).await
    }

    async fn limit<T>(
        &self,
        what: &str,
        billing: Billing,
        idle: Option<Duration>,
        wait: impl Future<Output = T>,
    ) -> Result<T, Failed> {
        let total_at = self.timeouts.total.and_then(|total| self.began.checked_add(total.saturating_add(self.uncounted())));
        let idle_at = idle.and_then(|idle| Instant::now().checked_add(idle));
        let Some(at) = [total_at, idle_at].into_iter().flatten().min() else { return Ok(wait.await) };
        timeout_at(at, wait).await.map_err(|_| {
            let (mut message, short) = match (self.timeouts.total, idle) {
                (Some(total), _) if total_at == Some(at) => {
                    (format!("timed out {what}: this attempt had {} in all", seconds(total)), self.short.total.map(|_| "total"))
                }
                (_, idle) => {
                    let message = format!("timed out {what}: nothing came for {}", seconds(idle.unwrap_or_default()));
                    (message, self.short.idle.map(|_| "idle"))
                }
            };
            if let Some(key) = short {
                message.push_str("; another tier is asked; if this one needs longer, give it more with `timeouts.");
                message.push_str(key);
                message.push('`');
            }
            Failed::new(CallErrorKind::Timeout, billing, message)
        })
    }
}

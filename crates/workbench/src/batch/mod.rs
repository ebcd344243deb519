//! Many paid calls: so many at a time, each paid from one purse before it is made, and none after what would make every further
//! one fail.

pub(crate) mod purse;

use std::future::Future;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tierfall_core::money::Money;
use tierfall_core::provider::{CallError, CallErrorKind};
use tierfall_core::text::one_line;

/// This many transient failures one after another mean that the provider is down, not that the questions are bad.
pub(crate) const STORM: u32 = 20;

/// Why no further call is made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Every further call would fail like this one, which is no answer and is not kept.
    #[error("the provider {what}: {message}")]
    Lasting {
        /// What it does, as in [`CallErrorKind::lasting`].
        what: &'static str,
        /// What it said.
        message: String,
    },
    /// More calls at once than the provider has places and its queue takes: no fault of the provider's, and no answer.
    #[error("{message}; ask {fewer} at once, or give the provider more places")]
    QueueFull {
        /// What it said.
        message: String,
        /// What to ask at once: `less`.
        fewer: &'static str,
    },
    /// One failure after another.
    #[error("{count} {what}, the last one with: {message}")]
    Storm {
        /// How many.
        count: u32,
        /// Of what, and that they came together: `calls in a row failed`.
        what: &'static str,
        /// What the last one said.
        message: String,
    },
    /// The first answers, none of which can be used.
    #[error("none of the first {count} answers can be used, the last one: {why}")]
    Useless {
        /// How many.
        count: u32,
        /// What is the matter with the last one.
        why: String,
    },
    /// The next call could exceed the limit.
    #[error("the next call could exceed the spending limit: {} of {} USD are spent", spent.usd(), limit.usd())]
    Spend {
        /// Spent by all tiers together, charges of unknown size at the most they can be.
        spent: Money,
        /// The limit.
        limit: Money,
    },
    /// A call's cost has no bound, so no limit could be kept.
    #[error("the calls of tier \"{0}\" have no bound on their cost (no price, or neither max-tokens nor context-window)")]
    Unbounded(Arc<str>),
    /// Whoever watches knew enough.
    #[error("the verdict was clear")]
    Decided,
}

impl Halt {
    /// Why no call is made after this failure, which is no answer; `None` where it is one.
    fn after(error: &CallError, fewer: &'static str) -> Option<Self> {
        let message = one_line(&error.message, 300);
        match error.kind.lasting() {
            Some(what) => Some(Self::Lasting { what, message }),
            None => (error.kind == CallErrorKind::QueueFull).then_some(Self::QueueFull { message, fewer }),
        }
    }

    /// Whether a provider is the reason, or its queue, and not a limit or enough certainty.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Lasting { .. } | Self::QueueFull { .. } | Self::Storm { .. } | Self::Useless { .. })
    }
}

/// Counts failures that come one after another.
pub(crate) struct Storm {
    what: &'static str,
    count: u32,
    message: String,
}

impl Storm {
    /// Of what they are failures, and that they came together: `calls in a row failed`.
    pub(crate) fn of(what: &'static str) -> Self {
        Self { what, count: 0, message: String::new() }
    }

    /// Counts what became of one: what it said where it failed for a reason that passes. Says when there were too many.
    pub(crate) fn sees(&mut self, failed: Option<&str>) -> Option<Halt> {
        self.count = failed.map_or(0, |_| self.count + 1);
        failed.unwrap_or_default().clone_into(&mut self.message);
        (self.count >= STORM).then(|| self.halt()).flatten()
    }

    /// The failures since the last success, however few they are.
    pub(crate) fn halt(&self) -> Option<Halt> {
        let (count, what) = (self.count, self.what);
        (count > 0).then(|| Halt::Storm { count, what, message: self.message.clone() })
    }
}

/// Whether any of the first answers can be used: where none can, the settings are wrong, or the server, and not the questions.
pub(crate) enum Opening {
    /// So many could not.
    Useless(u32),
    /// One could, now or before.
    Over,
}

impl Opening {
    /// Counts one, with what is the matter with it, if anything. Says when there were too many.
    pub(crate) fn sees(&mut self, unusable: Option<&str>) -> Option<Halt> {
        if let (Self::Useless(count), Some(why)) = (&mut *self, unusable) {
            *count += 1;
            return (*count >= STORM).then(|| Halt::Useless { count: *count, why: one_line(why, 300) });
        }
        *self = Self::Over;
        None
    }
}

/// Does these jobs, at most so many at a time, and hands every result to `done` as it arrives, until none is left. Once `done`
/// breaks, no further one is begun; those under way are paid for, and come to their ends. May be dropped at any await.
pub(crate) async fn drive<J, F: Future>(
    mut jobs: impl Iterator<Item = J>,
    at_once: NonZeroUsize,
    job: impl Fn(J) -> F,
    mut done: impl FnMut(F::Output) -> ControlFlow<()>,
) {
    let mut under_way = FuturesUnordered::new();
    let mut ended = false;
    loop {
        while !ended && under_way.len() < at_once.get() {
            let Some(next) = jobs.next() else { break };
            under_way.push(job(next));
        }
        let Some(result) = under_way.next().await else { break };
        ended |= done(result).is_break();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use tokio::sync::Notify;

    #[test]
    fn a_storm_is_failures_in_a_row() {
        let mut storm = Storm::of("calls in a row failed");
        assert_eq!(storm.halt(), None);
        for _ in 1..STORM {
            assert_eq!(storm.sees(Some("down")), None);
        }
        assert_eq!(storm.sees(None), None, "one that succeeds ends it");
        assert_eq!(storm.halt(), None);
        let mut seen: Vec<_> = (0..STORM).map(|n| storm.sees(Some(&n.to_string()))).collect();
        let last = seen.pop().flatten();
        assert!(seen.iter().all(Option::is_none));
        assert_eq!(last.as_ref().map(ToString::to_string).unwrap(), "20 calls in a row failed, the last one with: 19");
        assert!(last.is_some_and(|halt| halt.is_failure()));
    }

    #[tokio::test]
    async fn results_come_as_they_arrive_and_what_is_under_way_is_not_dropped() {
        let gates: Vec<Notify> = (0..5).map(|_| Notify::new()).collect();
        let (begun, done) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let job = |n: usize| {
            begun.borrow_mut().push(n);
            let gates = &gates;
            async move {
                gates[n].notified().await;
                n
            }
        };
        // The second of the first two is done first, and lets the third begin; that one ends it.
        gates[1].notify_one();
        let finished = |n: usize| {
            done.borrow_mut().push(n);
            match n {
                1 => gates[2].notify_one(),
                _ => gates[0].notify_one(),
            }
            if n == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        drive(0..5, NonZeroUsize::new(2).unwrap(), job, finished).await;
        assert_eq!((begun.into_inner(), done.into_inner()), (vec![0, 1, 2], vec![1, 2, 0]));
    }
}

//! What a call waits, and what it has paid for, told while it is under way: a call that is dropped says nothing at its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tierfall_core::provider::{Attempt, Member};
use tokio::time::Instant;

tokio::task_local! {
    static OF_THIS_CALL: Meter;
}

/// Where a call, with all its attempts and samples, has waited for places and held them, what it has failed at, who answers, and how long
/// nobody waited for its provider.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    waiting: usize,
    places: usize,
    /// Since when some wait and none has a place.
    since: Option<Instant>,
    waited: Duration,
    turned_up: bool,
    placed: bool,
    failed: Vec<Attempt>,
    pauses: usize,
    uncounted: Duration,
    uncounted_since: Option<Instant>,
    member: Option<Member>,
}

/// Somebody who waits, or has a place.
pub(crate) struct Counted {
    meter: Option<Meter>,
    count: fn(&mut State) -> &mut usize,
}

impl Meter {
    /// Those of the call under way in this task; new ones where there is none.
    pub fn current() -> Self {
        OF_THIS_CALL.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs a call that this measures. A provider that spawns a task of its own is not seen in it.
    pub async fn of<F: Future>(&self, call: F) -> F::Output {
        OF_THIS_CALL.scope(self.clone(), call).await
    }

    /// How long the call had no place and waited for one, so far.
    pub fn waited(&self) -> Duration {
        let state = self.state();
        state.waited.saturating_add(state.since.map(|since| since.elapsed()).unwrap_or_default())
    }

    /// Whether it came to a queue and never had a place: nobody was asked.
    pub fn never_placed(&self) -> bool {
        let state = self.state();
        state.turned_up && !state.placed
    }

    /// The attempts that failed so far and were, or are to be, followed by another one.
    pub fn failed(&self) -> Vec<Attempt> {
        self.state().failed.clone()
    }

    /// Whether an attempt has failed, and the next one has not begun.
    pub fn pauses(&self) -> bool {
        self.state().pauses > 0
    }

    /// Who answers, once that is known.
    pub fn member(&self) -> Option<Member> {
        self.state().member.clone()
    }

    /// This one answers, if anybody in particular.
    pub fn answers(&self, member: Option<Member>) {
        self.state().member = member;
    }

    /// How long it took that is [no provider's time](Uncounted), so far.
    pub fn uncounted(&self) -> Duration {
        let state = self.state();
        state.uncounted.saturating_add(state.uncounted_since.map(|since| since.elapsed()).unwrap_or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time that is no provider's, and that no limit counts: a reader is away with a piece of the answer, or the answer is whole and only
/// what frames it is outstanding.
#[derive(Debug)]
pub struct Uncounted(Meter);

impl Uncounted {
    /// Such time of the call under way begins. It lasts as long as this.
    pub fn begin() -> Self {
        let meter = Meter::current();
        meter.state().uncounted_since.get_or_insert_with(Instant::now);
        Self(meter)
    }
}

impl Drop for Uncounted {
    fn drop(&mut self) {
        let mut state = self.0.state();
        let since = state.uncounted_since.take().map(|since| since.elapsed()).unwrap_or_default();
        state.uncounted = state.uncounted.saturating_add(since);
    }
}

/// The time between an attempt that failed and the next one. Who is dropped in it has no next one: it lasts.
pub(crate) struct Pause {
    meter: Option<Meter>,
    last: Option<usize>,
}

impl Pause {
    /// After these attempts, the last of which is the cause.
    pub(crate) fn after(failed: &[Attempt]) -> Self {
        let meter = OF_THIS_CALL.try_with(Clone::clone).ok();
        let told = meter.as_ref().map(|meter| {
            let mut state = meter.state();
            state.pauses += 1;
            state.failed.extend_from_slice(failed);
            state.failed.len()
        });
        Self { last: told.filter(|_| !failed.is_empty()).map(|told| told - 1), meter }
    }

    /// The next attempt begins: the pause counts into the latency of the one that caused it.
    pub(crate) fn over(self, length: Duration) {
        let Some(meter) = &self.meter else { return };
        let mut state = meter.state();
        state.pauses -= 1;
        if let Some(cause) = self.last.and_then(|last| state.failed.get_mut(last)) {
            cause.latency = cause.latency.saturating_add(length);
        }
    }
}

impl Counted {
    /// Somebody begins to wait.
    pub(crate) fn waiting() -> Self {
        Self::new(|state| &mut state.waiting)
    }

    /// Somebody has a place.
    pub(crate) fn placed() -> Self {
        Self::new(|state| &mut state.places)
    }

    fn new(count: fn(&mut State) -> &mut usize) -> Self {
        let counted = Self { meter: OF_THIS_CALL.try_with(Clone::clone).ok(), count };
        counted.change(|count| *count += 1);
        counted
    }

    fn change(&self, change: impl FnOnce(&mut usize)) {
        let Some(meter) = &self.meter else { return };
        let mut state = meter.state();
        change((self.count)(&mut state));
        state.turned_up = true;
        state.placed |= state.places > 0;
        let now = Instant::now();
        if let Some(since) = state.since.take() {
            state.waited = state.waited.saturating_add(now.saturating_duration_since(since));
        }
        state.since = (state.waiting > 0 && state.places == 0).then_some(now);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.change(|count| *count -= 1);
    }
}

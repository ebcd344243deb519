//! What a call waits for its places, told while it is under way: a call that is dropped says nothing at its end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static OF_THIS_CALL: Waits;
}

/// Where a call, with all its attempts and samples, has waited for places and held them.
#[derive(Clone, Debug, Default)]
pub struct Waits(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    waiting: usize,
    places: usize,
    /// Since when some wait and none has a place.
    since: Option<Instant>,
    waited: Duration,
    turned_up: bool,
    placed: bool,
}

/// Somebody who waits, or has a place.
pub(crate) struct Counted {
    waits: Option<Waits>,
    count: fn(&mut State) -> &mut usize,
}

impl Waits {
    /// Those of the call under way in this task; new ones where there is none.
    pub fn current() -> Self {
        OF_THIS_CALL.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs a call whose waits these are. A provider that spawns a task of its own is not seen in it.
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let counted = Self { waits: OF_THIS_CALL.try_with(Clone::clone).ok(), count };
        counted.change(|count| *count += 1);
        counted
    }

    fn change(&self, change: impl FnOnce(&mut usize)) {
        let Some(waits) = &self.waits else { return };
        let mut state = waits.state();
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

//! How many retries all calls to one provider may make together.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(10);

/// Retries ≤ floor + share · calls, over the current window and the one before it.
#[derive(Debug)]
pub(super) struct Budget {
    share: f64,
    floor: u32,
    windows: Mutex<Option<Windows>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    calls: u32,
    retries: u32,
}

#[derive(Clone, Copy, Debug)]
struct Windows {
    began: Instant,
    current: Counts,
    before: Counts,
}

impl Windows {
    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.began);
        if age >= WINDOW {
            self.before = if age < 2 * WINDOW { self.current } else { Counts::default() };
            self.current = Counts::default();
            self.began = now;
        }
    }
}

impl Budget {
    pub(super) fn new(share: f64, floor: u32) -> Self {
        Self { share, floor, windows: Mutex::new(None) }
    }

    fn with<T>(&self, now: Instant, act: impl FnOnce(&mut Windows) -> T) -> T {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let (current, before) = (Counts::default(), Counts::default());
        let windows = windows.get_or_insert(Windows { began: now, current, before });
        windows.turn(now);
        act(windows)
    }

    /// Counts a call.
    pub(super) fn note_call(&self, now: Instant) {
        self.with(now, |windows| windows.current.calls = windows.current.calls.saturating_add(1));
    }

    /// Takes one retry out of the budget, if there is one.
    pub(super) fn take(&self, now: Instant) -> bool {
        self.with(now, |windows| {
            let calls = f64::from(windows.current.calls) + f64::from(windows.before.calls);
            let retries = f64::from(windows.current.retries) + f64::from(windows.before.retries);
            let allowed = retries + 1.0 <= f64::from(self.floor) + self.share * calls;
            windows.current.retries += u32::from(allowed);
            allowed
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_calls_and_a_floor() {
        let (budget, now) = (Budget::new(0.5, 2), Instant::now());
        (0..6).for_each(|_| budget.note_call(now));
        let taken = (0..100).filter(|_| budget.take(now)).count();
        assert_eq!(taken, 2 + 3);
    }

    #[test]
    fn what_was_spent_comes_back_after_two_windows() {
        let (budget, began) = (Budget::new(0.0, 1), Instant::now());
        assert!(budget.take(began) && !budget.take(began));
        assert!(!budget.take(began + WINDOW), "the window before still counts");
        assert!(budget.take(began + 2 * WINDOW));
        assert!(budget.take(began + 9 * WINDOW));
    }
}

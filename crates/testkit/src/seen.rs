//! An observer that keeps every trace.

use std::sync::{Arc, Mutex, PoisonError};

use tierfall_core::observer::{Ended, Observer, Room};
use tierfall_core::trace::Trace;

/// Keeps every trace, in order of arrival.
#[derive(Debug, Default)]
pub struct Seen(Mutex<Vec<Trace>>);

impl Seen {
    /// Has seen nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Every trace so far.
    pub fn traces(&self) -> Vec<Trace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Seen {
    fn room(&self) -> Room {
        Room { calls: 0, ..Room::default() }
    }

    fn ended(&self, ended: &Ended) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((*ended.trace).clone());
    }
}

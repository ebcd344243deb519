//! Calls for unit tests.

use std::sync::Arc;
use std::time::Duration;

use tierfall_core::provider::{Attempt, Billing, CallErrorKind};
use tierfall_core::request::{Call, Prompt, Request};

/// A plain call that asks "where is my order?" of "model".
pub(crate) fn call(id: &str) -> Call {
    let request = Arc::new(Request::new(id, "where is my order?"));
    Call::new(id.into(), "model", Prompt::Request { preamble: Arc::new([]), request, addendum: None })
}

/// A failed attempt that cost nothing.
pub(crate) fn attempt(kind: CallErrorKind) -> Attempt {
    Attempt::new(kind, Billing::Free, Duration::from_millis(7))
}

//! Calls for unit tests.

use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

use tierfall_core::provider::{Attempt, Billing, CallErrorKind};
use tierfall_core::request::{Call, Params, Prompt, Purpose, Request, RequestId, Timeouts};

/// A plain call that asks "where is my order?" of "model".
pub(crate) fn call(id: &str) -> Call {
    let request = Arc::new(Request::new(id, "where is my order?"));
    Call {
        request_id: RequestId::from(id),
        model: "model".into(),
        prompt: Prompt::Request { preamble: Arc::new([]), request, addendum: None },
        params: Params::default(),
        logprobs: None,
        samples: NonZeroU8::MIN,
        purpose: Purpose::Answer,
        timeouts: Timeouts::default(),
        deadline: None,
        stream: false,
    }
}

/// A failed attempt that cost nothing.
pub(crate) fn attempt(kind: CallErrorKind) -> Attempt {
    Attempt::new(kind, Billing::Free, Duration::from_millis(7))
}

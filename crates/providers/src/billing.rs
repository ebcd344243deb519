//! Who pays for a failure.

use tierfall_core::provider::{Billing, CallErrorKind};

/// What a failed attempt cost, going by its kind alone: nothing where the provider refused or was never reached,
/// unknown where it may have generated.
pub(crate) fn billing_of(kind: CallErrorKind) -> Billing {
    match kind {
        CallErrorKind::Auth
        | CallErrorKind::CircuitOpen
        | CallErrorKind::Connect
        | CallErrorKind::ContentFilter
        | CallErrorKind::ContextLength
        | CallErrorKind::InvalidRequest
        | CallErrorKind::NotFound
        | CallErrorKind::NotRecorded
        | CallErrorKind::Overloaded
        | CallErrorKind::QueueFull
        | CallErrorKind::RateLimited => Billing::Free,
        _ => Billing::Unknown,
    }
}

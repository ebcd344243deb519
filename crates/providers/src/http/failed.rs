//! One failed attempt, and how it is told.

use std::error::Error;
use std::io;
use std::time::Duration;

use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Upstream};
use tierfall_wire::dialect::DecodeError;

use super::secrets::{Secrets, short};

/// A failed attempt, without the provider's name.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) kind: CallErrorKind,
    pub(super) billing: Billing,
    pub(super) message: String,
    pub(super) retry_after: Option<Duration>,
    pub(super) upstream: Option<Box<Upstream>>,
}

impl Failed {
    pub(super) fn new(kind: CallErrorKind, billing: Billing, message: impl Into<String>) -> Self {
        Self { kind, billing, message: message.into(), retry_after: None, upstream: None }
    }

    /// What the HTTP client reports, before any reply (`answered = false`) or in the middle of one.
    pub(super) fn transport(error: &reqwest::Error, place: &str, connect: Option<Duration>) -> Self {
        if error.is_connect() {
            if error.is_timeout() {
                let limit = connect.map_or_else(|| "the connect timeout".to_owned(), seconds);
                let message = format!("no connection to {place} within {limit}; is the address right?");
                return Self::new(CallErrorKind::Timeout, Billing::Free, message);
            }
            // It will be the same certificate a little later.
            if let Some(why) = untrusted(error) {
                let message = format!(
                    "the certificate of {place} is not accepted: {why}; one of an authority of your own is named by `ca-file`, or for \
                     all programs by SSL_CERT_FILE in the environment"
                );
                return Self::new(CallErrorKind::InvalidRequest, Billing::Free, message);
            }
            return Self::new(CallErrorKind::Connect, Billing::Free, connecting(error, place));
        }
        if error.is_builder() {
            let message = format!("the request cannot be sent: {}", deepest(error));
            return Self::new(CallErrorKind::InvalidRequest, Billing::Free, message);
        }
        let message = format!("the connection to {place} broke before the reply was complete: {}", deepest(error));
        Self::new(CallErrorKind::Truncated, Billing::Unknown, message)
    }

    /// A reply that is no answer.
    pub(super) fn malformed(error: &DecodeError) -> Self {
        let message = format!("its reply cannot be read ({error}); is the dialect the right one for this server?");
        Self::new(CallErrorKind::Malformed, Billing::Unknown, message)
    }

    /// The failure of a reply that began so, unless more of it is known.
    pub(super) fn after(mut self, head: &Upstream) -> Self {
        self.upstream.get_or_insert_with(|| Box::new(head.clone()));
        self
    }

    /// The error that callers see: named, without secrets, with its one attempt.
    pub(super) fn into_error(self, provider: &str, secrets: &Secrets, latency: Duration) -> CallError {
        let message = secrets.without(&format!("provider \"{provider}\": {}", self.message));
        let attempt = Attempt::new(self.kind, self.billing, latency);
        let Self { retry_after, upstream, .. } = self;
        CallError { retry_after, upstream, ..CallError::new(self.kind, message) }.with_attempts(vec![attempt])
    }
}

/// A duration in seconds, for people.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{} s", (duration.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// Why the server's certificate is not accepted, where that is the cause. An I/O error that holds another one is no source of it.
fn untrusted(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
        return Some(short(&why.to_string()));
    }
    let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    held.and_then(|held| untrusted(held)).or_else(|| untrusted(error.source()?))
}

fn connecting(error: &reqwest::Error, place: &str) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::ConnectionRefused
        {
            return format!("connection refused at {place}; is the server running?");
        }
        if inner.to_string().contains("dns error") {
            return format!("the name in {place} cannot be resolved; check the base URL and the network");
        }
        cause = inner.source();
    }
    format!("no connection to {place}: {}", deepest(error))
}

/// The last cause in the chain; those above it only repeat that something failed, and the first prints the URL.
fn deepest(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(Error::source) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "unknown cause".to_owned(), |cause| short(&cause.to_string()))
}

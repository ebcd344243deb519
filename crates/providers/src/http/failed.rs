//! One failed attempt, and how it is told.

use std::error::Error;
use std::io;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tierfall_core::completion::Finish;
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Upstream};
use tierfall_core::text::one_line;
use tierfall_wire::dialect::DecodeError;

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
    pub(super) fn into_error(self, provider: &str, secrets: &[SecretString], latency: Duration) -> CallError {
        let message = without(secrets, &format!("provider \"{provider}\": {}", self.message));
        let attempt = Attempt::new(self.kind, self.billing, latency);
        let Self { retry_after, upstream, .. } = self;
        CallError { retry_after, upstream, ..CallError::new(self.kind, message) }.with_attempts(vec![attempt])
    }
}

/// A provider's words, short and without secrets. These go first: half a key would be found by nobody.
pub(super) fn quoted(text: &str, secrets: &[SecretString]) -> String {
    short(&without(secrets, text))
}

/// Why an answer ended, without secrets: a server may echo anything there.
pub(super) fn told(finish: &mut Finish, secrets: &[SecretString]) {
    if let Finish::Other(word) = finish {
        *word = quoted(word, secrets);
    }
}

/// What is shorter is no secret, and replacing it would only garble what is told.
pub(super) const SHORTEST: usize = 4;

pub(super) fn without(secrets: &[SecretString], text: &str) -> String {
    let long = |secret: &&str| secret.len() >= SHORTEST;
    let mut secrets: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).filter(long).collect();
    // One may begin with another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[key]"))
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

/// One line of bounded length.
fn short(text: &str) -> String {
    one_line(text, 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_looks_like_a_word_is_not_told() {
        let secrets = ["secretword".to_owned().into()];
        let mut finish = Finish::Other("my_secretword".to_owned());
        told(&mut finish, &secrets);
        assert_eq!(finish, Finish::Other("my_[key]".to_owned()));
        told(&mut finish, &[]);
        assert_eq!(finish, Finish::Other("my_[key]".to_owned()));
    }
}

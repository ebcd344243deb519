//! Who a request is from, where a fixed key does not say it: signatures over the request, tokens that run out.

use futures_util::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tierfall_core::provider::CallError;

/// Signs requests.
pub trait Sign: Send + Sync {
    /// Adds the headers that say who sends a request, just before it is sent: once for each attempt, within the call's total time. It
    /// may fetch a token first. A failure fails the attempt with its kind, free of charge, and is tried again if that kind is
    /// [transient](tierfall_core::provider::CallErrorKind::is_transient).
    fn sign<'a>(&'a self, request: &'a mut Signing<'_>) -> BoxFuture<'a, Result<(), CallError>>;
}

/// A request about to be sent. What is signed is what arrives: all but the headers that the connection adds (`host`, `content-length`,
/// `user-agent`).
pub struct Signing<'r> {
    /// The method.
    pub method: &'static str,
    /// The whole URL, its query included.
    pub url: &'r str,
    /// The headers so far, names in lower case.
    pub headers: Vec<(&'r str, &'r str)>,
    /// The body.
    pub body: &'r [u8],
    added: Vec<(String, SecretString)>,
}

impl<'r> Signing<'r> {
    pub(super) fn new(url: &'r str, headers: &'r HeaderMap, body: &'r [u8]) -> Self {
        // A value that is no text cannot be signed as one.
        let headers = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        Self { method: "POST", url, headers, body, added: Vec::new() }
    }

    /// Adds a header, in place of one of that name. Its value counts as a secret.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<SecretString>) {
        self.added.push((name.into(), value.into()));
    }

    pub(super) fn added(self) -> Vec<(String, SecretString)> {
        self.added
    }
}

/// A header, or which part of it no header can be.
pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    Ok((HeaderName::try_from(name).map_err(|_| "name")?, HeaderValue::from_str(value).map_err(|_| "value")?))
}

/// A header whose value is never printed.
pub(super) fn secret_header(name: &str, value: &SecretString) -> Result<(HeaderName, HeaderValue), &'static str> {
    let (name, mut value) = header(name, value.expose_secret())?;
    value.set_sensitive(true);
    Ok((name, value))
}

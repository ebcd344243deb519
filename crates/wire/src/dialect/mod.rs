//! In what language does a provider speak? A dialect is pure: no socket, no clock, no key.
//!
//! The one list of dialects is in `table`.

pub mod anthropic;
mod failure;
pub mod finish;
pub mod openai_chat;
pub mod path;
pub mod table;

use std::borrow::Cow;
use std::fmt;

use tierfall_core::cascade::Capability;
use tierfall_core::completion::{Completion, Delta};
pub use tierfall_core::provider::Gives;
use tierfall_core::request::Call;

pub use failure::Failure;

/// A call, written for the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The path below the provider's base URL, beginning with `/`, with a query behind a `?` where there is one. Base URLs end with the
    /// version (`…/v1`). Names in it are [segments](path::segment).
    pub path: Cow<'static, str>,
    /// Headers besides content type and authorisation.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The JSON body.
    pub body: Vec<u8>,
}

/// How the key is sent. The dialect never sees the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `authorization: Bearer KEY`.
    Bearer,
    /// The key alone, in this header.
    Header(Cow<'static, str>),
}

/// A reply that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", if at.is_empty() { "the body" } else { at })]
pub struct DecodeError {
    /// JSON pointer to the offending value; empty for the whole body.
    pub at: String,
    /// What is wrong with it; never contains the body.
    pub why: String,
}

/// A call that this dialect cannot say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(pub String);

/// Why a whole reply with a success status is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    /// It reports a failure.
    #[error("the provider reports an error ({}): {}", _0.kind, _0.message)]
    Failed(Failure),
}

impl From<Failure> for NoAnswer {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A language that providers speak.
pub trait Dialect: fmt::Debug + Send + Sync {
    /// Its name in configuration.
    fn name(&self) -> &'static str;

    /// What it can give a signal.
    fn gives(&self) -> Gives;

    /// What a call cannot ask for in this language, whatever the model can do: calls that need it are refused by
    /// [`encode`](Self::encode), and cascades of files skip the tier.
    fn lacks(&self) -> &'static [Capability] {
        &[]
    }

    /// How the key is sent.
    fn auth(&self) -> Auth;

    /// Writes a call.
    fn encode(&self, call: &Call) -> Result<Encoded, EncodeError>;

    /// Reads a whole reply with a success status.
    fn decode(&self, body: &[u8]) -> Result<Completion, NoAnswer>;

    /// Begins to read a stream.
    fn stream(&self) -> Box<dyn StreamDecoder>;

    /// Says what a reply with an error status means.
    fn classify(&self, status: u16, body: &[u8]) -> Failure {
        failure::classify(status, body)
    }
}

/// What one event of a stream says.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A piece of the answer.
    Delta(Delta),
    /// Nothing for us (a ping, an empty choice).
    Nothing,
    /// The stream ended as it should, with a last piece, if there is one.
    End(Option<Delta>),
    /// The provider failed in the middle.
    Failed(Failure),
}

/// Reads a stream event by event.
pub trait StreamDecoder: Send {
    /// Takes one server-sent event: its `event` field, if it had one, and its data.
    fn event(&mut self, name: Option<&str>, data: &str) -> Result<Event, DecodeError>;

    /// Whether the answer is complete, so that a stream which ends here without [`Event::End`] lost nothing of it.
    fn finished(&self) -> bool {
        false
    }
}

impl EncodeError {
    pub(crate) fn unwritable(what: &str, error: &serde_json::Error) -> Self {
        Self(format!("{what} cannot be written as JSON: {error}"))
    }
}

impl DecodeError {
    /// An error at a JSON pointer.
    pub fn new(at: impl Into<String>, why: impl Into<String>) -> Self {
        Self { at: at.into(), why: why.into() }
    }
}

/// What is wrong with a call to no tool: nobody can make it.
const NAMELESS: &str = "is missing or empty: the call names no tool";

/// The body as text.
fn utf8(body: &[u8]) -> Result<&str, DecodeError> {
    let text = std::str::from_utf8(body)
        .map_err(|error| DecodeError::new("", format!("the body is not UTF-8 (byte {})", error.valid_up_to())))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

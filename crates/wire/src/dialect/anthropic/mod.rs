//! Anthropic's messages. They have no log-probabilities, and the dialect says so.

mod decode;
mod encode;
mod stream;
mod turns;

use tierfall_core::cascade::Capability;
use tierfall_core::completion::Completion;
use tierfall_core::request::Call;

use super::{Auth, Dialect, EncodeError, Encoded, Gives, NoAnswer, StreamDecoder};

/// The dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anthropic;

impl Anthropic {
    /// Its name in configuration.
    pub const NAME: &str = "anthropic";
}

impl Dialect for Anthropic {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn gives(&self) -> Gives {
        Gives { top_logprobs: None, samples: false }
    }

    fn lacks(&self) -> &'static [Capability] {
        &[Capability::StructuredOutput]
    }

    fn auth(&self) -> Auth {
        Auth::Header("x-api-key".into())
    }

    fn encode(&self, call: &Call) -> Result<Encoded, EncodeError> {
        encode::encode(call)
    }

    fn decode(&self, body: &[u8]) -> Result<Completion, NoAnswer> {
        decode::decode(super::utf8(body)?)
    }

    fn stream(&self) -> Box<dyn StreamDecoder> {
        Box::<stream::MessageStream>::default()
    }
}

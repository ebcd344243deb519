//! OpenAI's chat completions, as spoken by OpenAI, vLLM, llama.cpp, Ollama, Gemini's compatible endpoint and others.

mod decode;
mod encode;
mod logprobs;
mod stream;
mod view;

use tierfall_core::completion::Completion;
use tierfall_core::request::Call;

use super::{Auth, Dialect, EncodeError, Encoded, Gives, NoAnswer, StreamDecoder};

/// The dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenAiChat;

impl OpenAiChat {
    /// Its name in configuration.
    pub const NAME: &str = "openai-chat";

    /// The most alternatives a token that the protocol allows to ask for.
    pub const TOP_LOGPROBS: u8 = 20;
}

impl Dialect for OpenAiChat {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn gives(&self) -> Gives {
        Gives { top_logprobs: Some(Self::TOP_LOGPROBS), samples: true }
    }

    fn auth(&self) -> Auth {
        Auth::Bearer
    }

    fn encode(&self, call: &Call) -> Result<Encoded, EncodeError> {
        if call.logprobs.is_some_and(|top| top > Self::TOP_LOGPROBS) {
            let most = Self::TOP_LOGPROBS;
            return Err(EncodeError(format!("{} gives at most {most} alternatives a token: ask for fewer", Self::NAME)));
        }
        encode::encode(call)
    }

    fn decode(&self, body: &[u8]) -> Result<Completion, NoAnswer> {
        decode::decode(super::utf8(body)?)
    }

    fn stream(&self) -> Box<dyn StreamDecoder> {
        Box::<stream::ChatStream>::default()
    }
}

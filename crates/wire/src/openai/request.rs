//! What a client sends: its body kept as it came, beside a typed view.

use std::num::NonZeroU8;

use serde::Deserialize;
use serde_json::value::RawValue;
use tierfall_core::request::{Json, Message, Params, Request, RequestId};

use crate::body::Body;
use crate::dialect::{DecodeError, openai_chat::OpenAiChat};
use crate::pointer;

/// What a client wants to see of a reply; the cascade may ask its providers for more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientAsked {
    /// The model that the client names.
    pub model: String,
    /// Token log-probabilities.
    pub logprobs: bool,
    /// Alternatives a token.
    pub top_logprobs: u8,
    /// How many answers; `None` = one.
    pub samples: Option<NonZeroU8>,
    /// A stream.
    pub stream: bool,
    /// The usage at the end of the stream.
    pub include_usage: bool,
}

#[derive(Deserialize)]
struct View {
    model: String,
    messages: Vec<Message>,
    tools: Option<Box<RawValue>>,
    response_format: Option<Box<RawValue>>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    stop: Option<Stop>,
    seed: Option<i64>,
    logprobs: Option<bool>,
    top_logprobs: Option<u8>,
    n: Option<NonZeroU8>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// Reads the body of a chat completion request. Fields without a meaning here stay in [`Request::body`] and are passed
/// on as they came.
pub fn parse_request(text: &str, id: RequestId) -> Result<(Request, ClientAsked), DecodeError> {
    Body::parse(text)?;
    let view: View = serde_json::from_str(text).map_err(|error| pointer::locate(text, &error))?;
    if view.messages.is_empty() {
        return Err(DecodeError::new("/messages", "is empty: there is nothing to answer"));
    }
    if view.tools.as_ref().is_some_and(|tools| !tools.get().starts_with('[')) {
        return Err(DecodeError::new("/tools", "expected a list of tools"));
    }
    if view.temperature.is_some_and(|t| t < 0.0) {
        return Err(DecodeError::new("/temperature", "is below 0"));
    }
    if view.top_p.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
        return Err(DecodeError::new("/top_p", "is outside 0..=1"));
    }
    let logprobs = view.logprobs.unwrap_or(false);
    match view.top_logprobs {
        Some(top) if top > OpenAiChat::TOP_LOGPROBS => {
            return Err(DecodeError::new("/top_logprobs", format!("is above {}", OpenAiChat::TOP_LOGPROBS)));
        }
        Some(1..) if !logprobs => return Err(DecodeError::new("/top_logprobs", "needs \"logprobs\": true")),
        _ => {}
    }
    let asked = ClientAsked {
        model: view.model,
        logprobs,
        top_logprobs: view.top_logprobs.unwrap_or(0),
        samples: view.n,
        stream: view.stream.unwrap_or(false),
        include_usage: view.stream_options.and_then(|options| options.include_usage).unwrap_or(false),
    };
    let mut request = Request::from_messages(id, view.messages);
    request.tools = view.tools.map(Json::from);
    request.response_format = view.response_format.map(Json::from);
    request.params = Params {
        temperature: view.temperature,
        top_p: view.top_p,
        max_tokens: view.max_completion_tokens.or(view.max_tokens),
        stop: match view.stop {
            None => Vec::new(),
            Some(Stop::One(stop)) => vec![stop],
            Some(Stop::Several(stops)) => stops,
        },
        seed: view.seed,
        ..Params::default()
    };
    Ok((request.read_from(text), asked))
}

//! The members of a request's body: who says each, and what no call can carry. Rules, limits and gates go by the typed fields, so
//! nothing else may say what these say.

use crate::request::{Json, Params, Request};

/// The newer name of the limit on generated tokens, which some models take alone.
pub const MAX_COMPLETION_TOKENS: &str = "max_completion_tokens";

enum Place {
    Request,
    Params,
    Cascade,
}

fn place(name: &str) -> Option<Place> {
    Some(match name {
        "messages" | "tools" | "response_format" => Place::Request,
        "temperature" | "top_p" | "max_tokens" | MAX_COMPLETION_TOKENS | "stop" | "seed" => Place::Params,
        "system" | "model" | "stream" | "stream_options" | "logprobs" | "top_logprobs" | "n" | "stop_sequences" => Place::Cascade,
        _ => return None,
    })
}

/// Whether a typed field of a [`Request`] holds this member of a client's body.
pub fn is_typed(name: &str) -> bool {
    matches!(place(name), Some(Place::Request | Place::Params))
}

/// Why a field cannot stand in the `extra` of a tier's parameters, as the end of a sentence that begins with it. Some servers read
/// names in any case. A tier may declare its limit under the [newer name](MAX_COMPLETION_TOKENS).
pub fn reserved(name: &str) -> Option<&'static str> {
    match place(&name.to_ascii_lowercase().replace('-', "_"))? {
        Place::Params if name == MAX_COMPLETION_TOKENS => None,
        Place::Params => Some("has a key of its own beside `extra`"),
        Place::Request | Place::Cascade => Some("is decided by the cascade and the client"),
    }
}

impl Params {
    /// The limit on generated tokens that is sent; `None` = none.
    pub fn most_tokens(&self) -> Option<u64> {
        let newer = self.extra.get(MAX_COMPLETION_TOKENS).and_then(serde_json::Value::as_u64);
        newer.or(self.max_tokens.map(u64::from))
    }
}

impl Request {
    /// What no call can carry, in words: a field of `params.extra` that has a place of its own, a number that JSON cannot say, tools
    /// that are no list, or a format that is no object. Such a request is not planned.
    pub fn unsendable(&self) -> Option<String> {
        let Params { temperature, top_p, extra, .. } = &self.params;
        let reserved = |name: &String| {
            let why = if name == MAX_COMPLETION_TOKENS { Some("is `max_tokens`, beside `extra`") } else { reserved(name) };
            why.map(|why| format!("`{name}` in the request's `params.extra` {why}"))
        };
        let numbers = [("temperature", temperature), ("top_p", top_p)];
        let infinite = numbers.into_iter().find_map(|(name, value)| Some((name, value.filter(|value| !value.is_finite())?)));
        let is = |json: &Option<Json>, begins: char| {
            json.as_ref().is_none_or(|json| json.get().starts_with(begins) || json.get() == "null")
        };
        extra
            .keys()
            .find_map(reserved)
            .or_else(|| infinite.map(|(name, value)| format!("the request's `{name}` is {value}, which JSON cannot say")))
            .or_else(|| (!is(&self.tools, '[')).then(|| "the request's `tools` are no JSON array".to_owned()))
            .or_else(|| (!is(&self.response_format, '{')).then(|| "the request's `response_format` is no JSON object".to_owned()))
    }
}

//! A call as a request body.

use serde_json::Value;
use tierfall_core::request::{Call, Prompt, Request};

use super::turns;
use crate::body::Body;
use crate::dialect::{EncodeError, Encoded};

/// The version of the protocol that is spoken.
const VERSION: &str = "2023-06-01";

/// The token limit where neither the tier nor the request declares one: the protocol demands a limit, and this is
/// the largest that every model accepts.
const DEFAULT_MAX_TOKENS: u32 = 4096;

/// Writes `call` from its typed view: a body in OpenAI's shape says nothing here. Of what that body holds beyond the
/// view, the choice of tools is translated; a sampling seed has no counterpart and is left out.
pub(super) fn encode(call: &Call) -> Result<Encoded, EncodeError> {
    if call.logprobs.is_some() {
        return Err(EncodeError("Anthropic gives no log-probabilities: gate this tier by another signal".to_owned()));
    }
    if call.samples.get() > 1 {
        return Err(EncodeError("Anthropic gives one sample a call: make several calls".to_owned()));
    }
    let (system, messages) = turns::turns(&call.messages())?;
    let params = &call.params;
    let mut body = Body::new();
    body.set("model", call.model.as_ref())?;
    body.set("max_tokens", &params.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS))?;
    if !system.is_empty() {
        body.set("system", &system)?;
    }
    body.set("messages", &messages)?;
    if let Prompt::Request { request, .. } = &call.prompt {
        if request.has_format() {
            return Err(EncodeError("response_format has no counterpart at Anthropic: use another provider for it".to_owned()));
        }
        tools(&mut body, request)?;
    }
    if let Some(temperature) = params.temperature {
        body.set("temperature", &temperature)?;
    }
    if let Some(top_p) = params.top_p {
        body.set("top_p", &top_p)?;
    }
    if !params.stop.is_empty() {
        body.set("stop_sequences", &params.stop)?;
    }
    if call.stream {
        body.set("stream", &true)?;
    }
    for (name, value) in &params.extra {
        body.set(name, value)?;
    }
    let body = body.write()?.into_bytes();
    Ok(Encoded { path: "/messages".into(), headers: vec![("anthropic-version".into(), VERSION.to_owned())], body })
}

fn tools(body: &mut Body<'_>, request: &Request) -> Result<(), EncodeError> {
    let Some(declared) = &request.tools else { return Ok(()) };
    let tools = turns::tools(declared.get())?;
    if tools.is_empty() {
        return Ok(());
    }
    body.set("tools", &tools)?;
    let Some(own) = request.body() else { return Ok(()) };
    let own = Body::parse(own).map_err(|error| EncodeError(format!("the request's body cannot be read: {error}")))?;
    let choice = turns::tool_choice(own.read::<Value>("tool_choice").as_ref(), own.read("parallel_tool_calls"))?;
    choice.map_or(Ok(()), |choice| body.set("tool_choice", &choice))
}

//! A call as a request body.

use std::borrow::{Borrow, Cow};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tierfall_core::request::{Call, Content, Message, Params, Preamble, Prompt, Request, Role};

use crate::body::{Body, raw};
use crate::dialect::{EncodeError, Encoded};

/// Writes `call`. A request that came with its body keeps it byte for byte, except for what the call declares, and for what was
/// edited since.
pub(super) fn encode(call: &Call) -> Result<Encoded, EncodeError> {
    if call.stream && call.samples.get() > 1 {
        return Err(EncodeError("several samples do not stream: ask for a whole reply, or for one sample".to_owned()));
    }
    let mut body = match &call.prompt {
        Prompt::Request { request, preamble, addendum } => match request.body() {
            Some(text) => {
                let mut body = spliced(text, request, preamble, addendum.as_deref())?;
                declared(&mut body, request)?;
                unsaid(&mut body, &call.params);
                body
            }
            None => built(call, Some(request))?,
        },
        Prompt::Probe(_) => built(call, None)?,
    };
    set_unless_equal(&mut body, "model", call.model.as_ref())?;
    sampling(&mut body, &call.params)?;
    evidence(&mut body, call)?;
    streaming(&mut body, call.stream)?;
    for (name, value) in &call.params.extra {
        body.set(name, value)?;
    }
    let body = body.write()?.into_bytes();
    Ok(Encoded { path: "/chat/completions".into(), headers: Vec::new(), body })
}

/// A body from the typed view.
fn built<'a>(call: &Call, request: Option<&Request>) -> Result<Body<'a>, EncodeError> {
    let mut body = Body::new();
    body.set("model", call.model.as_ref())?;
    body.set("messages", &call.messages())?;
    if let Some(tools) = request.and_then(|request| request.tools.as_ref()) {
        body.set("tools", tools)?;
    }
    if let Some(format) = request.and_then(|request| request.response_format.as_ref()) {
        body.set("response_format", format)?;
    }
    Ok(body)
}

/// The client's body with the tier's preamble and the signals' instructions in front of its messages.
fn spliced<'a>(text: &'a str, request: &Request, preamble: &Preamble, addendum: Option<&str>) -> Result<Body<'a>, EncodeError> {
    let mut body = Body::parse(text).map_err(|error| EncodeError(format!("the request's body cannot be edited: {error}")))?;
    if preamble.is_empty() && addendum.is_none() && !request.is_conversation_edited() {
        return Ok(body);
    }
    let Some(own) = body.read::<Vec<&RawValue>>("messages") else {
        return Err(EncodeError("the request's body has no list of messages".to_owned()));
    };
    let mut messages: Vec<Cow<'_, RawValue>> = Vec::with_capacity(preamble.len() + own.len() + 1);
    for message in preamble.iter() {
        messages.push(Cow::Owned(raw("the messages", message)?));
    }
    messages.extend(request.turns(own).map_err(|error| EncodeError::unwritable("the messages", &error))?);
    if let Some(addendum) = addendum {
        // As `Call::messages` does it: a first system text takes the instructions in, else they go before all.
        let first = messages.first().and_then(|first| serde_json::from_str::<Message>(first.get()).ok());
        match first {
            Some(Message { role: Role::System, content: Some(Content::Text(text)), .. }) => {
                messages[0] = Cow::Owned(with_content(&messages[0], &format!("{text}\n\n{addendum}"))?);
            }
            _ => messages.insert(0, Cow::Owned(raw("the messages", &Message::system(addendum))?)),
        }
    }
    let messages = raw("the messages", &messages)?;
    body.set_raw("messages", messages);
    Ok(body)
}

/// Tools and the format of the answer, where the body does not say the same.
fn declared(body: &mut Body<'_>, request: &Request) -> Result<(), EncodeError> {
    fn something(json: &&str) -> bool {
        *json != "null"
    }
    for (name, value) in [("tools", &request.tools), ("response_format", &request.response_format)] {
        let own = body.get(name).map(RawValue::get).filter(something);
        match value.as_ref().filter(|json| something(&json.get())) {
            Some(json) if own != Some(json.get()) => body.set(name, json)?,
            None if own.is_some() => {
                body.remove(name);
                if name == "tools" {
                    // Providers refuse a choice among no tools.
                    for choice in ["tool_choice", "parallel_tool_calls"] {
                        body.remove(choice);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Takes out what the body says of parameters that are no longer in force. A null says nothing, and stays.
fn unsaid(body: &mut Body<'_>, params: &Params) {
    body.retain(|name, value| {
        let in_force = match name {
            "temperature" => params.temperature.is_some(),
            "top_p" => params.top_p.is_some(),
            "max_tokens" | "max_completion_tokens" => params.max_tokens.is_some(),
            "stop" => !params.stop.is_empty() || serde_json::from_str::<[&RawValue; 0]>(value).is_ok(),
            "seed" => params.seed.is_some(),
            _ => true,
        };
        in_force || value == "null"
    });
}

fn with_content(message: &RawValue, text: &str) -> Result<Box<RawValue>, EncodeError> {
    let parsed = Body::parse(message.get());
    let mut edited = parsed.map_err(|error| EncodeError(format!("the system message cannot be edited: {error}")))?;
    edited.set("content", text)?;
    raw("the system message", &edited)
}

/// Only what differs is written, so that a client's own `1e0` or `max_completion_tokens` stays as it came.
fn sampling(body: &mut Body<'_>, params: &Params) -> Result<(), EncodeError> {
    for (name, value) in [("temperature", params.temperature), ("top_p", params.top_p)] {
        if let Some(value) = value {
            set_unless_equal(body, name, &value)?;
        }
    }
    max_tokens(body, params)?;
    if !params.stop.is_empty() {
        let is_one = body.get("stop").is_some_and(|stop| stop.get().starts_with('"'));
        let own = if is_one { body.read("stop").map(|stop| vec![stop]) } else { body.read("stop") };
        if own.as_ref() != Some(&params.stop) {
            body.set("stop", &params.stop)?;
        }
    }
    if let Some(seed) = params.seed {
        set_unless_equal(body, "seed", &seed)?;
    }
    Ok(())
}

/// The limit has two names; a provider refuses a body with both, and newer models the older one.
fn max_tokens(body: &mut Body<'_>, params: &Params) -> Result<(), EncodeError> {
    const NEWER: &str = "max_completion_tokens";
    if params.extra.contains_key(NEWER) {
        body.remove("max_tokens");
        return Ok(());
    }
    let Some(most) = params.max_tokens else { return Ok(()) };
    match body.read::<u64>(NEWER) {
        Some(own) if own == u64::from(most) => Ok(()),
        Some(_) => {
            body.remove("max_tokens");
            body.set(NEWER, &most)
        }
        None => {
            body.retain(|name, value| name != NEWER || value == "null");
            set_unless_equal(body, "max_tokens", &most)
        }
    }
}

/// Log-probabilities and samples. A client that asked for more alternatives than the call keeps them.
fn evidence(body: &mut Body<'_>, call: &Call) -> Result<(), EncodeError> {
    if let Some(top) = call.logprobs {
        set_unless_equal(body, "logprobs", &true)?;
        let own = body.read::<u8>("top_logprobs");
        if own.unwrap_or(0) < top {
            body.set("top_logprobs", &top)?;
        }
    }
    let samples = call.samples.get();
    if body.read::<u64>("n").unwrap_or(1) != u64::from(samples) {
        body.set("n", &samples)?;
    }
    Ok(())
}

fn streaming(body: &mut Body<'_>, stream: bool) -> Result<(), EncodeError> {
    if stream {
        set_unless_equal(body, "stream", &true)?;
        // Without the usage the cost of a streamed answer is unknown.
        let options = body.get("stream_options").map_or("null", RawValue::get).to_owned();
        let mut options = if options == "null" { Body::new() } else { Body::parse(&options).unwrap_or_default() };
        if options.read::<bool>("include_usage") != Some(true) {
            options.set("include_usage", &true)?;
            body.set("stream_options", &options)?;
        }
    } else {
        // Providers refuse `stream_options` without a stream.
        body.remove("stream_options");
        if body.read::<bool>("stream") == Some(true) {
            body.remove("stream");
        }
    }
    Ok(())
}

/// Sets a member unless it says the same already, in whatever spelling.
fn set_unless_equal<T>(body: &mut Body<'_>, name: &str, value: &T) -> Result<(), EncodeError>
where
    T: Serialize + ToOwned + PartialEq + ?Sized,
    T::Owned: DeserializeOwned,
{
    match body.read::<T::Owned>(name) {
        Some(own) if own.borrow() == value => Ok(()),
        _ => body.set(name, value),
    }
}

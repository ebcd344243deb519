//! A behaviour, and how one is written down.

use serde_json::{Value, json};
use tierfall_core::completion::{Completion, Tokens, Usage};

use crate::openai;
use crate::server::Script;

/// One behaviour.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// What happens, in a few words; no two are called the same.
    pub name: &'static str,
    /// Who does so, or where it is documented.
    pub who: &'static str,
    /// The replies to a call that asks for a whole answer, one an attempt, the last one for ever; none = it is not asked so.
    pub whole: Vec<Script>,
    /// The same where a stream is asked for.
    pub streamed: Vec<Script>,
    /// What is right for a whole answer.
    pub right: Right,
    /// What is right where it streams.
    pub right_streamed: Right,
}

/// What has to become of the tier's call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// The reason code of the tier's step, with what it is about behind a colon: `above-threshold`, `failed: rate-limited`.
    pub reason: String,
    /// How many attempts are made.
    pub attempts: usize,
    /// What the step costs, in USD; `None` where nobody can know.
    pub cost: Option<&'static str>,
    /// What the caller is served, where this tier is the one that answers.
    pub text: &'static str,
}

impl Right {
    pub(super) fn of(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), attempts: 1, cost: Some("0.000014"), text: "Paris" }
    }

    /// The answer is sure, and served.
    pub(super) fn accepted() -> Self {
        Self::of("above-threshold")
    }

    /// The call fails at once, for nothing.
    pub(super) fn failed(kind: &str) -> Self {
        Self { cost: Some("0"), ..Self::of(format!("failed: {kind}")) }
    }

    /// The call fails in passing, as often as it is made, for nothing: once more, since another tier can be asked.
    pub(super) fn failed_again(kind: &str) -> Self {
        Self { attempts: 2, ..Self::failed(kind) }
    }

    pub(super) fn attempts(self, attempts: usize) -> Self {
        Self { attempts, ..self }
    }

    pub(super) fn cost(self, cost: &'static str) -> Self {
        Self { cost: Some(cost), ..self }
    }

    pub(super) fn unknown_cost(self) -> Self {
        Self { cost: None, ..self }
    }

    pub(super) fn says(self, text: &'static str) -> Self {
        Self { text, ..self }
    }
}

impl Behaviour {
    pub(super) fn new(name: &'static str, who: &'static str, whole: Vec<Script>, streamed: Vec<Script>, right: Right) -> Self {
        Self { name, who, whole, streamed, right_streamed: right.clone(), right }
    }

    /// What is right is another thing where it streams.
    pub(super) fn but_streamed(self, right_streamed: Right) -> Self {
        Self { right_streamed, ..self }
    }
}

/// What a plain server says: `Paris` in two sure tokens, for ten tokens of input and two of output.
pub fn good() -> Completion {
    let mut tokens = Tokens::default();
    for (text, logprob) in [("Par", -0.01), ("is", -0.02)] {
        tokens.push(text, logprob);
    }
    let usage = Some(Usage { input: 10, output: 2, ..Usage::default() });
    Completion { tokens: Some(tokens), usage, ..Completion::text("Paris") }
}

/// The body of [`good`], with what `edit` makes of it.
pub(super) fn body(edit: impl FnOnce(&mut Value)) -> Value {
    let mut body = openai::chat(&good());
    edit(&mut body);
    body
}

/// A whole reply, and the stream that says the same, both as `edit` leaves the plain one.
pub(super) fn answer(name: &'static str, who: &'static str, edit: impl FnOnce(&mut Value), right: Right) -> Behaviour {
    let body = body(edit);
    Behaviour::new(name, who, vec![Script::json(body.to_string())], vec![events(&as_events(&body))], right)
}

/// A status with a body, whatever was asked.
pub(super) fn refusal(name: &'static str, who: &'static str, status: u16, body: &str, right: Right) -> Behaviour {
    let script = Script::status(status).header("content-type", "application/json").piece(body.to_owned());
    Behaviour::new(name, who, vec![script.clone()], vec![script], right)
}

/// A reply that refuses, and then a plain one.
pub(super) fn then_good(name: &'static str, who: &'static str, first: &Script, right: Right) -> Behaviour {
    let plain = body(|_| {});
    let whole = vec![first.clone(), Script::json(plain.to_string())];
    Behaviour::new(name, who, whole, vec![first.clone(), events(&as_events(&plain))], right)
}

/// The events that say what a whole reply says: the message, the reason for its end, the usage, the end mark. What a reply does not
/// have, they have not either.
pub(super) fn as_events(body: &Value) -> Vec<String> {
    let chunk = |choices: Value, usage: Option<&Value>| {
        let mut chunk = json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"], "choices": choices });
        if let Some(usage) = usage {
            chunk["usage"] = usage.clone();
        }
        chunk.to_string()
    };
    let Some(choice) = body["choices"].get(0) else { return vec![body.to_string(), "[DONE]".to_owned()] };
    let finish = choice.get("finish_reason");
    let mut said = choice.clone();
    if let Some(message) = said.as_object_mut().and_then(|said| said.remove("message")) {
        said["delta"] = message;
    }
    for (at, call) in said["delta"]["tool_calls"].as_array_mut().into_iter().flatten().enumerate() {
        call["index"] = at.into();
    }
    let mut events = Vec::new();
    if finish.is_some() {
        said["finish_reason"] = Value::Null;
    }
    events.push(chunk(json!([said]), None));
    if let Some(finish) = finish {
        events.push(chunk(json!([{ "index": 0, "delta": {}, "finish_reason": finish }]), None));
    }
    if let Some(usage) = body.get("usage") {
        events.push(chunk(json!([]), Some(usage)));
    }
    events.push("[DONE]".to_owned());
    events
}

/// A stream of these events.
pub(super) fn events(data: &[impl AsRef<str>]) -> Script {
    data.iter().fold(Script::sse(), |script, data| script.piece(format!("data: {}\n\n", data.as_ref())))
}

//! Replies as an OpenAI-compatible server writes them, and wiremock responders that give them.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tierfall_core::completion::{Completion, Token, Tokens, Usage};
use wiremock::{Request, Respond, ResponseTemplate};

/// An unstreamed chat completion. Log-probabilities that are no numbers in JSON are written as null.
pub fn chat(answer: &Completion) -> Value {
    let mut choices = vec![json!({
        "index": 0,
        "message": message(answer),
        "logprobs": answer.tokens.as_ref().map(logprobs),
        "finish_reason": answer.finish.as_str(),
    })];
    for (at, sample) in answer.samples.iter().enumerate() {
        let message = json!({ "role": "assistant", "content": sample.text });
        choices.push(json!({ "index": at + 1, "message": message, "finish_reason": sample.finish.as_str() }));
    }
    let model = answer.model.as_deref().unwrap_or("sample-model");
    let mut body = json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "choices": choices });
    if let Some(usage) = answer.usage {
        body["usage"] = usage_json(usage);
    }
    body
}

/// A streamed chat completion, one event's text an entry, ready to be sent: role, tokens, finish, usage, `[DONE]`.
pub fn sse(answer: &Completion) -> Vec<String> {
    let model = answer.model.as_deref().unwrap_or("sample-model");
    let chunk = |choices: Value, usage: Option<Usage>| {
        let mut body =
            json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": choices });
        if let Some(usage) = usage {
            body["usage"] = usage_json(usage);
        }
        format!("data: {body}\n\n")
    };
    let choice = |delta: Value, logprobs: Value, finish: Value| json!([{ "index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish }]);
    let mut events = vec![chunk(choice(json!({ "role": "assistant", "content": "" }), Value::Null, Value::Null), None)];
    match &answer.tokens {
        Some(tokens) => events.extend(tokens.iter().map(|token| {
            let logprobs = json!({ "content": [token_json(token)] });
            chunk(choice(json!({ "content": token.text() }), logprobs, Value::Null), None)
        })),
        None => events.push(chunk(choice(json!({ "content": answer.text }), Value::Null, Value::Null), None)),
    }
    events.push(chunk(choice(json!({}), Value::Null, answer.finish.as_str().into()), None));
    if answer.usage.is_some() {
        events.push(chunk(json!([]), answer.usage));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// An error body.
pub fn error(message: &str, code: &str) -> Value {
    json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": code } })
}

fn message(answer: &Completion) -> Value {
    let calls: Vec<Value> = answer
        .tool_calls
        .iter()
        .map(|call| json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } }))
        .collect();
    let content = if answer.text.is_empty() && !calls.is_empty() { Value::Null } else { answer.text.clone().into() };
    let mut message = json!({ "role": "assistant", "content": content });
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    if let Some(refusal) = &answer.refusal {
        message["refusal"] = refusal.clone().into();
    }
    message
}

fn logprobs(tokens: &Tokens) -> Value {
    json!({ "content": tokens.iter().map(token_json).collect::<Vec<_>>() })
}

fn token_json(token: Token<'_>) -> Value {
    let one = |text: &str, logprob: f64| json!({ "token": text, "logprob": logprob, "bytes": text.as_bytes() });
    let mut body = one(token.text(), token.logprob());
    body["top_logprobs"] = token.alternatives().map(|(text, logprob)| one(text, logprob)).collect();
    body
}

fn usage_json(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": { "cached_tokens": usage.cached_input },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning },
    })
}

/// Gives one response after the other; the last one for ever.
#[derive(Debug)]
pub struct InTurn {
    responses: Vec<ResponseTemplate>,
    next: AtomicUsize,
}

impl InTurn {
    /// The responses, in order.
    ///
    /// # Panics
    /// Where there is none.
    pub fn new(responses: impl IntoIterator<Item = ResponseTemplate>) -> Self {
        let responses: Vec<_> = responses.into_iter().collect();
        assert!(!responses.is_empty(), "a responder needs a response");
        Self { responses, next: AtomicUsize::new(0) }
    }
}

impl Respond for InTurn {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let at = self.next.fetch_add(1, Ordering::SeqCst).min(self.responses.len() - 1);
        self.responses[at].clone()
    }
}

//! What is read of an answer: its text, its tokens and the signals that it gives alone.

use serde_json::{Value, json};
use tierfall_core::calls::worth_probing;
use tierfall_core::completion::Completion;
use tierfall_core::gate::Gate;
use tierfall_core::number::Threshold;
use tierfall_core::request::Request;
use tierfall_core::signal::table::SignalSpec;
use tierfall_core::signal::{Evidence, NamedSignal};

use super::row::ConvertedCell;

/// The signals that an answer alone gives.
const SIGNALS: [&str; 5] = ["mean-logprob", "sum-logprob", "min-logprob", "margin", "entropy"];

/// Reads answers.
pub(super) struct Reader(Vec<NamedSignal>);

impl Reader {
    pub(super) fn new() -> Self {
        Self(SIGNALS.iter().filter_map(|name| SignalSpec::by_name(name)?.build().ok()).collect())
    }

    pub(super) fn read(&self, cell: &mut ConvertedCell, request: &Request, completion: &Completion) {
        (cell.input_tokens, cell.output_tokens) = completion.usage.map(|usage| (usage.input, usage.output)).unzip();
        // One that says nothing is an answer, too.
        cell.answer = Some(completion.text.clone());
        for named in &self.0 {
            // Whether a gate would let its threshold decide at all.
            let counts = worth_probing(&Gate::new(named.clone(), Threshold::DeferAll), request, completion);
            let reading = named.read(Evidence { request, answer: completion, probe: None });
            cell.confidence.insert(named.label.to_string(), reading.ok().filter(|_| counts));
        }
    }
}

/// A reply of OpenAI's Responses as a chat completion, which says the same: texts and refusals of its messages, calls of functions, tokens
/// with log-probabilities where every text has them. The layout: `platform.openai.com/docs/api-reference/responses/object`.
pub(super) fn of_responses(reply: &Value) -> Value {
    let items = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let reason = reply["incomplete_details"]["reason"].as_str();
    let finish = match (reply["status"].as_str(), reason) {
        (None | Some("completed"), _) => "stop",
        (Some("incomplete"), Some("content_filter")) => "content_filter",
        (Some("incomplete"), _) => "length",
        (Some(status), _) => {
            let error = &reply["error"];
            return json!({"error": {"message": error["message"].as_str().unwrap_or(status), "code": error["code"]}});
        }
    };
    let (mut text, mut refusal, mut tokens, mut calls) = (String::new(), String::new(), Some(Vec::new()), Vec::new());
    for item in items(reply, "output") {
        if item["type"] == "function_call" {
            let call = json!({"name": item["name"], "arguments": item["arguments"]});
            calls.push(json!({"id": item["call_id"], "type": "function", "function": call}));
        }
        for part in items(&item, "content") {
            if part["type"] == "refusal" {
                refusal += part["refusal"].as_str().unwrap_or_default();
            }
            let Some(said) = part["text"].as_str().filter(|_| part["type"] == "output_text") else { continue };
            text += said;
            let of_part = items(&part, "logprobs");
            tokens = tokens.filter(|_| !of_part.is_empty() || said.is_empty()).map(|all: Vec<Value>| [all, of_part].concat());
        }
    }
    let usage = &reply["usage"];
    let mut message = json!({"role": "assistant", "content": text});
    if !refusal.is_empty() {
        message["refusal"] = refusal.into();
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let mut choice = json!({"index": 0, "message": message, "finish_reason": finish});
    if let Some(tokens) = tokens.filter(|tokens| !tokens.is_empty()) {
        choice["logprobs"] = json!({"content": tokens});
    }
    let mut reply = json!({"model": reply["model"], "choices": [choice]});
    if usage.is_object() {
        reply["usage"] = json!({"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"]});
    }
    reply
}

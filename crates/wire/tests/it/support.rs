//! Shared by the tests: completions as readable JSON, and streams decoded from chunks of bytes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use tierfall_core::completion::{Completion, Tokens};
use tierfall_wire::dialect::{Dialect, Event};
use tierfall_wire::sse::SseDecoder;

/// What became of a stream.
#[derive(Debug, PartialEq)]
pub(crate) struct Streamed {
    pub(crate) completion: Completion,
    pub(crate) end: String,
}

/// Decodes a stream that arrives in these pieces.
pub(crate) fn streamed<'a>(dialect: &dyn Dialect, pieces: impl IntoIterator<Item = &'a [u8]>) -> Streamed {
    let (mut sse, mut decoder) = (SseDecoder::new(1 << 20), dialect.stream());
    let mut streamed = Streamed { completion: Completion::default(), end: "cut".to_owned() };
    let mut take = |name: Option<&str>, data: &str| match decoder.event(name, data) {
        Ok(Event::Delta(delta)) => streamed.completion.push(&delta).unwrap(),
        Ok(Event::Nothing) => {}
        Ok(Event::End(last)) => {
            if let Some(delta) = last {
                streamed.completion.push(&delta).unwrap();
            }
            "end".clone_into(&mut streamed.end);
        }
        Ok(Event::Failed(failure)) => {
            streamed.end = format!("failed: {} ({}, billing: {:?})", failure.message, failure.kind, failure.billing);
        }
        Err(error) => streamed.end = format!("undecodable: {error}"),
    };
    for piece in pieces {
        for event in sse.push(piece) {
            match event {
                Ok(event) => take(event.name.as_deref(), &event.data),
                Err(error) => take(None, &format!("\"{error}\"")),
            }
        }
    }
    if let Some(event) = sse.finish() {
        take(event.name.as_deref(), &event.data);
    }
    streamed
}

/// JSON with sorted members, whatever order the maps of this build keep.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Sorted {
    Map(BTreeMap<String, Sorted>),
    List(Vec<Sorted>),
    Other(Value),
}

impl From<Value> for Sorted {
    fn from(value: Value) -> Self {
        match value {
            Value::Object(map) => Self::Map(map.into_iter().map(|(name, value)| (name, value.into())).collect()),
            Value::Array(list) => Self::List(list.into_iter().map(Self::from).collect()),
            other => Self::Other(other),
        }
    }
}

/// Sorted JSON over several lines.
pub(crate) fn pretty(value: impl Into<Sorted>) -> String {
    serde_json::to_string_pretty(&value.into()).unwrap()
}

/// A completion without its raw body, readable.
pub(crate) fn shown(completion: &Completion) -> Sorted {
    Sorted::from(json!({
        "text": completion.text,
        "refusal": completion.refusal,
        "tool_calls": completion.tool_calls,
        "tokens": completion.tokens.as_ref().map(rows),
        "usage": completion.usage,
        "finish": completion.finish,
        "samples": completion.samples,
        "model": completion.model,
    }))
}

fn rows(tokens: &Tokens) -> Vec<String> {
    let row = |(text, logprob): (&str, f64)| format!("{text:?} {logprob:?}");
    tokens
        .iter()
        .map(|token| {
            let alternatives: Vec<String> = token.alternatives().map(row).collect();
            format!("{} [{}]", row((token.text(), token.logprob())), alternatives.join(", "))
        })
        .collect()
}

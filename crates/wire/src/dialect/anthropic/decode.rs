//! A whole reply.

use serde::Deserialize;
use serde_json::value::RawValue;
use tierfall_core::completion::{Completion, ToolCall, Usage};
use tierfall_core::provider::Billing;

use crate::dialect::finish::{self, Said};
use crate::dialect::{DecodeError, NAMELESS, NoAnswer, failure};
use crate::pointer;
use crate::view::{Count, Object, Reported, Text, object, owned, usage};

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Reply<'a> {
    #[serde(default)]
    error: Reported<'a>,
    model: Option<Text<'a>>,
    content: Option<Vec<Object<Block<'a>>>>,
    #[serde(default)]
    stop_reason: Said<'a>,
    usage: Option<&'a RawValue>,
}

/// A block of content, whole or as a stream begins it. Kinds that are no answer (thinking, citations) have no text.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Block<'a> {
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    pub(super) text: Option<Text<'a>>,
    pub(super) id: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) input: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
pub(super) struct UsageView {
    input_tokens: Option<Count>,
    cache_creation_input_tokens: Option<Count>,
    cache_read_input_tokens: Option<Count>,
    output_tokens: Option<Count>,
}

impl UsageView {
    /// Anthropic's input tokens leave out the cached ones; ours include them. `None` where a part that is paid for is
    /// missing, or a count is none.
    pub(super) fn usage(self) -> Option<Usage> {
        let told = |count: Option<Count>| count.map_or(Some(0), |Count(count)| count);
        let cached_input = told(self.cache_read_input_tokens)?;
        let cached_write = told(self.cache_creation_input_tokens)?;
        let input = self.input_tokens?.0?.saturating_add(cached_input).saturating_add(cached_write);
        Usage { input, output: self.output_tokens?.0?, cached_input, cached_write, reasoning: 0 }.plausible()
    }

    /// These counts, with those of `later` wherever it has any: a stream tells the prompt first and the answer last. What was said
    /// of the answer before is of less than there is by now, and never stands for it.
    pub(super) fn updated_by(self, later: Self) -> Self {
        Self {
            input_tokens: later.input_tokens.or(self.input_tokens),
            cache_creation_input_tokens: later.cache_creation_input_tokens.or(self.cache_creation_input_tokens),
            cache_read_input_tokens: later.cache_read_input_tokens.or(self.cache_read_input_tokens),
            output_tokens: later.output_tokens,
        }
    }
}

/// Reads `text`. The completion carries no raw body: Anthropic's means nothing to a client that speaks OpenAI's.
pub(super) fn decode(text: &str) -> Result<Completion, NoAnswer> {
    let reply: Reply<'_> = object(text).map_err(|error| pointer::locate(text, &error))?;
    if reply.error.error().is_some() {
        return Err(failure::classify(200, text.as_bytes()).into());
    }
    let blocks = reply.content.ok_or_else(|| DecodeError::new("/content", "is missing: this is no message"))?;
    let usage = usage(reply.usage).and_then(UsageView::usage);
    let billing = usage.map_or(Billing::Unknown, Billing::Metered);
    let mut completion = Completion {
        // The protocol demands a reason: a message without one has not ended.
        finish: reply.stop_reason.word().map_or_else(|| Ok(finish::never_said()), |word| finish::end(word, billing))?,
        usage,
        model: reply.model.map(|model| model.0.into_owned()),
        ..Completion::default()
    };
    for (index, Object(block)) in blocks.into_iter().enumerate() {
        match block.kind.0.as_ref() {
            "text" => completion.text.push_str(&owned(block.text)),
            "tool_use" => completion.tool_calls.push(ToolCall {
                id: owned(block.id),
                name: named(block.name, || format!("/content/{index}/name"))?,
                arguments: block.input.map_or("{}", RawValue::get).to_owned(),
            }),
            _ => {}
        }
    }
    Ok(completion)
}

/// The tool that a call names.
pub(super) fn named(name: Option<Text<'_>>, at: impl Fn() -> String) -> Result<String, DecodeError> {
    Some(owned(name)).filter(|name| !name.is_empty()).ok_or_else(|| DecodeError::new(at(), NAMELESS))
}

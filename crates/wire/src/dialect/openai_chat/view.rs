//! What is read of a reply: borrowed, without the fields that nothing needs, `f64` log-probabilities, open strings.

use serde::Deserialize;
use serde_json::value::RawValue;
use tierfall_core::completion::{Tokens, Usage};

use super::logprobs::Logprobs;
use crate::dialect::finish::Said;
use crate::view::{ContentText, Count, Label, Reported, Text, maybe_object, objects, usage};

/// A whole reply, or one chunk of a stream: the two differ only in `message` and `delta`.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Reply<'a> {
    pub(super) model: Option<Text<'a>>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) choices: Vec<Choice<'a>>,
    usage: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) error: Reported<'a>,
}

impl Reply<'_> {
    /// The tokens of the call; `None` where the server did not tell, or what it told is no usage.
    pub(super) fn usage(&self) -> Option<Usage> {
        usage::<UsageView>(self.usage)?.usage()
    }
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Choice<'a> {
    index: Option<Count>,
    #[serde(default, deserialize_with = "maybe_object")]
    message: Option<MessageView<'a>>,
    #[serde(default, deserialize_with = "maybe_object")]
    delta: Option<MessageView<'a>>,
    #[serde(default)]
    pub(super) finish_reason: Said<'a>,
    /// `OpenRouter`'s place for a failure in the middle of an answer.
    #[serde(default)]
    error: Reported<'a>,
    pub(super) logprobs: Option<Logprobs<'a>>,
}

impl<'a> Choice<'a> {
    /// Which answer of several it is.
    pub(super) fn place(&self) -> u64 {
        self.index.and_then(|Count(index)| index).unwrap_or(0)
    }

    /// What is said: the message of a whole reply, the delta of a chunk.
    pub(super) fn take_message(&mut self) -> Option<MessageView<'a>> {
        self.message.take().or_else(|| self.delta.take())
    }

    /// The failure that stands beside the answer or in it.
    pub(super) fn error(&self) -> Option<&'a RawValue> {
        let said = self.message.as_ref().or(self.delta.as_ref());
        self.error.error().or_else(|| said?.error.error())
    }

    /// The tokens; `None` where the server gave none, which is not the same as an empty list.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        self.logprobs.as_ref()?.tokens()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct MessageView<'a> {
    #[serde(default)]
    pub(super) content: ContentText,
    pub(super) refusal: Option<Text<'a>>,
    /// What the model thought, which is no answer; servers have it under either name.
    reasoning: Option<&'a RawValue>,
    reasoning_content: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "objects")]
    pub(super) tool_calls: Vec<ToolCallView<'a>>,
    #[serde(default)]
    error: Reported<'a>,
}

impl MessageView<'_> {
    /// Whether there is something that the model thought.
    pub(super) fn reasons(&self) -> bool {
        let said = |value: &&RawValue| !matches!(value.get(), "null" | "\"\"" | "[]" | "{}");
        self.reasoning.as_ref().is_some_and(said) || self.reasoning_content.as_ref().is_some_and(said)
    }
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct ToolCallView<'a> {
    pub(super) index: Option<u64>,
    pub(super) id: Option<Label<'a>>,
    #[serde(default, deserialize_with = "maybe_object")]
    pub(super) function: Option<Function<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Function<'a> {
    pub(super) name: Option<Text<'a>>,
    pub(super) arguments: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct UsageView {
    prompt_tokens: Option<Count>,
    completion_tokens: Option<Count>,
    total_tokens: Option<Count>,
    #[serde(default, deserialize_with = "maybe_object")]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default, deserialize_with = "maybe_object")]
    completion_tokens_details: Option<CompletionDetails>,
    /// `DeepSeek`'s place for cached prompt tokens.
    prompt_cache_hit_tokens: Option<Count>,
    /// Anthropic's places, which proxies keep.
    cache_read_input_tokens: Option<Count>,
    cache_creation_input_tokens: Option<Count>,
}

#[derive(Debug, Deserialize)]
struct PromptDetails {
    cached_tokens: Option<Count>,
    /// `OpenRouter`'s place for what was written into the cache.
    cache_write_tokens: Option<Count>,
}

#[derive(Debug, Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<Count>,
}

impl UsageView {
    /// The usage; `None` where it lacks a part that is paid for, where a count is none, or where the total counts more than the
    /// parts explain: unknown is not zero, and a token of one kind costs another's price.
    fn usage(&self) -> Option<Usage> {
        let (mut input, mut output) = (self.prompt_tokens?.0?, self.completion_tokens?.0?);
        let told = |count: Option<Count>| count.map_or(Some(0), |Count(count)| count);
        let reasoning = told(self.completion_tokens_details.as_ref().and_then(|d| d.reasoning_tokens))?;
        let within = self.prompt_tokens_details.as_ref().and_then(|d| d.cached_tokens).or(self.prompt_cache_hit_tokens);
        let mut cached_input = told(within)?;
        let written = self.prompt_tokens_details.as_ref().and_then(|d| d.cache_write_tokens).or(self.cache_creation_input_tokens);
        let (read, cached_write) = (told(self.cache_read_input_tokens)?, told(written)?);
        let beside = read.saturating_add(cached_write);
        match told(self.total_tokens)?.saturating_sub(input.saturating_add(output)) {
            0 => cached_input = cached_input.max(read),
            // Either would explain it, at another price.
            rest if rest == reasoning && rest == beside => return None,
            // xAI counts reasoning beside the completion, proxies of Anthropic what was cached beside the prompt.
            rest if rest == reasoning => output = output.saturating_add(rest),
            rest if rest == beside => {
                input = input.saturating_add(rest);
                cached_input = cached_input.max(read);
            }
            _ => return None,
        }
        Usage { input, output, cached_input, cached_write, reasoning }.plausible()
    }
}

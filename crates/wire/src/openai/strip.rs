//! Takes out of a provider's reply what the cascade asked for and the client did not. Everything else keeps its bytes.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ClientAsked;
use crate::dialect::DecodeError;
use crate::pointer;
use crate::view::{null_is_empty, offset_in};

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow, default, deserialize_with = "null_is_empty")]
    choices: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    logprobs: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Logprobs<'a> {
    #[serde(borrow, default, deserialize_with = "null_is_empty")]
    content: Vec<Token<'a>>,
}

#[derive(Deserialize)]
struct Token<'a> {
    #[serde(borrow, default, deserialize_with = "null_is_empty")]
    top_logprobs: Vec<&'a RawValue>,
}

/// A whole reply as this client should see it: no log-probabilities unless asked for, no more alternatives a token
/// and no more answers than asked for.
pub fn strip<'a>(raw: &'a str, asked: &ClientAsked) -> Result<Cow<'a, str>, DecodeError> {
    let reply: Reply<'_> = serde_json::from_str(raw).map_err(|error| pointer::locate(raw, &error))?;
    let answers = usize::from(asked.samples.map_or(1, std::num::NonZeroU8::get));
    let mut cuts = Vec::new();
    for choice in reply.choices.iter().take(answers) {
        logprobs(raw, choice, asked, &mut cuts)?;
    }
    tail(raw, &reply.choices, answers, &mut cuts)?;
    Ok(without(raw, cuts))
}

/// A chunk's data as this client should see it; `None` where nothing is left, as of a chunk that holds the usage only.
pub fn strip_chunk<'a>(raw: &'a str, asked: &ClientAsked) -> Result<Option<Cow<'a, str>>, DecodeError> {
    if raw.trim() == "[DONE]" {
        return Ok(Some(Cow::Borrowed(raw)));
    }
    let reply: Reply<'_> = serde_json::from_str(raw).map_err(|error| pointer::locate(raw, &error))?;
    let mut cuts = Vec::new();
    for choice in &reply.choices {
        logprobs(raw, choice, asked, &mut cuts)?;
    }
    if let (Some(usage), false) = (reply.usage, asked.include_usage) {
        if reply.choices.is_empty() {
            return Ok(None);
        }
        cuts.push((place(raw, usage)?, "null"));
    }
    Ok(Some(without(raw, cuts)))
}

type Cut = (Range<usize>, &'static str);

fn logprobs(raw: &str, choice: &RawValue, asked: &ClientAsked, cuts: &mut Vec<Cut>) -> Result<(), DecodeError> {
    let view: Choice<'_> = serde_json::from_str(choice.get()).map_err(|_| DecodeError::new("/choices", "expected objects"))?;
    let Some(given) = view.logprobs else { return Ok(()) };
    if !asked.logprobs {
        cuts.push((place(raw, given)?, "null"));
        return Ok(());
    }
    let given: Logprobs<'_> = serde_json::from_str(given.get())
        .map_err(|_| DecodeError::new("/choices", "has log-probabilities that are not understood"))?;
    for token in &given.content {
        tail(raw, &token.top_logprobs, usize::from(asked.top_logprobs), cuts)?;
    }
    Ok(())
}

/// Cuts the elements of a list after the first `keep`.
fn tail(raw: &str, list: &[&RawValue], keep: usize, cuts: &mut Vec<Cut>) -> Result<(), DecodeError> {
    let (Some(end), true) = (list.last(), list.len() > keep) else { return Ok(()) };
    let start = match keep.checked_sub(1) {
        Some(kept) => place(raw, list[kept])?.end,
        None => place(raw, list[0])?.start,
    };
    cuts.push((start..place(raw, end)?.end, ""));
    Ok(())
}

/// Where a borrowed value stands.
fn place(raw: &str, value: &RawValue) -> Result<Range<usize>, DecodeError> {
    let start = offset_in(raw, value.get()).ok_or_else(|| DecodeError::new("", "a value lies outside the body"))?;
    Ok(start..start + value.get().len())
}

/// `raw` with the cuts made; they are disjoint.
fn without(raw: &str, mut cuts: Vec<Cut>) -> Cow<'_, str> {
    if cuts.is_empty() {
        return Cow::Borrowed(raw);
    }
    cuts.sort_by_key(|(range, _)| range.start);
    let mut text = String::with_capacity(raw.len());
    let mut at = 0;
    for (range, put) in cuts {
        text.push_str(&raw[at..range.start]);
        text.push_str(put);
        at = range.end;
    }
    text.push_str(&raw[at..]);
    Cow::Owned(text)
}

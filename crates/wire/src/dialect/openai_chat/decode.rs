//! A whole reply.

use tierfall_core::completion::{Completion, Finish, Sample, ToolCall};

use super::view::{Choice, Reply, ToolCallView};
use crate::dialect::{DecodeError, failure};
use crate::pointer;
use crate::view::{arguments_text, owned};

/// Reads `text`: the first choice is the answer, the others are samples. The completion carries the body as it came.
pub(super) fn decode(text: &str) -> Result<Completion, DecodeError> {
    let reply = read(text)?;
    let usage = reply.usage();
    let mut choices = reply.choices.into_iter();
    let Some(mut first) = choices.next() else {
        return Err(DecodeError::new("/choices", "there is no choice: the provider answered nothing"));
    };
    let message = first.take_message().ok_or_else(|| DecodeError::new("/choices/0/message", "is missing"))?;
    let tool_calls = message.tool_calls.into_iter().enumerate().map(tool_call).collect::<Result<Vec<_>, _>>()?;
    let samples = choices
        .map(|mut choice| Sample { finish: finish(&choice), text: choice.take_message().unwrap_or_default().content.text });
    Ok(Completion {
        refusal: message.refusal.map(|refusal| refusal.0.into_owned()).or(message.content.refusal),
        text: message.content.text,
        tool_calls,
        tokens: first.tokens(),
        usage,
        finish: finish(&first),
        samples: samples.collect(),
        model: reply.model.map(|model| model.0.into_owned()),
        raw: Some(text.into()),
    })
}

/// Reads a reply or a chunk that is no error.
pub(super) fn read(text: &str) -> Result<Reply<'_>, DecodeError> {
    let reply: Reply<'_> = serde_json::from_str(text).map_err(|error| pointer::locate(text, &error))?;
    match reply.error {
        None => Ok(reply),
        Some(_) => Err(DecodeError::new("/error", reported(text))),
    }
}

fn reported(text: &str) -> String {
    let failure = failure::classify(200, text.as_bytes());
    format!("the provider reports an error ({}): {}", failure.kind, failure.message)
}

/// A whole reply that does not say why it stopped has stopped.
fn finish(choice: &Choice<'_>) -> Finish {
    choice.finish().unwrap_or_default()
}

fn tool_call((index, call): (usize, ToolCallView<'_>)) -> Result<ToolCall, DecodeError> {
    let function = call.function.unwrap_or_default();
    let arguments = arguments_text(function.arguments).map_err(|_| {
        DecodeError::new(format!("/choices/0/message/tool_calls/{index}/function/arguments"), "is not valid JSON text")
    })?;
    Ok(ToolCall { id: owned(call.id), name: owned(function.name), arguments })
}

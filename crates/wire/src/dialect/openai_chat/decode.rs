//! A whole reply.

use tierfall_core::completion::{Completion, Finish, Sample, ToolCall};
use tierfall_core::provider::Billing;

use super::logprobs::behind_reasoning;
use super::view::{Choice, MessageView, Reply, ToolCallView};
use crate::dialect::finish::{self, Said};
use crate::dialect::{DecodeError, Failure, NAMELESS, NoAnswer, failure};
use crate::mend::mended;
use crate::pointer;
use crate::view::{arguments_text, object, owned};

/// Reads `text`: the first choice is the answer, the others are samples. The completion carries the body as it came.
pub(super) fn decode(text: &str) -> Result<Completion, NoAnswer> {
    read(text, |reply| whole_answer(reply, text))
}

fn whole_answer(reply: Reply<'_>, text: &str) -> Result<Completion, NoAnswer> {
    let usage = reply.usage();
    let mut choices = reply.choices.into_iter();
    let Some(mut first) = choices.next() else {
        // Gemini's endpoint and Azure's leave out what a filter took, and count what it had cost.
        return match usage {
            Some(_) => Ok(Completion { finish: Finish::ContentFilter, usage, raw: Some(text.into()), ..Completion::default() }),
            None => Err(DecodeError::new("/choices", "there is no choice: the provider answered nothing").into()),
        };
    };
    let finish = end(&first, usage.map_or(Billing::Unknown, Billing::Metered))?;
    let message = match first.take_message() {
        None if finish == Finish::ContentFilter => MessageView::default(),
        message => message.ok_or_else(|| DecodeError::new("/choices/0/message", "is missing"))?,
    };
    let tokens = first.tokens();
    let tokens = if message.reasons() { tokens.and_then(|all| behind_reasoning(&all, &message.content.text)) } else { tokens };
    let tool_calls = message.tool_calls.into_iter().enumerate().map(tool_call).collect::<Result<Vec<_>, _>>()?;
    let samples = choices.map(|mut choice| Sample {
        // A sample that failed says so, and is no reason to throw the answer away.
        finish: match choice.error() {
            Some(_) => Finish::Other("error".to_owned()),
            None => whole(&choice.finish_reason, finish::told),
        },
        text: choice.take_message().unwrap_or_default().content.text,
    });
    Ok(Completion {
        refusal: message.refusal.map(|refusal| refusal.0.into_owned()).or(message.content.refusal),
        text: message.content.text,
        tool_calls,
        tokens,
        usage,
        finish,
        samples: samples.collect(),
        model: reply.model.map(|model| model.0.into_owned()),
        raw: Some(text.into()),
    })
}

/// Has a reply or a chunk that reports no failure read by `then`; one that is almost JSON, too.
pub(super) fn read<T>(text: &str, then: impl FnOnce(Reply<'_>) -> Result<T, NoAnswer>) -> Result<T, NoAnswer> {
    let told = |text: &str, reply: Reply<'_>| match reply.error.error() {
        None => then(reply),
        Some(_) => Err(failure::classify(200, text.as_bytes()).into()),
    };
    match object(text) {
        Ok(reply) => told(text, reply),
        Err(error) => {
            let mended = mended(text);
            match mended.as_deref().map(|mended| (mended, object(mended))) {
                Some((mended, Ok(reply))) => told(mended, reply),
                _ => Err(pointer::locate(text, &error).into()),
            }
        }
    }
}

/// Why an answer that is there as a whole has ended; a failure, at this cost, where the choice reports one.
fn end(choice: &Choice<'_>, billing: Billing) -> Result<Finish, Failure> {
    let told = reason(choice, billing)?;
    Ok(told.unwrap_or_else(|| whole(&choice.finish_reason, finish::told)))
}

/// The reason that a choice gives, if it gives one; a failure where it reports one.
pub(super) fn reason(choice: &Choice<'_>, billing: Billing) -> Result<Option<Finish>, Failure> {
    if let Some(error) = choice.error() {
        let mut failure = failure::classify(200, format!("{{\"error\":{}}}", error.get()).as_bytes());
        if failure.message.is_empty() {
            "the answer was broken off".clone_into(&mut failure.message);
        }
        return Err(Failure { billing: Some(billing), ..failure });
    }
    choice.finish_reason.word().map(|word| finish::end(word, billing)).transpose()
}

/// Why an answer that is there as a whole has ended. A server without this member sends an answer when it has ended; one
/// that has it and gives no reason says, in OpenAI's, Azure's and watsonx's words, that the answer is still under way.
fn whole(said: &Said<'_>, read: impl Fn(&str) -> Finish) -> Finish {
    match said {
        Said::Nothing => Finish::Stop,
        Said::NotYet => finish::never_said(),
        Said::Word(word) => read(&word.0),
    }
}

fn tool_call((index, call): (usize, ToolCallView<'_>)) -> Result<ToolCall, DecodeError> {
    let function = call.function.unwrap_or_default();
    let at = |member: &str| format!("/choices/0/message/tool_calls/{index}/function/{member}");
    let name = owned(function.name);
    if name.is_empty() {
        return Err(DecodeError::new(at("name"), NAMELESS));
    }
    let arguments =
        arguments_text(function.arguments).map_err(|_| DecodeError::new(at("arguments"), "is not valid JSON text"))?;
    Ok(ToolCall { id: call.id.map(|id| id.0.into_owned()).unwrap_or_default(), name, arguments })
}

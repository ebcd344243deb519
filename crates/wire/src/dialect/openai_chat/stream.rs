//! A streamed reply.

use tierfall_core::completion::{Delta, Finish, Tokens, ToolCallDelta};
use tierfall_core::provider::Billing;

use super::decode::{read, reason};
use super::logprobs::behind_reasoning;
use super::view::{Choice, MessageView, Reply, ToolCallView};
use crate::dialect::finish::{self, Said};
use crate::dialect::{DecodeError, Event, Failure, NAMELESS, NoAnswer, StreamDecoder, failure};
use crate::view::{arguments_text, owned};

/// The most tool calls of one answer: a delta names its call by number, and that number makes us allocate.
const MAX_TOOL_CALLS: u64 = 128;

/// Reads chunks.
#[derive(Debug, Default)]
pub(super) struct ChatStream {
    ended: bool,
    reason: Reason,
    model_told: bool,
    /// What came last was thought, and no answer yet.
    thinks: bool,
    /// Id and name of each tool call so far: some servers repeat them in every piece.
    calls: Vec<(String, String)>,
}

/// Whether the chunks said why the answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reason {
    /// None had a choice yet.
    #[default]
    NoChoice,
    /// None had a choice, but what the call cost was told.
    Counted,
    /// They have no place for it.
    NoPlace,
    /// They have one, and no reason yet.
    NotYet,
    Said,
}

impl StreamDecoder for ChatStream {
    fn event(&mut self, name: Option<&str>, data: &str) -> Result<Event, DecodeError> {
        let data = data.trim();
        if self.ended || data.is_empty() {
            return Ok(Event::Nothing);
        }
        if data == "[DONE]" {
            self.ended = true;
            self.named()?;
            return Ok(Event::End(self.without_reason()));
        }
        if name == Some("error") {
            return Ok(self.failed(failure::classify(200, data.as_bytes())));
        }
        match read(data, |chunk| self.chunk(chunk, data)) {
            Ok(event) => Ok(event),
            Err(NoAnswer::Unreadable(error)) => Err(error),
            Err(NoAnswer::Failed(failure)) => Ok(self.failed(failure)),
        }
    }

    fn finished(&self) -> bool {
        self.reason == Reason::Said
    }
}

impl ChatStream {
    fn chunk(&mut self, mut chunk: Reply<'_>, data: &str) -> Result<Event, NoAnswer> {
        let mut delta = Delta { usage: chunk.usage(), ..Delta::default() };
        // Further samples are never asked for in a stream: a choice with another index is none of ours.
        if matches!(self.reason, Reason::NoChoice | Reason::Counted) {
            self.reason = match (chunk.choices.is_empty(), delta.usage) {
                (false, _) => Reason::NoPlace,
                (true, Some(_)) => Reason::Counted,
                (true, None) => self.reason,
            };
        }
        let position = chunk.choices.iter().position(|choice| choice.place() == 0);
        if let Some(mut choice) = position.map(|position| chunk.choices.swap_remove(position)) {
            let message = choice.take_message().unwrap_or_default();
            delta.tokens = self.tokens(&choice, &message);
            delta.refusal = message.refusal.map(|refusal| refusal.0.into_owned()).or(message.content.refusal);
            delta.text = message.content.text;
            delta.tool_calls = message.tool_calls.into_iter().map(|call| self.tool_call(call)).collect::<Result<_, _>>()?;
            delta.finish = reason(&choice, delta.usage.map_or(Billing::Unknown, Billing::Metered))?;
            match (&choice.finish_reason, self.reason) {
                (Said::Word(_), _) => {
                    self.named()?;
                    self.reason = Reason::Said;
                }
                (Said::NotYet, Reason::NoPlace) => self.reason = Reason::NotYet,
                _ => {}
            }
        }
        if let (false, Some(model)) = (self.model_told, chunk.model) {
            self.model_told = true;
            delta.model = Some(model.0.into_owned());
        }
        if delta == Delta::default() {
            return Ok(Event::Nothing);
        }
        delta.raw = Some(data.into());
        Ok(Event::Delta(delta))
    }

    /// The tokens of a chunk's content. Those of a chunk that has none are of what the model thought, where such came before it or in it.
    fn tokens(&mut self, choice: &Choice<'_>, message: &MessageView<'_>) -> Option<Tokens> {
        let content = &message.content.text;
        self.thinks = content.is_empty() && (self.thinks || message.reasons());
        let tokens = choice.tokens().filter(|_| !self.thinks);
        if message.reasons() { tokens.and_then(|all| behind_reasoning(&all, content)) } else { tokens }
    }

    fn failed(&mut self, failure: Failure) -> Event {
        self.ended = true;
        Event::Failed(failure)
    }

    /// Whether every call names its tool, now that all pieces of the names are there.
    fn named(&self) -> Result<(), DecodeError> {
        let nameless = self.calls.iter().position(|(_, name)| name.is_empty());
        nameless
            .map_or(Ok(()), |call| Err(DecodeError::new(format!("/choices/0/delta/tool_calls/{call}/function/name"), NAMELESS)))
    }

    /// What the end of the stream adds where no chunk gave a reason: a server that has a place for one has not ended the
    /// answer; for one that has none, the end of the stream is the end of the answer.
    fn without_reason(&self) -> Option<Delta> {
        let finish = match self.reason {
            Reason::NotYet => finish::never_said(),
            // As in a whole reply, what was counted and never came was taken by a filter.
            Reason::Counted => Finish::ContentFilter,
            Reason::NoChoice | Reason::NoPlace | Reason::Said => return None,
        };
        Some(Delta { finish: Some(finish), ..Delta::default() })
    }

    fn tool_call(&mut self, call: ToolCallView<'_>) -> Result<ToolCallDelta, DecodeError> {
        let at = || "/choices/0/delta/tool_calls".to_owned();
        let (id, function) = (call.id.map(|id| id.0.into_owned()).unwrap_or_default(), call.function.unwrap_or_default());
        // Without a number a new id begins a call, and anything else goes on with the last one.
        let index = call.index.unwrap_or_else(|| {
            let known = self.calls.iter().rposition(|(known, _)| id.is_empty() || *known == id);
            known.unwrap_or(self.calls.len()) as u64
        });
        let bounded = usize::try_from(index).ok().filter(|_| index < MAX_TOOL_CALLS);
        let index = bounded.ok_or_else(|| DecodeError::new(at(), format!("names a call beyond the first {MAX_TOOL_CALLS}")))?;
        if self.calls.len() <= index {
            self.calls.resize_with(index + 1, Default::default);
        }
        let (known_id, known_name) = &mut self.calls[index];
        Ok(ToolCallDelta {
            index,
            id: fresh(known_id, id),
            name: fresh(known_name, owned(function.name)),
            arguments: arguments_text(function.arguments)
                .map_err(|_| DecodeError::new(at(), "has arguments that are no JSON text"))?,
        })
    }
}

/// `piece`, unless it repeats the whole of what is `known`.
fn fresh(known: &mut String, piece: String) -> String {
    if piece == *known {
        return String::new();
    }
    known.push_str(&piece);
    piece
}

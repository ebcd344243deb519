//! A streamed reply.

use serde::Deserialize;
use serde_json::value::RawValue;
use tierfall_core::completion::{Delta, ToolCallDelta};
use tierfall_core::provider::Billing;

use super::decode::{Block, UsageView, named};
use crate::dialect::finish::{self, Said};
use crate::dialect::{DecodeError, Event, Failure, StreamDecoder, failure};
use crate::pointer;
use crate::view::{Text, maybe_object, object, owned, usage};

/// The most blocks of one answer: an event names its block by number.
const MAX_BLOCKS: usize = 1024;

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct EventView<'a> {
    #[serde(rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(default, deserialize_with = "maybe_object")]
    message: Option<Start<'a>>,
    index: Option<usize>,
    #[serde(default, deserialize_with = "maybe_object")]
    content_block: Option<Block<'a>>,
    #[serde(default, deserialize_with = "maybe_object")]
    delta: Option<Piece<'a>>,
    usage: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Start<'a> {
    model: Option<Text<'a>>,
    usage: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Piece<'a> {
    #[serde(rename = "type")]
    kind: Option<Text<'a>>,
    text: Option<Text<'a>>,
    partial_json: Option<Text<'a>>,
    #[serde(default)]
    stop_reason: Said<'a>,
}

/// A tool call under way.
#[derive(Debug)]
struct ToolBlock {
    block: usize,
    /// The input that the block began with: it holds where no piece of input follows.
    input: String,
    /// Whether a piece of input came.
    began: bool,
}

/// Reads events.
#[derive(Debug, Default)]
pub(super) struct MessageStream {
    ended: bool,
    finished: bool,
    usage: UsageView,
    /// The tool calls so far; the position is the call's index.
    calls: Vec<ToolBlock>,
}

impl StreamDecoder for MessageStream {
    fn event(&mut self, name: Option<&str>, data: &str) -> Result<Event, DecodeError> {
        if self.ended || data.trim().is_empty() {
            return Ok(Event::Nothing);
        }
        if name == Some("error") {
            return Ok(self.failed(failure::classify(200, data.as_bytes())));
        }
        let event: EventView<'_> = object(data).map_err(|error| pointer::locate(data, &error))?;
        let kind = owned(event.kind.clone());
        match kind.as_str() {
            "message_start" => {
                let start = event.message.ok_or_else(|| DecodeError::new("/message", "is missing"))?;
                self.usage = usage(start.usage).unwrap_or_default();
                // The counts of the prompt wait for those of the answer: before the end the usage is not known.
                Ok(start.model.map_or(Event::Nothing, |model| {
                    Event::Delta(Delta { model: Some(model.0.into_owned()), ..Delta::default() })
                }))
            }
            "content_block_start" => self.begin(event),
            "content_block_delta" => self.piece(event),
            "content_block_stop" => Ok(self.end(event.index)),
            "message_delta" => {
                self.usage = self.usage.updated_by(usage(event.usage).unwrap_or_default());
                let usage = self.usage.usage();
                let said = event.delta.map(|delta| delta.stop_reason).unwrap_or_default();
                let billing = usage.map_or(Billing::Unknown, Billing::Metered);
                let finish = match said.word().map(|word| finish::end(word, billing)).transpose() {
                    Ok(finish) => finish,
                    Err(failure) => return Ok(self.failed(failure)),
                };
                self.finished |= finish.is_some();
                Ok(Event::Delta(Delta { finish, usage, ..Delta::default() }))
            }
            "message_stop" => {
                self.ended = true;
                let last = || Delta { finish: Some(finish::never_said()), ..Delta::default() };
                Ok(Event::End((!self.finished).then(last)))
            }
            "error" => Ok(self.failed(failure::classify(200, data.as_bytes()))),
            // Pings, and kinds that do not exist yet.
            _ => Ok(Event::Nothing),
        }
    }

    fn finished(&self) -> bool {
        self.finished
    }
}

impl MessageStream {
    fn failed(&mut self, failure: Failure) -> Event {
        self.ended = true;
        Event::Failed(failure)
    }

    fn begin(&mut self, event: EventView<'_>) -> Result<Event, DecodeError> {
        let block = event.content_block.ok_or_else(|| DecodeError::new("/content_block", "is missing"))?;
        match block.kind.0.as_ref() {
            "text" => Ok(text(owned(block.text))),
            "tool_use" => {
                if self.calls.len() >= MAX_BLOCKS {
                    return Err(DecodeError::new("/index", format!("names a call beyond the first {MAX_BLOCKS}")));
                }
                let input = block.input.map_or("{}", |input| input.get()).to_owned();
                self.calls.push(ToolBlock { block: event.index.unwrap_or(0), input, began: false });
                let call = ToolCallDelta {
                    index: self.calls.len() - 1,
                    id: owned(block.id),
                    name: named(block.name, || "/content_block/name".to_owned())?,
                    arguments: String::new(),
                };
                Ok(Event::Delta(Delta { tool_calls: vec![call], ..Delta::default() }))
            }
            _ => Ok(Event::Nothing),
        }
    }

    fn piece(&mut self, event: EventView<'_>) -> Result<Event, DecodeError> {
        let delta = event.delta.ok_or_else(|| DecodeError::new("/delta", "is missing"))?;
        match owned(delta.kind).as_str() {
            "text_delta" => Ok(text(owned(delta.text))),
            "input_json_delta" => {
                let arguments = owned(delta.partial_json);
                let Some(index) = self.call(event.index) else {
                    return Err(DecodeError::new("/index", "names a block that is no tool call"));
                };
                if arguments.is_empty() {
                    return Ok(Event::Nothing);
                }
                self.calls[index].began = true;
                Ok(arguments_of(index, arguments))
            }
            _ => Ok(Event::Nothing),
        }
    }

    fn end(&mut self, block: Option<usize>) -> Event {
        match self.call(block) {
            Some(index) if !self.calls[index].began => {
                self.calls[index].began = true;
                let input = std::mem::take(&mut self.calls[index].input);
                arguments_of(index, input)
            }
            _ => Event::Nothing,
        }
    }

    /// The tool call of a block.
    fn call(&self, block: Option<usize>) -> Option<usize> {
        self.calls.iter().rposition(|call| Some(call.block) == block)
    }
}

fn text(text: String) -> Event {
    if text.is_empty() { Event::Nothing } else { Event::Delta(Delta { text, ..Delta::default() }) }
}

fn arguments_of(index: usize, arguments: String) -> Event {
    let call = ToolCallDelta { index, arguments, ..ToolCallDelta::default() };
    Event::Delta(Delta { tool_calls: vec![call], ..Delta::default() })
}

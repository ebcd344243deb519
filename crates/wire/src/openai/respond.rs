//! Completions as replies: what our own servers send.

use std::collections::BTreeMap;

use serde::Serialize;
use tierfall_core::completion::{Completion, Finish, Sample, Tokens, ToolCall, Usage};

use super::ClientAsked;

/// What identifies a reply.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The reply's id.
    pub id: &'a str,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// The model that answered.
    pub model: &'a str,
}

#[derive(Serialize)]
struct Reply<'a, C> {
    id: &'a str,
    object: &'a str,
    created: u64,
    model: &'a str,
    choices: Vec<C>,
    #[serde(skip_serializing_if = "UsageSaid::is_left_out")]
    usage: UsageSaid,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: usize,
    message: MessageOut<'a>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: &'a str,
}

#[derive(Serialize)]
struct MessageOut<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCallOut<'a>>,
}

#[derive(Default, Serialize)]
struct ChunkChoice<'a> {
    index: usize,
    delta: DeltaOut<'a>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct DeltaOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCallOut<'a>>,
}

#[derive(Serialize)]
struct ToolCallOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    id: &'a str,
    r#type: &'static str,
    function: FunctionOut<'a>,
}

#[derive(Serialize)]
struct FunctionOut<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Logprobs<'a> {
    content: Vec<TokenOut<'a>>,
}

#[derive(Serialize)]
struct TokenOut<'a> {
    #[serde(flatten)]
    token: Alternative<'a>,
    top_logprobs: Vec<Alternative<'a>>,
}

#[derive(Serialize)]
struct Alternative<'a> {
    token: &'a str,
    logprob: f64,
    bytes: &'a [u8],
}

/// The member `usage` of a reply.
#[derive(Serialize)]
#[serde(untagged)]
enum UsageSaid {
    LeftOut,
    NotYet(()),
    Told(UsageOut),
}

impl UsageSaid {
    fn is_left_out(&self) -> bool {
        matches!(self, Self::LeftOut)
    }
}

#[derive(Serialize)]
struct UsageOut {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: BTreeMap<&'static str, u64>,
    completion_tokens_details: BTreeMap<&'static str, u64>,
}

/// The body of a whole reply.
pub fn whole(completion: &Completion, head: &Head<'_>, asked: &ClientAsked) -> Result<String, serde_json::Error> {
    let tokens = completion.tokens.as_ref().filter(|_| asked.logprobs);
    let says_nothing = completion.text.is_empty() && !(completion.tool_calls.is_empty() && completion.refusal.is_none());
    let mut choices = vec![Choice {
        index: 0,
        message: MessageOut {
            role: "assistant",
            content: (!says_nothing).then_some(completion.text.as_str()),
            refusal: completion.refusal.as_deref(),
            tool_calls: completion.tool_calls.iter().map(|call| tool_call(None, call)).collect(),
        },
        logprobs: tokens.map(|tokens| logprobs(tokens, 0..tokens.len(), asked)),
        finish_reason: completion.finish.as_str(),
    }];
    choices.extend(completion.samples.iter().enumerate().map(|(index, sample)| Choice {
        index: index + 1,
        message: MessageOut { role: "assistant", content: Some(&sample.text), refusal: None, tool_calls: Vec::new() },
        logprobs: None,
        finish_reason: sample.finish.as_str(),
    }));
    let usage = completion.usage.map_or(UsageSaid::LeftOut, |usage| UsageSaid::Told(usage_out(usage)));
    serde_json::to_string(&reply(head, "chat.completion", choices, usage))
}

/// The data of each event of a streamed reply, `[DONE]` last. The text is cut by tokens where there are any.
pub fn chunks(completion: &Completion, head: &Head<'_>, asked: &ClientAsked) -> Result<Vec<String>, serde_json::Error> {
    let mut choices = vec![ChunkChoice {
        delta: DeltaOut { role: Some("assistant"), content: Some(""), ..DeltaOut::default() },
        ..ChunkChoice::default()
    }];
    content(completion, asked, &mut choices);
    choices.extend(completion.refusal.as_deref().map(|refusal| ChunkChoice {
        delta: DeltaOut { refusal: Some(refusal), ..DeltaOut::default() },
        ..ChunkChoice::default()
    }));
    choices.extend(completion.tool_calls.iter().enumerate().map(|(index, call)| ChunkChoice {
        delta: DeltaOut { tool_calls: vec![tool_call(Some(index), call)], ..DeltaOut::default() },
        ..ChunkChoice::default()
    }));
    choices.push(finished(0, &completion.finish));
    for (index, Sample { text, finish }) in completion.samples.iter().enumerate() {
        let delta = DeltaOut { role: Some("assistant"), content: Some(text), ..DeltaOut::default() };
        choices.push(ChunkChoice { index: index + 1, delta, ..ChunkChoice::default() });
        choices.push(finished(index + 1, finish));
    }
    let chunk = |choices, usage| serde_json::to_string(&reply(head, "chat.completion.chunk", choices, usage));
    // A client that asked for the usage sees `null` until it comes.
    let not_yet = || if asked.include_usage { UsageSaid::NotYet(()) } else { UsageSaid::LeftOut };
    let mut events = choices.into_iter().map(|choice| chunk(vec![choice], not_yet())).collect::<Result<Vec<_>, _>>()?;
    if let (true, Some(usage)) = (asked.include_usage, completion.usage) {
        events.push(chunk(Vec::new(), UsageSaid::Told(usage_out(usage)))?);
    }
    events.push("[DONE]".to_owned());
    Ok(events)
}

/// An error in OpenAI's shape.
pub fn error_body(message: &str, kind: &str, code: Option<&str>) -> String {
    serde_json::json!({ "error": { "message": message, "type": kind, "param": null, "code": code } }).to_string()
}

/// One chunk a token. A token that does not continue the text (a special one, half a character) brings no text; what
/// the tokens leave over comes last.
fn content<'a>(completion: &'a Completion, asked: &ClientAsked, choices: &mut Vec<ChunkChoice<'a>>) {
    let mut rest = completion.text.as_str();
    let said = |content, logprobs| ChunkChoice {
        delta: DeltaOut { content: Some(content), ..DeltaOut::default() },
        logprobs,
        ..ChunkChoice::default()
    };
    for (index, token) in completion.tokens.iter().flat_map(Tokens::iter).enumerate() {
        let after = rest.strip_prefix(token.text());
        let piece = after.map_or("", |after| &rest[..rest.len() - after.len()]);
        rest = after.unwrap_or(rest);
        let given = completion.tokens.as_ref().filter(|_| asked.logprobs);
        choices.push(said(piece, given.map(|tokens| logprobs(tokens, index..index + 1, asked))));
    }
    // An empty list of tokens is not the same as none.
    let empty = asked.logprobs && completion.tokens.as_ref().is_some_and(Tokens::is_empty);
    if empty || !rest.is_empty() {
        choices.push(said(rest, empty.then_some(Logprobs { content: Vec::new() })));
    }
}

fn finished(index: usize, finish: &Finish) -> ChunkChoice<'_> {
    ChunkChoice { index, finish_reason: Some(finish.as_str()), ..ChunkChoice::default() }
}

fn reply<'a, C>(head: &Head<'a>, object: &'a str, choices: Vec<C>, usage: UsageSaid) -> Reply<'a, C> {
    Reply { id: head.id, object, created: head.created, model: head.model, choices, usage }
}

fn tool_call(index: Option<usize>, call: &ToolCall) -> ToolCallOut<'_> {
    let function = FunctionOut { name: &call.name, arguments: &call.arguments };
    ToolCallOut { index, id: &call.id, r#type: "function", function }
}

fn logprobs<'a>(tokens: &'a Tokens, range: std::ops::Range<usize>, asked: &ClientAsked) -> Logprobs<'a> {
    let top = usize::from(asked.top_logprobs);
    let content = range.filter_map(|index| tokens.get(index)).map(|token| TokenOut {
        token: alternative((token.text(), token.logprob())),
        top_logprobs: token.alternatives().take(top).map(alternative).collect(),
    });
    Logprobs { content: content.collect() }
}

/// JSON has no infinities: −∞ is OpenAI's −9999, "not among the likely ones". What is absent (NaN) becomes `null`.
fn alternative((token, logprob): (&str, f64)) -> Alternative<'_> {
    let logprob = if logprob == f64::NEG_INFINITY { -9999.0 } else { logprob };
    Alternative { token, logprob, bytes: token.as_bytes() }
}

fn usage_out(usage: Usage) -> UsageOut {
    UsageOut {
        prompt_tokens: usage.input,
        completion_tokens: usage.output,
        total_tokens: usage.input.saturating_add(usage.output),
        prompt_tokens_details: [("cached_tokens", usage.cached_input)].into(),
        completion_tokens_details: [("reasoning_tokens", usage.reasoning)].into(),
    }
}

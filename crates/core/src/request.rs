//! What a client asks, and what the cascade sends to one tier.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::completion::ToolCall;
use crate::kept::Kept;
use crate::money::Money;
use crate::trace_context::TraceContext;

/// A piece of JSON that is passed on as it came: tools, schemas, message parts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// The text, exactly as received.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Reads the piece as `T`, which may borrow from it.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.get())
    }

    /// Writes `value` as JSON.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(|raw| Self(raw.into()))
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self::of(&value).expect("a JSON value is written as JSON")
    }
}

impl From<Box<RawValue>> for Json {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw.into())
    }
}

crate::words! {
    /// Who speaks. Unknown roles are kept as they came.
    pub enum Role {
        /// The application's instructions.
        System = "system",
        /// The person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// A tool's result.
        Tool = "tool"
        ; or
        /// Any other role, verbatim (`developer`, …).
        Other
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Typed parts (text, images, audio), as the client wrote them.
    Parts(Vec<serde_json::Value>),
}

/// One turn of the conversation.
///
/// ```
/// use tierfall_core::completion::ToolCall;
/// use tierfall_core::request::Message;
///
/// let call = ToolCall { id: "c1".into(), name: "order".into(), arguments: r#"{"id":10234}"#.into() };
/// let turns = [
///     Message::system("You are a help desk."),
///     Message::user_with_image("What is broken here?", "https://example.com/parcel.jpg"),
///     Message::calling(&[call]),
///     Message::tool("c1", "delivered on Monday"),
/// ];
/// assert_eq!(turns[1].texts().collect::<String>(), "What is broken here?");
/// assert_eq!(turns[2].content, None);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said; absent where an assistant turn only calls tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Tool calls of an assistant turn, as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<serde_json::Value>,
    /// The call that a tool turn answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// The speaker's name, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Message {
    /// A plain text turn.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self { role, content: Some(Content::Text(text.into())), tool_calls: None, tool_call_id: None, name: None }
    }

    /// A turn of the person.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, text)
    }

    /// The application's instructions.
    pub fn system(text: impl Into<String>) -> Self {
        Self::new(Role::System, text)
    }

    /// A turn of the model.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, text)
    }

    /// A turn of the model that calls these tools, before the [turns](Self::tool) with their results.
    pub fn calling(calls: &[ToolCall]) -> Self {
        let call = |call: &ToolCall| {
            let function = serde_json::json!({ "name": call.name, "arguments": call.arguments });
            serde_json::json!({ "id": call.id, "type": "function", "function": function })
        };
        let calls = calls.iter().map(call).collect::<Vec<_>>();
        Self { content: None, tool_calls: Some(calls.into()), ..Self::assistant("") }
    }

    /// What a tool gave for the call of this id.
    pub fn tool(call_id: impl Into<String>, result: impl Into<String>) -> Self {
        Self { tool_call_id: Some(call_id.into()), ..Self::new(Role::Tool, result) }
    }

    /// A turn of the person with an image: at this URL, which may be a `data:` one.
    pub fn user_with_image(text: impl Into<String>, url: impl Into<String>) -> Self {
        let image = serde_json::json!({ "type": "image_url", "image_url": { "url": url.into() } });
        let parts = vec![serde_json::json!({ "type": "text", "text": text.into() }), image];
        Self { content: Some(Content::Parts(parts)), ..Self::user("") }
    }

    /// The text of this turn: the text itself, or its text parts in order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (whole, parts) = match &self.content {
            Some(Content::Text(text)) => (Some(text.as_str()), [].as_slice()),
            Some(Content::Parts(parts)) => (None, parts.as_slice()),
            None => (None, [].as_slice()),
        };
        whole.into_iter().chain(parts.iter().filter_map(|part| part.get("text")?.as_str()))
    }
}

/// Identifies one request; a request that came without an id gets one before the run starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for RequestId {
    fn from(id: T) -> Self {
        Self(id.into())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A moment: milliseconds since 1970 began, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

/// What lies before 1970 is its beginning.
impl From<SystemTime> for UnixMillis {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Sampling parameters. What is `None` is left to the provider's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Sampling temperature, ≥ 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus sampling mass in (0, 1].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Most tokens to generate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Texts at which the answer ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// The provider's sampling seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Any other field of the provider's request body, sent as written. What has [a place of its own](crate::fields::reserved) is
    /// refused here, since rules, limits and gates go by that.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, serde_json::Value>,
}

impl Params {
    /// These parameters, with `over` taking precedence wherever it says something.
    #[must_use]
    pub fn overridden_by(&self, over: &Self) -> Self {
        let mut extra = self.extra.clone();
        extra.extend(over.extra.iter().map(|(k, v)| (k.clone(), v.clone())));
        Self {
            temperature: over.temperature.or(self.temperature),
            top_p: over.top_p.or(self.top_p),
            max_tokens: over.max_tokens.or(self.max_tokens),
            stop: if over.stop.is_empty() { self.stop.clone() } else { over.stop.clone() },
            seed: over.seed.or(self.seed),
            extra,
        }
    }
}

/// What a client asks.
///
/// One that came as a body keeps it, byte for byte, beside the typed fields. These are what counts: who edits one edits what is
/// sent, and what nobody edits is sent as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Decides the ties, keys the trace.
    pub id: RequestId,
    /// The conversation. Turns that were read from a body are sent as the client wrote them, with members that [`Message`] has no
    /// field for, wherever in the list they are moved. A turn that is borrowed to be changed (`&mut *messages[0]`, and so by
    /// each step of `iter_mut` that writes to it), or put in the stead of another (`messages[0] = Message::user("…").into()`), is
    /// sent as the fields say and without them.
    pub messages: Vec<Kept<Message>>,
    /// Tool declarations, as the client wrote them (a JSON array).
    pub tools: Option<Json>,
    /// The structured-output declaration, as the client wrote it.
    pub response_format: Option<Json>,
    /// The client's own sampling parameters; a tier's declared ones take precedence, since a gate is bound to them.
    pub params: Params,
    /// Free labels (segment, tenant, …) that rules read.
    pub tags: BTreeMap<String, String>,
    /// The operating point that is to decide, by name; `None` = the cascade's default.
    pub point: Option<Arc<str>>,
    /// When it arrived, as far as that is known. It decides nothing.
    pub at: Option<UnixMillis>,
    /// Who asks: the id of a user or a tenant, for which the caller vouches. It decides nothing, and is written into traces.
    pub principal: Option<Arc<str>>,
    /// In which distributed trace it stands. It decides nothing; whoever is called is told.
    pub context: Option<TraceContext>,
    /// Most money for this request, where that is less than the policy allows.
    pub budget: Option<Money>,
    /// Most time for this request, where that is less than the policy allows.
    pub deadline: Option<Duration>,
    body: Option<Came>,
}

/// What came.
#[derive(Clone, Debug)]
struct Came {
    body: Arc<str>,
    /// How many turns it has.
    turns: usize,
}

impl Request {
    /// One question without history.
    pub fn new(id: impl Into<RequestId>, question: impl Into<String>) -> Self {
        Self::from_messages(id, vec![Message::user(question)])
    }

    /// A conversation.
    pub fn from_messages(id: impl Into<RequestId>, messages: Vec<Message>) -> Self {
        Self {
            id: id.into(),
            messages: messages.into_iter().map(Kept::from).collect(),
            tools: None,
            response_format: None,
            params: Params::default(),
            tags: BTreeMap::new(),
            point: None,
            at: None,
            principal: None,
            context: None,
            budget: None,
            deadline: None,
            body: None,
        }
    }

    /// The request as it was read from this body: a JSON object whose [typed](crate::fields::is_typed) members say what the typed
    /// fields say, and whose other members say what there is no field for.
    #[must_use]
    pub fn read_from(mut self, body: impl Into<Arc<str>>) -> Self {
        let body = body.into();
        for (place, message) in self.messages.iter_mut().enumerate() {
            message.keep(&body, place);
        }
        self.body = Some(Came { body, turns: self.messages.len() });
        self
    }

    /// The body that the client sent. Where its [typed](crate::fields::is_typed) members and the typed fields differ, somebody has edited these, and they count.
    pub fn body(&self) -> Option<&str> {
        self.body.as_ref().map(|came| &*came.body)
    }

    /// Whether the conversation is no longer, or never was, the one of the body.
    pub fn is_conversation_edited(&self) -> bool {
        let stayed = |(place, message)| self.place_of(message) == Some(place);
        let turns = self.body.as_ref().map(|came| came.turns);
        turns != Some(self.messages.len()) || !self.messages.iter().enumerate().all(stayed)
    }

    /// The turn of the body that a message is, untouched since it was read.
    fn place_of(&self, message: &Kept<Message>) -> Option<usize> {
        message.place_in(&self.body.as_ref()?.body)
    }

    /// The turns as they are sent, from those that the body has: what was not edited as the client wrote it, with all that this
    /// view does not hold. A turn of the body that is no longer in the conversation is not sent, nor any part of it.
    pub fn turns<'a>(&self, written: Vec<&'a RawValue>) -> Result<Vec<Cow<'a, RawValue>>, serde_json::Error> {
        if !self.is_conversation_edited() {
            return Ok(written.into_iter().map(Cow::Borrowed).collect());
        }
        let turn = |message| match self.place_of(message).and_then(|place| written.get(place)) {
            Some(&written) => Ok(Cow::Borrowed(written)),
            None => serde_json::value::to_raw_value(message).map(Cow::Owned),
        };
        self.messages.iter().map(turn).collect()
    }

    /// The texts of the last turn of the person: what is being asked.
    pub fn question(&self) -> String {
        let last = self.messages.iter().rev().find(|m| m.role == Role::User);
        last.map(|m| m.texts().collect::<Vec<_>>().join("\n")).unwrap_or_default()
    }

    /// Whether tools are declared; an empty list declares none.
    pub fn has_tools(&self) -> bool {
        self.tools.as_ref().is_some_and(|tools| !matches!(tools.get(), "null" | "[]"))
    }

    /// Whether the answer is to have a declared format: a JSON object, what a JSON schema describes, or whatever a server knows beside
    /// them. Text is none.
    pub fn has_format(&self) -> bool {
        let declared: Option<serde_json::Value> = self.response_format.as_ref().and_then(|format| format.parse().ok());
        declared.and_then(|declared| declared.get("type").cloned()).is_some_and(|kind| !kind.is_null() && kind != "text")
    }

    /// A rough prompt length in tokens, before any call: bytes of text / 4, and 4 a turn. Tools and schemas included.
    pub fn estimated_tokens(&self) -> u64 {
        let declared = [&self.tools, &self.response_format];
        estimated_tokens(&self.messages) + declared.into_iter().flatten().map(|json| json.get().len() as u64 / 4).sum::<u64>()
    }
}

/// A rough length of `messages` in tokens: bytes / 4, and 4 a turn.
pub fn estimated_tokens(messages: &[impl Borrow<Message>]) -> u64 {
    messages.iter().map(|m| m.borrow().texts().map(str::len).sum::<usize>() as u64 / 4 + 4).sum()
}

/// A tier's own instructions and example turns, put before the client's messages.
pub type Preamble = Arc<[Message]>;

/// What is put to a model.
#[derive(Clone, Debug)]
pub enum Prompt {
    /// The client's request behind the tier's preamble.
    Request {
        /// The tier's system prompt and example turns.
        preamble: Preamble,
        /// The client's request.
        request: Arc<Request>,
        /// Instructions that a signal needs, appended to the system prompt (the format of a self-rating, say).
        addendum: Option<Arc<str>>,
    },
    /// A prompt of a signal's own: a probe about an answer.
    Probe(Vec<Message>),
}

/// What a call is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To answer the request.
    Answer,
    /// To ask about an answer; carries the probing signal's label.
    Probe(Arc<str>),
}

/// How long a call may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// To open a connection.
    pub connect: Option<Duration>,
    /// Until a stream begins, and between two reads.
    pub idle: Option<Duration>,
    /// In all, retries included; waiting for a place is not.
    pub total: Option<Duration>,
}

impl Timeouts {
    /// What holds where nobody says anything else.
    pub const USUAL: Self =
        Self { connect: Some(Duration::from_secs(10)), idle: Some(Duration::from_mins(1)), total: Some(Duration::from_mins(10)) };

    /// The same for calls that [fail over](Call::fails_over). The total is that of whole answers, which are complete when they begin: a
    /// stream that keeps coming may take as long as any other.
    pub const FAILING_OVER: Self =
        Self { connect: Some(Duration::from_secs(2)), idle: Some(Duration::from_secs(8)), total: Some(Duration::from_secs(8)) };

    /// What is in force for a call that says this of itself: what it does not say is as for all calls of its sort.
    #[must_use]
    pub fn in_force(self, fails_over: bool, stream: bool) -> Self {
        let Self { connect, idle, total } = if fails_over { Self::FAILING_OVER } else { Self::USUAL };
        self.or(Self { connect, idle, total: if stream { Self::USUAL.total } else { total } })
    }

    /// These timeouts, and those of `other` where they say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { connect: self.connect.or(other.connect), idle: self.idle.or(other.idle), total: self.total.or(other.total) }
    }
}

/// One call to one tier's model.
#[derive(Clone, Debug)]
pub struct Call {
    /// The request that this call serves; the same for its probes.
    pub request_id: RequestId,
    /// The model's name at its provider.
    pub model: Arc<str>,
    /// What is put to the model.
    pub prompt: Prompt,
    /// The sampling parameters in force.
    pub params: Params,
    /// Ask for token log-probabilities with this many alternatives a token; `None` = do not ask.
    pub logprobs: Option<u8>,
    /// How many answers to sample.
    pub samples: NonZeroU8,
    /// Tokens that the model can hold, prompt and answer together, as it is declared; `None` = nobody says.
    pub context_window: Option<u64>,
    /// What the call is for.
    pub purpose: Purpose,
    /// How long it may take, from when it has its place.
    pub timeouts: Timeouts,
    /// What is left until the request's deadline when the call is put, waiting for a place included; `timeouts.total` is no
    /// longer than this. `None` = no deadline.
    pub deadline: Option<Duration>,
    /// The most that the call may take with all its samples, so that later tiers have their share of the time that is left to the
    /// request; `timeouts.total` is no longer than this. `None` = no such limit.
    pub share: Option<Duration>,
    /// Another model is asked where this call comes to nothing, so it is given up in seconds: fewer attempts, shorter
    /// [timeouts](Timeouts::FAILING_OVER), no long pause, and none at all at a provider that has failed again and again.
    pub fails_over: bool,
    /// Ask for the answer as a stream.
    pub stream: bool,
    /// In which distributed trace it stands.
    pub context: Option<TraceContext>,
}

impl Call {
    /// A call for one answer that is put so to a model, without parameters, limits and log-probabilities.
    pub fn new(request_id: RequestId, model: impl Into<Arc<str>>, prompt: Prompt) -> Self {
        Self {
            request_id,
            model: model.into(),
            prompt,
            params: Params::default(),
            logprobs: None,
            samples: NonZeroU8::MIN,
            context_window: None,
            purpose: Purpose::Answer,
            timeouts: Timeouts::default(),
            deadline: None,
            share: None,
            fails_over: false,
            stream: false,
            context: None,
        }
    }

    /// Makes sure that the call asks for log-probabilities with at least `top` alternatives a token.
    pub fn want_logprobs(&mut self, top: u8) {
        self.logprobs = Some(self.logprobs.map_or(top, |asked| asked.max(top)));
    }

    /// The call with this much left until the request's deadline.
    #[must_use]
    pub fn within(mut self, left: Duration) -> Self {
        self.deadline = Some(left);
        self.timeouts.total = Some(self.timeouts.total.map_or(left, |total| total.min(left)));
        self
    }

    /// Makes sure that the call samples at least `samples` answers.
    pub(crate) fn want_samples(&mut self, samples: NonZeroU8) {
        self.samples = self.samples.max(samples);
    }

    /// Appends instructions to the system prompt of an answering call.
    pub fn append_instructions(&mut self, text: &str) {
        if let Prompt::Request { addendum, .. } = &mut self.prompt {
            *addendum = Some(match addendum.take() {
                Some(before) => format!("{before}\n\n{text}").into(),
                None => text.into(),
            });
        }
    }

    /// The messages as the model sees them: preamble and addendum merged, then the client's.
    pub fn messages(&self) -> Vec<Message> {
        match &self.prompt {
            Prompt::Probe(messages) => messages.clone(),
            Prompt::Request { preamble, request, addendum } => {
                let turns = request.messages.iter().map(|turn| &**turn);
                let mut messages: Vec<Message> = preamble.iter().chain(turns).cloned().collect();
                if let Some(addendum) = addendum {
                    match messages.first_mut() {
                        Some(Message { role: Role::System, content: Some(Content::Text(text)), .. }) => {
                            text.push_str("\n\n");
                            text.push_str(addendum);
                        }
                        _ => messages.insert(0, Message::system(addendum.as_ref())),
                    }
                }
                messages
            }
        }
    }
}

#![doc = include_str!("../README.md")]

mod answer;
mod ask;
mod assemble;
mod binding;
mod builder;
pub mod clock;
pub mod config;
pub mod digest;
mod drive;
mod engine;
mod environment;
mod events;
mod fault;
pub mod files;
pub mod fit;
mod ids;
pub mod jsonl;
mod observing;
mod reload;
mod spans;
pub mod timed;
mod trust;

pub use answer::{Answer, Unanswered};
pub use ask::Ask;
pub use assemble::{Asker, LoadError, Pool, Source, bindings, sources, sources_for};
pub use binding::TierBinding;
pub use builder::{BuildError, EngineBuilder};
pub use clock::{Clock, SystemClock};
pub use engine::Engine;
pub use environment::{UnsetVariable, secret_from_env};
pub use events::{Event, Events};
pub use fault::Fault;
pub use jsonl::JsonlSink;
pub use observing::Lost;
pub use reload::Reloadable;
pub use trust::{Trust, trust};

pub use tierfall_core;
pub use tierfall_core::cascade::{
    Answerer, Capability, Cascade, CascadeError, Model, OnAbstain, OnError, OnExhausted, OnFilter, Parts, Policy, Tier, TierIx,
};
pub use tierfall_core::caught::Panicked;
pub use tierfall_core::completion::{
    Completion, Delta, Finish, Sample, Token, Tokens, TooManyToolCalls, ToolCall, ToolCallDelta, Usage,
};
pub use tierfall_core::estimate::Estimate;
pub use tierfall_core::gate::{Accepted, Decision, Deferral, Gate, OnTruncated, Unusable};
pub use tierfall_core::kept::Kept;
pub use tierfall_core::limit::Limit;
pub use tierfall_core::money::{Cost, DecimalError, Money, Price, Rate};
pub use tierfall_core::number::{Confidence, OutOfRange, Score, Threshold, Tie};
pub use tierfall_core::observer::{Called, Ended, Observer, Room};
pub use tierfall_core::permit::PermittedCall;
pub use tierfall_core::plan::{Plan, Skip};
pub use tierfall_core::point::UnknownPoint;
pub use tierfall_core::provider::{
    Attempt, Billing, CallError, CallErrorKind, Charges, Chunk, Chunks, Declares, Gives, Member, Provider, Reply, Took, Upstream,
    provider_fn,
};
pub use tierfall_core::request::{
    Call, Content, Json, Message, Params, Preamble, Prompt, Purpose, Request, RequestId, Role, Timeouts, UnixMillis,
};
pub use tierfall_core::rule::table::{Condition, ConditionSpec, SettingsError};
pub use tierfall_core::rule::{Route, Rule, Within};
pub use tierfall_core::run::{Outcome, Served};
pub use tierfall_core::signal::logprob::Census;
pub use tierfall_core::signal::options::OptionError;
pub use tierfall_core::signal::table::{BadSignal, SignalSpec};
pub use tierfall_core::signal::{
    Abstain, Bounds, Evidence, NamedSignal, Needs, Nominal, Probe, Reading, Settles, Signal, Watch, Watching,
};
pub use tierfall_core::trace::{CallTrace, CostBasis, Fallback, OutcomeKind, RouteTrace, RuleTrace, Step, Stopped, Trace};
pub use tierfall_core::trace_context::TraceContext;
pub use tierfall_providers;
#[cfg(feature = "http")]
pub use tierfall_providers::{Access, HttpProvider, HttpSettings, Sign, Signing};
pub use tierfall_providers::{BaseUrl, BaseUrlError, BreakerPolicy, Layers, QueuePolicy, RetryPolicy};
pub use tierfall_wire;
pub use tierfall_wire::dialect::Dialect;
pub use tierfall_wire::dialect::anthropic::Anthropic;
pub use tierfall_wire::dialect::openai_chat::OpenAiChat;

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
pub mod fit;
mod ids;
pub mod jsonl;
mod observing;
mod reload;
mod spans;
pub mod timed;

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
pub use reload::Reloadable;

pub use tierfall_core;
pub use tierfall_core::cascade::{
    Answerer, Capability, Cascade, CascadeError, Model, OnAbstain, OnError, OnExhausted, Policy, Tier, TierIx,
};
pub use tierfall_core::completion::{Completion, Delta, Finish, ToolCall, Usage};
pub use tierfall_core::gate::{Decision, Gate, OnTruncated};
pub use tierfall_core::money::{Cost, Money, Price};
pub use tierfall_core::number::{Confidence, Score, Threshold};
pub use tierfall_core::observer::Observer;
pub use tierfall_core::provider::{CallError, CallErrorKind, Chunk, Declares, Gives, Provider, Reply, provider_fn};
pub use tierfall_core::request::{Call, Content, Json, Message, Params, Request, RequestId, Role, Timeouts};
pub use tierfall_core::rule::table::{Condition, ConditionSpec};
pub use tierfall_core::rule::{Route, Rule, Within};
pub use tierfall_core::run::{Outcome, Served};
pub use tierfall_core::signal::table::SignalSpec;
pub use tierfall_core::signal::{Abstain, Evidence, NamedSignal, Needs, Nominal, Reading, Signal};
pub use tierfall_core::trace::{OutcomeKind, Step, Trace};
pub use tierfall_core::trace_context::TraceContext;
pub use tierfall_providers::{BaseUrl, QueuePolicy, RetryPolicy};
#[cfg(feature = "http")]
pub use tierfall_providers::{HttpProvider, HttpSettings};
pub use tierfall_wire;
pub use tierfall_wire::dialect::Dialect;
pub use tierfall_wire::dialect::anthropic::Anthropic;
pub use tierfall_wire::dialect::openai_chat::OpenAiChat;

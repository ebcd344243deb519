//! The line of a trace log that holds content: the trace, what was said, and how likely the line was to be written.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tierfall_core::request::{Message, Request, UnixMillis};
use tierfall_core::trace::Trace;

use super::Stratum;
use crate::fixture::recording::Record;

/// A trace, and what was said where the request is in the sample.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    #[serde(flatten)]
    pub(super) trace: Arc<Trace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sample: Option<Sample>,
}

/// What was asked and answered. Neither keys nor headers nor the client's raw body are part of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Content {
    /// The client's conversation, without the tiers' own prompts.
    pub(super) messages: Vec<Message>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tags: BTreeMap<String, String>,
    /// What else the request brought that shapes answers, by name alone: tools, response-format, parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) beyond: Vec<String>,
    /// By tier, as recordings have it.
    pub(super) answers: BTreeMap<Arc<str>, Record>,
    /// By tier, the digest of what its answers are bound to: see [`Header::digest`](crate::fixture::recording::Header::digest).
    #[serde(default)]
    pub(super) bindings: BTreeMap<Arc<str>, String>,
}

impl Content {
    pub(super) fn of(request: &Request, answers: BTreeMap<Arc<str>, Record>, bindings: &BTreeMap<Arc<str>, String>) -> Self {
        let brought = [
            ("tools", request.has_tools()),
            ("response-format", request.response_format.as_ref().is_some_and(|format| format.get() != "null")),
            ("parameters", request.params != tierfall_core::request::Params::default()),
        ];
        let asked = |tier: &Arc<str>| answers.contains_key(tier);
        Self {
            messages: request.messages.iter().map(|turn| Message::clone(turn)).collect(),
            tags: request.tags.clone(),
            beyond: brought.iter().filter(|(_, there)| *there).map(|(name, _)| (*name).to_owned()).collect(),
            bindings: bindings.iter().filter(|(tier, _)| asked(tier)).map(|(tier, d)| (tier.clone(), d.clone())).collect(),
            answers,
        }
    }
}

/// How the request came to be in the sample.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Sample {
    /// The probability with which it was to be kept, in (0, 1].
    pub(super) propensity: f64,
    pub(super) stratum: Stratum,
    /// The least such probability of any request.
    pub(super) least: f64,
}

/// What is read of a line.
#[derive(Deserialize)]
pub(super) struct Read {
    pub(super) request_id: Arc<str>,
    pub(super) cascade: Arc<str>,
    #[serde(default)]
    pub(super) at: Option<UnixMillis>,
    #[serde(default)]
    pub(super) principal: Option<Arc<str>>,
    #[serde(default)]
    pub(super) route: Route,
    /// The tiers that were called.
    #[serde(default)]
    pub(super) steps: Vec<Step>,
    #[serde(default)]
    pub(super) content: Option<Content>,
    #[serde(default)]
    pub(super) sample: Option<Sample>,
}

/// What is read of a tier that was called.
#[derive(Deserialize)]
pub(super) struct Step {
    /// What more there is to say of why it escalated.
    #[serde(default)]
    pub(super) detail: Option<String>,
}

/// What is read of a route.
#[derive(Default, Deserialize)]
pub(super) struct Route {
    #[serde(default)]
    pub(super) segment: Option<String>,
}

//! What the rules and the tiers' own limits leave of the chain, before any call.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::cascade::{Answerer, Capability, Cascade, Model, TierIx};
use crate::request::{Request, estimated_tokens};
use crate::rule::Route;

/// Which tiers a request may use, in order, and why the others may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The rule that decided, if any did.
    pub rule: Option<Arc<str>>,
    /// What it decided.
    pub route: Route,
    /// The tiers that may be called, cheapest first.
    pub tiers: Vec<TierIx>,
    /// The others.
    pub skipped: Vec<(TierIx, Skip)>,
}

/// Why a tier is not called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The rule that decided does not allow it.
    Rule,
    /// The prompt is too long.
    ContextWindow {
        /// Tokens that prompt and answer are expected to need.
        needed: u64,
        /// Tokens that there are.
        window: u64,
    },
    /// The model cannot do what the request needs.
    Capability(Capability),
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule => f.write_str("rule"),
            Self::ContextWindow { needed, window } => write!(f, "context-window: about {needed} of {window} tokens"),
            Self::Capability(Capability::Tools) => f.write_str("capability: tools"),
            Self::Capability(Capability::StructuredOutput) => f.write_str("capability: structured-output"),
            Self::Capability(Capability::Vision) => f.write_str("capability: vision"),
        }
    }
}

impl Plan {
    /// Applies rules, capabilities and context windows to a request. Calls nothing.
    pub fn new(cascade: &Cascade, request: &Request) -> Self {
        let decided = cascade.rules().iter().map(|named| (named, named.rule.route(request))).find(|(_, r)| *r != Route::Pass);
        let (rule, route) = decided.map_or((None, Route::Pass), |(named, route)| (Some(named.name.clone()), route));
        let needed = needed_capabilities(request);
        let (mut tiers, mut skipped) = (Vec::new(), Vec::new());
        for ix in (0..cascade.tiers().len()).map(TierIx) {
            let skip = if allows(&route, ix) { unfit(&cascade.tier(ix).answerer, request, &needed) } else { Some(Skip::Rule) };
            match skip {
                None => tiers.push(ix),
                Some(why) => skipped.push((ix, why)),
            }
        }
        // A length is only estimated: the dearest model that the rule allows is asked all the same, and may say no itself.
        if tiers.iter().all(|ix| matches!(cascade.tier(*ix).answerer, Answerer::Human { .. }))
            && let Some(at) = skipped.iter().rposition(|(_, why)| matches!(why, Skip::ContextWindow { .. }))
        {
            tiers.insert(0, skipped.remove(at).0);
        }
        Self { rule, route, tiers, skipped }
    }
}

fn allows(route: &Route, ix: TierIx) -> bool {
    match route {
        Route::Pass => true,
        Route::EnterAt(first) => ix >= *first,
        Route::Only(allowed) => allowed.contains(&ix),
        Route::Refuse(_) => false,
    }
}

fn unfit(answerer: &Answerer, request: &Request, needed: &BTreeSet<Capability>) -> Option<Skip> {
    let Answerer::Model(model) = answerer else { return None };
    if let Some(window) = model.context_window {
        let tokens = expected_input(model, request) + u64::from(max_tokens(model, request).unwrap_or(0));
        if tokens > window {
            return Some(Skip::ContextWindow { needed: tokens, window });
        }
    }
    let has = model.capabilities.as_ref()?;
    needed.difference(has).next().copied().map(Skip::Capability)
}

/// A rough prompt length of a request at a tier, in tokens.
pub fn expected_input(model: &Model, request: &Request) -> u64 {
    request.estimated_tokens() + estimated_tokens(&model.preamble)
}

/// The limit on generated tokens in force at a tier, if there is one.
pub fn max_tokens(model: &Model, request: &Request) -> Option<u32> {
    model.params.max_tokens.or(request.params.max_tokens)
}

fn needed_capabilities(request: &Request) -> BTreeSet<Capability> {
    let image = |part: &serde_json::Value| part.get("type").and_then(|t| t.as_str()).is_some_and(|t| t.contains("image"));
    let mut needed = BTreeSet::new();
    if request.has_tools() {
        needed.insert(Capability::Tools);
    }
    if request.response_format.as_ref().is_some_and(|format| format.get().contains("json_schema")) {
        needed.insert(Capability::StructuredOutput);
    }
    if request
        .messages
        .iter()
        .any(|m| matches!(&m.content, Some(crate::request::Content::Parts(parts)) if parts.iter().any(image)))
    {
        needed.insert(Capability::Vision);
    }
    needed
}

//! What the rules and the tiers' own limits leave of the chain, before any call.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::cascade::{Answerer, Capability, Cascade, Model, OnError, TierIx};
use crate::caught::caught;
use crate::constraints::{Constraints, End};
use crate::gate::Gate;
use crate::number::Threshold;
use crate::point::{UnknownPoint, unknown};
use crate::request::{Request, estimated_tokens};

/// Which tiers a request is to use, in order, why the others are not asked, and [who may see it](Plan::may_see) at all.
#[derive(Clone, Debug)]
pub struct Plan {
    cascade: Cascade,
    request: Arc<Request>,
    /// What the rules want together; nobody else may change who sees the request.
    constraints: Constraints,
    /// There is no operating point of the name that is wanted.
    unknown_point: Option<UnknownPoint>,
    /// The operating point in force: as the request names it, else as a rule does, else by default. `None` where the cascade has no fit.
    pub point: Option<Arc<str>>,
    /// What is promised for that point. It is promised for requests like those that the fit was made on, and so not for the share of
    /// them that a rule picks: `None` where a rule chose the point.
    pub promise: Option<Arc<str>>,
    /// The request's run-time segment.
    pub segment: Option<Arc<str>>,
    /// One a declared tier: where its gate cuts for this request; `None` without a gate.
    pub thresholds: Vec<Option<Threshold>>,
    /// The tiers that may be called, cheapest first.
    pub tiers: Vec<TierIx>,
    /// The others.
    pub skipped: Vec<(TierIx, Skip)>,
}

/// Why a tier is not called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// A rule does not let it see the request.
    NotAllowed,
    /// A rule enters behind it.
    BeforeEntry,
    /// The operating point leaves it out, and no rule enters at it.
    Fit,
    /// There is no operating point of the name that the request or a rule gives.
    UnknownPoint(Arc<str>),
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

/// In words, as [`Display`](fmt::Display) has them.
impl Serialize for Skip {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed => f.write_str("not-allowed"),
            Self::BeforeEntry => f.write_str("before-entry"),
            Self::Fit => f.write_str("fit: not in the sub-chain in force"),
            Self::UnknownPoint(name) => f.write_str(&unknown(name)),
            Self::ContextWindow { needed, window } => write!(f, "context-window: about {needed} of {window} tokens"),
            Self::Capability(lacking) => write!(f, "capability: {lacking}"),
        }
    }
}

impl Plan {
    /// Applies rules, the operating point, capabilities and context windows to a request. Calls nothing.
    pub fn new(cascade: &Cascade, request: impl Into<Arc<Request>>) -> Self {
        let request = request.into();
        let constraints = Constraints::of(cascade, &request);
        let constraints = match request.unsendable() {
            Some(why) => constraints.nothing(End::Invalid(why.into())),
            None => constraints,
        };
        let (constraints, segment) = match caught(|| cascade.segment_of(&request)) {
            Ok(segment) => (constraints, segment),
            Err(why) => (constraints.faulty(&format!("a rule of the segments {why}")), None),
        };
        // The caller knows more of the request than a rule. Without a fit a rule has nothing to choose from.
        let by_rule = constraints.point().filter(|_| !cascade.points().is_empty() && request.point.is_none());
        let (point, unknown) = match cascade.point(request.point.as_ref().or(by_rule).map(|name| &**name)) {
            Ok(point) => (point, None),
            // Where no model answers, it matters to nobody.
            Err(unknown) => (None, Some(unknown).filter(|_| constraints.end().is_none())),
        };
        let promise = point.filter(|_| by_rule.is_none()).map(|point| point.promise.clone());
        let cuts = cascade.cuts(point, segment);
        let needed = needed_capabilities(&request);
        let (mut tiers, mut skipped, mut ended) = (Vec::new(), Vec::new(), false);
        for (ix, cut) in cuts.iter().enumerate().map(|(ix, cut)| (TierIx(ix), cut)) {
            let left_out = (ended || cut.is_some_and(|cut| !cut.asked)) && constraints.from() != Some(ix);
            let skip = match &unknown {
                Some(unknown) => Some(Skip::UnknownPoint(unknown.name.clone())),
                None if !constraints.allows(ix) => Some(Skip::NotAllowed),
                None if constraints.from().is_some_and(|from| ix < from) => Some(Skip::BeforeEntry),
                None if left_out => Some(Skip::Fit),
                None => unfit(&cascade.tier(ix).answerer, &request, &needed),
            };
            match skip {
                None => {
                    tiers.push(ix);
                    ended |= point.is_some() && cut.is_some_and(|cut| cut.asked && cut.threshold == Threshold::accept_all());
                }
                Some(why) => skipped.push((ix, why)),
            }
        }
        // Rules or limits have taken away every tier of the sub-chain in force: those that it leaves out answer then.
        if tiers.is_empty() {
            for (ix, why) in skipped.iter_mut().filter(|(_, why)| *why == Skip::Fit) {
                match unfit(&cascade.tier(*ix).answerer, &request, &needed) {
                    None => tiers.push(*ix),
                    Some(unfit) => *why = unfit,
                }
            }
            skipped.retain(|(ix, _)| !tiers.contains(ix));
        }
        // A length is only estimated: the dearest model that the rules allow is asked all the same, and may say no itself.
        if tiers.iter().all(|ix| matches!(cascade.tier(*ix).answerer, Answerer::Human { .. }))
            && let Some(at) = skipped.iter().rposition(|(_, why)| matches!(why, Skip::ContextWindow { .. }))
        {
            tiers.insert(0, skipped.remove(at).0);
        }
        let segment = segment.map(Into::into);
        Self {
            cascade: cascade.clone(),
            request,
            constraints,
            point: unknown.as_ref().map(|unknown| &unknown.name).or(point.map(|point| &point.name)).cloned(),
            unknown_point: unknown,
            promise,
            segment,
            thresholds: cuts.into_iter().map(|cut| Some(cut?.threshold)).collect(),
            tiers,
            skipped,
        }
    }

    /// The cascade.
    pub fn cascade(&self) -> &Cascade {
        &self.cascade
    }

    /// The request.
    pub fn request(&self) -> &Arc<Request> {
        &self.request
    }

    /// Whether another model is asked where a call of the place fails, as far as the request's budget allows.
    pub fn fails_over(&self, position: usize) -> bool {
        let next = self.tiers.get(position + 1).map(|tier| &self.cascade.tier(*tier).answerer);
        self.cascade.policy().on_error == OnError::Escalate && matches!(next, Some(Answerer::Model(_)))
    }

    /// What the rules want together.
    pub fn constraints(&self) -> &Constraints {
        &self.constraints
    }

    /// Why there are no gates to go by: nothing is called then.
    pub(crate) fn unknown_point(&self) -> Option<&UnknownPoint> {
        self.unknown_point.as_ref()
    }

    /// The gate in force at a place of the plan. At the end of the plan, where a deferral would serve the answer all the
    /// same, there is none: nobody pays for a probe that cannot matter.
    pub fn gate(&self, position: usize) -> Option<&Gate> {
        let gate = self.cascade.tier(*self.tiers.get(position)?).gate.as_ref();
        let last = position + 1 == self.tiers.len();
        gate.filter(|_| !(last && self.cascade.policy().on_exhausted.serves_the_best()))
    }
}

fn unfit(answerer: &Answerer, request: &Request, needed: &BTreeSet<Capability>) -> Option<Skip> {
    let Answerer::Model(model) = answerer else { return None };
    if let Some(window) = model.context_window {
        let tokens = expected_input(model, request) + max_tokens(model, request).unwrap_or(0);
        if tokens > window {
            return Some(Skip::ContextWindow { needed: tokens, window });
        }
    }
    let has = model.capabilities.as_ref()?;
    needed.difference(has).next().copied().map(Skip::Capability)
}

/// A rough prompt length of a request at a tier, in tokens.
pub(crate) fn expected_input(model: &Model, request: &Request) -> u64 {
    request.estimated_tokens() + estimated_tokens(&model.preamble)
}

/// The limit on generated tokens in force at a tier, if there is one.
pub(crate) fn max_tokens(model: &Model, request: &Request) -> Option<u64> {
    model.params.most_tokens().or(request.params.most_tokens())
}

fn needed_capabilities(request: &Request) -> BTreeSet<Capability> {
    let image = |part: &serde_json::Value| part.get("type").and_then(|t| t.as_str()).is_some_and(|t| t.contains("image"));
    let mut needed = BTreeSet::new();
    if request.has_tools() {
        needed.insert(Capability::Tools);
    }
    if request.has_format() {
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

//! The declared chain of tiers. A [`Cascade`] that exists is runnable: non-empty, every tier but the last gated.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fusion::GateValue;
use crate::gate::Gate;
use crate::money::Money;
use crate::point::{Cut, FittedGate, OperatingPoint, UnknownPoint};
use crate::request::Request;
use crate::rule::Rule;
use crate::segment::Segments;
pub use crate::tier::{Answerer, Capability, Model, Tier, TierIx};

/// After a failed call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// Go on with the next tier.
    #[default]
    Escalate,
    /// The run fails.
    Fail,
}

/// After a call whose prompt the provider's own filter refused. An answer that a filter cut is another thing: it is deferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnFilter {
    /// The request is refused: no other provider answers what one refused.
    #[default]
    Refuse,
    /// Go on with the next tier.
    Escalate,
}

/// After a signal that had nothing to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnAbstain {
    /// Go on with the next tier.
    #[default]
    Escalate,
    /// Accept the answer unread.
    Accept,
}

/// When no further tier may be called and none accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnExhausted {
    /// Serve the best answer there is: one that a gate could read before one that is cut off, empty or invalid, and of these the one of the
    /// latest tier. Gate values are not compared: those of two tiers are on scales of their own.
    #[default]
    Answer,
    /// The same, and an answer of the last tier that is cut off, filtered, refused or empty counts as one that it did not accept: an earlier
    /// tier's whole answer is served in its place, where there is one.
    BestWhole,
    /// Answer nothing.
    Abstain,
    /// A person must look; the best answer is attached.
    Review,
}

impl OnExhausted {
    /// Whether the best answer there is is served, though nothing accepted it.
    pub fn serves_the_best(self) -> bool {
        matches!(self, Self::Answer | Self::BestWhole)
    }
}

/// What happens when a gate cannot decide alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// After a failed call.
    pub on_error: OnError,
    /// After a prompt that a provider's filter refused.
    pub on_filter: OnFilter,
    /// After an abstention.
    pub on_abstain: OnAbstain,
    /// When the chain is exhausted.
    pub on_exhausted: OnExhausted,
    /// Most money for one request: no call is begun that is expected to exceed it. Where nobody told what a call before it cost, that is
    /// taken for the most that it can be. A person is asked whatever is left of it: what a review costs is in the trace, and held against
    /// nothing.
    pub budget: Option<Money>,
    /// Most time for one request, waiting for places included: no call is begun after it, and a call's own limit shrinks to an
    /// equal share of what is left for each model that may still be asked.
    pub deadline: Option<Duration>,
}

/// The parts of a cascade, not yet checked.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The cascade's name.
    pub name: Arc<str>,
    /// Keys the ties; bound to a fit and never to a seed.
    pub salt: Arc<str>,
    /// Cheapest first.
    pub tiers: Vec<Tier>,
    /// All that hold for a request are in force.
    pub rules: Vec<Rule>,
    /// What happens when a gate cannot decide alone.
    pub policy: Policy,
}

/// A runnable cascade. Clones share it: a run keeps the one that it began with, whatever is loaded meanwhile.
#[derive(Clone, Debug)]
pub struct Cascade(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    parts: Parts,
    segments: Segments,
    /// Empty, or the first one is the default.
    points: Vec<OperatingPoint>,
}

/// Why parts are no cascade. Its `Debug` is its message.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CascadeError {
    /// There is no tier.
    #[error("a cascade needs at least one tier")]
    NoTiers,
    /// Two tiers share a name.
    #[error("two tiers are named \"{0}\"")]
    DuplicateName(Arc<str>),
    /// Two rules share a name, so that nobody could tell which of them holds.
    #[error("two rules are named \"{0}\"")]
    DuplicateRule(Arc<str>),
    /// A rule names a tier that is not there.
    #[error("the rule \"{rule}\" names the tier at {at}, and there are {tiers}, counted from 0")]
    UnknownTier {
        /// The rule.
        rule: Arc<str>,
        /// The place that it names.
        at: usize,
        /// How many tiers there are.
        tiers: usize,
    },
    /// A tier before the last one has no gate.
    #[error("tier \"{0}\" has no gate, so the tiers after it can never be reached")]
    Ungated(Arc<str>),
    /// The last tier has a gate.
    #[error("tier \"{0}\" is the last one and can have no gate: there is nobody to escalate to")]
    LastIsGated(Arc<str>),
    /// A person stands before other tiers.
    #[error("tier \"{0}\" is a human one and must be the last")]
    HumanBeforeLast(Arc<str>),
    /// There is no model in the chain.
    #[error("a cascade needs at least one tier with a model")]
    NoModel,
    /// A signal asks a tier that is not there.
    #[error("the signal {signal} of tier \"{tier}\" asks \"{surrogate}\", which is not a tier with a model")]
    UnknownSurrogate {
        /// The gated tier.
        tier: Arc<str>,
        /// The signal's label.
        signal: Arc<str>,
        /// The tier it names.
        surrogate: String,
    },
    /// A fit without an operating point.
    #[error("a fit needs at least one operating point")]
    NoPoint,
    /// Two operating points share a name.
    #[error("two operating points are named \"{0}\"")]
    DuplicatePoint(Arc<str>),
    /// An operating point that is not of this chain.
    #[error("the operating point \"{point}\" does not have one cut for each of the {gated} gated tiers")]
    PointShape {
        /// The point.
        point: Arc<str>,
        /// How many tiers have a gate.
        gated: usize,
    },
    /// A gate value of a signal that the gate does not read.
    #[error("the gate value of tier \"{tier}\" is made of \"{signal}\", which its gate does not declare")]
    UnknownSignal {
        /// The gated tier.
        tier: Arc<str>,
        /// The signal's label.
        signal: String,
    },
    /// A budget over unknown prices.
    #[error("a budget needs prices, and tier \"{0}\" has none")]
    BudgetWithoutPrice(Arc<str>),
}

crate::debug_is_message!(CascadeError);

impl TryFrom<Parts> for Cascade {
    type Error = CascadeError;

    fn try_from(parts: Parts) -> Result<Self, CascadeError> {
        let Some((last, before)) = parts.tiers.split_last() else { return Err(CascadeError::NoTiers) };
        let mut names = BTreeSet::new();
        for tier in &parts.tiers {
            if !names.insert(&tier.name) {
                return Err(CascadeError::DuplicateName(tier.name.clone()));
            }
        }
        for tier in before {
            if matches!(tier.answerer, Answerer::Human { .. }) {
                return Err(CascadeError::HumanBeforeLast(tier.name.clone()));
            }
            if tier.gate.is_none() {
                return Err(CascadeError::Ungated(tier.name.clone()));
            }
        }
        if last.gate.is_some() {
            return Err(CascadeError::LastIsGated(last.name.clone()));
        }
        if before.is_empty() && matches!(last.answerer, Answerer::Human { .. }) {
            return Err(CascadeError::NoModel);
        }
        let mut names = BTreeSet::new();
        for Rule { name, route, .. } in &parts.rules {
            if !names.insert(name) {
                return Err(CascadeError::DuplicateRule(name.clone()));
            }
            let tiers = parts.tiers.len();
            if let Some(TierIx(at)) = route.tiers().find(|tier| tier.0 >= tiers) {
                return Err(CascadeError::UnknownTier { rule: name.clone(), at, tiers });
            }
        }
        let cascade = Self(Arc::new(Inner { parts, segments: Segments::default(), points: Vec::new() }));
        for tier in cascade.tiers() {
            for named in tier.gate.iter().flat_map(Gate::signals) {
                if let Some(surrogate) = named.surrogate()
                    && cascade.model_named(surrogate).is_none()
                {
                    let (tier, signal) = (tier.name.clone(), named.label.clone());
                    return Err(CascadeError::UnknownSurrogate { tier, signal, surrogate: surrogate.to_owned() });
                }
            }
            if let Answerer::Model(Model { price: None, .. }) = tier.answerer
                && cascade.policy().budget.is_some()
            {
                return Err(CascadeError::BudgetWithoutPrice(tier.name.clone()));
            }
        }
        Ok(cascade)
    }
}

impl Cascade {
    /// The cascade's name.
    pub fn name(&self) -> &Arc<str> {
        &self.0.parts.name
    }

    /// Keys the ties.
    pub fn salt(&self) -> &str {
        &self.0.parts.salt
    }

    /// Cheapest first.
    pub fn tiers(&self) -> &[Tier] {
        &self.0.parts.tiers
    }

    /// The tier at `ix`, which must come from this cascade.
    pub fn tier(&self, ix: TierIx) -> &Tier {
        &self.0.parts.tiers[ix.0]
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.0.parts.rules
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.0.parts.policy
    }

    /// The operating points of the fit, the default one first; empty where the gates' own thresholds count.
    pub fn points(&self) -> &[OperatingPoint] {
        &self.0.points
    }

    /// The cascade under other rules. What they say of tiers that are not there says nothing.
    #[must_use]
    pub fn with_rules(mut self, rules: Vec<Rule>) -> Self {
        self.inner().parts.rules = rules;
        self
    }

    /// The cascade with a declaration of segments.
    #[must_use]
    pub fn with_segments(mut self, segments: Segments) -> Self {
        self.inner().segments = segments;
        self
    }

    /// How the run-time segment of a request is found.
    pub fn segments(&self) -> &Segments {
        &self.0.segments
    }

    /// The run-time segment of a request; `None` where nothing says one.
    pub fn segment_of<'a>(&'a self, request: &'a Request) -> Option<&'a str> {
        self.0.segments.of(request)
    }

    /// Its parts, to change those of this one clone alone.
    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// The dearest tier with a model: what "always the best" would use.
    pub(crate) fn last_model(&self) -> Option<(TierIx, &Model)> {
        self.models().next_back()
    }

    /// The tiers that have a model, cheapest first.
    pub fn models(&self) -> impl DoubleEndedIterator<Item = (TierIx, &Model)> {
        self.tiers().iter().enumerate().filter_map(|(ix, tier)| match &tier.answerer {
            Answerer::Model(model) => Some((TierIx(ix), model)),
            Answerer::Human { .. } => None,
        })
    }

    /// The tier with a model of this name.
    pub fn model_named(&self, name: &str) -> Option<(TierIx, &Model)> {
        self.models().find(|(ix, _)| &*self.tier(*ix).name == name)
    }

    /// The cascade with the gates and operating points of a fit: one gate for every tier but the last, and at least one
    /// point, of which the first is in force where a request names none. The gates' own thresholds no longer count.
    pub fn fitted(mut self, gates: Vec<FittedGate>, points: Vec<OperatingPoint>) -> Result<Self, CascadeError> {
        let deciding = self.tiers().len() - 1;
        let names: Vec<&Arc<str>> = points.iter().map(|point| &point.name).collect();
        if let Some(twice) = names.iter().enumerate().find_map(|(at, name)| names[..at].contains(name).then_some(*name)) {
            return Err(CascadeError::DuplicatePoint(twice.clone()));
        }
        let misshapen = |point: &&OperatingPoint| {
            point.segments.values().chain([&point.cuts]).any(|cuts| cuts.len() != deciding) || gates.len() != deciding
        };
        if let Some(point) = points.iter().find(misshapen) {
            return Err(CascadeError::PointShape { point: point.name.clone(), gated: deciding });
        }
        if points.is_empty() {
            return Err(CascadeError::NoPoint);
        }
        let inner = self.inner();
        for (tier, fitted) in inner.parts.tiers.iter_mut().zip(gates) {
            let Some(gate) = &mut tier.gate else { return Err(CascadeError::Ungated(tier.name.clone())) };
            let missing = fitted.value.signals().into_iter().find(|label| gate.signals().all(|named| *named.label != **label));
            if let Some(missing) = missing {
                return Err(CascadeError::UnknownSignal { tier: tier.name.clone(), signal: missing.to_owned() });
            }
            let own = GateValue::Signal { signal: gate.signal.label.to_string(), negated: false };
            gate.value = Some(fitted.value).filter(|value| *value != own);
            gate.map = fitted.map;
        }
        inner.points = points;
        Ok(self)
    }

    /// The operating point of this name, or the one in force by default; `None` where the cascade was not fitted.
    pub fn point(&self, name: Option<&str>) -> Result<Option<&OperatingPoint>, UnknownPoint> {
        let Some(name) = name else { return Ok(self.points().first()) };
        let unknown =
            || UnknownPoint { name: name.into(), known: self.points().iter().map(|point| point.name.clone()).collect() };
        self.points().iter().find(|point| &*point.name == name).map(Some).ok_or_else(unknown)
    }

    /// What every declared tier does for a request of this segment: the cuts of `point`, else the gates' own thresholds.
    /// The last tier is asked and cuts nothing.
    pub(crate) fn cuts(&self, point: Option<&OperatingPoint>, segment: Option<&str>) -> Vec<Option<Cut>> {
        let own = |ix: usize| {
            let gate = self.tier(TierIx(ix)).gate.as_ref()?;
            Some(Cut { asked: true, threshold: gate.threshold })
        };
        let cuts = point.map(|point| point.cuts(segment));
        (0..self.tiers().len()).map(|ix| cuts.map_or_else(|| own(ix), |cuts| cuts.get(ix).copied())).collect()
    }
}

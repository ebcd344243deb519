//! Which models may see a request. Every call of every path is made from a [`Permit`], and only a plan gives one.

use std::fmt;
use std::num::NonZeroU8;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::calls::{answering_call, probing_call};
use crate::cascade::{Answerer, Model, OnAbstain, Tier, TierIx};
use crate::completion::Completion;
use crate::estimate::Estimate;
use crate::fusion::GateValue;
use crate::gate::Gate;
use crate::money::{Money, Price};
use crate::plan::Plan;
use crate::request::{Call, Request};
use crate::signal::{Abstain, NamedSignal};
use crate::trace_context::TraceContext;

/// The proof that a tier's model may see a request.
#[derive(Clone, Copy, Debug)]
pub struct Permit<'p> {
    ix: TierIx,
    tier: &'p Tier,
    model: &'p Model,
    request: &'p Arc<Request>,
}

/// A call with the tier that it is for, which may see what is in it. It can be made in no other way than from a [`Permit`].
#[derive(Clone, Debug)]
pub struct PermittedCall {
    tier: TierIx,
    price: Option<Price>,
    call: Call,
}

impl Plan {
    /// The permission to show the request to a tier's model, and the only way to a call. `None` where a rule keeps the request
    /// from the tier, or the tier has no model.
    ///
    /// Tiers that the plan only skips (a rule enters behind them, a fit leaves them out, the prompt is too long for them) may see
    /// the request: they may judge another tier's answer, and be recorded.
    pub fn may_see(&self, tier: TierIx) -> Option<Permit<'_>> {
        let ix = tier;
        let tier = self.cascade().tiers().get(ix.0)?;
        let Answerer::Model(model) = &tier.answerer else { return None };
        self.constraints().allows(ix).then_some(Permit { ix, tier, model, request: self.request() })
    }

    /// The probe that a signal of the gate of tier `own` makes about an answer; `None` where it makes none. It sees the answer as
    /// the caller would. An abstention where it would go to a tier that may not see the request.
    pub fn probe(&self, own: TierIx, named: &NamedSignal, answer: &Completion) -> Result<Option<PermittedCall>, Abstain> {
        if !named.needs().probe {
            return Ok(None);
        }
        let gate = self.cascade().tiers().get(own.0).and_then(|tier| tier.gate.as_ref());
        let stripped = gate.map(|gate| gate.stripped(answer));
        let Some(probe) = named.probe(self.request(), stripped.as_deref().unwrap_or(answer)) else { return Ok(None) };
        let permit = self.may_see(self.asked_by(own, named)).ok_or(Abstain::NotAllowed)?;
        Ok(Some(permit.call(probing_call(permit.model, self.request(), named, probe))))
    }

    /// The signals of the gate in force at a place of the plan that read nothing for this request, since they ask a tier that may
    /// not see it.
    pub fn unread(&self, position: usize) -> Vec<Unread<'_>> {
        let (Some(&tier), Some(gate)) = (self.tiers.get(position), self.gate(position)) else { return Vec::new() };
        let asks = |named: &NamedSignal| {
            let asked = named.needs().probe.then(|| self.asked_by(tier, named))?;
            self.may_see(asked).is_none().then_some(asked)
        };
        let silent = |label: &str| gate.signals().any(|named| *named.label == *label && asks(named).is_some());
        let on_abstain = self.cascade().policy().on_abstain;
        let then = |named: &NamedSignal| Then::of(gate, &named.label, on_abstain, &silent);
        gate.signals().filter_map(|named| Some(Unread { signal: &named.label, asks: asks(named)?, then: then(named) })).collect()
    }

    /// The tier that answers a signal's probe. A cascade has every tier that its signals name.
    fn asked_by(&self, own: TierIx, named: &NamedSignal) -> TierIx {
        let surrogate = named.surrogate().and_then(|name| self.cascade().model_named(name));
        surrogate.map_or(own, |(ix, _)| ix)
    }
}

/// A signal that reads nothing because it may not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unread<'p> {
    /// Its label.
    pub signal: &'p Arc<str>,
    /// The tier that it asks.
    pub asks: TierIx,
    /// What comes of it.
    pub then: Then,
}

/// What a gate makes of an answer that one of its signals cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is deferred.
    Deferred,
    /// It is accepted, as the policy accepts abstentions.
    Accepted,
    /// The gate value is made of the other signals, as the fit says.
    Fused,
    /// Nothing: the signal is only observed.
    Observed,
}

impl Then {
    fn of(gate: &Gate, label: &str, on_abstain: OnAbstain, silent: &dyn Fn(&str) -> bool) -> Self {
        if gate.require.iter().any(|validator| *validator.label == *label) {
            return Self::Deferred;
        }
        let made_of = gate.value.as_ref().map_or_else(|| vec![&*gate.signal.label], GateValue::signals);
        if !made_of.contains(&label) {
            Self::Observed
        } else if !made_of.iter().all(|other| silent(other)) {
            Self::Fused
        } else if on_abstain == OnAbstain::Accept {
            Self::Accepted
        } else {
            Self::Deferred
        }
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deferred => "the tier's answers are deferred, whatever they are",
            Self::Accepted => "the tier's complete answers are accepted unread, as on-abstain = \"accept\" says",
            Self::Fused => "the gate value is made of the other signals alone",
            Self::Observed => "nothing is decided by it",
        })
    }
}

impl Permit<'_> {
    /// The answering call: the model's preamble and parameters, and whatever the signals of the tier's gate ask for.
    pub fn answering_call(&self) -> PermittedCall {
        self.call(answering_call(self.model, self.request, self.tier.gate.as_ref()))
    }

    fn call(&self, call: Call) -> PermittedCall {
        PermittedCall { tier: self.ix, price: self.model.price, call }
    }
}

impl PermittedCall {
    /// The tier whose provider is called; for a probe, the surrogate's.
    pub fn tier(&self) -> TierIx {
        self.tier
    }

    /// What the tier's model charges, as it is declared.
    pub fn price(&self) -> Option<Price> {
        self.price
    }

    /// What the call is [expected to cost](Estimate::expected); `None` where its price is not declared.
    pub fn expected_cost(&self) -> Option<Money> {
        Some(Estimate::of(self, None).expected(self.price?))
    }

    /// Makes sure that the call asks for log-probabilities with at least `top` alternatives a token.
    pub fn want_logprobs(&mut self, top: u8) {
        self.call.want_logprobs(top);
    }

    /// The call, answered as a stream where that is possible: where it samples one answer.
    #[must_use]
    pub(crate) fn streamed(mut self) -> Self {
        self.call.stream = self.call.samples == NonZeroU8::MIN;
        self
    }

    /// Says in which distributed trace the call stands, where that is known better than the request says it.
    pub fn stand_in(&mut self, context: Option<TraceContext>) {
        self.call.context = context.or_else(|| self.call.context.take());
    }

    /// The call as one that [fails over](Call::fails_over); with this in all if it is answered whole and the tier says nothing else.
    #[must_use]
    pub(crate) fn failing_over(mut self, total: Option<Duration>) -> Self {
        let Call { timeouts, stream, fails_over, .. } = &mut self.call;
        *fails_over = true;
        timeouts.total = timeouts.total.or(total.filter(|_| !*stream));
        self
    }

    /// The call with at most this long from when it has its place, samples included.
    #[must_use]
    pub(crate) fn for_at_most(mut self, most: Duration) -> Self {
        let total = &mut self.call.timeouts.total;
        *total = Some(total.map_or(most, |total| total.min(most)));
        self.call.share = Some(most);
        self
    }

    /// The call with this much left until the request's deadline.
    #[must_use]
    pub(crate) fn within(mut self, left: Duration) -> Self {
        self.call = self.call.within(left);
        self
    }
}

impl Deref for PermittedCall {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

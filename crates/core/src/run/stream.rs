//! Answers that stream: which may be cut, which may be passed on before their end.

use super::{Next, Read, Run, State};
use crate::cascade::{OnAbstain, OnExhausted};
use crate::draft::{Cut, Draft, Reads};
use crate::estimate::Estimate;
use crate::gate::{Decision, Deferral, Gate};
use crate::provider::{Attempt, Billing, CallErrorKind, Took};
use crate::signal::NamedSignal;

impl Run {
    /// How the answer of the call under way is to be read while it streams.
    ///
    /// A driver may cancel a call whose draft is [sure to be deferred](crate::draft::Verdict::Cut): that changes cost and time. It changes the
    /// outcome in two cases alone. Where the budget of the request does not suffice for a later tier because of what the cut
    /// call can cost at most; and where the chain ends without a better answer, and the draft cannot be had again, for want of time
    /// or money or since that call fails. The first is looked at for the next tier, and under a deadline no draft is cut that may have to be served.
    pub fn draft(&self) -> Draft {
        let State::Ask(position) = self.state else { return Draft::new(Reads::AtTheEnd) };
        let tier = self.cascade.tier(self.plan.tiers[position]);
        let Some(gate) = self.plan.gate(position) else {
            let strips = tier.gate.as_ref().is_some_and(|gate| gate.signals().any(NamedSignal::strips));
            // Whether it is whole shows at its end, and only then whether another one is served.
            let may_be_replaced = self.cascade.policy().on_exhausted == OnExhausted::BestWhole;
            return Draft::new(if strips || may_be_replaced { Reads::AtTheEnd } else { Reads::Nothing });
        };
        let (may_cut, may_commit) = (self.may_cut(position, gate), gate.may_commit());
        let watching = (may_cut || may_commit).then(|| gate.signal.watch(&self.request));
        Draft::new(match watching {
            Some(watching) if watching.is_open() => {
                let signal = gate.signal.clone();
                Reads::Watched { watching, signal, threshold: self.threshold(position), tie: self.tie, may_cut, may_commit }
            }
            _ => Reads::AtTheEnd,
        })
    }

    fn may_cut(&self, position: usize, gate: &Gate) -> bool {
        let policy = self.cascade.policy();
        // An abstention may be accepted by policy, and a bound says nothing about abstaining.
        if policy.on_abstain != OnAbstain::Escalate || !gate.reads_as_it_streams() || self.end.is_some() {
            return false;
        }
        let Some(next) = self.plan.tiers.get(position + 1).and_then(|next| self.plan.may_see(*next)) else { return false };
        let may_be_served = self.plan.deadline().is_some() && policy.on_exhausted.serves_the_best();
        let after = || {
            let most = match self.next() {
                Next::Call(call) => Billing::Estimated(Estimate::of(&call, None)).cost(call.price()).at_most(),
                Next::Done => None,
            };
            most.zip(next.answering_call().expected_cost()).map(|(most, next)| most + next)
        };
        !may_be_served && (self.plan.budget().is_none() || after().is_some_and(|after| !self.too_dear(Some(after))))
    }

    /// Tells the run that pieces of the answer under way [have been passed on](crate::draft::Verdict::Pass): where it breaks off now, the run
    /// fails, since no other tier's text may follow.
    pub fn commit(&mut self) {
        self.committed = true;
    }

    /// Takes a draft that its gate is sure to defer, in place of the answer of the call under way. Its cost is estimated.
    pub fn feed_cut(&mut self, cut: &Cut, took: Took) {
        let (State::Ask(position), Next::Call(call)) = (&self.state, self.next()) else { return };
        let (position, tier) = (*position, self.plan.tiers[*position]);
        let billing = Billing::Estimated(Estimate::of(&call, Some(&cut.arrived)));
        let own = Attempt::new(CallErrorKind::Cancelled, billing, took.latency).by(took.member.clone());
        self.book_attempts(&call, 1, vec![own], took);
        let plan = self.plan.clone();
        let (value, bound) = match cut.known.reading() {
            Some(reading) => (reading.ok(), None),
            None => (None, cut.known.high()),
        };
        let why = match cut.known.reading() {
            Some(Err(why)) => Deferral::Abstained(why),
            _ => Deferral::BelowThreshold,
        };
        let read = plan.gate(position).map(|gate| Read { value, bound, ..Read::nothing(gate) });
        self.step(tier, Decision::Defer(why), read);
        self.cut.push(position);
        self.enter(position + 1, None);
    }
}

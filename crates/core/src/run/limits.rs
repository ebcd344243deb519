//! What time and money allow.

use std::time::Duration;

use super::{Run, State};
use crate::cascade::Answerer;
use crate::failing::Limits;
use crate::limit::Limit;
use crate::money::Money;
use crate::permit::PermittedCall;
use crate::request::Call;

impl Run {
    /// The call of a place of the plan, for as long as it may take.
    pub(super) fn limited(&self, position: usize, call: PermittedCall) -> PermittedCall {
        let call = match &self.cascade.tier(call.tier()).answerer {
            Answerer::Model(model) if self.fails_over(position) => call.failing_over(model.total_failing_over),
            _ => call,
        };
        match (self.left(), self.share(position)) {
            (Some(left), Some(share)) => call.within(left).for_at_most(share),
            _ => call,
        }
    }

    /// Whether another model would be asked next. Of a draft that is asked for once more nothing comes but the end.
    fn fails_over(&self, position: usize) -> bool {
        let can_pay = || self.plan.budget().is_none() || !self.cannot_pay(position + 1);
        self.end.is_none() && self.plan.fails_over(position) && can_pay()
    }

    /// How long a call of a place of the plan may take under the request's deadline: an equal share for each model that may still
    /// be asked, so that one that hangs leaves room for those after it. The last one may take all that is left.
    fn share(&self, position: usize) -> Option<Duration> {
        let later = self.plan.tiers.iter().skip(position + 1).filter(|_| self.end.is_none());
        let models = later.filter(|tier| matches!(self.cascade.tier(**tier).answerer, Answerer::Model(_))).count();
        self.left().map(|left| left / u32::try_from(models + 1).unwrap_or(u32::MAX))
    }

    /// What is left until the request's deadline.
    fn left(&self) -> Option<Duration> {
        self.plan.deadline().map(|deadline| deadline.saturating_sub(self.latency.saturating_add(self.queued)))
    }

    /// How long the call may take whose result is fed next, after it `queued` for its place.
    pub(super) fn time_limits(&self, call: &Call, queued: Duration) -> Limits {
        // The time of samples is that of the slowest one.
        let samples = if matches!(self.state, State::Ask(_)) { 1 } else { call.samples.get() };
        let own = Limit::of(call.timeouts.total, samples, call.share);
        Limits { own, left: self.left().map(|left| left.saturating_sub(queued)) }
    }

    /// Whether the budget does not suffice for the answering call at a place of the plan.
    pub(super) fn cannot_pay(&self, position: usize) -> bool {
        self.plan.may_see(self.plan.tiers[position]).is_some_and(|permit| self.too_dear(permit.answering_call().expected_cost()))
    }

    pub(super) fn out_of_time(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    pub(super) fn too_dear(&self, expected: Option<Money>) -> bool {
        self.plan.budget().is_some_and(|budget| self.reserved + expected.unwrap_or_default() > budget)
    }
}

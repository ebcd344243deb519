//! What time and money allow.

use std::time::Duration;

use super::{Run, State};
use crate::cascade::Answerer;
use crate::failing::Limits;
use crate::limit::Limit;
use crate::money::Money;
use crate::permit::PermittedCall;

impl Run {
    pub(super) fn within_deadline(&self, position: usize, call: PermittedCall) -> PermittedCall {
        match (self.left(), self.share(position)) {
            (Some(left), Some(share)) => call.within(left).for_at_most(share),
            _ => call,
        }
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
    pub(super) fn time_limits(&self, queued: Duration) -> Limits {
        let own = match &self.state {
            // The time of samples is that of the slowest one.
            State::Ask(position) => match &self.cascade.tier(self.plan.tiers[*position]).answerer {
                Answerer::Model(model) => Limit::of(model.timeouts.total, 1, self.share(*position)),
                Answerer::Human { .. } => None,
            },
            State::Probe(probing) => probing.call.limit(),
            State::Done(_) => None,
        };
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

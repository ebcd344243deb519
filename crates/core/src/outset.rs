//! How a run ends before any call, as a plan says it.

use std::sync::Arc;
use std::time::Duration;

use crate::cascade::Answerer;
use crate::constraints::End;
use crate::money::Money;
use crate::plan::Plan;
use crate::provider::{CallError, CallErrorKind};
use crate::trace::Stopped;

const NOT_ALLOWED: &str = "the request's budget does not allow a call to any tier";

/// How a run ends that calls nobody.
#[derive(Clone, Debug)]
pub enum Uncalled {
    /// The request is refused; every reason.
    Refused(Arc<str>),
    /// A person answers, and no model is called; every reason.
    Review(Arc<str>),
    /// The run fails.
    Failed {
        /// Why.
        error: CallError,
        /// The limit that stopped it, where one did.
        stopped: Option<Stopped>,
    },
}

impl Plan {
    /// How a run of this plan ends without any call to a model; `None` where the first tier of the plan is asked.
    ///
    /// A refusal comes before everything else, and a review before what keeps models from being called.
    pub fn uncalled(&self) -> Option<Uncalled> {
        let failed = |error, stopped| Some(Uncalled::Failed { error, stopped });
        let invalid = |message: String| CallError::new(CallErrorKind::InvalidRequest, message);
        match self.constraints().end() {
            Some(End::Invalid(why)) => return failed(invalid(why.to_string()), None),
            Some(End::Fault(why)) => return failed(CallError::new(CallErrorKind::Panicked, &**why), None),
            Some(End::Refused(why)) => return Some(Uncalled::Refused(why.clone())),
            Some(End::Review(why)) => return Some(Uncalled::Review(why.clone())),
            None => {}
        }
        if let Some(unknown) = self.unknown_point() {
            return failed(invalid(unknown.to_string()), None);
        }
        let Some(first) = self.tiers.first() else { return failed(self.no_tier(), None) };
        if matches!(self.cascade().tier(*first).answerer, Answerer::Human { .. }) {
            return None;
        }
        if let Some(why) = self.unaffordable() {
            return failed(invalid(why), None);
        }
        if self.deadline().is_some_and(|most| most.is_zero()) {
            return failed(late(), Some(Stopped::Deadline));
        }
        let budget = self.budget()?;
        let cost = self.may_see(*first)?.answering_call().expected_cost().filter(|cost| *cost > budget)?;
        let name = &self.cascade().tier(*first).name;
        let message = format!("{NOT_ALLOWED}: it is ${budget}, and one to \"{name}\" may cost ${cost}");
        failed(invalid(message), Some(Stopped::Budget))
    }

    /// Most money for the request: a request may tighten what the policy says, and never widen it.
    pub fn budget(&self) -> Option<Money> {
        self.cascade().policy().budget.into_iter().chain(self.request().budget).min()
    }

    /// Most time for the request, likewise.
    pub fn deadline(&self) -> Option<Duration> {
        self.cascade().policy().deadline.into_iter().chain(self.request().deadline).min()
    }

    /// Why the request's own budget cannot be kept, where it cannot. Of a policy's the cascade says so itself.
    fn unaffordable(&self) -> Option<String> {
        self.request().budget?;
        let (unpriced, _) = self.cascade().models().find(|(_, model)| model.price.is_none())?;
        let name = &self.cascade().tier(unpriced).name;
        Some(format!("the request has a budget, which needs the price of every tier, and \"{name}\" has none"))
    }

    /// That nobody could be asked.
    pub(crate) fn no_tier(&self) -> CallError {
        let because: Vec<String> =
            self.skipped.iter().map(|(ix, why)| format!("{} ({why})", self.cascade().tier(*ix).name)).collect();
        let message = if self.tiers.is_empty() {
            format!("no tier can take this request: {}", because.join(", "))
        } else {
            NOT_ALLOWED.to_owned()
        };
        CallError::new(CallErrorKind::InvalidRequest, message)
    }
}

/// That there was no time for any call.
pub(crate) fn late() -> CallError {
    CallError::new(CallErrorKind::Deadline, "the request's deadline passed before a tier could answer")
}

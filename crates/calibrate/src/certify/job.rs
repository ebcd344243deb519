//! One operating point: what is asked, at which part of the error.

use super::PointCertified;
use super::goal::Goal;
use super::verdict::Conclusion;
use crate::ask::Target;
use tierfall_core::fit::TargetFit;

/// An operating point to be certified.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) target: Target,
    /// `None` = no promise is wanted, or none exists.
    pub(crate) delta: Option<f64>,
}

impl Job {
    /// What a test is to show; `None` for a limit on cost.
    pub(crate) fn goal(&self) -> Option<Goal> {
        match self.target {
            Target::Accuracy(accuracy) => Some(Goal::Accuracy(accuracy)),
            Target::MaxLoss(loss) => Some(Goal::Loss(loss)),
            Target::MaxCost(_) => None,
        }
    }

    fn written(&self) -> TargetFit {
        match self.target {
            Target::Accuracy(accuracy) => TargetFit::Accuracy(accuracy),
            Target::MaxLoss(loss) => TargetFit::MaxLoss(loss),
            Target::MaxCost(cost) => TargetFit::MaxCost(cost.usd()),
        }
    }

    /// From a verdict on all rows.
    pub(crate) fn decided(&self, verdict: Conclusion) -> PointCertified {
        PointCertified {
            name: self.name.clone(),
            status: verdict.status,
            target: self.written(),
            policy: verdict.policy,
            segments: Vec::new(),
            guarantee: verdict.guarantee,
            needed_n: verdict.needed_n,
            attainable: verdict.attainable,
            why: verdict.why,
            pair_cuts: Vec::new(),
            frontier: Vec::new(),
        }
    }
}

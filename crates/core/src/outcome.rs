//! How a run ended.

use std::sync::Arc;

use crate::cascade::TierIx;
use crate::completion::Completion;
use crate::gate::Accepted;
use crate::number::Confidence;
use crate::provider::CallError;
use crate::trace::OutcomeKind;

/// How a run ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// With an answer.
    Answered(Served),
    /// The cascade declines to answer; the best answer it had.
    Abstained(Option<Served>),
    /// A person must look; the best answer is attached.
    Review(Option<Served>),
    /// A rule, or a provider's filter, refused the request, with the reason.
    Refused(Arc<str>),
    /// No tier could answer.
    Failed(CallError),
}

/// An answer and where it is from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Served {
    /// The tier that answered.
    pub tier: TierIx,
    /// The answer, with everything stripped that only signals asked for.
    pub answer: Arc<Completion>,
    /// The calibrated confidence, where a gate accepted the answer and a map was fitted.
    pub confidence: Option<Confidence>,
    /// Why it was accepted. `None` = it was not: it is attached, or served as the best that was left when the chain could not
    /// go on.
    pub accepted: Option<Accepted>,
}

impl Outcome {
    /// The answer that is served. What is [attached](Self::attached) is not: whoever asked does not get it.
    pub fn served(&self) -> Option<&Served> {
        match self {
            Self::Answered(served) => Some(served),
            Self::Abstained(_) | Self::Review(_) | Self::Refused(_) | Self::Failed(_) => None,
        }
    }

    /// The best answer that there was, attached to an abstention or a review: no gate accepted it.
    pub fn attached(&self) -> Option<&Served> {
        match self {
            Self::Abstained(best) | Self::Review(best) => best.as_ref(),
            Self::Answered(_) | Self::Refused(_) | Self::Failed(_) => None,
        }
    }

    /// The kind of outcome.
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Answered(_) => OutcomeKind::Answered,
            Self::Abstained(_) => OutcomeKind::Abstained,
            Self::Review(_) => OutcomeKind::Review,
            Self::Refused(_) => OutcomeKind::Refused,
            Self::Failed(_) => OutcomeKind::Failed,
        }
    }
}

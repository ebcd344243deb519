//! What a test is to show.

/// What is to be shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// Mean quality at least this.
    Accuracy(f64),
    /// Mean quality at most this much below the last tier's.
    Loss(f64),
}

impl Goal {
    /// The most loss that meets it, where loss is 1 − quality or the difference to the last tier.
    pub(crate) fn limit(self) -> f64 {
        match self {
            Self::Accuracy(accuracy) => 1.0 - accuracy,
            Self::Loss(loss) => loss,
        }
    }

    /// The same goal with another limit on the loss.
    pub(crate) fn with_limit(self, limit: f64) -> Self {
        match self {
            Self::Accuracy(_) => Self::Accuracy(1.0 - limit),
            Self::Loss(_) => Self::Loss(limit),
        }
    }

    /// A bound on the loss in the target's own terms.
    pub(crate) fn terms(self, loss: f64) -> f64 {
        match self {
            Self::Accuracy(_) => 1.0 - loss,
            Self::Loss(_) => loss,
        }
    }
}

//! What counts as worse, and how sure one must be.

/// How a comparison is judged. The defaults are those of a gate on pull requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// The chance, at most, that a change which makes nothing worse fails at all: shared by all metrics and segments, and by all
    /// comparisons that have a [`share`](Self::share) of it.
    pub level: f64,
    /// The part of `level` that this comparison may spend, in (0, 1]: 1 over the number of comparisons that are one run.
    pub share: f64,
    /// The loss of quality that is still no regression, in [0, 1]: what a pass rules out.
    pub margin: f64,
    /// The chance, at most, that a loss of `margin` passes.
    pub margin_level: f64,
    /// The relative rise in cost that is still no regression.
    pub cost_rise: f64,
    /// The relative rise in latency that is still no regression.
    pub latency_rise: f64,
    /// The power at which the minimal detectable effect is stated.
    pub power: f64,
    /// Of the sign patterns and resamples that are drawn where there are too many to count.
    pub seed: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            level: 0.01,
            share: 1.0,
            margin: 0.02,
            margin_level: 0.05,
            cost_rise: 0.05,
            latency_rise: 0.2,
            power: 0.8,
            seed: 0,
        }
    }
}

/// The share of either level that a run may spend on its way, where it may stop early.
const EARLY: f64 = 0.2;

impl Rules {
    /// The rules of a run that may stop early and is judged at its end if it does not: on the way, at the end. Each has its part
    /// of both levels, so that both looks together keep them.
    #[must_use]
    pub fn split(&self) -> (Self, Self) {
        let part = |share: f64| Self { share: self.share * share, margin_level: self.margin_level * share, ..*self };
        (part(EARLY), part(1.0 - EARLY))
    }

    /// What this comparison may spend of `level`.
    pub fn own_level(&self) -> f64 {
        self.level * self.share
    }
}

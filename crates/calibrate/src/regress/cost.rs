//! Do the same examples cost more?

use crate::evaluate::CONFIDENCE;
use crate::stat::{flips, normal};

use super::family::Test;
use super::rows;
use super::{Pair, Rules};

/// What costs under two systems say.
#[derive(Clone, Debug)]
pub(super) enum Cost {
    /// Some are not known, so that a mean would be of other examples than the quality is.
    Unknown {
        /// Examples without a cost on either side.
        missing: u64,
        /// Of them, those whose cost the baseline knew.
        lost: u64,
    },
    Known(Box<Known>),
}

/// Costs that are all known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Mean USD an example now and under the baseline.
    pub value: f64,
    pub baseline: f64,
    /// (now − base)/base; infinite where the baseline was free.
    pub rise: f64,
    /// Of "no more expensive".
    pub test: Test,
    /// Of the rise.
    pub interval: Option<[f64; 2]>,
    /// Whether a rise of `Rules::cost_rise` is ruled out.
    pub non_inferior: bool,
    /// The standard error of the rise under "no more expensive".
    error: f64,
}

impl Cost {
    pub(super) fn of(pairs: &[&Pair], rules: &Rules) -> Self {
        let missing = pairs.iter().filter(|pair| pair.base.cost_usd.is_none() || pair.now.cost_usd.is_none()).count();
        if missing > 0 || pairs.is_empty() {
            let lost = pairs.iter().filter(|pair| pair.base.cost_usd.is_some() && pair.now.cost_usd.is_none()).count();
            return Self::Unknown { missing: missing as u64, lost: lost as u64 };
        }
        let sample = rows::sample(pairs.iter().map(|pair| (pair.weight, pair.cluster)));
        let base = sample.by_item(|at| pairs[at].base.cost_usd.unwrap_or(0.0));
        let now = sample.by_item(|at| pairs[at].now.cost_usd.unwrap_or(0.0));
        let more: Vec<f64> = now.iter().zip(&base).map(|(now, base)| now - base).collect();
        let weight: f64 = sample.by_item(|_| 1.0).iter().sum();
        let (before, after): (f64, f64) = (base.iter().sum(), now.iter().sum());
        let rise = if before > 0.0 {
            (after - before) / before
        } else if after > 0.0 {
            f64::INFINITY
        } else {
            0.0
        };
        let error = more.iter().map(|more| more * more).sum::<f64>().sqrt() / before;
        let over = now.iter().zip(&base).map(|(now, base)| now - (1.0 + rules.cost_rise) * base);
        // Where no cost moved, a share of 1 − p^(1/n) of the traffic may be like none of these, and is taken to move by what it cost.
        let unmoved = more.iter().all(|more| more.abs() <= 0.0);
        let unseen = |p: f64| -(p.ln() / more.len() as f64).exp_m1();
        let interval = if before > 0.0 {
            let around = if unmoved { unseen(0.5 - 0.5 * CONFIDENCE) } else { 0.0 };
            let alike = (more.len() > 1).then_some([rise - around, rise + around]);
            rows::interval(&more, &base, rules.seed).or(alike)
        } else {
            None
        };
        Self::Known(Box::new(Known {
            value: after / weight,
            baseline: before / weight,
            rise,
            test: Test { p: flips::greater(&more), least: flips::least(&more) },
            interval,
            non_inferior: if unmoved {
                unseen(rules.margin_level) <= rules.cost_rise
            } else {
                rows::below_zero(over) <= rules.margin_level
            },
            error,
        }))
    }
}

impl Known {
    /// The smallest rise that fails at this level with the power: it must be significant, and above the rise that is none.
    pub(super) fn detectable(&self, level: f64, rules: &Rules) -> Option<f64> {
        let power = normal::quantile(rules.power);
        let significant = (normal::quantile(1.0 - level) + power) * self.error;
        Some(significant.max(rules.cost_rise + power * self.error)).filter(|rise| rise.is_finite())
    }
}

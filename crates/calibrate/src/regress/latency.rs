//! Do more of the same requests take long? Of measured times only.
//!
//! "Above the baseline's p95" would count an estimate as if it were known: with n requests on either side the share above it
//! varies by √2 of what a binomial test allows for. Here "long" is what exceeds the p95 of *both* runs together, a threshold that does
//! not change when the two times of a request are exchanged. Times now are first made shorter by the rise that is still none: where a
//! request takes longer by no more than that, it is no more likely long now than then.
//!
//! Whatever slows a provider slows requests that are asked together: thirty slow answers in one minute are one observation, not
//! thirty. So requests are put together in the order in which they were asked, in [`BATCHES`] of equal size, and the batches are what is
//! tested, as in the method of batch means (Law & Kelton, *Simulation Modeling and Analysis*, §9.5.3).

use std::collections::BTreeMap;

use crate::stat::{flips, normal};

use super::family::Test;
use super::{Pair, Rules, rows};

/// The share of answers that may become slow before it counts: 10 % instead of 5 % beyond a p95.
pub(super) const MARGIN: f64 = 0.05;

/// What times must rise by, in milliseconds, before it counts, however short they are: a busy machine is no slower provider.
const LEAST_MS: f64 = 10.0;

/// So many that all of them being slower is beyond the level, and so few that each outlasts what slows a provider for a while.
const BATCHES: usize = 32;

/// What times under two systems say.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    /// Pairs with a time on either side.
    pub n: u64,
    /// Pairs without one.
    pub missing: u64,
    /// The 95th percentile in milliseconds, now and under the baseline.
    pub value: f64,
    pub baseline: f64,
    /// What counts as long under the baseline, in milliseconds.
    pub long: f64,
    /// The share of long answers: those that are so even without the rise that is none, and those under the baseline.
    pub slow: f64,
    pub slow_before: f64,
    /// Of "no slower, but for the rise that is none".
    pub test: Test,
    /// Whether [`MARGIN`] more long answers are ruled out.
    pub non_inferior: bool,
    /// Of the share, under "no slower".
    error: f64,
}

impl Latency {
    /// `None` where no pair has both times.
    pub(super) fn of(pairs: &[&Pair], rules: &Rules) -> Option<Self> {
        let both: Vec<(&Pair, f64, f64)> =
            pairs.iter().filter_map(|pair| Some((*pair, pair.base.latency_ms?, pair.now.latency_ms?))).collect();
        if both.is_empty() {
            return None;
        }
        let sample = rows::sample(both.iter().map(|(pair, ..)| (pair.weight, pair.cluster)));
        let base: Vec<u64> = both.iter().map(|(_, base, _)| micros(*base)).collect();
        let now: Vec<u64> = both.iter().map(|(.., now)| micros(*now)).collect();
        let eased: Vec<u64> = both.iter().map(|(.., now)| micros(eased(*now, rules))).collect();
        let together = [base.as_slice(), eased.as_slice()].concat();
        let long = sample.twice().quantile(0.95, |at| together[at]);
        let (slow, before) =
            (|at: usize| f64::from(u8::from(eased[at] > long)), |at: usize| f64::from(u8::from(base[at] > long)));
        let weights = sample.by_item(|_| 1.0);
        // An item's place among those that were asked is that of its first row.
        let turns = first_turns(&both);
        let batched = |of: Vec<f64>| batches(&of, &turns);
        let more = batched(sample.by_item(|at| slow(at) - before(at)));
        let weight = batched(weights.clone());
        let total: f64 = weights.iter().sum();
        // Where no request is longer in one run alone, a share of 1 − p^(1/n) of the traffic may be like none of these.
        let unmoved = more.iter().all(|more| more.abs() <= 0.0);
        let unseen = -(rules.margin_level.ln() / sample.items as f64).exp_m1();
        let over = more.iter().zip(&weight).map(|(more, weight)| more - MARGIN * weight);
        Some(Self {
            n: both.len() as u64,
            missing: (pairs.len() - both.len()) as u64,
            value: sample.quantile(0.95, |at| now[at]) as f64 / 1e3,
            baseline: sample.quantile(0.95, |at| base[at]) as f64 / 1e3,
            long: long as f64 / 1e3,
            slow: sample.mean(slow),
            slow_before: sample.mean(before),
            test: Test { p: flips::greater(&more), least: flips::least(&more) },
            non_inferior: if unmoved { unseen <= MARGIN } else { rows::below_zero(over) <= rules.margin_level },
            error: more.iter().map(|more| more * more).sum::<f64>().sqrt() / total,
        })
    }

    /// The smallest rise in the share of long answers that fails at this level with the power.
    pub(super) fn detectable(&self, level: f64, rules: &Rules) -> f64 {
        let z = normal::quantile(1.0 - level) + normal::quantile(rules.power);
        // As for quality: few differences seen are no reason to call a small shift detectable.
        (z * self.error.max(z / self.n as f64)).min(1.0)
    }
}

/// A time without the rise that is none.
fn eased(now: f64, rules: &Rules) -> f64 {
    (now / (1.0 + rules.latency_rise)).min(now - LEAST_MS).max(0.0)
}

/// When each item was asked first, in the order in which items first appear.
fn first_turns(pairs: &[(&Pair, f64, f64)]) -> Vec<u32> {
    let mut turns: Vec<u32> = Vec::new();
    let mut places = BTreeMap::new();
    for (pair, ..) in pairs {
        let place = *places.entry(pair.cluster).or_insert(turns.len());
        match turns.get_mut(place) {
            Some(first) => *first = pair.turn.min(*first),
            None => turns.push(pair.turn),
        }
    }
    turns
}

/// The sums of values of items over batches of those that were asked together.
fn batches(values: &[f64], turns: &[u32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(|at| turns[*at]);
    let count = BATCHES.min(values.len());
    let mut sums = vec![0.0; count];
    for (rank, at) in order.into_iter().enumerate() {
        sums[rank * count / values.len()] += values[at];
    }
    sums
}

/// Milliseconds in whole microseconds.
pub(super) fn micros(ms: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, and no time is below 0")]
    let micros = (ms * 1e3).round() as u64;
    micros
}

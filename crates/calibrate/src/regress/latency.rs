//! Do more of the same requests take long? Of measured times only.
//!
//! "Above the baseline's p95" would count an estimate as if it were known: with n requests on either side the share above it
//! varies by √2 of what a binomial test allows for. Here "long" is what exceeds the p95 of *both* runs together, a threshold that does
//! not change when the two times of a request are exchanged. Under "no slower" each request that is long in one run alone is
//! as likely long in either, so that the paired tests of quality hold as they are. What slowed one run as a whole is a difference.

use super::quality::Quality;
use super::{Item, Pair, Rules};
use crate::regress::rows;

/// The share of answers that may become slow before it counts: 10 % instead of 5 % beyond a p95.
pub(super) const MARGIN: f64 = 0.05;

/// What times under two systems say.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    /// Pairs without a time on either side.
    pub missing: u64,
    /// The 95th percentile in milliseconds, now and under the baseline.
    pub value: f64,
    pub baseline: f64,
    /// What counts as long, in milliseconds.
    pub long: f64,
    /// Quality = not long.
    pub fast: Quality,
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
        let together = [base.as_slice(), now.as_slice()].concat();
        let long = sample.twice().quantile(0.95, |at| together[at]);
        let fast = |time: u64| Item { quality: if time > long { 0.0 } else { 1.0 }, cost_usd: None, latency_ms: None };
        let as_quality: Vec<Pair> = both
            .iter()
            .zip(base.iter().zip(&now))
            .map(|((pair, ..), (base, now))| Pair { base: fast(*base), now: fast(*now), ..**pair })
            .collect();
        Some(Self {
            missing: (pairs.len() - both.len()) as u64,
            value: sample.quantile(0.95, |at| now[at]) as f64 / 1e3,
            baseline: sample.quantile(0.95, |at| base[at]) as f64 / 1e3,
            long: long as f64 / 1e3,
            fast: Quality::of(&as_quality.iter().collect::<Vec<_>>(), rules),
        })
    }
}

/// Milliseconds in whole microseconds.
pub(super) fn micros(ms: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, and no time is below 0")]
    let micros = (ms * 1e3).round() as u64;
    micros
}

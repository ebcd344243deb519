//! How many examples a promise needs, and which differences a number of examples finds.
//!
//! All sizes are for the error probability `delta` and the `power` to certify, 0.8 by default.

use std::fmt;

use serde::Serialize;
use tierfall_core::text::count;

use crate::stat::bisection::first;
use crate::stat::{binomial, normal, proportion};

/// The power that is planned for where nothing else is asked.
pub(crate) const POWER: f64 = 0.8;

/// What the normal formula for a paired loss is enlarged by: the exact test has a power of only 0.77–0.79 at the formula's n.
const ENLARGED: f64 = 1.05;

/// More examples than this are not planned for.
const MOST: u64 = 1_000_000_000;

/// With this probability a share is no worse than it is taken to be where a number is planned for with care.
const CARE: f64 = 0.8;

/// How many labelled examples a promise takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Needed {
    /// If all are as those that are there: too hopeful, since those were chosen by how they look.
    pub from: u64,
    /// If what is wrong is as frequent as those that are there leave possible; `None` = then no number would do.
    pub to: Option<u64>,
}

impl Needed {
    /// Both, no fewer than `least`; `None` where even the first is not known.
    pub(crate) fn new(from: Option<u64>, to: Option<u64>, least: u64) -> Option<Self> {
        let from = from?.max(least);
        Some(Self { from, to: to.map(|to| to.max(from)) })
    }

    /// As many times so many.
    pub(crate) fn times(self, by: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows; saturates")]
        let times = |n: u64| (n as f64 * by).ceil() as u64;
        Self { from: times(self.from), to: self.to.map(times) }
    }
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = count(self.from);
        match self.to {
            Some(to) if to == self.from => f.write_str(&from),
            Some(to) => write!(f, "{from} to {}", count(to)),
            None => write!(f, "{from} or more"),
        }
    }
}

/// A share as great as `share` of `n` rows leaves possible, with [`CARE`].
pub(crate) fn careful(share: f64, n: u64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows")]
    let k = (share.clamp(0.0, 1.0) * n as f64).round() as u64;
    proportion::upper(k, n, 1.0 - CARE)
}

/// A loss and the share of the rows that differ, the rows that lose being as frequent as `n` of them leave possible.
pub(crate) fn careful_loss(loss: f64, discordance: f64, n: u64) -> (f64, f64) {
    let (minus, plus) = (f64::midpoint(discordance, loss), 0.5 * (discordance - loss).max(0.0));
    let minus = careful(minus, n);
    (minus - plus, minus + plus)
}

/// The least number of examples on which a proportion of losses below `eps` can be certified at all: without a single loss,
/// (1 − eps)ⁿ ≤ δ. `None` where no number is enough.
pub fn zero_loss_floor(eps: f64, delta: f64) -> Option<u64> {
    whole((delta.ln() / (-eps).ln_1p()).max(1.0), eps > 0.0)
}

/// Examples to certify "the error rate is at most `limit`" where it is `true_rate`, by the exact binomial test. The search
/// goes upward from 0.8 × the normal formula in steps of half a percent; power is a saw-tooth in n, so that a smaller n may
/// do by luck. `None` where the true rate is not below the limit, or the answer is above 10⁹.
pub fn n_accuracy(limit: f64, true_rate: f64, delta: f64, power: f64) -> Option<u64> {
    let (z_level, z_power) = (normal::quantile(1.0 - delta), normal::quantile(power));
    let root = z_level * (limit * (1.0 - limit)).sqrt() + z_power * (true_rate * (1.0 - true_rate)).sqrt();
    let guess = (root / (limit - true_rate)).powi(2);
    let possible = limit > true_rate && limit < 1.0;
    if guess > 1e6 {
        // The saw-tooth is lost in the formula's own rounding here.
        return whole(guess, possible);
    }
    let start = whole((0.8 * guess).floor().max(1.0), possible)?;
    let certifies = |n: u64| {
        let too_many = first(n, |k| binomial::cdf(k, n, limit) > delta);
        too_many > 0 && binomial::cdf(too_many - 1, n, true_rate) >= power
    };
    std::iter::successors(Some(start), |n| Some(n + (n / 200).max(1))).take_while(|n| *n <= MOST).find(|n| certifies(*n))
}

/// Examples to certify "the loss against the reference is at most `eps`" where it is `loss` and `discordance` of the rows
/// differ: [`loss_formula`] × [`ENLARGED`], and no fewer than the [`zero_loss_floor`].
pub(crate) fn n_loss(eps: f64, loss: f64, discordance: f64, delta: f64, power: f64) -> Option<u64> {
    let planned = whole(ENLARGED * loss_formula(eps, loss, discordance, delta, power), eps > loss)?;
    Some(planned.max(zero_loss_floor(eps, delta)?))
}

/// The normal formula for a paired loss below `eps`, where it is `loss` and `discordance` of the rows differ; not rounded.
pub fn loss_formula(eps: f64, loss: f64, discordance: f64, delta: f64, power: f64) -> f64 {
    let (z_level, z_power) = (normal::quantile(1.0 - delta), normal::quantile(power));
    let under = |mean: f64| (discordance - mean * mean).max(0.0).sqrt();
    ((z_level * under(eps) + z_power * under(loss)) / (eps - loss)).powi(2)
}

/// `n` rounded up, where it is a number of examples at all.
fn whole(n: f64, possible: bool) -> Option<u64> {
    // A formula that meets a whole number up to rounding means that number.
    let up = (n - 1e-9 * n).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 0 and at most MOST")]
    (possible && up.is_finite() && up <= MOST as f64).then_some(up.max(1.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stat::trinomial;

    #[test]
    fn what_cannot_be_certified_has_no_size() {
        assert_eq!(n_loss(0.02, 0.02, 0.05, 0.1, POWER), None);
        assert_eq!(n_accuracy(0.05, 0.06, 0.1, POWER), None);
        assert_eq!(zero_loss_floor(0.0, 0.1), None);
        assert_eq!(n_loss(0.02, 0.0, 0.0, 0.1, POWER), zero_loss_floor(0.02, 0.1));
    }

    #[test]
    fn the_floor_is_the_first_number_that_certifies_without_a_loss() {
        for (eps, delta) in [(0.02, 0.1), (0.01, 0.05), (0.3, 0.001)] {
            let n = zero_loss_floor(eps, delta).unwrap();
            assert!(binomial::cdf(0, n, eps) <= delta && binomial::cdf(0, n - 1, eps) > delta);
        }
    }

    #[test]
    fn what_a_pilot_leaves_possible_is_planned_for() {
        // None of 100 rows lost anything: as many as 1.6 in 100 may, and then a margin of 1 is out of reach.
        let (loss, discordance) = careful_loss(0.0, 0.0, 100);
        assert!((loss - 0.016).abs() < 1e-3 && (discordance - loss).abs() < 1e-12, "{loss} {discordance}");
        let needed = |eps| {
            let to = n_loss(eps, loss, discordance, 0.1, POWER);
            Needed::new(n_loss(eps, 0.0, 0.01, 0.1, POWER), to, 101).unwrap().to_string()
        };
        assert_eq!([needed(0.01), needed(0.05)], ["471 or more", "101"].map(str::to_owned));
    }

    #[test]
    fn the_planned_size_has_the_power_that_was_asked_for() {
        use rand::rngs::ChaCha8Rng;
        use rand::{RngExt, SeedableRng};
        let (eps, delta, discordance) = (0.02, 0.1, 0.05);
        let n = n_loss(eps, 0.0, discordance, delta, POWER).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let certified = (0..2000).filter(|_| {
            let (mut minus, mut plus) = (0, 0);
            for _ in 0..n {
                let u: f64 = rng.random();
                minus += u64::from(u < 0.5 * discordance);
                plus += u64::from(u >= 0.5 * discordance && u < discordance);
            }
            trinomial::certifies(minus, plus, n, eps, delta)
        });
        let power = certified.count() as f64 / 2000.0;
        assert!((power - POWER).abs() < 0.035, "{power}");
    }
}

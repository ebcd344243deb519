//! How many examples a promise needs, and which differences a number of examples finds.
//!
//! All sizes are for the error probability `delta` and the `power` to certify, 0.8 by default.

use crate::stat::bisection::first;
use crate::stat::{binomial, normal};

/// The power that is planned for where nothing else is asked.
pub(crate) const POWER: f64 = 0.8;

/// What the normal formula for a paired loss is enlarged by: the exact test has a power of only 0.77–0.79 at the formula's n.
const ENLARGED: f64 = 1.05;

/// More examples than this are not planned for.
const MOST: u64 = 1_000_000_000;

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

//! Bounds and intervals for a proportion from `k` of `n`.

use crate::stat::{binomial, normal};

/// One-sided Clopper–Pearson upper bound: the true proportion exceeds it with probability at most `delta`. It is the p with
/// P(Bin(n, p) ≤ k) = δ; 1 where k = n.
pub fn upper(k: u64, n: u64, delta: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    if k == 0 {
        return -(delta.ln() / n as f64).exp_m1();
    }
    solve((k as f64 + 1.0) / (n as f64 + 1.0), |p| {
        let tail = binomial::cdf(k, n, p);
        ((tail / delta).ln(), slope(k, n, p) / tail)
    })
}

/// One-sided Clopper–Pearson lower bound: the true proportion is below it with probability at most `delta`. It is the p with
/// P(Bin(n, p) ≥ k) = δ; 0 where k = 0.
pub fn lower(k: u64, n: u64, delta: f64) -> f64 {
    if k == 0 {
        return 0.0;
    }
    if k >= n {
        return (delta.ln() / n as f64).exp();
    }
    solve(k as f64 / (n as f64 + 1.0), |p| {
        let tail = binomial::sf(k - 1, n, p);
        ((delta / tail).ln(), slope(k - 1, n, p) / tail)
    })
}

/// −d/dp P(Bin(n, p) ≤ k) = n P(Bin(n−1, p) = k).
fn slope(k: u64, n: u64, p: f64) -> f64 {
    n as f64 * binomial::ln_pmf(k, n - 1, p).exp()
}

/// The root in (0, 1) of a falling function, given with minus its derivative: Newton's steps kept inside a bracket that
/// bisection narrows. The logarithm of a binomial tail is concave in p, so that few steps are needed.
fn solve(start: f64, falling: impl Fn(f64) -> (f64, f64)) -> f64 {
    let (mut low, mut high, mut p) = (0.0_f64, 1.0_f64, start);
    for _ in 0..200 {
        let (value, steepness) = falling(p);
        if value > 0.0 {
            low = p;
        } else {
            high = p;
        }
        let step = p + value / steepness;
        let next = if step > low && step < high { step } else { f64::midpoint(low, high) };
        if (next - p).abs() <= 1e-15 * p {
            return next;
        }
        p = next;
    }
    p
}

/// Two-sided Clopper–Pearson interval: half of 1 − `confidence` on each side.
pub fn clopper_pearson(k: u64, n: u64, confidence: f64) -> (f64, f64) {
    let half = 0.5 * (1.0 - confidence);
    (lower(k, n, half), upper(k, n, half))
}

/// Wilson's score interval (1927); (0, 1) where n = 0.
pub fn wilson(k: u64, n: u64, confidence: f64) -> (f64, f64) {
    wilson_of(k as f64 / n.max(1) as f64, n, confidence)
}

/// The same around a mean of values in [0, 1], whose variance is at most that of a share.
pub fn wilson_of(p: f64, n: u64, confidence: f64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (n, z) = (n as f64, normal::quantile(0.5 + 0.5 * confidence));
    let scale = 1.0 / (1.0 + z * z / n);
    let centre = (p + 0.5 * z * z / n) * scale;
    let half = z * scale * (p * (1.0 - p) / n + 0.25 * z * z / (n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_error_at_all_has_a_closed_form() {
        assert!((upper(0, 114, 0.1) - (1.0 - 0.1f64.powf(1.0 / 114.0))).abs() < 1e-15);
        assert!((lower(114, 114, 0.1) - 0.1f64.powf(1.0 / 114.0)).abs() < 1e-15);
        assert!((upper(0, 1_000_000_000, 0.1) * 1e9 / -(0.1f64.ln()) - 1.0).abs() < 1e-8);
        assert!((upper(0, 0, 0.1) - 1.0).abs() < 1e-15 && lower(0, 0, 0.1).abs() < 1e-15);
    }

    proptest! {
        #[test]
        fn a_bound_is_where_its_tail_is_delta(n in 2u64..2_000_000, at in 0.0f64..1.0, delta in 1e-6f64..0.5) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below n")]
            let k = 1 + (at * at * (n - 1) as f64) as u64;
            if k < n {
                prop_assert!((binomial::cdf(k, n, upper(k, n, delta)) / delta - 1.0).abs() < 1e-7);
                prop_assert!((binomial::sf(k - 1, n, lower(k, n, delta)) / delta - 1.0).abs() < 1e-7);
                prop_assert!((upper(k, n, delta) + lower(n - k, n, delta) - 1.0).abs() < 1e-12);
            }
        }

        #[test]
        fn an_interval_holds_the_proportion(n in 1u64..5000, at in 0.0f64..=1.0, confidence in 0.5f64..0.999) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most n")]
            let k = (at * n as f64) as u64;
            let p = k as f64 / n as f64;
            for (low, high) in [clopper_pearson(k, n, confidence), wilson(k, n, confidence)] {
                prop_assert!(0.0 <= low && low <= p + 1e-12 && p <= high + 1e-12 && high <= 1.0);
            }
        }
    }
}

//! What calibration is compared with and does not use.

use crate::stat::binomial;

/// The p-value of Hoeffding and Bentkus for H0: mean > `limit`, from the `sum` of `n` losses in [0, 1] ("Learn then test",
/// 2021). The sum is rounded *up* for Bentkus' part: rounding down is not valid where losses are graded.
pub fn hoeffding_bentkus_p(sum: f64, n: u64, limit: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, at most n")]
    let count = sum.ceil().clamp(0.0, n as f64) as u64;
    let bentkus = std::f64::consts::E * binomial::cdf(count, n, limit);
    let mean = (sum / n as f64).min(limit);
    bentkus.min((-(n as f64) * divergence(mean, limit)).exp()).min(1.0)
}

/// The limit whose [`hoeffding_bentkus_p`] is `delta`, an upper bound on the mean at 1 − δ.
pub fn hoeffding_bentkus_upper(sum: f64, n: u64, delta: f64) -> f64 {
    let (mut low, mut high) = ((sum / n.max(1) as f64).clamp(0.0, 1.0), 1.0_f64);
    for _ in 0..60 {
        let at = f64::midpoint(low, high);
        if hoeffding_bentkus_p(sum, n, at) > delta {
            low = at;
        } else {
            high = at;
        }
    }
    high
}

/// KL(Bernoulli(p) ‖ Bernoulli(q)).
fn divergence(p: f64, q: f64) -> f64 {
    let part = |p: f64, q: f64| if p <= 0.0 { 0.0 } else { p * (p / q).ln() };
    part(p, q) + part(1.0 - p, 1.0 - q)
}

/// Conformal risk control (2022): the first setting, from the boldest to the most cautious, with (n·risk + `worst`)/(n + 1) ≤ `limit`,
/// where no row's loss is above `worst`. It bounds the *expected* risk over repeated calibrations; the risk of the setting that
/// one calibration finds is above the limit in a third to a half of them.
pub fn conformal_risk_control(risks: &[f64], n: u64, worst: f64, limit: f64) -> Option<usize> {
    risks.iter().position(|risk| (n as f64 * risk + worst) / (n as f64 + 1.0) <= limit)
}

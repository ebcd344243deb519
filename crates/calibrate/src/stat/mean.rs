//! A mean of values: intervals and tests.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::stat::{normal, student};

/// Mean and sample standard deviation; the latter is 0 below two values.
pub fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (mean, if values.len() < 2 { 0.0 } else { (squares / (n - 1.0)).sqrt() })
}

/// Student's interval for the mean at `confidence`; `None` below two values.
pub(crate) fn interval(values: &[f64], confidence: f64) -> Option<(f64, f64)> {
    (values.len() >= 2).then(|| {
        let (mean, deviation) = moments(values);
        interval_from(mean, deviation, values.len() as u64, confidence)
    })
}

/// Student's interval from the mean, the sample standard deviation and the number of values, at least two.
fn interval_from(mean: f64, deviation: f64, n: u64, confidence: f64) -> (f64, f64) {
    let half = student::quantile(0.5 + 0.5 * confidence, n as f64 - 1.0) * deviation / (n as f64).sqrt();
    (mean - half, mean + half)
}

/// Student's one-sided p-value of H0: mean ≤ 0; small = the mean is above 0. 1 below two values.
pub fn t_greater(values: &[f64]) -> f64 {
    let (mean, deviation) = moments(values);
    match values.len() {
        0 | 1 => 1.0,
        _ if deviation <= 0.0 => {
            if mean > 0.0 {
                0.0
            } else {
                1.0
            }
        }
        n => student::sf(mean / deviation * (n as f64).sqrt(), n as f64 - 1.0),
    }
}

/// The bias-corrected and accelerated bootstrap interval of the mean (Efron 1987), from `resamples` drawn from `seed`; `None`
/// below two values or without resamples.
pub fn bca(values: &[f64], confidence: f64, resamples: usize, seed: u64) -> Option<(f64, f64)> {
    let n = values.len();
    if n < 2 || resamples == 0 {
        return None;
    }
    let (mean, deviation) = moments(values);
    if deviation <= 0.0 {
        return Some((mean, mean));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut means: Vec<f64> =
        (0..resamples).map(|_| (0..n).map(|_| values[rng.random_range(0..n)]).sum::<f64>() / n as f64).collect();
    means.sort_by(f64::total_cmp);
    let below = means.partition_point(|m| *m < mean) as f64;
    let level = bias((below + 0.5) / (resamples as f64 + 1.0));
    let acceleration = acceleration(values);
    let at = |tail: f64| order_statistic(&means, adjusted_level(tail, level, acceleration));
    Some((at(0.5 - 0.5 * confidence), at(0.5 + 0.5 * confidence)))
}

/// z₀: how far the share of resampled means below the mean is from one half, on the normal scale.
pub fn bias(share_below: f64) -> f64 {
    normal::quantile(share_below)
}

/// The acceleration of the mean, from the jackknife.
pub fn acceleration(values: &[f64]) -> f64 {
    // Leaving one value out moves the mean by (mean − value)/(n − 1), whose scale cancels.
    let (mean, _) = moments(values);
    let (squares, cubes) = values.iter().fold((0.0, 0.0), |(squares, cubes), v| {
        let d = v - mean;
        (squares + d * d, cubes + d * d * d)
    });
    cubes / (6.0 * f64::powf(squares, 1.5))
}

/// The level whose quantile of the resampled means takes the place of `level`.
pub fn adjusted_level(level: f64, bias: f64, acceleration: f64) -> f64 {
    let z = bias + normal::quantile(level);
    normal::cdf(bias + z / (1.0 - acceleration * z))
}

/// The quantile of ascending values, between neighbours in proportion.
fn order_statistic(ascending: &[f64], level: f64) -> f64 {
    let at = level * (ascending.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index, level lies in [0, 1]")]
    let below = at.floor() as usize;
    let above = (below + 1).min(ascending.len() - 1);
    ascending[below] + (at - at.floor()) * (ascending[above] - ascending[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_need_two_values() {
        assert!(interval(&[1.0], 0.9).is_none() && bca(&[1.0], 0.9, 100, 0).is_none() && t_greater(&[1.0]) >= 1.0);
        assert_eq!(bca(&[0.5, 0.5], 0.9, 100, 0), Some((0.5, 0.5)));
        let (low, high) = interval(&[1.0, 2.0, 3.0], 0.95).unwrap();
        assert!((high - 2.0 - 4.302_652_729_911_275 / 3f64.sqrt()).abs() < 1e-9 && (low + high - 4.0).abs() < 1e-12);
    }
}

//! Prediction-powered inference: a mean of true labels from a few rows with them and many that only a judge labelled.
//!
//! The judge's mean over many rows is corrected by its mean error on the rows that have both (Angelopoulos, Bates, Fannjiang,
//! Jordan and Zrnic 2023). The judge may be wrong in any way; how good it is decides on the width alone.

use crate::stat::{normal, proportion, trinomial};

/// An estimated mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub mean: f64,
    /// Its standard error, for large samples.
    pub error: f64,
    /// How much the judge's labels count: 0 = not at all, 1 = fully.
    pub lambda: f64,
}

impl Estimate {
    /// The large-sample interval.
    pub fn interval(&self, confidence: f64) -> (f64, f64) {
        let half = normal::quantile(0.5 + 0.5 * confidence) * self.error;
        (self.mean - half, self.mean + half)
    }

    /// The large-sample p-value of H0: mean > `limit`.
    pub fn p_at_most(&self, limit: f64) -> f64 {
        if self.error > 0.0 { normal::cdf((self.mean - limit) / self.error) } else { f64::from(self.mean > limit) }
    }
}

/// The mean of the true labels: `truth` and `judged` belong to the same rows, at least two; `unlabelled` holds the judge's labels
/// of all others, at least one. `lambda`: `None` = tuned to the least variance, within [0, 1] (PPI++, Angelopoulos, Duchi and
/// Zrnic 2023). `None` for too few rows, or unequal lengths.
pub fn mean(truth: &[f64], judged: &[f64], unlabelled: &[f64], lambda: Option<f64>) -> Option<Estimate> {
    if truth.len() != judged.len() || truth.len() < 2 || unlabelled.is_empty() {
        return None;
    }
    let (n, many) = (truth.len() as f64, unlabelled.len() as f64);
    let lambda = lambda.unwrap_or_else(|| tuned(truth, judged, unlabelled));
    let corrections: Vec<f64> = truth.iter().zip(judged).map(|(y, j)| y - lambda * j).collect();
    let (correction, spread) = mean_and_variance(&corrections);
    let (imputed, imputed_spread) = mean_and_variance(unlabelled);
    let error = (lambda * lambda * imputed_spread / many + spread / n).sqrt();
    Some(Estimate { mean: lambda * imputed + correction, error, lambda })
}

/// Cov(truth, judged) / ((1 + n/N) Var(judged)), within [0, 1].
fn tuned(truth: &[f64], judged: &[f64], unlabelled: &[f64]) -> f64 {
    let n = truth.len() as f64;
    let (truth_mean, judged_mean) = (mean_and_variance(truth).0, mean_and_variance(judged).0);
    let covariance = truth.iter().zip(judged).map(|(y, j)| (y - truth_mean) * (j - judged_mean)).sum::<f64>() / n;
    let all: Vec<f64> = judged.iter().chain(unlabelled).copied().collect();
    let variance = mean_and_variance(&all).1 * all.len() as f64 / (all.len() as f64 - 1.0);
    let lambda = covariance / ((1.0 + n / unlabelled.len() as f64) * variance);
    if lambda.is_finite() { lambda.clamp(0.0, 1.0) } else { 0.0 }
}

/// Mean and population variance.
fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n)
}

/// Right-or-wrong labels of judge and truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Rows that the judge labelled.
    pub judged: u64,
    /// Of these, how many it calls wrong.
    pub judged_wrong: u64,
    /// Rows that have a true label as well.
    pub audited: u64,
    /// Of these, how many are wrong and the judge calls right.
    pub missed: u64,
    /// Of these, how many are right and the judge calls wrong.
    pub falsely_wrong: u64,
}

/// An upper bound on the true error rate that holds in finite samples: Clopper–Pearson's on the judge's own rate at 0.3 δ plus
/// the exact paired bound on missed less falsely-wrong at 0.7 δ. Exceeded with probability at most `delta`. The paired bound is
/// not let below 0, so that a judge that is too strict gains nothing.
pub fn upper(audit: &Audit, delta: f64) -> f64 {
    let judge = proportion::upper(audit.judged_wrong, audit.judged, 0.3 * delta);
    let correction = trinomial::upper(audit.missed, audit.falsely_wrong, audit.audited, 0.7 * delta);
    (judge + correction).min(1.0)
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn a_judge_that_misses_errors_does_not_certify_a_broken_promise() {
        // 2000 judged rows, 200 audited; the judge misses a quarter of the errors and calls 2 % of the right answers wrong.
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let draws = 400;
        let (mut by_bound, mut by_estimate, mut by_judge) = (0, 0, 0);
        for _ in 0..draws {
            let rows: Vec<(bool, bool)> = (0..2000)
                .map(|_| {
                    let wrong = rng.random::<f64>() < 0.15;
                    (wrong, rng.random::<f64>() < if wrong { 0.75 } else { 0.02 })
                })
                .collect();
            let count = |rows: &[(bool, bool)], f: fn(&(bool, bool)) -> bool| rows.iter().filter(|row| f(row)).count() as u64;
            let (audited, rest) = rows.split_at(200);
            let audit = Audit {
                judged: 2000,
                judged_wrong: count(&rows, |row| row.1),
                audited: 200,
                missed: count(audited, |row| row.0 && !row.1),
                falsely_wrong: count(audited, |row| !row.0 && row.1),
            };
            by_bound += u32::from(upper(&audit, 0.1) <= 0.15);
            by_judge += u32::from(proportion::upper(audit.judged_wrong, 2000, 0.1) <= 0.15);
            let column = |rows: &[(bool, bool)], f: fn(&(bool, bool)) -> bool| -> Vec<f64> {
                rows.iter().map(|row| f64::from(f(row))).collect()
            };
            let estimate = mean(&column(audited, |row| row.0), &column(audited, |row| row.1), &column(rest, |row| row.1), None);
            by_estimate += u32::from(estimate.is_some_and(|estimate| estimate.p_at_most(0.15) <= 0.1));
        }
        let share = |hits: u32| f64::from(hits) / f64::from(draws);
        assert!(
            share(by_bound) <= 0.1 && share(by_estimate) <= 0.16 && share(by_judge) > 0.7,
            "{by_bound} {by_estimate} {by_judge}"
        );
    }

    #[test]
    fn too_few_rows_give_no_estimate_and_a_constant_judge_counts_for_nothing() {
        assert!(mean(&[1.0], &[1.0], &[1.0], None).is_none() && mean(&[1.0, 0.0], &[1.0], &[1.0], None).is_none());
        let constant = mean(&[1.0, 0.0], &[1.0, 1.0], &[1.0, 1.0], None).unwrap();
        assert!(constant.lambda.abs() < 1e-15 && (constant.mean - 0.5).abs() < 1e-15);
    }
}

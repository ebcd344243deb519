//! Whether surer answers are right more often.

use statrs::function::erf::erf_inv;

use super::{is_right, read, runs};
use crate::report::Estimate;

/// Rows ascending by score, and how many are right and wrong.
fn sorted(scores: &[f64], quality: &[f64]) -> (Vec<(f64, bool)>, u64, u64) {
    let mut rows = Vec::with_capacity(scores.len());
    rows.extend(read(scores, quality).map(|(score, quality)| (score, is_right(quality))));
    rows.sort_unstable_by(|a: &(f64, bool), b| a.0.total_cmp(&b.0));
    let right = rows.iter().filter(|row| row.1).count() as u64;
    let wrong = rows.len() as u64 - right;
    (rows, right, wrong)
}

/// Area under the ROC curve: the probability that a right answer scores higher than a wrong one, ties counting half.
/// `None` where all are right or all wrong. Quality of at least ½ is right.
///
/// Counted in integers, so it is the same for any order of the rows.
pub fn auroc(scores: &[f64], quality: &[f64]) -> Option<f64> {
    let (rows, right, wrong) = sorted(scores, quality);
    // Twice the number of (right, wrong) pairs in order, ties counting one.
    let (mut twice, mut wrong_below) = (0_u128, 0_u64);
    for run in runs(&rows) {
        let right_here = run.iter().filter(|row| row.1).count() as u64;
        let wrong_here = run.len() as u64 - right_here;
        twice += u128::from(right_here) * u128::from(2 * wrong_below + wrong_here);
        wrong_below += wrong_here;
    }
    (right > 0 && wrong > 0).then(|| twice as f64 / (2.0 * right as f64 * wrong as f64))
}

/// [`auroc`] for *not* (next right ∧ this wrong), which is what deferral is about: the probability that a row where escalating gains nothing scores
/// higher than one where it gains. `None` where it gains everywhere or nowhere.
pub fn auroc_benefit(scores: &[f64], this: &[f64], next: &[f64]) -> Option<f64> {
    let spared = |(this, next): (&f64, &f64)| f64::from(u8::from(is_right(*this) || !is_right(*next)));
    auroc(scores, &this.iter().zip(next).map(spared).collect::<Vec<_>>())
}

/// Average precision: Σ (recallₖ − recallₖ₋₁) · precisionₖ over distinct scores from the top; `None` where nothing is right.
pub fn average_precision(scores: &[f64], quality: &[f64]) -> Option<f64> {
    let (rows, right, _) = sorted(scores, quality);
    let runs: Vec<&[(f64, bool)]> = runs(&rows).collect();
    let (mut sum, mut hits, mut taken) = (0.0, 0_u64, 0_u64);
    for run in runs.into_iter().rev() {
        let here = run.iter().filter(|row| row.1).count() as u64;
        hits += here;
        taken += run.len() as u64;
        sum += here as f64 * hits as f64 / taken as f64;
    }
    (right > 0).then(|| sum / right as f64)
}

/// Every row's placement: for a right answer the share of wrong ones below it, for a wrong one the share of right ones above it,
/// ties counting half (`DeLong`, `DeLong` & Clarke-Pearson 1988). Their means are both the AUROC.
pub(crate) struct Placements {
    /// Of right answers, in the order of the rows.
    right: Vec<f64>,
    /// Of wrong ones.
    wrong: Vec<f64>,
}

impl Placements {
    /// `None` where all are right or all wrong. There must be no NaN.
    pub(crate) fn new(scores: &[f64], right: &[bool]) -> Option<Self> {
        let mut order: Vec<(f64, usize)> = scores.iter().enumerate().map(|(at, score)| (score + 0.0, at)).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let n_right = right.iter().filter(|right| **right).count();
        let n_wrong = right.len() - n_right;
        if n_right == 0 || n_wrong == 0 {
            return None;
        }
        let mut placement = vec![0.0; scores.len()];
        let (mut right_below, mut wrong_below) = (0, 0);
        for run in runs(&order) {
            let right_here = run.iter().filter(|row| right[row.1]).count();
            let wrong_here = run.len() - right_here;
            let right_above = n_right - right_below - right_here;
            for (_, at) in run {
                placement[*at] = if right[*at] {
                    (wrong_below as f64 + 0.5 * wrong_here as f64) / n_wrong as f64
                } else {
                    (right_above as f64 + 0.5 * right_here as f64) / n_right as f64
                };
            }
            right_below += right_here;
            wrong_below += wrong_here;
        }
        let of = |wanted: bool| placement.iter().zip(right).filter(|(_, right)| **right == wanted).map(|(p, _)| *p).collect();
        Some(Self { right: of(true), wrong: of(false) })
    }

    pub(crate) fn auroc(&self) -> f64 {
        mean(&self.right)
    }

    /// The variance of the AUROC.
    fn variance(&self) -> f64 {
        variance(&self.right) + variance(&self.wrong)
    }

    /// The variance of the difference of two AUROCs on the same rows.
    pub(crate) fn variance_of_difference(&self, other: &Self) -> f64 {
        let less = |a: &[f64], b: &[f64]| variance(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>());
        less(&self.right, &other.right) + less(&self.wrong, &other.wrong)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The variance of the mean of `values`; 0 for one value, of which nothing is known.
fn variance(values: &[f64]) -> f64 {
    let (n, mean) = (values.len() as f64, mean(values));
    if n < 2.0 { 0.0 } else { values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0) / n }
}

/// The two-sided normal quantile of a confidence.
pub(crate) fn z_of(confidence: f64) -> f64 {
    std::f64::consts::SQRT_2 * erf_inv(confidence)
}

/// [`auroc`] with a 95 % interval: `DeLong`'s variance on the log-odds scale. Where the classes are wholly apart, which leaves no variance,
/// the far end is that which would show it with probability 2.5 % if only the smaller class's rows were independent: 0.025^(1/n).
pub fn auroc_interval(scores: &[f64], quality: &[f64]) -> Option<Estimate> {
    let (scores, right): (Vec<f64>, Vec<bool>) = read(scores, quality).map(|(score, quality)| (score, is_right(quality))).unzip();
    let placements = Placements::new(&scores, &right)?;
    let value = placements.auroc();
    let smaller = placements.right.len().min(placements.wrong.len()) as f64;
    let spread = value * (1.0 - value);
    let far = 0.025_f64.powf(1.0 / smaller);
    if spread <= 0.0 {
        let (low, high) = if value > 0.5 { (far, 1.0) } else { (0.0, 1.0 - far) };
        return Some(Estimate { value, low, high });
    }
    let (centre, half) = ((value / (1.0 - value)).ln(), z_of(0.95) * placements.variance().sqrt() / spread);
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    Some(Estimate { value, low: sigmoid(centre - half), high: sigmoid(centre + half) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    proptest! {
        #[test]
        fn auroc_is_the_share_of_pairs_in_order(rows in proptest::collection::vec((0..6u8, any::<bool>()), 1..40)) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let quality: Vec<f64> = rows.iter().map(|r| f64::from(u8::from(r.1))).collect();
            let (mut sum, mut pairs) = (0.0, 0.0);
            for (a, _) in rows.iter().filter(|r| r.1) {
                for (b, _) in rows.iter().filter(|r| !r.1) {
                    sum += f64::midpoint(f64::from(u8::from(a > b)), f64::from(u8::from(a >= b)));
                    pairs += 1.0;
                }
            }
            let expected = (pairs > 0.0).then_some(sum / pairs);
            let found = auroc(&scores, &quality);
            prop_assert_eq!(found.is_some(), expected.is_some());
            if let (Some(found), Some(expected)) = (found, expected) {
                prop_assert!((found - expected).abs() < 1e-12);
                let interval = auroc_interval(&scores, &quality).unwrap();
                prop_assert!((interval.value - expected).abs() < 1e-12);
                prop_assert!(interval.low <= expected + 1e-12 && expected <= interval.high + 1e-12);
                prop_assert!(interval.low >= 0.0 && interval.high <= 1.0);
            }
        }
    }

    #[test]
    fn abstentions_are_left_out() {
        let (scores, quality) = ([0.9, f64::NAN, 0.1, f64::INFINITY], [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(auroc(&scores, &quality), Some(1.0));
        assert_eq!(auroc(&scores[..2], &quality[..2]), None);
    }

    #[test]
    fn benefit_is_not_about_what_both_tiers_get_wrong() {
        let (this, next) = ([0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]);
        // The surest answer is wrong, but nothing is gained there: only the second row has to be lowest.
        assert_eq!(auroc_benefit(&[4.0, 1.0, 2.0, 3.0], &this, &next), Some(1.0));
        assert_eq!(auroc(&[4.0, 1.0, 2.0, 3.0], &this), Some(0.5));
        assert_eq!(auroc_benefit(&[1.0, 2.0], &[1.0, 1.0], &[1.0, 1.0]), None);
    }

    /// Two normal classes one standard deviation apart: the true AUROC is Φ(1/√2) = 0.76025.
    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let (mut rng, mut held) = (ChaCha8Rng::seed_from_u64(3), 0);
        for _ in 0..1000 {
            let rows: Vec<(f64, f64)> = (0..80)
                .map(|i| {
                    let right = i % 4 != 0;
                    let normal =
                        (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt() * (std::f64::consts::TAU * rng.random::<f64>()).cos();
                    (normal + f64::from(u8::from(right)), f64::from(u8::from(right)))
                })
                .collect();
            let (scores, quality): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
            let interval = auroc_interval(&scores, &quality).unwrap();
            held += i32::from((interval.low..interval.high).contains(&0.760_249_9));
        }
        assert!((925..=985).contains(&held), "{held} of 1000");
    }

    #[test]
    fn classes_apart_are_not_certain() {
        let interval = auroc_interval(&[1.0, 2.0, 3.0, 4.0], &[0.0, 0.0, 1.0, 1.0]).unwrap();
        assert!(interval.low < 0.2 && interval.high >= 1.0);
    }
}

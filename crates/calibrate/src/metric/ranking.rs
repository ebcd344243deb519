//! Whether surer answers are right more often.

use statrs::function::erf::erf_inv;

use super::{Sorted, is_right, read};
use crate::report::Estimate;

/// Area under the ROC curve: the probability that a right answer scores higher than a wrong one, ties counting half.
/// `None` where all are right or all wrong. Quality of at least ½ is right.
///
/// Counted in integers, so it is the same for any order of the rows.
pub fn auroc(scores: &[f64], quality: &[f64]) -> Option<f64> {
    auroc_of(&Sorted::new(scores), |row| is_right(quality[row]))
}

/// [`auroc`] of rows that are sorted already.
pub(crate) fn auroc_of(sorted: &Sorted, right: impl Fn(usize) -> bool) -> Option<f64> {
    // Twice the number of (right, wrong) pairs in order, ties counting one.
    let (mut twice, mut right_above, mut wrong) = (0_u128, 0_u64, 0_u64);
    for run in sorted.runs() {
        let right_here = count(run, &right);
        let wrong_here = run.len() as u64 - right_here;
        twice += u128::from(wrong_here) * u128::from(2 * right_above + right_here);
        right_above += right_here;
        wrong += wrong_here;
    }
    (right_above > 0 && wrong > 0).then(|| twice as f64 / (2.0 * right_above as f64 * wrong as f64))
}

/// Whether an AUROC over `right` right and `wrong` wrong answers is below ½ by more than chance: two standard errors of the
/// Mann–Whitney statistic where scores say nothing.
pub(crate) fn is_upside_down(auroc: f64, right: f64, wrong: f64) -> bool {
    auroc < 0.5 - 2.0 * ((right + wrong + 1.0) / (12.0 * right * wrong)).sqrt()
}

/// How many rows of a run it holds for.
fn count(run: &[u32], holds: impl Fn(usize) -> bool) -> u64 {
    run.iter().map(|row| u64::from(holds(*row as usize))).sum()
}

/// [`auroc`] for *not* (next right ∧ this wrong), which is what deferral is about: the probability that a row where escalating gains nothing scores
/// higher than one where it gains. `None` where it gains everywhere or nowhere.
pub fn auroc_benefit(scores: &[f64], this: &[f64], next: &[f64]) -> Option<f64> {
    auroc_of(&Sorted::new(scores), |row| is_right(this[row]) || !is_right(next[row]))
}

/// Average precision: Σ (recallₖ − recallₖ₋₁) · precisionₖ over distinct scores from the top; `None` where nothing is right.
pub fn average_precision(scores: &[f64], quality: &[f64]) -> Option<f64> {
    let (mut sum, mut hits, mut taken) = (0.0, 0_u64, 0_u64);
    for run in Sorted::new(scores).runs() {
        let here = count(run, |row| is_right(quality[row]));
        hits += here;
        taken += run.len() as u64;
        sum += here as f64 * hits as f64 / taken as f64;
    }
    (hits > 0).then(|| sum / hits as f64)
}

/// Every row's placement: for a right answer the share of wrong ones below it, for a wrong one the share of right ones above it,
/// ties counting half (`DeLong`, `DeLong` & Clarke-Pearson 1988). Their means are both the AUROC.
pub(crate) struct Placements<'r> {
    /// In the order of the rows.
    all: Vec<f64>,
    right: &'r [bool],
}

/// Which end of a column of scores is the surer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surest {
    High,
    Low,
}

impl<'r> Placements<'r> {
    /// `None` where all are right or all wrong. No score may be NaN.
    pub(crate) fn new(sorted: &Sorted, right: &'r [bool], surest: Surest) -> Option<Self> {
        let n_right = right.iter().filter(|right| **right).count();
        let n_wrong = right.len() - n_right;
        if n_right == 0 || n_wrong == 0 {
            return None;
        }
        let mut all = vec![0.0; right.len()];
        // Of higher scores; where low ones are surer, those are the lower ones.
        let (mut right_above, mut wrong_above) = (0, 0);
        for run in sorted.runs() {
            let right_here = run.iter().filter(|row| right[**row as usize]).count();
            let wrong_here = run.len() - right_here;
            let (worse, better) = match surest {
                Surest::High => (n_wrong - wrong_above - wrong_here, right_above),
                Surest::Low => (wrong_above, n_right - right_above - right_here),
            };
            let of_right = (worse as f64 + 0.5 * wrong_here as f64) / n_wrong as f64;
            let of_wrong = (better as f64 + 0.5 * right_here as f64) / n_right as f64;
            for row in run {
                let row = *row as usize;
                all[row] = if right[row] { of_right } else { of_wrong };
            }
            right_above += right_here;
            wrong_above += wrong_here;
        }
        Some(Self { all, right })
    }

    /// Those of right answers, or of wrong ones, in the order of the rows.
    fn of(&self, wanted: bool) -> impl Iterator<Item = f64> + Clone + '_ {
        self.all.iter().zip(self.right).filter(move |(_, right)| **right == wanted).map(|(placement, _)| *placement)
    }

    pub(crate) fn auroc(&self) -> f64 {
        mean(self.of(true))
    }

    /// The variance of the AUROC.
    fn variance(&self) -> f64 {
        variance(self.of(true)) + variance(self.of(false))
    }

    /// The variance of the difference of two AUROCs on the same rows.
    pub(crate) fn variance_of_difference(&self, other: &Self) -> f64 {
        let less = |wanted: bool| variance(self.of(wanted).zip(other.of(wanted)).map(|(mine, theirs)| mine - theirs));
        less(true) + less(false)
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let mut n = 0_u64;
    let sum = values.inspect(|_| n += 1).sum::<f64>();
    sum / n as f64
}

/// The variance of the mean of `values`; 0 for one value, of which nothing is known.
fn variance(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let (n, mean) = (values.clone().count() as f64, mean(values.clone()));
    if n < 2.0 { 0.0 } else { values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0) / n }
}

/// The two-sided normal quantile of a confidence.
pub(crate) fn z_of(confidence: f64) -> f64 {
    std::f64::consts::SQRT_2 * erf_inv(confidence)
}

/// [`auroc`] with a 95 % interval: `DeLong`'s variance on the log-odds scale. Where the classes are wholly apart, which leaves no variance,
/// the far end is that which would show it with probability 2.5 % if only the smaller class's rows were independent: 0.025^(1/n).
pub fn auroc_interval(scores: &[f64], quality: &[f64]) -> Option<Estimate> {
    let (scores, right): (Vec<f64>, Vec<bool>) = read(scores, quality).map(|(score, quality)| (score, is_right(quality))).unzip();
    let placements = Placements::new(&Sorted::new(&scores), &right, Surest::High)?;
    let value = placements.auroc();
    let n_right = right.iter().filter(|right| **right).count();
    let smaller = n_right.min(right.len() - n_right) as f64;
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

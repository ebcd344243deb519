//! Maps of two parameters: logistic curves.

use rayon::prelude::*;
use tierfall_core::map::{ScoreMap, Transform};

use super::logistic::{self, LogisticOptions};
use super::{Read, finite_range};

/// From this many scores on, cores share their transformation.
const SHARED: usize = 1 << 14;

/// Platt scaling: logistic regression with the targets (N⁺ + 1)/(N⁺ + 2) and 1/(N⁻ + 2) in place of 1 and 0 (Platt 1999), slope held at 0 or
/// above; `None` where there is nothing to fit. A signal that is surer where it is wrong so gets the flat map of the base rate.
///
/// Quality may be graded: a fraction counts as that part of a right answer and the rest of a wrong one.
pub fn platt(mut read: Read, transform: Transform) -> Option<ScoreMap> {
    let right: f64 = read.quality.iter().sum();
    let wrong = read.quality.len() as f64 - right;
    let (high, low) = ((right + 1.0) / (right + 2.0), 1.0 / (wrong + 2.0));
    for q in &mut read.quality {
        *q = *q * high + (1.0 - *q) * low;
    }
    logit(read, transform)
}

/// As [`platt`] with the grades themselves as targets: plain maximum likelihood of logistic regression on (1, z). The scores are transformed
/// in place: there may be very many.
pub fn logit(Read { scores: mut z, quality: targets }: Read, transform: Transform) -> Option<ScoreMap> {
    z.par_iter_mut().with_min_len(SHARED).for_each(|z| *z = transform.apply(*z));
    let (low, high) = finite_range(z.iter().copied())?;
    for z in &mut z {
        *z = z.clamp(low, high);
    }
    let (mean, spread) = moments(&z);
    // Newton steps are exact in any units, their stopping rule is not.
    for z in &mut z {
        *z = (*z - mean) / spread;
    }
    let fitted = logistic::fit(&[z], &targets, None, &LogisticOptions { ridge: 0.0, non_negative: vec![true] })?;
    let slope = fitted.coefficients[0] / spread;
    Some(ScoreMap::Platt { transform, low, high, intercept: fitted.intercept - slope * mean, slope })
}

/// Mean and standard deviation; 1 in place of a deviation of 0.
pub(crate) fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    let spread = variance.sqrt();
    (mean, if spread > 0.0 && spread.is_finite() { spread } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::transform_for;
    use tierfall_core::number::Score;

    fn fitted(scores: &[f64], quality: &[f64]) -> Option<ScoreMap> {
        platt(Read::new(scores, quality.iter().copied())?, transform_for(scores))
    }

    #[test]
    fn one_class_or_a_handful_fits_nothing() {
        let scores: Vec<f64> = (0..40).map(|i| f64::from(i) / 40.0).collect();
        for quality in [[0.0; 40], [1.0; 40]] {
            assert_eq!(fitted(&scores, &quality), None);
        }
        assert_eq!(fitted(&scores[..10], &[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]), None);
    }

    #[test]
    fn a_signal_that_is_upside_down_gets_the_base_rate() {
        let scores: Vec<f64> = (0..40).map(f64::from).collect();
        let quality: Vec<f64> = (0..40).map(|i| f64::from(u8::from(i < 10 || i == 39))).collect();
        let map = fitted(&scores, &quality).unwrap();
        assert_eq!(map.check(), Ok(()));
        let at = |score| map.confidence(Score::new(score).unwrap()).unwrap().get();
        assert!((at(0.0) - at(39.0)).abs() < 1e-12 && (at(0.0) - 11.0 / 40.0).abs() < 0.05, "{map:?}");
    }

    #[test]
    fn infinite_scores_fit() {
        let mut scores: Vec<f64> = (1..60).map(|i| -f64::from(i) / 20.0).collect();
        scores.extend([0.0, 0.0, f64::NEG_INFINITY, f64::NAN]);
        let quality: Vec<f64> = (0..63).map(|i| if i % 7 == 0 { 0.5 } else { f64::from(u8::from(i < 30)) }).collect();
        let map = fitted(&scores, &quality).unwrap();
        assert_eq!(map.check(), Ok(()));
        assert!(map.confidence(Score::new(0.0).unwrap()) > map.confidence(Score::new(-2.0).unwrap()), "{map:?}");
    }
}

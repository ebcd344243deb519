//! Maps of two or three parameters: Platt, beta, temperature.

use rayon::prelude::*;
use tierfall_core::map::{Scale, ScoreMap, Transform};

use super::logistic::{self, Options};
use super::transform::{scale_for, transform_for};
use super::{Read, finite_range};

/// From this many scores on, cores share their transformation.
const SHARED: usize = 1 << 14;

/// Platt scaling on the transform that [`transform_for`] picks; `None` where there is nothing to fit.
///
/// Quality may be graded: a fraction counts as that part of a right answer and the rest of a wrong one. NaN scores are left out.
pub fn fit_platt(scores: &[f64], quality: &[f64]) -> Option<ScoreMap> {
    fit_platt_on(scores, quality, transform_for(scores))
}

/// Platt scaling on a given transform: logistic regression with the targets (N⁺ + 1)/(N⁺ + 2) and 1/(N⁻ + 2) in place of 1 and 0
/// (Platt 1999), slope held at 0 or above. A signal that is surer where it is wrong so gets the flat map of the base rate.
pub fn fit_platt_on(scores: &[f64], quality: &[f64], transform: Transform) -> Option<ScoreMap> {
    platt_of(Read::new(scores, quality)?, transform)
}

/// [`fit_platt_on`] in place.
pub(super) fn platt_of(mut read: Read, transform: Transform) -> Option<ScoreMap> {
    let right: f64 = read.quality.iter().sum();
    let wrong = read.quality.len() as f64 - right;
    let (high, low) = ((right + 1.0) / (right + 2.0), 1.0 / (wrong + 2.0));
    for q in &mut read.quality {
        *q = *q * high + (1.0 - *q) * low;
    }
    platt(read.scores, &read.quality, transform)
}

/// As [`fit_platt_on`] with the grades themselves as targets: plain maximum likelihood of logistic regression on (1, z).
pub fn fit_logit_on(scores: &[f64], quality: &[f64], transform: Transform) -> Option<ScoreMap> {
    let read = Read::new(scores, quality)?;
    platt(read.scores, &read.quality, transform)
}

/// The scores are transformed in place: there may be very many.
fn platt(mut z: Vec<f64>, targets: &[f64], transform: Transform) -> Option<ScoreMap> {
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
    let fitted = logistic::fit(&[z], targets, None, &Options { ridge: 0.0, non_negative: vec![true] })?;
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

/// Scores as (ln p, −ln(1 − p)), with the range that the map moves scores into.
struct Probabilities {
    scale: Scale,
    low: f64,
    high: f64,
    ln_p: Vec<f64>,
    minus_ln_q: Vec<f64>,
}

impl Probabilities {
    fn new(scores: &[f64]) -> Option<Self> {
        let scale = scale_for(scores)?;
        let inside = |score: &f64| {
            let (ln_p, minus_ln_q) = scale.logarithms(*score);
            ln_p.is_finite() && minus_ln_q.is_finite()
        };
        let (low, high) = finite_range(scores.iter().copied().filter(inside))?;
        let (ln_p, minus_ln_q) = scores.iter().map(|score| scale.logarithms(score.clamp(low, high))).unzip();
        Some(Self { scale, low, high, ln_p, minus_ln_q })
    }
}

/// Beta calibration (Kull, Silva Filho & Flach 2017) with a weak ridge (C = 10); `None` where the scores are neither probabilities nor their
/// logarithms, or there is nothing to fit.
pub fn fit_beta(scores: &[f64], quality: &[f64]) -> Option<ScoreMap> {
    fit_beta_with(scores, quality, 0.1)
}

/// [`fit_beta`] with the ridge as an argument.
pub fn fit_beta_with(scores: &[f64], quality: &[f64], ridge: f64) -> Option<ScoreMap> {
    let read = Read::new(scores, quality)?;
    let p = Probabilities::new(&read.scores)?;
    let options = Options { ridge, non_negative: vec![true, true] };
    let fitted = logistic::fit(&[&p.ln_p, &p.minus_ln_q], &read.quality, None, &options)?;
    let (a, b, c) = (fitted.coefficients[0], fitted.coefficients[1], fitted.intercept);
    Some(ScoreMap::Beta { scale: p.scale, low: p.low, high: p.high, a, b, c })
}

/// Temperature scaling (Guo et al. 2017): the one number that the log-odds are divided by, by maximum likelihood over [10⁻³, 10³]; `None` where
/// the scores are neither probabilities nor their logarithms, or there is nothing to fit.
pub fn fit_temperature(scores: &[f64], quality: &[f64]) -> Option<ScoreMap> {
    let read = Read::new(scores, quality)?;
    let p = Probabilities::new(&read.scores)?;
    let log_odds: Vec<f64> = p.ln_p.iter().zip(&p.minus_ln_q).map(|(a, b)| a + b).collect();
    // The loss is convex in β = 1/temperature, so its slope there has one root.
    let slope =
        |beta: f64| log_odds.iter().zip(&read.quality).map(|(l, q)| l * (1.0 / (1.0 + (-beta * l).exp()) - q)).sum::<f64>();
    let (mut low, mut high) = (1e-3, 1e3);
    for _ in 0..200 {
        let middle: f64 = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if slope(middle) < 0.0 { low = middle } else { high = middle }
    }
    Some(ScoreMap::Temperature { scale: p.scale, low: p.low, high: p.high, temperature: 1.0 / (0.5 * (low + high)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierfall_core::number::Score;

    #[test]
    fn one_class_or_a_handful_fits_nothing() {
        let scores: Vec<f64> = (0..40).map(|i| f64::from(i) / 40.0).collect();
        for quality in [[0.0; 40], [1.0; 40]] {
            assert_eq!(fit_platt(&scores, &quality), None);
            assert_eq!(fit_beta(&scores, &quality), None);
            assert_eq!(fit_temperature(&scores, &quality), None);
        }
        assert_eq!(fit_platt(&scores[..10], &[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]), None);
    }

    #[test]
    fn a_signal_that_is_upside_down_gets_the_base_rate() {
        let scores: Vec<f64> = (0..40).map(f64::from).collect();
        let quality: Vec<f64> = (0..40).map(|i| f64::from(u8::from(i < 10 || i == 39))).collect();
        let map = fit_platt(&scores, &quality).unwrap();
        assert_eq!(map.check(), Ok(()));
        let at = |score| map.confidence(Score::new(score).unwrap()).unwrap().get();
        assert!((at(0.0) - at(39.0)).abs() < 1e-12 && (at(0.0) - 11.0 / 40.0).abs() < 0.05, "{map:?}");
    }

    #[test]
    fn infinite_scores_fit() {
        let mut scores: Vec<f64> = (1..60).map(|i| -f64::from(i) / 20.0).collect();
        scores.extend([0.0, 0.0, f64::NEG_INFINITY, f64::NAN]);
        let quality: Vec<f64> = (0..63).map(|i| if i % 7 == 0 { 0.5 } else { f64::from(u8::from(i < 30)) }).collect();
        for map in [fit_platt(&scores, &quality), fit_beta(&scores, &quality), fit_temperature(&scores, &quality)] {
            let map = map.unwrap();
            assert_eq!(map.check(), Ok(()));
            assert!(map.confidence(Score::new(0.0).unwrap()) > map.confidence(Score::new(-2.0).unwrap()), "{map:?}");
        }
    }
}

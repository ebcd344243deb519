//! Which transform suits a signal, from its values alone.

use tierfall_core::map::Transform;

/// Up to this many distinct values, a signal is a scale of a few steps (self-ratings, vote shares, validators).
const FEW: usize = 32;

/// Log-probabilities below this are flat under the one-sided transform: e⁻³ is 5 %.
const FAR: f64 = -3.0;

/// How a score says a probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// It is one.
    Probability,
    /// It is the natural logarithm of one.
    LogProbability,
}

/// How scores say a probability: all in [0, 1] → as one; all at or below 0 → as the logarithm of one; `None` otherwise.
pub fn scale_for(scores: &[f64]) -> Option<Scale> {
    let mut read = scores.iter().filter(|score| !score.is_nan()).peekable();
    read.peek()?;
    if read.clone().all(|score| (0.0..=1.0).contains(score)) {
        Some(Scale::Probability)
    } else {
        read.all(|score| *score <= 0.0).then_some(Scale::LogProbability)
    }
}

/// The transform under which a signal's log-odds of being right are about linear, decided from its values; NaN is left out.
///
/// - At most 32 distinct values: none. Steps of a scale would be moved together at its ends, where logarithms are infinite.
/// - All in [0, 1] (probabilities): log-odds.
/// - All at or below 0 (log-probabilities, negated entropies): −ln(1 − e^score), or [`Transform::TwoSidedLog`] where more than a quarter lies
///   below −3, as sums over long answers do.
/// - Else none (margins, lengths).
pub fn transform_for(values: &[f64]) -> Transform {
    let Some(scale) = scale_for(values) else { return Transform::Identity };
    let mut distinct: Vec<u64> = Vec::new();
    let many = values.iter().filter(|value| !value.is_nan()).any(|value| {
        let bits = (value + 0.0).to_bits();
        if !distinct.contains(&bits) {
            distinct.push(bits);
        }
        distinct.len() > FEW
    });
    match scale {
        _ if !many => Transform::Identity,
        Scale::Probability => Transform::LogOdds,
        Scale::LogProbability => {
            let read = values.iter().filter(|value| !value.is_nan()).count();
            let far = values.iter().filter(|value| **value < FAR).count();
            if 4 * far > read { Transform::TwoSidedLog } else { Transform::NegLogComplement }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(n: u32, low: f64, high: f64) -> Vec<f64> {
        (0..n).map(|i| low + (high - low) * f64::from(i) / f64::from(n - 1)).collect()
    }

    #[test]
    fn values_say_what_they_are() {
        assert_eq!(transform_for(&[]), Transform::Identity);
        assert_eq!(transform_for(&[f64::NAN; 50]), Transform::Identity);
        assert_eq!(transform_for(&steps(11, 0.0, 1.0).repeat(9)), Transform::Identity);
        assert_eq!(transform_for(&steps(200, 0.0, 1.0)), Transform::LogOdds);
        assert_eq!(transform_for(&steps(200, -2.0, 0.0)), Transform::NegLogComplement);
        assert_eq!(transform_for(&steps(200, -90.0, 0.0)), Transform::TwoSidedLog);
        assert_eq!(transform_for(&steps(200, 0.0, 1.5)), Transform::Identity);
        let with_ends = [steps(200, -2.0, -0.1), vec![f64::NEG_INFINITY, f64::NAN, 0.0]].concat();
        assert_eq!(transform_for(&with_ends), Transform::NegLogComplement);
    }
}

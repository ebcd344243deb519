//! What a gate compares: one signal's raw score, or several fused into one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::map::Transform;
use crate::number::Score;

/// How a tier's gate value comes from what its signals read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateValue {
    /// One signal's raw score.
    Signal {
        /// The signal's label.
        signal: String,
        /// Whether lower raw scores are surer; the gate value is then −score.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        negated: bool,
    },
    /// Several signals in one number.
    Fused(Fusion),
}

/// A logistic regression on several raw scores: the log-odds that the answer is right, or of (1 − gain)/2, where gain is the next tier's
/// expected quality less this one's.
///
/// value = intercept + Σ wᵢ · (transformᵢ(sᵢ) − meanᵢ) / scaleᵢ; a signal that abstained adds its `missing` in place of its
/// term. It abstains where every signal did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fusion {
    /// The log-odds where every signal is at its mean.
    pub intercept: f64,
    /// One a signal, never empty.
    pub inputs: Vec<FusedInput>,
}

/// One signal's part in a [`Fusion`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FusedInput {
    /// The signal's label.
    pub signal: String,
    /// Applied to the raw score first.
    pub transform: Transform,
    /// The least and the greatest transformed score of the rows it was fitted on: what lies outside, infinities too, is moved there.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// Of the transformed scores it was fitted on.
    pub mean: f64,
    /// Their standard deviation, above 0.
    pub scale: f64,
    /// Log-odds per standard deviation, ≥ 0 for a signal declared monotone.
    pub weight: f64,
    /// Log-odds where the signal abstained.
    pub missing: f64,
}

impl GateValue {
    /// The labels of the signals it reads.
    pub fn signals(&self) -> Vec<&str> {
        match self {
            Self::Signal { signal, .. } => vec![signal],
            Self::Fused(fusion) => fusion.inputs.iter().map(|input| input.signal.as_str()).collect(),
        }
    }

    /// The gate value; `read` gives a signal's raw score by its label, `None` where it abstained. `None`: nothing to decide on.
    pub fn value(&self, read: impl Fn(&str) -> Option<Score>) -> Option<Score> {
        match self {
            Self::Signal { signal, negated } => {
                let score = read(signal)?;
                if *negated { Score::new(-score.get()) } else { Some(score) }
            }
            Self::Fused(fusion) => fusion.value(read),
        }
    }
}

/// A signal's label, `-label` where it is negated, `a+b` where several are fused.
impl fmt::Display for GateValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal { signal, negated: false } => f.write_str(signal),
            Self::Signal { signal, negated: true } => write!(f, "-{signal}"),
            Self::Fused(_) => f.write_str(&self.signals().join("+")),
        }
    }
}

impl Fusion {
    /// The fused score; `None` where every signal abstained.
    pub fn value(&self, read: impl Fn(&str) -> Option<Score>) -> Option<Score> {
        let (mut sum, mut any) = (self.intercept, false);
        for input in &self.inputs {
            sum += match read(&input.signal) {
                Some(score) => {
                    any = true;
                    let z = input.transform.apply(score.get()).clamp(input.low, input.high);
                    input.weight * (z - input.mean) / input.scale
                }
                None => input.missing,
            };
        }
        if any { Score::new(sum) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(signal: &str) -> FusedInput {
        FusedInput {
            signal: signal.into(),
            transform: Transform::Identity,
            low: -2.0,
            high: 2.0,
            mean: 0.5,
            scale: 0.5,
            weight: 1.5,
            missing: -0.25,
        }
    }

    #[test]
    fn infinities_are_moved_to_what_was_seen() {
        let fused = Fusion { intercept: 0.0, inputs: vec![input("a")] };
        assert_eq!(fused.value(|_| Score::new(f64::INFINITY)), fused.value(|_| Score::new(2.0)));
        assert_eq!(fused.value(|_| Score::new(f64::NEG_INFINITY)), Score::new(-7.5));
    }

    #[test]
    fn it_abstains_only_where_every_signal_did() {
        let fused = GateValue::Fused(Fusion { intercept: 1.0, inputs: vec![input("a"), input("b")] });
        assert_eq!(fused.value(|_| None), None);
        assert_eq!(fused.value(|label| if label == "a" { Score::new(0.5) } else { None }), Score::new(0.75));
    }

    #[test]
    fn a_negated_signal_is_surer_where_it_is_lower() {
        let value = GateValue::Signal { signal: "entropy".into(), negated: true };
        assert!(value.value(|_| Score::new(0.1)) > value.value(|_| Score::new(0.9)));
    }
}

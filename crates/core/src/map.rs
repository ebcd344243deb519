//! Score maps: raw score → confidence, for reading and comparing. They never decide: maps saturate in `f64` and merge
//! cuts, so a gate compares raw values.

use serde::{Deserialize, Serialize};

use crate::number::{Confidence, Score};

/// A non-decreasing map, fitted to correctness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreMap {
    /// σ(intercept + slope · z(score)), slope ≥ 0 (Platt 1999).
    Platt {
        /// Applied to the score first.
        transform: Transform,
        /// The log-odds at z = 0.
        intercept: f64,
        /// The log-odds per unit of z.
        slope: f64,
    },
    /// Steps: the confidence of the last knot at or below the score.
    Isotonic {
        /// (score, confidence) with both ascending; below the first knot its confidence holds.
        knots: Vec<(Score, Confidence)>,
    },
}

/// What is done to a score before a logistic map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// Nothing.
    Identity,
    /// −ln(1 − e^score): spreads log-probabilities near zero.
    NegLogComplement,
}

impl Transform {
    fn apply(self, score: f64) -> f64 {
        match self {
            Self::Identity => score,
            Self::NegLogComplement => -(-score.exp_m1()).ln(),
        }
    }
}

impl ScoreMap {
    /// The confidence at `score`; `None` where the map is not defined there.
    pub fn confidence(&self, score: Score) -> Option<Confidence> {
        match self {
            Self::Platt { transform, intercept, slope } => {
                let z = intercept + slope * transform.apply(score.get());
                Confidence::clamped(1.0 / (1.0 + (-z).exp()))
            }
            Self::Isotonic { knots } => {
                let after = knots.partition_point(|(knot, _)| *knot <= score);
                knots.get(after.saturating_sub(1)).map(|(_, confidence)| *confidence)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn maps() -> Vec<ScoreMap> {
        let knot = |s, c: f64| (Score::new(s).unwrap(), c.try_into().unwrap());
        vec![
            ScoreMap::Platt { transform: Transform::Identity, intercept: 0.3, slope: 2.0 },
            ScoreMap::Platt { transform: Transform::NegLogComplement, intercept: -1.5, slope: 1.4 },
            ScoreMap::Isotonic { knots: vec![knot(-3.0, 0.1), knot(-1.0, 0.4), knot(-0.1, 0.9)] },
        ]
    }

    proptest! {
        #[test]
        fn maps_never_decrease(a in -40.0..0.0f64, b in -40.0..0.0f64) {
            let (low, high) = (Score::new(a.min(b)).unwrap(), Score::new(a.max(b)).unwrap());
            for map in maps() {
                prop_assert!(map.confidence(low) <= map.confidence(high), "{map:?}");
            }
        }
    }

    #[test]
    fn certain_tokens_are_certain() {
        let top = Score::new(0.0).unwrap();
        let map = ScoreMap::Platt { transform: Transform::NegLogComplement, intercept: 0.0, slope: 1.0 };
        assert_eq!(map.confidence(top), Confidence::clamped(1.0));
    }
}

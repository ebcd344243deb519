//! Score maps: raw score → confidence, for reading and comparing. They never decide: maps saturate in `f64` and merge
//! cuts, so a gate compares raw values.

use std::f64::consts::LN_2;

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
        /// The least and the greatest finite z of the rows it was fitted on: what lies outside, infinities too, is moved there.
        low: f64,
        /// See `low`.
        high: f64,
        /// The log-odds at z = 0.
        intercept: f64,
        /// The log-odds per unit of z.
        slope: f64,
    },
    /// Linear between knots; steps up to an infinite knot.
    Isotonic {
        /// (score, confidence) with both ascending; outside the knots the nearest one's confidence holds.
        knots: Vec<(Score, Confidence)>,
    },
}

/// What is done to a score before a logistic map. Every one is non-decreasing; scores outside its range read as the nearest end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// Nothing.
    Identity,
    /// −ln(1 − e^score): spreads log-probabilities near zero and flattens those far below
    /// (the one-sided transform of Zellinger & Thomson 2025). In [0, +∞].
    NegLogComplement,
    /// ln(2p) below ½ and −ln(2(1 − p)) from there, for a probability p: spreads both ends alike
    /// (two-sided and log-asymptotic, after Zellinger & Thomson 2025; 0 at ½). In [−∞, +∞].
    TwoSided,
    /// [`Transform::TwoSided`] of e^score, for log-probabilities of long answers: far below zero it is the score itself but for ln 2.
    TwoSidedLog,
    /// ln(p / (1 − p)) for a probability p. In [−∞, +∞].
    LogOdds,
}

impl Transform {
    /// The transformed score; may be infinite at the ends.
    pub fn apply(self, score: f64) -> f64 {
        match self {
            Self::Identity => score,
            Self::NegLogComplement => minus_ln_complement(score) + 0.0,
            Self::TwoSided => {
                let p = score.clamp(0.0, 1.0);
                if p < 0.5 { (2.0 * p).ln() } else { -(2.0 * (1.0 - p)).ln() + 0.0 }
            }
            // The bounds keep rounding from turning the order around where the branches meet.
            Self::TwoSidedLog if score < -LN_2 => (score + LN_2).min(0.0),
            Self::TwoSidedLog => (minus_ln_complement(score) - LN_2).max(0.0),
            Self::LogOdds => {
                let p = score.clamp(0.0, 1.0);
                p.ln() - (-p).ln_1p()
            }
        }
    }
}

/// −ln(1 − e^score); +∞ from 0. `exp_m1` is exact to the last bits at both ends, so it needs no branches that could turn the order around.
fn minus_ln_complement(score: f64) -> f64 {
    if score >= 0.0 { f64::INFINITY } else { -(-score.exp_m1()).ln() }
}

/// Why a [`ScoreMap`] is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMap {
    /// A parameter is NaN or infinite.
    #[error("a parameter of the score map is not a finite number")]
    NotFinite,
    /// A negative slope, or `low` above `high`.
    #[error("the score map falls where it must rise")]
    Falls,
    /// No knot, or knots out of order.
    #[error("the knots of the score map must ascend in score and confidence, and there must be one at least")]
    Knots,
}

impl ScoreMap {
    /// The confidence at `score`; `None` where the map is not defined there.
    pub fn confidence(&self, score: Score) -> Option<Confidence> {
        let score = score.get();
        match self {
            Self::Platt { transform, low, high, intercept, slope } => {
                sigmoid(intercept + slope * within(transform.apply(score), *low, *high))
            }
            Self::Isotonic { knots } => interpolated(knots, score),
        }
    }

    /// The lowest score whose confidence is at least `least`; `None` where none has it.
    pub fn lowest_score(&self, least: f64) -> Option<Score> {
        let reaches = |score: f64| Score::new(score).and_then(|score| self.confidence(score)).is_some_and(|c| c.get() >= least);
        let (mut below, mut at) = (ordinal(f64::NEG_INFINITY), ordinal(f64::INFINITY));
        if !reaches(f64::INFINITY) {
            return None;
        }
        if reaches(f64::NEG_INFINITY) {
            return Score::new(f64::NEG_INFINITY);
        }
        // The map is non-decreasing: halving the floats that lie between finds its step exactly.
        while at - below > 1 {
            let middle = below + (at - below) / 2;
            if reaches(of_ordinal(middle)) { at = middle } else { below = middle }
        }
        Score::new(of_ordinal(at))
    }

    /// Whether it is non-decreasing and defined everywhere; to be asked of a map that was read from a file.
    pub fn check(&self) -> Result<(), BadMap> {
        let (wrong, why) = match self {
            Self::Platt { low, high, intercept, slope, .. } => {
                if [low, high, intercept, slope].into_iter().any(|number| !number.is_finite()) {
                    return Err(BadMap::NotFinite);
                }
                (*slope < 0.0 || low > high, BadMap::Falls)
            }
            Self::Isotonic { knots } => (knots.is_empty() || !knots.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), BadMap::Knots),
        };
        if wrong { Err(why) } else { Ok(()) }
    }
}

/// A number's place among all floats, in their order.
fn ordinal(value: f64) -> i128 {
    let bits = i128::from(value.to_bits());
    let sign = 1_i128 << 63;
    if bits >= sign { sign - bits } else { bits }
}

fn of_ordinal(ordinal: i128) -> f64 {
    let size = u64::try_from(ordinal.unsigned_abs()).map_or(f64::INFINITY, f64::from_bits);
    if ordinal < 0 { -size } else { size }
}

/// `f64::clamp` that does not panic on bounds out of order.
fn within(value: f64, low: f64, high: f64) -> f64 {
    value.max(low).min(high)
}

fn sigmoid(log_odds: f64) -> Option<Confidence> {
    Confidence::clamped(1.0 / (1.0 + (-log_odds).exp()))
}

fn interpolated(knots: &[(Score, Confidence)], score: f64) -> Option<Confidence> {
    let after = knots.partition_point(|(knot, _)| knot.get() <= score);
    let (left, low) = knots.get(after.saturating_sub(1))?;
    let Some((right, high)) = knots.get(after).filter(|_| after > 0) else { return Some(*low) };
    let (left, right, low, high) = (left.get(), right.get(), low.get(), high.get());
    let width = right - left;
    if !width.is_finite() {
        return Confidence::clamped(low);
    }
    Confidence::clamped((low + (high - low) * ((score - left) / width)).min(high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRANSFORMS: [Transform; 5] =
        [Transform::Identity, Transform::NegLogComplement, Transform::TwoSided, Transform::TwoSidedLog, Transform::LogOdds];

    fn score(value: f64) -> Score {
        Score::new(value).unwrap()
    }

    fn maps() -> Vec<ScoreMap> {
        let knot = |s, c: f64| (score(s), c.try_into().unwrap());
        let mut maps = vec![
            ScoreMap::Isotonic { knots: vec![knot(-3.0, 0.1), knot(-1.0, 0.4), knot(-0.1, 0.9)] },
            ScoreMap::Isotonic { knots: vec![knot(f64::NEG_INFINITY, 0.1), knot(0.25, 0.4), knot(f64::INFINITY, 0.9)] },
        ];
        for transform in TRANSFORMS {
            maps.push(ScoreMap::Platt { transform, low: -20.0, high: 15.0, intercept: -1.5, slope: 1.4 });
        }
        maps
    }

    /// Scores of every size and both infinities, near the ends of both scales above all.
    fn any_score() -> impl Strategy<Value = f64> {
        let near_zero = (-40.0..0.0f64).prop_map(|e| -e.exp());
        let ends = prop_oneof![Just(f64::NEG_INFINITY), Just(f64::INFINITY), Just(0.0), Just(1.0), Just(0.5), Just(-LN_2)];
        prop_oneof![-40.0..2.0f64, 0.0..1.0f64, near_zero.clone(), near_zero.prop_map(|x| 1.0 + x), ends, -1e300..1e300f64]
    }

    proptest! {
        #[test]
        fn maps_and_transforms_never_decrease(a in any_score(), b in any_score(), step in 0..4u32) {
            // Neighbours in f64 as well as any two scores.
            let close = (0..step).fold(a, |x, _| x.next_up());
            for (a, b) in [(a, b), (a, close)] {
                let (low, high) = (a.min(b), a.max(b));
                for transform in TRANSFORMS {
                    prop_assert!(transform.apply(low) <= transform.apply(high), "{transform:?} at {low} and {high}");
                }
                for map in maps() {
                    prop_assert_eq!(map.check(), Ok(()));
                    let (at_low, at_high) = (map.confidence(score(low)), map.confidence(score(high)));
                    prop_assert!(at_low.is_some() && at_low <= at_high, "{map:?} at {low} and {high}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_lowest_score_is_where_the_map_steps_over(least in prop_oneof![0.0..=1.0f64, Just(0.0), Just(1.0), Just(0.4), Just(0.9)]) {
            for map in maps() {
                let of = |at: f64| map.confidence(score(at)).unwrap().get();
                let Some(lowest) = map.lowest_score(least).map(Score::get) else {
                    prop_assert!(of(f64::INFINITY) < least, "{map:?} reaches {least}");
                    continue;
                };
                prop_assert!(of(lowest) >= least, "{map:?} at {lowest} is below {least}");
                prop_assert!(lowest.is_infinite() && lowest < 0.0 || of(lowest.next_down()) < least, "{map:?}: {lowest} is not the lowest");
            }
        }
    }

    #[test]
    fn the_lowest_score_of_steps_is_their_knot() {
        let knots = maps().swap_remove(1);
        let lowest = |least: f64| knots.lowest_score(least).map(Score::get);
        let expected = [Some(f64::NEG_INFINITY), Some(0.25), Some(0.25), Some(f64::INFINITY), None];
        assert_eq!([0.1, 0.2, 0.4, 0.9, 0.95].map(lowest), expected);
        assert_eq!(ScoreMap::Isotonic { knots: Vec::new() }.lowest_score(0.0), None);
    }

    #[test]
    fn maps_survive_json() {
        for map in maps() {
            let text = serde_json::to_string(&map).unwrap();
            assert_eq!(serde_json::from_str::<ScoreMap>(&text).unwrap(), map, "{text}");
        }
    }

    #[test]
    fn infinities_are_moved_to_what_was_seen() {
        let map = ScoreMap::Platt { transform: Transform::NegLogComplement, low: 0.1, high: 9.0, intercept: -1.0, slope: 0.5 };
        assert_eq!(map.confidence(score(0.0)), Confidence::clamped(1.0 / (1.0 + (-3.5f64).exp())));
        assert_eq!(map.confidence(score(f64::NEG_INFINITY)), Confidence::clamped(1.0 / (1.0 + 0.95f64.exp())));
    }

    #[test]
    fn transforms_have_their_closed_forms() {
        let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} is not {b}");
        near(Transform::NegLogComplement.apply(0.75f64.ln()), 4f64.ln());
        // −ln(−lp) just below 0 and e^lp far below, as Zellinger & Thomson write these ends.
        near(Transform::NegLogComplement.apply(-1e-12), -(1e-12f64.ln()));
        near(Transform::NegLogComplement.apply(-30.0), (-30f64).exp());
        assert!(Transform::NegLogComplement.apply(1e-9).is_infinite());
        near(Transform::TwoSided.apply(0.9), 5f64.ln());
        near(Transform::TwoSided.apply(0.1), -(5f64.ln()));
        near(Transform::TwoSidedLog.apply(0.9f64.ln()), 5f64.ln());
        near(Transform::TwoSidedLog.apply(-300.0), LN_2 - 300.0);
        near(Transform::LogOdds.apply(0.9), 9f64.ln());
    }

    #[test]
    fn between_knots_it_is_linear_and_outside_it_holds() {
        let knot = |s, c: f64| (score(s), c.try_into().unwrap());
        let map = ScoreMap::Isotonic { knots: vec![knot(0.0, 0.2), knot(2.0, 0.6)] };
        for (at, expected) in [(-9.0, 0.2), (0.0, 0.2), (0.5, 0.3), (2.0, 0.6), (9.0, 0.6)] {
            let found = map.confidence(score(at)).map_or(f64::NAN, Confidence::get);
            assert!((found - expected).abs() < 1e-15, "{found} at {at}");
        }
        assert_eq!(ScoreMap::Isotonic { knots: Vec::new() }.confidence(score(0.0)), None);
    }

    #[test]
    fn maps_that_fall_are_found() {
        let knot = |s, c: f64| (score(s), c.try_into().unwrap());
        let platt = |slope, high| ScoreMap::Platt { transform: Transform::Identity, low: 0.0, high, intercept: 0.0, slope };
        assert_eq!(platt(-0.1, 1.0).check(), Err(BadMap::Falls));
        assert_eq!(platt(0.1, -1.0).check(), Err(BadMap::Falls));
        assert_eq!(platt(f64::NAN, 1.0).check(), Err(BadMap::NotFinite));
        assert_eq!(ScoreMap::Isotonic { knots: vec![knot(0.0, 0.5), knot(1.0, 0.4)] }.check(), Err(BadMap::Knots));
        assert_eq!(ScoreMap::Isotonic { knots: Vec::new() }.check(), Err(BadMap::Knots));
    }
}

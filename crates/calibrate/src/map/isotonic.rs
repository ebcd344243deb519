//! Isotonic regression by pooling adjacent violators, and Venn–Abers intervals from it.

use tierfall_core::map::ScoreMap;
use tierfall_core::number::{Confidence, Score};

use super::Read;
use crate::metric::Sorted;

/// A run of neighbouring scores with one fitted value.
#[derive(Clone, Copy, Debug)]
struct Block {
    low: f64,
    high: f64,
    weight: f64,
    sum: f64,
}

impl Block {
    fn mean(&self) -> f64 {
        self.sum / self.weight
    }
}

/// The non-decreasing step function nearest in squared error, ties in score averaged first (Ayer et al. 1955). `rows` ascend in score.
fn pooled(rows: impl IntoIterator<Item = (f64, f64, f64)>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut tied: Option<Block> = None;
    let push = |blocks: &mut Vec<Block>, mut block: Block| {
        while let Some(last) = blocks.last().filter(|last| last.mean() >= block.mean()) {
            block = Block { low: last.low, high: block.high, weight: last.weight + block.weight, sum: last.sum + block.sum };
            blocks.pop();
        }
        blocks.push(block);
    };
    for (score, quality, weight) in rows {
        tied = match tied {
            Some(t) if t.high >= score => Some(Block { weight: t.weight + weight, sum: t.sum + weight * quality, ..t }),
            before => {
                if let Some(block) = before {
                    push(&mut blocks, block);
                }
                Some(Block { low: score, high: score, weight, sum: weight * quality })
            }
        };
    }
    if let Some(block) = tied {
        push(&mut blocks, block);
    }
    blocks
}

/// Isotonic regression with linear interpolation between the ends of its plateaus, as scikit-learn does it; `None` where there is nothing to fit.
///
/// It creates ties and plateaus at 0 and 1, so it is for [many rows](super::recommended) alone. NaN scores are left out.
pub fn fit_isotonic(scores: &[f64], quality: &[f64]) -> Option<ScoreMap> {
    isotonic_of(&Read::new(scores, quality)?)
}

/// [`fit_isotonic`] of rows that have a score and a grade.
pub(super) fn isotonic_of(read: &Read) -> Option<ScoreMap> {
    let sorted = Sorted::new(&read.scores);
    map_of(pooled(sorted.ascending().map(|row| (read.scores[row], read.quality[row], 1.0))))
}

/// [`fit_isotonic`] of any number of rows, each of which counts as often as its weight says. `None` without rows that have a weight above 0.
pub fn fit_isotonic_weighted(scores: &[f64], quality: &[f64], weights: &[f64]) -> Option<ScoreMap> {
    let rows = scores.iter().zip(quality).zip(weights).map(|((score, quality), weight)| (*score, *quality, *weight));
    let mut rows: Vec<_> = rows.filter(|(score, _, weight)| !score.is_nan() && *weight > 0.0).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    map_of(pooled(rows))
}

/// The map with the ends of each block as knots.
fn map_of(blocks: Vec<Block>) -> Option<ScoreMap> {
    let mut knots = Vec::new();
    for block in blocks {
        let confidence = Confidence::clamped(block.mean())?;
        for end in [block.low, block.high] {
            let score = Score::new(end)?;
            if knots.last().is_none_or(|(last, _)| *last < score) {
                knots.push((score, confidence));
            }
        }
    }
    (!knots.is_empty()).then_some(ScoreMap::Isotonic { knots })
}

/// The inductive Venn–Abers interval (p₀, p₁) of being right at each of `at` (Vovk & Petej 2014): isotonic regression with the score
/// added as wrong, and as right. One of the two is calibrated, and their distance says how little is known there.
///
/// O(rows) a score. NaN scores are left out; empty where nothing is left.
pub fn venn_abers(scores: &[f64], quality: &[f64], at: &[f64]) -> Vec<(f64, f64)> {
    let mut rows: Vec<(f64, f64, f64)> =
        scores.iter().zip(quality).filter(|(score, _)| !score.is_nan()).map(|(s, q)| (*s, *q, 1.0)).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let fitted = |score: f64, label: f64| {
        let place = rows.partition_point(|row| row.0 < score);
        let with = rows[..place].iter().copied().chain([(score, label, 1.0)]).chain(rows[place..].iter().copied());
        let blocks = pooled(with);
        let block = blocks.partition_point(|block| block.high < score);
        blocks.get(block).map_or(label, Block::mean)
    };
    at.iter().map(|score| (fitted(*score, 0.0), fitted(*score, 1.0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The fitted value at x is max over a ≤ x of min over b ≥ x of the mean between a and b.
        #[test]
        fn pooling_is_the_max_min_formula(rows in proptest::collection::vec((0..8u8, 0..=4u8, 1..4u8), 1..25)) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let quality: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 4.0).collect();
            let weights: Vec<f64> = rows.iter().map(|r| f64::from(r.2)).collect();
            let map = fit_isotonic_weighted(&scores, &quality, &weights).unwrap();
            prop_assert_eq!(map.check(), Ok(()));
            let mean = |low: f64, high: f64| {
                let inside = (0..rows.len()).filter(|i| (low..=high).contains(&scores[*i]));
                let (sum, weight) = inside.fold((0.0, 0.0), |(s, w), i| (s + weights[i] * quality[i], w + weights[i]));
                sum / weight
            };
            for x in &scores {
                let lows = scores.iter().filter(|a| *a <= x);
                let expected = lows
                    .map(|a| scores.iter().filter(|b| *b >= x).map(|b| mean(*a, *b)).fold(f64::INFINITY, f64::min))
                    .fold(f64::NEG_INFINITY, f64::max);
                let found = map.confidence(Score::new(*x).unwrap()).unwrap().get();
                prop_assert!((found - expected).abs() < 1e-12, "{found} is not {expected} at {x}");
            }
        }

        #[test]
        fn the_interval_holds_the_fit(rows in proptest::collection::vec((0..9u8, any::<bool>()), 20..60), at in 0..9u8) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let quality: Vec<f64> = rows.iter().map(|r| f64::from(u8::from(r.1))).collect();
            let (p0, p1) = venn_abers(&scores, &quality, &[f64::from(at)])[0];
            prop_assert!((0.0..=p1).contains(&p0) && p1 <= 1.0);
        }
    }

    #[test]
    fn infinite_scores_are_ends() {
        let scores = [f64::NEG_INFINITY, -1.0, 0.0, f64::INFINITY];
        let map = fit_isotonic_weighted(&scores, &[0.0, 0.25, 0.75, 1.0], &[1.0; 4]).unwrap();
        let at = |score| map.confidence(Score::new(score).unwrap()).unwrap().get();
        assert!(
            (at(-50.0), at(f64::NEG_INFINITY)) == (0.0, 0.0) && (at(-0.5) - 0.5).abs() < 1e-15 && (at(9.0) - 0.75).abs() < 1e-15
        );
    }
}

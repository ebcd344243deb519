//! Isotonic regression by pooling adjacent violators.

use tierfall_core::map::ScoreMap;
use tierfall_core::number::{Confidence, Score};

use super::Read;
use crate::metric::Sorted;

/// A run of neighbouring scores with one fitted value.
#[derive(Clone, Copy, Debug)]
struct Block {
    low: f64,
    high: f64,
    rows: f64,
    sum: f64,
}

impl Block {
    fn mean(&self) -> f64 {
        self.sum / self.rows
    }
}

/// The non-decreasing step function nearest in squared error to ascending runs of tied scores (Ayer et al. 1955).
fn pooled(runs: impl Iterator<Item = Block>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for mut block in runs {
        while let Some(last) = blocks.pop_if(|last| last.mean() >= block.mean()) {
            block = Block { low: last.low, high: block.high, rows: last.rows + block.rows, sum: last.sum + block.sum };
        }
        blocks.push(block);
    }
    blocks
}

/// Isotonic regression with linear interpolation between the ends of its plateaus, as scikit-learn does it, which are the map's knots; `None`
/// where there is nothing to fit.
///
/// It creates ties and plateaus at 0 and 1, so it is for [many rows](super::recommended) alone.
pub fn isotonic(read: &Read) -> Option<ScoreMap> {
    let sorted = Sorted::new(&*read.scores);
    let tied = |run: &[u32]| {
        let score = read.scores[run[0] as usize];
        Block { low: score, high: score, rows: run.len() as f64, sum: run.iter().map(|row| read.quality[*row as usize]).sum() }
    };
    let mut knots = Vec::new();
    for block in pooled(sorted.runs().rev().map(tied)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The fitted value at x is max over a ≤ x of min over b ≥ x of the mean between a and b.
        #[test]
        fn pooling_is_the_max_min_formula(rows in proptest::collection::vec((0..8u8, 0..=4u8), 1..50)) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let quality: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 4.0).collect();
            let map = isotonic(&Read { scores: scores.clone(), quality: quality.clone() }).unwrap();
            prop_assert_eq!(map.check(), Ok(()));
            let mean = |low: f64, high: f64| {
                let inside = (0..rows.len()).filter(|i| (low..=high).contains(&scores[*i]));
                let (sum, rows) = inside.fold((0.0, 0.0), |(sum, rows), i| (sum + quality[i], rows + 1.0));
                sum / rows
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
    }

    #[test]
    fn infinite_scores_are_ends() {
        let scores = vec![f64::NEG_INFINITY, -1.0, 0.0, f64::INFINITY];
        let map = isotonic(&Read { scores, quality: vec![0.0, 0.25, 0.75, 1.0] }).unwrap();
        let at = |score| map.confidence(Score::new(score).unwrap()).unwrap().get();
        assert!(
            (at(-50.0), at(f64::NEG_INFINITY)) == (0.0, 0.0) && (at(-0.5) - 0.5).abs() < 1e-15 && (at(9.0) - 0.75).abs() < 1e-15
        );
    }
}

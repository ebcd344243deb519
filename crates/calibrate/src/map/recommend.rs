//! Which map suits a signal.

use tierfall_core::map::{ScoreMap, Transform};

use super::Read;
use super::isotonic::isotonic;
use super::logistic::scattered;
use super::parametric::platt;
use super::transform::transform_for;
use tierfall_core::number::{Confidence, Score};

/// Isotonic regression competes from this many right and this many wrong answers.
const MANY: f64 = 1000.0;

/// The map to show: Platt's on the transform; isotonic regression where at least 1,000 answers are right and 1,000 wrong and its
/// 5-fold cross-validated Brier score (of about 20,000 rows at most) is lower. `None` where there is nothing to fit.
///
/// `transform`: what is known of the signal beforehand; `None` = decided by [`transform_for`].
pub fn recommended(read: Read, transform: Option<Transform>) -> Option<ScoreMap> {
    let transform = transform.unwrap_or_else(|| transform_for(&read.scores));
    let right: f64 = read.quality.iter().sum();
    if right >= MANY && read.quality.len() as f64 - right >= MANY {
        let few = Few::of(&read);
        let of_platt = few.cross_validated(|read| platt(read, transform));
        if few.cross_validated(|read| isotonic(&read)) < of_platt {
            return isotonic(&read);
        }
    }
    platt(read, transform)
}

/// Rows that are enough to tell two curves apart where it can be seen, each in one of five folds.
struct Few {
    read: Read,
    folds: Vec<u64>,
}

impl Few {
    fn of(read: &Read) -> Self {
        const ENOUGH: usize = 20_000;
        let parts = 5 * (read.scores.len() as u64).div_ceil(ENOUGH as u64);
        let fold = |row: usize| scattered(row) % parts;
        let chosen: Vec<usize> = (0..read.scores.len()).filter(|row| fold(*row) < 5).collect();
        let pick = |column: &[f64]| chosen.iter().map(|row| column[*row]).collect();
        let few = Read { scores: pick(&read.scores), quality: pick(&read.quality) };
        Self { read: few, folds: chosen.iter().map(|row| fold(*row)).collect() }
    }

    /// Brier score of a fit on rows it was not made on, times the rows; infinite where a part fits nothing.
    fn cross_validated(&self, fit: impl Fn(Read) -> Option<ScoreMap>) -> f64 {
        let mut loss = 0.0;
        for held in 0..5 {
            let pick = |column: &[f64], inside: bool| -> Vec<f64> {
                let rows = column.iter().zip(&self.folds);
                rows.filter(|(_, fold)| (**fold == held) == inside).map(|(value, _)| *value).collect()
            };
            let (scores, quality) = (pick(&self.read.scores, false), pick(&self.read.quality, false));
            let Some(map) = Read::new(&scores, quality).and_then(&fit) else { return f64::INFINITY };
            for (score, grade) in pick(&self.read.scores, true).into_iter().zip(pick(&self.read.quality, true)) {
                let confidence = Score::new(score).and_then(|score| map.confidence(score)).map_or(0.5, Confidence::get);
                loss += (confidence - grade) * (confidence - grade);
            }
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    /// Scores in [0, 1] whose answers are right with probability `p(score)`.
    fn population(n: usize, p: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        (0..n)
            .map(|_| {
                let score: f64 = rng.random();
                (score, f64::from(u8::from(rng.random::<f64>() < p(score))))
            })
            .unzip()
    }

    #[test]
    fn isotonic_is_for_many_rows_that_no_logistic_curve_fits() {
        let stairs = |s: f64| if s < 0.6 { 0.3 } else { 0.8 };
        let (scores, quality) = population(6000, stairs);
        assert!(matches!(recommended(Read::new(&scores, quality).unwrap(), None), Some(ScoreMap::Isotonic { .. })));
        let (scores, quality) = population(1500, stairs);
        assert!(matches!(recommended(Read::new(&scores, quality).unwrap(), None), Some(ScoreMap::Platt { .. })));
        let (scores, quality) = population(6000, |s| s);
        assert!(matches!(
            recommended(Read::new(&scores, quality).unwrap(), None),
            Some(ScoreMap::Platt { transform: Transform::LogOdds, .. })
        ));
    }
}

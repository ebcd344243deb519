//! Score maps and fusion: fits of raw scores to being right.
//!
//! A map displays and never decides, because monotone re-mapping changes no single tier's frontier and only merges cuts.
//! A [`fuse`]d score does decide, so it is fitted on rows that certify nothing.

pub mod baseline;
pub mod fuse;
pub mod isotonic;
pub mod logistic;
pub mod parametric;
mod recommend;
pub mod transform;

pub use recommend::recommended;
pub use transform::transform_for;

/// Fewer rows than this fit no map: its curve would be the noise of a handful of labels.
const LEAST_ROWS: usize = 20;

/// The rows that a map is fitted on: scores that were read, with their grades.
#[derive(Clone, Debug)]
pub struct Read {
    /// Raw scores, none NaN; infinities allowed.
    pub scores: Vec<f64>,
    /// Grades in [0, 1].
    pub quality: Vec<f64>,
}

impl Read {
    /// Rows whose score is not NaN; `None` where there are fewer than 20, or all are wholly right or all wholly wrong.
    pub fn new(scores: &[f64], grades: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (mut read, mut quality) = (Vec::with_capacity(scores.len()), Vec::with_capacity(scores.len()));
        for (score, grade) in scores.iter().zip(grades).filter(|(score, grade)| !score.is_nan() && !grade.is_nan()) {
            read.push(*score);
            quality.push(grade);
        }
        let right: f64 = quality.iter().sum();
        let fits = read.len() >= LEAST_ROWS && right > 0.0 && right < quality.len() as f64;
        fits.then_some(Self { scores: read, quality })
    }
}

/// The least and the greatest finite of the values that `keep` holds for.
pub(crate) fn finite_range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|value| value.is_finite()).fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

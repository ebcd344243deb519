//! What is compared counts once an item: rows of a cluster are averaged, sampling weights undone.

use crate::evaluate::{CONFIDENCE, WeightedItems};
use crate::stat::{mean, normal, student};

/// Resamples of an interval for graded values.
const RESAMPLES: usize = 2000;

/// Above this many clusters Student's interval of the linearised values takes the bootstrap's place.
const RESAMPLED_UP_TO: usize = 2000;

/// Rows with these weights and clusters. Clusters may have any numbers.
pub(super) fn sample(rows: impl ExactSizeIterator<Item = (f64, u32)> + Clone) -> WeightedItems {
    let even = rows.clone().all(|(weight, _)| (weight - 1.0).abs() <= 0.0);
    WeightedItems::of(rows, even)
}

/// Whether a grade is wholly right or wholly wrong.
pub(super) fn is_whole(quality: f64) -> bool {
    quality <= 0.0 || quality >= 1.0
}

/// A ratio of sums over clusters with its two-sided 95 % interval: the bias-corrected and accelerated bootstrap of the linearised
/// values (Efron 1987), Student's where clusters are many. `None` below two clusters, and where nothing varies.
pub(super) fn interval(top: &[f64], bottom: &[f64], seed: u64) -> Option<[f64; 2]> {
    let linear = linearised(top, bottom);
    if linear.len() < 2 || mean::moments(&linear).1 <= 0.0 {
        return None;
    }
    let resampled = (linear.len() <= RESAMPLED_UP_TO).then(|| mean::bca(&linear, CONFIDENCE, RESAMPLES, seed)).flatten();
    let (low, high) =
        resampled.filter(|(low, high)| low.is_finite() && high.is_finite()).or_else(|| mean::interval(&linear, CONFIDENCE))?;
    Some([low, high])
}

/// Values whose mean is Σ top / Σ bottom and whose spread is that ratio's, to first order.
fn linearised(top: &[f64], bottom: &[f64]) -> Vec<f64> {
    let (over, under): (f64, f64) = (top.iter().sum(), bottom.iter().sum());
    let (ratio, scale) = (over / under, under / bottom.len() as f64);
    top.iter().zip(bottom).map(|(top, bottom)| ratio + (top - ratio * bottom) / scale).collect()
}

/// Student's one-sided p-value of H0: Σ of these values ≥ 0 in expectation.
pub(super) fn below_zero(values: impl Iterator<Item = f64>) -> f64 {
    mean::t_greater(&values.map(|value| -value).collect::<Vec<f64>>())
}

/// The smallest shift of Σ moved / Σ weight that a one-sided test at `level` finds with this power: `(z₁₋α + z_power)` standard
/// errors under "no worse", `squares` = Σ moved². Examples that get worse by a share D differ in at least a share D, so that few
/// differences seen are no reason to call a small shift detectable: the standard error is not taken below √(D/n).
pub(super) fn detectable(squares: f64, weights: &[f64], level: f64, power: f64) -> f64 {
    let z = normal::quantile(1.0 - level) + normal::quantile(power);
    let (total, of_squares) = weights.iter().fold((0.0, 0.0), |(total, squares), w| (total + w, squares + w * w));
    // One over the effective number of clusters.
    let each = of_squares / (total * total);
    z * (squares.max(0.0).sqrt() / total).max(z * each)
}

/// The two-sided quantile that belongs to the confidence of intervals.
pub(super) fn student_quantile(clusters: usize) -> f64 {
    student::quantile(0.5 + 0.5 * CONFIDENCE, clusters.saturating_sub(1).max(1) as f64)
}

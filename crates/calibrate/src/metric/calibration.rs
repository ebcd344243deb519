//! Whether confidences say how often answers are right.

use super::Sorted;
use crate::evaluate::CONFIDENCE;
use crate::report::Bin;
use crate::stat::proportion::wilson_of;

/// Bins of a reliability diagram, at most.
pub const BINS: usize = 15;

/// Rows that a bin needs to say anything.
const LEAST: usize = 20;

/// How many bins this many rows fill: of a few rows a share says nothing.
pub fn bins_for(rows: usize) -> usize {
    (rows / LEAST).clamp(1, BINS)
}

/// Mean of (confidence − quality)² over pairs of both; `None` without any.
pub fn brier(rows: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (sum, n) =
        rows.fold((0.0, 0_u64), |(sum, n), (confidence, quality)| (sum + (confidence - quality) * (confidence - quality), n + 1));
    (n > 0).then(|| sum / n as f64)
}

/// The reliability diagram, with the quality by row: equal numbers of rows a bin in the order of confidence, ties in the order of the rows;
/// the first bins get what is over, and empty ones are left out. NaN confidences are left out.
pub fn reliability(confidence: &[f64], quality: impl Fn(usize) -> f64, bins: usize) -> Vec<Bin> {
    let sorted = Sorted::new(confidence);
    let (n, mut rows) = (sorted.len(), sorted.ascending());
    let sizes = (0..bins).map(|bin| n / bins + usize::from(bin < n % bins)).filter(|size| *size > 0);
    let bin = |size: usize| {
        let sums = rows.by_ref().take(size).fold((0.0, 0.0), |sums, row| (sums.0 + confidence[row], sums.1 + quality(row)));
        let (accuracy, n) = (sums.1 / size as f64, size as u64);
        let (low, high) = wilson_of(accuracy, n, CONFIDENCE);
        Bin { confidence: sums.0 / size as f64, accuracy, low, high, n }
    };
    sizes.map(bin).collect()
}

/// Expected calibration error of a reliability diagram: the mean over bins, by rows, of |mean confidence − mean quality|. Sampling noise alone
/// makes it more than 0. `None` without bins.
pub fn ece(bins: &[Bin]) -> Option<f64> {
    let rows: f64 = bins.iter().map(|bin| bin.n as f64).sum();
    let gaps = || bins.iter().map(|bin| bin.n as f64 * (bin.confidence - bin.accuracy).abs()).sum::<f64>();
    (!bins.is_empty()).then(|| gaps() / rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_row_is_in_one_bin(rows in proptest::collection::vec((0.0..=1.0f64, 0.0..=1.0f64), 1..80), n in 1..20usize) {
            let mut sorted = rows.clone();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            let end = |bin: usize| bin * (rows.len() / n) + bin.min(rows.len() % n);
            let bins = (0..n).map(|bin| &sorted[end(bin)..end(bin + 1)]).filter(|bin| !bin.is_empty());
            let plain: Vec<(u64, f64, f64)> = bins.map(|bin| {
                let sums = bin.iter().fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
                (bin.len() as u64, sums.0 / bin.len() as f64, sums.1 / bin.len() as f64)
            }).collect();
            let confidence: Vec<f64> = rows.iter().map(|row| row.0).collect();
            let streamed = reliability(&confidence, |row| rows[row].1, n);
            prop_assert_eq!(streamed.iter().map(|bin| (bin.n, bin.confidence, bin.accuracy)).collect::<Vec<_>>(), plain);
        }
    }

    #[test]
    fn abstentions_and_nothing() {
        assert_eq!(brier(std::iter::empty()), None);
        assert!(reliability(&[f64::NAN], |_| 1.0, BINS).is_empty() && ece(&[]).is_none());
    }

    #[test]
    fn a_bin_where_all_or_none_are_right_is_not_sure_of_it() {
        for quality in [0.0, 1.0] {
            let bins = reliability(&[0.5; 4], |_| quality, bins_for(4));
            assert_eq!(bins.len(), 1);
            assert!((bins[0].accuracy - quality).abs() < 1e-12 && bins[0].high - bins[0].low > 0.4, "{bins:?}");
        }
        assert_eq!([0, 4, 39, 40, 60, 100_000].map(bins_for), [1, 1, 1, 2, 3, BINS]);
    }
}

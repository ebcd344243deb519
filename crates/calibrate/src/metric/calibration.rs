//! Whether confidences say how often answers are right.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use statrs::function::erf::erf;

use super::{Sorted, read};
use crate::report::Bin;

/// Mean of (confidence − quality)²; `None` without rows.
pub fn brier(confidence: &[f64], quality: &[f64]) -> Option<f64> {
    brier_of(read(confidence, quality))
}

/// [`brier`] of pairs of confidence and quality.
pub(crate) fn brier_of(rows: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    mean(rows.map(|(c, q)| (c - q) * (c - q)))
}

/// Mean of −q ln c − (1 − q) ln(1 − c), with c moved into [10⁻⁶, 1 − 10⁻⁶] so that one certain mistake does not decide alone; `None` without rows.
pub fn log_loss(confidence: &[f64], quality: &[f64]) -> Option<f64> {
    mean(read(confidence, quality).map(|(c, q)| {
        let c = c.clamp(1e-6, 1.0 - 1e-6);
        -(q * c.ln() + (1.0 - q) * (1.0 - c).ln())
    }))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0_u64), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / n as f64)
}

/// How confidences are put into bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bins {
    /// Equal parts of [0, 1], the last closed above.
    EqualWidth(usize),
    /// Equal numbers of rows in the order of confidence, ties in the order of the rows; the first bins get what does not divide.
    EqualMass(usize),
}

/// The default: 15 bins of equal mass.
pub const BINS: Bins = Bins::EqualMass(15);

impl Bins {
    /// (confidence, quality) by bin, ascending; empty bins are left out.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the bins that there are")]
    fn of(self, confidence: &[f64], quality: &[f64]) -> Vec<Vec<(f64, f64)>> {
        let mut rows: Vec<(f64, f64)> = Vec::with_capacity(confidence.len());
        rows.extend(read(confidence, quality));
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        match self {
            Self::EqualWidth(bins) => {
                let bin = |c: f64| ((c * bins as f64).floor().max(0.0) as usize).min(bins.saturating_sub(1));
                rows.chunk_by(|a, b| bin(a.0) == bin(b.0)).map(<[_]>::to_vec).collect()
            }
            Self::EqualMass(bins) => {
                let (bins, n) = (bins.max(1), rows.len());
                let end = |bin: usize| bin * (n / bins) + bin.min(n % bins);
                (0..bins).map(|bin| rows[end(bin)..end(bin + 1)].to_vec()).filter(|bin| !bin.is_empty()).collect()
            }
        }
    }
}

/// The reliability diagram; empty bins are left out.
pub fn reliability(confidence: &[f64], quality: &[f64], bins: Bins) -> Vec<Bin> {
    reliability_of(confidence, |row| quality[row], bins)
}

/// [`reliability`] with the quality by row.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the bins that there are")]
pub(crate) fn reliability_of(confidence: &[f64], quality: impl Fn(usize) -> f64, bins: Bins) -> Vec<Bin> {
    let sorted = Sorted::new(confidence);
    // By bin: its rows, and their sums.
    let mut sums: Vec<(u64, f64, f64)> = Vec::new();
    let (mut current, n) = (None, sorted.len());
    for (at, row) in sorted.ascending().enumerate() {
        let c = confidence[row] + 0.0;
        let bin = match bins {
            Bins::EqualWidth(bins) => ((c * bins as f64).floor().max(0.0) as usize).min(bins.saturating_sub(1)),
            Bins::EqualMass(bins) => {
                let bins = bins.max(1);
                let (each, larger) = (n / bins, n % bins);
                let in_larger = larger * (each + 1);
                if at < in_larger { at / (each + 1) } else { larger + (at - in_larger) / each.max(1) }
            }
        };
        if current != Some(bin) {
            current = Some(bin);
            sums.push((0, 0.0, 0.0));
        }
        if let Some((rows, confidence, accuracy)) = sums.last_mut() {
            *rows += 1;
            *confidence += c;
            *accuracy += quality(row);
        }
    }
    let of =
        |(n, confidence, accuracy): (u64, f64, f64)| Bin { confidence: confidence / n as f64, accuracy: accuracy / n as f64, n };
    sums.into_iter().map(of).collect()
}

/// The largest distance of a bin's mean confidence from its mean quality; `None` without rows.
pub fn mce(confidence: &[f64], quality: &[f64], bins: Bins) -> Option<f64> {
    bins.of(confidence, quality).into_iter().map(|bin| Gap::of(bin).mean.abs()).reduce(f64::max)
}

/// Expected calibration error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ece {
    /// The mean over bins, by rows, of |mean confidence − mean quality|. Sampling noise alone makes it about √(bins/n) · 0.4, so it is never 0.
    pub value: f64,
    /// Less what the noise of each bin adds on average: 2|d| − E|N(|d|, s²)| in place of |d|, at least 0 in all (after Kumar, Liang & Ma 2019).
    pub debiased: f64,
    /// A 95 % interval: the errors of all gaps scaled alike under which a bootstrap (fixed bins, 500 draws, seeded) gives more, or less, than
    /// `value` in at least 2.5 % of its draws. 0 where the rows do not speak against perfect calibration.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Expected calibration error; `None` without rows.
pub fn ece(confidence: &[f64], quality: &[f64], bins: Bins) -> Option<Ece> {
    const DRAWS: usize = 500;
    let bins: Vec<Gap> = bins.of(confidence, quality).into_iter().map(Gap::of).collect();
    let n: f64 = bins.iter().map(|bin| bin.rows.len() as f64).sum();
    if bins.is_empty() {
        return None;
    }
    let share: Vec<f64> = bins.iter().map(|bin| bin.rows.len() as f64 / n).collect();
    let value: f64 = bins.iter().zip(&share).map(|(bin, share)| share * bin.mean.abs()).sum();
    let without_noise = bins.iter().zip(&share).map(|(bin, share)| share * (2.0 * bin.mean.abs() - bin.folded()));
    let debiased = without_noise.sum::<f64>().max(0.0);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let noise: Vec<Vec<f64>> = (0..DRAWS).map(|_| bins.iter().map(|bin| bin.noise(&mut rng)).collect()).collect();
    // The `at` quantile of the value where the true gaps are those found, times `scale`.
    let quantile = |scale: f64, at: f64| {
        let one = |noise: &Vec<f64>| -> f64 {
            let drawn = bins.iter().zip(noise).map(|(bin, noise)| (scale * bin.mean + noise).abs());
            drawn.zip(&share).map(|(gap, share)| gap * share).sum()
        };
        let mut drawn: Vec<f64> = noise.iter().map(one).collect();
        drawn.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the draws")]
        let at = (at * (DRAWS - 1) as f64) as usize;
        drawn[at]
    };
    // The scale at which the value found is that quantile; it rises with the scale.
    let scale = |share: f64| {
        let (mut low, mut high) = (0.0, 16.0);
        if quantile(low, share) >= value {
            return low;
        }
        for _ in 0..30 {
            let middle = 0.5 * (low + high);
            if quantile(middle, share) < value { low = middle } else { high = middle }
        }
        high
    };
    Some(Ece { value, debiased, low: scale(0.975) * value, high: (scale(0.025) * value).min(1.0) })
}

/// A bin's (confidence − quality): its rows, their mean, and that mean's variance.
struct Gap {
    rows: Vec<f64>,
    mean: f64,
    variance: f64,
}

impl Gap {
    fn of(bin: Vec<(f64, f64)>) -> Self {
        let rows: Vec<f64> = bin.into_iter().map(|(c, q)| c - q).collect();
        let n = rows.len() as f64;
        let mean = rows.iter().sum::<f64>() / n;
        let squares: f64 = rows.iter().map(|row| (row - mean) * (row - mean)).sum();
        // Of one row nothing is known: as uncertain as a coin.
        let variance = if n < 2.0 { 0.25 } else { squares / (n - 1.0) / n };
        Self { rows, mean, variance }
    }

    /// E|N(mean, variance)|.
    fn folded(&self) -> f64 {
        let spread = self.variance.sqrt();
        if spread <= 0.0 {
            return self.mean.abs();
        }
        let z = self.mean / spread;
        spread * (2.0 / std::f64::consts::PI).sqrt() * (-0.5 * z * z).exp() + self.mean * erf(z / std::f64::consts::SQRT_2)
    }

    /// The mean of as many rows drawn with replacement, less the mean; of a large bin a normal draw, which is the same for less work.
    fn noise(&self, rng: &mut ChaCha8Rng) -> f64 {
        const LARGE: usize = 200;
        if self.rows.len() > LARGE {
            let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
            return self.variance.sqrt() * radius * (std::f64::consts::TAU * rng.random::<f64>()).cos();
        }
        let drawn: f64 = (0..self.rows.len()).map(|_| self.rows[rng.random_range(0..self.rows.len())]).sum();
        drawn / self.rows.len() as f64 - self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_row_is_in_one_bin(rows in proptest::collection::vec((0.0..=1.0f64, 0.0..=1.0f64), 1..80), n in 1..20usize) {
            let (confidence, quality): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
            for bins in [Bins::EqualWidth(n), Bins::EqualMass(n)] {
                let plain: Vec<(u64, f64, f64)> = bins.of(&confidence, &quality).into_iter().map(|bin| {
                    let sums = bin.iter().fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
                    (bin.len() as u64, sums.0 / bin.len() as f64, sums.1 / bin.len() as f64)
                }).collect();
                let streamed = reliability(&confidence, &quality, bins);
                prop_assert_eq!(streamed.iter().map(|bin| (bin.n, bin.confidence, bin.accuracy)).collect::<Vec<_>>(), plain);
                let counted: u64 = reliability(&confidence, &quality, bins).iter().map(|bin| bin.n).sum();
                prop_assert_eq!(counted, confidence.len() as u64);
            }
        }
    }

    /// Confidences uniform in [0, 1], right with probability `right(confidence)`.
    fn population(n: usize, rng: &mut ChaCha8Rng, right: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
        (0..n)
            .map(|_| {
                let c: f64 = rng.random();
                (c, f64::from(u8::from(rng.random::<f64>() < right(c))))
            })
            .unzip()
    }

    #[test]
    fn debiasing_and_interval_take_the_noise_off() {
        const REPEATS: i32 = 100;
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        // Calibrated: 0. Half-hearted: quality ¼ + c/2, off by |c/2 − ¼|, on average ⅛.
        for (truth, halved) in [(0.0, false), (0.125, true)] {
            let (mut plain, mut debiased, mut held) = (0.0, 0.0, 0);
            for _ in 0..REPEATS {
                let (c, q) = population(600, &mut rng, |c| if halved { 0.25 + 0.5 * c } else { c });
                let ece = ece(&c, &q, BINS).unwrap();
                plain += ece.value / f64::from(REPEATS);
                debiased += ece.debiased / f64::from(REPEATS);
                held += i32::from(ece.low <= truth + 0.005 && truth - 0.005 <= ece.high);
            }
            assert!((debiased - truth).abs() < 0.6 * (plain - truth).abs(), "{truth}: {plain} and {debiased}");
            assert!(10 * held >= 9 * REPEATS, "{truth}: {held} of {REPEATS}");
        }
    }

    #[test]
    fn abstentions_and_nothing() {
        assert_eq!(brier(&[f64::NAN, 0.5], &[1.0, 1.0]), Some(0.25));
        assert_eq!((brier(&[], &[]), log_loss(&[], &[]), mce(&[], &[], BINS)), (None, None, None));
        assert!(ece(&[f64::NAN], &[1.0], BINS).is_none() && reliability(&[], &[], BINS).is_empty());
    }

    #[test]
    fn large_bins_are_drawn_like_small_ones() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let bin: Vec<(f64, f64)> = (0..400).map(|i| (f64::from(i) / 400.0, f64::from(u8::from(i % 3 == 0)))).collect();
        let gap = Gap::of(bin);
        let draws: Vec<f64> = (0..4000).map(|_| gap.noise(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 4000.0;
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 4000.0;
        assert!(mean.abs() < 0.002 && (variance / gap.variance - 1.0).abs() < 0.1);
    }
}

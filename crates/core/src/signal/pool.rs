//! How the readings of an answer's tokens become one. They are taken one by one, so that a whole answer and one that still streams
//! are read by the same sums, in the same order.

use super::reading::{Abstain, Reading};
use crate::number::Score;

/// What is made of the readings r₁, r₂, … of T tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    /// (1/T) Σ r.
    Mean,
    /// Σ r.
    Sum,
    /// min r.
    Min,
    /// The ⌈αT⌉-th smallest, without interpolation.
    Quantile {
        /// α, from 0 to 1; 0 is the smallest.
        alpha: f64,
    },
    /// Σ r / T^α.
    LengthPenalised {
        /// α, from 0 to 1.
        alpha: f64,
    },
    /// The mean of the lowest; of fewer than `count` all.
    MeanOfLowest {
        /// How many, at least 1.
        count: usize,
    },
    /// The mean of the lowest ⌈share · T⌉.
    MeanOfLowestShare {
        /// Above 0, at most 1.
        share: f64,
    },
}

/// The readings so far.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    statistic: Statistic,
    count: usize,
    sum: f64,
    lowest: f64,
    /// The lowest in rising order where their number is known; else all, where one sum is not enough.
    kept: Vec<f64>,
}

impl Pool {
    pub(super) fn new(statistic: Statistic) -> Self {
        Self { statistic, count: 0, sum: 0.0, lowest: f64::INFINITY, kept: Vec::new() }
    }

    /// How many readings there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Takes the next token's reading, which is no NaN.
    pub(super) fn push(&mut self, reading: f64) {
        self.count += 1;
        match self.statistic {
            Statistic::Mean | Statistic::Sum | Statistic::LengthPenalised { .. } => self.sum += reading,
            Statistic::Min => self.lowest = self.lowest.min(reading),
            Statistic::Quantile { .. } | Statistic::MeanOfLowestShare { .. } => self.kept.push(reading),
            Statistic::MeanOfLowest { count } => {
                let place = self.kept.partition_point(|kept| kept.total_cmp(&reading).is_le());
                if place < count {
                    self.kept.truncate(count - 1);
                    self.kept.insert(place, reading);
                }
            }
        }
    }

    /// What all readings come to.
    pub(super) fn reading(&mut self) -> Reading {
        if self.count == 0 {
            return Err(Abstain::NoTokens);
        }
        Score::new(self.value()).ok_or(Abstain::NotANumber)
    }

    fn value(&mut self) -> f64 {
        let count = self.count as f64;
        match self.statistic {
            Statistic::Mean => self.sum / count,
            Statistic::Sum => self.sum,
            Statistic::LengthPenalised { alpha } => self.sum / count.powf(alpha),
            Statistic::Min => self.lowest,
            Statistic::Quantile { alpha } => {
                let place = rank(alpha, self.count) - 1;
                *self.kept.select_nth_unstable_by(place, f64::total_cmp).1
            }
            Statistic::MeanOfLowest { .. } => mean(&self.kept),
            Statistic::MeanOfLowestShare { share } => {
                // Sorted, so that the sum does not depend on where in the answer the lowest stand.
                self.kept.sort_by(f64::total_cmp);
                mean(&self.kept[..rank(share, self.count)])
            }
        }
    }

    /// Between what the value must lie when further tokens have been read, each as something in `range`. There will be `most` in all
    /// at most, if that is known, and more than there are. Statistics other than mean and minimum are of readings of at most 0.
    pub(super) fn bounds(&self, range: (f64, f64), most: Option<usize>) -> (f64, f64) {
        let (low, high) = range;
        match self.statistic {
            Statistic::Mean => {
                let Some(most) = most else { return range };
                let (all, left) = (most as f64, (most - self.count) as f64);
                // The surest tokens that there can be come, and as many as there can be. Sums are rounded once a token.
                let end = |end: f64| (self.sum + left * end) / all;
                let slack = |end: f64| 2.0 * f64::EPSILON * (self.sum.abs() + all * end.abs());
                (low.max(end(low) - slack(low)), high.min(end(high) + slack(high)))
            }
            // No token is read as more than 0, and none leaves.
            Statistic::Sum => (low, self.sum),
            Statistic::LengthPenalised { alpha } => {
                let most = most.map_or(f64::INFINITY, |most| most as f64);
                // Powers are not rounded as sums are.
                (low, self.sum / most.powf(alpha) * (1.0 - 8.0 * f64::EPSILON))
            }
            Statistic::Min => (low, high.min(self.lowest)),
            // One more token can only push a higher one out of the lowest, once there are that many.
            Statistic::MeanOfLowest { count } if self.kept.len() == count => (low, mean(&self.kept)),
            // What is to come may be surer and raise these.
            Statistic::Quantile { .. } | Statistic::MeanOfLowest { .. } | Statistic::MeanOfLowestShare { .. } => range,
        }
    }
}

fn mean(readings: &[f64]) -> f64 {
    readings.iter().sum::<f64>() / readings.len() as f64
}

/// ⌈share · count⌉, from 1 to `count`.
fn rank(share: f64, count: usize) -> usize {
    // Without the small step back, 0.07 · 100 = 7.000000000000001 would be the 8th.
    let exact = (share * count as f64 - 1e-9).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=count before the cast")]
    let rank = exact.clamp(1.0, count.max(1) as f64) as usize;
    rank
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(statistic: Statistic, readings: &[f64]) -> Pool {
        let mut pool = Pool::new(statistic);
        for reading in readings {
            pool.push(*reading);
        }
        pool
    }

    #[test]
    fn ranks_are_exact_where_products_are_not() {
        assert_eq!(rank(0.07, 100), 7);
        assert_eq!(rank(0.29, 100), 29);
        assert_eq!(rank(0.291, 100), 30);
        assert_eq!((rank(0.0, 5), rank(1.0, 5), rank(1.0, 0)), (1, 5, 1));
    }

    #[test]
    fn the_lowest_are_kept_whatever_their_order() {
        let mut lowest = pool(Statistic::MeanOfLowest { count: 2 }, &[-1.0, -4.0, -0.5, -3.0, -2.0]);
        assert_eq!(lowest.reading(), Ok(Score::new(-3.5).unwrap()));
        assert_eq!(lowest.kept, [-4.0, -3.0]);
        let mut all = pool(Statistic::MeanOfLowest { count: 9 }, &[-1.0, -4.0]);
        assert_eq!(all.reading(), Ok(Score::new(-2.5).unwrap()));
    }

    #[test]
    fn a_mean_is_bounded_by_what_can_still_come() {
        let logprobs = (f64::NEG_INFINITY, 0.0);
        let (low, high) = pool(Statistic::Mean, &[-3.0, -1.0]).bounds(logprobs, Some(4));
        assert!(low.is_infinite() && (-1.0..-0.999_999).contains(&high), "{low} {high}");
        let (low, high) = pool(Statistic::Mean, &[0.5, 0.7]).bounds((0.0, 1.0), Some(4));
        assert!((low - 0.3).abs() < 1e-12 && (high - 0.8).abs() < 1e-12, "{low} {high}");
        assert_eq!(pool(Statistic::Mean, &[-3.0]).bounds(logprobs, None), logprobs);
    }
}

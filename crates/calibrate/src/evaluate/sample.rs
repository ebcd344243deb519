//! Means and ratios over items with intervals: rows that repeat one item are averaged first, sampling weights undone.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::quality::Quality;
use crate::report::Estimate;
use crate::stat::{normal, proportion};
use crate::view::View;

use super::play::Played;

/// Two-sided, of everything that is reported.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// How much each row of a list counts, and which item it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// A row's share: its sampling weight over the number of listed rows of its item.
    pub share: Vec<f64>,
    /// A row's item, dense from 0.
    pub item: Vec<u32>,
    /// How many items there are.
    pub items: usize,
    /// Whether every row is an item of its own and counts once: counts are then whole, and exact intervals apply.
    pub plain: bool,
}

impl Sample {
    /// Of these rows of a view's table.
    pub(crate) fn new(view: &View<'_>, rows: &[u32]) -> Self {
        let observations = view.observations();
        let weights = observations.weights();
        let weight = |row: u32| weights.map_or(1.0, |weights| weights[row as usize]);
        if observations.groups().len() == 0 {
            #[expect(clippy::cast_possible_truncation, reason = "a table has fewer than 2³² rows")]
            let item = (0..rows.len() as u32).collect();
            let share = rows.iter().map(|row| weight(*row)).collect();
            return Self { share, item, items: rows.len(), plain: weights.is_none() };
        }
        let mut dense = vec![u32::MAX; observations.len()];
        let mut repeats: Vec<u32> = Vec::new();
        let mut item = Vec::with_capacity(rows.len());
        for row in rows {
            let place = &mut dense[observations.items()[*row as usize] as usize];
            if *place == u32::MAX {
                *place = u32::try_from(repeats.len()).unwrap_or(u32::MAX);
                repeats.push(0);
            }
            repeats[*place as usize] += 1;
            item.push(*place);
        }
        let share = rows.iter().zip(&item).map(|(row, item)| weight(*row) / f64::from(repeats[*item as usize])).collect();
        let plain = weights.is_none() && repeats.len() == rows.len();
        Self { share, item, items: repeats.len(), plain }
    }

    /// Of the rows that were played.
    pub(crate) fn of(view: &View<'_>, played: &Played) -> Self {
        Self::new(view, &played.row)
    }

    /// Σ share · value an item.
    pub(crate) fn by_item(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.items];
        for (at, (share, item)) in self.share.iter().zip(&self.item).enumerate() {
            sums[*item as usize] += share * value(at);
        }
        sums
    }

    /// Σ share · value / Σ share.
    pub(crate) fn mean(&self, value: impl Fn(usize) -> f64) -> f64 {
        let total: f64 = self.share.iter().sum();
        self.share.iter().enumerate().map(|(at, share)| share * value(at)).sum::<f64>() / total
    }

    /// The least value that at least this share of the rows does not exceed.
    pub(crate) fn quantile(&self, share: f64, values: &[u64]) -> u64 {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_unstable_by_key(|at| values[*at]);
        let (enough, mut below) = (share * self.share.iter().sum::<f64>(), 0.0);
        for at in &order {
            below += self.share[*at];
            if below >= enough * (1.0 - 1e-12) {
                return values[*at];
            }
        }
        order.last().map_or(0, |at| values[*at])
    }

    /// The mean of a quality, in billionths a row: Wilson's interval where counts are whole, else that of a mean over items.
    pub(crate) fn quality(&self, nano: &[u32]) -> Estimate {
        let whole = |value: &u32| *value == Quality::WRONG.nano() || *value == Quality::RIGHT.nano();
        if self.plain && nano.iter().all(whole) {
            let right = nano.iter().filter(|value| **value > 0).count() as u64;
            return share_of(right, nano.len() as u64);
        }
        self.ratio(|at| f64::from(nano[at]) / 1e9, |_| 1.0, 0.0, 1.0)
    }

    /// A mean over items and its standard error, linearised.
    pub(crate) fn mean_and_error(&self, value: impl Fn(usize) -> f64) -> (f64, f64) {
        self.ratio_and_error(value, |_| 1.0)
    }

    fn ratio_and_error(&self, top: impl Fn(usize) -> f64, bottom: impl Fn(usize) -> f64) -> (f64, f64) {
        let (top, bottom) = (self.by_item(top), self.by_item(bottom));
        let (over, under): (f64, f64) = (top.iter().sum(), bottom.iter().sum());
        let (value, n) = (over / under, self.items as f64);
        let squares: f64 = top.iter().zip(&bottom).map(|(top, bottom)| (top - value * bottom).powi(2)).sum();
        (value, if self.items > 1 { (n / (n - 1.0) * squares).sqrt() / under } else { f64::INFINITY })
    }

    /// Σ share · top / Σ share · bottom with the linearised interval of a ratio over items, kept in `least..=most`.
    pub(crate) fn ratio(&self, top: impl Fn(usize) -> f64, bottom: impl Fn(usize) -> f64, least: f64, most: f64) -> Estimate {
        let (value, error) = self.ratio_and_error(top, bottom);
        let half = student(self.items) * error;
        Estimate { value, low: (value - half).max(least), high: (value + half).min(most) }
    }
}

/// The two-sided quantile of a mean over this many items.
fn student(items: usize) -> f64 {
    let upper = 0.5 + CONFIDENCE / 2.0;
    let freedom = items.saturating_sub(1).max(1) as f64;
    StudentsT::new(0.0, 1.0, freedom).map_or_else(|_| normal::quantile(upper), |student| student.inverse_cdf(upper))
}

/// `k` of `n` with Wilson's interval; `n` above 0.
pub(crate) fn share_of(k: u64, n: u64) -> Estimate {
    let (low, high) = proportion::wilson(k, n, CONFIDENCE);
    Estimate { value: k as f64 / n as f64, low, high }
}

/// `None` for NaN and infinities.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// 1 where it holds, else 0.
pub(crate) fn indicator(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

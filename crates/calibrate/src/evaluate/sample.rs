//! Means and ratios over items with intervals: rows that repeat one item are averaged first, sampling weights undone.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::quality::Quality;
use crate::report::Estimate;
use crate::stat::{normal, proportion};
use crate::view::View;

/// Two-sided, of everything that is reported.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// How much each row of a list counts, and which item it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct WeightedItems {
    /// How many rows there are.
    rows: usize,
    /// A row's share: its sampling weight over the number of listed rows of its item. `None` = 1 each.
    share: Option<Vec<f64>>,
    /// A row's item, dense from 0. `None` = every row is one of its own.
    item: Option<Vec<u32>>,
    /// How many items there are.
    pub items: usize,
    /// Whether every row is an item of its own and counts once: counts are then whole, and exact intervals apply.
    pub plain: bool,
}

impl WeightedItems {
    /// Of these rows of a view's table.
    pub(crate) fn new(view: &View<'_>, rows: &[u32]) -> Self {
        let observations = view.observations();
        let weights = observations.weights();
        let weight = |row: u32| weights.map_or(1.0, |weights| weights[row as usize]);
        if observations.groups().len() == 0 {
            let share = weights.map(|_| rows.iter().map(|row| weight(*row)).collect());
            return Self { rows: rows.len(), share, item: None, items: rows.len(), plain: weights.is_none() };
        }
        Self::of(rows.iter().map(|row| (weight(*row), observations.items()[*row as usize])), weights.is_none())
    }

    /// Of rows with these weights, and items of any numbers; `even` where every row of an item of its own counts once.
    pub(crate) fn of(rows: impl ExactSizeIterator<Item = (f64, u32)> + Clone, even: bool) -> Self {
        let most = rows.clone().map(|(_, item)| item as usize + 1).max().unwrap_or(0);
        let mut dense = vec![u32::MAX; most];
        let mut repeats: Vec<u32> = Vec::new();
        let mut item = Vec::with_capacity(rows.len());
        for (_, of) in rows.clone() {
            let place = &mut dense[of as usize];
            if *place == u32::MAX {
                *place = u32::try_from(repeats.len()).unwrap_or(u32::MAX);
                repeats.push(0);
            }
            repeats[*place as usize] += 1;
            item.push(*place);
        }
        let (n, items) = (rows.len(), repeats.len());
        if even && items == n {
            return Self { rows: n, share: None, item: None, items, plain: true };
        }
        let share = rows.zip(&item).map(|((weight, _), item)| weight / f64::from(repeats[*item as usize])).collect();
        Self { rows: n, share: Some(share), item: Some(item), items, plain: false }
    }

    /// The rows once more after themselves, of the same items.
    pub(crate) fn twice(&self) -> Self {
        let own = || (0..self.rows).map(|row| u32::try_from(row).unwrap_or(u32::MAX)).collect::<Vec<_>>();
        Self {
            rows: 2 * self.rows,
            share: self.share.as_ref().map(|share| share.repeat(2)),
            item: Some(self.item.clone().unwrap_or_else(own).repeat(2)),
            items: self.items,
            plain: false,
        }
    }

    /// A row's share.
    fn share(&self, at: usize) -> f64 {
        self.share.as_ref().map_or(1.0, |share| share[at])
    }

    /// Σ share.
    fn total(&self) -> f64 {
        self.share.as_ref().map_or(self.rows as f64, |share| share.iter().sum())
    }

    /// Σ share · value an item.
    pub(crate) fn by_item(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.items];
        for at in 0..self.rows {
            sums[self.item.as_ref().map_or(at, |item| item[at] as usize)] += self.share(at) * value(at);
        }
        sums
    }

    /// Σ share · value / Σ share.
    pub(crate) fn mean(&self, value: impl Fn(usize) -> f64) -> f64 {
        (0..self.rows).map(|at| self.share(at) * value(at)).sum::<f64>() / self.total()
    }

    /// The least value that at least this share of the rows does not exceed.
    pub(crate) fn quantile(&self, share: f64, value: impl Fn(usize) -> u64) -> u64 {
        let values: Vec<u64> = (0..self.rows).map(value).collect();
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_unstable_by_key(|at| values[*at]);
        let (enough, mut below) = (share * self.total(), 0.0);
        for at in &order {
            below += self.share(*at);
            if below >= enough * (1.0 - 1e-12) {
                return values[*at];
            }
        }
        order.last().map_or(0, |at| values[*at])
    }

    /// The mean of a quality, in billionths a row: Wilson's interval where counts are whole, else that of a mean over items.
    pub(crate) fn quality(&self, nano: impl Fn(usize) -> u32) -> Estimate {
        if self.plain && (0..self.rows).all(|at| whole(nano(at))) {
            let right = (0..self.rows).filter(|at| nano(*at) > 0).count() as u64;
            return share_of(right, self.rows as u64);
        }
        self.ratio(|at| f64::from(nano(at)) / 1e9, |_| 1.0, 0.0, 1.0)
    }

    /// A mean over items and its standard error, linearised.
    pub(crate) fn mean_and_error(&self, value: impl Fn(usize) -> f64) -> (f64, f64) {
        self.ratio_and_error(value, |_| 1.0)
    }

    fn ratio_and_error(&self, top: impl Fn(usize) -> f64, bottom: impl Fn(usize) -> f64) -> (f64, f64) {
        let squares;
        let (value, under);
        if self.item.is_none() {
            // Sums of one term each need no memory.
            let of = |what: &dyn Fn(usize) -> f64, at: usize| self.share(at) * what(at);
            under = (0..self.rows).map(|at| of(&bottom, at)).sum::<f64>();
            value = (0..self.rows).map(|at| of(&top, at)).sum::<f64>() / under;
            squares = (0..self.rows).map(|at| (of(&top, at) - value * of(&bottom, at)).powi(2)).sum::<f64>();
        } else {
            let (top, bottom) = (self.by_item(top), self.by_item(bottom));
            under = bottom.iter().sum::<f64>();
            value = top.iter().sum::<f64>() / under;
            squares = top.iter().zip(&bottom).map(|(top, bottom)| (top - value * bottom).powi(2)).sum::<f64>();
        }
        let n = self.items as f64;
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

/// Whether a quality in billionths is wholly wrong or wholly right.
pub(crate) fn whole(nano: u32) -> bool {
    nano == Quality::WRONG.nano() || nano == Quality::RIGHT.nano()
}

/// `None` for NaN and infinities.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// 1 where it holds, else 0.
pub(crate) fn indicator(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

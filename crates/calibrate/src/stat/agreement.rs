//! How far raters agree beyond chance: Cohen's kappa of two, and Krippendorff's alpha of any number.
//!
//! Grades are numbers from 0 to 1, or any other finite values for the coefficients. Units are taken as independent.

use std::cmp::Ordering;

use crate::report::Estimate;
use crate::stat::{normal, proportion};

/// How far apart two grades are, δ² in Krippendorff's words. On grades that are 0 or 1 alone both are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// 1 for any two different grades.
    Nominal,
    /// The square of the difference: a half is nearer to right than wrong is.
    Interval,
}

impl Metric {
    fn apart(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Nominal => f64::from(a.total_cmp(&b) != Ordering::Equal),
            Self::Interval => (a - b) * (a - b),
        }
    }
}

/// The share `k` of `n` with the Clopper–Pearson interval; `None` where n = 0.
pub(crate) fn share(k: u64, n: u64, confidence: f64) -> Option<Estimate> {
    let (low, high) = proportion::clopper_pearson(k, n, confidence);
    (n > 0).then(|| Estimate { value: k as f64 / n as f64, low, high })
}

/// The share of units to which both gave the same grade; `None` without units.
pub(crate) fn raw(pairs: &[(f64, f64)], confidence: f64) -> Option<Estimate> {
    let same = pairs.iter().filter(|(a, b)| a.total_cmp(b) == Ordering::Equal).count();
    share(same as u64, pairs.len() as u64, confidence)
}

/// Cohen's kappa of two raters: 1 − D/E with D the mean distance of their grades of one unit and E that of grades drawn
/// independently from what each gives (Cohen 1960; with distances, Cohen 1968). 1 = always the same, 0 = as by chance.
/// `None` where neither ever gave another grade than the other: chance leaves nothing to compare with.
///
/// The interval is the wider, on either side, of two: the large-sample one, from the standard error of Fleiss, Cohen and
/// Everitt (1969), and the Clopper–Pearson interval of 1 − D with E as it is, since the former has no width at all where
/// few units are all agreed on.
pub(crate) fn kappa(pairs: &[(f64, f64)], metric: Metric, confidence: f64) -> Option<Estimate> {
    let Kappa { value: kappa, error, seen, chance } = Kappa::of(pairs, metric)?;
    let (n, tail) = (pairs.len() as u64, 0.5 - 0.5 * confidence);
    let half = normal::quantile(1.0 - tail) * error;
    let alike = n as f64 * (1.0 - seen);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n")]
    let (fewest, most) = ((alike + 1e-9).floor() as u64, (alike - 1e-9).ceil() as u64);
    let exact = |alike: f64| 1.0 - (1.0 - alike) / chance;
    let low = exact(proportion::lower(fewest, n, tail)).min(kappa - half);
    let high = exact(proportion::upper(most, n, tail)).max(kappa + half);
    Some(Estimate { value: kappa, low: low.max(-1.0), high: high.min(1.0) })
}

struct Kappa {
    value: f64,
    /// Its standard error in large samples.
    error: f64,
    /// D and E, from 0 to 1.
    seen: f64,
    chance: f64,
}

impl Kappa {
    fn of(pairs: &[(f64, f64)], metric: Metric) -> Option<Self> {
        let values = sorted(pairs.iter().flat_map(|&(a, b)| [a, b]));
        let scale = metric.apart(*values.first()?, *values.last()?);
        if scale <= 0.0 {
            return None;
        }
        // From 0 to 1, whatever the values; kappa does not depend on it.
        let apart = |a: f64, b: f64| metric.apart(a, b) / scale;
        let n = pairs.len() as f64;
        let firsts = counts(&values, pairs.iter().map(|pair| pair.0));
        let seconds = counts(&values, pairs.iter().map(|pair| pair.1));
        // The mean distance of a value from what a rater gives.
        let from = |value: f64, given: &[u64]| {
            values.iter().zip(given).map(|(other, times)| apart(value, *other) * *times as f64).sum::<f64>() / n
        };
        let seen = pairs.iter().map(|&(a, b)| apart(a, b)).sum::<f64>() / n;
        let chance = values.iter().zip(&firsts).map(|(value, times)| from(*value, &seconds) * *times as f64).sum::<f64>() / n;
        let kappa = 1.0 - seen / chance;
        // What each unit pulls kappa by; its mean is 1 − kappa.
        let pulls = pairs.iter().map(|&(a, b)| ((from(a, &seconds) + from(b, &firsts)) * (1.0 - kappa) - apart(a, b)) / chance);
        let square = pulls.map(|pull| pull * pull).sum::<f64>() / n;
        let error = ((square - (1.0 - kappa) * (1.0 - kappa)).max(0.0) / n).sqrt();
        Some(Self { value: kappa, error, seen, chance })
    }
}

/// Krippendorff's alpha.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alpha {
    /// 1 − D/E: 1 = always the same, 0 = as by chance. `None` where all pairable grades are the same.
    pub alpha: Option<f64>,
    /// Units that at least two rated.
    pub units: u64,
    /// Grades of those units.
    pub grades: u64,
}

/// Krippendorff's alpha for any number of raters, of whom some may not have rated some units ("Computing Krippendorff's
/// Alpha-Reliability", 2011; *Content Analysis*, 2nd edition, 2004, chapter 11). A unit is the list of grades it got; units
/// with less than two say nothing about agreement.
pub(crate) fn alpha(units: &[Vec<f64>], metric: Metric) -> Alpha {
    let pairable = || units.iter().filter(|unit| unit.len() >= 2);
    let values = sorted(pairable().flatten().copied());
    let all = counts(&values, pairable().flatten().copied());
    let grades: u64 = all.iter().sum();
    let n = grades as f64;
    // Over ordered pairs: those of one unit, and those of all grades together.
    let pairs = |counts: &[u64]| -> f64 {
        // A unit has few of the grades that there are.
        let there: Vec<usize> = (0..values.len()).filter(|at| counts[*at] > 0).collect();
        let each = there.iter().flat_map(|a| there.iter().map(|b| (*a, *b)));
        each.map(|(a, b)| metric.apart(values[a], values[b]) * counts[a] as f64 * counts[b] as f64).sum()
    };
    let seen: f64 = pairable().map(|unit| pairs(&counts(&values, unit.iter().copied())) / (unit.len() - 1) as f64).sum();
    let chance = pairs(&all);
    let alpha = (chance > 0.0).then(|| 1.0 - (n - 1.0) * seen / chance);
    Alpha { alpha, units: pairable().count() as u64, grades }
}

/// The different values, ascending.
fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.dedup_by(|a, b| a.total_cmp(b) == Ordering::Equal);
    values
}

/// How often each of `values` occurs.
fn counts(values: &[f64], given: impl Iterator<Item = f64>) -> Vec<u64> {
    let mut counts = vec![0; values.len()];
    for value in given {
        if let Ok(at) = values.binary_search_by(|other| other.total_cmp(&value)) {
            counts[at] += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests;

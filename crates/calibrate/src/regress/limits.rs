//! The values that `[[expect]]` limits are about, each with a two-sided 95 % interval. The verdict is by the value alone: these
//! are promises about these very examples, and a replay of them is exact.

use crate::evaluate::{self, CONFIDENCE, finite, indicator, loss_of, share_of};
use crate::report::Estimate;
use crate::stat::binomial;
use crate::stat::bisection;

use super::latency::micros;
use super::rows::{self, is_whole, student_quantile};
use super::{Check, Limit, Side, Unit, Verdict};

/// One example under one system, as limits read it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExampleRun {
    /// The grade of what is served, in [0, 1].
    pub quality: f64,
    /// What it cost, in USD, every attempt included; `None` = unknown.
    pub cost_usd: Option<f64>,
    /// The grade of the last declared tier's answer; `None` = not known.
    pub last_quality: Option<f64>,
    /// What that answer alone would have cost, in USD; `None` = unknown.
    pub last_cost_usd: Option<f64>,
    /// How many requests it stands for, above 0.
    pub weight: f64,
    /// Examples of one cluster repeat one item, and count once.
    pub cluster: u32,
    /// How long it took, in milliseconds; `None` where nothing was measured.
    pub latency_ms: Option<f64>,
}

fn items(rows: &[ExampleRun]) -> evaluate::WeightedItems {
    rows::sample(rows.iter().map(|row| (row.weight, row.cluster)))
}

/// Mean quality. Wilson's interval (1927) where grades are right or wrong, every row is an item and none is weighted. NaN
/// without rows.
pub fn accuracy(rows: &[ExampleRun]) -> Estimate {
    let sample = items(rows);
    if rows.is_empty() {
        return Estimate { value: f64::NAN, low: f64::NAN, high: f64::NAN };
    }
    if sample.plain && rows.iter().all(|row| is_whole(row.quality)) {
        return share_of(rows.iter().filter(|row| row.quality >= 1.0).count() as u64, rows.len() as u64);
    }
    sample.ratio(|at| rows[at].quality, |_| 1.0, 0.0, 1.0)
}

/// Mean quality of the last declared tier less that of what is served, paired; Newcombe's interval (1998, method 10) where
/// counts are whole. `None` without rows, or where the last tier's grade is missing anywhere.
pub fn loss(rows: &[ExampleRun]) -> Option<Estimate> {
    let last: Vec<f64> = rows.iter().map(|row| row.last_quality).collect::<Option<_>>()?;
    if rows.is_empty() {
        return None;
    }
    let sample = items(rows);
    if sample.plain && rows.iter().zip(&last).all(|(row, last)| is_whole(row.quality) && is_whole(*last)) {
        let mut cells = [0_u64; 4];
        for (row, last) in rows.iter().zip(&last) {
            cells[usize::from(*last <= 0.0) * 2 + usize::from(row.quality <= 0.0)] += 1;
        }
        return Some(loss_of(cells));
    }
    Some(sample.ratio(|at| last[at] - rows[at].quality, |_| 1.0, -1.0, 1.0))
}

/// Mean cost over that of always asking the last declared tier, with the linearised interval of a ratio. `None` where a cost is
/// unknown, or always asking the last tier is free.
pub fn cost_ratio(rows: &[ExampleRun]) -> Option<Estimate> {
    let mine: Vec<f64> = rows.iter().map(|row| row.cost_usd).collect::<Option<_>>()?;
    let last: Vec<f64> = rows.iter().map(|row| row.last_cost_usd).collect::<Option<_>>()?;
    let sample = items(rows);
    finite(sample.mean(|at| last[at])).filter(|mean| *mean > 0.0)?;
    Some(bounded(sample.ratio(|at| mine[at], |at| last[at], 0.0, f64::INFINITY)))
}

/// Mean cost in USD; `None` without rows, or where a cost is unknown.
pub fn cost(rows: &[ExampleRun]) -> Option<Estimate> {
    let mine: Vec<f64> = rows.iter().map(|row| row.cost_usd).collect::<Option<_>>()?;
    (!rows.is_empty()).then(|| bounded(items(rows).ratio(|at| mine[at], |_| 1.0, 0.0, f64::INFINITY)))
}

/// `hits` of `of` plain rows, with Wilson's interval: availability, and shares where nothing is weighted or repeated. NaN in
/// (0, 1) where there is none.
pub fn rate(hits: u64, of: u64) -> Estimate {
    share_of(hits, of)
}

/// The share of rows that `hit` holds for, among those that `among` holds for: escalations among all, answers among those that reach a
/// tier. Wilson's interval where every row is an item and none is weighted. `None` where `among` holds for none.
pub fn share(rows: &[ExampleRun], among: impl Fn(usize) -> bool, hit: impl Fn(usize) -> bool) -> Option<Estimate> {
    let kept: Vec<usize> = (0..rows.len()).filter(|at| among(*at)).collect();
    if kept.is_empty() {
        return None;
    }
    // An item that reaches a tier with half of its repeats counts there with half of its weight.
    let sample = items(rows);
    if sample.plain {
        return Some(share_of(kept.iter().filter(|at| hit(**at)).count() as u64, kept.len() as u64));
    }
    Some(sample.ratio(|at| indicator(among(at) && hit(at)), |at| indicator(among(at)), 0.0, 1.0))
}

/// The 95th percentile of the measured times in milliseconds: the least that 95 % do not exceed. Its interval inverts that of the
/// share below it: order statistics by the binomial distribution where every row is an item and none is weighted, Woodruff's (1952)
/// else. An end without an order statistic is infinite: below 72 times there is no upper one. `None` without times.
pub fn p95(rows: &[ExampleRun]) -> Option<Estimate> {
    const SHARE: f64 = 0.95;
    let measured: Vec<ExampleRun> = rows.iter().filter(|row| row.latency_ms.is_some()).copied().collect();
    let times: Vec<u64> = measured.iter().filter_map(|row| row.latency_ms).map(micros).collect();
    if times.is_empty() {
        return None;
    }
    let sample = items(&measured);
    let value = sample.quantile(SHARE, |at| times[at]);
    let (low, high) = if sample.plain {
        let mut sorted = times;
        sorted.sort_unstable();
        ranks(&sorted, SHARE)
    } else {
        let within = sample.ratio(|at| indicator(times[at] <= value), |_| 1.0, 0.0, 1.0);
        let half = 0.5
            * (within.high - within.low)
                .max(student_quantile(sample.items) * (SHARE * (1.0 - SHARE) / sample.items as f64).sqrt());
        let at = |share: f64| sample.quantile(share, |at| times[at]) as f64;
        (at((SHARE - half).max(0.0)), if SHARE + half >= 1.0 { f64::INFINITY } else { at(SHARE + half) })
    };
    Some(Estimate { value: value as f64 / 1e3, low: low / 1e3, high: high / 1e3 })
}

/// Order statistics around the quantile: each end is passed with a probability of at most half of 1 − [`CONFIDENCE`].
fn ranks(sorted: &[u64], share: f64) -> (f64, f64) {
    let (n, half) = (sorted.len() as u64, 0.5 - 0.5 * CONFIDENCE);
    // The r-th value (from 1) is above the quantile where fewer than r values are at most it, Bin(n, share) many; both
    // probabilities are monotone in r.
    let first = |holds: &dyn Fn(u64) -> bool| bisection::first(n, |below| holds(below + 1)) + 1;
    let low = Some(first(&|rank| binomial::cdf(rank - 1, n, share) > half) - 1).filter(|rank| *rank > 0);
    let high = Some(first(&|rank| binomial::sf(rank - 1, n, share) <= half)).filter(|rank| *rank <= n);
    #[expect(clippy::cast_possible_truncation, reason = "a rank among values in memory")]
    let at = |rank: u64| sorted[(rank - 1) as usize] as f64;
    (low.map_or(f64::NEG_INFINITY, at).max(0.0), high.map_or(f64::INFINITY, at))
}

/// Without the ends that no interval of one item has.
fn bounded(estimate: Estimate) -> Estimate {
    Estimate { low: if estimate.low.is_nan() { 0.0 } else { estimate.low }, ..estimate }
}

/// Why a metric has no value, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The run saw no example that says something about it.
    Unseen(String),
    /// The run saw them, and something about them is not known.
    Unknown(String),
}

impl Check {
    /// A value held against a limit of an `[[expect]]`: it passes or fails by the value alone, which `n` examples gave. What is not
    /// known does not keep a limit: otherwise a price that is taken out would switch off the limit on costs.
    pub fn of_limit(
        (name, unit): (&str, Unit),
        segment: Option<&str>,
        n: u64,
        value: Result<Estimate, Missing>,
        limit: Limit,
        line: Option<usize>,
    ) -> Self {
        // Sums over weights differ in their last bits by the order of the rows; a limit that is met exactly is met.
        let slack = 1e-12 * limit.limit.abs().max(1.0);
        let holds = |value: f64| match limit.limit_is {
            Side::AtLeast => value >= limit.limit - slack,
            Side::AtMost => value <= limit.limit + slack,
        };
        let (estimate, verdict, why) = match value {
            Err(Missing::Unseen(why)) => (None, Verdict::Inconclusive, why),
            Err(Missing::Unknown(why)) => (None, Verdict::Fail, format!("not known, and so not kept: {why}")),
            Ok(estimate) => {
                let side = if limit.limit_is == Side::AtLeast { "at least" } else { "at most" };
                let (verdict, is) = if holds(estimate.value) { (Verdict::Pass, "is") } else { (Verdict::Fail, "is not") };
                (Some(estimate), verdict, format!("{} {is} {side} {}", decimal(estimate.value), decimal(limit.limit)))
            }
        };
        Self {
            segment: segment.map(str::to_owned),
            value: estimate.map(|estimate| estimate.value),
            limit: Some(limit),
            interval: estimate
                .map(|estimate| [estimate.low, estimate.high])
                .filter(|ends| ends.iter().all(|end| end.is_finite())),
            verdict,
            why,
            line,
            ..Self::new(name, unit, n)
        }
    }
}

/// Up to four decimals, without trailing zeros.
fn decimal(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;

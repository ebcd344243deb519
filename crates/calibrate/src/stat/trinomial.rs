//! Is the loss against a reference, on paired right-or-wrong answers, below a margin? The exact unconditional test.
//!
//! Of `n` rows `minus` are right under the reference alone and `plus` under the policy alone. H0: `p_minus − p_plus ≥ eps`.
//! Outcomes are ordered by Tango's score statistic, which is monotone in both counts, so that the supremum of the p-value
//! over H0 lies on its edge `p_minus = p_plus + eps`. There the p-value is maximised over the nuisance `p_plus` on a grid of
//! 31 points in its Clopper–Pearson interval at 1 − γ, and γ is added (Berger and Boos 1994).

use crate::stat::bisection::halved;
use crate::stat::{binomial, normal, paired, proportion};

/// Points of the nuisance grid. A grid is not a maximisation: the error probability, summed over every outcome, stays within
/// 1 % of the level where it was tested.
pub(crate) const GRID: usize = 31;

/// The probability that the nuisance interval may miss, which is added to the p-value, for levels from 0.001 on. Below it is a tenth of the
/// level, so that small shares of an error can be shown too. It depends on the level alone, which is fixed before the rows are seen.
const GAMMA: f64 = 1e-4;

/// Below this level nothing is certified: sums leave out outcomes that are less likely than 1e-13 in all.
pub(crate) const LEAST_LEVEL: f64 = 1e-10;

/// Above this many rows the score statistic's normal approximation takes the enumeration's place.
const EXACT_UP_TO: u64 = 100_000;

/// Statistics this near count as equal: the order must not depend on the last bits.
const SAME: f64 = 1e-9;

/// What a p-value rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exactness {
    /// Full enumeration; holds in finite samples.
    Exact,
    /// The normal approximation of Tango's statistic.
    Asymptotic,
}

impl Exactness {
    /// What [`p_value`] and [`certifies`] use for `n` rows.
    pub(crate) fn of(n: u64) -> Self {
        if n <= EXACT_UP_TO { Self::Exact } else { Self::Asymptotic }
    }
}

/// The p-value of H0: `p_minus − p_plus ≥ eps`, `eps` in [0, 1), for comparing with `level`. 1 without rows.
pub fn p_value(minus: u64, plus: u64, n: u64, eps: f64, level: f64) -> f64 {
    match Exactness::of(n) {
        Exactness::Exact => exact(minus, plus, n, eps, gamma(level), f64::INFINITY),
        Exactness::Asymptotic => asymptotic(minus, plus, n, eps),
    }
}

fn gamma(level: f64) -> f64 {
    GAMMA.min(0.1 * level)
}

/// The large-sample p-value of the same hypothesis, 1 − Φ(z).
pub(crate) fn asymptotic(minus: u64, plus: u64, n: u64, eps: f64) -> f64 {
    if n == 0 { 1.0 } else { normal::sf(paired::tango_z(minus, plus, n, eps)) }
}

/// Whether the p-value is at most `level`. Where Tango's statistic is far from the critical one the enumeration is spared:
/// 0.5 below it nothing is certified (which is safe by itself), 2 above it the exact p-value is below the level throughout
/// (tested).
pub(crate) fn certifies(minus: u64, plus: u64, n: u64, eps: f64, level: f64) -> bool {
    if n == 0 || minus > n || level < LEAST_LEVEL {
        return false;
    }
    let (z, critical) = (paired::tango_z(minus, plus, n, eps), normal::quantile(1.0 - level));
    match Exactness::of(n) {
        Exactness::Asymptotic => z >= critical,
        Exactness::Exact if z < critical - 0.5 => false,
        Exactness::Exact if z > critical + 2.0 => true,
        Exactness::Exact => exact(minus, plus, n, eps, gamma(level), level) <= level,
    }
}

/// An upper bound on `p_minus − p_plus`: the true difference exceeds it with probability at most `level`. The margin at which
/// the test just certifies, never below 0; 1 where none is.
pub(crate) fn upper(minus: u64, plus: u64, n: u64, level: f64) -> f64 {
    let low = ((minus as f64 - plus as f64) / n.max(1) as f64).max(0.0);
    halved(low, 1.0, 40, |at| certifies(minus, plus, n, at, level)).1
}

/// The exact p-value; it may stop early, with a p-value above `enough`, once it is known to exceed that.
fn exact(minus: u64, plus: u64, n: u64, eps: f64, gamma: f64, enough: f64) -> f64 {
    if n == 0 || minus + plus > n {
        return 1.0;
    }
    let low = proportion::lower(plus, n, 0.5 * gamma).max(-eps).max(0.0);
    let high = proportion::upper(plus, n, 0.5 * gamma).min(0.5 * (1.0 - eps)).max(low);
    let nuisance = |i: usize| low + (high - low) * i as f64 / (GRID - 1) as f64;
    let region = Region::new(minus, plus, n, eps, (high + eps).min(1.0));
    let mut worst = 0.0_f64;
    // From the upper end, where the supremum often lies.
    for i in (0..GRID).rev() {
        worst = worst.max(region.probability(nuisance(i), eps));
        if worst + gamma > enough {
            break;
        }
    }
    (worst + gamma).min(1.0)
}

/// The outcomes that speak at least as much for the promise as the one seen.
struct Region {
    n: u64,
    /// For `minus` = 0, 1, …: the least `plus` in the region, which never falls; it ends where none is.
    least: Vec<u64>,
}

/// A range of `minus` outside of which Bin(n, p) has a mass below 1e-13: Bernstein's bound at t = 8σ + 30.
fn likely(n: u64, p: f64) -> (u64, u64) {
    let (mean, t) = (n as f64 * p, 8.0 * (n as f64 * p * (1.0 - p)).sqrt() + 30.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and n")]
    let ends = ((mean - t).max(0.0) as u64, (mean + t).min(n as f64) as u64);
    ends
}

impl Region {
    fn new(minus: u64, plus: u64, n: u64, eps: f64, p_minus: f64) -> Self {
        let seen = paired::tango_z(minus, plus, n, eps) - SAME;
        let mut least = Vec::new();
        let mut at = 0;
        for b in 0..=likely(n, p_minus).1 {
            while at + b <= n && paired::tango_z(b, at, n, eps) < seen {
                at += 1;
            }
            if at + b > n {
                break;
            }
            least.push(at);
        }
        Self { n, least }
    }

    /// P(region) where `p_plus = u` and `p_minus = u + eps`: Σ over minus of its probability times the tail of
    /// plus | minus ~ Bin(n − minus, u/(1 − u − eps)).
    fn probability(&self, u: f64, eps: f64) -> f64 {
        let p = u + eps;
        let (first, last) = likely(self.n, p);
        let Some(last) = self.least.len().checked_sub(1).map(|end| last.min(end as u64)) else { return 0.0 };
        if first > last {
            return 0.0;
        }
        let share = (u / (1.0 - p)).clamp(0.0, 1.0);
        let mut mass = Walk::at(last, self.n, p);
        let mut tail = Tail::at(self.least(last), self.n - last, share);
        let mut sum = 0.0;
        let mut b = last;
        loop {
            sum += mass.density * tail.above;
            if b == first {
                return sum;
            }
            b -= 1;
            mass.down();
            tail.one_more_trial();
            while tail.k > self.least(b) {
                tail.down();
            }
        }
    }

    fn least(&self, b: u64) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "an index of the vector")]
        let at = b as usize;
        self.least[at]
    }
}

/// A binomial probability that is carried from count to count.
struct Walk {
    k: u64,
    n: u64,
    p: f64,
    odds: f64,
    density: f64,
}

impl Walk {
    /// Below this, products have lost digits and the closed form is taken again.
    const FAINT: f64 = 1e-290;

    fn at(k: u64, n: u64, p: f64) -> Self {
        Self { k, n, p, odds: (1.0 - p) / p, density: binomial::ln_pmf(k, n, p).exp() }
    }

    fn anew(&mut self) {
        if self.density < Self::FAINT || !self.density.is_finite() {
            self.density = binomial::ln_pmf(self.k, self.n, self.p).exp();
        }
    }

    fn down(&mut self) {
        self.density *= self.k as f64 / (self.n - self.k + 1) as f64 * self.odds;
        self.k -= 1;
        self.anew();
    }

    fn one_more_trial(&mut self) {
        self.density *= (self.n + 1) as f64 / (self.n + 1 - self.k) as f64 * (1.0 - self.p);
        self.n += 1;
        self.anew();
    }
}

/// P(Bin(n, p) ≥ k), carried from one (n, k) to the next. It is only ever added to, so that no digits cancel.
struct Tail {
    k: u64,
    above: f64,
    /// At k − 1; unused where k = 0.
    before: Walk,
}

impl Tail {
    fn at(k: u64, n: u64, p: f64) -> Self {
        let before = k.saturating_sub(1);
        let above = if k == 0 { 1.0 } else { binomial::sf(before, n, p) };
        Self { k, above, before: Walk::at(before, n, p) }
    }

    fn down(&mut self) {
        self.above += self.before.density;
        self.k -= 1;
        if self.k > 0 {
            self.before.down();
        }
    }

    fn one_more_trial(&mut self) {
        if self.k > 0 {
            self.above += self.before.p * self.before.density;
            self.before.one_more_trial();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Σ over every outcome, each from the multinomial formula.
    fn enumerated(minus: u64, plus: u64, n: u64, eps: f64) -> f64 {
        let low = proportion::lower(plus, n, 0.5 * GAMMA).max(0.0);
        let high = proportion::upper(plus, n, 0.5 * GAMMA).min(0.5 * (1.0 - eps)).max(low);
        let seen = paired::tango_z(minus, plus, n, eps);
        let ln_factorial = |k: u64| (1..=k).map(|i| (i as f64).ln()).sum::<f64>();
        let times_ln = |k: u64, p: f64| if k == 0 { 0.0 } else { k as f64 * p.ln() };
        let mut worst = 0.0_f64;
        for i in 0..GRID {
            let u = low + (high - low) * i as f64 / (GRID - 1) as f64;
            let mut sum = 0.0;
            for b in 0..=n {
                for c in (0..=n - b).filter(|c| paired::tango_z(b, *c, n, eps) >= seen - SAME) {
                    let rest = n - b - c;
                    let ways = ln_factorial(n) - ln_factorial(b) - ln_factorial(c) - ln_factorial(rest);
                    sum += (ways + times_ln(b, u + eps) + times_ln(c, u) + times_ln(rest, (1.0 - 2.0 * u - eps).max(0.0))).exp();
                }
            }
            worst = worst.max(sum);
        }
        (worst + GAMMA).min(1.0)
    }

    #[test]
    fn the_enumeration_is_met_wherever_there_are_few_rows() {
        for n in [1, 2, 5, 17, 30] {
            for (minus, plus) in [(0, 0), (1, 0), (0, 1), (1, 1), (3, 2), (2, 9), (8, 3)] {
                for eps in [0.0, 0.02, 0.1, 0.4] {
                    if minus + plus <= n {
                        let (fast, slow) = (p_value(minus, plus, n, eps, 0.05), enumerated(minus, plus, n, eps));
                        assert!((fast - slow).abs() < 1e-10, "{minus} {plus} {n} {eps}: {fast} {slow}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_certified_without_rows() {
        assert!(p_value(0, 0, 0, 0.1, 0.1) >= 1.0 && !certifies(0, 0, 0, 0.1, 0.1) && !certifies(0, 0, 10, 0.1, 1e-5));
    }

    #[test]
    fn a_small_share_of_the_error_takes_more_rows_and_no_more_than_that() {
        for level in [1e-3, 1e-4, 1e-6, 1e-9] {
            // Without any loss or gain it comes near a binomial test at the level.
            let needed = (1..5_000).find(|n| certifies(0, 0, *n, 0.05, level)).unwrap();
            let floor = level.ln() / 0.95_f64.ln();
            assert!((floor..1.6 * floor).contains(&(needed as f64)), "{level}: {needed} rows, {floor} at least");
        }
        assert!(!certifies(0, 0, 100_000, 0.05, 1e-12));
    }

    #[test]
    fn the_bound_is_where_certification_begins() {
        let bound = upper(20, 15, 1000, 0.05);
        assert!(certifies(20, 15, 1000, bound, 0.05) && !certifies(20, 15, 1000, bound - 1e-6, 0.05));
        assert!((upper(0, 0, 114, 0.1) - proportion::upper(0, 114, 0.1 - GAMMA)).abs() < 1e-9);
    }

    #[test]
    fn many_rows_come_near_the_normal_approximation() {
        let (exact, asymptotic) = (p_value(2030, 300, 100_000, 0.0181, 0.05), asymptotic(2030, 300, 100_000, 0.0181));
        assert!((exact - GAMMA - asymptotic).abs() < 0.01 * asymptotic, "{exact} {asymptotic}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
        #[test]
        fn sparing_the_enumeration_never_changes_a_certificate(
            n in 10u64..2000, eps in 0.002f64..0.2, b in 0.0f64..0.3, c in 0.0f64..0.3, level in prop::sample::select(vec![1e-9, 1e-6, 1e-4, 0.0003, 0.001, 0.01, 0.025, 0.1]),
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below n")]
            let (b, c) = ((b * b * n as f64) as u64, (c * c * n as f64) as u64);
            let p = p_value(b, c, n, eps, level);
            prop_assert_eq!(certifies(b, c, n, eps, level), p <= level, "{} {} {} {} {}", b, c, n, p, paired::tango_z(b, c, n, eps));
        }

        #[test]
        fn more_losses_speak_less_for_the_promise(n in 10u64..800, eps in 0.002f64..0.2, b in 0u64..20, c in 0u64..20) {
            if b + c < n {
                prop_assert!(p_value(b + 1, c, n, eps, 0.05) >= p_value(b, c, n, eps, 0.05) - 1e-12);
            }
        }
    }
}

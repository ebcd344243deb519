//! The edge of what is certified, remembered: walks over cuts and repeated draws ask the same question again and again.

use crate::stat::trinomial;

/// For fixed rows, margin and level: how many losses may be certified beside each number of gains. Found when first asked
/// for. [`Boundary::certifies`] equals [`trinomial::certifies`].
#[derive(Clone, Debug)]
pub struct Boundary {
    n: u64,
    eps: f64,
    level: f64,
    /// By `plus`: one more than the most losses that are certified; `None` = not asked yet.
    limits: Vec<Option<u64>>,
}

impl Boundary {
    /// For `n` rows, H0: `p_minus − p_plus ≥ eps`, at `level`.
    pub fn new(n: u64, eps: f64, level: f64) -> Self {
        Self { n, eps, level, limits: Vec::new() }
    }

    /// Whether the p-value of these counts is at most the level.
    pub fn certifies(&mut self, minus: u64, plus: u64) -> bool {
        minus + plus <= self.n && minus < self.limit(plus)
    }

    /// How many of the least numbers of losses are certified beside `plus` gains, at most `n − plus + 1`. For a fixed `plus` the
    /// nuisance interval is fixed, and the p-value rises with the losses.
    fn limit(&mut self, plus: u64) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "at most the number of rows in memory")]
        let at = plus as usize;
        if self.limits.len() <= at {
            self.limits.resize(at + 1, None);
        }
        if let Some(limit) = self.limits[at] {
            return limit;
        }
        let holds = |minus: u64| trinomial::certifies(minus, plus, self.n, self.eps, self.level);
        let most = self.n - plus + 1;
        // The neighbours' limits differ by about one.
        let near = |step: usize| at.checked_sub(step).and_then(|at| self.limits[at]).map(|limit| limit + step as u64);
        let start = near(1).or_else(|| near(2)).unwrap_or(plus).min(most);
        let (mut low, mut high) = (0, most);
        let mut step = 1;
        // Gallop to a bracket: everything below `low` is certified, `high` is not.
        if start < most && holds(start) {
            low = start + 1;
            while low < high {
                let probe = (low + step).min(most);
                if probe == most || !holds(probe) {
                    high = probe;
                    break;
                }
                (low, step) = (probe + 1, step * 2);
            }
        } else {
            high = start;
            while low < high {
                let probe = high.saturating_sub(step);
                if holds(probe) {
                    low = probe + 1;
                    break;
                }
                (high, step) = (probe, step * 2);
            }
        }
        while low < high {
            let probe = low + (high - low) / 2;
            if holds(probe) {
                low = probe + 1;
            } else {
                high = probe;
            }
        }
        self.limits[at] = Some(low);
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stat::binomial;

    #[test]
    fn remembering_changes_nothing() {
        for (n, eps, level) in [(0, 0.05, 0.1), (40, 0.05, 0.1), (200, 0.02, 0.1), (200, 0.1, 0.01), (1000, 0.02, 0.025)] {
            let mut boundary = Boundary::new(n, eps, level);
            for plus in [3, 0, 1, 2, 4, 9, 8, 20].into_iter().filter(|plus| *plus <= n) {
                for minus in (0..=n - plus).take(80) {
                    let plain = trinomial::certifies(minus, plus, n, eps, level);
                    assert_eq!(boundary.certifies(minus, plus), plain, "{minus} {plus} {n} {eps} {level}");
                }
            }
        }
        assert!(!Boundary::new(10, 0.5, 0.1).certifies(8, 3) && !Boundary::new(10, 0.5, 0.1).certifies(0, 11));
    }

    /// P(a broken promise is certified) where `p_minus − p_plus` is just `eps`, summed over every outcome.
    fn size(n: u64, eps: f64, level: f64, u: f64) -> f64 {
        let mut boundary = Boundary::new(n, eps, level);
        let mut sum = 0.0;
        for minus in 0..=n {
            let outer = binomial::ln_pmf(minus, n, u + eps);
            for plus in (0..=n - minus).filter(|plus| boundary.certifies(minus, *plus)) {
                sum += (outer + binomial::ln_pmf(plus, n - minus, u / (1.0 - u - eps))).exp();
            }
        }
        sum
    }

    #[test]
    fn a_broken_promise_is_certified_no_more_often_than_allowed() {
        for (n, eps, level) in [(60, 0.05, 0.1), (150, 0.02, 0.1), (150, 0.05, 0.05), (300, 0.02, 0.1), (300, 0.02, 0.025)] {
            let sizes: Vec<f64> = [0.0, 0.003, 0.01, 0.03, 0.1, 0.25, 0.4].iter().map(|u| size(n, eps, level, *u)).collect();
            let worst = sizes.iter().copied().fold(0.0, f64::max);
            // The grid of nuisances is no maximisation, which may cost the last percent.
            assert!(worst <= 1.01 * level && worst > 0.5 * level, "{n} {eps} {level}: {sizes:?}");
        }
    }
}

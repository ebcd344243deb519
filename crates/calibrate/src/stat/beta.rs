//! The regularised incomplete beta function, for what is no binomial tail: half-integer parameters.

use crate::stat::binomial::ln_density;

/// `I_x(a, b)`, the distribution function of Beta(a, b); `a`, `b` above 0.
pub(super) fn cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The continued fraction converges fast below the mean; above it the other tail is taken.
    if x < (a + 1.0) / (a + b + 2.0) { fraction(x, 1.0 - x, a, b) } else { 1.0 - fraction(1.0 - x, x, b, a) }
}

/// Lentz's evaluation of the continued fraction (Abramowitz and Stegun 26.5.8); `y` = 1 − x.
fn fraction(x: f64, y: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    // xᵃ yᵇ / (a B(a, b)) through the saddle-point form of the binomial density.
    let front = (ln_density(a, a + b, x, y) + (b / (a + b)).ln()).exp();
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for m in 1..100_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    (front * h).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stat::binomial;

    #[test]
    fn whole_parameters_give_binomial_tails() {
        for (k, n, p) in [(0u64, 10u64, 0.2), (3, 10, 0.2), (40, 1000, 0.05), (600, 1000, 0.5), (500_000, 1_000_000, 0.5)] {
            let ours = cdf(p, k as f64 + 1.0, (n - k) as f64);
            assert!((ours - binomial::sf(k, n, p)).abs() < 1e-12, "{k} of {n} at {p}: {ours}");
        }
    }

    #[test]
    fn the_arcsine_law_is_met() {
        for x in [1e-9, 0.01, 0.3, 0.5, 0.9] {
            let exact = 2.0 / std::f64::consts::PI * f64::sqrt(x).asin();
            assert!((cdf(x, 0.5, 0.5) - exact).abs() < 1e-13);
        }
    }
}

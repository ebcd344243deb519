//! The standard normal distribution.

use statrs::function::erf;

/// Φ(x), with full relative accuracy in the lower tail.
pub(crate) fn cdf(x: f64) -> f64 {
    if x < -3.0 {
        tail(-x)
    } else if x <= 3.0 {
        0.5 + density(x) * series(x)
    } else if x.is_nan() {
        f64::NAN
    } else {
        1.0 - tail(x)
    }
}

/// (Φ(x) − ½)/φ(x) = x + x³/3 + x⁵/(3·5) + … (Marsaglia 2004).
fn series(x: f64) -> f64 {
    let (mut sum, mut term) = (x, x);
    for odd in (3..400).step_by(2) {
        term *= x * x / f64::from(odd);
        let next = sum + term;
        if (next - sum).abs() <= 0.0 {
            break;
        }
        sum = next;
    }
    sum
}

/// 1 − Φ(x) for x ≥ 3 as φ(x)/(x + 1/(x + 2/(x + 3/…))) (Laplace), evaluated from the inside.
fn tail(x: f64) -> f64 {
    let depth = 12 + if x < 12.0 { 80 } else { 0 };
    density(x) / (1..depth).rev().fold(x, |inner, k| x + f64::from(k) / inner)
}

/// 1 − Φ(x), with full relative accuracy in the upper tail.
pub fn sf(x: f64) -> f64 {
    cdf(-x)
}

/// φ(x).
pub(super) fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// The x with Φ(x) = `p`; ∓∞ at 0 and 1, NaN outside [0, 1].
pub fn quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p > 0.5 { -lower(1.0 - p) } else { lower(p) }
}

/// The quantile of `p` in [0, ½].
fn lower(p: f64) -> f64 {
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let start = -std::f64::consts::SQRT_2 * erf::erfc_inv(2.0 * p);
    // A Newton step on the logarithm, which is nearly a parabola in the tail, makes up for the rational approximation.
    let reached = cdf(start);
    let refined = start - (reached / p).ln() * reached / density(start);
    if refined.is_finite() { refined } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_quantiles_are_met() {
        for (p, x) in [
            (0.5, 0.0),
            (0.9, 1.281_551_565_544_600_4),
            (0.975, 1.959_963_984_540_054),
            (0.95, 1.644_853_626_951_472_2),
            (0.999_5, 3.290_526_731_491_921_7),
            (1e-10, -6.361_340_902_404_056),
        ] {
            assert!((quantile(p) - x).abs() < 1e-12, "{p}: {}", quantile(p));
        }
        assert!(quantile(0.0) == f64::NEG_INFINITY && quantile(1.0) == f64::INFINITY && quantile(1.1).is_nan());
    }

    #[test]
    fn tails_return_to_where_they_came_from() {
        for exponent in 1..300 {
            let p = 10f64.powi(-exponent);
            assert!((cdf(quantile(p)) / p - 1.0).abs() < 1e-11, "{p}");
        }
    }
}

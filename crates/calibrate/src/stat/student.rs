//! Student's t distribution.

use crate::stat::{beta, normal};

/// P(T > t) with `freedom` degrees of freedom, above 0.
pub(super) fn sf(t: f64, freedom: f64) -> f64 {
    if t < 0.0 {
        return 1.0 - sf(-t, freedom);
    }
    0.5 * beta::cdf(freedom / (freedom + t * t), 0.5 * freedom, 0.5)
}

/// The t with P(T ≤ t) = `p`.
pub(crate) fn quantile(p: f64, freedom: f64) -> f64 {
    if p < 0.5 {
        return -quantile(1.0 - p, freedom);
    }
    let (mut low, mut high) = (0.0_f64, normal::quantile(p).max(1.0));
    while high.is_finite() && sf(high, freedom) > 1.0 - p {
        high *= 2.0;
    }
    for _ in 0..200 {
        let at = f64::midpoint(low, high);
        if sf(at, freedom) > 1.0 - p {
            low = at;
        } else {
            high = at;
        }
        if high - low <= 1e-15 * high {
            break;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_quantiles_are_met() {
        // One degree of freedom is Cauchy's distribution; two have a closed form; very many are nearly normal.
        assert!((quantile(0.975, 1.0) - (std::f64::consts::PI * 0.475).tan()).abs() < 1e-9);
        assert!((quantile(0.95, 2.0) - 0.9 * (2.0f64 / (1.0 - 0.81)).sqrt()).abs() < 1e-10);
        assert!((quantile(0.975, 1e7) - normal::quantile(0.975)).abs() < 1e-6);
        assert!((quantile(0.1, 9.0) + quantile(0.9, 9.0)).abs() < 1e-12);
    }
}

//! The difference of two paired proportions.
//!
//! `b` rows only the first of the two got right, `c` only the second, `a` both, `d` neither; the difference is
//! `p_b − p_c`, so that it is a loss where the first is the reference.

use crate::stat::bisection::halved;
use crate::stat::{normal, proportion};

/// Newcombe's interval (1998, method 10) for the difference, from Wilson's limits and a continuity-corrected φ.
/// (−1, 1) where there is no row.
pub fn newcombe(a: u64, b: u64, c: u64, d: u64, confidence: f64) -> (f64, f64) {
    let n = a + b + c + d;
    if n == 0 {
        return (-1.0, 1.0);
    }
    let (first, second) = ((a + b) as f64 / n as f64, (a + c) as f64 / n as f64);
    let (low1, high1) = proportion::wilson(a + b, n, confidence);
    let (low2, high2) = proportion::wilson(a + c, n, confidence);
    let phi = corrected_phi(a as f64, b as f64, c as f64, d as f64);
    let root = |x: f64, y: f64| (x * x - 2.0 * phi * x * y + y * y).max(0.0).sqrt();
    let difference = first - second;
    (difference - root(first - low1, high2 - second), difference + root(high1 - first, second - low2))
}

fn corrected_phi(a: f64, b: f64, c: f64, d: f64) -> f64 {
    let margins = (a + b) * (c + d) * (a + c) * (b + d);
    if margins <= 0.0 {
        return 0.0;
    }
    let (cross, half) = (a * d - b * c, 0.5 * (a + b + c + d));
    let numerator = if cross > half { cross - half } else { cross.min(0.0) };
    numerator / margins.sqrt()
}

/// Tango's score statistic (1998) of H0: `p_minus − p_plus` = `eps` from `minus` and `plus` of `n` rows; large = the true
/// difference is smaller. `eps` in (−1, 1).
pub fn tango_z(minus: u64, plus: u64, n: u64, eps: f64) -> f64 {
    let (b, c, n) = (minus as f64, plus as f64, n as f64);
    let linear = -b - c + (2.0 * n - b + c) * eps;
    let constant = -c * eps * (1.0 - eps);
    // The likelihood's maximum for p_plus where p_minus = p_plus + eps.
    let nuisance = ((linear * linear - 8.0 * n * constant).max(0.0).sqrt() - linear) / (4.0 * n);
    let variance = n * (2.0 * nuisance + eps * (1.0 - eps));
    let distance = n * eps - (b - c);
    if distance.abs() <= 0.0 { 0.0 } else { distance / variance.max(0.0).sqrt() }
}

/// Tango's score interval for `p_b − p_c`: the differences that his test does not reject. (−1, 1) where there is no row.
pub fn tango(b: u64, c: u64, n: u64, confidence: f64) -> (f64, f64) {
    if n == 0 {
        return (-1.0, 1.0);
    }
    let z = normal::quantile(0.5 + 0.5 * confidence);
    let middle = (b as f64 - c as f64) / n as f64;
    let end = |target: f64, low: f64, high: f64| {
        // The statistic rises with the difference that is tested.
        let (low, high) = halved(low, high, 100, |at| tango_z(b, c, n, at) >= target);
        f64::midpoint(low, high)
    };
    (end(-z, -1.0, middle), end(z, middle, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exchanging_the_two_turns_the_interval_around() {
        for (low, high, (other_low, other_high)) in
            [(12, 3, tango(3, 12, 80, 0.9)), (0, 0, tango(0, 0, 80, 0.9))].map(|(b, c, other)| {
                let (low, high) = tango(b, c, 80, 0.9);
                (low, high, other)
            })
        {
            assert!((low + other_high).abs() < 1e-9 && (high + other_low).abs() < 1e-9, "{low} {high} {other_low} {other_high}");
        }
        let ((low, high), (other_low, other_high)) = (newcombe(50, 12, 3, 15, 0.9), newcombe(50, 3, 12, 15, 0.9));
        assert!((low + other_high).abs() < 1e-12 && (high + other_low).abs() < 1e-12);
    }

    #[test]
    fn no_discordant_row_has_a_closed_form() {
        // With none of n rows discordant z² = n eps/(1 − eps).
        assert!((tango_z(0, 0, 60, 0.05) - (60.0f64 * 0.05 / 0.95).sqrt()).abs() < 1e-12);
        assert!(tango_z(0, 0, 60, 0.0).abs() < 1e-15);
    }

    proptest! {
        #[test]
        fn more_losses_and_fewer_gains_speak_less_for_the_promise(n in 20u64..2000, eps in 0.0f64..0.3, b in 0.0f64..0.4, c in 0.0f64..0.4) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below n")]
            let (b, c) = ((b * n as f64) as u64, (c * n as f64) as u64);
            let z = tango_z(b, c, n, eps);
            prop_assert!(tango_z(b + 1, c, n, eps) <= z + 1e-9);
            prop_assert!(tango_z(b, c + 1, n, eps) >= z - 1e-9);
            prop_assert!(tango_z(b, c, n, eps + 0.01) >= z - 1e-9);
        }
    }
}

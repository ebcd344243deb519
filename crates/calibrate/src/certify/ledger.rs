//! What repeated certificates on the same rows may spend.

use std::f64::consts::PI;

/// The error that the next certificate on the same rows may spend where `earlier` were made before: the whole of `delta` for the
/// first, δ · 6 / (π² i²) for the i-th after it.
///
/// Every certificate names what it spends. However many follow, that one of them is wrong has a probability of at most
/// δ (2 − 6/π²), which is 1.4 δ; without the first it is 0.4 δ.
pub fn discount(delta: f64, earlier: u64) -> f64 {
    let i = earlier as f64 + 1.0;
    if earlier == 0 { delta } else { delta * 6.0 / (PI * PI * i * i) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_certificates_together_spend_little_more_than_one() {
        let all: f64 = (0..1_000_000).map(|earlier| discount(0.1, earlier)).sum();
        assert!((all - 0.1 * (2.0 - 6.0 / (PI * PI))).abs() < 1e-6, "{all}");
        assert!((discount(0.1, 1) - 0.1 * 0.151_981_775).abs() < 1e-9);
    }
}

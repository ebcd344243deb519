//! Tails of the binomial distribution, accurate on both sides for up to 10⁸ trials.
//!
//! Point probabilities are Loader's saddle-point form ("Fast and accurate computation of binomial probabilities", 2000): no
//! difference of large logarithms of factorials ever arises. A tail is summed from its largest term outward, on the side of
//! the mean where it is the smaller one; the other side is its complement.

/// ln P(X = `k`) for X ~ Bin(`n`, `p`).
pub fn ln_pmf(k: u64, n: u64, p: f64) -> f64 {
    if k > n || p.is_nan() {
        return if p.is_nan() { f64::NAN } else { f64::NEG_INFINITY };
    }
    ln_density(k as f64, n as f64, p, 1.0 - p)
}

/// P(X ≤ `k`) for X ~ Bin(`n`, `p`).
pub fn cdf(k: u64, n: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    if p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    if below_mean(k, n, p) { lower(k, n, p) } else { 1.0 - upper(k + 1, n, p) }
}

/// P(X > `k`) for X ~ Bin(`n`, `p`).
pub fn sf(k: u64, n: u64, p: f64) -> f64 {
    if k >= n || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    if below_mean(k, n, p) { 1.0 - lower(k, n, p) } else { upper(k + 1, n, p) }
}

fn below_mean(k: u64, n: u64, p: f64) -> bool {
    (k as f64) <= n as f64 * p
}

/// P(X ≤ k) for k at most the mean, 0 < p < 1.
fn lower(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        return (n as f64 * (-p).ln_1p()).exp();
    }
    (ln_pmf(k, n, p) + outward(k as f64, (n - k) as f64 + 1.0, (1.0 - p) / p).ln()).exp().min(1.0)
}

/// P(X ≥ k) for k above the mean, 0 < p < 1.
fn upper(k: u64, n: u64, p: f64) -> f64 {
    if k == n {
        return (n as f64 * p.ln()).exp();
    }
    (ln_pmf(k, n, p) + outward((n - k) as f64, k as f64 + 1.0, p / (1.0 - p)).ln()).exp().min(1.0)
}

/// 1 + r₁ + r₁r₂ + … of the ratios `below`/`above` · `odds`, the one falling and the other rising by 1, to 0 and below; stops where the rest
/// is below the last bit of the sum.
fn outward(mut below: f64, mut above: f64, odds: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    loop {
        let ratio = below / above * odds;
        term *= ratio;
        // The ratios fall, so what follows is at most the geometric series.
        if ratio <= 0.0 || term <= 1e-17 * sum * (1.0 - ratio) {
            return sum;
        }
        sum += term;
        (below, above) = (below - 1.0, above + 1.0);
    }
}

/// ln of x ↦ Γ(n+1)/(Γ(x+1)Γ(n−x+1)) pˣ qⁿ⁻ˣ for real 0 ≤ x ≤ n; q = 1 − p is passed so that neither loses digits.
pub(crate) fn ln_density(x: f64, n: f64, p: f64, q: f64) -> f64 {
    if p <= 0.0 || q <= 0.0 {
        let certain = if p <= 0.0 { x <= 0.0 } else { x >= n };
        return if certain { 0.0 } else { f64::NEG_INFINITY };
    }
    if x <= 0.0 {
        return n * if p < 0.5 { (-p).ln_1p() } else { q.ln() };
    }
    if x >= n {
        return n * if q < 0.5 { (-q).ln_1p() } else { p.ln() };
    }
    let rest = n - x;
    let stirling = stirling_error(n) - stirling_error(x) - stirling_error(rest);
    stirling - deviance(x, n * p) - deviance(rest, n * q) - 0.5 * (2.0 * std::f64::consts::PI * x * (rest / n)).ln()
}

/// ln Γ(x+1) − (x+½) ln x + x − ½ ln 2π, what Stirling's formula leaves; x > 0.
fn stirling_error(x: f64) -> f64 {
    /// At 1, 2, … 15.
    const WHOLE: [f64; 15] = [
        0.081_061_466_795_327_26,
        0.041_340_695_955_409_3,
        0.027_677_925_684_998_34,
        0.020_790_672_103_765_093,
        0.016_644_691_189_821_193,
        0.013_876_128_823_070_748,
        0.011_896_709_945_891_77,
        0.010_411_265_261_972_096,
        0.009_255_462_182_712_733,
        0.008_330_563_433_362_87,
        0.007_573_675_487_951_841,
        0.006_942_840_107_209_53,
        0.006_408_994_188_004_207,
        0.005_951_370_112_758_848,
        0.005_554_733_551_962_801,
    ];
    if x <= 15.0 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 15")]
        let whole = x as usize;
        if whole > 0 && (x - whole as f64).abs() <= 0.0 {
            return WHOLE[whole - 1];
        }
        let half_ln_tau = 0.5 * (2.0 * std::f64::consts::PI).ln();
        return statrs::function::gamma::ln_gamma(x + 1.0) - (x + 0.5) * x.ln() + x - half_ln_tau;
    }
    let square = 1.0 / (x * x);
    let series = 1.0 / 1680.0 - square / 1188.0;
    (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * series))) / x
}

/// x ln(x/m) + m − x, without cancellation where x is near m.
fn deviance(x: f64, m: f64) -> f64 {
    let difference = x - m;
    if difference.abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() - difference;
    }
    let v = difference / (x + m);
    let (square, mut power) = (v * v, 2.0 * x * v);
    let mut sum = difference * v;
    for odd in (3..200).step_by(2) {
        power *= square;
        let next = sum + power / f64::from(odd);
        if (next - sum).abs() <= 0.0 {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_million_fair_coins_are_as_likely_above_as_below_their_mean() {
        for n in [1_000_000_u64, 10_000_000, 100_000_000] {
            let middle = ln_pmf(n / 2, n, 0.5).exp();
            // By symmetry P(X ≤ n/2) = ½ + ½ P(X = n/2).
            assert!((cdf(n / 2, n, 0.5) - 0.5 - 0.5 * middle).abs() < 1e-11, "{n}");
            let central = (2.0 / (std::f64::consts::PI * n as f64)).sqrt() * (1.0 - 0.25 / n as f64);
            assert!((middle / central - 1.0).abs() < 1e-12, "{n}");
        }
    }

    #[test]
    fn edges() {
        assert!((cdf(0, 10, 0.1) - 0.9f64.powi(10)).abs() < 1e-15);
        assert!((sf(9, 10, 0.1) / 1e-10 - 1.0).abs() < 1e-12);
        for (k, n, p, below) in [(0, 0, 0.3, 1.0), (3, 3, 0.3, 1.0), (9, 3, 0.3, 1.0), (0, 5, 0.0, 1.0), (4, 5, 1.0, 0.0)] {
            assert!((cdf(k, n, p) - below).abs() < 1e-15 && (sf(k, n, p) - 1.0 + below).abs() < 1e-15, "{k} {n} {p}");
        }
        assert!(ln_pmf(2, 1, 0.5) == f64::NEG_INFINITY && ln_pmf(0, 4, 0.0).abs() < 1e-15 && ln_pmf(1, 4, f64::NAN).is_nan());
    }

    #[test]
    fn far_tails_keep_their_relative_accuracy() {
        // P(X = 0) + P(X = 1), closed form.
        let (n, p) = (2000_u64, 0.3);
        let exact = n as f64 * (1.0f64 - p).ln() + (1.0 + n as f64 * p / (1.0 - p)).ln();
        assert!((cdf(1, n, p).ln() - exact).abs() < 1e-10);
    }

    proptest! {
        #[test]
        fn both_tails_make_one_and_rise_with_k(n in 1u64..3000, p in 0.0001f64..0.9999, at in 0.0f64..1.0) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below n")]
            let k = (at * n as f64) as u64;
            prop_assert!((cdf(k, n, p) + sf(k, n, p) - 1.0).abs() < 1e-13);
            prop_assert!(cdf(k + 1, n, p) >= cdf(k, n, p) - 1e-14);
            let pmf = ln_pmf(k, n, p).exp();
            let before = if k == 0 { 0.0 } else { cdf(k - 1, n, p) };
            prop_assert!((cdf(k, n, p) - before - pmf).abs() < 1e-12);
        }

        #[test]
        fn the_lower_tail_falls_with_p(n in 1u64..100_000, p in 0.0001f64..0.99, more in 1.0001f64..1.01, at in 0.0f64..1.0) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below n")]
            let k = (at * n as f64) as u64;
            prop_assert!(cdf(k, n, (p * more).min(1.0)) <= cdf(k, n, p) * (1.0 + 1e-11));
        }

        #[test]
        fn all_points_make_one(n in 0u64..400, p in 0.0f64..=1.0) {
            let sum: f64 = (0..=n).map(|k| ln_pmf(k, n, p).exp()).sum();
            prop_assert!((sum - 1.0).abs() < 1e-12);
        }
    }
}

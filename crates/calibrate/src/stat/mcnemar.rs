//! `McNemar`'s test of two paired proportions: conditionally on the discordant rows, is one direction more frequent?
//!
//! `b` rows only the first got right, `c` only the second. One-sided p-values are against "the second is not worse", so that
//! a small one is evidence of `p_b > p_c`. The mid-p variant stays below its level in all of Fagerland, Lydersen and Laake's
//! 9595 scenarios (2013) and is far less conservative than the exact one, but is not exact.

use crate::stat::binomial;

/// Exact, one-sided: P(Bin(b + c, ½) ≥ b).
pub fn exact_greater(b: u64, c: u64) -> f64 {
    if b == 0 { 1.0 } else { binomial::sf(b - 1, b + c, 0.5) }
}

/// Mid-p, one-sided: the exact p-value less half the probability of what was seen; 1 where no row is discordant.
pub fn mid_greater(b: u64, c: u64) -> f64 {
    if b + c == 0 {
        return 1.0;
    }
    exact_greater(b, c) - 0.5 * binomial::ln_pmf(b, b + c, 0.5).exp()
}

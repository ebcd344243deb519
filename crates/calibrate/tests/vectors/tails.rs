//! Binomial tails and bounds for a proportion.

use tierfall_calibrate::stat::{binomial, proportion};

use crate::reference::{block, cases, close, count, number, numbers};

#[test]
fn binomial_tails() {
    let Some(block) = block("binomial") else { return };
    for case in cases(&block, "cases") {
        let (k, n, p) = (count(case, "k"), count(case, "n"), number(case, "p"));
        close(binomial::cdf(k, n, p), number(case, "cdf"), 1e-9, &format!("cdf {case}"));
        close(binomial::sf(k, n, p), number(case, "sf"), 1e-9, &format!("sf {case}"));
        close(binomial::ln_pmf(k, n, p), number(case, "logpmf"), 1e-9, &format!("ln pmf {case}"));
    }
}

#[test]
fn quantiles_of_beta_are_bounds() {
    let Some(block) = block("beta_ppf") else { return };
    for case in cases(&block, "cases") {
        let (a, b, q) = (count(case, "a"), count(case, "b"), number(case, "q"));
        // The q-quantile of Beta(a, b) bounds a − 1 of a + b − 1 from above at level 1 − q.
        close(proportion::upper(a - 1, a + b - 1, 1.0 - q), number(case, "x"), 1e-9, &case.to_string());
        close(proportion::lower(a, a + b - 1, q), number(case, "x"), 1e-9, &case.to_string());
    }
}

/// The reference values come from a root finder that stops within 2e-12: the lower bound of 1 in 100 000 has the closed form
/// 1 − 0.995^(1/n) = 5.0125417e-8, and the reference says 5.0124957e-8.
fn near(ours: f64, theirs: f64, what: &str) {
    if (ours - theirs).abs() > 2e-12 {
        close(ours, theirs, 1e-9, what);
    }
}

#[test]
fn intervals_of_proportions() {
    let Some(block) = block("proportion_ci") else { return };
    for case in cases(&block, "cases") {
        let (k, n, confidence) = (count(case, "k"), count(case, "n"), number(case, "conf"));
        let one_sided = [
            (proportion::upper(k, n, 1.0 - confidence), "cp_upper_one_sided"),
            (proportion::lower(k, n, 1.0 - confidence), "cp_lower_one_sided"),
        ];
        for (ours, key) in one_sided {
            near(ours, number(case, key), &format!("{key} {case}"));
        }
        let two_sided =
            [(proportion::clopper_pearson(k, n, confidence), "cp_two_sided"), (proportion::wilson(k, n, confidence), "wilson")];
        for ((low, high), key) in two_sided {
            let theirs = numbers(case, key);
            near(low, theirs[0], &format!("{key} {case}"));
            near(high, theirs[1], &format!("{key} {case}"));
        }
    }
}

//! Paired proportions.

use tierfall_calibrate::stat::{mcnemar, paired, trinomial};

use crate::reference::{block, cases, close, count, number, numbers};

#[test]
fn tests_of_discordant_rows() {
    let Some(block) = block("mcnemar") else { return };
    for case in cases(&block, "cases") {
        let (b, c) = (count(case, "b"), count(case, "c"));
        close(mcnemar::exact_greater(b, c), number(case, "exact_one_sided_b_gt_c"), 1e-9, &case.to_string());
        close(mcnemar::mid_greater(b, c), number(case, "mid_p_one_sided_b_gt_c"), 1e-9, &case.to_string());
    }
}

#[test]
fn intervals_of_differences() {
    let Some(block) = block("paired_difference_ci") else { return };
    let tol = number(&block, "tol");
    for case in cases(&block, "cases") {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|key| count(case, key));
        let ours =
            [(paired::newcombe(a, b, c, d, 0.95), "newcombe10_95"), (paired::tango(b, c, a + b + c + d, 0.95), "tango_95")];
        for ((low, high), key) in ours {
            let theirs = numbers(case, key);
            close(low, theirs[0], tol, &format!("{key} {case}"));
            close(high, theirs[1], tol, &format!("{key} {case}"));
        }
    }
}

#[test]
fn losses_below_a_margin() {
    let Some(block) = block("trinomial_noninferiority") else { return };
    for case in cases(&block, "cases") {
        let (minus, plus, n, eps) = (count(case, "n_minus"), count(case, "n_plus"), count(case, "n"), number(case, "eps"));
        close(paired::tango_z(minus, plus, n, eps), number(case, "tango_z"), 1e-9, &case.to_string());
        close(trinomial::p_value(minus, plus, n, eps, 0.05), number(case, "p_exact"), number(&block, "tol"), &case.to_string());
    }
}

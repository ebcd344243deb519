//! Bounded, graded losses.

use tierfall_calibrate::stat::{baseline, betting, multiple};

use crate::reference::{block, cases, close, count, number, numbers};

#[test]
fn betting() {
    let Some(block) = block("wsr_betting") else { return };
    let tol = number(&block, "tol");
    for case in cases(&block, "cases") {
        let (x, delta) = (numbers(case, "x"), number(case, "delta"));
        close(betting::mean_at_most(&x, number(case, "null_mean"), delta).p(), number(case, "p_one_sided"), tol, "p");
        close(betting::mean_upper(&x, delta), number(case, "rcps_WSR_mu_plus"), tol, "bound");
    }
}

#[test]
fn hoeffding_and_bentkus() {
    let (Some(p), Some(bound)) = (block("hoeffding_bentkus_p"), block("hoeffding_bentkus_ucb")) else { return };
    for case in cases(&p, "cases") {
        let ours = baseline::hoeffding_bentkus_p(number(case, "sum_loss"), count(case, "n"), number(case, "alpha"));
        close(ours, number(case, "p"), 1e-9, &case.to_string());
    }
    for case in cases(&bound, "cases") {
        let ours = baseline::hoeffding_bentkus_upper(number(case, "sum_loss"), count(case, "n"), number(case, "delta"));
        close(ours, number(case, "ucb"), number(&bound, "tol"), &case.to_string());
    }
}

#[test]
fn conformal_risk_control() {
    let Some(block) = block("conformal_risk_control") else { return };
    let case = &block["case"];
    let risks = numbers(case, "rhat_by_lambda");
    let ours = baseline::conformal_risk_control(&risks, count(case, "n"), number(case, "B"), number(case, "alpha"));
    assert_eq!(ours.map(|at| at as u64), Some(count(case, "chosen_index")));
}

#[test]
fn several_tests() {
    let Some(block) = block("multiple_testing") else { return };
    let p = numbers(&block, "p");
    let ours =
        [(multiple::holm(&p), "holm"), (multiple::bonferroni(&p), "bonferroni"), (multiple::benjamini_hochberg(&p), "fdr_bh")];
    for (ours, key) in ours {
        for (ours, theirs) in ours.into_iter().zip(numbers(&block, key)) {
            close(ours, theirs, 1e-9, key);
        }
    }
}

//! Bounded, graded losses.

use tierfall_calibrate::stat::{betting, multiple};

use crate::reference::{block, cases, close, number, numbers};

#[test]
fn betting() {
    let Some(block) = block("wsr_betting") else { return };
    let tol = number(&block, "tol");
    for case in cases(&block, "cases") {
        let (x, delta) = (numbers(case, "x"), number(case, "delta"));
        close(betting::mean_at_most(&x, number(case, "null_mean"), delta).p(), number(case, "p_one_sided"), tol, "p");
    }
}

#[test]
fn several_tests() {
    let Some(block) = block("multiple_testing") else { return };
    let p = numbers(&block, "p");
    for (ours, theirs) in multiple::holm(&p).into_iter().zip(numbers(&block, "holm")) {
        close(ours, theirs, 1e-9, "holm");
    }
}

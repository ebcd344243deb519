//! Sample sizes.

use tierfall_calibrate::stat::plan;

use crate::reference::{block, cases, count, number};

#[test]
fn sample_sizes() {
    let Some(block) = block("planner") else { return };
    for case in cases(&block, "abs") {
        let ours = plan::n_accuracy(number(case, "alpha"), number(case, "true"), number(case, "delta"), number(case, "power"));
        assert_eq!(ours, Some(count(case, "n")), "{case}");
    }
    for case in cases(&block, "rel") {
        let (eps, loss, discordance) = (number(case, "eps"), number(case, "d"), number(case, "disc"));
        let ours = plan::n_loss_normal(eps, loss, discordance, number(case, "delta"), number(case, "power"));
        assert_eq!(ours, Some(count(case, "n")), "{case}");
    }
    for case in cases(&block, "zero_failure_n") {
        let ours = plan::zero_loss_floor(number(case, "eps"), number(case, "delta"));
        assert_eq!(ours, Some(count(case, "n")), "{case}");
    }
}

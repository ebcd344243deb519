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
        let ours = plan::loss_formula(eps, loss, discordance, number(case, "delta"), number(case, "power"));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of examples")]
        let rounded_up = (ours - 1e-9 * ours).ceil().max(1.0) as u64;
        assert_eq!(rounded_up, count(case, "n"), "{case}");
    }
    for case in cases(&block, "zero_failure_n") {
        let ours = plan::zero_loss_floor(number(case, "eps"), number(case, "delta"));
        assert_eq!(ours, Some(count(case, "n")), "{case}");
    }
}

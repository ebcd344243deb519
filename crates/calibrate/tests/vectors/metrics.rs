//! Metrics against scikit-learn and the definitions of their authors.

use tierfall_calibrate::metric::{Sorted, augrc, aurc, auroc, brier, ece, is_right, reliability};

use crate::reference::{block, cases, close, number, numbers};

#[test]
fn metrics_are_those_of_sklearn_and_their_authors() {
    let Some(block) = block("scores_and_calibration_metrics") else { return };
    let tol = number(&block, "tol");
    for case in cases(&block, "cases") {
        let (s, right) = (numbers(case, "s"), numbers(case, "correct"));
        let (sorted, grade) = (Sorted::new(&*s), |row: usize| right[row]);
        for (key, ours) in [
            ("auroc", auroc(&sorted, |row| is_right(right[row]))),
            ("brier", brier(s.iter().copied().zip(right.iter().copied()))),
            ("ece_equal_mass_5", ece(&reliability(&s, grade, 5))),
            ("aurc_tie_averaged", aurc(&sorted, grade)),
            ("augrc_tie_averaged", augrc(&sorted, grade)),
        ] {
            close(ours.unwrap_or(f64::NAN), number(case, key), tol, &format!("{} {key}", case["name"]));
        }
        // With the ties broken by the order of the rows, as a stable sort does.
        let broken = Sorted::new(s.iter().enumerate().map(|(at, s)| s - 1e-9 * at as f64).collect::<Vec<f64>>());
        close(aurc(&broken, grade).unwrap_or(f64::NAN), number(case, "aurc_stable_order"), tol, "aurc, stable");
        close(augrc(&broken, grade).unwrap_or(f64::NAN), number(case, "augrc_stable_order"), tol, "augrc, stable");
        let (area, accuracy) = (number(case, "auroc"), right.iter().sum::<f64>() / right.len() as f64);
        let identity = (1.0 - area) * accuracy * (1.0 - accuracy) + (1.0 - accuracy) * (1.0 - accuracy) / 2.0;
        close(identity, number(case, "augrc_population_identity"), tol, "the identity of AUGRC and AUROC");
    }
}

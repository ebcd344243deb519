//! Metrics against scikit-learn, netcal and the definitions of their authors.

use tierfall_calibrate::metric::calibration::Bins;
use tierfall_calibrate::metric::{augrc, aurc, auroc, average_precision, brier, ece, log_loss, mce};

use crate::reference::{block, cases, close, number, numbers};

#[test]
fn metrics_are_those_of_sklearn_and_netcal() {
    let Some(block) = block("scores_and_calibration_metrics") else { return };
    let tol = number(&block, "tol");
    for case in cases(&block, "cases") {
        let (s, right) = (numbers(case, "s"), numbers(case, "correct"));
        let ece = |bins| ece(&s, &right, bins).map(|ece| ece.value);
        for (key, ours) in [
            ("auroc", auroc(&s, &right)),
            ("average_precision", average_precision(&s, &right)),
            ("brier", brier(&s, &right)),
            ("log_loss_clip1e6", log_loss(&s, &right)),
            ("ece_equal_width_10", ece(Bins::EqualWidth(10))),
            ("ece_equal_width_15", ece(Bins::EqualWidth(15))),
            ("ece_equal_mass_5", ece(Bins::EqualMass(5))),
            ("netcal_ece_10", ece(Bins::EqualWidth(10))),
            ("netcal_mce_10", mce(&s, &right, Bins::EqualWidth(10))),
            ("aurc_tie_averaged", aurc(&s, &right)),
            ("augrc_tie_averaged", augrc(&s, &right)),
        ] {
            close(ours.unwrap_or(f64::NAN), number(case, key), tol, &format!("{} {key}", case["name"]));
        }
        // With the ties broken by the order of the rows, as a stable sort does.
        let broken: Vec<f64> = s.iter().enumerate().map(|(at, s)| s - 1e-9 * at as f64).collect();
        close(aurc(&broken, &right).unwrap_or(f64::NAN), number(case, "aurc_stable_order"), tol, "aurc, stable");
        close(augrc(&broken, &right).unwrap_or(f64::NAN), number(case, "augrc_stable_order"), tol, "augrc, stable");
        let (area, accuracy) = (number(case, "auroc"), right.iter().sum::<f64>() / right.len() as f64);
        let identity = (1.0 - area) * accuracy * (1.0 - accuracy) + (1.0 - accuracy) * (1.0 - accuracy) / 2.0;
        close(identity, number(case, "augrc_population_identity"), tol, "the identity of AUGRC and AUROC");
    }
}

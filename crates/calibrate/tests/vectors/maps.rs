//! Score maps against scikit-learn and statsmodels.

use tierfall_calibrate::map::Read;
use tierfall_calibrate::map::isotonic::isotonic;
use tierfall_calibrate::map::logistic::{self, LogisticOptions};
use tierfall_calibrate::map::parametric::{logit, platt};
use tierfall_core::map::{ScoreMap, Transform};
use tierfall_core::number::Score;

use crate::reference::{block, cases, close, number, numbers};

#[test]
fn isotonic_regression_is_that_of_sklearn() {
    let Some(block) = block("isotonic") else { return };
    for case in cases(&block, "cases") {
        let (x, y) = (numbers(case, "x"), numbers(case, "y"));
        let weights = if case["w"].is_null() { vec![1.0; x.len()] } else { numbers(case, "w") };
        // Weights are whole: a row is there as often as it weighs.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole weights")]
        let often = |column: &[f64]| -> Vec<f64> {
            column.iter().zip(&weights).flat_map(|(value, weight)| vec![*value; *weight as usize]).collect()
        };
        let Some(map) = isotonic(&Read { scores: often(&x), quality: often(&y) }) else { panic!("nothing was fitted to {case}") };
        let ScoreMap::Isotonic { knots } = &map else { panic!("{map:?} is not isotonic") };
        let (at, confidence): (Vec<f64>, Vec<f64>) = knots.iter().map(|(s, c)| (s.get(), c.get())).unzip();
        assert_eq!(at, numbers(case, "thresholds_x"));
        for (ours, theirs) in confidence.iter().zip(numbers(case, "thresholds_y")) {
            close(*ours, theirs, 1e-12, "a knot");
        }
        for (query, theirs) in numbers(case, "query").into_iter().zip(numbers(case, "pred")) {
            let ours = Score::new(query).and_then(|score| map.confidence(score)).map(f64::from);
            close(ours.unwrap_or(f64::NAN), theirs, 1e-12, "a prediction");
        }
    }
}

#[test]
fn parametric_maps_are_those_of_sklearn_and_statsmodels() {
    let Some(block) = block("parametric_calibration") else { return };
    let (s, y, tol) = (numbers(&block, "s"), numbers(&block, "y"), number(&block, "tol"));
    let Some(read) = Read::new(&s, y) else { panic!("too few rows") };
    let fitted = platt(read.clone(), Transform::Identity);
    let Some(ScoreMap::Platt { intercept, slope, .. }) = fitted else { panic!("{fitted:?}") };
    close(-slope, number(&block, "platt_a"), tol, "Platt's a");
    close(-intercept, number(&block, "platt_b"), tol, "Platt's b");
    for (transform, key) in [(Transform::Identity, "logit_on_score"), (Transform::LogOdds, "logit_on_logodds")] {
        let fitted = logit(read.clone(), transform);
        let Some(ScoreMap::Platt { intercept, slope, .. }) = fitted else { panic!("{fitted:?}") };
        close(intercept, numbers(&block, key)[0], tol, key);
        close(slope, numbers(&block, key)[1], tol, key);
    }
}

#[test]
fn ridge_regression_is_that_of_sklearn() {
    let Some(block) = block("parametric_calibration") else { return };
    let (s, y, tol) = (numbers(&block, "s"), numbers(&block, "y"), number(&block, "tol"));
    let extra: Vec<(f64, f64)> =
        cases(&block, "extra_features").iter().map(|row| (row[0].as_f64(), row[1].as_f64())).map(both).collect();
    let columns = [s, extra.iter().map(|e| e.0).collect(), extra.iter().map(|e| e.1).collect()];
    let options = LogisticOptions { ridge: 1.0, non_negative: Vec::new() };
    let Some(fitted) = logistic::fit(&columns, &y, None, &options) else { panic!("nothing was fitted") };
    close(fitted.intercept, number(&block, "ridge_logistic_C1_intercept"), tol, "intercept");
    for (ours, theirs) in fitted.coefficients.iter().zip(numbers(&block, "ridge_logistic_C1_coef")) {
        close(*ours, theirs, tol, "coefficient");
    }
}

fn both((a, b): (Option<f64>, Option<f64>)) -> (f64, f64) {
    (a.unwrap_or(f64::NAN), b.unwrap_or(f64::NAN))
}

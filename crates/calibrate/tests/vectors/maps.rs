//! Score maps against scikit-learn, statsmodels and venn-abers.

use tierfall_calibrate::map::fit_temperature;
use tierfall_calibrate::map::isotonic::{fit_isotonic_weighted, venn_abers};
use tierfall_calibrate::map::logistic::{self, Options};
use tierfall_calibrate::map::parametric::{fit_beta_with, fit_logit_on, fit_platt_on};
use tierfall_core::map::{ScoreMap, Transform};
use tierfall_core::number::Score;

use crate::reference::{block, cases, close, number, numbers};

#[test]
fn isotonic_regression_is_that_of_sklearn() {
    let Some(block) = block("isotonic") else { return };
    for case in cases(&block, "cases") {
        let (x, y) = (numbers(case, "x"), numbers(case, "y"));
        let weights = if case["w"].is_null() { vec![1.0; x.len()] } else { numbers(case, "w") };
        let Some(map) = fit_isotonic_weighted(&x, &y, &weights) else { panic!("nothing was fitted to {case}") };
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
    let platt = fit_platt_on(&s, &y, Transform::Identity);
    let Some(ScoreMap::Platt { intercept, slope, .. }) = platt else { panic!("{platt:?}") };
    close(-slope, number(&block, "platt_a"), tol, "Platt's a");
    close(-intercept, number(&block, "platt_b"), tol, "Platt's b");
    for (transform, key) in [(Transform::Identity, "logit_on_score"), (Transform::LogOdds, "logit_on_logodds")] {
        let logit = fit_logit_on(&s, &y, transform);
        let Some(ScoreMap::Platt { intercept, slope, .. }) = logit else { panic!("{logit:?}") };
        close(intercept, numbers(&block, key)[0], tol, key);
        close(slope, numbers(&block, key)[1], tol, key);
    }
    let beta = fit_beta_with(&s, &y, 0.0);
    let Some(ScoreMap::Beta { a, b, c, .. }) = beta else { panic!("{beta:?}") };
    for (ours, theirs) in [c, a, b].into_iter().zip(numbers(&block, "beta_calibration_c_a_b")) {
        close(ours, theirs, tol, "beta calibration");
    }
    let map = fit_temperature(&s, &y);
    let Some(ScoreMap::Temperature { temperature, .. }) = map else { panic!("{map:?}") };
    close(temperature, number(&block, "temperature_on_logodds"), tol, "temperature");
}

#[test]
fn ridge_regression_is_that_of_sklearn() {
    let Some(block) = block("parametric_calibration") else { return };
    let (s, y, tol) = (numbers(&block, "s"), numbers(&block, "y"), number(&block, "tol"));
    let extra: Vec<(f64, f64)> =
        cases(&block, "extra_features").iter().map(|row| (row[0].as_f64(), row[1].as_f64())).map(both).collect();
    let columns = [s, extra.iter().map(|e| e.0).collect(), extra.iter().map(|e| e.1).collect()];
    let options = Options { ridge: 1.0, non_negative: Vec::new() };
    let Some(fitted) = logistic::fit(&columns, &y, None, &options) else { panic!("nothing was fitted") };
    close(fitted.intercept, number(&block, "ridge_logistic_C1_intercept"), tol, "intercept");
    for (ours, theirs) in fitted.coefficients.iter().zip(numbers(&block, "ridge_logistic_C1_coef")) {
        close(*ours, theirs, tol, "coefficient");
    }
}

fn both((a, b): (Option<f64>, Option<f64>)) -> (f64, f64) {
    (a.unwrap_or(f64::NAN), b.unwrap_or(f64::NAN))
}

#[test]
fn venn_abers_intervals_are_those_of_the_package() {
    let Some(block) = block("venn_abers") else { return };
    let found = venn_abers(&numbers(&block, "cal_s"), &numbers(&block, "cal_y"), &numbers(&block, "test_s"));
    let (p0, p1, merged) = (numbers(&block, "p0"), numbers(&block, "p1"), numbers(&block, "p_merged"));
    assert_eq!(found.len(), p0.len());
    for (at, (low, high)) in found.into_iter().enumerate() {
        close(low, p0[at], number(&block, "tol"), "p0");
        close(high, p1[at], number(&block, "tol"), "p1");
        close(high / (1.0 - low + high), merged[at], number(&block, "tol"), "merged");
    }
}

//! Evaluating fits and cuts written by hand.

use tierfall_calibrate::evaluate::{Cuts, EvaluateError, evaluate, evaluate_policy};
use tierfall_calibrate::procedure::calibrate;
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::{Cut, TierFit};
use tierfall_core::fusion::GateValue;
use tierfall_core::number::{Score, Threshold};

use crate::population::{Population, ask, draw};
use crate::procedure::fit;

fn tiers() -> Vec<TierFit> {
    let gate = || Some(GateValue::Signal { signal: "sure".into(), negated: false });
    let tier = |name: &str, gate| TierFit { name: name.into(), binding: None, gate, map: None };
    vec![tier("small", gate()), tier("medium", gate()), tier("large", None)]
}

fn by_hand(small: Option<f64>, medium: Option<f64>) -> Cuts {
    let cut = |at: Option<f64>| match at.and_then(Score::new) {
        Some(score) => Cut { asked: true, threshold: Threshold::accept_from(score) },
        None => Cut { asked: false, threshold: Threshold::DeferAll },
    };
    Cuts::overall(vec![cut(small), cut(medium)])
}

fn fresh(observations: &tierfall_calibrate::observations::Observations) -> Held<'_> {
    Held::unseen(View::all(observations), &tierfall_core::fit::Seen::default()).unwrap()
}

#[test]
fn sums_are_those_of_a_loop_over_the_rows() {
    let observations = draw(Population::default());
    let told = evaluate_policy(&fresh(&observations), &tiers(), &by_hand(Some(0.6), Some(0.4)), 3).unwrap();
    let scores = |tier| observations.scores(tier, "sure").unwrap();
    let (mut right, mut cost, mut lost, mut accepted) = (0, 0, 0_i64, [0, 0]);
    for row in 0..observations.len() {
        let exit = if scores(0)[row] >= 0.6 {
            0
        } else if scores(1)[row] >= 0.4 {
            1
        } else {
            2
        };
        let grade = |tier: usize| i64::from(observations.quality(tier)[row].nano() > 0);
        right += grade(exit);
        lost += grade(2) - grade(exit);
        cost += [1, 5, 25][exit];
        if exit < 2 {
            accepted[exit] += 1;
        }
    }
    let close = |one: f64, other: f64| (one - other).abs() < 1e-12;
    assert!(close(told.accuracy.value, right as f64 / 1500.0));
    assert!(close(told.loss_vs_last.value, lost as f64 / 1500.0));
    assert!(close(told.cost_ratio.unwrap(), f64::from(cost) / (20.0 * 1500.0)));
    assert!(close(told.coverage[0].unwrap(), f64::from(accepted[0]) / 1500.0));
    assert!(close(told.coverage[1].unwrap(), f64::from(accepted[1]) / f64::from(1500 - accepted[0])));
    assert_eq!((told.n, told.n_items, told.n_excluded), (1500, 1500, 3));
    assert_eq!(told.chain, ["small", "medium", "large"]);
    assert!(close(told.latency_ms.unwrap().mean_last, 200.0));
}

#[test]
fn repeats_widen_nothing_but_rows() {
    let many = draw(Population { items: 200, repeats: 20, ..Population::default() });
    let told = evaluate_policy(&fresh(&many), &tiers(), &by_hand(Some(0.6), None), 0).unwrap();
    assert_eq!((told.n, told.n_items), (4000, 200));
    // As if 4000 rows were items of their own, the interval would be about 0.02 wide.
    assert!(told.accuracy.high - told.accuracy.low > 0.04, "{:?}", told.accuracy);
}

#[test]
fn tiers_are_found_by_name_and_those_not_in_force_may_be_missing() {
    let outcome = calibrate(&draw(Population::default()), 0, &ask(0.02), |_| {}).unwrap();
    let mut fit = fit(&outcome);
    let fresh_rows = draw(Population { seed: 9, ..Population::default() });
    let whole = evaluate(&fresh(&fresh_rows), &fit, None, 0).unwrap();
    assert!(whole.chain.len() < 3, "a pair is in force: {:?}", whole.chain);
    let idle = ["small", "medium"].into_iter().find(|name| !whole.chain.contains(&(*name).to_owned())).unwrap();
    fit.tier.iter_mut().find(|tier| tier.name == idle).unwrap().name = "elsewhere".into();
    assert_eq!(evaluate(&fresh(&fresh_rows), &fit, None, 0).unwrap().accuracy, whole.accuracy);
    let asked = fit.tier.iter_mut().find(|tier| tier.name == whole.chain[0]).unwrap();
    asked.name = "gone".into();
    assert!(matches!(evaluate(&fresh(&fresh_rows), &fit, None, 0), Err(EvaluateError::NoTier { .. })));
    assert!(matches!(evaluate(&fresh(&fresh_rows), &fit, Some("bold"), 0), Err(EvaluateError::NoPoint { .. })));
}

#[test]
fn segments_are_adjusted_for_their_number() {
    let observations = draw(Population { items: 4000, segments: 4, ..Population::default() });
    let told = evaluate_policy(&fresh(&observations), &tiers(), &by_hand(Some(0.1), None), 0).unwrap();
    assert_eq!(told.segments.len(), 4);
    assert!(told.segments.iter().all(|segment| segment.n == 1000 && segment.worse && segment.p_worse < 0.001));
    let safe = evaluate_policy(&fresh(&observations), &tiers(), &by_hand(None, None), 0).unwrap();
    assert!(safe.segments.iter().all(|segment| !segment.worse));
    assert_eq!(safe.chain, ["large"]);
}

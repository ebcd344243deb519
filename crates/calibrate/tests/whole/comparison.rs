//! Two fits on the same rows.

use proptest::prelude::*;
use tierfall_calibrate::evaluate::{EvaluateError, evaluate};
use tierfall_calibrate::observations::Observations;
use tierfall_calibrate::regress::fits::compare;
use tierfall_calibrate::regress::{Rules, Verdict};
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::{Cut, Fit, Point, Provenance, Status, TargetFit, TierFit};
use tierfall_core::fusion::GateValue;
use tierfall_core::number::{Score, Threshold};

use crate::population::{Population, draw};

/// Gates at these scores of `sure`; `None` = the tier is left out.
fn fit(small: Option<f64>, medium: Option<f64>) -> Fit {
    let gate = || Some(GateValue::Signal { signal: "sure".into(), negated: false });
    let tier = |name: &str, gate| TierFit { name: name.into(), binding: None, gate, map: None };
    let cut = |at: Option<f64>| match at.and_then(Score::new) {
        Some(score) => Cut { asked: true, threshold: Threshold::accept_from(score) },
        None => Cut { asked: false, threshold: Threshold::DeferAll },
    };
    Fit {
        version: 1,
        cascade: String::new(),
        salt: "salt".into(),
        provenance: Provenance::default(),
        tier: vec![tier("small", gate()), tier("medium", gate()), tier("large", None)],
        point: vec![Point {
            name: "default".into(),
            status: Status::Uncertified,
            target: TargetFit::MaxLoss(0.02),
            guarantee: None,
            cuts: vec![cut(small), cut(medium)],
            segments: std::collections::BTreeMap::new(),
        }],
    }
}

fn fresh(observations: &Observations) -> Held<'_> {
    Held::unseen(View::all(observations), &tierfall_core::fit::Seen::default()).unwrap()
}

#[test]
fn the_same_fit_changes_nothing() {
    let observations = draw(Population { segments: 3, ..Population::default() });
    let same = fit(Some(0.6), Some(0.4));
    let told = compare(&fresh(&observations), (&same, None), (&same, None), &Rules::default()).unwrap();
    assert_eq!((told.n, told.moved, told.gained, told.lost), (1500, 0, 0, 0));
    assert!(told.changed.is_empty() && told.loss.value.abs() < 1e-15 && told.a == told.b);
    assert!(told.loss.low < 0.0 && told.loss.high > 0.0, "{:?}", told.loss);
    assert!(told.cost_ratio.is_some_and(|ratio| (ratio.value - 1.0).abs() < 1e-12));
    assert!(told.checks.iter().filter(|check| check.segment.is_none()).all(|check| check.verdict == Verdict::Pass));
    assert_eq!(told.segments.len(), 3);
}

#[test]
fn a_bolder_gate_saves_and_loses_what_a_loop_over_the_rows_says() {
    let observations = draw(Population { segments: 2, ..Population::default() });
    let (held, careful, bold) = (fresh(&observations), fit(Some(0.7), None), fit(Some(0.45), None));
    let told = compare(&held, (&careful, None), (&bold, Some("default")), &Rules::default()).unwrap();
    let (scores, mut moves) = (observations.scores(0, "sure").unwrap(), [[0; 3]; 3]);
    let (mut lost, mut gained, mut cost) = (0, 0, [0, 0]);
    for (row, score) in scores.iter().enumerate() {
        let exits = [0.7, 0.45].map(|at| if *score >= at { 0 } else { 2 });
        let grade = exits.map(|tier| observations.quality(tier)[row].nano());
        moves[exits[0]][exits[1]] += 1;
        lost += u64::from(grade[1] < grade[0]);
        gained += u64::from(grade[1] > grade[0]);
        cost = [0, 1].map(|which| cost[which] + [1, 5, 21][exits[which]]);
    }
    assert_eq!(told.moves, moves.map(|row| row.to_vec()));
    assert_eq!((told.lost, told.gained, told.moved), (lost, gained, moves[2][0]));
    assert!((told.loss.value - (lost as f64 - gained as f64) / 1500.0).abs() < 1e-12);
    assert!(told.loss.low > 0.0 && told.loss.high < 0.3);
    let ratio = told.cost_ratio.unwrap();
    assert!((ratio.value - f64::from(cost[1]) / f64::from(cost[0])).abs() < 1e-9 && ratio.high < 1.0, "{ratio:?}");
    assert_eq!(told.checks[0].verdict, Verdict::Fail);
    assert_eq!(told.changed.len() as u64, told.moved);
    assert_eq!(told.segments.iter().map(|segment| segment.lost).sum::<u64>(), lost);
    // Each side is what evaluation says of it.
    for (side, fit) in [(&told.a, &careful), (&told.b, &bold)] {
        let alone = evaluate(&held, fit, None, 0).unwrap();
        assert_eq!(
            (side.accuracy, side.cost_usd, side.cost_ratio, &side.chain),
            (alone.accuracy, alone.cost_usd, alone.cost_ratio, &alone.chain)
        );
        assert_eq!(side.coverage[..side.chain.len() - 1], alone.coverage);
    }
    let json = serde_json::to_value(&told).unwrap();
    assert!(json["moves"][2][0] == told.moved && json.get("changed").is_none());
    let unknown = compare(&held, (&careful, Some("fast")), (&bold, None), &Rules::default());
    assert!(matches!(unknown, Err(EvaluateError::NoPoint { .. })));
}

#[test]
fn repeats_count_once_and_unknown_costs_are_left_out() {
    let observations = draw(Population { items: 300, repeats: 4, costs: false, ..Population::default() });
    let told =
        compare(&fresh(&observations), (&fit(Some(0.7), None), None), (&fit(Some(0.5), None), None), &Rules::default()).unwrap();
    assert_eq!((told.n, told.n_items), (1200, 300));
    assert!(told.cost_ratio.is_none() && told.a.cost_usd.is_none());
    assert!(told.checks[0].why.contains("in 300 groups"), "{}", told.checks[0].why);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]
    #[test]
    fn exchanging_the_fits_turns_everything_around(one in 0.2..0.9f64, other in 0.2..0.9f64, third in 0.2..0.9f64) {
        let observations = draw(Population { items: 200, ..Population::default() });
        let (held, a, b) = (fresh(&observations), fit(Some(one), Some(third)), fit(Some(other), None));
        let there = compare(&held, (&a, None), (&b, None), &Rules::default()).unwrap();
        let back = compare(&held, (&b, None), (&a, None), &Rules::default()).unwrap();
        prop_assert_eq!((there.gained, there.lost, there.moved), (back.lost, back.gained, back.moved));
        for from in 0..3 {
            for to in 0..3 {
                prop_assert_eq!(there.moves[from][to], back.moves[to][from]);
            }
        }
        prop_assert!((there.loss.value + back.loss.value).abs() < 1e-12 && (there.loss.low + back.loss.high).abs() < 1e-9);
        prop_assert!((there.cost_ratio.unwrap().value * back.cost_ratio.unwrap().value - 1.0).abs() < 1e-9);
    }
}

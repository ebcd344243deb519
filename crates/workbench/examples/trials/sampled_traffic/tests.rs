//! Weights undo the sampling of traffic: estimates hit the truth, and promises made of them hold.

use tierfall_calibrate::ask::{Ask, Delta, Target};
use tierfall_testkit::populations::{Kind, population};

use super::traffic::{Plan, run};
use crate::validity::truth::{Truth, binary};

const DELTA: f64 = 0.1;
const DRAWS: u64 = 120;

#[test]
fn weights_undo_the_sampling_and_nothing_else_does() {
    let all = population(Kind::Calibrated, 2, 40_000, 7);
    let truth = Truth::new("calibrated".into(), binary(all.scores, &all.right, &all.costs, all.ties));
    let ask = Ask {
        target: Target::MaxLoss(0.04),
        delta: Delta::new(DELTA),
        signals: Vec::new(),
        points: Vec::new(),
        latency: None,
        by_segment: None,
        max_depth: 1,
        people_at_random: true,
        seed: 1,
        earlier: 0,
    };
    let plan = Plan { ask, requests: 8000, coverage: 0.6, accepted: 0.05, escalated: 0.5, draws: DRAWS, seed: 3 };
    let outcome = run(&truth, &plan).unwrap_or_else(|error| panic!("{error}"));
    let (naive, weighted) = (outcome.naive, outcome.weighted);
    println!("{:.0} kept\nunweighted {naive:?}\nweighted {weighted:?}", outcome.kept);
    for (bias, error) in [weighted.accuracy, weighted.loss] {
        assert!(bias.abs() < 3.5 * error, "{bias} ± {error}");
    }
    for (bias, error) in [naive.accuracy, naive.loss] {
        assert!(bias.abs() > 10.0 * error, "{bias} ± {error}: the sampling does nothing, or the test shows nothing");
    }
    let held = |share: f64| share > 0.95 - 4.0 * (0.95 * 0.05 / DRAWS as f64).sqrt();
    assert!(held(weighted.covered.0) && held(weighted.covered.1), "{weighted:?}");
    // Three standard errors above δ.
    let most = DELTA + 3.0 * (DELTA * (1.0 - DELTA) / DRAWS as f64).sqrt();
    assert!(outcome.violation(weighted).0 <= most && weighted.certified > DRAWS / 2 && weighted.saving > 0.1, "{weighted:?}");
    assert!(outcome.violation(naive).0 > 0.5, "{naive:?}");
}

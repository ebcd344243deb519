//! A run fails no more often than its level where nothing got worse, and finds what it says it finds; in a few thousand draws.

use std::sync::Arc;

use tierfall_calibrate::regress::{Item, Pair, Rules, Verdict, judge};

use super::power::{CHURNS, SIZES};
use super::runs::{MidP, Run, SEGMENTS, Setting, generator};
use super::{power, published, repeats};

const DRAWS: u64 = 3000;

/// The examples one by one, as `judge` reads them; unchanged ones are spread over the segments.
fn pairs(run: &Run) -> Vec<Pair> {
    let item = |quality, cost| Item { quality, cost_usd: Some(cost), latency_ms: None };
    let one = |at: u64| {
        let place = usize::try_from(at).unwrap_or(usize::MAX);
        let changed = run.changed.get(place);
        let (base, now) = changed.map_or((1.0, 1.0), |one| match one.fall {
            1 => (1.0, 0.0),
            -1 => (0.0, 1.0),
            _ => (1.0, 1.0),
        });
        let (base_cost, now_cost) = changed.map_or((3.0, 3.0), |one| (one.base_cost, one.now_cost));
        let segment = changed.map_or(place % SEGMENTS.len(), |one| one.segment);
        Pair {
            segment: u32::try_from(segment).unwrap_or(0),
            cluster: u32::try_from(at).unwrap_or(0),
            weight: 1.0,
            turn: 0,
            base: item(base, base_cost),
            now: item(now, now_cost),
        }
    };
    (0..run.n).map(one).collect()
}

#[test]
fn nothing_got_worse_and_hardly_any_run_fails() {
    let mid = MidP::new();
    let mut any = Vec::new();
    for (at, n) in SIZES.into_iter().enumerate() {
        for (also, churn) in CHURNS.into_iter().enumerate() {
            let cell = (at * CHURNS.len() + also) as u64;
            let [ours, dropped, _] = power::alarms(DRAWS, Setting { n, churn, drop: 0.0 }, cell, &mid);
            println!("n = {n}, churn {churn}: {ours:.4} beside {dropped:.3}");
            // The level and four standard errors.
            assert!(ours <= 0.01 + 4.0 * (0.0099 / DRAWS as f64).sqrt(), "{n} {churn}: {ours}");
            any.push(dropped);
        }
    }
    assert!(any.iter().all(|rate| *rate > 0.37 && *rate < 0.52), "the usual gate: {any:?}");
}

#[test]
fn tabulated_runs_fail_where_judged_ones_do() {
    let (mid, rules) = (MidP::new(), Rules::default());
    let names: Vec<Arc<str>> = (0..7).map(|at| format!("s{at}").into()).collect();
    let mut failed = 0;
    for (cell, setting) in [
        Setting { n: 200, churn: 0.1, drop: 0.05 },
        Setting { n: 500, churn: 0.04, drop: 0.02 },
        Setting { n: 500, churn: 0.08, drop: 0.0 },
    ]
    .into_iter()
    .enumerate()
    {
        for draw in 0..40 {
            let run = setting.draw(&mut generator(70 + cell as u64, draw));
            let judged = judge(&pairs(&run), &names, &rules);
            let fails = judged.iter().any(|check| check.verdict == Verdict::Fail);
            assert_eq!(run.fails(&rules, &mid), fails, "{setting:?} {draw}: {judged:?}");
            failed += u32::from(fails);
        }
    }
    assert!(failed > 20 && failed < 100, "{failed}");
}

#[test]
fn published_rates_are_met() {
    let mid = MidP::new();
    let near =
        |ours: f64, theirs: f64| (ours - theirs).abs() < 4.5 * ((theirs * (1.0 - theirs)).max(0.002) / DRAWS as f64).sqrt();
    for (at, (n, churn, drop, theirs)) in published::POWER.into_iter().enumerate() {
        let ours = power::columns(DRAWS, Setting { n, churn, drop }, 40 + at as u64, &mid);
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            assert!(near(ours, theirs), "{n} {churn} {drop}: {ours} and {theirs}");
        }
    }
    let [alone, holm] = repeats::any_alarm(DRAWS, 6, 0.3);
    assert!(near(alone, published::SIX[0]) && near(holm, published::SIX[1]), "{alone} {holm}");
}

#[test]
fn what_is_said_to_be_found_is_found() {
    let mid = MidP::new();
    for (at, (n, churn)) in [(500, 0.1), (1000, 0.06), (3000, 0.02)].into_iter().enumerate() {
        let (drop, power) = power::found(DRAWS, n, churn, 60 + at as u64, &mid);
        println!("n = {n}, churn {churn}, drop {drop:.4}: found {power:.3}");
        assert!(power > 0.77 && power < 0.95, "{n} {churn}: {power}");
    }
}

#[test]
fn repeats_are_no_examples() {
    let mid = MidP::new();
    for (repeats, theirs) in published::REPEATS {
        let draws = 1500;
        for (ours, theirs) in repeats::sizes(draws, repeats, &mid).into_iter().zip(theirs) {
            assert!(
                (ours - theirs).abs() < 4.0 * (theirs * (1.0 - theirs) / draws as f64).sqrt() + 0.005,
                "{repeats}: {ours} and {theirs}"
            );
        }
    }
}

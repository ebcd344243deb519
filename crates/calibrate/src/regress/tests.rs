//! How often the tests of graded, repeated, weighted and timed examples call worse what is not, over many draws.

use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::latency::{Latency, micros};
use super::quality::Quality;
use super::{Item, Pair, Rules, Verdict, judge};
use crate::stat::binomial;

fn item(quality: f64, cost: f64, latency: f64) -> Item {
    Item { quality, cost_usd: Some(cost), latency_ms: Some(latency) }
}

/// A time with a long tail.
fn time(rng: &mut ChaCha8Rng) -> f64 {
    200.0 - 300.0 * (1.0 - rng.random::<f64>()).ln()
}

/// Items of one to three rows with grades in quarters, weights of 1 or 4 and two segments; a fifth of the items changes, and gets
/// worse with a probability of ½ + `by`.
fn graded(rng: &mut ChaCha8Rng, items: u32, by: f64) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for cluster in 0..items {
        let weight = if cluster % 4 == 0 { 4.0 } else { 1.0 };
        let changed = rng.random::<f64>() < 0.2;
        // Grades that may fall or rise by up to a half.
        let shift = if changed { (rng.random::<f64>() * 4.0).ceil() / 8.0 } else { 0.0 };
        let falls = rng.random::<f64>() < 0.5 + by;
        for _ in 0..=cluster % 3 {
            let now = if falls { 0.5 - shift } else { 0.5 + shift };
            let cost = |rng: &mut ChaCha8Rng| 0.01 * (1.0 - rng.random::<f64>());
            let (before, after) = (cost(rng), cost(rng));
            let pair = Pair {
                segment: cluster % 2,
                cluster,
                weight,
                turn: cluster,
                base: item(0.5, before, time(rng)),
                now: item(now, after, time(rng)),
            };
            pairs.push(pair);
        }
    }
    pairs
}

#[test]
fn runs_of_graded_repeated_weighted_and_timed_examples_fail_no_more_often_than_the_level() {
    let rules = Rules { level: 0.05, ..Rules::default() };
    let names: Vec<Arc<str>> = ["a", "b"].map(Arc::from).to_vec();
    let rate = |by: f64, draws: u64| {
        let fails = (0..draws).filter(|draw| {
            let pairs = graded(&mut ChaCha8Rng::seed_from_u64(*draw), 150, by);
            judge(&pairs, &names, &rules).iter().any(|check| check.verdict == Verdict::Fail)
        });
        fails.count() as f64 / draws as f64
    };
    let (size, power) = (rate(0.0, 500), rate(0.5, 40));
    // Three standard errors of a rate of 0.05 in 500 draws.
    assert!(size <= 0.05 + 0.03 && power > 0.95, "{size} {power}");
}

#[test]
fn a_graded_loss_of_the_margin_seldom_passes() {
    let rules = Rules { margin: 0.03, ..Rules::default() };
    let draws = 500;
    let passed = |by: f64| {
        let passes = (0..draws).filter(|draw| {
            let pairs = graded(&mut ChaCha8Rng::seed_from_u64(1 << 32 | *draw), 400, by);
            let quality = Quality::of(&pairs.iter().collect::<Vec<_>>(), &rules);
            quality.non_inferior(rules.margin, rules.margin_level, rules.seed)
        });
        passes.count() as f64 / f64::from(u32::try_from(draws).unwrap())
    };
    // A fifth of the items moves by 0.3125 on average, 2·by of it net: 0.03 is lost where by = 0.24.
    let (wrong, right) = (passed(0.24), passed(0.0));
    assert!(wrong <= 0.05 + 0.03 && right > 0.3, "{wrong} {right}");
}

#[test]
fn equally_slow_runs_differ_no_more_often_than_the_level_where_the_plain_binomial_test_does() {
    let rules = Rules::default();
    let (draws, mut ours, mut plain) = (1500, 0, 0);
    for draw in 0..draws {
        let mut rng = ChaCha8Rng::seed_from_u64(draw);
        let pairs: Vec<Pair> = (0..400)
            .map(|cluster| Pair {
                segment: 0,
                cluster,
                weight: 1.0,
                turn: cluster,
                base: item(1.0, 0.0, time(&mut rng)),
                now: item(1.0, 0.0, time(&mut rng)),
            })
            .collect();
        let latency = Latency::of(&pairs.iter().collect::<Vec<_>>(), &rules).unwrap();
        ours += u64::from(latency.test.p <= 0.05);
        // As if the baseline's p95 were known.
        let above = pairs.iter().filter(|pair| pair.now.latency_ms.map(micros) > Some(micros(latency.baseline))).count() as u64;
        plain += u64::from(above > 0 && binomial::sf(above - 1, 400, 0.05) <= 0.05);
    }
    let rate = |hits: u64| hits as f64 / draws as f64;
    assert!(rate(ours) <= 0.015 && rate(plain) > 0.09, "{} {}", rate(ours), rate(plain));
}

/// Two runs of the same requests, each with bursts in which answers take three times as long, and all of those now `factor` as long.
fn bursts(rng: &mut ChaCha8Rng, n: usize, length: usize, factor: f64) -> Vec<Pair> {
    let run = |rng: &mut ChaCha8Rng, factor: f64| -> Vec<f64> {
        let mut slow = 0;
        let each = |_| {
            // A tenth of the requests is in one.
            if slow == 0 && rng.random::<f64>() < 0.1 / length as f64 {
                slow = length;
            }
            let burst = if slow > 0 { 3.0 } else { 1.0 };
            slow = slow.saturating_sub(1);
            factor * burst * time(rng)
        };
        (0..n).map(each).collect()
    };
    let (base, now) = (run(rng, 1.0), run(rng, factor));
    let both = base.into_iter().zip(now).enumerate();
    both.map(|(at, (base, now))| {
        let at = u32::try_from(at).unwrap();
        Pair { segment: 0, cluster: at, weight: 1.0, turn: at, base: item(1.0, 0.0, base), now: item(1.0, 0.0, now) }
    })
    .collect()
}

#[test]
fn noise_in_bursts_and_a_rise_that_is_none_fail_no_run_and_a_slow_provider_does() {
    let rules = Rules::default();
    let draws: u32 = 200;
    let failed = |length: usize, factor: f64| {
        let fails = (0..draws).filter(|draw| {
            let pairs = bursts(&mut ChaCha8Rng::seed_from_u64(u64::from(*draw)), 400, length, factor);
            let checks = judge(&pairs, &[], &rules);
            checks.iter().any(|check| check.name == "latency-vs-baseline" && check.verdict == Verdict::Fail)
        });
        fails.count() as f64 / f64::from(draws)
    };
    for length in [1, 5, 20] {
        let (unchanged, little) = (failed(length, 1.0), failed(length, 1.05));
        assert!(unchanged <= 0.01 && little <= 0.01, "bursts of {length}: {unchanged} {little}");
    }
    let (doubled, trebled) = (failed(1, 2.0), failed(20, 3.0));
    assert!(doubled > 0.5 && trebled > 0.6, "{doubled} {trebled}");
}

#[test]
fn times_that_are_short_are_no_slower_for_a_busy_machine() {
    let of = |base: f64, now: f64| {
        let pair = |at: u32| Pair {
            segment: 0,
            cluster: at,
            weight: 1.0,
            turn: at,
            base: item(1.0, 0.0, base),
            now: item(1.0, 0.0, now + f64::from(at * 7919 % 200) / 100.0),
        };
        judge(&(0..200).map(pair).collect::<Vec<_>>(), &[], &Rules::default()).pop().unwrap().verdict
    };
    assert_eq!([of(1.0, 3.0), of(100.0, 104.0), of(100.0, 300.0)], [Verdict::Pass, Verdict::Pass, Verdict::Fail]);
}

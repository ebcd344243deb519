//! Values and their intervals.

use super::*;
use crate::stat::paired;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

fn row(at: usize, quality: f64) -> ExampleRun {
    ExampleRun {
        quality,
        cost_usd: Some(0.001),
        last_quality: Some(1.0),
        last_cost_usd: Some(0.01),
        weight: 1.0,
        cluster: u32::try_from(at).unwrap(),
        latency_ms: None,
    }
}

fn rows(n: usize, wrong: usize) -> Vec<ExampleRun> {
    (0..n).map(|at| row(at, if at < wrong { 0.0 } else { 1.0 })).collect()
}

#[test]
fn whole_counts_have_the_intervals_of_counts() {
    let rows = rows(100, 10);
    let accuracy = accuracy(&rows);
    let (low, high) = crate::stat::proportion::wilson(90, 100, 0.95);
    assert!((accuracy.value - 0.9).abs() < 1e-15 && (accuracy.low - low).abs() < 1e-15 && (accuracy.high - high).abs() < 1e-15);
    let loss = loss(&rows).unwrap();
    let (low, high) = paired::newcombe(90, 10, 0, 0, 0.95);
    assert!((loss.value - 0.1).abs() < 1e-15 && (loss.low - low).abs() < 1e-15 && (loss.high - high).abs() < 1e-15);
    let ratio = cost_ratio(&rows).unwrap();
    assert!((ratio.value - 0.1).abs() < 1e-12);
    assert!(cost(&rows).is_some_and(|cost| (cost.value - 0.001).abs() < 1e-15));
    let escalated = share(&rows, |_| true, |at| at < 25).unwrap();
    assert!((escalated.value - 0.25).abs() < 1e-15);
    assert!(share(&rows, |_| false, |_| true).is_none() && p95(&rows).is_none() && super::loss(&[]).is_none());
}

#[test]
fn weights_and_clusters_count() {
    let mut rows = rows(4, 1);
    rows[0].weight = 3.0;
    assert!((accuracy(&rows).value - 0.5).abs() < 1e-15);
    rows[0].weight = 1.0;
    for row in &mut rows[1..] {
        row.cluster = 1;
    }
    assert!((accuracy(&rows).value - 0.5).abs() < 1e-15);
    let coverage = share(&rows, |at| at < 2, |at| at == 1).unwrap();
    // Of the second item a third of the rows is among them.
    assert!((coverage.value - 0.25).abs() < 1e-15, "{coverage:?}");
    rows[2].cost_usd = None;
    rows[3].last_quality = None;
    assert!(cost_ratio(&rows).is_none() && loss(&rows).is_none() && cost(&rows).is_none());
}

#[test]
fn the_interval_of_a_quantile_covers_it() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let covered = |n: usize, weighted: bool, rng: &mut ChaCha8Rng| {
        let draws = 1500;
        let hits = (0..draws).filter(|_| {
            let rows: Vec<ExampleRun> = (0..n)
                .map(|at| {
                    let weight = if weighted && at % 3 == 0 { 2.0 } else { 1.0 };
                    ExampleRun { latency_ms: Some(-(1.0 - rng.random::<f64>()).ln() * 1000.0), weight, ..row(at, 1.0) }
                })
                .collect();
            let (found, truth) = (p95(&rows).unwrap(), -(0.05f64.ln()) * 1000.0);
            found.low <= truth && truth <= found.high && found.low <= found.value && found.value <= found.high
        });
        hits.count() as f64 / f64::from(draws)
    };
    for (n, weighted) in [(60, false), (400, false), (400, true)] {
        let rate = covered(n, weighted, &mut rng);
        assert!(rate > 0.93, "{n} {weighted}: {rate}");
    }
    let few: Vec<ExampleRun> = (0..71)
        .map(|at| ExampleRun { latency_ms: Some(f64::from(at)), ..row(0, 1.0) })
        .enumerate()
        .map(|(at, one)| ExampleRun { cluster: u32::try_from(at).unwrap(), ..one })
        .collect();
    assert!(p95(&few).is_some_and(|found| found.high.is_infinite() && (found.value - 67.0).abs() < 1e-9));
}

#[test]
fn limits_are_held_by_the_value_alone() {
    let at_least = |limit| Limit { limit, limit_is: Side::AtLeast };
    let at_most = |limit| Limit { limit, limit_is: Side::AtMost };
    let of = |limit| Check::of_limit(("accuracy", Unit::Share), None, 100, Ok(accuracy(&rows(100, 10))), limit, Some(7));
    assert_eq!(of(at_least(0.9)).verdict, Verdict::Pass);
    assert_eq!(of(at_most(0.9)).verdict, Verdict::Pass);
    let failed = of(at_least(0.91));
    assert_eq!((failed.verdict, failed.why.as_str(), failed.line), (Verdict::Fail, "0.9 is not at least 0.91", Some(7)));
    assert!(failed.interval.is_some_and(|[low, high]| low < 0.9 && high > 0.91));
    let without = |why| Check::of_limit(("cost-ratio", Unit::Share), Some("math"), 100, Err(why), at_most(0.5), None);
    let unknown = without(Missing::Unknown("a price is missing".to_owned()));
    assert_eq!((unknown.verdict, unknown.value), (Verdict::Fail, None));
    assert_eq!(unknown.why, "not known, and so not kept: a price is missing");
    let unseen = without(Missing::Unseen("no example was asked".to_owned()));
    assert_eq!((unseen.verdict, unseen.why.as_str()), (Verdict::Inconclusive, "no example was asked"));
    // Sums of thirds do not meet 0.9 to the last bit.
    let weighted: Vec<ExampleRun> = rows(10, 1).into_iter().map(|row| ExampleRun { weight: 1.0 / 3.0, ..row }).collect();
    assert_eq!(
        Check::of_limit(("accuracy", Unit::Share), None, 10, Ok(accuracy(&weighted)), at_least(0.9), None).verdict,
        Verdict::Pass
    );
}

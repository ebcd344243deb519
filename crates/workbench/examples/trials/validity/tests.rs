//! The promise itself, in a few hundred draws: it is broken in no more than δ of them, and the usual practice breaks it more often.

use std::borrow::Cow;

use tierfall_calibrate::ask::{Ask, BySegment, Delta, Target};
use tierfall_calibrate::certify::{Input, Labels, Segments, certify};
use tierfall_calibrate::policy::Thresholds;
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::table::Table;
use tierfall_core::fit::Status;
use tierfall_testkit::populations::{Kind, population};

use super::cell::{Cell, Plan, run};
use super::truth;
use super::truth::{Truth, binary};

const DELTA: f64 = 0.1;
const DRAWS: u64 = 200;

fn truth(kind: Kind, tiers: usize) -> Truth {
    let all = population(kind, tiers, 40_000, 7);
    Truth::new(kind.name().into(), binary(all.scores, &all.right, &all.costs, all.ties))
}

fn ask(target: Target) -> Ask {
    Ask {
        target,
        delta: Delta::new(DELTA),
        signals: Vec::new(),
        points: Vec::new(),
        latency: None,
        by_segment: None,
        max_depth: 1,
        people_at_random: true,
        seed: 1,
        earlier: 0,
    }
}

fn drawn(truth: &Truth, target: Target, n: usize, depth: usize) -> Cell {
    let cell = run(truth, &Plan { ask: Ask { max_depth: depth, ..ask(target) }, n, draws: DRAWS, seed: 1 << 32 }, &|| {})
        .unwrap_or_else(|error| panic!("{error}"));
    println!(
        "{:<12} {target:?} n = {n}, depth {depth}: broken by ours {:.3}, on the sample {:.3}, conformal {:.3}; saving {:.3} of {:.3}",
        truth.name,
        cell.rate(cell.ours).0,
        cell.rate(cell.naive).0,
        cell.rate(cell.conformal).0,
        cell.saving(cell.ours),
        cell.oracle
    );
    cell
}

/// δ and three standard errors of its estimate.
fn most() -> f64 {
    DELTA + 3.0 * (DELTA * (1.0 - DELTA) / DRAWS as f64).sqrt()
}

#[test]
fn the_promise_holds_where_the_usual_practice_breaks_it() {
    let mut naive = 0.0;
    let mut cells = 0.0;
    for kind in Kind::ALL {
        for tiers in [2, 3] {
            let truth = truth(kind, tiers);
            for target in [Target::MaxLoss(0.03), Target::Accuracy(truth.last.quality - 0.06)] {
                let cell = drawn(&truth, target, 800, 1);
                assert!(cell.rate(cell.ours).0 <= most(), "{} {target:?}", truth.name);
                naive += cell.rate(cell.naive).0;
                cells += 1.0;
                // Certified cuts are worth something: an empty promise would hold as well.
                if kind == Kind::Calibrated {
                    assert!(cell.saving(cell.ours) > 0.4 * cell.oracle);
                }
            }
        }
    }
    assert!(naive / cells > 3.0 * DELTA, "the naive rule breaks only {}", naive / cells);
}

#[test]
fn the_promise_of_deeper_chains_holds() {
    let truth = truth(Kind::Calibrated, 3);
    let cell = drawn(&truth, Target::MaxLoss(0.03), 800, 2);
    assert!(cell.rate(cell.ours).0 <= most());
    assert!(cell.saving(cell.ours) > 0.0);
}

#[test]
fn graded_answers_keep_the_promise() {
    let mut truth = truth(Kind::NonMonotone, 2);
    let ties = truth.table.ties.clone();
    for tier in &mut truth.table.tiers {
        let grade = |(quality, tie): (&Quality, &f64)| Quality::new(0.7 * quality.get() + 0.3 * tie);
        tier.quality = tier.quality.iter().zip(ties.iter()).map(|pair| grade(pair).unwrap_or(Quality::WRONG)).collect();
    }
    let truth = Truth::new("graded".into(), truth.table);
    for target in [Target::MaxLoss(0.04), Target::Accuracy(truth.last.quality - 0.06)] {
        let cell = drawn(&truth, target, 800, 1);
        assert!(cell.rate(cell.ours).0 <= most());
        assert!(cell.saving(cell.ours) > 0.0);
    }
}

/// Loss of each group's policy on its items, against always asking the last tier.
fn loss(table: &Table<'_>, policy: &dyn Fn(usize) -> Thresholds, keep: &dyn Fn(usize) -> bool) -> f64 {
    let rows: Vec<usize> = (0..table.len()).filter(|row| keep(*row)).collect();
    let policies: Vec<Thresholds> = (0..3).map(policy).collect();
    let lost = |row: &usize| {
        let policy = &policies[row % 3];
        let answered = table.tiers[policy.tiers()[policy.exit(table, *row)]].quality[*row];
        table.tiers[table.last()].quality[*row].get() - answered.get()
    };
    rows.iter().map(lost).sum::<f64>() / rows.len() as f64
}

#[test]
fn segments_keep_the_promise_each_and_together() {
    // Every third item is of a segment whose first tier is worse than its scores say.
    let mut truth = truth(Kind::Calibrated, 2);
    let worse = truth.table.tiers[0]
        .quality
        .iter()
        .enumerate()
        .map(|(row, quality)| if row % 3 == 0 && row.is_multiple_of(2) { Quality::WRONG } else { *quality });
    truth.table.tiers[0].quality = worse.collect();
    let n = truth.table.len();
    let names = ["a", "b", "c"].map(Into::into).to_vec();
    for by in [BySegment::Each, BySegment::Overall] {
        let wanted = Ask { by_segment: Some(by), ..ask(Target::MaxLoss(0.04)) };
        let (mut broken, mut certified) = (0_u64, 0);
        for draw in 0..DRAWS {
            let rows = truth.rows(1200, 77 + draw);
            let of: Vec<Option<u32>> = rows.iter().map(|row| u32::try_from(row % 3).ok()).collect();
            let segments = Segments { names: names.clone(), certify: of.into(), tune: Cow::Owned(Vec::new()) };
            let table = truth::pick(&truth.table, &rows);
            let input = Input { certify: table, tune: None, segments: Some(segments), labels: Labels::Human };
            let found = certify(&input, &wanted).unwrap_or_else(|error| panic!("{error}")).points.swap_remove(0);
            if found.status != Status::Certified {
                continue;
            }
            certified += 1;
            let policy = |segment: usize| {
                let listed = found.segments.iter().find(|listed| *listed.name == *names[segment]);
                listed.map_or_else(|| found.policy.clone(), |listed| listed.policy.clone())
            };
            let most_lost = match by {
                BySegment::Each => {
                    (0..3).map(|segment| loss(&truth.table, &policy, &|row| row % 3 == segment)).fold(f64::NEG_INFINITY, f64::max)
                }
                BySegment::Overall => loss(&truth.table, &policy, &|row| row < n),
            };
            broken += u64::from(most_lost > 0.04);
        }
        println!("{by:?}: broken in {broken} of {DRAWS} draws, certified in {certified}");
        assert!(broken as f64 / DRAWS as f64 <= most() && certified > DRAWS / 4, "{by:?}: {broken} of {certified}");
    }
}

#[test]
fn weighted_rows_speak_for_the_traffic_they_stand_for() {
    // Unsure items are sampled four times as often as sure ones, which weigh as much more.
    let truth = truth(Kind::NonMonotone, 2);
    let sure = |row: usize| truth.table.tiers[0].values.as_ref().is_some_and(|values| values[row] > 0.6);
    let (mut broken, mut unweighted) = (0_u64, 0_u64);
    let wanted = ask(Target::MaxLoss(0.05));
    for draw in 0..DRAWS {
        // A quarter of the sure rows, whichever were drawn first.
        let mut kept = 0;
        let mut rows = truth.rows(2000, 991 + draw);
        rows.retain(|row| {
            kept += usize::from(sure(*row));
            !sure(*row) || kept % 4 == 0
        });
        let mut table = truth::pick(&truth.table, &rows);
        let certified = |table: Table<'_>| {
            let input = Input { certify: table, tune: None, segments: None, labels: Labels::Human };
            let found = certify(&input, &wanted).unwrap_or_else(|error| panic!("{error}")).points.swap_remove(0);
            found.status == Status::Certified && truth.of(&found.policy).quality < truth.last.quality - 0.05
        };
        unweighted += u64::from(certified(table.clone()));
        table.weights = Some(rows.iter().map(|row| if sure(*row) { 4.0 } else { 1.0 }).collect::<Vec<f64>>().into());
        broken += u64::from(certified(table));
    }
    println!("weighted: broken in {broken} of {DRAWS} draws, without the weights in {unweighted}");
    assert!(broken as f64 / DRAWS as f64 <= most());
    assert!(unweighted > DRAWS / 4, "the sample is no fair one of the traffic, or the test shows nothing: {unweighted}");
}

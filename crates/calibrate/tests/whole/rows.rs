//! Rows written one by one: what a file says in any order, and what people say beside a judge.

use tierfall_calibrate::ask::{BySegment, SignalChoice, Target};
use tierfall_calibrate::evaluate::evaluate;
use tierfall_calibrate::observations::{Builder, Cell, Observations, Row, TierSpec};
use tierfall_calibrate::procedure::calibrate;
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::report::Calibration;
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::Status;
use tierfall_core::money::Money;
use tierfall_core::number::Score;

use crate::population::{ask, named};
use crate::procedure::fit;

/// Uniform in [0, 1), by the row and what it is for.
fn uniform(row: usize, salt: u64) -> f64 {
    let mut x = (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xd1b5_4a32_d192_ed03);
    for _ in 0..2 {
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^= x >> 27;
    }
    (x >> 11) as f64 / (1_u64 << 53) as f64
}

/// One row of a cheap tier and a dear one.
#[derive(Clone, Debug)]
pub(crate) struct One {
    pub(crate) id: usize,
    pub(crate) group: Option<String>,
    pub(crate) segment: Option<&'static str>,
    pub(crate) weight: Option<f64>,
    pub(crate) scores: [f64; 2],
    /// What the judge says, or people where nobody judges.
    pub(crate) right: [bool; 2],
    pub(crate) human: Option<[bool; 2]>,
    pub(crate) length: Option<u32>,
}

pub(crate) fn table(rows: &[One], judge: Option<&str>) -> Observations {
    let spec = |name: &str| TierSpec { name: name.into(), signals: vec!["x".into(), "y".into()], judge: judge.map(Into::into) };
    let mut table = Builder::new(vec![spec("cheap"), spec("dear")], "salt");
    let grade = |right: bool| if right { Quality::RIGHT } else { Quality::WRONG };
    for row in rows {
        let scores = row.scores.map(Score::new);
        let cells = [0, 1].map(|tier| Cell {
            quality: Some(grade(row.right[tier])),
            as_last: false,
            human: row.human.map(|human| grade(human[tier])),
            unanswered: false,
            scores: &scores,
            cost: Some(Money::from_pico([1_000, 10_000][tier] * (1 + row.id as u128 % 3))),
            latency_ms: None,
            length: row.length,
        });
        let (id, group) = (row.id.to_string(), row.group.as_deref());
        let row = Row { id: &id, segment: row.segment, stratum: None, group, weight: row.weight, tiers: &cells };
        table.push(&row).unwrap();
    }
    table.finish()
}

/// The first signal knows, the second does not; the cheap tier is right where it is sure.
pub(crate) fn plain(n: usize) -> Vec<One> {
    let one = |id: usize| {
        let sure = uniform(id, 1);
        let right = [sure > 0.35 || uniform(id, 2) < 0.5, uniform(id, 3) < 0.95];
        One { id, group: None, segment: None, weight: None, scores: [sure, uniform(id, 4)], right, human: None, length: None }
    };
    (0..n).map(one).collect()
}

pub(crate) fn report(rows: &[One], ask: &tierfall_calibrate::ask::Ask) -> Calibration {
    calibrate(&table(rows, None), 0, ask, |_| {}).unwrap().report
}

pub(crate) fn one_signal(loss: f64) -> tierfall_calibrate::ask::Ask {
    tierfall_calibrate::ask::Ask { signals: vec![named("x")], ..ask(loss) }
}

#[test]
fn the_order_of_a_file_says_nothing() {
    let mut rows = plain(1500);
    for row in &mut rows {
        row.group = Some(format!("g{}", row.id / 2));
    }
    let mut asked = one_signal(0.06);
    asked.signals = vec![SignalChoice::Auto];
    let there = report(&rows, &asked);
    rows.reverse();
    let back = report(&rows, &asked);
    assert_eq!(there.raw_thresholds, back.raw_thresholds);
    let near = |one: f64, other: f64| (one - other).abs() < 1e-12;
    let (one, other) = (there.estimate.unwrap(), back.estimate.unwrap());
    assert!(
        near(one.accuracy.unwrap().value, other.accuracy.unwrap().value) && near(one.cost_usd.unwrap(), other.cost_usd.unwrap())
    );
}

#[test]
fn a_random_mix_costs_what_the_cascade_costs_by_the_rows_own_weights() {
    let mut rows = plain(900);
    for row in &mut rows {
        // The hard questions stand for more.
        row.weight = Some(if row.scores[0] < 0.5 { 4.0 } else { 1.0 });
    }
    let report = report(&rows, &one_signal(0.2));
    let (cascade, mix) = (report.estimate.unwrap().cost_usd.unwrap(), &report.baselines["random-mix"]);
    assert!((mix.cost_usd.unwrap() / cascade - 1.0).abs() < 1e-9, "{mix:?} {cascade}");
}

#[test]
fn the_only_signal_there_is_has_to_beat_the_length_too() {
    let mut rows = plain(1500);
    for row in &mut rows {
        // As long as it is wrong; and the score is noise.
        row.length = Some(if row.right[0] { 10 } else { 40 } + u32::try_from(row.id % 5).unwrap());
        row.scores[0] = uniform(row.id, 9);
    }
    let mut asked = one_signal(0.05);
    asked.signals = vec![SignalChoice::Fuse(vec!["x".into()])];
    let refused = report(&rows, &asked);
    assert_eq!((refused.status, &refused.chain[..]), (Status::Inconclusive, &["dear".to_owned()][..]));
    assert!(refused.warnings.iter().any(|warning| warning.contains("refused")), "{:?}", refused.warnings);
    // Who names it has it.
    let named = report(&rows, &one_signal(0.05));
    assert!(named.warnings.iter().any(|warning| warning.contains("used because it was named")), "{:?}", named.warnings);
}

#[test]
fn rows_of_no_segment_are_told_beside_those_that_have_one() {
    let mut rows = plain(2000);
    for row in &mut rows {
        row.segment = [Some("a"), Some("b"), None][row.id % 3];
    }
    let outcome = calibrate(&table(&rows, None), 0, &one_signal(0.05), |_| {}).unwrap();
    for row in &mut rows {
        row.id += 10_000;
    }
    let fresh = table(&rows, None);
    let told = evaluate(&Held::unseen(View::all(&fresh), &outcome.seen).unwrap(), &fit(&outcome), None, 0).unwrap();
    let names: Vec<&str> = told.segments.iter().map(|segment| &*segment.segment).collect();
    assert_eq!(names, ["a", "b", "(none)"]);
    assert_eq!(told.segments.iter().map(|segment| segment.n).sum::<u64>(), 2000);
}

#[test]
fn what_is_promised_in_every_segment_is_asked_of_every_segment() {
    let mut rows = plain(4000);
    for row in &mut rows {
        row.segment = Some(["a", "b"][row.id % 2]);
    }
    let mut asked = one_signal(0.05);
    asked.by_segment = Some(BySegment::Each);
    let outcome = calibrate(&table(&rows, None), 0, &asked, |_| {}).unwrap();
    let fit = fit(&outcome);
    assert!(fit.point[0].guarantee.as_ref().unwrap().each_segment);
    let look = |rows: &[One]| {
        let fresh = table(rows, None);
        evaluate(&Held::unseen(View::all(&fresh), &outcome.seen).unwrap(), &fit, None, 0).unwrap()
    };
    for row in &mut rows {
        row.id += 10_000;
    }
    assert!(look(&rows).promise.unwrap().p_broken > 0.05);
    // One segment loses a lot, and the other gains as much.
    for row in &mut rows {
        let sure = row.scores[0] > 0.5;
        match row.segment {
            Some("a") if sure && row.id.is_multiple_of(3) => row.right = [false, true],
            Some("b") if sure && row.id.is_multiple_of(3) => row.right = [true, false],
            _ => {}
        }
    }
    let told = look(&rows);
    assert!(told.loss_vs_last.value < 0.05, "{:?}", told.loss_vs_last);
    let promise = told.promise.unwrap();
    assert!(!promise.met && promise.p_broken < 0.01, "{promise:?}");
}

#[test]
fn a_promise_about_people_is_not_kept_by_the_judge() {
    // The judge lets everything pass. People graded every other row, and say that it is right about the first rows.
    let mut rows = plain(1200);
    for row in &mut rows {
        row.right = [true, true];
        row.human = row.id.is_multiple_of(2).then_some([row.scores[0] > 0.05, true]);
    }
    let outcome = calibrate(&table(&rows, Some("J")), 0, &one_signal(0.2), |_| {}).unwrap();
    let expected = outcome.report.estimate.as_ref().unwrap();
    assert!(expected.method.contains("by people, on the 600 rows") && expected.accuracy.unwrap().value < 0.99, "{expected:?}");
    let fit = fit(&outcome);
    assert!(fit.point[0].guarantee.as_ref().unwrap().statement.contains("Quality is what people say"), "{:?}", fit.point[0]);
    let look = |rows: &[One]| {
        let fresh = table(rows, Some("J"));
        evaluate(&Held::unseen(View::all(&fresh), &outcome.seen).unwrap(), &fit, None, 0).unwrap()
    };
    for row in &mut rows {
        row.id += 10_000;
        row.human = row.id.is_multiple_of(4).then_some([row.id.is_multiple_of(5), true]);
    }
    let told = look(&rows);
    assert!(told.loss_vs_last.value.abs() < 1e-12, "the judge sees no loss");
    assert!(!told.promise.unwrap().met);
    for row in &mut rows {
        row.human = None;
    }
    let told = look(&rows);
    assert!(told.promise.is_none() && told.warnings.iter().any(|warning| warning.contains("graded none of these rows")));
}

#[test]
fn a_promise_about_a_judge_is_not_looked_at_by_people() {
    let mut rows = plain(1200);
    for row in &mut rows {
        row.right = [true, true];
    }
    let outcome = calibrate(&table(&rows, Some("J")), 0, &one_signal(0.05), |_| {}).unwrap();
    let fit = fit(&outcome);
    assert_eq!(fit.point[0].guarantee.as_ref().unwrap().judge.as_deref(), Some("J"));
    for row in &mut rows {
        row.id += 10_000;
    }
    let look = |table: &Observations| evaluate(&Held::unseen(View::all(table), &outcome.seen).unwrap(), &fit, None, 0).unwrap();
    assert!(look(&table(&rows, Some("J"))).promise.unwrap().met);
    for row in &mut rows {
        row.human = Some([row.id.is_multiple_of(2), true]);
    }
    let judged = table(&rows, Some("J"));
    let told = look(&judged);
    assert!(told.promise.is_none() && told.warnings.iter().any(|warning| warning.contains("graded by others")), "{told:?}");
}

#[test]
fn a_last_tier_alone_is_promised_however_scores_were_made() {
    let mut rows = plain(600);
    for row in &mut rows {
        // The cheap tier is always wrong, so nothing that asks it can be certified; the deferral of all can.
        row.right = [false, true];
    }
    let mut asked = one_signal(0.02);
    asked.signals = vec![SignalChoice::Fuse(vec!["x".into(), "y".into()])];
    let told = report(&rows, &asked);
    assert_eq!(told.chain, ["dear"]);
    assert_ne!(told.status, Status::Uncertified, "{}", told.why);
}

#[test]
fn a_judge_is_not_asked_where_people_graded_every_row() {
    let mut rows = plain(800);
    let by_people = report(&rows, &one_signal(0.06));
    for row in &mut rows {
        row.human = Some(row.right);
        row.right = [true, true];
    }
    let judged = table(&rows, Some("J"));
    assert!(judged.tiers().all(|tier| tier.judge.is_none()));
    assert_eq!(calibrate(&judged, 0, &one_signal(0.06), |_| {}).unwrap().report, by_people);
    rows[7].human = None;
    let judged = table(&rows, Some("J"));
    assert!(judged.tiers().all(|tier| tier.judge.is_some()));
}

#[test]
fn a_limit_that_nothing_keeps_says_what_is_attainable() {
    let mut asked = one_signal(0.05);
    asked.target = Target::MaxCost(Money::from_pico(100));
    let told = report(&plain(300), &asked);
    // The cheap tier alone costs twice a thousand pico-dollars on average.
    assert_eq!((told.status, &told.chain[..]), (Status::Uncertified, &["cheap".to_owned()][..]));
    assert!(told.attainable.is_some_and(|cost| (cost - 2e-9).abs() < 1e-11), "{:?}", told.attainable);
    asked.target = Target::MaxCost(Money::from_pico(5_000));
    assert_eq!(report(&plain(300), &asked).attainable, None);
}

#[test]
fn coverage_is_of_the_tiers_that_the_chain_names() {
    let mut rows = plain(3000);
    for row in &mut rows {
        row.segment = Some(["a", "b", "c"][row.id % 3]);
    }
    for by in [BySegment::Each, BySegment::Overall] {
        let told = report(&rows, &tierfall_calibrate::ask::Ask { by_segment: Some(by), ..one_signal(0.05) });
        assert_eq!(told.estimate.unwrap().coverage.len() + 1, told.chain.len());
    }
}

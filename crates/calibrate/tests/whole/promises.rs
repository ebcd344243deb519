//! What is promised of rows that are no plain sample of requests, in every word of it.

use tierfall_calibrate::advise::advise;
use tierfall_calibrate::ask::{Ask, BySegment, SignalChoice, Target};
use tierfall_calibrate::certify::{Input, Labels, certify};
use tierfall_calibrate::evaluate::{Cuts, evaluate, evaluate_policy};
use tierfall_calibrate::observations::{Builder, Cell, Condition, Observations, Row, TierSpec};
use tierfall_calibrate::planner::with_pilot;
use tierfall_calibrate::procedure::{FitError, calibrate, runnable};
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::report::PromisedPart;
use tierfall_calibrate::table::Table;
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::{Guarantee, Status};
use tierfall_core::fusion::GateValue;
use tierfall_core::number::Score;

use crate::rows::{One, one_signal, plain, report, table};

/// Rows of which about `heavy` stand for ten requests.
fn weighted(n: usize) -> Vec<One> {
    let mut rows = plain(n);
    for row in &mut rows {
        row.weight = Some(if row.id.is_multiple_of(5) { 10.0 } else { 1.0 });
    }
    rows
}

#[test]
fn rows_of_one_item_that_were_sampled_with_unequal_chances_promise_nothing() {
    let mut rows = weighted(600);
    for row in &mut rows {
        row.group = Some(format!("g{}", row.id / 10));
    }
    let (asked, mut all) = (one_signal(0.05), table(&rows, None));
    all.declare_heaviest(10.0).unwrap();
    let refused = FitError::WeightedRepeats { rows: 600, items: 60 };
    assert_eq!(runnable(&all, &asked), Err(refused.clone()));
    assert_eq!(calibrate(&all, 0, &asked, |_| {}).map(|_| ()), Err(refused));
    // Without a promise they may be looked at, and alone neither is a reason.
    let mut unpromised = asked.clone();
    unpromised.delta = None;
    assert_eq!(runnable(&all, &unpromised), Ok(()));
    for row in &mut rows {
        row.group = Some(format!("g{}", row.id));
    }
    assert_eq!(runnable(&table(&rows, None), &asked), Ok(()));
}

#[test]
fn weights_without_a_declared_greatest_one_certify_nothing() {
    let (mut all, asked) = (table(&weighted(3000), None), one_signal(0.05));
    let undeclared = calibrate(&all, 0, &asked, |_| {}).unwrap().report;
    assert_eq!((undeclared.status, &undeclared.guarantee), (Status::Inconclusive, &None));
    assert!(undeclared.why.contains("The heaviest of these weighs 10") && undeclared.why.contains("--heaviest-weight"));
    all.declare_heaviest(10.0).unwrap();
    let declared = calibrate(&all, 0, &asked, |_| {}).unwrap().report;
    assert_eq!((declared.status, undeclared.chain), (Status::Certified, vec!["dear".to_owned()]));
    assert!(declared.guarantee.unwrap().statement.contains("nowhere below 0.1."));
    assert!(all.declare_heaviest(9.0).is_err());
}

#[test]
fn a_promise_of_questions_does_not_speak_of_requests() {
    // Hard questions are asked ten times; of those the cheap tier knows little, however sure it is.
    let mut rows = plain(3000);
    let mut asked_often = Vec::new();
    for row in &mut rows {
        row.group = Some(format!("q{}", row.id));
        if row.id.is_multiple_of(25) {
            row.right = [false, true];
            asked_often.extend((1..10).map(|nth| One { id: row.id + nth * 100_000, ..row.clone() }));
        }
    }
    rows.extend(asked_often);
    let told = report(&rows, &one_signal(0.07));
    assert_eq!((told.status, told.n, told.n_items), (Status::Certified, 4080, 3000));
    let statement = told.guarantee.unwrap().statement;
    let begins = "If future questions are drawn from the same distribution as the 3000 different ones among the fixtures, each \
                  counted once however often it is asked, and quality labels are correct";
    assert!(statement.starts_with(begins), "{statement}");
    let warned = told.warnings.iter().find(|warning| warning.contains("what is asked often loses more"));
    assert!(warned.is_some(), "{:?}", told.warnings);
    // Without a promise there is none that it could be about.
    let unpromised = report(&rows, &Ask { delta: None, ..one_signal(0.07) });
    assert!(!unpromised.warnings.iter().any(|warning| warning.contains("which is what the promise is about")));
    // Where repeats lose as much as the others, nothing is to be said.
    for row in &mut rows {
        row.right = [row.id % 100_000 % 40 != 3, true];
    }
    assert!(!report(&rows, &one_signal(0.07)).warnings.iter().any(|warning| warning.contains("what is asked often")));
}

#[test]
fn what_is_pooled_is_promised_together_and_nothing_of_its_parts() {
    let mut rows = plain(3000);
    for row in &mut rows {
        row.segment = Some(match row.id % 50 {
            0 => "c",
            1 => "d",
            2 => "e",
            3..26 => "a",
            _ => "b",
        });
    }
    let mut asked = one_signal(0.05);
    asked.by_segment = Some(BySegment::Each);
    let told = report(&rows, &asked);
    let statement = told.guarantee.unwrap().statement;
    let scope = " in each of these segments by itself: \"a\" and \"b\"; and in the rest taken together (\"c\", \"d\" and \"e\"), of no \
                 part of which it says anything by itself.";
    assert!(statement.contains(scope) && !statement.contains("every segment"), "{statement}");
    let rest = told.segments.iter().find(|segment| segment.segment == "rest").unwrap();
    assert_eq!(rest.pooled, ["c", "d", "e"]);
    let pooled = "\"c\", \"d\" and \"e\" are pooled as `rest`, and nothing is promised of any of them by itself";
    assert!(told.warnings.iter().any(|warning| warning.contains(pooled)), "{:?}", told.warnings);
    // A segment's policy can be made from what is told.
    assert!(told.segments.iter().all(|segment| segment.ties.len() == segment.raw_thresholds.len()));
    for row in &mut rows {
        row.segment = Some(["a", "b"][row.id % 2]);
    }
    assert!(report(&rows, &asked).guarantee.unwrap().statement.contains(" in every segment by itself."));
}

#[test]
fn whose_grades_a_promise_is_about_is_said_where_people_are_too_few() {
    let mut rows = plain(2400);
    for row in &mut rows {
        row.human = row.id.is_multiple_of(3).then_some(row.right);
        row.segment = Some(if row.id.is_multiple_of(8) { "b" } else { "a" });
    }
    let mut asked = one_signal(0.2);
    let people = calibrate(&table(&rows, Some("J")), 0, &asked, |_| {}).unwrap().report;
    assert!(people.guarantee.unwrap().statement.contains("Quality is what people say"));
    let of_people = |warning: &&String| warning.contains("the promise is about what people say");
    assert_eq!(people.warnings.iter().filter(of_people).count(), 2, "{:?}", people.warnings);
    assert!(!people.warnings.iter().any(|warning| warning.contains("right means right to it")));
    // Of `b` they graded 100, which is too few.
    asked.by_segment = Some(BySegment::Each);
    let judge = calibrate(&table(&rows, Some("J")), 0, &asked, |_| {}).unwrap().report;
    assert_eq!(judge.guarantee.as_ref().unwrap().judge.as_deref(), Some("J"));
    assert!(judge.warnings.iter().any(|warning| warning.contains("but fewer than 200 of some part")), "{:?}", judge.warnings);
    assert!(!judge.warnings.iter().any(|warning| of_people(&warning)));
}

#[test]
fn a_limit_on_cost_promises_nothing_and_asks_for_nothing() {
    let mut rows = weighted(200);
    for row in &mut rows {
        row.group = Some(format!("g{}", row.id / 2));
    }
    let mut asked = one_signal(0.05);
    asked.target = Target::MaxCost(tierfall_core::money::Money::from_pico(5_000));
    assert_eq!(runnable(&table(&rows, None), &asked), Ok(()));
}

/// The parts of what is certified of a table without the procedure.
fn bare(observations: &Observations) -> (Status, Option<Guarantee>) {
    let view = View::all(observations).one_per_item();
    let gate = GateValue::Signal { signal: "x".into(), negated: false };
    let input = Input { certify: Table::new(&view, &[gate]).unwrap(), tune: None, segments: None, labels: Labels::Human };
    let point = certify(&input, &one_signal(0.05)).unwrap().points.remove(0);
    (point.status, point.guarantee)
}

#[test]
fn whoever_certifies_weighted_rows_needs_the_greatest_weight_and_one_row_an_item() {
    let mut rows = weighted(3000);
    let mut all = table(&rows, None);
    assert_eq!(bare(&all), (Status::Inconclusive, None));
    all.declare_heaviest(10.0).unwrap();
    assert_eq!(bare(&all).0, Status::Certified);
    for row in &mut rows {
        row.group = Some(format!("g{}", row.id / 2));
    }
    let mut all = table(&rows, None);
    all.declare_heaviest(10.0).unwrap();
    assert_eq!(bare(&all), (Status::Inconclusive, None));
}

#[test]
fn a_fused_gate_lacks_something_where_it_lacks_one_signal() {
    let mut rows = plain(3000);
    for row in rows.iter_mut().filter(|row| !row.right[0] && !row.id.is_multiple_of(20)) {
        row.scores[1] = f64::NAN;
    }
    let lost = rows.iter().filter(|row| row.scores[1].is_nan()).count();
    let mut asked = one_signal(0.05);
    asked.signals = vec![SignalChoice::Fuse(vec!["x".into(), "y".into()])];
    let told = report(&rows, &asked).guarantee.unwrap();
    assert_eq!(told.conditions.len(), 1, "{told:?}");
    assert!(told.conditions[0].starts_with("The gate of \"cheap\" lacks something that it reads in "), "{told:?}");
    assert!(told.statement.contains(&told.conditions[0]) && told.under() == " under a condition that the fit states");
    // Rows that certify are a part of all.
    let named: usize = told.conditions[0].split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!(named > lost / 3 && named <= lost, "{named} of {lost}");
    assert!(report(&plain(3000), &asked).guarantee.unwrap().conditions.is_empty());
}

#[test]
fn requests_without_a_segment_are_named_in_the_rest_and_are_a_condition() {
    let mut rows = plain(3000);
    for row in &mut rows {
        row.segment = match row.id % 100 {
            0..66 => Some("a"),
            66 => Some("c"),
            _ => None,
        };
    }
    let mut asked = one_signal(0.05);
    asked.by_segment = Some(BySegment::Each);
    let told = report(&rows, &asked).guarantee.unwrap();
    let scope = "in the rest taken together (\"c\", and 990 of its 1020 fixtures without a segment), of no part of which";
    assert!(told.statement.contains(scope), "{}", told.statement);
    assert_eq!(
        told.conditions,
        ["It supposes that the 990 fixtures that name no segment are of requests that have none at run time."]
    );
}

#[test]
fn the_conditions_of_a_table_are_those_of_whatever_is_said_of_it() {
    let mut all = table(&plain(3000), None);
    all.set_conditions([Condition::BadAtRandom { rows: 3 }]);
    let supposed = [Condition::BadAtRandom { rows: 3 }.to_string()];
    let told = calibrate(&all, 3, &one_signal(0.05), |_| {}).unwrap();
    let promise = told.points[0].guarantee.clone().unwrap();
    assert_eq!((promise.conditions.as_slice(), promise.statement.contains(&supposed[0])), (supposed.as_slice(), true));
    let held = Held::overlapping(View::all(&all), &told.seen).0;
    let cuts = Cuts::from(&told.points[0]);
    assert_eq!(evaluate_policy(&held, &told.tiers, &cuts, 3).unwrap().conditions, supposed);
    let advice = advise(&all, 3, &one_signal(0.05).signals, 0).unwrap().advice;
    assert!(advice.last().unwrap().contains(&supposed[0]), "{advice:?}");
    // What holds of any rows has none.
    let mut nothing = one_signal(0.000_001);
    nothing.max_depth = 1;
    assert!(calibrate(&all, 3, &nothing, |_| {}).unwrap().report.guarantee.is_none_or(|own| own.conditions.is_empty()));
}

#[test]
fn what_is_unknown_of_costs_is_said_whatever_grades_are_missing() {
    let mut table = Builder::new(
        ["cheap", "dear"].map(|name| TierSpec { name: name.into(), signals: vec!["x".into()], judge: None }).to_vec(),
        "salt",
    );
    for at in 0..300 {
        let scores = [Score::new(f64::from(at))];
        let cell = |quality| Cell { quality, as_last: quality.is_none(), ..Cell::graded(Quality::RIGHT, &scores) };
        let quality = (at % 3 > 0).then_some(Quality::RIGHT);
        let id = at.to_string();
        let tiers = [cell(quality), cell(quality)];
        table.push(&Row { id: &id, segment: None, stratum: None, group: None, weight: None, tiers: &tiers }).unwrap();
    }
    let all = table.finish();
    let told = calibrate(&all, 0, &one_signal(0.001), |_| {}).unwrap().report;
    let says = |what: &str| told.warnings.iter().any(|warning| warning.contains(what));
    assert!(says("the cost of cheap and dear is not known"), "{:?}", told.warnings);
    // All of them are the last tier's: they lose nothing, and need no grade for that.
    assert_eq!((told.assumed, told.status), (0, Status::Inconclusive));
    assert!(says("All of them are the last tier's answers") && !says("the promise holds"), "{:?}", told.warnings);
    let estimate = told.estimate.unwrap();
    assert!(estimate.loss_vs_last.is_some() && estimate.accuracy.is_none());
    assert!(with_pilot(&all, &[vec![GateValue::Signal { signal: "x".into(), negated: false }]], &[0.05], &[], 0.1).is_ok());
    let accuracy = Ask { target: Target::Accuracy(0.9), ..one_signal(0.0) };
    let told = calibrate(&all, 0, &accuracy, |_| {}).unwrap().report;
    assert_eq!((told.assumed, told.guarantee.is_none()), (100, true));
    assert!(told.warnings.iter().all(|warning| !warning.contains("the promise holds")), "{:?}", told.warnings);
}

#[test]
fn each_segments_promise_is_looked_at_by_itself_and_the_pooled_ones_together() {
    let mut rows = plain(3000);
    for row in &mut rows {
        row.segment = Some(match row.id % 50 {
            0 => "c",
            1 => "d",
            2..26 => "a",
            _ => "b",
        });
    }
    let mut asked = one_signal(0.05);
    asked.by_segment = Some(BySegment::Each);
    let outcome = calibrate(&table(&rows, None), 0, &asked, |_| {}).unwrap();
    let fit = crate::procedure::fit(&outcome);
    let fresh = |worse_in: &str| {
        let mut fresh = rows.clone();
        for row in &mut fresh {
            row.id += 1_000_000;
            row.right[0] &= row.segment != Some(worse_in) || !row.id.is_multiple_of(3);
        }
        table(&fresh, None)
    };
    let told = |worse_in: &str| {
        let rows = fresh(worse_in);
        let held = Held::unseen(View::all(&rows), &outcome.seen).unwrap();
        evaluate(&held, &fit, None, 0).unwrap().promise.unwrap()
    };
    let names = |parts: &[PromisedPart]| parts.iter().map(|part| part.segment.clone()).collect::<Vec<_>>();
    let kept = told("nowhere");
    assert!(kept.met && !kept.is_broken() && kept.parts.iter().all(|part| part.met), "{kept:?}");
    let listed: Vec<_> = fit.point[0].segments.keys().cloned().map(Some).collect();
    assert_eq!(names(&kept.parts), [vec![None], listed].concat(), "what is not listed is one part");
    let broken = told("b");
    let against: Vec<_> = broken.parts.iter().filter(|part| part.p_broken < 0.05).map(|part| part.segment.as_deref()).collect();
    assert_eq!((broken.is_broken(), against), (true, vec![Some("b")]));
    // Where all are promised together there are no parts.
    let outcome = calibrate(&table(&rows, None), 0, &one_signal(0.05), |_| {}).unwrap();
    let rows = fresh("nowhere");
    let held = Held::unseen(View::all(&rows), &outcome.seen).unwrap();
    assert!(evaluate(&held, &crate::procedure::fit(&outcome), None, 0).unwrap().promise.unwrap().parts.is_empty());
}

//! What is promised of rows that are no plain sample of requests, in every word of it.

use tierfall_calibrate::ask::{BySegment, Target};
use tierfall_calibrate::fit::Status;
use tierfall_calibrate::procedure::{FitError, calibrate, runnable};

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
    assert_eq!((undeclared.status, &undeclared.guarantee), (Status::Uncertified, &None));
    assert!(undeclared.why.contains("The heaviest of these weighs 10") && undeclared.why.contains("--heaviest-weight"));
    all.declare_heaviest(10.0).unwrap();
    let declared = calibrate(&all, 0, &asked, |_| {}).unwrap().report;
    assert_eq!((declared.status, declared.raw_thresholds), (Status::Certified, undeclared.raw_thresholds));
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
    let scope = " in each of these segments by itself: \"a\", \"b\"; and in the rest taken together (\"c\", \"d\", \"e\"), of no \
                 part of which it says anything by itself.";
    assert!(statement.contains(scope) && !statement.contains("every segment"), "{statement}");
    let rest = told.segments.iter().find(|segment| segment.segment == "rest").unwrap();
    assert_eq!(rest.pooled, ["c", "d", "e"]);
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

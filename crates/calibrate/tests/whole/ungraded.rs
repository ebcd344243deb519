//! Answers without a grade: none is left out, none is made up, and nothing is said that would rest on them.

use tierfall_calibrate::advise::advise;
use tierfall_calibrate::ask::{SignalChoice, Target};
use tierfall_calibrate::evaluate::{EvaluateError, evaluate};
use tierfall_calibrate::observations::{Builder, Cell, Observations, Row, TierSpec};
use tierfall_calibrate::planner::with_pilot;
use tierfall_calibrate::procedure::{FitError, calibrate, runnable};
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::Status;
use tierfall_core::fusion::GateValue;
use tierfall_core::money::Money;
use tierfall_core::number::Score;

use crate::population::named;
use crate::procedure::fit;
use crate::rows::{One, one_signal, plain};

/// The rows with the grades that `graded` leaves; answers that are worth the same are the same.
fn table(rows: &[One], graded: impl Fn(&One, usize) -> bool) -> Observations {
    let spec = |name: &str| TierSpec { name: name.into(), signals: vec!["x".into(), "y".into()], judge: None };
    let mut table = Builder::new(vec![spec("cheap"), spec("dear")], "salt");
    for row in rows {
        let scores = row.scores.map(Score::new);
        let same = row.right[0] == row.right[1];
        let cells = [0, 1].map(|tier| {
            let quality = if row.right[tier] { Quality::RIGHT } else { Quality::WRONG };
            Cell {
                quality: Some(quality).filter(|_| graded(row, tier)),
                as_last: same && tier == 0,
                cost: Some(Money::from_pico([1_000, 10_000][tier])),
                ..Cell::graded(quality, &scores)
            }
        });
        let id = row.id.to_string();
        table.push(&Row { id: &id, segment: None, stratum: None, group: None, weight: None, tiers: &cells }).unwrap();
    }
    table.finish()
}

#[test]
fn equal_answers_lose_nothing_whatever_they_are_worth() {
    let (rows, asked) = (plain(1500), one_signal(0.06));
    let all = calibrate(&table(&rows, |_, _| true), 0, &asked, |_| {}).unwrap();
    // Nobody looked at answers that are the same, and of the others only the dear one's grade or the cheap one's would not do.
    let some = calibrate(&table(&rows, |row, _| row.right[0] != row.right[1]), 0, &asked, |_| {}).unwrap();
    let (all, some) = (all.report, some.report);
    assert_eq!(all.status, Status::Certified);
    assert_eq!(
        (some.status, &some.why, &some.chain, &some.raw_thresholds, &some.ties, &some.guarantee),
        (all.status, &all.why, &all.chain, &all.raw_thresholds, &all.ties, &all.guarantee)
    );
    // What no grade is needed for is as before, and what one is needed for is not said.
    let (full, part) = (all.estimate.unwrap(), some.estimate.unwrap());
    assert_eq!((part.cost_usd, part.cost_ratio, &part.coverage), (full.cost_usd, full.cost_ratio, &full.coverage));
    // Equal answers have no difference, whatever they are worth; the interval is one that asks for no more.
    let (known, loss) = (full.loss_vs_last.unwrap(), part.loss_vs_last.unwrap());
    assert_eq!((part.accuracy, loss.value.to_bits()), (None, known.value.to_bits()));
    assert!((loss.low - known.low).abs() < 0.002 && (loss.high - known.high).abs() < 0.002, "{loss:?} {known:?}");
    assert!(some.baselines.is_empty() && some.frontier.is_empty() && some.tiers.is_empty() && some.signal_table.is_empty());
    assert_eq!(some.thresholds, [None]);
    let equal = rows.iter().filter(|row| row.right[0] == row.right[1]).count();
    let said =
        format!("answers without a grade: {equal} of cheap ({equal} of them the same as the last tier's), {equal} of dear");
    assert!(some.warnings[0].starts_with(&said), "{:?}", some.warnings);
}

#[test]
fn an_answer_without_a_grade_counts_as_lost() {
    let rows = plain(1500);
    let asked = one_signal(0.06);
    // The cheap tier's wrong answers are those that nobody graded: left out, all would be well.
    let hidden = |row: &One, tier: usize| tier == 1 || row.right[0] || row.right[0] == row.right[1];
    let known = calibrate(&table(&rows, |_, _| true), 0, &asked, |_| {}).unwrap().report;
    let unknown = calibrate(&table(&rows, hidden), 0, &asked, |_| {}).unwrap().report;
    assert_eq!((unknown.raw_thresholds, unknown.guarantee), (known.raw_thresholds, known.guarantee));
    // An accuracy counts every one of them as wrong, and then nothing can be called out of reach.
    let ask = |accuracy| tierfall_calibrate::ask::Ask { target: Target::Accuracy(accuracy), ..asked.clone() };
    let half = |row: &One, _: usize| row.id.is_multiple_of(2);
    let told = calibrate(&table(&rows, half), 0, &ask(0.9), |_| {}).unwrap().report;
    assert_eq!((told.status, told.needed_n, told.attainable), (Status::Inconclusive, None, None));
    assert!(told.why.contains("750 of all rows have an answer without a grade") && told.why.contains("grade those first"));
    assert_eq!(calibrate(&table(&rows, |_, _| true), 0, &ask(0.99), |_| {}).unwrap().report.status, Status::Infeasible);
}

#[test]
fn what_needs_every_grade_says_so() {
    let rows = plain(300);
    let asked = one_signal(0.06);
    let some = table(&rows, |row, tier| tier == 1 || row.id != 7);
    let ungraded = some.all_graded().unwrap_err();
    assert_eq!((&*ungraded.tier, ungraded.answers), ("cheap", 1));
    let mut unpromised = asked.clone();
    unpromised.delta = None;
    assert_eq!(runnable(&some, &unpromised), Err(FitError::Ungraded(ungraded.clone())));
    let mut chosen = asked.clone();
    chosen.signals = vec![SignalChoice::Auto];
    assert_eq!(runnable(&some, &chosen), Err(FitError::UngradedChoice(ungraded.clone())));
    assert_eq!(runnable(&some, &asked), Ok(()));
    assert_eq!(advise(&some, 0, &[named("x")], 0).map(|_| ()), Err(FitError::Ungraded(ungraded.clone())));
    let gate = GateValue::Signal { signal: "x".into(), negated: false };
    assert!(with_pilot(&some, &[vec![gate]], &[0.05], &[], 0.1).is_err());
    let made = fit(&calibrate(&some, 0, &asked, |_| {}).unwrap());
    assert!(made.tier.iter().all(|tier| tier.map.is_none()), "a map would show grades that nobody gave");
    let held = Held::overlapping(View::all(&some), &made.provenance.seen).0;
    assert_eq!(evaluate(&held, &made, None, 0).map(|_| ()), Err(EvaluateError::Ungraded(ungraded)));
}

//! Whose grades are compared, and when people's correct a judge's.

use tierfall_calibrate::ask::Ask;
use tierfall_calibrate::observations::{Builder, Cell, Observations, Row, TierSpec};
use tierfall_calibrate::procedure::{FitError, calibrate, runnable};
use tierfall_calibrate::quality::Quality;
use tierfall_core::number::Score;

use crate::rows::{One, one_signal, plain};

/// Rows of two tiers of which a judge may have graded each.
fn table(rows: &[One], judges: [Option<&str>; 2], cell: impl Fn(&One, usize) -> Cell<'static>) -> Observations {
    let spec = |(name, judge): (&str, Option<&str>)| TierSpec {
        name: name.into(),
        signals: vec!["x".into(), "y".into()],
        judge: judge.map(Into::into),
    };
    let mut table = Builder::new([("cheap", judges[0]), ("dear", judges[1])].map(spec).to_vec(), "salt");
    for row in rows {
        let scores = row.scores.map(Score::new);
        let cells = [0, 1].map(|tier| Cell { scores: &scores, ..cell(row, tier) });
        let id = row.id.to_string();
        table.push(&Row { id: &id, segment: None, stratum: None, group: None, weight: None, tiers: &cells }).unwrap();
    }
    table.finish()
}

fn grade(right: bool) -> Quality {
    if right { Quality::RIGHT } else { Quality::WRONG }
}

fn graded(row: &One, tier: usize) -> Cell<'static> {
    Cell::graded(grade(row.right[tier]), &[])
}

#[test]
fn tiers_that_different_graders_graded_are_not_compared() {
    let rows = plain(600);
    let mixed = |judges| runnable(&table(&rows, judges, graded), &one_signal(0.1));
    for judges in [[Some("J"), None], [None, Some("J")], [Some("J"), Some("K")]] {
        let Err(FitError::MixedGraders(why)) = mixed(judges) else { panic!("{judges:?}") };
        assert!(why.to_string().contains("what one calls right is not what the other does"), "{why}");
    }
    assert_eq!(mixed([Some("J"), Some("J")]), Ok(()));
    // Beside one who is always right there is nothing to compare, and people bridge the two.
    let beside = |row: &One, tier: usize| Cell { human: (tier == 0).then(|| grade(row.right[0])), ..graded(row, tier) };
    let mut person = Builder::new(
        vec![
            TierSpec { name: "cheap".into(), signals: vec!["x".into()], judge: Some("J".into()) },
            TierSpec { name: "person".into(), signals: Vec::new(), judge: None },
        ],
        "salt",
    );
    person.set_always_right(1);
    let cells = [Cell::graded(Quality::RIGHT, &[None]), Cell::graded(Quality::RIGHT, &[])];
    person.push(&Row { id: "1", segment: None, stratum: None, group: None, weight: None, tiers: &cells }).unwrap();
    assert_eq!(person.finish().one_grader(), Ok(()));
    let some = |row: &One, tier: usize| if row.id.is_multiple_of(2) { beside(row, tier) } else { graded(row, tier) };
    let bridged = table(&rows, [Some("J"), None], some);
    assert_eq!(runnable(&bridged, &one_signal(0.1)), Ok(()));
    assert!(runnable(&bridged, &Ask { people_at_random: false, ..one_signal(0.1) }).is_err());
}

#[test]
fn people_correct_a_judge_where_that_is_declared() {
    let rows = plain(2000);
    let both =
        |row: &One, tier: usize| Cell { human: row.id.is_multiple_of(3).then(|| grade(row.right[tier])), ..graded(row, tier) };
    let table = table(&rows, [Some("J"), Some("J")], both);
    let told = |people_at_random| calibrate(&table, 0, &Ask { people_at_random, ..one_signal(0.2) }, |_| {}).unwrap().report;
    let (declared, silent) = (told(true), told(false));
    assert!(declared.guarantee.unwrap().statement.contains("It supposes that people graded a random part of all."));
    let relative = silent.guarantee.unwrap();
    assert_eq!(relative.judge.as_deref(), Some("J"));
    assert!(silent.warnings.iter().any(|warning| warning.contains("--people at-random")), "{:?}", silent.warnings);
}

#[test]
fn people_in_the_judges_place_correct_nothing() {
    // The judge is right about everything it graded, and the cheap tier is wrong as often as people say.
    let rows = plain(2000);
    let either = |row: &One, tier: usize| {
        let right = grade(row.right[tier]);
        let people = row.id.is_multiple_of(3);
        Cell { quality: Some(right).filter(|_| !people), human: Some(right).filter(|_| people), ..graded(row, tier) }
    };
    let report = calibrate(&table(&rows, [Some("J"), Some("J")], either), 0, &one_signal(0.1), |_| {}).unwrap().report;
    assert!(
        report.guarantee.is_none_or(|guarantee| guarantee.judge.as_deref() == Some("J")),
        "a third counts as lost wherever it is accepted"
    );
    let why = "people's grades do not correct the judge's: 1334 answers that people graded have no grade of the judge's";
    assert!(report.warnings.iter().any(|warning| warning.starts_with(why)), "{:?}", report.warnings);
}

#[test]
fn what_a_tier_does_not_answer_is_wrong_to_people_too_where_they_graded_the_row() {
    let rows = plain(6);
    let cell = |row: &One, tier: usize| {
        let unanswered = tier == 0 && row.id.is_multiple_of(2);
        let human = (row.id < 4 && !unanswered).then_some(Quality::RIGHT);
        Cell { unanswered, human, ..Cell::graded(grade(!unanswered), &[]) }
    };
    let table = table(&rows, [Some("J"), Some("J")], cell);
    let human: Vec<_> = (0..6).map(|row| table.human(0, row).map(Quality::get)).collect();
    assert_eq!(human, [Some(0.0), Some(1.0), Some(0.0), Some(1.0), None, None]);
    assert_eq!(table.by_people(), 4);
}

#[test]
fn equal_answers_share_a_grade_of_one_grader_alone() {
    let rows = plain(4);
    let cell = |_: &One, tier: usize| Cell {
        quality: (tier == 1).then_some(Quality::RIGHT),
        as_last: tier == 0,
        ..Cell::graded(Quality::RIGHT, &[])
    };
    assert_eq!(table(&rows, [Some("J"), Some("J")], cell).ungraded(0), 0);
    assert_eq!(table(&rows, [None, Some("J")], cell).ungraded(0), 4, "what the judge says of it is no person's grade");
}

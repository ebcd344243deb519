//! What is promised where a judge graded, with and without people.

use std::borrow::Cow;

use super::*;
use crate::ask::BySegment;
use crate::policy::Thresholds;
use crate::quality::Quality;

#[test]
fn a_judge_that_misses_errors_is_corrected_by_people() {
    // Judge: every answer of the first tier is right. People: one in three is wrong, whatever the gate says.
    let n = 2000;
    let values: Vec<f64> = (0..n).map(|row| tie(row + n)).collect();
    let right = vec![true; n];
    let orders: Vec<f64> = (0..n).map(tie).collect();
    let table = table(&[&values], &[&right, &right], &orders);
    let graded = |row: usize| row.is_multiple_of(5);
    let people = |wrong: bool| -> Cow<'static, [Option<Quality>]> {
        (0..n)
            .map(|row| graded(row).then_some(if wrong && row.is_multiple_of(3) { Quality::WRONG } else { Quality::RIGHT }))
            .collect()
    };
    let wanted = ask(Target::MaxLoss(0.1), 0.1);
    let alone = Input { labels: Labels::Judge { name: "J".into() }, ..input(table.clone()) };
    let fooled = certify(&alone, &wanted).unwrap().points.remove(0);
    let accepted =
        |point: &PointCertified| if point.policy.cuts().is_empty() { 0 } else { point.policy.tally(&table).accepted[0] };
    assert_eq!(accepted(&fooled), n as u64);
    let labels = Labels::Ppi { judge: "J".into(), human: vec![people(true), people(false)] };
    let found = certify(&Input { labels, ..input(table.clone()) }, &wanted).unwrap().points.remove(0);
    // A third of what is accepted is wrong.
    assert!((1..600).contains(&accepted(&found)), "{}", accepted(&found));
    let guarantee = found.guarantee.unwrap();
    assert!(guarantee.method == "ppi-union" && guarantee.statement.contains("Quality is what people say"));
    let few: Vec<Cow<'_, [Option<Quality>]>> = vec![vec![None; n].into(), vec![None; n].into()];
    let labels = Labels::Ppi { judge: "J".into(), human: few };
    let found = certify(&Input { labels, ..input(table) }, &wanted).unwrap();
    assert!(found.points[0].guarantee.as_ref().unwrap().statement.contains("relative to judge \"J\""));
    assert_eq!(found.warnings.len(), 1);
}

#[test]
fn segments_are_all_promised_by_people_or_all_by_the_judge() {
    let n = 3000;
    let values: Vec<f64> = (0..n).map(|row| tie(row + n)).collect();
    let right = vec![true; n];
    let orders: Vec<f64> = (0..n).map(tie).collect();
    let table = table(&[&values], &[&right, &right], &orders);
    // People graded every fifth row, which are 300 of `a` and of `b`; or none of `b`.
    let of = |row: usize| Some(u32::from(row >= n / 2));
    let segments =
        Segments { names: vec!["a".into(), "b".into()], certify: (0..n).map(of).collect(), tune: Cow::Owned(Vec::new()) };
    for (until, relative) in [(n, false), (n / 2, true)] {
        let human = || (0..n).map(|row| (row < until && row.is_multiple_of(5)).then_some(Quality::RIGHT)).collect();
        let labels = Labels::Ppi { judge: "J".into(), human: vec![human(), human()] };
        let mut wanted = ask(Target::MaxLoss(0.2), 0.1);
        wanted.by_segment = Some(BySegment::Each);
        let one = Input { labels, segments: Some(segments.clone()), ..input(table.clone()) };
        let found = certify(&one, &wanted).unwrap().points.remove(0);
        let all = found.segments.iter().map(|segment| &segment.guarantee).chain([&found.guarantee]).flatten();
        let said: Vec<bool> = all.map(|guarantee| guarantee.statement.contains("relative to judge")).collect();
        assert_eq!(said, [relative; 3]);
    }
}

#[test]
fn what_is_promised_of_people_rests_on_people() {
    // The judge lets every answer pass; to people the first two tiers are wrong in a fifth. Their grades are enough on all rows, and too
    // few on those that a path leaves.
    let n = 600;
    let values: Vec<f64> = (0..n).map(|row| tie(row + n)).collect();
    let right = vec![true; n];
    let orders: Vec<f64> = (0..n).map(tie).collect();
    let table = table(&[&values, &values], &[&right, &right, &right], &orders);
    let people = |wrong: bool| -> Cow<'static, [Option<Quality>]> {
        let grade = |row: usize| if wrong && tie(row + 5 * n) < 0.2 { Quality::WRONG } else { Quality::RIGHT };
        (0..n).map(|row| (tie(row + 7 * n) < 0.42).then(|| grade(row))).collect()
    };
    let labels = Labels::Ppi { judge: "J".into(), human: vec![people(true), people(true), people(false)] };
    let graded = if let Labels::Ppi { human, .. } = &labels { human[0].iter().flatten().count() } else { 0 };
    assert!((220..320).contains(&graded), "{graded}");
    let mut wanted = ask(Target::MaxLoss(0.05), 0.1);
    wanted.max_depth = 2;
    let found = certify(&Input { labels, ..input(table.clone()) }, &wanted).unwrap().points.remove(0);
    assert_ne!(found.policy, Thresholds::always(0), "{:?}", found.guarantee);
    if let Some(guarantee) = found.guarantee {
        assert!(guarantee.statement.contains("Quality is what people say"));
    }
}

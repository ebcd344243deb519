//! What `tierfall grade --agreement` says in a terminal.

use tierfall_calibrate::agreement::Agreement;
use tierfall_calibrate::report::Estimate;

use super::document::{Block, Line, Rows, Table};
use super::text;
use super::words::{UNKNOWN, few, maybe, share_with_range};

/// Who agrees with whom, and who misses what.
pub(crate) fn agreement(report: &Agreement) -> String {
    if report.is_empty() {
        let why = match report.people() {
            0 => "no person has graded these answers; `tierfall grade SET --human` asks one",
            1 => "one person has graded these answers, and nobody and nothing else graded the same ones",
            _ => "no two people have graded the same answers",
        };
        return text::blocks(&[Block::Lines(vec![Line::plain(0, format!("There is nothing to compare: {why}."))])]);
    }
    let read = "Intervals of 95 % in brackets. Kappa and alpha: 1 is full agreement, 0 what chance alone would give.";
    text::blocks(&[
        Block::Table(people(report)),
        Block::Lines(alpha(report).into_iter().collect()),
        Block::Table(others(report)),
        Block::Lines(differing(report)),
        Block::Lines(vec![Line::plain(0, read)]),
    ])
}

fn people(report: &Agreement) -> Table {
    let of = Rows(&report.pairs);
    Table::of(vec![
        of.text("person", |pair| pair.a.clone()),
        of.text("and person", |pair| pair.b.clone()),
        of.number("both graded", |pair| pair.n.to_string()),
        of.number("same grade", |pair| maybe(pair.same.as_ref(), share_with_range)),
        of.number("kappa", |pair| maybe(pair.kappa, coefficient)),
    ])
}

fn alpha(report: &Agreement) -> Option<Line> {
    let alpha = report.alpha.as_ref().filter(|alpha| alpha.people > 2)?;
    let of = format!("of {} people, {} answers and {} grades", alpha.people, alpha.answers, alpha.grades);
    let [nominal, interval] = [alpha.nominal, alpha.interval].map(|alpha| maybe(alpha, coefficient_alone));
    let same = if nominal == interval {
        nominal
    } else {
        format!("{interval}, or {nominal} where half right is as far from right as wrong is")
    };
    Some(Line::plain(0, format!("Krippendorff's alpha {of}: {same}.")))
}

fn others(report: &Agreement) -> Table {
    let share = |share: Option<Estimate>, k: u64, n: u64| match share {
        Some(share) => format!("{k} of {n}, {}", share_with_range(&share)),
        None => UNKNOWN.to_owned(),
    };
    let of = Rows(&report.against_people);
    Table::of(vec![
        of.text("against people", |one| one.rater.clone()),
        of.number("both graded", |one| one.n.to_string()),
        of.number("errors missed", |one| share(one.missed, one.false_positives, one.both_wrong + one.false_positives)),
        of.number("right called wrong", |one| share(one.false_alarms, one.false_negatives, one.both_right + one.false_negatives)),
    ])
}

/// The first examples on which two differ: who looks at them learns what the rubric leaves open.
fn differing(report: &Agreement) -> Vec<Line> {
    let people = report.pairs.iter().map(|pair| (format!("{} and {}", pair.a, pair.b), &pair.differ));
    let others = report.against_people.iter().map(|one| (format!("people and {}", one.rater), &one.differ));
    let differ = people
        .chain(others)
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(who, ids)| Line::plain(0, format!("{who} differ on {}.", few(ids))));
    differ.collect()
}

fn coefficient(known: Estimate) -> String {
    let [value, low, high] = [known.value, known.low, known.high].map(coefficient_alone);
    format!("{value} ({low} to {high})")
}

fn coefficient_alone(value: f64) -> String {
    let text = format!("{value:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { text.replace('-', "−") }
}

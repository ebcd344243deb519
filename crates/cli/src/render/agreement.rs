//! What `tierfall grade --agreement` says in a terminal.

use tierfall_calibrate::report::Estimate;

use super::text::{parts, table, wrapped};
use super::words::{UNKNOWN, share_with_range};
use crate::cmd::grade::{Against, Agreement, Pair};

/// Examples that are named.
const NAMED: usize = 5;

/// Who agrees with whom, and who misses what.
pub(crate) fn agreement(report: &Agreement) -> String {
    if report.pairs.is_empty() && report.against_people.is_empty() {
        let people = report.raters.iter().filter(|rater| rater.kind == "person").count();
        let why = match people {
            0 => "no person has graded these answers; `tierfall grade SET --human` asks one",
            1 => "one person has graded these answers, and nobody and nothing else graded the same ones",
            _ => "no two people have graded the same answers",
        };
        return wrapped(&format!("There is nothing to compare: {why}."), 0);
    }
    parts(&[people(&report.pairs), alpha(report), others(&report.against_people), differing(report), read()])
}

fn people(pairs: &[Pair]) -> String {
    let row = |pair: &Pair| vec![pair.a.clone(), pair.b.clone(), pair.n.to_string(), share(pair.same), coefficient(pair.kappa)];
    table(&["person", "and person", "both graded", "same grade", "kappa"], &[2, 3, 4], pairs.iter().map(row))
}

fn alpha(report: &Agreement) -> String {
    let Some(alpha) = report.alpha.as_ref().filter(|alpha| alpha.people > 2) else { return String::new() };
    let number = |alpha: Option<f64>| alpha.map_or(UNKNOWN.to_owned(), coefficient_alone);
    let of = format!("of {} people, {} answers and {} grades", alpha.people, alpha.answers, alpha.grades);
    let (nominal, interval) = (number(alpha.nominal), number(alpha.interval));
    let same = if nominal == interval {
        nominal
    } else {
        format!("{interval}, or {nominal} where half right is as far from right as wrong is")
    };
    wrapped(&format!("Krippendorff's alpha {of}: {same}."), 0)
}

fn others(all: &[Against]) -> String {
    let of = |share: Option<Estimate>, k: u64, n: u64| match share {
        Some(share) => format!("{k} of {n}, {}", share_with_range(&share)),
        None => UNKNOWN.to_owned(),
    };
    let row = |one: &Against| {
        let (wrong, right) = (one.both_wrong + one.false_positives, one.both_right + one.false_negatives);
        vec![
            one.rater.clone(),
            one.n.to_string(),
            of(one.missed, one.false_positives, wrong),
            of(one.false_alarms, one.false_negatives, right),
        ]
    };
    table(&["against people", "both graded", "errors missed", "right called wrong"], &[1, 2, 3], all.iter().map(row))
}

/// The first examples on which two differ: who looks at them learns what the rubric leaves open.
fn differing(report: &Agreement) -> String {
    let people = report.pairs.iter().map(|pair| (format!("{} and {}", pair.a, pair.b), &pair.differ));
    let others = report.against_people.iter().map(|one| (format!("people and {}", one.rater), &one.differ));
    let mut out = String::new();
    for (who, ids) in people.chain(others).filter(|(_, ids)| !ids.is_empty()) {
        let more = ids.len().saturating_sub(NAMED);
        let named = ids.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        out += &wrapped(&format!("{who} differ on {named}{rest}."), 0);
    }
    out
}

fn read() -> String {
    wrapped("Intervals of 95 % in brackets. Kappa and alpha: 1 is full agreement, 0 what chance alone would give.", 0)
}

fn share(share: Option<Estimate>) -> String {
    share.map_or(UNKNOWN.to_owned(), |share| share_with_range(&share))
}

fn coefficient(known: Option<Estimate>) -> String {
    known.map_or(UNKNOWN.to_owned(), |known| {
        let [value, low, high] = [known.value, known.low, known.high].map(coefficient_alone);
        format!("{value} ({low} to {high})")
    })
}

fn coefficient_alone(value: f64) -> String {
    let text = format!("{value:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { text.replace('-', "−") }
}

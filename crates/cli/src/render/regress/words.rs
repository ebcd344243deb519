//! A check in words and numbers, the same in every form.

use tierfall_calibrate::regress::{Check, Section, Side, Unit, Verdict};

use crate::render::document::{Column, Line, Rows, Table, Tone};
use crate::render::money;
use crate::render::words::{self, UNKNOWN};

/// What a section is about: `cascades/a.cascade.toml on support, split test`.
pub(super) fn title(section: &Section) -> String {
    let live = if section.mode == "live" { ", live" } else { "" };
    format!("{} on {}, split {}{live}", section.cascade, section.fixtures, section.split)
}

pub(super) fn examples(n: u64) -> String {
    words::some(n, "example")
}

/// How a verdict is meant.
pub(super) fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Fail => Tone::Bad,
        Verdict::Inconclusive => Tone::Unsure,
    }
}

/// The head of the smallest regression that would have been found.
pub(super) const MDE: &str = "mde";

/// What is said of limits, or of comparisons with the baseline, but for the verdict.
fn columns(checks: &[&Check]) -> Vec<Column> {
    let of = Rows(checks);
    if checks.iter().any(|check| check.limit.is_some()) {
        return vec![
            of.text("limit", |check| check.name.clone()),
            of.text("segment", |check| segment(check)),
            of.number("now", |check| value(check)),
            of.number("must be", |check| against(check)),
            of.number("95 %", |check| interval(check)).spare(3),
        ];
    }
    vec![
        of.text("vs baseline", |check| compared(check).to_owned()),
        of.text("segment", |check| segment(check)),
        of.number("now", |check| value(check)),
        of.number("was", |check| against(check)).spare(4),
        of.number("95 % of change", |check| interval(check)).spare(2),
        of.number("by chance", |check| check.p.map_or_else(String::new, words::p_value)).spare(5),
        of.number(MDE, |check| mde(check)).spare(1),
    ]
}

/// The checks that are shown, as up to two tables; a column without a word in it is left out.
pub(super) fn tables(section: &Section) -> Vec<Table> {
    let shown = section.checks.iter().filter(|check| !is_quiet(check));
    let (limits, comparisons): (Vec<&Check>, Vec<&Check>) = shown.partition(|check| check.limit.is_some());
    let table = |checks: &Vec<&Check>| {
        let segmented = checks.iter().any(|check| check.segment.is_some());
        let mut columns = columns(checks);
        columns.retain(|column| column.cells.iter().any(|cell| !cell.is_empty()) && (segmented || column.head != "segment"));
        columns.push(Rows(checks).toned("verdict", |check| (tone(check.verdict), check.verdict.as_str().to_owned())));
        Table::of(columns)
    };
    [limits, comparisons].iter().filter(|checks| !checks.is_empty()).map(table).collect()
}

/// A check's numbers with the heads that they have in a table.
pub(super) fn numbers(check: &Check) -> impl Iterator<Item = (String, String)> {
    let numbers = columns(&[check]).into_iter().filter(|column| column.number);
    numbers.map(|column| (column.head, column.cells.concat())).filter(|(_, value)| !value.is_empty())
}

/// A check's name with its segment: `accuracy in billing`.
pub(super) fn name(check: &Check) -> String {
    sided(check, "")
}

fn sided(check: &Check, side: &str) -> String {
    let segment = check.segment.as_ref().map_or_else(String::new, |segment| format!(" in {segment}"));
    format!("{}{side}{segment}", check.name)
}

/// What is compared with the baseline, where the head says that it is: `quality`.
pub(super) fn compared(check: &Check) -> &str {
    check.name.strip_suffix("-vs-baseline").unwrap_or(&check.name)
}

/// The segment, or that there is none.
pub(super) fn segment(check: &Check) -> String {
    check.segment.clone().unwrap_or_else(|| "all".to_owned())
}

/// The same, with the side of its limit: what tells the checks of a section apart.
pub(super) fn full_name(check: &Check) -> String {
    let side = match check.limit.map(|limit| limit.limit_is) {
        Some(Side::AtLeast) => " at least",
        Some(Side::AtMost) => " at most",
        None => "",
    };
    sided(check, side)
}

fn amount(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Share => words::percent(value),
        Unit::Points => words::in_points(value),
        Unit::Usd => money::usd_of(value),
        Unit::Ms => words::milliseconds(value),
    }
}

/// The value now.
fn value(check: &Check) -> String {
    words::maybe(check.value, |value| amount(check.unit, value))
}

/// What it is held against: `≥ 90 %` of a limit, else what it was.
fn against(check: &Check) -> String {
    match (check.limit, check.baseline) {
        (Some(limit), _) => {
            let sign = if limit.limit_is == Side::AtLeast { "≥" } else { "≤" };
            format!("{sign} {}", amount(check.unit, limit.limit))
        }
        (None, Some(was)) => amount(check.unit, was),
        (None, None) => UNKNOWN.to_owned(),
    }
}

/// The interval: of the value under a limit, of the difference under a baseline.
fn interval(check: &Check) -> String {
    let Some([low, high]) = check.interval else { return String::new() };
    let shown = |value: f64| {
        let text = match (check.unit, check.limit) {
            (Unit::Share | Unit::Points, _) => words::points(value),
            (unit, Some(_)) => amount(unit, value),
            (Unit::Usd, None) => words::percent(value),
            (Unit::Ms, None) => format!("{} ms", words::number(value)),
        };
        // A difference has its sign, so that it is not taken for a value.
        let plus = check.limit.is_none() && value > 0.0 && text != "0" && !text.starts_with("0 ");
        if plus { format!("+{text}") } else { text }
    };
    format!("{} to {}", shown(low), shown(high))
}

/// The smallest regression that would have been found, in points where the head says nothing else.
fn mde(check: &Check) -> String {
    let Some(mde) = check.mde else { return String::new() };
    match check.unit {
        Unit::Share | Unit::Points => words::points(mde),
        Unit::Usd => words::percent(mde),
        Unit::Ms => words::milliseconds(mde),
    }
}

/// Whether a check has no row of its own: a segment that is only watched, and does not fail.
pub(super) fn is_quiet(check: &Check) -> bool {
    !check.decides && check.segment.is_some() && check.verdict != Verdict::Fail
}

/// Whether nothing is concluded of all examples, for a reason that is told and not for want of examples: unknown costs, something
/// before it that fails.
pub(super) fn is_undecided(check: &Check) -> bool {
    !check.decides && check.segment.is_none() && check.verdict == Verdict::Inconclusive
}

/// What the tests conclude, a sentence each; of segments only what fails.
pub(in crate::render) fn conclusions(checks: &[Check]) -> Vec<Line> {
    let shown = checks.iter().filter(|check| check.segment.is_none() || check.verdict == Verdict::Fail);
    let line = |check: &Check| {
        let said = format!(" {}: {}", name(check), check.why);
        Line::led(0, tone(check.verdict), tone(check.verdict).mark(), said)
    };
    shown.map(line).collect()
}

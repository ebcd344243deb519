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
    some(n, "example")
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

/// What is said of limits, but for the verdict.
fn limits(of: &Rows<'_, &Check>) -> Vec<Column> {
    vec![
        of.text("limit", |check| check.name.clone()),
        of.text("segment", |check| segment(check)),
        of.number("now", |check| value(check)),
        of.number("must be", |check| against(check)),
        of.number("95 %", |check| interval(check)).spare(3),
    ]
}

/// What is said of comparisons with the baseline, but for the verdict.
fn comparisons(of: &Rows<'_, &Check>) -> Vec<Column> {
    vec![
        of.text("vs baseline", |check| compared(check).to_owned()),
        of.text("segment", |check| segment(check)),
        of.number("now", |check| value(check)),
        of.number("was", |check| against(check)).spare(4),
        of.number("95 % of change", |check| interval(check)).spare(2),
        of.number("p", |check| p(check)).spare(5),
        of.number(MDE, |check| mde(check)).spare(1),
    ]
}

/// The checks that are shown, as up to two tables; a column without a word in it is left out.
pub(super) fn tables(section: &Section) -> Vec<Table> {
    let shown = section.checks.iter().filter(|check| !is_quiet(check));
    let (limited, compared): (Vec<&Check>, Vec<&Check>) = shown.partition(|check| check.limit.is_some());
    let table = |checks: &[&Check], columns: fn(&Rows<'_, &Check>) -> Vec<Column>| {
        let of = Rows(checks);
        let mut columns = columns(&of);
        let segmented = checks.iter().any(|check| check.segment.is_some());
        columns.retain(|column| column.cells.iter().any(|cell| !cell.is_empty()) && (segmented || column.head != "segment"));
        columns.push(of.toned("verdict", |check| (tone(check.verdict), check.verdict.as_str().to_owned())));
        Table { columns, ..Table::default() }
    };
    let both = [(limited, limits as fn(&Rows<'_, &Check>) -> Vec<Column>), (compared, comparisons)];
    both.into_iter().filter(|(checks, _)| !checks.is_empty()).map(|(checks, columns)| table(&checks, columns)).collect()
}

/// A check's numbers with the heads that they have in a table.
pub(super) fn numbers(check: &Check) -> Vec<(String, String)> {
    let one = [check];
    let columns = if check.limit.is_some() { limits(&Rows(&one)) } else { comparisons(&Rows(&one)) };
    let numbers = columns.into_iter().filter(|column| column.number).map(|column| (column.head, column.cells.concat()));
    numbers.filter(|(_, value)| !value.is_empty()).collect()
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

/// `2 checks`.
pub(super) fn some(n: u64, what: &str) -> String {
    format!("{} {what}{}", words::count(n), if n == 1 { "" } else { "s" })
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
pub(super) fn value(check: &Check) -> String {
    words::maybe(check.value, |value| amount(check.unit, value))
}

/// What it is held against: `≥ 90 %` of a limit, else what it was.
pub(super) fn against(check: &Check) -> String {
    match (check.limit, check.baseline) {
        (Some(limit), _) => {
            let sign = if limit.limit_is == Side::AtLeast { "≥" } else { "≤" };
            format!("{sign} {}", amount(check.unit, limit.limit))
        }
        (None, Some(was)) => amount(check.unit, was),
        (None, None) => UNKNOWN.to_owned(),
    }
}

/// A difference with its sign, so that it is not taken for a value.
fn signed(text: String, difference: f64) -> String {
    if difference > 0.0 && text != "0" && !text.starts_with("0 ") { format!("+{text}") } else { text }
}

/// The interval: of the value under a limit, of the difference under a baseline.
pub(super) fn interval(check: &Check) -> String {
    let Some([low, high]) = check.interval else { return String::new() };
    if check.limit.is_some() {
        return match check.unit {
            Unit::Share | Unit::Points => format!("{} to {}", words::points(low), words::points(high)),
            other => format!("{} to {}", amount(other, low), amount(other, high)),
        };
    }
    let shown = |value: f64| match check.unit {
        Unit::Share | Unit::Points => signed(words::points(value), value),
        Unit::Usd => signed(words::percent(value), value),
        Unit::Ms => signed(format!("{} ms", words::number(value)), value),
    };
    format!("{} to {}", shown(low), shown(high))
}

/// The p-value, where something was tested.
pub(super) fn p(check: &Check) -> String {
    check.p.map_or_else(String::new, words::p_value)
}

/// The smallest regression that would have been found, in points where the head says nothing else.
pub(super) fn mde(check: &Check) -> String {
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

//! What `tierfall diff` says of two fits in a terminal.

use tierfall_calibrate::regress::fits::{Comparison, OneFit, SegmentComparison};
use tierfall_calibrate::regress::{Changed, Changes};

use super::regress::{changed_rows, conclusions};
use super::style::{STRONG, paint};
use super::text::{block, parts, table, warnings, wrapped};
use super::words;

/// What is compared, and over which rows.
pub(crate) struct Sides {
    pub(crate) a: String,
    pub(crate) b: String,
    pub(crate) rows: String,
}

pub(crate) fn diff(sides: &Sides, comparison: &Comparison, changed: &[Changed], max_changes: usize) -> String {
    parts(&[
        headline(comparison),
        block("compared", &[format!("A  {}", sides.a), format!("B  {}", sides.b), rows(sides, comparison)]),
        side_by_side(comparison),
        warnings(&comparison.warnings),
        moves(comparison),
        segments(comparison),
        conclusions(&comparison.checks),
        changed_rows(&changes(comparison, changed), max_changes),
    ])
}

fn headline(comparison: &Comparison) -> String {
    let loss = &comparison.loss;
    let quality = if loss.value.abs() < 5e-5 {
        "B is right as often as A".to_owned()
    } else {
        let side = if loss.value > 0.0 { "worse" } else { "better" };
        format!("B is {} {side} than A", words::in_points(loss.value.abs()))
    };
    let cost = match &comparison.cost_ratio {
        Some(ratio) => format!("at {} of its cost", words::rough(ratio.value)),
        None => "at an unknown cost".to_owned(),
    };
    let mut text = paint(STRONG, format!("{quality}, {cost}"));
    text.push('\n');
    let ends = format!("{} to {} of loss", words::points(loss.low), words::in_points(loss.high));
    let cost = comparison
        .cost_ratio
        .as_ref()
        .map_or_else(String::new, |ratio| format!("; {} to {} of the cost", words::rough(ratio.low), words::rough(ratio.high)));
    text + &wrapped(&format!("with 95 % confidence {ends}{cost}"), 2)
}

fn rows(sides: &Sides, comparison: &Comparison) -> String {
    let repeats =
        if comparison.n_items < comparison.n { format!(" of {} items", words::count(comparison.n_items)) } else { String::new() };
    format!("over {} requests{repeats} ({})", words::count(comparison.n), sides.rows)
}

fn side_by_side(comparison: &Comparison) -> String {
    let (a, b) = (&comparison.a, &comparison.b);
    let mut lines = vec![
        vec!["point".to_owned(), a.point.clone(), b.point.clone()],
        vec!["asks".to_owned(), words::chain(&a.chain), words::chain(&b.chain)],
        vec!["right".to_owned(), words::share_with_range(&a.accuracy), words::share_with_range(&b.accuracy)],
        vec!["a query".to_owned(), words::usd(a.cost_usd), words::usd(b.cost_usd)],
        vec!["of always the last".to_owned(), words::maybe(a.cost_ratio, words::rough), words::maybe(b.cost_ratio, words::rough)],
    ];
    for tier in &comparison.tiers {
        let covers = |fit: &OneFit| match fit.chain.iter().position(|name| name == tier) {
            Some(place) => words::maybe(fit.coverage.get(place).copied().flatten(), words::rough),
            None => "not asked".to_owned(),
        };
        lines.push(vec![format!("{tier} answers"), covers(a), covers(b)]);
    }
    table(&["", "A", "B"], &[], lines)
}

fn moves(comparison: &Comparison) -> String {
    let mut moves: Vec<(u64, String)> = Vec::new();
    for (from, row) in comparison.moves.iter().enumerate() {
        for (to, n) in row.iter().enumerate().filter(|(to, n)| *to != from && **n > 0) {
            moves.push((*n, format!("{} {} → {}", words::count(*n), comparison.tiers[from], comparison.tiers[to])));
        }
    }
    moves.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
    let said: Vec<String> = moves.into_iter().map(|(_, said)| said).collect();
    let summary = if said.is_empty() {
        "every request is answered by the tier that answered it".to_owned()
    } else {
        format!("{} of {} requests: {}", words::count(comparison.moved), words::count(comparison.n), said.join(", "))
    };
    let grades = format!("{} get better, {} get worse", words::count(comparison.gained), words::count(comparison.lost));
    block("moved", &[summary, grades])
}

fn segments(comparison: &Comparison) -> String {
    if comparison.segments.len() < 2 {
        return String::new();
    }
    let row = |segment: &SegmentComparison| {
        vec![
            segment.segment.clone(),
            words::count(segment.n),
            words::count(segment.moved),
            words::count(segment.gained),
            words::count(segment.lost),
            words::points_with_range(&segment.loss),
            segment.cost_ratio.as_ref().map_or_else(|| words::UNKNOWN.to_owned(), |ratio| words::rough(ratio.value)),
        ]
    };
    let head = ["segment", "n", "moved", "better", "worse", "loss of B", "cost of B"];
    table(&head, &[1, 2, 3, 4, 6], comparison.segments.iter().map(row))
}

fn changes(comparison: &Comparison, changed: &[Changed]) -> Changes {
    Changes {
        tier: comparison.moved,
        gained: comparison.gained,
        lost: comparison.lost,
        items: changed.to_vec(),
        ..Changes::default()
    }
}

//! What `tierfall diff` says of two fits in a terminal.

use tierfall_calibrate::regress::Changes;
use tierfall_calibrate::regress::fits::{Comparison, OneFit};
use tierfall_workbench::diff::OfFits;

use super::document::{Block, Conclusion, Document, Fact, Line, Rows, Table, Tone};
use super::regress::{blocks, conclusions};
use super::{html, text, words};

pub(crate) fn diff(fits: &OfFits, max_changes: usize) -> String {
    text::blocks(&parts(fits, max_changes))
}

/// The same as a page in one file.
pub(crate) fn page(fits: &OfFits, max_changes: usize) -> String {
    let [a, b] = &fits.of;
    let mut document = Document::new("tierfall diff".to_owned(), format!("A {a}, B {b}"), Tone::Strong);
    for block in parts(fits, max_changes) {
        document.add(block);
    }
    html::page(&document)
}

fn parts(fits: &OfFits, max_changes: usize) -> Vec<Block<'_>> {
    let OfFits { of: [a, b], rows: on, comparison, changed } = fits;
    let compared = [format!("A  {a}"), format!("B  {b}"), rows(on, comparison)];
    let changed = Changes {
        tier: comparison.moved,
        gained: comparison.gained,
        lost: comparison.lost,
        items: changed.clone(),
        ..Changes::default()
    };
    let mut all = vec![
        Block::Conclusion(verdict(comparison)),
        Block::Facts { name: "compared", facts: compared.map(Fact::plain).into() },
        Block::Table(side_by_side(comparison)),
        Block::Warnings(&comparison.warnings),
        Block::Facts { name: "moved", facts: moves(comparison).map(Fact::plain).into() },
        Block::Table(segments(comparison)),
        Block::Lines(conclusions(&comparison.checks)),
    ];
    all.extend(blocks(&changed, max_changes));
    all
}

fn verdict(comparison: &Comparison) -> Conclusion {
    let loss = &comparison.loss;
    let quality = if loss.value.abs() < 5e-5 {
        "B is right as often as A".to_owned()
    } else {
        let side = if loss.value > 0.0 { "worse" } else { "better" };
        format!("B is {} {side} than A", words::in_points(loss.value.abs()))
    };
    let (cost, range) = match &comparison.cost_ratio {
        Some(ratio) => {
            let [value, low, high] = [ratio.value, ratio.low, ratio.high].map(words::rough);
            (format!("at {value} of its cost"), format!("; {low} to {high} of the cost"))
        }
        None => ("at an unknown cost".to_owned(), String::new()),
    };
    let ends = format!("{} to {} of loss", words::points(loss.low), words::in_points(loss.high));
    let said = Line::plain(2, format!("with 95 % confidence {ends}{range}"));
    Conclusion::new(Tone::Strong, format!("{quality}, {cost}"), [said])
}

fn rows(on: &str, comparison: &Comparison) -> String {
    let repeats =
        if comparison.n_items < comparison.n { format!(" of {} items", words::count(comparison.n_items)) } else { String::new() };
    format!("over {} requests{repeats} ({})", words::count(comparison.n), on)
}

fn side_by_side(comparison: &Comparison) -> Table {
    let both = |name: &str, of: &dyn Fn(&OneFit) -> String| (name.to_owned(), of(&comparison.a), of(&comparison.b));
    let mut lines = vec![
        both("point", &|fit| fit.point.clone()),
        both("asks", &|fit| words::chain(&fit.chain)),
        both("right", &|fit| words::share_with_range(&fit.accuracy)),
        both("a query", &|fit| words::usd(fit.cost_usd)),
        both("of always the last", &|fit| words::maybe(fit.cost_ratio, words::rough)),
    ];
    for tier in &comparison.tiers {
        lines.push(both(&format!("{tier} answers"), &|fit| match fit.chain.iter().position(|name| name == tier) {
            Some(place) => words::maybe(fit.coverage.get(place).copied().flatten(), words::rough),
            None => "not asked".to_owned(),
        }));
    }
    let of = Rows(&lines);
    let columns =
        vec![of.text("", |line| line.0.clone()), of.text("A", |line| line.1.clone()), of.text("B", |line| line.2.clone())];
    Table::of(columns)
}

fn moves(comparison: &Comparison) -> [String; 2] {
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
    [summary, grades]
}

fn segments(comparison: &Comparison) -> Table {
    if comparison.segments.len() < 2 {
        return Table::default();
    }
    let of = Rows(&comparison.segments);
    Table::of(vec![
        of.text("segment", |segment| segment.segment.clone()),
        of.number("n", |segment| words::count(segment.n)),
        of.number("moved", |segment| words::count(segment.moved)),
        of.number("better", |segment| words::count(segment.gained)),
        of.number("worse", |segment| words::count(segment.lost)),
        of.text("loss of B", |segment| words::points_with_range(&segment.loss)),
        of.number("cost of B", |segment| words::maybe(segment.cost_ratio.as_ref(), |ratio| words::rough(ratio.value))),
    ])
}

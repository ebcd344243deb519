//! Which examples changed, exactly.

use tierfall_calibrate::regress::{Changed, Changes, Section};
use tierfall_core::text::one_line;

use super::words;
use crate::render::document::{Block, Fact, Line, Rows, Table, Tone};
use crate::render::printable;
use crate::render::words::count;

/// The summary of no changes at all.
const NONE: &str = "no example changed";

/// The counts in a sentence; those that are 0 and never matter alone are left out.
fn summary(changes: &Changes) -> String {
    let counts = [
        (changes.lost, "got worse"),
        (changes.gained, "got better"),
        (changes.tier, "answered by another tier"),
        (changes.answer, "with another answer"),
        (changes.added, "new"),
        (changes.removed, "gone"),
        (changes.edited, "asked or graded otherwise and not compared"),
    ];
    let parts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n))).collect();
    if parts.is_empty() { NONE.to_owned() } else { parts.join(", ") }
}

/// How many examples there are, and how many of them changed: `842 examples; 2 got worse`.
pub(super) fn examples(section: &Section) -> String {
    let changed = section.changes.as_ref().map_or_else(String::new, |changes| format!("; {}", summary(changes)));
    words::examples(section.n) + &changed
}

/// The first of the changed examples, what changed most first: lost, gained, then another tier alone; in the order of the set otherwise.
fn first(changes: &Changes, max: usize) -> Vec<&Changed> {
    let rank = |item: &&Changed| match item.correct.total_cmp(&item.was_correct) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => 2,
    };
    let mut items: Vec<&Changed> = changes.items.iter().collect();
    items.sort_by_key(rank);
    items.truncate(max);
    items
}

/// The same as a table.
pub(super) fn table(changes: &Changes, max: usize) -> Table {
    let items = first(changes, max);
    let tier = |tier: &Option<String>| tier.clone().unwrap_or_else(|| "none".to_owned());
    let of = Rows(&items);
    Table::of(vec![
        of.text("example", |item| item.id.clone()),
        of.text("segment", |item| item.segment.clone()),
        of.text("tier", |item| arrow(&tier(&item.was_tier), &tier(&item.tier))),
        of.text("answer", |item| arrow(&grade(item.was_correct), &grade(item.correct))),
    ])
}

/// How many are not shown; nothing where all are.
pub(super) fn hidden(changes: &Changes, max: usize) -> Option<String> {
    let left = changes.items.len().saturating_sub(max);
    (left > 0).then(|| format!("and {} more: --max-changes {} shows all", count(left as u64), changes.items.len()))
}

fn arrow(was: &str, now: &str) -> String {
    if was == now { now.to_owned() } else { format!("{was} → {now}") }
}

fn grade(grade: f64) -> String {
    match grade {
        1.0.. => "right".to_owned(),
        ..=0.0 => "wrong".to_owned(),
        _ => format!("{grade:.2}"),
    }
}

/// Lines without any layout but blanks, for what shows text as it is; nothing where nothing changed.
pub(super) fn plain(changes: &Changes, max: usize) -> Vec<String> {
    let summary = summary(changes);
    if summary == NONE {
        return Vec::new();
    }
    let table = table(changes, max);
    let row = |at: usize| table.columns.iter().map(|column| printable::line(&column.cells[at])).collect::<Vec<_>>().join("  ");
    let rows = (0..table.rows()).map(row);
    [format!("since the baseline: {summary}")].into_iter().chain(rows).chain(hidden(changes, max)).collect()
}

/// So much of a text is shown in a line.
const SHOWN: usize = 240;

/// What was asked and said in the first of the examples whose grade changed: those that got worse, then those that got better.
pub(super) fn texts(changes: &Changes, max: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for item in first(changes, max).into_iter().filter(|item| item.correct.total_cmp(&item.was_correct).is_ne()) {
        let Some(texts) = &item.texts else { continue };
        let (tone, what) = if item.correct < item.was_correct { (Tone::Bad, "worse") } else { (Tone::Good, "better") };
        lines.push(Line::led(0, tone, what, format!("  {}", printable::line(&item.id))));
        let mut say = |name: &str, text: &str| {
            let text = one_line(&printable::line(text), SHOWN);
            lines.push(Line::led(2, Tone::Soft, format!("{name:<9}"), text));
        };
        let served = |tier: &Option<String>, answer: &Option<String>| match (tier, answer) {
            (None, _) => "(no answer)".to_owned(),
            (Some(tier), None) => format!("{tier}: (no longer on record)"),
            (Some(tier), Some(answer)) => format!("{tier}: {}", if answer.is_empty() { "(nothing)" } else { answer }),
        };
        say("question", &texts.question);
        if !texts.expected.is_empty() {
            say("expected", &texts.expected.join(" | "));
        }
        say("was", &served(&item.was_tier, &texts.was_answer));
        say("now", &served(&item.tier, &texts.answer));
    }
    lines
}

/// The counts of what changed, and the first of the examples.
pub(in crate::render) fn blocks(changes: &Changes, max_changes: usize) -> Vec<Block<'static>> {
    let summary = Block::Facts { name: "changes", facts: vec![Fact::plain(summary(changes))] };
    let hidden = Block::Lines(hidden(changes, max_changes).map(Line::note).into_iter().collect());
    let table = table(changes, max_changes);
    if table.rows() == 0 {
        return vec![Block::Joined(vec![summary, hidden])];
    }
    let texts = texts(changes, max_changes);
    let said = (!texts.is_empty()).then_some(Block::Lines(texts));
    [summary, Block::Joined(vec![Block::Table(table), hidden])].into_iter().chain(said).collect()
}

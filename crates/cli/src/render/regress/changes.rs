//! Which examples changed, exactly.

use tierfall_calibrate::regress::{Changed, Changes};

use crate::render::printable;
use crate::render::words::count;

/// The summary of no changes at all.
pub(super) const NONE: &str = "no example changed";

/// The counts in a sentence; those that are 0 and never matter alone are left out.
pub(super) fn summary(changes: &Changes) -> String {
    let mut parts = Vec::new();
    for (n, what) in [
        (changes.lost, "got worse"),
        (changes.gained, "got better"),
        (changes.tier, "answered by another tier"),
        (changes.answer, "with another answer"),
        (changes.added, "new"),
        (changes.removed, "gone"),
        (changes.edited, "edited and not compared"),
    ] {
        if n > 0 {
            parts.push(format!("{} {what}", count(n)));
        }
    }
    if parts.is_empty() { NONE.to_owned() } else { parts.join(", ") }
}

/// What changed most first: lost, gained, then another tier alone; in the order of the set otherwise.
pub(super) fn shown(changes: &Changes, max: usize) -> Vec<&Changed> {
    let rank = |item: &Changed| match item.correct.total_cmp(&item.was_correct) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => 2,
    };
    let mut items: Vec<&Changed> = changes.items.iter().collect();
    items.sort_by_key(|item| rank(item));
    items.truncate(max);
    items
}

/// How many are not shown; nothing where all are.
pub(super) fn hidden(changes: &Changes, max: usize) -> Option<String> {
    let left = changes.items.len().saturating_sub(max);
    (left > 0).then(|| format!("and {} more: --max-changes {} shows all", count(left as u64), changes.items.len()))
}

/// The head of [`row`].
pub(super) const HEAD: [&str; 4] = ["example", "segment", "tier", "answer"];

/// Id, segment, tiers, grades, each on one line.
pub(super) fn row(item: &Changed) -> [String; 4] {
    let tier = |tier: &Option<String>| tier.clone().unwrap_or_else(|| "none".to_owned());
    let tiers = arrow(&tier(&item.was_tier), &tier(&item.tier));
    let grades = arrow(&grade(item.was_correct), &grade(item.correct));
    [printable::line(&item.id), printable::line(&item.segment), printable::line(&tiers), grades]
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
    let mut lines = vec![format!("since the baseline: {summary}")];
    lines.extend(shown(changes, max).into_iter().map(|item| row(item).join("  ")));
    lines.extend(hidden(changes, max));
    lines
}

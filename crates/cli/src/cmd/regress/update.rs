//! Keeping what is replayed now as the baseline.

use std::fmt::Write as _;
use std::path::PathBuf;

use tierfall_calibrate::regress::limits;
use tierfall_workbench::regress::{Baseline, Entry, Played, Summary};

use super::rows;
use crate::exit::Failure;
use crate::render::words;

/// A baseline that is to be written, and what that changes.
pub(super) struct Update {
    path: PathBuf,
    baseline: Baseline,
    lines: Vec<String>,
}

impl Update {
    /// Of these runs, in place of what the file has of them; its other entries stay.
    pub(super) fn of(path: PathBuf, before: Option<&Baseline>, played: &[Played]) -> Self {
        let mut baseline = before.cloned().unwrap_or_default();
        for played in played {
            baseline.update(played);
        }
        let line = |played: &Played| {
            let was = before.and_then(|before| before.find(&played.fixtures, &played.split, played.mode));
            line(was, &Entry::from(played), limits::accuracy(&rows::samples(played, None)).value)
        };
        Self { path, lines: played.iter().map(line).collect(), baseline }
    }

    /// Writes it, whole or not at all; says what changed.
    pub(super) fn write(&self) -> Result<Vec<String>, Failure> {
        self.baseline.write(&self.path).map_err(Failure::usage)?;
        let head = format!("the baseline is {}", self.path.display());
        Ok(std::iter::once(head).chain(self.lines.iter().cloned()).collect())
    }
}

/// `support, split test: 842 examples (840 before), 71.6 % right (70.2 % before), $0.000448 a query`; `right` is the share that the
/// report and limits have, in which examples weigh what they stand for and those of a group share one item.
fn line(was: Option<&Entry>, now: &Entry, right: f64) -> String {
    let numbers = |summary: &Summary, right: f64| {
        let cost = summary.cost.map(|cost| cost.usd() / summary.n.max(1) as f64);
        [words::count(summary.n as u64), words::percent(right), words::usd(cost)]
    };
    // A baseline has no weights: where they matter, its share is another number than this one.
    let weighted = (right - now.summary.correct).abs() > 1e-9;
    let before = was.map(|was| numbers(&was.summary, was.summary.correct));
    let mut text = format!("  {}, split {}:", now.fixtures, now.split);
    for (place, number) in numbers(&now.summary, right).into_iter().enumerate() {
        let _ = write!(text, "{} {number} {}", ["", ",", ","][place], ["examples", "right", "a query"][place]);
        if place == 1 && weighted {
            text.push_str(" (weighted)");
            continue;
        }
        if let Some(before) = before.as_ref().map(|before| &before[place]).filter(|before| **before != number) {
            let _ = write!(text, " ({before} before)");
        }
        if place == 0 && now.summary.failed > 0 {
            let _ = write!(text, ", {} never answered and without a grade", words::count(now.summary.failed as u64));
        }
    }
    match was {
        None => text + "; new",
        Some(was) if was == now => text + "; unchanged",
        Some(_) => text,
    }
}

//! What a call tells of itself, in a terminal.

use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;
use tierfall_core::money::Cost;
use tierfall_workbench::observations::{BadRow, Summary};
use tierfall_workbench::progress::{Notice, Progress, Stage};

use super::graded;
use crate::exit::Failure;
use crate::progress::{Late, bar};
use crate::render::money::cost;
use crate::render::printable;
use crate::render::words::count;
use crate::{load, say, tell, warn};

/// Shows how far a call is, and what is known before it ends.
pub(crate) struct Watch {
    quiet: bool,
    shown: Mutex<Option<Shown>>,
}

/// What is drawn; gone when it is dropped.
enum Shown {
    Late(Late),
    Bar(ProgressBar),
}

impl Watch {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet, shown: Mutex::default() }
    }

    fn shown(&self) -> MutexGuard<'_, Option<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Watch {
    fn begins(&self, stage: Stage) {
        let late = |what| Shown::Late(Late::new(what, self.quiet));
        let mut shown = self.shown();
        // What was drawn is gone before the next one begins.
        *shown = None;
        *shown = Some(match stage {
            Stage::Asking => Shown::Bar(bar(0, "asked", self.quiet)),
            Stage::Commands => Shown::Bar(bar(0, "commands", self.quiet)),
            Stage::Judges => Shown::Bar(bar(0, "judge", self.quiet)),
            Stage::Grading => late("grading"),
            Stage::Calibrating => late("calibrating"),
            Stage::Judging => late("judging"),
            Stage::Comparing => late("comparing"),
            Stage::Replaying => late("replaying"),
            _ => late("reading"),
        });
    }

    fn at(&self, done: u64, of: u64) {
        match &*self.shown() {
            Some(Shown::Late(late)) => late.at(done, of),
            Some(Shown::Bar(bar)) => {
                bar.set_length(of);
                bar.set_position(done);
            }
            None => {}
        }
    }

    fn spent(&self, spent: Cost) {
        if let Some(Shown::Bar(bar)) = &*self.shown() {
            bar.set_message(format!("· {}", cost(spent)));
        }
    }

    fn notice(&self, notice: Notice<'_>) {
        *self.shown() = None;
        match notice {
            Notice::Recordings(recordings) => load::tell_torn(recordings),
            Notice::Broken(error) => tell(&Failure::from(error)),
            Notice::Read(summary) if !self.quiet => left_out(summary),
            Notice::Asked { examples, cost: spent } if !self.quiet => {
                say(format_args!("{examples} examples asked, {} spent", cost(spent)));
            }
            Notice::Ran(report) => graded::ran(report),
            Notice::Judged(report) => graded::judged(report, self.quiet),
            _ => {}
        }
    }
}

/// What was left out and why.
fn left_out(summary: &Summary) {
    for left in &summary.left_out {
        warn(format_args!("{} of {} rows are left out: {}", count(left.rows), count(summary.read), left.reason));
    }
    tell_bad(summary.bad, summary.read, LEFT_OUT, &summary.first_bad);
}

/// What becomes of rows that cannot be read, where that was declared.
const LEFT_OUT: &str = "cannot be read and are left out, at random as --bad-rows says";

/// Rows that are passed over and why, the first of them word for word.
pub(crate) fn tell_bad(bad: u64, read: u64, what: &str, first: &[BadRow]) {
    if bad == 0 {
        return;
    }
    warn(format_args!("{} of {} rows {what}:", count(bad), count(read)));
    for row in first.iter().take(SHOWN) {
        say(printable::lines(&format!("  {row}")));
    }
    let more = bad.saturating_sub(SHOWN as u64);
    if more > 0 {
        say(format_args!("  and {} more", count(more)));
    }
}

/// How many bad rows are shown.
const SHOWN: usize = 5;

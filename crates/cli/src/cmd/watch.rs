//! What a call tells of itself, in a terminal.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tierfall_core::money::Cost;
use tierfall_workbench::calibrate::{Counted, Spending};
use tierfall_workbench::observations::{BadRow, Summary};
use tierfall_workbench::progress::{Notice, Progress, Stage};

use super::graded;
use crate::progress::Shown;
use crate::render::money::cost;
use crate::render::printable;
use crate::render::words::{count, number};
use crate::{Failure, load, quiet, say, tell, warn};

/// Shows how far a call is, and what is known before it ends.
#[derive(Default)]
pub(crate) struct Watch {
    shown: Mutex<Option<Shown>>,
}

impl Watch {
    fn shown(&self) -> MutexGuard<'_, Option<Shown>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Watch {
    fn begins(&self, stage: Stage) {
        let (late, what) = match stage {
            Stage::Asking => (false, "asked"),
            Stage::Commands => (false, "commands"),
            Stage::Judges => (false, "judge"),
            Stage::Grading => (true, "grading"),
            Stage::Calibrating => (true, "calibrating"),
            Stage::Judging => (true, "judging"),
            Stage::Comparing => (true, "comparing"),
            Stage::Replaying => (true, "replaying"),
            _ => (true, "reading"),
        };
        let mut shown = self.shown();
        // What was drawn is gone before the next one begins.
        *shown = None;
        *shown = Some(if late { Shown::late(what) } else { Shown::bar(what) });
    }

    fn at(&self, done: u64, of: u64) {
        if let Some(shown) = &*self.shown() {
            shown.at(done, of);
        }
    }

    fn spent(&self, spent: Cost) {
        if let Some(shown) = &*self.shown() {
            shown.say(format!("· {}", cost(spent)));
        }
    }

    fn notice(&self, notice: Notice<'_>) {
        *self.shown() = None;
        match notice {
            Notice::Recordings(recordings) => load::tell_torn(recordings),
            Notice::Broken(error) => tell(&Failure::from(error)),
            Notice::Read(summary) if !quiet() => left_out(summary),
            Notice::Asked { examples, cost: spent } if !quiet() => {
                say(format_args!("{examples} examples asked, {} spent", cost(spent)));
            }
            Notice::Certificate(spending) if !quiet() => say(spends(spending)),
            Notice::Ran(report) => graded::ran(report),
            Notice::Judged(report) => graded::judged(report),
            _ => {}
        }
    }
}

/// What a certificate will spend, and what is left for others.
fn spends(spending: &Spending) -> String {
    let (asked, now) = (number(spending.asked), number(spending.now()));
    let which = match spending.counted {
        None => return format!("this certificate may be wrong with probability {now}; {ITERATE}"),
        Some(Counted { earlier, made }) if earlier < made => {
            format!("this very certificate was made before on these examples: nothing more is spent ({now} of {asked})")
        }
        Some(Counted { earlier: 0, .. }) => {
            format!("the first certificate on these examples may be wrong with all of the probability asked for: {asked}")
        }
        Some(Counted { earlier, .. }) => {
            format!("certificate {} on these examples may be wrong with {now} of the probability {asked} asked for", earlier + 1)
        }
    };
    let left = spending.left().map_or_else(String::new, |left| format!("; the next one will have {}", number(left)));
    let also = if left.is_empty() { "" } else { ", also with other prompts, models or graders on the same questions" };
    format!("{which}{left}{also}; {ITERATE}")
}

/// How to work without spending anything.
const ITERATE: &str = "while trying things out, use --no-guarantee, which spends nothing";

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

/// What was made: answers by tier, and what else there is to say, without what there is none of.
pub(crate) fn tell_made(answers: &BTreeMap<impl AsRef<str>, u64>, also: &[(u64, &str)]) {
    for (tier, n) in answers {
        say(format_args!("  {}: {} answers", printable::line(tier.as_ref()), count(*n)));
    }
    for (n, what) in also.iter().filter(|(n, _)| *n > 0) {
        say(format_args!("  {} {what}", count(*n)));
    }
}

/// How many bad rows are shown.
const SHOWN: usize = 5;

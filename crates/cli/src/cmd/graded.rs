//! What programs and models did that graded.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use tierfall_core::completion::Usage;
use tierfall_core::money::Cost;
use tierfall_workbench::fixture::grade::NotGradedBy;
use tierfall_workbench::fixture::grade::command::CommandReport;
use tierfall_workbench::fixture::grade::judge::{JudgeReport, Standing};

use crate::render::money::{cost, time};
use crate::render::printable;
use crate::render::style::{BAD, GOOD, WARN, paint};
use crate::{quiet, say, warn};

/// What programs did, where something is to be said of it.
pub(crate) fn ran(report: &CommandReport) {
    tell(&report.errors, "a command");
    if report.left > 0 {
        say(format_args!("interrupted: {} answers are graded, {} are left", report.graded, report.left));
    }
}

/// What judges did.
pub(crate) fn judged(report: &JudgeReport) {
    tell(&report.errors, "the judge");
    if !quiet() {
        summarise(report);
    }
}

/// Shows what could not be graded, the first few by name.
fn tell(errors: &[NotGradedBy], who: &str) {
    const SHOWN: usize = 5;
    if errors.is_empty() {
        return;
    }
    say(format_args!("{} {who} could not grade {} answers; they have no grade:", paint(BAD, "error:"), errors.len()));
    for NotGradedBy { tier, id, why } in errors.iter().take(SHOWN) {
        say(format_args!("  {}", printable::line(&format!("{id} ({tier}): {why}"))));
    }
    if errors.len() > SHOWN {
        say(format_args!("  and {} more", errors.len() - SHOWN));
    }
}

/// Further counts in a list, without those that are 0.
pub(crate) fn also(counts: &[(usize, &str)]) -> String {
    let mut text = String::new();
    for (n, what) in counts.iter().filter(|(n, _)| *n > 0) {
        let _ = write!(text, ", {n} {what}");
    }
    text
}

/// What asking took.
pub(crate) fn spent(tokens: Usage, spent: Cost, wall: Duration) -> String {
    format!("{} tokens in, {} out · {} · {}", tokens.input, tokens.output, cost(spent), time(wall))
}

fn summarise(report: &JudgeReport) {
    let mark = if report.stopped.is_none() && report.errors.is_empty() { paint(GOOD, "✓") } else { paint(WARN, "!") };
    let counts = [(report.already, "were there already"), (report.errors.len(), "failed"), (report.left, "left")];
    let spent = spent(report.usage, report.cost, report.wall);
    say(format_args!("{mark} {} judged{} · {spent}", report.judged, also(&counts)));
    if report.not_allowed > 0 {
        say(format_args!(
            "  {} not allowed: rules keep what they answer from a tier, and the judge is not shown it; people may grade them, or \
             allow-restricted = true in [judge.NAME] of set.toml lets a judge see it",
            report.not_allowed
        ));
    }
    if let Some(stop) = &report.stopped {
        say(format_args!("  stopped: {stop}; the same command goes on from here"));
    }
}

/// Says of every judge how far it has come, and how often it contradicts itself.
pub(crate) fn standings(standings: &BTreeMap<String, Standing>) {
    for (name, standing) in standings {
        let Standing { judged, disagreed, cancelled, stale, missing, not_allowed } = *standing;
        let mut line = format!("judge {name}: {judged} answers judged");
        if judged > 0 {
            let share = 100.0 * disagreed as f64 / judged as f64;
            let _ = write!(line, ", {disagreed} ({share:.1} %) otherwise when the labels are swapped");
        }
        let also = [
            (cancelled, format!("; on {cancelled} the two cancel, and there is no grade")),
            (stale, format!("; {stale} judged under another rubric or reference, or by another model or parameters")),
            (missing, format!("; {missing} not judged")),
            (stale + missing, " (--judge asks about what it may see)".to_owned()),
            (not_allowed, format!("; {not_allowed} not judged, which it may not see")),
        ];
        line.extend(also.into_iter().filter(|(n, _)| *n > 0).map(|(_, said)| said));
        say(line);
        if standing.is_contradictory() {
            warn(format_args!(
                "judge {name} contradicts itself on most answers when the labels are swapped: its grades say where it leans and are no \
                 measurement; let another model judge, or state the rubric more simply"
            ));
        }
    }
}

//! Models that grade: asked only where that is wanted, because it costs money.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use tierfall::SystemClock;
use tierfall_core::cascade::Cascade;
use tierfall_core::money::Cost;
use tierfall_workbench::fixture::grade::ToGrade;
use tierfall_workbench::fixture::grade::judge::{self, JudgeEvent, JudgeReport, OpenError, Options, Standing, standings};
use tierfall_workbench::fixture::record::{RecordError, Stop};

use super::tell;
use crate::args::Grade;
use crate::cmd::record::max_spend;
use crate::exit::{Exit, Failure};
use crate::interrupt::interrupted;
use crate::render::money::{cost, time};
use crate::render::style::{GOOD, WARN, paint};
use crate::{load, progress, say};

/// Asks the judges about every answer that they did not grade yet.
pub(super) async fn ask(answers: ToGrade<'_>, rules: &[Cascade], args: &Grade, quiet: bool) -> Result<Exit, Failure> {
    let judges = judge::open(answers, rules).map_err(|error| match &error {
        OpenError::Load { judge, path, error } => {
            let failure = load::failure(error, "");
            Failure { message: format!("judge \"{judge}\" ({}): {}", path.display(), failure.message), ..failure }
        }
        OpenError::Fixture(error) => load::fixture(error),
        _ => Failure::usage(error),
    })?;
    if judges.is_empty() {
        return Err(Failure::usage("no example of this set has a judge as its grader").with_hint(
            "grader = { judge = { name = \"strict\" } }, and [judge.strict] with its cascade and rubric, in set.toml",
        ));
    }
    let options = Options {
        concurrency: NonZeroUsize::new(usize::from(args.concurrency)).unwrap_or(NonZeroUsize::MIN),
        max_spend: args.max_spend.as_deref().map(max_spend).transpose()?,
        ..Options::default()
    };
    let bar = progress::bar(0, "judge", quiet);
    let spent = Mutex::new(Cost::ZERO);
    let watch = |event: JudgeEvent| match event {
        JudgeEvent::Started { to_ask, .. } => bar.set_length(to_ask as u64),
        JudgeEvent::Done { cost: charged, .. } => {
            let mut spent = spent.lock().unwrap_or_else(PoisonError::into_inner);
            *spent += charged;
            bar.set_message(format!("· {}", cost(*spent)));
            bar.inc(1);
        }
    };
    let report = judge::ask(answers, &judges, &options, &SystemClock::default(), &watch, interrupted()).await;
    bar.finish_and_clear();
    let report = report.map_err(|error| match &error {
        RecordError::Fixture(error) => load::fixture(error),
        _ => Failure::usage(error),
    })?;
    tell(&report.errors, "the judge");
    if !quiet {
        summarise(&report);
    }
    Ok(exit(&report))
}

fn exit(report: &JudgeReport) -> Exit {
    match &report.stopped {
        Some(Stop::Cancelled) => Exit::Interrupted,
        Some(stop) if stop.is_failure() => Exit::Provider,
        _ if !report.errors.is_empty() => Exit::Provider,
        Some(_) => Exit::Usage,
        None => Exit::Fine,
    }
}

fn summarise(report: &JudgeReport) {
    let mark = if report.stopped.is_none() && report.errors.is_empty() { paint(GOOD, "✓") } else { paint(WARN, "!") };
    let mut line = format!("{mark} {} judged", report.judged);
    for (n, what) in [(report.already, "were there already"), (report.errors.len(), "failed"), (report.left, "left")] {
        if n > 0 {
            let _ = write!(line, ", {n} {what}");
        }
    }
    let tokens = report.usage;
    let _ = write!(line, " · {} tokens in, {} out · {} · {}", tokens.input, tokens.output, cost(report.cost), time(report.wall));
    say(line);
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
pub(super) fn tell_standings(answers: ToGrade<'_>, rules: &[Cascade]) -> Result<(), Failure> {
    for (name, standing) in standings(answers, rules).map_err(|error| load::fixture(&error))? {
        let Standing { judged, disagreed, cancelled, stale, missing, not_allowed } = standing;
        let mut line = format!("judge {name}: {judged} answers judged");
        if judged > 0 {
            let share = 100.0 * disagreed as f64 / judged as f64;
            let _ = write!(line, ", {disagreed} ({share:.1} %) otherwise when the labels are swapped");
        }
        if cancelled > 0 {
            let _ = write!(line, "; on {cancelled} the two cancel, and there is no grade");
        }
        if stale > 0 {
            let _ = write!(line, "; {stale} judged under another rubric or reference, or by another model or parameters");
        }
        if missing > 0 {
            let _ = write!(line, "; {missing} not judged");
        }
        if stale + missing > 0 {
            let _ = write!(line, " (--judge asks about what it may see)");
        }
        if not_allowed > 0 {
            let _ = write!(line, "; {not_allowed} not judged, which it may not see");
        }
        say(line);
        if standing.is_contradictory() {
            say(format_args!(
                "{} judge {name} contradicts itself on most answers when the labels are swapped: its grades say where it leans and \
                 are no measurement; let another model judge, or state the rubric more simply",
                paint(WARN, "warning:")
            ));
        }
    }
    Ok(())
}

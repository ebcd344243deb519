//! `tierfall grade`: grade what was recorded, and show how the tiers compare.

mod agreement;
mod human;
mod keys;

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use tierfall_workbench::fixture::grade::judge::{JudgeOptions, JudgeReport};
use tierfall_workbench::fixture::grade::{GradeTable, TierCounts};
use tierfall_workbench::fixture::grade::{RecordedSet, Show, shown};
use tierfall_workbench::fixture::hygiene::{Finding, examine_grades};
use tierfall_workbench::fixture::record::Stop;
use tierfall_workbench::grade::{Ask, Endings, Graded};

use super::graded::standings;
use super::record::max_spend;
use super::watch::Watch;
use crate::args::Grade;
use crate::interrupt::interrupted;
use crate::render::document::{Column, Rows};
use crate::render::printable;
use crate::render::shown::shown as drawn;
use crate::render::text::unbounded;
use crate::{Exit, Failure, load, print, quiet, render, say};

/// So many examples are shown.
const SHOWN: usize = 20;

pub(crate) async fn grade(args: &Grade) -> Result<Exit, Failure> {
    let recorded = RecordedSet::open(&args.set, &args.tiers)?;
    if !quiet() {
        load::tell_torn(&recorded.recordings);
    }
    if args.people.human {
        return human::grade(&recorded, args).await;
    }
    if args.people.agreement {
        recorded.check(args.split.as_deref())?;
        return agreement::show(&recorded, args);
    }
    let concurrency = NonZeroUsize::new(usize::from(args.concurrency)).unwrap_or(NonZeroUsize::MIN);
    let max_spend = args.max_spend.as_deref().map(max_spend).transpose()?;
    let ask = Ask {
        allow_commands: args.allow_commands,
        concurrency,
        judges: args.judge.then(|| JudgeOptions { concurrency, max_spend, ..JudgeOptions::default() }),
        rules_of: args.rules_of.clone(),
        split: args.split.clone(),
    };
    // Whatever ends this program ends those that it runs.
    let endings = Endings { commands: &interrupted, judges: &interrupted };
    let graded = tierfall_workbench::grade(&recorded, &ask, &Watch::default(), endings).await?;
    let exit = exit(&graded);
    let Some(table) = &graded.table else { return Ok(exit) };
    if let Some(show) = args.show {
        return self::show(&recorded, show, args).map(|()| exit);
    }
    let folder = recorded.set.dir().to_owned();
    let findings = examine_grades(recorded)?;
    if args.json {
        print(serde_json::to_string(&Report { table, findings: &findings })? + "\n")?;
    } else {
        print(format_args!("{}\n{}", unbounded(&shares(table)), unbounded(&rivalry(table))))?;
    }
    if !quiet() {
        standings(&graded.standings);
        if !args.json {
            say(format_args!("grades are in {}", folder.join("grades").display()));
            unreadable(table);
            if !findings.is_empty() {
                say(render::hygiene::hygiene(&folder, &findings).trim_end());
            }
        }
    }
    Ok(exit)
}

/// Shows the examples that are asked for.
fn show(recorded: &RecordedSet, show: Show, args: &Grade) -> Result<(), Failure> {
    if show == Show::Disagree && recorded.tiers.len() < 2 {
        let why = "--show disagree compares tiers, and there is one alone";
        return Err(Failure::usage(why).with_hint("name two with --tier, or none for all that are recorded"));
    }
    let mut examples = shown(recorded, args.rules_of.first().map(PathBuf::as_path), show, args.split.as_deref())?;
    let of = examples.len();
    examples.truncate(args.people.limit.unwrap_or(SHOWN));
    if args.json {
        return print(json!({ "show": show, "of": of, "examples": examples }).to_string() + "\n");
    }
    print(drawn(&examples, of))?;
    if !quiet() {
        let what = if show == Show::Wrong { "with a wrong answer" } else { "on which the tiers disagree" };
        let set = recorded.set.dir().display();
        match (of, of - examples.len()) {
            (0, _) => say(format_args!("{set} has no example {what}")),
            (_, 0) => {}
            (_, more) => say(format_args!("{more} more {what}: --limit {of} shows all")),
        }
    }
    Ok(())
}

/// Who failed matters more than what.
fn exit(graded: &Graded) -> Exit {
    let judged = |report: &JudgeReport| match &report.stopped {
        Some(Stop::Cancelled) => Exit::Interrupted,
        Some(stop) if stop.is_failure() => Exit::Provider,
        _ if !report.errors.is_empty() => Exit::Provider,
        Some(_) => Exit::Usage,
        None => Exit::Fine,
    };
    let ran = match &graded.commands {
        ran if ran.left > 0 => Exit::Interrupted,
        ran if !ran.errors.is_empty() => Exit::Usage,
        _ => Exit::Fine,
    };
    graded.judged.as_ref().map(judged).filter(|exit| *exit != Exit::Fine).unwrap_or(ran)
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    table: &'a GradeTable,
    /// Whether the graders mean what people mean.
    findings: &'a [Finding],
}

/// Says how many answers nobody could read.
fn unreadable(table: &GradeTable) {
    let cells = table.tiers.iter().zip(&table.total).filter(|(_, cell)| cell.unreadable > 0);
    let counts: Vec<String> = cells.map(|(tier, cell)| format!("{} of {}", cell.unreadable, printable::line(tier))).collect();
    if !counts.is_empty() {
        let counts = counts.join(", ");
        say(format_args!("answers that their graders could not read count as wrong: {counts}; `reason` in their lines says why"));
    }
}

/// Segments × tiers: the share of right answers.
fn shares(table: &GradeTable) -> Vec<Column> {
    let segments = table.segments.iter().map(|(segment, cells)| (&**segment, cells));
    let rows: Vec<_> = segments.chain([("all", &table.total)]).collect();
    let of = Rows(&rows);
    let names = of.text("right", |(segment, _)| printable::line(segment));
    let tier = |(at, tier): (usize, &Arc<str>)| of.number(printable::line(tier), move |(_, cells)| share(&cells[at]));
    [names].into_iter().chain(table.tiers.iter().enumerate().map(tier)).collect()
}

fn share(cell: &TierCounts) -> String {
    let mut text = match cell.n {
        0 => "–".to_owned(),
        n => format!("{:.3}  {:>4}/{n}", cell.right as f64 / n as f64, cell.right),
    };
    for (n, what) in [(cell.missing, "missing"), (cell.not_allowed, "not allowed")] {
        if n > 0 && (cell.n > 0 || cell.not_allowed > 0) {
            let _ = write!(text, " ({n} {what})");
        }
    }
    text
}

/// Tiers × tiers: where the first is right and the second wrong.
fn rivalry(table: &GradeTable) -> Vec<Column> {
    let rows: Vec<_> = table.tiers.iter().zip(&table.right_where_wrong).collect();
    let of = Rows(&rows);
    let names = of.text("right where wrong:", |(tier, _)| printable::line(tier));
    let tier = |(at, tier): (usize, &Arc<str>)| of.number(printable::line(tier), move |(_, counts)| counts[at].to_string());
    [names].into_iter().chain(table.tiers.iter().enumerate().map(tier)).collect()
}

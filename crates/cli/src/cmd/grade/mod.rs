//! `tierfall grade`: grade what was recorded, and show how the tiers compare.

mod agreement;
mod human;
mod keys;

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::sync::Arc;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Table};
use futures_util::FutureExt as _;
use futures_util::future::select;
use tierfall_workbench::fixture::grade::judge::{JudgeReport, Options};
use tierfall_workbench::fixture::grade::{GradeTable, TierCounts};
use tierfall_workbench::fixture::record::Stop;
use tierfall_workbench::grade::{Ask, Endings, Graded, Recorded};

use super::graded::standings;
use super::record::max_spend;
use super::watch::Watch;
use crate::args::Grade;
use crate::exit::{Exit, Failure};
use crate::interrupt::{interrupted, told_to_end};
use crate::render::printable;
use crate::render::text::lines;
use crate::{load, print, say};

pub(crate) async fn grade(args: &Grade, quiet: bool) -> Result<Exit, Failure> {
    let recorded = Recorded::open(&args.set, &args.tiers)?;
    let Recorded { set, recordings, tiers } = &recorded;
    if !quiet {
        load::tell_torn(recordings);
    }
    if args.people.human {
        return human::grade(set, recordings, tiers, args, quiet).await;
    }
    if args.people.agreement {
        recorded.check(args.split.as_deref())?;
        return agreement::show(set, recordings, tiers, args);
    }
    let concurrency = NonZeroUsize::new(usize::from(args.concurrency)).unwrap_or(NonZeroUsize::MIN);
    let max_spend = args.max_spend.as_deref().map(max_spend).transpose()?;
    let ask = Ask {
        allow_commands: args.allow_commands,
        concurrency,
        judges: args.judge.then(|| Options { concurrency, max_spend, ..Options::default() }),
        rules_of: args.rules_of.clone(),
        split: args.split.clone(),
    };
    // Whatever ends this program ends those that it runs.
    let programs = || select(interrupted(), told_to_end()).map(drop).boxed();
    let endings = Endings { commands: &programs, judges: &interrupted };
    let graded = tierfall_workbench::grade(&recorded, &ask, &Watch::new(quiet), endings).await?;
    let exit = exit(&graded);
    let Some(table) = &graded.table else { return Ok(exit) };
    if args.json {
        let json = serde_json::to_string(table).map_err(Failure::usage)?;
        print(format_args!("{json}\n"))?;
    } else {
        print(format_args!("{}\n{}", lines(&shares(table)), lines(&rivalry(table))))?;
    }
    if !quiet {
        standings(&graded.standings);
        if !args.json {
            say(format_args!("grades are in {}", set.dir().join("grades").display()));
        }
    }
    Ok(exit)
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

/// Segments × tiers: the share of right answers.
fn shares(table: &GradeTable) -> Table {
    let mut shown = plain(&table.tiers, "right");
    for (segment, cells) in &table.segments {
        shown.add_row(row(segment, cells));
    }
    shown.add_row(row("all", &table.total));
    shown
}

fn row(name: &str, cells: &[TierCounts]) -> Vec<Cell> {
    let share = |cell: &TierCounts| {
        let mut text = match cell.n {
            0 if cell.not_allowed == 0 => return "–".to_owned(),
            0 => "–".to_owned(),
            n => format!("{:.3}  {:>4}/{n}", cell.right as f64 / n as f64, cell.right),
        };
        for (n, what) in [(cell.missing, "missing"), (cell.not_allowed, "not allowed")] {
            if n > 0 {
                let _ = write!(text, " ({n} {what})");
            }
        }
        text
    };
    [Cell::new(printable::line(name))].into_iter().chain(cells.iter().map(|cell| right_aligned(share(cell)))).collect()
}

/// Tiers × tiers: where the first is right and the second wrong.
fn rivalry(table: &GradeTable) -> Table {
    let mut shown = plain(&table.tiers, "right where wrong:");
    for (tier, counts) in table.tiers.iter().zip(&table.right_where_wrong) {
        shown.add_row([Cell::new(printable::line(tier))].into_iter().chain(counts.iter().map(right_aligned)));
    }
    shown
}

fn plain(tiers: &[Arc<str>], corner: &str) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([Cell::new(corner)].into_iter().chain(tiers.iter().map(|tier| right_aligned(printable::line(tier)))));
    table
}

fn right_aligned(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

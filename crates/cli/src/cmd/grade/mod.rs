//! `tierfall grade`: grade what was recorded, and show how the tiers compare.

mod agreement;
mod command;
mod human;
mod judge;
mod keys;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell as TableCell, CellAlignment, Table};
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::grade::command::NotGradedBy;
use tierfall_workbench::fixture::grade::{Cell, GradeTable, ToGrade, grade_set};
use tierfall_workbench::fixture::replay::Recordings;

use crate::args::Grade;
use crate::exit::{Exit, Failure};
use crate::render::printable;
use crate::render::style::{BAD, paint};
use crate::render::text::lines;
use crate::{load, print, say};

pub(crate) async fn grade(args: &Grade, quiet: bool) -> Result<Exit, Failure> {
    let set = load::fixture_set(&args.set)?;
    let recordings = Recordings::open(set.dir(), &set.about().tiers).map_err(|error| load::fixture(&error))?;
    if !quiet {
        load::tell_torn(&recordings);
    }
    let tiers: Vec<Arc<str>> = match args.tiers.as_slice() {
        [] => recordings.tiers().cloned().collect(),
        named => named.iter().map(|name| name.as_str().into()).collect(),
    };
    if args.people.human {
        return human::grade(&set, &recordings, &tiers, args, quiet).await;
    }
    known(&set, &recordings, args)?;
    if args.people.agreement {
        return agreement::show(&set, &recordings, &tiers, args);
    }
    let answers = ToGrade { set: &set, recordings: &recordings, tiers: &tiers };
    let rules = args.rules_of.iter().map(|path| Ok(load::unfitted(path)?.cascade)).collect::<Result<Vec<_>, Failure>>()?;
    let mut exit = command::run(answers, args, quiet).await?;
    if args.judge && exit != Exit::Interrupted {
        let judged = judge::ask(answers, &rules, args, quiet).await?;
        // Who failed matters more than what.
        exit = if judged == Exit::Fine { exit } else { judged };
    }
    if exit == Exit::Interrupted {
        return Ok(exit);
    }
    let table = grade_set(&set, &recordings, &tiers, args.split.as_deref(), None).map_err(|error| load::fixture(&error))?;
    if args.json {
        let json = serde_json::to_string(&table).map_err(Failure::usage)?;
        print(format_args!("{json}\n"))?;
    } else {
        print(format_args!("{}\n{}", lines(&shares(&table)), lines(&rivalry(&table))))?;
    }
    if !quiet {
        judge::tell_standings(answers, &rules)?;
        if !args.json {
            say(format_args!("grades are in {}", set.dir().join("grades").display()));
        }
    }
    Ok(exit)
}

/// A tier or split by a name that is not there has no answers, and would be taken for one with nothing wrong.
fn known(set: &FixtureSet, recordings: &Recordings, args: &Grade) -> Result<(), Failure> {
    let recorded: Vec<&str> = recordings.tiers().map(|tier| &**tier).collect();
    if let Some(tier) = args.tiers.iter().find(|tier| !recorded.contains(&tier.as_str())) {
        let path = set.dir().join("recordings").join(format!("{tier}.jsonl"));
        return Err(Failure::usage(format!("{} is not there: tier \"{tier}\" has no recordings", path.display()))
            .with_hint(format!("recorded are {}", recorded.join(", "))));
    }
    let Some(split) = &args.split else { return Ok(()) };
    let splits: BTreeSet<&str> = set.examples().iter().map(|example| &*example.split).collect();
    if splits.contains(split.as_str()) {
        return Ok(());
    }
    let names = splits.into_iter().collect::<Vec<_>>().join(", ");
    Err(Failure::usage(format!("no example of {} is in the split \"{split}\"", set.dir().display()))
        .with_hint(format!("there are {names}")))
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

/// Segments × tiers: the share of right answers.
fn shares(table: &GradeTable) -> Table {
    let mut shown = plain(&table.tiers, "right");
    for (segment, cells) in &table.segments {
        shown.add_row(row(segment, cells));
    }
    shown.add_row(row("all", &table.total));
    shown
}

fn row(name: &str, cells: &[Cell]) -> Vec<TableCell> {
    let share = |cell: &Cell| {
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
    [TableCell::new(printable::line(name))].into_iter().chain(cells.iter().map(|cell| right_aligned(share(cell)))).collect()
}

/// Tiers × tiers: where the first is right and the second wrong.
fn rivalry(table: &GradeTable) -> Table {
    let mut shown = plain(&table.tiers, "right where wrong:");
    for (tier, counts) in table.tiers.iter().zip(&table.right_where_wrong) {
        shown.add_row([TableCell::new(printable::line(tier))].into_iter().chain(counts.iter().map(right_aligned)));
    }
    shown
}

fn plain(tiers: &[Arc<str>], corner: &str) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([TableCell::new(corner)].into_iter().chain(tiers.iter().map(|tier| right_aligned(printable::line(tier)))));
    table
}

fn right_aligned(text: impl ToString) -> TableCell {
    TableCell::new(text).set_alignment(CellAlignment::Right)
}

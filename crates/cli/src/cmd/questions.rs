//! `tierfall import questions`: a table of questions as a fixture set.

use tierfall_workbench::fixture::grade::GraderSpec;
use tierfall_workbench::import::{QuestionOptions, questions};

use super::inputs::shell_word;
use super::output::interruptible;
use crate::args::Import;
use crate::render::printable;
use crate::render::words::{count, list};
use crate::{Exit, Failure, quiet, say};

pub(crate) async fn import(args: &Import) -> Result<Exit, Failure> {
    let (table, given) = (&args.table, &args.traffic);
    let Some(into) = given.into.clone() else {
        return Err(Failure::usage("questions become a fixture set: where?").with_hint("--into fixtures/NAME"));
    };
    let [file] = args.files.as_slice() else { return Err(Failure::usage("one table of questions at a time")) };
    let of_tables = table.out.is_some() || table.max_score.is_some() || !table.tiers.is_empty() || table.tier_column.is_some();
    let of_traces = given.cascade.is_some() || given.repeats.is_some() || given.append || given.strict;
    if of_tables || of_traces || table.bad_rows.is_some() {
        return Err(Failure::usage("of questions go --into, --map, --split and --grader, and no other option"));
    }
    let options = QuestionOptions {
        columns: table.columns.iter().cloned().collect(),
        splits: given.split.clone().unwrap_or_default(),
        grader: GraderSpec::from(given.grader.as_deref().unwrap_or("normalised")),
    };
    let (source, folder) = (file.clone(), into.clone());
    let report = interruptible(move || questions(&source, &folder, &options)).await?;
    if quiet() {
        return Ok(Exit::Fine);
    }
    let splits: Vec<String> =
        report.splits.iter().map(|(split, n)| format!("{} {}", printable::line(split), count(*n))).collect();
    say(format_args!("{} examples ({}) in {}", count(report.written), splits.join(", "), into.display()));
    if report.numbered {
        say("  the table has no `id`: rows are named by their lines, so a line that is put between them renames the rest");
    }
    if !report.passed_over.is_empty() {
        let columns = list(&report.passed_over.iter().map(String::as_str).collect::<Vec<_>>());
        say(format_args!("  not taken: {}", printable::line(&columns)));
    }
    say(format_args!("next, ask the tiers: tierfall record CASCADE {}", shell_word(&into.display().to_string())));
    Ok(Exit::Fine)
}

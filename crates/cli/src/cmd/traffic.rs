//! `tierfall import traces`: from production to fixtures.

use std::path::Path;

use tierfall::config;
use tierfall_workbench::fixture::grade::{GraderSpec, Graders};
use tierfall_workbench::traffic::{self, ImportedTraffic, TrafficOptions};

use super::inputs::shell_word;
use super::output::interruptible;
use super::watch::{tell_bad, tell_made};
use crate::args::Import;
use crate::render::printable;
use crate::render::words::count;
use crate::{Exit, Failure, quiet, say};

pub(crate) async fn import(args: &Import) -> Result<Exit, Failure> {
    let (Some(into), Some(cascade)) = (args.traffic.into.clone(), args.traffic.cascade.clone()) else {
        return Err(Failure::usage("traces become a fixture set: where, and of which cascade?")
            .with_hint("--into fixtures/traffic --cascade cascades/NAME.cascade.toml"));
    };
    let table = &args.table;
    let tables = table.out.is_some()
        || table.max_score.is_some()
        || !table.columns.is_empty()
        || !table.tiers.is_empty()
        || table.expected.is_some();
    if tables || table.bad_rows.is_some() {
        return Err(Failure::usage(
            "--out, --map, --tier, --expected, --max-score and --bad-rows are for tables and logs, not for traces",
        ));
    }
    let given = &args.traffic;
    let grader = GraderSpec::from(given.grader.as_deref().unwrap_or("human"));
    Graders::default().build(grader.clone()).map_err(Failure::usage)?;
    let options = TrafficOptions {
        splits: given.split.clone().unwrap_or_default(),
        repeats: given.repeats.unwrap_or_default(),
        grader,
        graders: Graders::default(),
        append: given.append,
        strict: given.strict,
    };
    let (files, folder, of) = (args.files.clone(), into.clone(), cascade.clone());
    let report = interruptible(move || {
        let loaded = config::load_unfitted(&of)?;
        traffic::import(&files, &folder, &loaded, &options)
    })
    .await?;
    if !quiet() {
        tell(&report, &into, &cascade);
    }
    Ok(Exit::Fine)
}

fn tell(report: &ImportedTraffic, into: &Path, cascade: &Path) {
    tell_bad(report.bad, report.read, "cannot be used", &report.first_bad);
    let splits: Vec<String> =
        report.splits.iter().map(|(split, n)| format!("{} {}", printable::line(split), count(*n))).collect();
    let splits = if splits.is_empty() { String::new() } else { format!(" ({})", splits.join(", ")) };
    say(format_args!("{} examples{splits} in {}", count(report.written), into.display()));
    for (stratum, (n, stand_for)) in &report.strata {
        say(format_args!("  {stratum}: {}, standing for about {stand_for:.0} requests", count(*n)));
    }
    let met = [
        (report.without_content, "lines hold no content: their requests are not in the sample"),
        (report.of_others, "lines are of other cascades"),
        (report.not_recorded, "lines are of a replay that lacked the answer: nobody was asked"),
        (report.repeated, "lines are of requests that ended again on a later line, which counts"),
        (report.there, "requests were in the set already"),
        (report.repeats, "of the examples ask what another one asks"),
    ];
    tell_made(&report.answers, &met);
    if report.written > 0 {
        let (cascade, set) = (shell_word(&cascade.display().to_string()), shell_word(&into.display().to_string()));
        say(format_args!("next, ask the tiers that were not asked: tierfall record {cascade} {set} --only-missing"));
    }
}

//! `tierfall calibrate`: thresholds with a promise, or an honest verdict that there is none.

use tierfall_calibrate::ask::{Delta, ExtraPoint, LatencyLimit, Target};
use tierfall_core::fit::Status;
use tierfall_workbench::calibrate::{Ask, Calibrated};
use tierfall_workbench::plan::{self, Planned};

use super::inputs::{again, parsed, shell_word};
use super::output::{interruptible, json_or, results};
use super::watch::Watch;
use crate::args::Calibrate;
use crate::render::{self, words};
use crate::{Exit, Failure, note, quiet, warn};

pub(crate) async fn calibrate(args: &Calibrate) -> Result<Exit, Failure> {
    if args.plan {
        return plan(args).await;
    }
    let ask = ask(args)?;
    let inputs = parsed(&args.inputs)?;
    let made = interruptible(move || tierfall_workbench::calibrate(&inputs, &ask, &Watch::default())).await?;
    let (report, file) = (&made.report, made.fit_file.as_deref());
    if let Some(file) = file {
        tierfall_workbench::fit::write(file, &made.fit).map_err(Failure::usage)?;
    }
    let next = next(args, &made);
    results(&args.outputs, report, &render::calibration::calibration(report, &made.fit.provenance, &made.from.name, &next))?;
    match (file, &made.kept) {
        (Some(file), Some(kept)) => note(format_args!(
            "{} is certified and stays in force as it is, since this fit is not: it is {}; --force puts it in its place",
            kept.display(),
            file.display()
        )),
        (Some(file), None) => note(format_args!("the fit is {}", file.display())),
        (None, _) => {}
    }
    Ok(if made.met { Exit::Fine } else { Exit::Unmet })
}

fn ask(args: &Calibrate) -> Result<Ask, Failure> {
    let accuracy = args.target_accuracy.map(Target::Accuracy);
    let target = accuracy.or(args.max_loss.map(Target::MaxLoss)).or(args.max_cost.map(Target::MaxCost)).ok_or_else(|| {
        Failure::usage("nothing is asked for").with_hint(
            "say what, beforehand: --max-loss 0.02, --target-accuracy 0.9 or --max-cost 0.0005; --plan says what is in reach",
        )
    })?;
    let delta =
        Delta::new(args.delta).ok_or_else(|| Failure::usage(format!("--delta {} is not above 0 and below 1", args.delta)))?;
    let mut ask = Ask::new(target, (!args.no_guarantee).then_some(delta));
    let promise = &mut ask.promise;
    promise.points = args.points.iter().map(|(name, target)| ExtraPoint { name: name.clone(), target: *target }).collect();
    promise.latency = args.max_latency.map(|(over_ms, share)| LatencyLimit { over_ms, share });
    promise.by_segment = args.by_segment;
    promise.max_depth = usize::from(args.max_depth);
    promise.people_at_random = args.people.is_some();
    promise.seed = args.seed;
    let (signal, ledger, fit_out) = (args.signal.clone(), args.ledger.clone(), args.fit_out.clone());
    Ok(Ask { signal, ledger, fit_out, force: args.force, results: args.outputs.written(), ..ask })
}

/// `--plan`: how many labelled examples promises need.
async fn plan(args: &Calibrate) -> Result<Exit, Failure> {
    if let Some(path) = &args.outputs.html {
        return Err(Failure::usage(format!("a plan is a table: --html {} has nothing to draw", path.display())));
    }
    let ask = plan::Ask {
        max_loss: args.max_loss,
        target_accuracy: args.target_accuracy,
        discordance: args.discordance,
        delta: args.delta,
        signal: args.signal.clone(),
        by_segment: args.by_segment.is_some(),
        results: args.outputs.written(),
    };
    let none = args.discordance.is_some() && args.inputs.cascade.is_none() && args.inputs.observations.is_empty();
    let pilot = if none { None } else { Some(parsed(&args.inputs)?) };
    let planned = interruptible(move || tierfall_workbench::plan(pilot.as_ref(), &ask, &Watch::default()));
    let Planned { plan, last, warnings } = planned.await?;
    if !quiet() {
        warnings.iter().for_each(warn);
    }
    json_or(args.outputs.json.as_deref(), &plan, || render::plan::plan(&plan, last.as_deref()))?;
    Ok(Exit::Fine)
}

/// What to do now: what it is for, and the command.
fn next(args: &Calibrate, made: &Calibrated) -> Vec<(String, String)> {
    let again = again(&args.inputs);
    let signal = args.signal.as_deref().map(|signal| format!(" --signal {}", shell_word(signal))).unwrap_or_default();
    let report = &made.report;
    let mut next = Vec::new();
    let mut then = |what_for: String, command: String| next.push((what_for, command));
    match report.status {
        // A plan needs the grades, too.
        Status::Inconclusive if report.assumed > 0 => {
            let n = words::count(report.assumed);
            then(format!("Grade the answers that have no grade: {n} examples want one."), String::new());
        }
        Status::Inconclusive => {
            let what_for = "Label more requests, or allow more. What margins need:".to_owned();
            then(what_for, format!("tierfall calibrate {again}{signal} --plan"));
        }
        Status::Infeasible => {
            if let Some(attainable) = report.attainable {
                let flag = if args.max_loss.is_some() { "--max-loss" } else { "--target-accuracy" };
                let value = words::askable(&report.target, attainable);
                let what_for =
                    "Ask for what is attainable, on fresh examples: these have told what to ask for, and so promise it no more.";
                then(format!("{what_for} {flag} {value}"), String::new());
            }
            then("Which tiers are worth their cost:".to_owned(), format!("tierfall advise {again}{signal}"));
        }
        Status::Certified | Status::Uncertified => {}
    }
    match made.fit_file.as_deref() {
        Some(file) => {
            let which = if made.from.fit_path().as_deref() == Some(file) {
                String::new()
            } else {
                format!(" --fit {}", shell_word(&file.display().to_string()))
            };
            // Rows of files that name no split were all used.
            let rows = match (&args.inputs.cascade, &args.inputs.split) {
                (Some(_), None) => again,
                (_, Some(_)) => format!("{again} --split NAME"),
                (None, None) => format!("--observations OTHERS --chain {}", shell_word(&args.inputs.chain.join(","))),
            };
            let rest = if args.inputs.unsegmented.is_some() { " --unsegmented rest" } else { "" };
            let what_for = "Judge it by requests that it has not seen:".to_owned();
            then(what_for, format!("tierfall evaluate {rows}{which}{rest}"));
        }
        None => then("The fit is not kept: --fit-out FILE does.".to_owned(), String::new()),
    }
    if let Some(loaded) = &made.from.loaded
        && loaded.fit_path.is_none()
    {
        let path = loaded.path.display();
        let what_for = format!("The thresholds of {path} are set by hand. In its gates this puts the fit in force:");
        then(what_for, "threshold = \"fit\"".to_owned());
    }
    if report.points.len() > 1 {
        let names: Vec<&str> = report.points.iter().map(|point| point.name.as_str()).collect();
        then(format!("Requests choose between {} with run --point.", words::list(&names)), String::new());
    }
    next
}

//! `tierfall calibrate`: thresholds with a promise, or an honest verdict that there is none.

use std::path::{Path, PathBuf};

use tierfall::fit;
use tierfall_calibrate::ask::{Ask, BySegment, Delta, ExtraPoint, LatencyLimit, Method, SignalChoice, Target};
use tierfall_calibrate::procedure::{self, Outcome, Progress};
use tierfall_calibrate::report::Calibration;
use tierfall_core::fit::{Fit, Provenance, Status};
use tierfall_workbench::observations;

use super::files::{SET, apart, fit_of, read_by, same, written_by};
use super::observed::{Asked, Observed, choices, named, observed, shell_word};
use super::output::{check, interruptible, results};
use crate::args::{Calibrate, Segments};
use crate::exit::{Exit, Failure};
use crate::progress::Late;
use crate::render::{self, words};
use crate::say;

pub(crate) async fn calibrate(args: &Calibrate, quiet: bool) -> Result<Exit, Failure> {
    if args.plan {
        return super::plan::plan(args, quiet).await;
    }
    let target = target(args)?.ok_or_else(|| {
        Failure::usage("nothing is asked for").with_hint(
            "say what, beforehand: --max-loss 0.02, --target-accuracy 0.9 or --max-cost 0.0005; --plan says what is in reach",
        )
    })?;
    check_files(args)?;
    let owned = args.clone();
    let made = interruptible(move || make(&owned, target, quiet)).await?;
    write(args, &made, quiet)?;
    Ok(match made.report.status {
        // Fused scores of few rows promise only approximately, and a target may be out of reach on these rows already.
        Status::Uncertified if made.promises || made.report.attainable.is_some() => Exit::Unmet,
        Status::Certified | Status::Uncertified => Exit::Fine,
        Status::Inconclusive | Status::Infeasible => Exit::Unmet,
    })
}

/// Whether all files can be written, and none of them is another one's or what is read.
fn check_files(args: &Calibrate) -> Result<(), Failure> {
    if args.fit_out.as_deref() == Some(Path::new("-")) {
        return Err(Failure::usage("--fit-out -: a fit goes into a file; --json - prints the report"));
    }
    let (mut read, mut written) = (read_by(&args.inputs), written_by(&args.outputs));
    let beside = || Some(("the fit", fit_of(args.inputs.cascade.as_deref()?)?));
    written.extend(args.fit_out.clone().map(|path| ("--fit-out", path)).or_else(beside));
    check(written.iter().map(|(_, path)| path.as_path()))?;
    if let Some(ledger) = &args.ledger {
        // A fixture set's own may be named, too.
        read.retain(|(what, path)| *what != SET || !same(path, ledger));
        written.push(("--ledger", ledger.clone()));
    }
    apart(&read, &written)
}

/// A fit, what is reported of it, and what there was to make it from.
struct Made {
    /// Whether a promise was asked for that could be made.
    promises: bool,
    fit: Fit,
    report: Calibration,
    from: Observed,
}

fn make(args: &Calibrate, target: Target, quiet: bool) -> Result<Made, Failure> {
    let signals = named(args.signal.as_deref(), &args.inputs.chain);
    let asked = Asked { split: "train", signals, segments: args.by_segment.is_some() };
    let from = observed(&args.inputs, asked, quiet)?;
    if args.by_segment.is_some() && from.observations.segments().is_empty() {
        return Err(no_segments(&from));
    }
    let signals = choices(args.signal.as_deref(), &from)?;
    let mut ask = ask(args, target, signals)?;
    // What cannot run, or whose fit cannot be written, must not spend a certificate.
    check(fit_file(args, &from).as_deref())?;
    procedure::runnable(&from.observations, &ask).map_err(Failure::usage)?;
    let source_digest = observations::digest(&from.observations);
    let earlier = super::ledger::enter(args.ledger.as_deref(), &from, &source_digest, &ask)?;
    ask.earlier = earlier.unwrap_or(0);
    let bar = Late::new("calibrating", quiet);
    let n_excluded = from.summary.n_excluded();
    let outcome = procedure::calibrate(&from.observations, n_excluded, &ask, |at| match at {
        Progress::Estimating { done, of } => bar.at(done as u64, of as u64),
        Progress::Certifying | Progress::Reporting => {}
    });
    drop(bar);
    let Outcome { tiers, points, mut report, seen } = outcome.map_err(Failure::usage)?;
    report.warnings.splice(..0, from.warnings());
    if earlier.is_none() && ask.delta.is_some() && matches!(report.status, Status::Certified | Status::Inconclusive) {
        report.warnings.push(
            "No ledger is kept: every further certificate on the same rows spends δ again. --ledger FILE keeps count.".to_owned(),
        );
    }
    let provenance = Provenance {
        tierfall: env!("CARGO_PKG_VERSION").to_owned(),
        source: from.source.clone(),
        source_digest,
        split: from.split.clone(),
        n: report.n,
        n_excluded,
        seed: args.seed,
        earlier_certificates: ask.earlier,
        seen,
        ..Provenance::default()
    };
    let salt = from.observations.salt().to_owned();
    let mut fit = Fit { version: 1, cascade: String::new(), salt, provenance, tier: tiers, point: points };
    if let Some(loaded) = &from.loaded {
        fit::bind(&mut fit, loaded);
    }
    Ok(Made { promises: ask.promises(), fit, report, from })
}

/// Thresholds by segment where no request says what it is of.
fn no_segments(from: &Observed) -> Failure {
    let failure = Failure::usage(format!("--by-segment: no request of {} has a segment at run time", from.shown()));
    failure.with_hint(match &from.loaded {
        Some(loaded) => format!(
            "declare how one is found before any call, in {}: [segment] tag = \"topic\", or [[segment.rule]]; the segments of a \
             fixture set are its author's knowledge and serve reports alone",
            loaded.path.display()
        ),
        None => "give each row a \"segment\"".to_owned(),
    })
}

fn target(args: &Calibrate) -> Result<Option<Target>, Failure> {
    let target = match (args.target_accuracy, args.max_loss, args.max_cost) {
        (Some(accuracy), ..) => Target::Accuracy(accuracy),
        (_, Some(loss), _) => Target::MaxLoss(loss),
        (.., Some(cost)) => Target::MaxCost(cost),
        (None, None, None) => return Ok(None),
    };
    if matches!(target, Target::MaxCost(_)) && !args.points.is_empty() {
        return Err(Failure::usage("--point adds promises, and none exists for --max-cost")
            .with_hint("give the main target as --max-loss or --target-accuracy"));
    }
    for (place, (name, _)) in args.points.iter().enumerate() {
        if args.points[..place].iter().any(|(before, _)| before == name) {
            return Err(Failure::usage(format!("two operating points are named \"{name}\"")));
        }
    }
    Ok(Some(target))
}

fn ask(args: &Calibrate, target: Target, signals: Vec<SignalChoice>) -> Result<Ask, Failure> {
    let delta =
        Delta::new(args.delta).ok_or_else(|| Failure::usage(format!("--delta {} is not above 0 and below 1", args.delta)))?;
    Ok(Ask {
        target,
        delta: (!args.no_guarantee && target.can_be_promised()).then_some(delta),
        signals,
        points: args.points.iter().map(|(name, target)| ExtraPoint { name: name.clone(), target: *target }).collect(),
        latency: args.max_latency.map(|(over_ms, share)| LatencyLimit { over_ms, share }),
        by_segment: args.by_segment.map(|segments| match segments {
            Segments::Overall => BySegment::Overall,
            Segments::Each => BySegment::Each,
        }),
        max_depth: usize::from(args.max_depth),
        method: Method::Exact,
        people_at_random: args.people.is_some(),
        seed: args.seed,
        earlier: 0,
    })
}

/// Where the fit goes: what is said, else beside the cascade.
fn fit_file(args: &Calibrate, from: &Observed) -> Option<PathBuf> {
    args.fit_out.clone().or_else(|| from.fit_path())
}

fn write(args: &Calibrate, made: &Made, quiet: bool) -> Result<(), Failure> {
    let file = fit_file(args, &made.from);
    if let Some(file) = &file {
        tierfall_workbench::fit::write(file, &made.fit).map_err(Failure::usage)?;
    }
    let report = &made.report;
    let next = next(args, made, file.as_deref());
    let document = render::calibration::calibration(report, &made.fit.provenance, &made.from.name, &next);
    results(&args.outputs, report, &document, quiet)?;
    if let Some(file) = &file
        && !quiet
    {
        say(format_args!("the fit is {}", file.display()));
    }
    Ok(())
}

/// What to do now: what it is for, and the command.
fn next(args: &Calibrate, made: &Made, file: Option<&Path>) -> Vec<(String, String)> {
    let again = Observed::again(&args.inputs);
    let signal = args.signal.as_deref().map(|signal| format!(" --signal {}", shell_word(signal))).unwrap_or_default();
    let report = &made.report;
    let mut next = Vec::new();
    match report.status {
        // A plan needs the grades, too.
        Status::Inconclusive if report.assumed > 0 => {
            next.push((
                format!("Grade the answers that have no grade: {} examples want one.", words::count(report.assumed)),
                String::new(),
            ));
        }
        Status::Inconclusive => next.push((
            "Label more requests, or allow more. What margins need:".to_owned(),
            format!("tierfall calibrate {again}{signal} --plan"),
        )),
        Status::Infeasible => {
            if let Some(attainable) = report.attainable {
                let flag = if args.max_loss.is_some() { "--max-loss" } else { "--target-accuracy" };
                let value = words::askable(&report.target, attainable);
                next.push((
                    format!("Ask for what is attainable, on fresh examples: having seen these spends error. {flag} {value}"),
                    String::new(),
                ));
            }
            next.push(("Which tiers are worth their cost:".to_owned(), format!("tierfall advise {again}{signal}")));
        }
        Status::Certified | Status::Uncertified => {}
    }
    match file {
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
            next.push((
                "Judge it by requests that it has not seen:".to_owned(),
                format!("tierfall evaluate {rows}{which}{rest}"),
            ));
        }
        None => next.push(("The fit is not kept: --fit-out FILE does.".to_owned(), String::new())),
    }
    if let Some(loaded) = &made.from.loaded
        && loaded.fit_path.is_none()
    {
        let what =
            format!("The thresholds of {} are set by hand. In its gates this puts the fit in force:", loaded.path.display());
        next.push((what, "threshold = \"fit\"".to_owned()));
    }
    if report.points.len() > 1 {
        let names: Vec<&str> = report.points.iter().map(|point| point.name.as_str()).collect();
        next.push((format!("Requests choose between {} with run --point.", words::list(&names)), String::new()));
    }
    next
}

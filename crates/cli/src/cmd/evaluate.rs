//! `tierfall evaluate`: a fit, judged by rows that it has not seen.

use std::path::Path;

use tierfall::fit;
use tierfall_calibrate::evaluate::evaluate as judge;
use tierfall_calibrate::report::Evaluation;
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::Fit;

use super::files::{apart, fit_of, read_by, written_by};
use super::observed::{Asked, Observed, by_segment, named_by, observed};
use super::output::{check, interruptible, results};
use crate::args::Evaluate;
use crate::exit::{Exit, Failure};
use crate::progress::Late;
use crate::render;

pub(crate) async fn evaluate(args: &Evaluate, quiet: bool) -> Result<Exit, Failure> {
    let (mut read, written) = (read_by(&args.inputs), written_by(&args.outputs));
    read.extend(args.fit.clone().or_else(|| fit_of(args.inputs.cascade.as_deref()?)).map(|fit| ("the fit", fit)));
    apart(&read, &written)?;
    check(written.iter().map(|(_, path)| path.as_path()))?;
    let owned = args.clone();
    let (report, fit, from) = interruptible(move || made(&owned, quiet)).await?;
    let by_segment = fit.point.iter().any(|point| point.name == report.point && !point.segments.is_empty());
    let document = render::evaluation::evaluation(&report, &fit.provenance, &from.name, &from.shown(), by_segment);
    results(&args.outputs, &report, &document, quiet)?;
    Ok(Exit::Fine)
}

fn made(args: &Evaluate, quiet: bool) -> Result<(Evaluation, Fit, Observed), Failure> {
    if args.fit.is_none() && args.inputs.cascade.is_none() {
        return Err(Failure::usage("which fit is to be judged?").with_hint("name it with --fit FILE"));
    }
    let read = |path: &Path| fit::read(path).map_err(|error| Failure::usage(error).with_hint("tierfall calibrate makes a fit"));
    // Of files, the fit says which columns are its signals.
    let given = args.fit.as_deref().map(read).transpose()?;
    let asked = Asked { split: "test", signals: named_by(&given, &args.inputs.chain), segments: by_segment(&given) };
    let from = observed(&args.inputs, asked, quiet)?;
    let path = args.fit.clone().or_else(|| from.fit_path()).unwrap_or_default();
    let fit = given.map_or_else(|| read(&path), Ok)?;
    if let Some(loaded) = &from.loaded {
        let changed: Vec<String> = fit::stale(&fit, loaded).iter().map(ToString::to_string).collect();
        if !changed.is_empty() {
            return Err(Failure::usage(format!("{} is stale: {}", path.display(), changed.join("; ")))
                .with_hint("calibrate again: its numbers are those of what was there before"));
        }
    }
    let view = View::all(&from.observations);
    let seen = &fit.provenance.seen;
    let held = if args.allow_overlap {
        Held::overlapping(view, seen).0
    } else {
        Held::unseen(view, seen).map_err(|error| {
            Failure::usage(error).with_hint("name other rows with --split or other files; --allow-overlap judges all the same")
        })?
    };
    let point = args.point.as_deref();
    let judging = Late::new("judging", quiet);
    let mut report = judge(&held, &fit, point, from.summary.n_excluded()).map_err(Failure::usage)?;
    drop((held, judging));
    report.warnings.splice(..0, from.warnings());
    Ok((report, fit, from))
}

//! `tierfall advise`: which tiers earn their cost.

use std::path::PathBuf;

use tierfall_calibrate::advise::advise as look;
use tierfall_calibrate::report::Advice;

use super::observed::{Late, Observed, choices, observed};
use super::output::{check, interruptible, results};
use crate::args::Advise;
use crate::exit::{Exit, Failure};
use crate::render;

pub(crate) async fn advise(args: &Advise, quiet: bool) -> Result<Exit, Failure> {
    check([&args.outputs.json, &args.outputs.html].into_iter().flatten().map(PathBuf::as_path))?;
    let owned = args.clone();
    let (report, from) = interruptible(move || made(&owned, quiet)).await?;
    let html = || render::html::advice(&report, &from.name);
    results(&args.outputs, &report, html, || render::advice::advice(&report), quiet)?;
    Ok(Exit::Fine)
}

fn made(args: &Advise, quiet: bool) -> Result<(Advice, Observed), Failure> {
    let from = observed(&args.inputs, "train", quiet)?;
    let signals = choices(args.signal.as_deref(), &from.observations, &from.own_signals())?;
    let bar = Late::new("comparing", quiet);
    bar.at(0, 1);
    let report = look(&from.observations, from.summary.n_excluded(), &signals, args.seed);
    bar.clear();
    Ok((report.map_err(Failure::usage)?, from))
}

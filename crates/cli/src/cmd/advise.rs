//! `tierfall advise`: which tiers earn their cost.

use tierfall_calibrate::advise::advise as look;
use tierfall_calibrate::report::Advice;

use super::files::{apart, read_by, written_by};
use super::observed::{Asked, Observed, choices, named, observed};
use super::output::{check, interruptible, results};
use crate::args::Advise;
use crate::exit::{Exit, Failure};
use crate::progress::Late;
use crate::render;

pub(crate) async fn advise(args: &Advise, quiet: bool) -> Result<Exit, Failure> {
    let written = written_by(&args.outputs);
    apart(&read_by(&args.inputs), &written)?;
    check(written.iter().map(|(_, path)| path.as_path()))?;
    let owned = args.clone();
    let (report, from) = interruptible(move || made(&owned, quiet)).await?;
    results(&args.outputs, &report, &render::advice::advice(&report, &from.name), quiet)?;
    Ok(Exit::Fine)
}

fn made(args: &Advise, quiet: bool) -> Result<(Advice, Observed), Failure> {
    let signals = named(args.signal.as_deref(), &args.inputs.chain);
    let from = observed(&args.inputs, Asked { split: "train", signals, segments: false }, quiet)?;
    let signals = choices(args.signal.as_deref(), &from)?;
    let bar = Late::new("comparing", quiet);
    let report = look(&from.observations, from.summary.n_excluded(), &signals, args.seed);
    drop(bar);
    let mut report = report.map_err(Failure::usage)?;
    report.warnings.splice(..0, from.warnings());
    Ok((report, from))
}

//! `tierfall advise`: which tiers earn their cost.

use tierfall_workbench::advise::{Advised, Ask};

use super::inputs::parsed;
use super::output::{interruptible, results};
use super::watch::Watch;
use crate::args::Advise;
use crate::{Exit, Failure, render};

pub(crate) async fn advise(args: &Advise) -> Result<Exit, Failure> {
    let ask = Ask { signal: args.signal.clone(), seed: args.seed, results: args.outputs.written() };
    let inputs = parsed(&args.inputs)?;
    let work = move || tierfall_workbench::advise(&inputs, &ask, &Watch::default());
    let Advised { report, from } = interruptible(work).await?;
    results(&args.outputs, &report, &render::advice::advice(&report, &from.name))?;
    Ok(Exit::Fine)
}

//! `tierfall evaluate`: a fit, judged by rows that it has not seen.

use tierfall_calibrate::report::Promise;
use tierfall_workbench::evaluate::Ask;

use super::inputs::parsed;
use super::output::{interruptible, results};
use super::watch::Watch;
use crate::args::Evaluate;
use crate::{Exit, Failure, render};

pub(crate) async fn evaluate(args: &Evaluate) -> Result<Exit, Failure> {
    let (fit, point, allow_overlap) = (args.fit.clone(), args.point.clone(), args.allow_overlap);
    let ask = Ask { fit, point, allow_overlap, results: args.outputs.written() };
    let inputs = parsed(&args.inputs)?;
    let made = interruptible(move || tierfall_workbench::evaluate(&inputs, &ask, &Watch::default())).await?;
    let (report, from, by_segment) = (&made.report, &made.from, made.by_segment());
    let document = render::evaluation::evaluation(report, &made.fit.provenance, &from.name, &from.shown(), by_segment);
    results(&args.outputs, report, &document)?;
    Ok(if report.promise.as_ref().is_some_and(Promise::is_broken) { Exit::Unmet } else { Exit::Fine })
}

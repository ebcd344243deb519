//! A fit, judged by rows that it has not seen.

use std::path::PathBuf;

use tierfall::fit;
use tierfall_calibrate::evaluate::evaluate as judge;
use tierfall_calibrate::report::Evaluation;
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::Fit;

use crate::Error;
use crate::inputs::{Inputs, Observed};
use crate::progress::{Progress, Stage};
use crate::results::{Named, fit_of, ready};

/// Which fit is to be judged, and how.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The fit's file; `None` = the cascade's own.
    pub fit: Option<PathBuf>,
    /// The operating point; `None` = the fit's first.
    pub point: Option<String>,
    /// Whether rows that the fit was made on may judge it, with a warning.
    pub allow_overlap: bool,
    /// Files that the caller writes with what comes of it.
    pub results: Vec<Named>,
}

/// What a fit does with rows.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// What was found, with everything that the reader should know.
    pub report: Evaluation,
    /// The fit.
    pub fit: Fit,
    /// The rows.
    pub from: Observed,
}

impl Evaluated {
    /// Whether the thresholds of the point that was judged depend on segments.
    pub fn by_segment(&self) -> bool {
        self.fit.point.iter().any(|point| point.name == self.report.point && !point.segments.is_empty())
    }
}

/// Judges a fit by labelled answers that it was not made on.
///
/// # Errors
/// There is no fit, it is not of the cascade as it is, it was made on some of the rows, or a result would overwrite what is read.
pub fn evaluate(inputs: &Inputs, ask: &Ask, progress: &dyn Progress) -> Result<Evaluated, Error> {
    let mut read = inputs.reads();
    read.extend(ask.fit.clone().or_else(|| fit_of(inputs.cascade()?)).map(|fit| ("the fit", fit)));
    ready(&read, &ask.results)?;
    if ask.fit.is_none() && inputs.cascade().is_none() {
        return Err(Error::refused("which fit is to be judged?").with_hint("name it with --fit FILE"));
    }
    // Of files, the fit says which columns are its signals.
    let given = ask.fit.as_deref().map(fit::read).transpose()?;
    let from = inputs.read_of(&given, progress)?;
    let path = ask.fit.clone().or_else(|| from.fit_path()).unwrap_or_default();
    let fit = given.map_or_else(|| fit::read(&path), Ok)?;
    if let Some(changed) = from.stale(&fit) {
        return Err(Error::refused(format!("{} is stale: {changed}", path.display()))
            .with_hint("calibrate again: its numbers are those of what was there before"));
    }
    let (view, seen) = (View::all(&from.observations), &fit.provenance.seen);
    let held = if ask.allow_overlap { Held::overlapping(view, seen).0 } else { Held::unseen(view, seen)? };
    progress.begins(Stage::Judging);
    let mut report = judge(&held, &fit, ask.point.as_deref(), from.summary.n_excluded())?;
    drop(held);
    report.warnings.splice(..0, from.relabelled(&fit).into_iter().chain(from.warnings()));
    Ok(Evaluated { report, fit, from })
}

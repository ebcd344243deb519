//! Which tiers earn their cost.

use tierfall_calibrate::advise::advise as look;
use tierfall_calibrate::report::Advice;

use crate::Error;
use crate::inputs::{Inputs, Observed};
use crate::progress::{Progress, Stage};
use crate::results::{Named, ready};

/// How tiers are to be compared.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// What gates compare, as in a calibration.
    pub signal: Option<String>,
    /// Decides folds.
    pub seed: u64,
    /// Files that the caller writes with what comes of it.
    pub results: Vec<Named>,
}

/// Which tiers earn their cost.
#[derive(Clone, Debug)]
pub struct Advised {
    /// What was found, with everything that the reader should know.
    pub report: Advice,
    /// The rows.
    pub from: Observed,
}

/// Compares what each tier adds with what it costs.
///
/// # Errors
/// The rows cannot be used, or a result would overwrite what is read.
pub fn advise(inputs: &Inputs, ask: &Ask, progress: &dyn Progress) -> Result<Advised, Error> {
    ready(&inputs.reads(), &ask.results)?;
    let (from, signals) = inputs.read_for(ask.signal.as_deref(), false, progress)?;
    progress.begins(Stage::Comparing);
    let mut report = look(&from.observations, from.summary.n_excluded(), &signals, ask.seed)?;
    report.warnings.splice(..0, from.warnings());
    Ok(Advised { report, from })
}

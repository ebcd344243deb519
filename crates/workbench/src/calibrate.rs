//! Thresholds with a promise, or an honest verdict that there is none.
//!
//! ```no_run
//! use tierfall_calibrate::ask::{Delta, Target};
//! use tierfall_workbench::{Inputs, calibrate};
//!
//! # fn example() -> Result<(), tierfall_workbench::Error> {
//! let inputs = Inputs::fixtures("cascades/support.cascade.toml", "support");
//! let ask = calibrate::Ask::new(Target::MaxLoss(0.02), Delta::new(0.1));
//! let made = calibrate::calibrate(&inputs, &ask, &())?;
//! println!("{:?} on {} examples", made.report.status, made.report.n);
//! if let Some(file) = &made.fit_file {
//!     tierfall_workbench::fit::write(file, &made.fit)?;
//! }
//! # Ok(())
//! # }
//! ```

use std::path::{Path, PathBuf};

use tierfall::fit;
use tierfall_calibrate::ask::{self, Delta, Target};
use tierfall_calibrate::procedure::{self, Outcome, Progress as At};
use tierfall_calibrate::report::Calibration;
use tierfall_core::fit::{Fit, Provenance, Status};

use crate::inputs::{Inputs, Observed};
use crate::ledger::{self, Certificate};
pub use crate::ledger::{Counted, Spending};
use crate::progress::{Notice, Progress, Stage};
use crate::results::{Named, fit_of, ready, without_ledger, writable};
use crate::{Error, observations};

/// What a calibration is asked for, and what is to be done with it.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is to hold; its `signals` and `earlier` are found by the call.
    pub promise: ask::Ask,
    /// What gates compare: `NAME` for all tiers, `A=NAME,B=NAME` by tier, `A=x+y` fused, `-NAME` where lower is surer, or `auto`.
    /// `None` = what the cascade's gates read, or the only signal of a tier.
    pub signal: Option<String>,
    /// Keeps count of the certificates made on these rows; a fixture set has one of its own.
    pub ledger: Option<PathBuf>,
    /// Where the fit is to go; `None` = to the cascade's own, where there is a cascade.
    pub fit_out: Option<PathBuf>,
    /// Whether the fit takes the place of a certified one, even where it is not certified itself.
    pub force: bool,
    /// Other files that the caller writes with what comes of it, each by what the caller calls it.
    pub results: Vec<Named>,
}

impl Ask {
    /// One target, promised but for the probability `delta`; nothing is promised without it.
    pub fn new(target: Target, delta: Option<Delta>) -> Self {
        let promise = ask::Ask {
            target,
            delta: delta.filter(|_| target.can_be_promised()),
            signals: Vec::new(),
            points: Vec::new(),
            latency: None,
            by_segment: None,
            max_depth: 1,
            people_at_random: false,
            seed: 0,
            earlier: 0,
        };
        Self { promise, signal: None, ledger: None, fit_out: None, force: false, results: Vec::new() }
    }
}

/// A fit, what is reported of it, and what there was to make it from.
#[derive(Clone, Debug)]
pub struct Calibrated {
    /// The thresholds, with the fallback in force where the promise does not hold. Nobody has written it yet.
    pub fit: Fit,
    /// What was found, with everything that the reader should know.
    pub report: Calibration,
    /// The rows.
    pub from: Observed,
    /// Where the fit is to go.
    pub fit_file: Option<PathBuf>,
    /// The certified fit that stays as it is, since this one is not certified and so goes elsewhere.
    pub kept: Option<PathBuf>,
    /// Whether what was asked for is met: certified, or, where no promise was asked for, reached on these rows.
    pub met: bool,
}

/// Fits thresholds to labelled answers and certifies them on rows of their own.
///
/// The certificate is entered into the ledger before the rows are looked at; everything that could keep the fit from being written is
/// refused before that. Nothing else is written.
///
/// # Errors
/// The ask contradicts itself or the rows, a result would overwrite what is read, or the rows cannot be used.
pub fn calibrate(inputs: &Inputs, ask: &Ask, progress: &dyn Progress) -> Result<Calibrated, Error> {
    points(&ask.promise)?;
    files(inputs, ask)?;
    let segments = ask.promise.by_segment.is_some();
    let (from, signals) = inputs.read_for(ask.signal.as_deref(), segments, progress)?;
    if segments && from.observations.segments().is_empty() {
        return Err(from.no_segments());
    }
    let mut promise = ask::Ask { signals, ..ask.promise.clone() };
    let mut fit_file = ask.fit_out.clone().or_else(|| from.fit_path());
    let certified = fit_file.clone().filter(|file| !ask.force && is_certified(file));
    // What cannot run, or whose fit cannot be written, must not spend a certificate.
    fit_file.as_deref().map_or(Ok(()), writable)?;
    certified.as_deref().map_or(Ok(()), |certified| writable(&rejected(certified)))?;
    procedure::runnable(&from.observations, &promise)?;
    let source_digest = observations::digest(&from.observations);
    let earlier = enter(ask.ledger.as_deref(), &from, &source_digest, &promise, progress)?;
    promise.earlier = earlier.unwrap_or(0);
    progress.begins(Stage::Calibrating);
    let n_excluded = from.summary.n_excluded();
    let outcome = procedure::calibrate(&from.observations, n_excluded, &promise, |at| match at {
        At::Estimating { done, of } => progress.at(done as u64, of as u64),
        At::Certifying | At::Reporting => {}
    });
    let Outcome { tiers, points, mut report, seen } = outcome?;
    report.warnings.splice(..0, from.warnings());
    if earlier.is_none() && promise.delta.is_some() && matches!(report.status, Status::Certified | Status::Inconclusive) {
        report.warnings.push(
            "nobody counts how often these rows were used: each further certificate on them is one more chance to be wrong, and no promise \
             takes that into account unless --ledger FILE keeps count"
                .to_owned(),
        );
    }
    let provenance = Provenance {
        tierfall: env!("CARGO_PKG_VERSION").to_owned(),
        source: from.source.clone(),
        source_digest,
        split: from.split.clone(),
        n: report.n,
        n_excluded,
        seed: promise.seed,
        earlier_certificates: promise.earlier,
        seen,
        labels: from.split.as_ref().and_then(|split| from.summary.labels.get(split).cloned()),
        ..Provenance::default()
    };
    let salt = from.observations.salt().to_owned();
    let mut fit = Fit { version: 1, cascade: String::new(), salt, provenance, tier: tiers, point: points };
    if let Some(loaded) = &from.loaded {
        fit::bind(&mut fit, loaded);
    }
    let met = match report.status {
        // Fused scores of few rows promise only approximately, and a target may be out of reach on these rows already.
        Status::Uncertified => !promise.promises() && report.attainable.is_none(),
        Status::Certified => true,
        Status::Inconclusive | Status::Infeasible => false,
    };
    let kept = certified.filter(|_| report.status != Status::Certified);
    if let Some(kept) = &kept {
        fit_file = Some(rejected(kept));
    }
    Ok(Calibrated { fit, report, from, fit_file, kept, met })
}

/// Whether a file is a fit that promises something. One that cannot be read is worth nothing to anybody.
fn is_certified(file: &Path) -> bool {
    fit::read(file).is_ok_and(|fit| fit.point.first().is_some_and(|point| point.status == Status::Certified))
}

/// Where a fit goes that may not take the place of a certified one: `NAME.rejected.fit.toml` beside `NAME.fit.toml`.
fn rejected(certified: &Path) -> PathBuf {
    let name = certified.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".fit.toml").or_else(|| name.strip_suffix(".toml")).unwrap_or(&name);
    certified.with_file_name(format!("{stem}.rejected.fit.toml"))
}

/// Further points have names of their own, and a target that can be promised.
fn points(promise: &ask::Ask) -> Result<(), Error> {
    let points = &promise.points;
    if !promise.target.can_be_promised() && !points.is_empty() {
        return Err(Error::refused("--point adds promises, and none exists for --max-cost")
            .with_hint("give the main target as --max-loss or --target-accuracy"));
    }
    for (place, point) in points.iter().enumerate() {
        if points[..place].iter().any(|before| before.name == point.name) {
            return Err(Error::refused(format!("two operating points are named \"{}\"", point.name)));
        }
    }
    Ok(())
}

/// Whether all files can be written, and none of them is another one's or what is read.
fn files(inputs: &Inputs, ask: &Ask) -> Result<(), Error> {
    if ask.fit_out.as_deref() == Some(Path::new("-")) {
        return Err(Error::refused("--fit-out -: a fit goes into a file; --json - prints the report"));
    }
    let (mut read, mut written) = (inputs.reads(), ask.results.clone());
    let beside = || Some(("the fit", fit_of(inputs.cascade()?)?));
    written.extend(ask.fit_out.clone().map(|path| ("--fit-out", path)).or_else(beside));
    let certified = written.last().map(|(_, path)| path.clone()).filter(|_| written.len() > ask.results.len());
    written.extend(
        certified.filter(|fit| !ask.force && is_certified(fit)).map(|fit| ("a fit that is not certified", rejected(&fit))),
    );
    if let Some(ledger) = &ask.ledger {
        without_ledger(&mut read, ledger);
        written.push(("--ledger", ledger.clone()));
    }
    ready(&read, &written)
}

/// Enters the certificate that is asked for, before the rows are looked at, and says how many others were made before it.
/// `None` where no ledger is kept: nothing is promised, or files without a ledger.
fn enter(
    file: Option<&Path>,
    from: &Observed,
    rows: &str,
    promise: &ask::Ask,
    progress: &dyn Progress,
) -> Result<Option<u64>, Error> {
    let Some(delta) = promise.delta else { return Ok(None) };
    let tell = |counted| progress.notice(Notice::Certificate(&Spending { asked: delta.get(), counted }));
    let beside = || from.set.as_deref().map(|set| set.join(ledger::FILE));
    let Some(path) = file.map(PathBuf::from).or_else(beside) else {
        tell(None);
        return Ok(None);
    };
    let chain = from.observations.tiers().map(|tier| tier.name.clone());
    let certificate = Certificate::new(rows, chain, promise);
    ledger::enter(&path, &certificate, |counted| tell(Some(counted))).map(Some)
}

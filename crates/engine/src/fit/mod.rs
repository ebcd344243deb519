//! Fits: `*.fit.toml`, read, written, held against a cascade, and put in force.

mod bind;
mod dial;
mod file;
mod fresh;
#[cfg(feature = "render-fit")]
mod render;

use std::path::{Path, PathBuf};

use tierfall_core::cascade::{Cascade, CascadeError};
use tierfall_core::point::{FittedGate, OperatingPoint};

pub(crate) use bind::foreign;
pub use bind::{bind, stale};
pub(crate) use dial::meeting;
pub use dial::{NoSuchPoint, find, wanted};
pub use tierfall_core::fit::{BindingFit, Cut, Fit, Guarantee, Labels, Point, Provenance, Seen, Status, TargetFit, TierFit};

pub(crate) use file::read_text;
pub use file::{FitFileError, parse, read};
pub use fresh::Difference;
pub(crate) use fresh::{Bound, differences};
#[cfg(feature = "render-fit")]
pub use render::render;

/// Where the fit of a cascade file is looked for: `NAME.fit.toml` beside `NAME.cascade.toml`.
pub fn path_for(cascade: &Path) -> PathBuf {
    let name = cascade.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.strip_suffix(".cascade.toml").or_else(|| name.strip_suffix(".toml")).unwrap_or(&name);
    cascade.with_file_name(format!("{stem}.fit.toml"))
}

/// The cascade with the gate values, maps and operating points of a fit. Whether the fit is of this cascade at all is
/// [`stale`]'s question.
pub(crate) fn apply(cascade: Cascade, fit: &Fit) -> Result<Cascade, CascadeError> {
    let fitted = fit.tier.iter().filter_map(|tier| Some((tier.gate.clone()?, tier.map.clone())));
    let gates = fitted.map(|(value, map)| FittedGate { value, map }).collect();
    let point = |point: &Point| OperatingPoint {
        name: point.name.as_str().into(),
        promise: promise(point).into(),
        cuts: point.cuts.clone(),
        segments: point.segments.iter().map(|(segment, cuts)| (segment.as_str().into(), cuts.clone())).collect(),
    };
    cascade.fitted(gates, fit.point.iter().map(point).collect())
}

/// What is promised for an operating point, in a few words: `certified: loss ≤ 0.05 at 90 %`; where it has conditions, that it has.
pub fn promise(point: &Point) -> String {
    let target = target(point.target);
    match (point.status, &point.guarantee) {
        (Status::Certified, Some(guarantee)) => {
            let about = if guarantee.finite_sample { "" } else { "approximately " };
            format!("certified: {target} at {about}{} %{}", percent(1.0 - guarantee.delta), guarantee.under())
        }
        (Status::Certified | Status::Uncertified, _) => format!("uncertified: fitted for {target}"),
        (Status::Inconclusive | Status::Infeasible, _) => {
            format!("{}: the fallback is in force, not {target}", point.status.as_str())
        }
    }
}

/// A target in a few words.
pub(crate) fn target(target: TargetFit) -> String {
    match target {
        TargetFit::Accuracy(value) => format!("accuracy ≥ {value}"),
        TargetFit::MaxLoss(value) => format!("loss ≤ {value}"),
        TargetFit::MaxCost(value) => format!("cost ≤ ${value}"),
    }
}

/// A share as a percentage with as few places as it needs, three at most.
fn percent(share: f64) -> String {
    let text = format!("{:.3}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

//! Choosing among the operating points of a fit: by name, or by what must hold.

use tierfall_core::fit::{Fit, Point, Status, TargetFit};

use super::{promise, target};

/// No operating point of a fit is what was asked for. Its `Debug` is its message.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{wanted}; {}", listed(.known.as_deref()))]
pub struct NoSuchPoint {
    /// What was asked for and is not there.
    pub wanted: String,
    /// The points that there are, with what is promised for each; `None` without a fit.
    pub known: Option<String>,
}

tierfall_core::debug_is_message!(NoSuchPoint);

fn listed(known: Option<&str>) -> String {
    known.map_or_else(|| "the cascade has no fit".to_owned(), |known| format!("the fit has {known}"))
}

/// A target as users write it: `loss<=0.02`, `accuracy>=0.9`. `None` for anything else, a point's name say.
pub fn wanted(text: &str) -> Option<TargetFit> {
    let (left, right) = text.split_once("<=").or_else(|| text.split_once(">="))?;
    let value = right.trim().parse::<f64>().ok().filter(|value| (0.0..=1.0).contains(value))?;
    match (left.trim(), text.contains("<=")) {
        ("loss", true) => Some(TargetFit::MaxLoss(value)),
        ("accuracy", false) => Some(TargetFit::Accuracy(value)),
        _ => None,
    }
}

/// The cheapest certified point that meets a target: of those at least as strict, the least strict.
///
/// Only declared points count. What the data would have allowed besides them was not certified, and choosing it now would
/// cost error that nobody has paid.
pub(crate) fn meeting(fit: &Fit, target: TargetFit) -> Option<&Point> {
    // How much stricter than the target a point's own is; below 0 it is laxer.
    let margin = |point: &Point| match (point.target, target) {
        (TargetFit::MaxLoss(own), TargetFit::MaxLoss(most)) => Some(most - own),
        (TargetFit::Accuracy(own), TargetFit::Accuracy(least)) => Some(own - least),
        _ => None,
    };
    let certified = fit.point.iter().filter(|point| point.status == Status::Certified);
    let meeting = certified.filter_map(|point| Some((margin(point).filter(|margin| *margin >= 0.0)?, point)));
    meeting.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, point)| point)
}

/// The operating point of this name, or the cheapest certified one that meets a target written as [`wanted`] reads it.
pub fn find<'a>(fit: &'a Fit, text: &str) -> Result<&'a Point, NoSuchPoint> {
    if let Some(named) = fit.point.iter().find(|point| point.name == text) {
        return Ok(named);
    }
    let missing = |wanted: String| {
        let known = fit.point.iter().map(|point| format!("\"{}\" ({})", point.name, promise(point))).collect::<Vec<_>>();
        NoSuchPoint { wanted, known: Some(known.join(", ")) }
    };
    match wanted(text) {
        Some(wanted) => {
            meeting(fit, wanted).ok_or_else(|| missing(format!("no operating point is certified for {}", target(wanted))))
        }
        None => Err(missing(format!("there is no operating point \"{text}\""))),
    }
}

//! Rules that choose a policy from a sample, and whether they say that it keeps the target.

use tierfall_calibrate::ask::{Ask, Target};
use tierfall_calibrate::certify::{Input, Labels, certify};
use tierfall_calibrate::policy::Thresholds;
use tierfall_calibrate::sweep::pair::PairSweep;
use tierfall_calibrate::table::Table;
use tierfall_core::fit::Status;

/// What a rule puts in force, and whether it says that the target is kept.
pub(crate) struct Chosen {
    pub(crate) policy: Thresholds,
    pub(crate) promised: bool,
}

/// Ours.
pub(crate) fn ours(sample: Table<'_>, ask: &Ask) -> Result<Chosen, String> {
    let input = Input { certify: sample, tune: None, segments: None, labels: Labels::Human };
    let found = certify(&input, ask).map_err(|error| error.to_string())?.points.swap_remove(0);
    Ok(Chosen { promised: found.status == Status::Certified, policy: found.policy })
}

/// The usual practice: the cheapest cut of any pair that meets the target on the sample.
pub(crate) fn naive(sample: &Table<'_>, target: Target) -> Chosen {
    cheapest(sample, |sums, n, last| quality_kept(sums, n, last, target) >= 0.0, false)
}

/// Conformal risk control (arXiv 2208.02814): of every pair the last cut before which the corrected risk stays within the
/// target, and the cheapest of those. What it controls is the mean over samples.
pub(crate) fn conformal(sample: &Table<'_>, target: Target) -> Chosen {
    // (Σ loss + 1)/(n + 1) ≤ limit, losses being at most 1.
    let limit = match target {
        Target::Accuracy(accuracy) => 1.0 - accuracy,
        Target::MaxLoss(loss) => loss,
        Target::MaxCost(_) => 0.0,
    };
    cheapest(sample, |sums, n, last| quality_kept(sums, n, last, target) >= 1.0 - limit, true)
}

/// By how many right answers the target is exceeded.
fn quality_kept(quality: f64, n: f64, last: f64, target: Target) -> f64 {
    match target {
        Target::Accuracy(accuracy) => quality - accuracy * n + 1e-9,
        Target::MaxLoss(loss) => quality - last + loss * n + 1e-9,
        Target::MaxCost(_) => 0.0,
    }
}

fn cheapest(sample: &Table<'_>, keeps: impl Fn(f64, f64, f64) -> bool, stops: bool) -> Chosen {
    let n = sample.len() as f64;
    let last = Thresholds::always(sample.last()).tally(sample);
    let reference = last.quality as f64 / 1e9;
    let promised = keeps(reference, n, reference);
    let mut best = (last.cost.unwrap_or(0), Chosen { policy: Thresholds::always(sample.last()), promised });
    for tier in 0..sample.last() {
        let sweep = PairSweep::new(sample, tier, sample.last());
        for sums in sweep.walk() {
            let kept = keeps(sums.quality as f64 / 1e9, n, reference);
            if stops && !kept {
                break;
            }
            let cost = sums.cost.unwrap_or(0);
            if kept && sums.at > 0 && (cost < best.0 || !best.1.promised) {
                best = (cost, Chosen { policy: sweep.policy(sums.at), promised: true });
            }
        }
    }
    best.1
}

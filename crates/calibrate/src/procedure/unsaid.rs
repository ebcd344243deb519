//! What cannot be said where some answers have no grade.

use crate::observations::Observations;
use crate::report::Calibration;

/// Takes back every figure that assumed grades are part of. What is promised, costs and coverage stay, and losses where none of their grades
/// is assumed.
pub(super) fn blank(report: &mut Calibration) {
    let losses_known = report.assumed == 0;
    let points = report.points.iter_mut().filter_map(|point| point.estimate.as_mut());
    for estimate in points.chain(&mut report.estimate) {
        estimate.accuracy = None;
        estimate.loss_vs_last = estimate.loss_vs_last.filter(|_| losses_known);
    }
    report.thresholds.fill(None);
    report.baselines.clear();
    report.frontier.clear();
    report.tiers.clear();
    report.signal_table.clear();
}

/// What has no grade, and what that means.
pub(super) fn warning(observations: &Observations, report: &Calibration) -> String {
    let last = observations.tiers().len() - 1;
    let of_tier = observations.tiers().enumerate().filter(|(tier, _)| observations.ungraded(*tier) > 0).map(|(tier, spec)| {
        let as_last = observations.ungraded_rows(tier).filter(|(_, same)| *same && tier < last).count();
        let same = if as_last > 0 { format!(" ({as_last} of them the same as the last tier's)") } else { String::new() };
        format!("{} of {}{same}", observations.ungraded(tier), spec.name)
    });
    let promised = report.points.iter().any(|point| point.guarantee.is_some());
    let counts = match report.assumed {
        0 => "All of them are the last tier's answers, which lose nothing against it, whatever they are worth",
        _ if promised => "Each counts as the worst it can be for what is promised, so the promise holds whatever they are",
        _ => "Each counts as the worst it can be for the target",
    };
    format!(
        "answers without a grade: {}. {counts}; but how right anything is cannot be said, since those that have a grade are no random part \
         of all",
        of_tier.collect::<Vec<_>>().join(", ")
    )
}

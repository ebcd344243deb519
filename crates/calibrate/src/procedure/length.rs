//! The length of the answer, which every signal has to beat: one that cannot knows nothing that counting tokens does not.

use crate::map::baseline::{Against, beats_length};
use crate::report::Verdict;
use crate::view::View;

use super::signals::kept;

/// A tier's answer lengths in tokens, NaN where unknown.
pub(super) fn lengths(view: &View<'_>, tier: usize) -> Vec<f64> {
    let observations = view.observations();
    view.rows().map(|row| observations.length_of(tier, row).map_or(f64::NAN, f64::from)).collect()
}

/// A tier's gate values beside the length of its answers, for being right; `None` where no length is known or nothing can be said.
pub(super) fn against(view: &View<'_>, tier: usize, gate_values: &[f64]) -> Option<Against> {
    let quality: Vec<f64> = view.rows().map(|row| view.observations().quality(tier)[row].get()).collect();
    compare(view, tier, gate_values, &quality)
}

fn compare(view: &View<'_>, tier: usize, gate_values: &[f64], outcome: &[f64]) -> Option<Against> {
    let lengths = lengths(view, tier);
    if lengths.iter().all(|length| length.is_nan()) {
        return None;
    }
    beats_length(gate_values, &lengths, outcome)
}

/// Why a signal is refused, where it is: it beats the length neither at telling right from wrong nor at telling where
/// the last tier would be better.
pub(super) fn refusal(view: &View<'_>, tier: usize, gate_values: &[f64]) -> Option<String> {
    let against = against(view, tier, gate_values).filter(|against| against.verdict == Verdict::No)?;
    if compare(view, tier, gate_values, &kept(view, tier)).is_some_and(|benefit| benefit.verdict != Verdict::No) {
        return None;
    }
    Some(format!(
        "it ranks right answers no better than the length of the answer alone (AUROC {:.3} against {:.3})",
        against.signal, against.length
    ))
}

//! The length of the answer, which every signal has to beat: one that cannot knows nothing that counting tokens does not.

use crate::map::baseline::against;
use crate::metric::{Sorted, is_right};
use crate::report::Earns;
use crate::view::View;

/// A tier's answer lengths in tokens, NaN where unknown; `None` where all are.
pub(super) fn lengths(view: &View<'_>, tier: usize) -> Option<Sorted<'static>> {
    let observations = view.observations();
    let length = |row: usize| observations.length_of(tier, row).map_or(f64::NAN, f64::from);
    let lengths: Vec<f64> = view.rows().map(length).collect();
    lengths.iter().any(|length| !length.is_nan()).then(|| Sorted::new(lengths))
}

/// Why a signal is refused, where it is: it beats the length neither at telling right from wrong nor at telling where
/// the last tier would be better.
pub(super) fn refusal(view: &View<'_>, tier: usize, gate_values: &[f64]) -> Option<String> {
    refusal_beside(view, tier, &Sorted::new(gate_values), lengths(view, tier).as_ref())
}

/// [`refusal`] beside lengths that are known; `None` = none is, and nothing can be said.
pub(super) fn refusal_beside(view: &View<'_>, tier: usize, sorted: &Sorted<'_>, lengths: Option<&Sorted<'_>>) -> Option<String> {
    let lengths = lengths?;
    let quality = view.observations().quality(tier);
    let right = |at: usize| is_right(quality[view.row(at)].get());
    let found = against(sorted, lengths, right).filter(|found| found.verdict == Earns::No)?;
    if against(sorted, lengths, kept(view, tier, view.observations().tiers().len() - 1))
        .is_some_and(|benefit| benefit.verdict != Earns::No)
    {
        return None;
    }
    Some(format!(
        "it ranks right answers no better than the length of the answer alone (AUROC {:.3} against {:.3})",
        found.signal, found.length
    ))
}

/// By place in the view: whether the answer of the tier that would be asked `next` is no better.
pub(super) fn kept<'v>(view: &'v View<'_>, tier: usize, next: usize) -> impl Fn(usize) -> bool + 'v {
    let observations = view.observations();
    let (this, next) = (observations.quality(tier), observations.quality(next));
    move |at: usize| {
        let row = view.row(at);
        next[row] <= this[row]
    }
}

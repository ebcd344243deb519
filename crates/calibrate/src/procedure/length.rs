//! The length of the answer, which every signal has to beat: one that cannot knows nothing that counting tokens does not.

use std::borrow::Cow;

use crate::map::baseline::against;
use crate::metric::{Sorted, is_right};
use crate::report::Verdict;
use crate::view::View;

/// A column and the order of its rows.
pub(super) struct Gauge<'a> {
    pub values: Cow<'a, [f64]>,
    pub sorted: Sorted,
}

impl<'a> Gauge<'a> {
    pub(super) fn new(values: impl Into<Cow<'a, [f64]>>) -> Self {
        let values = values.into();
        Self { sorted: Sorted::new(&values), values }
    }
}

/// A tier's answer lengths in tokens, NaN where unknown; `None` where all are.
pub(super) fn lengths(view: &View<'_>, tier: usize) -> Option<Gauge<'static>> {
    let observations = view.observations();
    let length = |row: usize| observations.length_of(tier, row).map_or(f64::NAN, f64::from);
    let lengths: Vec<f64> = view.rows().map(length).collect();
    lengths.iter().any(|length| !length.is_nan()).then(|| Gauge::new(lengths))
}

/// Why a signal is refused, where it is: it beats the length neither at telling right from wrong nor at telling where
/// the last tier would be better.
pub(super) fn refusal(view: &View<'_>, tier: usize, gate_values: &[f64]) -> Option<String> {
    refusal_beside(view, tier, &Gauge::new(gate_values), lengths(view, tier).as_ref())
}

/// [`refusal`] beside lengths that are known; `None` = none is, and nothing can be said.
pub(super) fn refusal_beside(view: &View<'_>, tier: usize, gauge: &Gauge<'_>, lengths: Option<&Gauge<'_>>) -> Option<String> {
    let lengths = lengths?;
    let (mine, theirs) = ((&*gauge.values, &gauge.sorted), (&*lengths.values, &lengths.sorted));
    let quality = view.observations().quality(tier);
    let right = |at: usize| is_right(quality[view.row(at)].get());
    let found = against(mine, theirs, right).filter(|found| found.verdict == Verdict::No)?;
    if against(mine, theirs, kept(view, tier, view.observations().tiers().len() - 1))
        .is_some_and(|benefit| benefit.verdict != Verdict::No)
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

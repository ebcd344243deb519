//! How each segment fares, and whether any is worse off than with the last tier alone.

use crate::report::SegmentScore;
use crate::stat::{mcnemar, multiple, normal};
use crate::view::View;

use super::play::Played;
use super::sample::WeightedItems;

/// A segment is called worse where its adjusted p is below this.
const LEVEL: f64 = 0.05;

/// What rows without a label are called.
const NONE: &str = "(none)";

/// By run-time segment, or by stratum where no row has a segment; in the order of first appearance, and last the rows that have none.
/// Holm's adjustment over all. Empty where no row has any.
pub(crate) fn segments(view: &View<'_>, played: &Played<'_>, last: usize) -> Vec<SegmentScore> {
    let (labels, _) = view.observations().labels();
    if labels.names.is_empty() {
        return Vec::new();
    }
    let mut places: Vec<Vec<usize>> = vec![Vec::new(); labels.names.len() + 1];
    for (at, row) in played.row.iter().enumerate() {
        places[labels.place(*row as usize).unwrap_or(labels.names.len())].push(at);
    }
    let names = labels.names.iter().map(|name| &**name).chain([NONE]);
    let mut scores: Vec<SegmentScore> = names
        .zip(&places)
        .filter(|(_, places)| !places.is_empty())
        .map(|(name, places)| score(view, name, &played.part(places), last))
        .collect();
    let adjusted = multiple::holm(&scores.iter().map(|score| score.p_worse).collect::<Vec<f64>>());
    for (score, p) in scores.iter_mut().zip(adjusted) {
        score.p_worse = p;
        score.worse = p < LEVEL;
    }
    scores
}

fn score(view: &View<'_>, name: &str, part: &Played<'_>, last: usize) -> SegmentScore {
    let sample = part.sample(view);
    SegmentScore {
        segment: name.to_owned(),
        n: sample.items as u64,
        accuracy: sample.quality(|at| part.quality(at)),
        loss_vs_last: part.loss(&sample, last),
        cost_ratio: part.cost_ratio(&sample),
        p_worse: p_worse(part, &sample),
        worse: false,
    }
}

/// One-sided p of a loss above 0: `McNemar`'s mid-p (Fagerland 2013) where counts are whole, else by the normal distribution.
fn p_worse(part: &Played<'_>, sample: &WeightedItems) -> f64 {
    if let Some([_, minus, plus, _]) = part.cells(sample) {
        return mcnemar::mid_greater(minus, plus);
    }
    let (loss, error) = sample.mean_and_error(|at| part.lost(at));
    if error > 0.0 { 1.0 - normal::cdf(loss / error) } else { indicator_p(loss) }
}

/// Without any spread the mean itself decides.
pub(crate) fn indicator_p(excess: f64) -> f64 {
    if excess > 0.0 { 0.0 } else { 1.0 }
}

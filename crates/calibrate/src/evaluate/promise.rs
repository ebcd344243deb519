//! A fit's promise, looked at with rows that it has not seen.

use std::collections::BTreeMap;

use crate::report::{Promise, PromisedPart};
use crate::stat::{binomial, multiple, normal, paired};
use crate::view::View;
use tierfall_core::fit::{Guarantee, TargetFit};

use super::play::{Cuts, Played};
use super::sample::WeightedItems;
use super::segments::indicator_p;

/// Whether these rows meet the promise, and the one-sided p of what they show if it is true. What is promised of every segment is asked of
/// every segment: all have to meet it, and the least p is adjusted for their number (Holm).
///
/// A promise about what people say is read by people's grades alone, on the rows that have them; `None` where no row has, where it is
/// about a judge and no judge graded, and for a limit on costs.
pub(crate) fn promise(
    guarantee: &Guarantee,
    target: TargetFit,
    view: &View<'_>,
    played: &Played<'_>,
    cuts: &Cuts,
) -> Option<Promise> {
    // People's grades say nothing of what a judge would say.
    if guarantee.judge.is_some() && view.observations().tiers().all(|spec| spec.judge.is_none()) {
        return None;
    }
    let of_people = guarantee.method.starts_with("ppi");
    let people = of_people.then(|| played.by_people());
    let played = people.as_ref().unwrap_or(played);
    if played.len() == 0 {
        return None;
    }
    let parts: Vec<(Option<&str>, Played<'_>)> = if guarantee.each_segment {
        let mut places: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for (at, row) in played.row.iter().enumerate() {
            let segment = view.observations().segment(*row as usize).map(|name| &**name);
            // Those that are not listed were pooled, and promised together.
            places.entry(segment.filter(|name| cuts.segments.contains_key(*name))).or_default().push(at);
        }
        places.iter().map(|(name, places)| (*name, played.part(places))).collect()
    } else {
        vec![(None, played.clone())]
    };
    let look = |(segment, part): &(Option<&str>, Played<'_>)| {
        let sample = part.sample(view);
        let (met, p_broken) = looked_at(target, part, &sample)?;
        Some(PromisedPart { segment: segment.map(str::to_owned), n: sample.items as u64, met, p_broken })
    };
    let mut parts: Vec<PromisedPart> = parts.iter().map(look).collect::<Option<_>>()?;
    let adjusted = multiple::holm(&parts.iter().map(|part| part.p_broken).collect::<Vec<f64>>());
    for (part, p) in parts.iter_mut().zip(adjusted) {
        part.p_broken = p;
    }
    Some(Promise {
        guarantee: guarantee.clone(),
        target,
        met: parts.iter().all(|part| part.met),
        p_broken: parts.iter().map(|part| part.p_broken).fold(1.0, f64::min),
        parts: if guarantee.each_segment { parts } else { Vec::new() },
    })
}

/// Whether rows meet a target, and the one-sided p of what they show if it holds; `None` for a limit on costs.
///
/// Binomial for an accuracy and Tango's score (1998) for a loss where counts are whole, else by the normal distribution.
fn looked_at(target: TargetFit, played: &Played<'_>, sample: &WeightedItems) -> Option<(bool, f64)> {
    let quality = |at: usize| f64::from(played.quality(at)) / 1e9;
    match target {
        TargetFit::MaxCost(_) => None,
        TargetFit::Accuracy(least) => {
            let (accuracy, error) = sample.mean_and_error(quality);
            let p = match played.cells(sample) {
                Some([both, _, plus, _]) => binomial::cdf(both + plus, played.len() as u64, least),
                None => below(accuracy - least, error),
            };
            Some((accuracy >= least, p))
        }
        TargetFit::MaxLoss(most) => {
            let (loss, error) = sample.mean_and_error(|at| played.lost(at));
            let p = match played.cells(sample) {
                Some([_, 0, 0, _]) => 1.0,
                Some([_, minus, plus, _]) => normal::cdf(paired::tango_z(minus, plus, played.len() as u64, most)),
                None => below(most - loss, error),
            };
            Some((loss <= most, p))
        }
    }
}

/// P(a normal deviate is at most `margin / error`).
fn below(margin: f64, error: f64) -> f64 {
    if error > 0.0 { normal::cdf(margin / error) } else { indicator_p(-margin) }
}

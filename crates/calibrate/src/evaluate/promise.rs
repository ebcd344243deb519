//! A fit's promise, looked at with rows that it has not seen.

use crate::fit::{Guarantee, TargetFit};
use crate::report::Promise;
use crate::stat::{binomial, normal, paired};

use super::play::Played;
use super::sample::Sample;
use super::segments::indicator_p;

/// Whether these rows meet the promise, and the one-sided p of what they show if it is true.
///
/// Binomial for an accuracy and Tango's score (1998) for a loss where counts are whole, else by the normal distribution.
pub(crate) fn promise(guarantee: &Guarantee, target: TargetFit, played: &Played<'_>, sample: &Sample) -> Option<Promise> {
    let quality = |at: usize| f64::from(played.quality(at)) / 1e9;
    let (met, p_broken) = match target {
        TargetFit::MaxCost(_) => return None,
        TargetFit::Accuracy(least) => {
            let (accuracy, error) = sample.mean_and_error(quality);
            let p = match played.cells(sample) {
                Some([both, _, plus, _]) => binomial::cdf(both + plus, played.len() as u64, least),
                None => below(accuracy - least, error),
            };
            (accuracy >= least, p)
        }
        TargetFit::MaxLoss(most) => {
            let (loss, error) = sample.mean_and_error(|at| played.lost(at));
            let p = match played.cells(sample) {
                Some([_, 0, 0, _]) => 1.0,
                Some([_, minus, plus, _]) => normal::cdf(paired::tango_z(minus, plus, played.len() as u64, most)),
                None => below(most - loss, error),
            };
            (loss <= most, p)
        }
    };
    Some(Promise { guarantee: guarantee.clone(), target, met, p_broken })
}

/// P(a normal deviate is at most `margin / error`).
fn below(margin: f64, error: f64) -> f64 {
    if error > 0.0 { normal::cdf(margin / error) } else { indicator_p(-margin) }
}

//! Is the quality on the same examples worse?
//!
//! Right-or-wrong grades, one row a cluster and no weights: `McNemar`'s test (mid-p over all examples, exact within segments) and the
//! exact unconditional test of the margin.
//! Else cluster means: the sign-flip test, and betting on the margin, which holds in finite samples for any grades in [0, 1].

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::evaluate::{CONFIDENCE, finite};
use crate::stat::{betting, flips, mcnemar, paired, trinomial};

use super::family::Test;
use super::rows::{self, detectable, is_whole};
use super::{Pair, Rules};

/// What examples under two systems say.
#[derive(Clone, Debug)]
pub(super) struct Quality {
    /// How many rows.
    pub n: u64,
    /// Mean now and under the baseline.
    pub value: Option<f64>,
    pub baseline: Option<f64>,
    /// Rows whose grade fell, and rose.
    pub lost: u64,
    pub gained: u64,
    /// Of "no worse".
    pub test: Test,
    /// The same for one segment among several. Its share of the level is small, where few counts can be significant and the mid-p
    /// may exceed its level: there the exact test stands in for it.
    pub in_segment: Test,
    /// Of now − base.
    pub interval: Option<[f64; 2]>,
    /// Counts are whole and every row is an item.
    pub whole: bool,
    /// A cluster: the weighted mean of base − now, and the weight.
    moved: Vec<f64>,
    weights: Vec<f64>,
}

impl Quality {
    pub(super) fn of(pairs: &[&Pair], rules: &Rules) -> Self {
        let sample = rows::sample(pairs.iter().map(|pair| (pair.weight, pair.cluster)));
        let fall = |at: usize| pairs[at].base.quality - pairs[at].now.quality;
        let (moved, weights) = (sample.by_item(fall), sample.by_item(|_| 1.0));
        let lost = (0..pairs.len()).filter(|at| fall(*at) > 0.0).count() as u64;
        let gained = (0..pairs.len()).filter(|at| fall(*at) < 0.0).count() as u64;
        let whole = sample.plain && pairs.iter().all(|pair| is_whole(pair.base.quality) && is_whole(pair.now.quality));
        let n = pairs.len() as u64;
        let p = if whole { mcnemar::mid_greater(lost, gained) } else { flips::greater(&moved) };
        let exact = if whole { mcnemar::exact_greater(lost, gained) } else { p };
        let least = flips::least(&moved);
        let interval = if whole { tango(lost, gained, n) } else { graded(&moved, &weights, rules.seed) };
        Self {
            n,
            value: finite(sample.mean(|at| pairs[at].now.quality)),
            baseline: finite(sample.mean(|at| pairs[at].base.quality)),
            lost,
            gained,
            test: Test { p, least },
            in_segment: Test { p: exact, least },
            interval,
            whole,
            moved,
            weights,
        }
    }

    /// Whether a loss of `margin` is ruled out at `level`.
    pub(super) fn non_inferior(&self, margin: f64, level: f64, seed: u64) -> bool {
        if self.whole {
            return trinomial::certifies(self.lost, self.gained, self.n, margin, level);
        }
        if self.moved.is_empty() || margin <= 0.0 || margin >= 1.0 {
            return false;
        }
        let largest = self.weights.iter().copied().fold(0.0, f64::max);
        // A bet must not depend on how the examples are sorted: losses at the end would look like none.
        let order = shuffled(self.moved.len(), seed);
        let falls: Vec<f64> = order.iter().map(|at| self.moved[*at] / self.weights[*at]).collect();
        let weights: Vec<f64> = order.iter().map(|at| self.weights[*at]).collect();
        betting::weighted_difference(&falls, &weights, largest, margin, level).rejects(level)
    }

    /// The smallest loss that is found at this level with this power; 1 where none is.
    pub(super) fn detectable(&self, level: f64, power: f64) -> f64 {
        if self.moved.is_empty() {
            return 1.0;
        }
        detectable(self.moved.iter().map(|moved| moved * moved).sum(), &self.weights, level, power).min(1.0)
    }

    /// How many clusters there are.
    pub(super) fn clusters(&self) -> usize {
        self.moved.len()
    }
}

/// Tango's interval of now − base.
fn tango(lost: u64, gained: u64, n: u64) -> Option<[f64; 2]> {
    let (low, high) = paired::tango(lost, gained, n, CONFIDENCE);
    (n > 0).then_some([0.0 - high, 0.0 - low])
}

/// That of graded or clustered examples. Where all moved alike, a share of 1 − 0.025^(1/n) of the traffic may be like none of
/// them, and move by all there is.
fn graded(moved: &[f64], weights: &[f64], seed: u64) -> Option<[f64; 2]> {
    let total: f64 = weights.iter().sum();
    let fall = moved.iter().sum::<f64>() / total;
    if moved.is_empty() {
        return None;
    }
    let [low, high] = rows::interval(moved, weights, seed).unwrap_or_else(|| {
        let unseen = -((0.5 - 0.5 * CONFIDENCE).ln() / moved.len() as f64).exp_m1();
        [fall - unseen, fall + unseen]
    });
    Some([(0.0 - high).max(-1.0), (0.0 - low).min(1.0)])
}

/// The places 0..n in an order that the seed decides.
pub(super) fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for last in (1..n).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
    order
}

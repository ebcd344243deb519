//! p-values by betting: valid in finite samples for any bounded loss, graded or weighted.
//!
//! Under H0, "the mean loss is above the limit", a bettor who stakes a share λ of the capital on *small* losses,
//! `K ← K (1 + λ (limit − x))`, cannot expect to gain as long as λ is fixed before x is seen and the capital cannot fall
//! below 0. By Ville's inequality the largest capital ever reached exceeds 1/p with probability at most p. The p-value
//! depends on the order of the rows, which therefore has to be drawn, once, before they are looked at.

use crate::stat::normal;

/// The capital that is held after each row, by its natural logarithm. Rows are read as far as is needed.
#[derive(Clone, Debug)]
pub struct Game<I>(I);

impl<I: Iterator<Item = f64>> Game<I> {
    /// The p-value of H0, in (0, 1]: one over the most capital ever held.
    pub fn p(self) -> f64 {
        (-self.0.fold(0.0, f64::max)).exp()
    }

    /// Whether H0 is rejected at `level` in (0, 1), exactly where [`Self::p`] is at most that. A clear case is decided by its first rows.
    pub(crate) fn rejects(mut self, level: f64) -> bool {
        // Only near the goal is the exponential taken, so that both say the same to the last digit.
        let near = -level.ln() - 1e-9;
        self.0.any(|ln| ln >= near && (-ln).exp() <= level)
    }
}

/// Against H0: mean > `limit` for `x` in [0, 1], with the bets of Waudby-Smith and Ramdas (2024, predictable plug-in for a
/// known number of rows, truncated at ¾ of the stake) that aim at level `delta`; `limit` in [0, 1).
pub fn mean_at_most(x: &[f64], limit: f64, delta: f64) -> Game<impl Iterator<Item = f64> + '_> {
    let cap = 0.75 / (1.0 - limit);
    Game(capital(plug_in_bets(x, delta).map(move |(x, bet)| bet.min(cap) * (limit - x))))
}

/// ln of a capital of 1 that is multiplied by 1 + gain, after each gain.
fn capital(gains: impl Iterator<Item = f64>) -> impl Iterator<Item = f64> {
    gains.scan(0.0, |ln: &mut f64, gain| {
        *ln += gain.ln_1p();
        Some(*ln)
    })
}

/// Each value with the bet √(2 ln(1/δ) / (n σ̂²)) that is fixed before it.
fn plug_in_bets(x: &[f64], delta: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
    let scale = 2.0 * (1.0 / delta).ln() / x.len() as f64;
    let mut spread = Spread::new(0.5, 0.25, 1.0);
    x.iter().map(move |x| {
        let bet = (scale / spread.variance()).sqrt();
        spread.add(*x);
        (*x, bet)
    })
}

/// Against H0: mean > `eps` for differences `d` in [−1, 1], with bets that aim at level `delta`.
///
/// The bets are sized by the small variance that differences of mostly equal grades have; see [`excess`].
pub(crate) fn difference(d: &[f64], eps: f64, delta: f64) -> Game<impl Iterator<Item = f64> + '_> {
    excess(d.iter().map(move |d| d - eps), 1.0 - eps, delta)
}

/// [`difference`] where row i stands for `weights[i]` rows of the traffic: H0 is Σ wᵢ (dᵢ − eps) > 0 in expectation. `largest`
/// is the greatest weight that the sampling allows, known before it; a greater weight counts as that much.
pub(crate) fn weighted_difference<'d>(
    d: &'d [f64],
    weights: &'d [f64],
    largest: f64,
    eps: f64,
    delta: f64,
) -> Game<impl Iterator<Item = f64> + 'd> {
    excess(d.iter().zip(weights).map(move |(d, w)| w.min(largest) * (d - eps)), largest * (1.0 - eps), delta)
}

/// Against H0: mean excess > 0, for excesses (value − limit) of at most `most` each, aimed at level `delta`.
///
/// The bets replicate the fixed-sample test (Kulldorff 1993 solves this for a normal walk). A capital of Φ(d)/δ, with d the distance of
/// the sum seen so far from its critical value in standard errors of the rows still to come, is nearly a fair game, and ends
/// at 1/δ exactly where a z-test rejects. A typical loss r would move d to d − r/(σ̂ √rows left); the stake takes from the
/// capital *actually* held what that takes from Φ(d), so that bets are bold where rows run out and small where the goal
/// is near, and is cut off where one row could take nearly all. Whatever the rows are, every stake is fixed before its row, so that the
/// p-value is valid without normality; how near the estimates of σ and r are decides on power alone. The game is played for a little more
/// than 1/δ, which it would else only reach with the last row, however clear the case; then for a tenth of the level.
pub(crate) fn excess(excess: impl ExactSizeIterator<Item = f64>, most: f64, delta: f64) -> Game<impl Iterator<Item = f64>> {
    /// No row takes more than this share of the capital.
    const CAP: f64 = 0.9;
    /// The variance and the number of the rows imagined at first, for excesses of at most 1: what paired answers often show.
    const IMAGINED: (f64, f64) = (0.02, 50.0);
    /// How much of the distance to the null's mean is counted as variance that only the null has.
    const TILT: f64 = 0.3;
    /// The level that is aimed at, of the one that is wanted: the latter is reached once d is 3.1.
    const AIM: f64 = 0.999;

    let rows = excess.len();
    let mut ln = 0.0_f64;
    let mut spread = Spread::new(0.0, IMAGINED.0 * most * most, IMAGINED.1);
    let (mut losses, mut squares) = (most, most * most);
    let mut goal = delta;
    Game(excess.enumerate().map(move |(seen, y)| {
        while ln >= -goal.ln() {
            goal *= 0.1;
        }
        let typical = squares / losses;
        let variance = spread.variance() + TILT * typical * (-spread.mean()).max(0.0);
        let error = (variance * (rows - seen) as f64).sqrt();
        let distance = rough_quantile((ln + (AIM * goal).ln()).exp());
        let stake = (1.0 - rough_cdf(distance - typical / error) / rough_cdf(distance)) / typical;
        ln += (-stake.clamp(0.0, CAP / most) * y).ln_1p();
        spread.add(y);
        if y > 0.0 {
            (losses, squares) = (losses + y, squares + y * y);
        }
        ln
    }))
}

/// Φ⁻¹ to about 0.0005 (Abramowitz and Stegun 26.2.23), for the size of a bet.
fn rough_quantile(p: f64) -> f64 {
    let smaller = p.min(1.0 - p).max(1e-300);
    let t = (-2.0 * smaller.ln()).sqrt();
    let top = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let bottom = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let z = t - top / bottom;
    if p < 0.5 { -z } else { z }
}

/// Φ to about 1e-7 (Abramowitz and Stegun 26.2.17), for the size of a bet.
fn rough_cdf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let inner = -0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429));
    let tail = normal::density(x) * t * (0.319_381_53 + t * inner);
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// Mean and variance so far, beginning with `rows` imagined rows.
struct Spread {
    rows: f64,
    sum: f64,
    squares: f64,
}

impl Spread {
    fn new(mean: f64, variance: f64, rows: f64) -> Self {
        Self { rows, sum: mean * rows, squares: variance * rows }
    }

    fn mean(&self) -> f64 {
        self.sum / self.rows
    }

    fn variance(&self) -> f64 {
        self.squares / self.rows
    }

    fn add(&mut self, x: f64) {
        self.rows += 1.0;
        self.sum += x;
        let distance = x - self.mean();
        self.squares += distance * distance;
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// `size` × {+1, 0, −1} with these probabilities of loss and gain; sizes in quarters where `graded`.
    fn differences(rng: &mut ChaCha8Rng, n: usize, loss: f64, gain: f64, graded: bool) -> Vec<f64> {
        let draw = |rng: &mut ChaCha8Rng| {
            let (u, v) = (rng.random::<f64>(), rng.random::<f64>());
            let size = if graded { (4.0 * v).ceil() / 4.0 } else { 1.0 };
            if u < loss {
                size
            } else if u < loss + gain {
                -size
            } else {
                0.0
            }
        };
        (0..n).map(|_| draw(rng)).collect()
    }

    fn halved(d: &[f64]) -> Vec<f64> {
        d.iter().map(|d| 0.5 * (1.0 + d)).collect()
    }

    /// The share of samples that a p-value certifies at 0.1.
    fn rate(draws: u32, n: usize, (loss, gain, graded): (f64, f64, bool), p: impl Fn(&[f64]) -> f64) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(20);
        let certified = (0..draws).filter(|_| p(&differences(&mut rng, n, loss, gain, graded)) <= 0.1).count();
        certified as f64 / f64::from(draws)
    }

    #[test]
    fn a_broken_promise_is_certified_no_more_often_than_allowed() {
        // Mean size in quarters: 0.625.
        let settings = [
            (0.05, 0.03, false, 0.02),
            (0.02, 0.0, false, 0.02),
            (0.3, 0.28, false, 0.02),
            (0.1, 0.06, true, 0.025),
            (0.002, 0.0, false, 0.002),
        ];
        for (loss, gain, graded, eps) in settings {
            let size = rate(1500, 400, (loss, gain, graded), |d| difference(d, eps, 0.1).p());
            // Four standard errors of a rate of 0.1 in 1500 draws.
            assert!(size <= 0.1 + 0.031, "{loss} {gain}: {size}");
        }
    }

    #[test]
    fn bets_sized_for_differences_certify_more_than_those_for_grades() {
        let settings = [
            (400, 0.02, 0.02, false, 0.02),
            (1000, 0.05, 0.05, false, 0.02),
            (2000, 0.025, 0.015, false, 0.02),
            (500, 0.2, 0.2, true, 0.05),
        ];
        for (n, loss, gain, graded, eps) in settings {
            let ours = rate(400, n, (loss, gain, graded), |d| difference(d, eps, 0.1).p());
            let theirs = rate(400, n, (loss, gain, graded), |d| mean_at_most(&halved(d), 0.5 * (1.0 + eps), 0.1).p());
            assert!(ours > theirs + 0.03, "{n} {loss}: {ours} against {theirs}");
        }
    }

    #[test]
    fn weights_count_as_rows() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let sample = |rng: &mut ChaCha8Rng| {
            // Half of the rows lose 0.1 on average and stand for one, half lose nothing and stand for three: 0.025 in all.
            let rows: Vec<(f64, f64)> =
                (0..400).map(|i| if i % 2 == 0 { (f64::from(rng.random::<f64>() < 0.1), 1.0) } else { (0.0, 3.0) }).collect();
            rows.into_iter().unzip::<f64, f64, Vec<f64>, Vec<f64>>()
        };
        let certified = |eps: f64, rng: &mut ChaCha8Rng| {
            let draws = 1000;
            let hits = (0..draws).filter(|_| {
                let (d, w) = sample(rng);
                weighted_difference(&d, &w, 3.0, eps, 0.1).rejects(0.1)
            });
            hits.count() as f64 / f64::from(draws)
        };
        let (broken, kept) = (certified(0.025, &mut rng), certified(0.06, &mut rng));
        assert!(broken < 0.14 && kept > 0.9, "{broken} {kept}");
    }

    #[test]
    fn losses_alone_never_certify_and_none_at_all_does() {
        assert!(difference(&[1.0; 200], 0.02, 0.1).p() >= 1.0 - 1e-12);
        assert!(difference(&[0.0; 200], 0.02, 0.1).rejects(0.1) && !difference(&[0.0; 100], 0.02, 0.1).rejects(0.1));
        assert!(difference(&[], 0.02, 0.1).p() >= 1.0 && mean_at_most(&[], 0.1, 0.1).p() >= 1.0);
        assert!(difference(&[0.0; 1000], 0.02, 0.1).p() < 1e-3, "the game is played on beyond its first goal");
    }

    #[test]
    fn what_is_rejected_early_is_what_the_whole_game_rejects() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for n in [0, 1, 40, 300, 3000] {
            for loss in [0.0, 0.01, 0.03, 0.2] {
                let d = differences(&mut rng, n, loss, 0.01, true);
                for level in [0.2, 0.05, 1e-3] {
                    let (p, early) = (difference(&d, 0.03, 0.05).p(), difference(&d, 0.03, 0.05).rejects(level));
                    assert_eq!(early, p <= level, "{n} {loss} {level} {p}");
                    // At the p-value itself, to the last digit.
                    assert!(p >= 1.0 || difference(&d, 0.03, 0.05).rejects(p));
                }
            }
        }
    }

    #[test]
    fn a_clear_case_is_decided_by_its_first_rows() {
        let mut read = 0;
        let rows = (0..100_000).map(|_| -0.02).inspect(|_| read += 1);
        assert!(excess(rows, 0.98, 0.05).rejects(0.05));
        assert!(read < 10_000, "{read} of 100,000 rows were read");
    }
}

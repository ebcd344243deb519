//! Populations of requests whose every answer is known, so that what a fit promises can be held against the truth.
//!
//! Items have a hidden difficulty; every tier is right with a probability that falls with it, and better tiers with a higher one.
//! The kinds differ in what a gate gets to see of that probability.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// What gates see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The probability of being right itself.
    Calibrated,
    /// It, under so much noise that an AUROC of about 0.68 is left.
    Noisy,
    /// It, rounded to twentieths, and 1 for about half of all items: cuts cannot part those.
    Tied,
    /// How many of five votes are right, as a share.
    Votes,
    /// It, but some of the surest items are wrong as often as not.
    NonMonotone,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Calibrated, Self::Noisy, Self::Tied, Self::Votes, Self::NonMonotone];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calibrated => "calibrated",
            Self::Noisy => "noisy",
            Self::Tied => "tied",
            Self::Votes => "votes",
            Self::NonMonotone => "non-monotone",
        }
    }
}

/// Columns of a population, one entry an item.
#[derive(Clone, Debug)]
pub struct Population {
    /// Of every tier but the last, in [0, 1].
    pub scores: Vec<Vec<f64>>,
    /// Whether each tier's answer is right.
    pub right: Vec<Vec<bool>>,
    /// Of one answer of each tier, in units of the cheapest.
    pub costs: Vec<u64>,
    /// Uniform in [0, 1): orders equal scores.
    pub ties: Vec<f64>,
}

/// `n` items under a chain of `tiers` tiers, the last of which is right in about nine of ten.
pub fn population(kind: Kind, tiers: usize, n: usize, seed: u64) -> Population {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all = Population {
        scores: vec![Vec::with_capacity(n); tiers - 1],
        right: vec![Vec::with_capacity(n); tiers],
        costs: (0..tiers).map(|tier| 5_u64.pow(u32::try_from(tier).unwrap_or(0))).collect(),
        ties: Vec::with_capacity(n),
    };
    for _ in 0..n {
        let difficulty = normal(&mut rng);
        for tier in 0..tiers {
            let ability = 2.9 - 1.7 * (tiers - 1 - tier) as f64 / (tiers - 1).max(1) as f64;
            let logit = ability - 1.5 * difficulty + 0.7 * normal(&mut rng);
            let mut p = logistic(logit);
            let score = (tier + 1 < tiers).then(|| seen(kind, &mut p, logit, &mut rng));
            all.right[tier].push(rng.random::<f64>() < p);
            if let Some(score) = score {
                all.scores[tier].push(score);
            }
        }
        all.ties.push(rng.random());
    }
    all
}

/// What a gate gets to see; a pocket of confident errors changes the probability itself.
fn seen(kind: Kind, p: &mut f64, logit: f64, rng: &mut ChaCha8Rng) -> f64 {
    match kind {
        Kind::Calibrated => *p,
        Kind::Noisy => logistic(logit + 3.2 * normal(rng)),
        Kind::Tied if *p > 0.8 => 1.0,
        Kind::Tied => (*p * 20.0).round() / 20.0,
        Kind::Votes => f64::from((0..5).map(|_| u8::from(rng.random::<f64>() < *p)).sum::<u8>()) / 5.0,
        Kind::NonMonotone => {
            let score = *p;
            if score > 0.93 && rng.random::<f64>() < 0.25 {
                *p = 0.5;
                0.5 + 0.5 * score
            } else {
                score
            }
        }
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Box and Muller's, one of the two.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auroc(scores: &[f64], right: &[bool]) -> f64 {
        let (mut wins, mut pairs) = (0.0, 0.0);
        for (a, _) in scores.iter().zip(right).filter(|(_, right)| **right) {
            for (b, _) in scores.iter().zip(right).filter(|(_, right)| !**right) {
                wins += if a > b { 1.0 } else { 0.5 * f64::from(u8::from(a >= b)) };
                pairs += 1.0;
            }
        }
        wins / pairs
    }

    #[test]
    fn every_kind_is_what_its_name_says() {
        for kind in Kind::ALL {
            let all = population(kind, 3, 4000, 1);
            let share = |right: &[bool]| right.iter().filter(|right| **right).count() as f64 / 4000.0;
            let accuracy: Vec<f64> = all.right.iter().map(|right| share(right)).collect();
            assert!(accuracy.windows(2).all(|pair| pair[0] < pair[1]), "{kind:?} {accuracy:?}");
            assert!((accuracy[2] - 0.9).abs() < 0.03, "{kind:?} {accuracy:?}");
            let auroc = auroc(&all.scores[0], &all.right[0]);
            let ones = share(&all.scores[0].iter().map(|score| *score >= 1.0).collect::<Vec<_>>());
            match kind {
                Kind::Calibrated => assert!(auroc > 0.78, "{auroc}"),
                Kind::Noisy => assert!((auroc - 0.68).abs() < 0.03, "{auroc}"),
                Kind::Tied => assert!((0.4..0.65).contains(&ones), "{ones}"),
                Kind::Votes => {
                    assert!(all.scores[0].iter().all(|score| ((score * 5.0).round() - score * 5.0).abs() < 1e-9));
                }
                Kind::NonMonotone => {
                    let among = |low: f64, high: f64| {
                        let inside = |(score, _): &(&f64, &bool)| (low..high).contains(*score);
                        let right: Vec<bool> =
                            all.scores[0].iter().zip(&all.right[0]).filter(inside).map(|(_, right)| *right).collect();
                        right.iter().filter(|right| **right).count() as f64 / right.len() as f64
                    };
                    assert!(among(0.965, 1.0) < among(0.88, 0.93), "{} {}", among(0.965, 1.0), among(0.88, 0.93));
                }
            }
        }
    }
}

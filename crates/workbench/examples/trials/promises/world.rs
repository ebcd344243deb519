//! Populations: every request that there is, with all that is known of it.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tierfall_testkit::populations::{Kind, population};

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// How much it counts in what is promised.
    pub(crate) mass: f64,
    /// Requests that ask the same share it.
    pub(crate) question: usize,
    pub(crate) segment: &'static str,
    /// The probability with which it is kept.
    pub(crate) kept: f64,
    /// One a tier, cheapest first.
    pub(crate) tiers: Vec<Answer>,
}

/// One tier's part in it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// What the signals `a` and `b` read; `None` = they have nothing to read.
    pub(crate) scores: Option<[f64; 2]>,
    pub(crate) right: f64,
    /// What a judge says, who misses a quarter of the errors.
    pub(crate) judged: f64,
    pub(crate) latency_ms: f64,
    pub(crate) cost_usd: f64,
}

impl Item {
    /// Whether the first and the last tier's answers are worth the same.
    pub(crate) fn same(&self) -> bool {
        self.tiers.first().map(|answer| answer.right.to_bits()) == self.tiers.last().map(|answer| answer.right.to_bits())
    }

    /// Whether the cheapest tier's answer is wrong.
    pub(crate) fn is_wrong(&self) -> bool {
        self.tiers[0].right < 0.5
    }
}

/// All of them.
pub(crate) type World = Vec<Item>;

/// Requests of a kind of population.
pub(crate) fn of(kind: Kind, tiers: usize, seed: u64) -> World {
    const ITEMS: usize = 20_000;
    let all = population(kind, tiers, ITEMS, seed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x77);
    let item = |at: usize| {
        let answer = |tier: usize| {
            let right = f64::from(u8::from(all.right[tier][at]));
            let score = all.scores.get(tier).map_or(0.5, |scores| scores[at]);
            let judged = if right > 0.5 { rng.random::<f64>() > 0.02 } else { rng.random::<f64>() < 0.25 };
            Answer {
                scores: Some([score, f64::midpoint(score, rng.random())]),
                right,
                judged: f64::from(u8::from(judged)),
                latency_ms: 200.0 * (1.0 + tier as f64 * 3.0) * (0.5 + 1.5 * rng.random::<f64>()),
                cost_usd: 0.001 * all.costs[tier] as f64,
            }
        };
        let segment = match at % 100 {
            0..45 => "a",
            45..85 => "b",
            85..91 => "c",
            91..96 => "d",
            _ => "e",
        };
        Item { mass: 1.0, question: at, segment, kept: 1.0, tiers: (0..tiers).map(answer).collect() }
    };
    (0..ITEMS).map(item).collect()
}

/// Places of items drawn with replacement.
pub(crate) fn drawn(world: &World, n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    (0..n).map(|_| rng.random_range(0..world.len())).collect()
}

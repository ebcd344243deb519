//! Regression runs in which nothing got worse, or something did, drawn from probabilities that are written here.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use tierfall_calibrate::regress::Rules;
use tierfall_calibrate::regress::family::{Family, Test};
use tierfall_calibrate::stat::{flips, mcnemar};

/// The shares of seven segments.
pub(crate) const SEGMENTS: [f64; 7] = [0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05];

/// Discordant counts up to this are tabulated.
const TABULATED: usize = 512;

/// What is drawn: `n` examples, of which a share `churn` changes its grade, more often from right to wrong by `drop`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) n: u64,
    pub(crate) churn: f64,
    pub(crate) drop: f64,
}

/// An example whose answer comes from another tier now: the grade may change, the cost does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rerouted {
    /// +1 lost, −1 gained, 0 the same grade.
    pub(crate) fall: i8,
    pub(crate) segment: usize,
    pub(crate) base_cost: f64,
    pub(crate) now_cost: f64,
}

/// One run: what changed of `n` examples. The others are the same under both, at a cost of 3.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) n: u64,
    pub(crate) changed: Vec<Rerouted>,
}

/// A seeded generator of this cell's draw; the same on any number of cores.
pub(crate) fn generator(cell: u64, draw: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(cell << 40 | draw)
}

/// How often out of `draws` each of these holds.
pub(crate) fn count<const N: usize>(draws: u64, one: impl Fn(u64) -> [bool; N] + Sync) -> [f64; N] {
    let add = |left: [u64; N], right: [u64; N]| std::array::from_fn(|at| left[at] + right[at]);
    let hits = (0..draws).into_par_iter().map(|draw| one(draw).map(u64::from)).reduce(|| [0; N], add);
    hits.map(|hits| hits as f64 / draws as f64)
}

impl Setting {
    /// As many examples change their tier and not their grade as change their grade. One in five of those that get dearer gets
    /// worse; sizes of costs are lognormal.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng) -> Run {
        let rerouted = (2.0 * self.churn).min(1.0);
        let lost = 0.5 * (1.0 + self.drop / self.churn);
        let mut changed = Vec::new();
        let mut at = skip(rng, rerouted);
        while at < self.n {
            let fall = if rng.random::<bool>() {
                0
            } else if rng.random::<f64>() < lost {
                1
            } else {
                -1
            };
            let dearer = if fall == 0 { rng.random::<bool>() } else { (fall < 0) == (rng.random::<f64>() < 0.8) };
            let high = 0.5 + 5.0 * normal(rng).exp();
            let (base_cost, now_cost) = if dearer { (0.5, high) } else { (high, 0.5) };
            changed.push(Rerouted { fall, segment: segment(rng), base_cost, now_cost });
            at += 1 + skip(rng, rerouted);
        }
        Run { n: self.n, changed }
    }

    /// Counts of lost and gained examples alone.
    pub(crate) fn counts(&self, rng: &mut ChaCha8Rng) -> (u64, u64) {
        let lost = 0.5 * (1.0 + self.drop / self.churn);
        let (mut b, mut c, mut at) = (0, 0, skip(rng, self.churn));
        while at < self.n {
            if rng.random::<f64>() < lost {
                b += 1;
            } else {
                c += 1;
            }
            at += 1 + skip(rng, self.churn);
        }
        (b, c)
    }
}

/// How many examples come before the next one that changes.
fn skip(rng: &mut ChaCha8Rng, share: f64) -> u64 {
    if share >= 1.0 {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, and it is above 0")]
    let skipped = ((1.0 - rng.random::<f64>()).ln() / (-share).ln_1p()) as u64;
    skipped
}

/// A standard normal deviate (Box and Muller 1958).
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

fn segment(rng: &mut ChaCha8Rng) -> usize {
    let mut left = rng.random::<f64>();
    SEGMENTS
        .iter()
        .position(|share| {
            left -= share;
            left < 0.0
        })
        .unwrap_or(0)
}

/// `McNemar`'s mid-p-values of all counts that occur.
pub(crate) struct MidP(Vec<Vec<f64>>);

impl MidP {
    pub(crate) fn new() -> Self {
        let row = |all: usize| (0..=all).map(|b| mcnemar::mid_greater(b as u64, (all - b) as u64)).collect();
        Self((0..TABULATED).into_par_iter().map(row).collect())
    }

    pub(crate) fn get(&self, b: u64, c: u64) -> f64 {
        let all = usize::try_from(b + c).unwrap_or(usize::MAX);
        let known = self.0.get(all).and_then(|row| row.get(usize::try_from(b).unwrap_or(usize::MAX)));
        known.copied().unwrap_or_else(|| mcnemar::mid_greater(b, c))
    }
}

impl Run {
    /// Lost and gained.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let of = |fall: i8| self.changed.iter().filter(|one| one.fall == fall).count() as u64;
        (of(1), of(-1))
    }

    /// Whether the run fails, by the same family of tests as `judge`, from tabulated p-values.
    pub(crate) fn fails(&self, rules: &Rules, mid: &MidP) -> bool {
        let mut counts = [(0_u64, 0_u64); SEGMENTS.len()];
        let mut base: f64 = 3.0 * (self.n - self.changed.len() as u64) as f64;
        let (mut more, mut squares) = (0.0, 0.0);
        for one in &self.changed {
            let (b, c) = &mut counts[one.segment];
            *b += u64::from(one.fall > 0);
            *c += u64::from(one.fall < 0);
            base += one.base_cost;
            let change = one.now_cost - one.base_cost;
            more += change;
            squares += change * change;
        }
        let test = |(b, c): (u64, u64)| Test { p: mid.get(b, c), least: least(b + c) };
        // What cannot be significant is not worked out.
        let plain = more <= 1.5 * squares.sqrt();
        let changes = || -> Vec<f64> { self.changed.iter().map(|one| one.now_cost - one.base_cost).collect() };
        let cost = Test { p: if plain { 1.0 } else { flips::greater(&changes()) }, least: least(self.changed.len() as u64) };
        let (b, c) = self.counts();
        // Segments of which no example changed are tests as well; no exact p-value is below its mid-p.
        let within = |(b, c): (u64, u64)| Test {
            p: if mid.get(b, c) > rules.level { 1.0 } else { mcnemar::exact_greater(b, c) },
            least: least(b + c),
        };
        let family = Family { quality: test((b, c)), segments: counts.map(within).to_vec(), cost: Some(cost), latency: None };
        let shared = family.share(rules.level);
        let worse = shared.quality.p <= rules.level || shared.segments.iter().any(|one| one.p <= rules.level);
        worse || (more / base > rules.cost_rise && shared.cost.is_some_and(|cost| cost.p <= rules.level))
    }
}

fn least(moved: u64) -> f64 {
    0.5f64.powi(i32::try_from(moved).unwrap_or(i32::MAX))
}

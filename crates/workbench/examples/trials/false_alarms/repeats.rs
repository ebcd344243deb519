//! Repeats of one example are no examples of their own; several metrics are several chances.

use rand::RngExt;
use tierfall_calibrate::stat::{flips, multiple, normal};

use super::runs::{MidP, count, generator, normal as deviate};

/// Examples of a run with repeats.
const ITEMS: usize = 300;
/// The share of the examples that a change moves, up and down alike.
const MOVED: f64 = 0.06;
/// How often a moved example is answered rightly on its better side; on the other as often wrongly.
const SURE: f64 = 0.85;
/// How often the others are.
const STEADY: f64 = 0.984;

/// Of runs in which nothing got worse, the shares called worse at 5 %: repeats pooled, and averaged within each example.
pub(crate) fn sizes(draws: u64, repeats: u32, mid: &MidP) -> [f64; 2] {
    count(draws, |draw| {
        let mut rng = generator(100 + u64::from(repeats), draw);
        let (mut b, mut c, mut falls) = (0, 0, Vec::with_capacity(ITEMS));
        for _ in 0..ITEMS {
            let (base, now) = match rng.random::<f64>() {
                u if u < 0.5 * MOVED => (SURE, 1.0 - SURE),
                u if u < MOVED => (1.0 - SURE, SURE),
                _ => (STEADY, STEADY),
            };
            let mut fall = 0_i32;
            for _ in 0..repeats {
                let (base, now) = (rng.random::<f64>() < base, rng.random::<f64>() < now);
                b += u64::from(base && !now);
                c += u64::from(now && !base);
                fall += i32::from(base) - i32::from(now);
            }
            falls.push(f64::from(fall) / f64::from(repeats));
        }
        [mid.get(b, c) <= 0.05, flips::greater(&falls) <= 0.05]
    })
}

/// The shares of runs with any false alarm over `metrics` metrics at 5 %, each by itself and by Holm's adjustment; their statistics
/// are normal with this correlation.
pub(crate) fn any_alarm(draws: u64, metrics: usize, correlation: f64) -> [f64; 2] {
    count(draws, |draw| {
        let mut rng = generator(200, draw);
        let shared = correlation.sqrt() * deviate(&mut rng);
        let p: Vec<f64> = (0..metrics).map(|_| normal::sf(shared + (1.0 - correlation).sqrt() * deviate(&mut rng))).collect();
        [p.iter().any(|p| *p <= 0.05), multiple::holm(&p).iter().any(|p| *p <= 0.05)]
    })
}

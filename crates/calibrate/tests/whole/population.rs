//! Populations whose truth is known: every draw is from probabilities that are written here.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tierfall_calibrate::ask::{Ask, Delta, SignalChoice, Target};
use tierfall_calibrate::observations::{Builder, Cell, Observations, Row, TierSpec};
use tierfall_calibrate::quality::Quality;
use tierfall_core::fusion::GateValue;
use tierfall_core::money::Money;
use tierfall_core::number::Score;

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Population {
    /// Items.
    pub(crate) items: usize,
    /// Rows of every item.
    pub(crate) repeats: usize,
    /// Share of an item's ease in the first tier's score; the rest is noise.
    pub(crate) knows: f64,
    /// Whether costs are known.
    pub(crate) costs: bool,
    /// Whether they are 0.
    pub(crate) free: bool,
    /// How many run-time segments.
    pub(crate) segments: usize,
    /// Whether answers have lengths, from which one can tell whether they are right as well as from `sure`.
    pub(crate) lengths: bool,
    /// Of the draws.
    pub(crate) seed: u64,
}

impl Default for Population {
    fn default() -> Self {
        Self { items: 1500, repeats: 1, knows: 0.8, costs: true, free: false, segments: 0, lengths: false, seed: 1 }
    }
}

/// Three tiers at costs 1, 4 and 20. An item has an ease in [0, 1]; a tier is right where the ease exceeds its weakness (0.55, 0.3,
/// 0.1), but for a slip of 3 in 100. Scores mix ease and noise. `noise` is a second signal that knows nothing.
pub(crate) fn draw(population: Population) -> Observations {
    let mut rng = ChaCha8Rng::seed_from_u64(population.seed);
    let spec = |name: &str| TierSpec { name: name.into(), signals: vec!["sure".into(), "noise".into()], judge: None };
    let mut table = Builder::new(vec![spec("small"), spec("medium"), spec("large")], "salt");
    for item in 0..population.items {
        let ease: f64 = rng.random();
        let (segment, group) = (format!("s{}", item % population.segments.max(1)), format!("g{item}"));
        for repeat in 0..population.repeats {
            let mut scores = Vec::new();
            let mut right = Vec::new();
            for weakness in [0.55, 0.3, 0.1] {
                let slip = rng.random::<f64>() < 0.03;
                right.push((ease > weakness) != slip);
                let sure = population.knows * ease + (1.0 - population.knows) * rng.random::<f64>();
                scores.push([Score::new(sure), Score::new(rng.random())]);
            }
            let cells: Vec<Cell<'_>> = [1_000_000_u128, 4_000_000, 20_000_000]
                .into_iter()
                .zip(&scores)
                .zip(&right)
                .map(|((cost, scores), right)| Cell {
                    cost: population.costs.then(|| Money::from_pico(if population.free { 0 } else { cost })),
                    latency_ms: Some(cost as f64 / 1e5),
                    length: population.lengths.then(|| if *right { 10 } else { 12 } + u32::try_from(item % 3).unwrap()),
                    ..Cell::graded(if *right { Quality::RIGHT } else { Quality::WRONG }, scores)
                })
                .collect();
            let id = format!("{}-{item}-{repeat}", population.seed);
            let row = Row {
                id: &id,
                segment: (population.segments > 0).then_some(segment.as_str()),
                stratum: None,
                group: (population.repeats > 1).then_some(group.as_str()),
                weight: None,
                tiers: &cells,
            };
            table.push(&row).unwrap();
        }
    }
    table.finish()
}

/// One named signal as it is.
pub(crate) fn named(signal: &str) -> SignalChoice {
    SignalChoice::Fixed(GateValue::Signal { signal: signal.into(), negated: false })
}

/// A loss of at most `loss` with δ = 0.1, by the signal `sure`.
pub(crate) fn ask(loss: f64) -> Ask {
    Ask {
        target: Target::MaxLoss(loss),
        delta: Delta::new(0.1),
        signals: vec![named("sure"), named("sure")],
        points: Vec::new(),
        latency: None,
        by_segment: None,
        max_depth: 1,
        people_at_random: true,
        seed: 7,
        earlier: 0,
    }
}

//! The modes in which something is promised, one entry each.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde_json::{Value, json};
use tierfall_calibrate::ask::{Ask, BySegment, Delta, ExtraPoint, LatencyLimit, SignalChoice, Target};
use tierfall_core::fusion::GateValue;
use tierfall_core::money::Money;
use tierfall_testkit::populations::Kind;
use tierfall_workbench::observations::ReadOptions;

use super::line::line;
use super::truth::Whose;
use super::world::{self, Item, World, drawn};

/// What is to be expected of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expects {
    /// Promises, broken in at most δ of the draws.
    Kept,
    /// Promises, each of which names a condition: it is not so in the file, so that they may be broken.
    Conditional,
    /// No promise at all.
    Nothing,
    /// An error that says why.
    Refused,
}

/// A mode.
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    pub(crate) expects: Expects,
    /// The error that is allowed.
    pub(crate) delta: f64,
    pub(crate) world: fn() -> World,
    /// Rows a draw, or requests from which rows are kept.
    pub(crate) n: usize,
    /// The file of a draw.
    pub(crate) rows: fn(&World, usize, &mut ChaCha8Rng) -> String,
    pub(crate) read: fn(&mut ReadOptions),
    pub(crate) heaviest: Option<f64>,
    pub(crate) ask: fn(&World) -> Ask,
    pub(crate) whose: Whose,
    /// The limit on latency: milliseconds, and the share that may take longer.
    pub(crate) slow: Option<(f64, f64)>,
}

/// The usual δ.
const DELTA: f64 = 0.1;

impl Mode {
    /// A plain sample of requests, two tiers, a loss of at most 4 points.
    pub(crate) fn plain(name: &'static str) -> Self {
        Self {
            name,
            expects: Expects::Kept,
            delta: DELTA,
            world: || world::of(Kind::Calibrated, 2, 7),
            n: 800,
            rows: |world, n, rng| file(world, &drawn(world, n, rng), |_, _| {}),
            read: |_| {},
            heaviest: None,
            ask: |_| loss(0.04),
            whose: Whose::People,
            slow: None,
        }
    }
}

/// Rows of these items, each changed by `plant`.
pub(crate) fn file(world: &World, items: &[usize], mut plant: impl FnMut(&Item, &mut Value)) -> String {
    let row = |(at, item): (usize, &usize)| {
        let mut line = line(format!("r{at}"), &world[*item]);
        plant(&world[*item], &mut line);
        format!("{line}\n")
    };
    items.iter().enumerate().map(row).collect()
}

/// A loss of at most this, by the signal `a` of every tier.
pub(crate) fn loss(most: f64) -> Ask {
    Ask {
        target: Target::MaxLoss(most),
        delta: Delta::new(DELTA),
        signals: vec![named("a")],
        points: Vec::new(),
        latency: None,
        by_segment: None,
        max_depth: 1,
        people_at_random: true,
        seed: 5,
        earlier: 0,
    }
}

fn named(signal: &str) -> SignalChoice {
    SignalChoice::Fixed(GateValue::Signal { signal: signal.to_owned(), negated: false })
}

/// A target a little below what always asking the last tier reaches.
pub(crate) fn below_last(world: &World, by: f64) -> Ask {
    let mass: f64 = world.iter().map(|item| item.mass).sum();
    let right = |item: &Item| item.mass * item.tiers.last().map_or(0.0, |answer| answer.right);
    Ask { target: Target::Accuracy(world.iter().map(right).sum::<f64>() / mass - by), ..loss(0.0) }
}

pub(crate) fn all() -> Vec<Mode> {
    let plain = Mode::plain;
    vec![
        plain("loss"),
        Mode { world: || world::of(Kind::NonMonotone, 2, 7), ask: |_| loss(0.03), ..plain("loss, scores that mislead") },
        Mode { ask: |world| below_last(world, 0.04), ..plain("accuracy") },
        Mode { ask: |_| loss(0.05), world: || world::of(Kind::Tied, 2, 7), ..plain("loss, many equal scores") },
        Mode {
            world: || world::of(Kind::Calibrated, 3, 7),
            ask: |_| Ask { max_depth: 2, signals: vec![named("a"), named("a")], ..loss(0.03) },
            n: 1200,
            ..plain("depth 2")
        },
        Mode {
            ask: |_| Ask { latency: Some(LatencyLimit { over_ms: 1700.0, share: 0.12 }), ..loss(0.06) },
            slow: Some((1700.0, 0.12)),
            n: 1200,
            ..plain("latency")
        },
        Mode {
            ask: |_| Ask { target: Target::MaxCost(Money::from_pico(3_000_000_000)), ..loss(0.0) },
            expects: Expects::Nothing,
            ..plain("cost")
        },
        Mode { world: graded, ask: |_| loss(0.04), n: 600, ..plain("graded") },
        Mode { world: graded, ask: |world| below_last(world, 0.05), n: 600, ..plain("graded, accuracy") },
        Mode { world: sampled, rows: kept, n: 6000, heaviest: Some(20.0), ask: |_| loss(0.05), ..plain("weights, declared") },
        Mode {
            world: sampled,
            rows: kept,
            n: 6000,
            heaviest: Some(20.0),
            ask: |world| below_last(world, 0.06),
            ..plain("weights, declared, accuracy")
        },
        Mode { world: hidden, rows: kept, n: 8000, expects: Expects::Nothing, ..plain("weights, undeclared") },
        Mode { world: questions, rows: grouped, n: 900, ask: |_| loss(0.07), ..plain("groups") },
        Mode {
            world: asked_often,
            rows: grouped_and_kept,
            n: 1500,
            heaviest: Some(50.0),
            expects: Expects::Refused,
            ..plain("groups and weights")
        },
        Mode { world: few_questions, rows: repeated, n: 600, ask: |_| loss(0.04), ..plain("ids that repeat") },
        Mode {
            world: segments,
            rows: with_segments,
            n: 2500,
            ask: |_| Ask { by_segment: Some(BySegment::Overall), ..loss(0.04) },
            ..plain("segments, overall")
        },
        Mode {
            world: segments,
            rows: with_segments,
            n: 2500,
            ask: |_| Ask { by_segment: Some(BySegment::Each), ..loss(0.04) },
            ..plain("segments, each")
        },
        Mode {
            world: || world::of(Kind::Noisy, 2, 7),
            ask: |_| Ask { signals: vec![SignalChoice::Fuse(vec!["a".into(), "b".into()])], ..loss(0.04) },
            n: 1500,
            ..plain("fused")
        },
        Mode {
            ask: |_| Ask { signals: vec![SignalChoice::Fuse(vec!["a".into(), "b".into()])], ..loss(0.04) },
            expects: Expects::Nothing,
            n: 600,
            ..plain("fused, few rows")
        },
        Mode { ask: |_| Ask { signals: vec![SignalChoice::Auto], ..loss(0.04) }, n: 1500, ..plain("auto") },
        Mode { ask: |_| Ask { signals: vec![SignalChoice::Auto], ..loss(0.04) }, ..plain("auto, few rows") },
        Mode {
            ask: |_| Ask {
                points: [("b", 0.06), ("c", 0.08)].map(|(name, target)| ExtraPoint { name: name.into(), target }).into(),
                ..loss(0.04)
            },
            ..plain("points")
        },
        Mode {
            ask: |_| Ask { earlier: 1, ..loss(0.05) },
            n: 1200,
            delta: DELTA * 6.0 / (4.0 * std::f64::consts::PI.powi(2)),
            ..plain("ledger")
        },
    ]
}

/// Grades in between: style counts a third.
fn graded() -> World {
    let mut world = world::of(Kind::NonMonotone, 2, 7);
    for (at, item) in world.iter_mut().enumerate() {
        for (tier, answer) in item.tiers.iter_mut().enumerate() {
            answer.right = 0.7 * answer.right + 0.3 * ((at * 7919 + tier * 31) % 101) as f64 / 100.0;
        }
    }
    world
}

/// Requests whose cheap answer is sure are kept with a twentieth, the others with a half.
fn sampled() -> World {
    let mut world = world::of(Kind::Calibrated, 2, 7);
    for item in &mut world {
        item.kept = if item.tiers[0].scores.is_some_and(|[a, _]| a > 0.6) { 0.05 } else { 0.5 };
    }
    world
}

/// A part that is kept so seldom that it hardly ever shows, where the cheap tier is wrong.
fn hidden() -> World {
    let mut world = world::of(Kind::Calibrated, 2, 7);
    for (at, item) in world.iter_mut().enumerate() {
        item.kept = 0.1;
        if at.is_multiple_of(16) {
            item.kept = 0.001;
            (item.tiers[0].right, item.tiers[1].right) = (0.0, 1.0);
            item.tiers[0].scores = Some([0.99, 0.99]);
        }
    }
    world
}

/// What is kept of `n` requests, with 1 over the probability of that.
fn kept(world: &World, n: usize, rng: &mut ChaCha8Rng) -> String {
    let mut items = drawn(world, n, rng);
    items.retain(|item| rng.random::<f64>() < world[*item].kept);
    file(world, &items, |item, line| line["weight"] = json!(1.0 / item.kept))
}

/// Questions of which some are asked ten times, hard ones more often.
fn questions() -> World {
    let asked = |item: &Item| if item.is_wrong() && item.question.is_multiple_of(3) { 10 } else { 1 + item.question % 3 };
    let repeats = |item: Item| {
        let times = asked(&item);
        std::iter::repeat_n(Item { mass: 1.0 / times as f64, ..item }, times)
    };
    world::of(Kind::Calibrated, 2, 7).into_iter().take(6000).flat_map(repeats).collect()
}

/// `n` questions with all of their requests, which repeat one item.
fn grouped(world: &World, n: usize, rng: &mut ChaCha8Rng) -> String {
    let first: Vec<usize> = (0..world.len()).filter(|at| *at == 0 || world[*at].question != world[*at - 1].question).collect();
    let mut items = Vec::new();
    let mut groups = Vec::new();
    for group in 0..n {
        let at = first[rng.random_range(0..first.len())];
        let all = (at..world.len()).take_while(|other| world[*other].question == world[at].question);
        items.extend(all);
        groups.resize(items.len(), group);
    }
    let mut groups = groups.into_iter();
    file(world, &items, |_, line| line["group"] = json!(groups.next().map(|group| format!("g{group}"))))
}

/// Items of ten requests, half of them hard: the cheap tier is right on easy ones alone, and the first request of a hard item and all of
/// an easy one are hardly ever kept.
fn asked_often() -> World {
    let mut world = world::of(Kind::Calibrated, 2, 7);
    for (at, item) in world.iter_mut().enumerate() {
        item.question = at / 10;
        let hard = item.question.is_multiple_of(2);
        (item.tiers[0].right, item.tiers[1].right) = (f64::from(u8::from(!hard)), 1.0);
        let accepted = !hard || at.is_multiple_of(10);
        item.tiers[0].scores = Some([f64::from(u8::from(accepted)), 0.5]);
        item.kept = if accepted { 0.02 } else { 0.5 };
    }
    world
}

fn grouped_and_kept(world: &World, n: usize, rng: &mut ChaCha8Rng) -> String {
    let mut items = Vec::new();
    for _ in 0..n {
        let question = rng.random_range(0..world.len() / 10);
        items.extend((question * 10..question * 10 + 10).filter(|at| rng.random::<f64>() < world[*at].kept));
    }
    file(world, &items, |item, line| {
        (line["group"], line["weight"]) = (json!(format!("q{}", item.question)), json!(1.0 / item.kept));
    })
}

/// Ten questions that are asked over and over, of which the cheap tier's score says nothing.
fn few_questions() -> World {
    let mut world: World = world::of(Kind::Calibrated, 2, 7).into_iter().take(10).collect();
    for (at, item) in world.iter_mut().enumerate() {
        item.tiers[0].scores = Some([1.0, 1.0]);
        (item.tiers[0].right, item.tiers[1].right) = (f64::from(u8::from(at != 0)), 1.0);
    }
    world
}

/// A request has the id of its question.
fn repeated(world: &World, n: usize, rng: &mut ChaCha8Rng) -> String {
    let items = drawn(world, n, rng);
    // Names of their own in every draw, so that ties fall otherwise.
    let draw: u32 = rng.random();
    file(world, &items, |item, line| line["id"] = json!(format!("{draw} q{}", item.question)))
}

/// Segments that differ in how good the cheap tier is.
fn segments() -> World {
    let mut world = world::of(Kind::Calibrated, 2, 7);
    for (at, item) in world.iter_mut().enumerate() {
        if matches!(item.segment, "b" | "d") && at.is_multiple_of(3) {
            item.tiers[0].right = 0.0;
        }
    }
    world
}

pub(crate) fn with_segments(world: &World, n: usize, rng: &mut ChaCha8Rng) -> String {
    let items = drawn(world, n, rng);
    file(world, &items, |item, line| line["segment"] = json!(item.segment))
}

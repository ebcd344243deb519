//! Files that have lost something by what it said: rows, grades, scores, segments. Nothing that is certified may rest on what is left.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde_json::{Value, json};
use tierfall_calibrate::ask::{Ask, BySegment, SignalChoice};
use tierfall_testkit::populations::Kind;
use tierfall_workbench::observations::{BadRows, Ungraded};

use super::line::{NAMES, tier, without};
use super::modes::{Expects, Mode, below_last, file, loss, with_segments};
use super::world::{self, Item, World, drawn};

const CHEAP: &str = NAMES[0];
const LAST: &str = NAMES[2];
/// How likely a wrong answer is lost.
const LOST: f64 = 0.8;

/// A world of few tiers in which a loss can be certified.
fn two() -> World {
    world::of(Kind::Calibrated, 2, 7)
}

/// What is drawn of how many rows, by which generator.
type Draw<'a> = (&'a World, usize, &'a mut ChaCha8Rng);

/// Rows that are each changed.
fn changed((world, n, rng): Draw<'_>, change: impl Fn(&Item, &mut Value, &mut ChaCha8Rng)) -> String {
    let items = drawn(world, n, rng);
    file(world, &items, |item, line| change(item, line, rng))
}

/// Rows of which those that `from` holds for are changed with a high probability.
fn planted(draw: Draw<'_>, from: impl Fn(&Item) -> bool, plant: impl Fn(&mut Value)) -> String {
    changed(draw, |item, line, rng| {
        if from(item) && rng.random::<f64>() < LOST {
            plant(line);
        }
    })
}

/// Rows of which some end in the middle.
fn torn(draw: Draw<'_>, tears: impl Fn(&Item, &mut ChaCha8Rng) -> bool) -> String {
    let text = changed(draw, |item, line, rng| line["torn"] = json!(tears(item, rng)));
    let cut = |line: &str| if line.contains("\"torn\":true") { line[..line.len() / 2].to_owned() } else { line.to_owned() };
    text.lines().map(|line| cut(line) + "\n").collect()
}

fn wrong(item: &Item) -> bool {
    item.is_wrong()
}

/// With the answers in the file: those that are worth the same are the same.
fn answers(item: &Item, line: &mut Value) {
    for (name, answer) in super::line::chain(item.tiers.len()).into_iter().zip(&item.tiers) {
        tier(line, name)["answer"] = json!(if answer.right > 0.5 { "right".to_owned() } else { format!("wrong of {name}") });
    }
}

pub(crate) fn all() -> Vec<Mode> {
    let plain = |name| Mode { world: two, ask: |_| loss(0.05), n: 1200, ..Mode::plain(name) };
    let conditional = |name| Mode { expects: Expects::Conditional, ..plain(name) };
    let refused = |name| Mode { expects: Expects::Refused, ..plain(name) };
    vec![
        // Grades.
        Mode {
            rows: |w, n, r| planted((w, n, r), wrong, |line| without(tier(line, CHEAP), "correct")),
            ..plain("grades of wrong answers lost")
        },
        Mode {
            rows: |w, n, r| planted((w, n, r), wrong, |line| tier(line, CHEAP)["correct"] = json!("NaN")),
            ..plain("grades of wrong answers NaN")
        },
        Mode {
            rows: |w, n, r| planted((w, n, r), wrong, |line| without(tier(line, CHEAP), "correct")),
            ask: |world| below_last(world, 0.06),
            ..plain("the same, accuracy")
        },
        Mode {
            rows: |w, n, r| planted((w, n, r), |item| item.tiers[1].right > 0.5, |line| without(tier(line, LAST), "correct")),
            ask: |_| loss(0.3),
            ..plain("grades of right last answers lost")
        },
        Mode {
            rows: |w, n, r| {
                changed((w, n, r), |item, line, _| {
                    answers(item, line);
                    // Nobody looks at two answers that are the same.
                    if item.same() {
                        without(tier(line, CHEAP), "correct");
                        without(tier(line, LAST), "correct");
                    }
                })
            },
            ..plain("equal answers without grades")
        },
        Mode {
            rows: |w, n, r| planted((w, n, r), |_| true, |line| without(tier(line, CHEAP), "correct")),
            read: |options| options.ungraded = Ungraded::AtRandom,
            n: 6000,
            ..plain("grades lost by chance, declared")
        },
        Mode {
            rows: |w, n, r| planted((w, n, r), wrong, |line| tier(line, CHEAP)["correct"] = json!(-1)),
            ..refused("grades of another scale")
        },
        Mode {
            rows: |w, n, r| planted((w, n, r), wrong, |line| tier(line, CHEAP)["correct"] = json!(-1)),
            read: |options| options.bad_rows = BadRows::AtRandom,
            ..refused("the same, bad rows declared")
        },
        Mode {
            rows: |w, n, r| planted((w, n, r), wrong, |line| tier(line, CHEAP)["correct"] = json!("wrong")),
            ..plain("grades in a word that is known")
        },
        Mode {
            rows: |w, n, r| planted((w, n, r), wrong, |line| tier(line, CHEAP)["correct"] = json!("meh")),
            ..refused("grades in a word that is not known")
        },
        // Rows.
        Mode {
            rows: |w, n, r| torn((w, n, r), |item, r| wrong(item) && r.random::<f64>() < LOST),
            ..refused("lines of wrong answers torn")
        },
        Mode {
            rows: |w, n, r| torn((w, n, r), |_, r| r.random::<f64>() < 0.3),
            read: |options| options.bad_rows = BadRows::AtRandom,
            ..plain("lines torn by chance, declared")
        },
        Mode {
            rows: |w, n, r| {
                changed((w, n, r), |item, line, r| {
                    line["split"] = json!(if wrong(item) && r.random::<f64>() < LOST { Value::Null } else { json!("train") });
                })
            },
            read: |options| options.split = Some("train".into()),
            ..refused("splits of wrong answers lost")
        },
        Mode {
            world: silent_where_wrong,
            rows: |w, n, r| {
                changed((w, n, r), |item, line, _| {
                    if item.tiers[0].scores.is_none() {
                        without(&mut line["tiers"], CHEAP);
                    }
                })
            },
            ..plain("no answer where it is wrong")
        },
        Mode {
            world: without_last,
            rows: |w, n, r| {
                changed((w, n, r), |item, line, _| {
                    if item.mass == 0.0 {
                        without(&mut line["tiers"], LAST);
                    }
                })
            },
            ..plain("no last answer where it is right")
        },
        // Columns.
        Mode {
            world: silent_where_wrong,
            rows: |w, n, r| {
                changed((w, n, r), |item, line, _| {
                    if item.tiers[0].scores.is_none() {
                        tier(line, CHEAP)["confidence"]["a"] = json!("N/A");
                    }
                })
            },
            ..plain("no score where it is wrong")
        },
        Mode {
            rows: |w, n, r| planted((w, n, r), wrong, |line| without(&mut tier(line, CHEAP)["confidence"], "b")),
            ask: |_| Ask { signals: vec![SignalChoice::Fuse(vec!["a".into(), "b".into()])], ..loss(0.05) },
            n: 3000,
            ..conditional("one of two fused scores lost where it is wrong")
        },
        Mode {
            rows: |w, n, r| planted((w, n, r), wrong, |line| tier(line, CHEAP)["confidence"]["a"] = json!("93%")),
            ..refused("scores in words")
        },
        Mode {
            world: weighted,
            rows: |w, n, r| {
                changed((w, n, r), |item, line, r| {
                    if !(wrong(item) && r.random::<f64>() < LOST) {
                        line["weight"] = json!(4.0);
                    }
                })
            },
            heaviest: Some(4.0),
            ..refused("weights of wrong answers lost")
        },
        // Segments.
        Mode {
            rows: |w, n, r| {
                changed((w, n, r), |item, line, r| {
                    if !(wrong(item) && r.random::<f64>() < LOST) {
                        line["segment"] = json!(item.segment);
                    }
                })
            },
            read: |options| options.segments = true,
            ask: |_| Ask { by_segment: Some(BySegment::Each), ..loss(0.05) },
            n: 2500,
            ..refused("segments of wrong answers lost")
        },
        Mode {
            rows: with_segments,
            read: |options| options.segments = true,
            ask: |_| Ask { by_segment: Some(BySegment::Each), ..loss(0.05) },
            n: 2500,
            ..plain("segments, all there")
        },
        Mode {
            rows: |w, n, r| {
                changed((w, n, r), |item, line, r| {
                    line["segment"] = json!(item.segment);
                    if wrong(item) && r.random::<f64>() < LOST {
                        without(tier(line, CHEAP), "correct");
                    }
                })
            },
            read: |options| options.segments = true,
            ask: |_| Ask { by_segment: Some(BySegment::Each), ..loss(0.06) },
            n: 2500,
            ..plain("grades lost by segment")
        },
        Mode { rows: |w, n, r| planted((w, n, r), |_| true, |_| {}), ..plain("nothing lost") },
    ]
}

/// The cheap tier says nothing at all where it is wrong, most of the time, and so it is at run time: such requests go on.
fn silent_where_wrong() -> World {
    let mut world = two();
    for (at, item) in world.iter_mut().enumerate() {
        if item.is_wrong() && !at.is_multiple_of(5) {
            item.tiers[0].scores = None;
        }
    }
    world
}

/// Requests that the last tier gets right are mostly without its answer; of those nothing is promised.
fn without_last() -> World {
    let mut world = two();
    for (at, item) in world.iter_mut().enumerate() {
        if item.tiers[1].right > 0.5 && !at.is_multiple_of(5) {
            item.mass = 0.0;
        }
    }
    world
}

/// Every request is kept with a quarter.
fn weighted() -> World {
    let mut world = two();
    for item in &mut world {
        item.kept = 0.25;
    }
    world
}

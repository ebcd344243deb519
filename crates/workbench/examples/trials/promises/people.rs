//! Files in which some grades are a judge's and some people's.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde_json::{Value, json};
use tierfall_calibrate::ask::Ask;
use tierfall_testkit::populations::Kind;

use super::line::{NAMES, chain, tier, without};
use super::modes::{Expects, Mode, below_last, file, loss};
use super::truth::Whose;
use super::world::{self, Item, World, drawn};

/// How many rows people grade.
const PEOPLE: f64 = 0.4;

pub(crate) fn all() -> Vec<Mode> {
    let plain = |name| Mode { ask: |_| loss(0.08), n: 1500, ..Mode::plain(name) };
    let of_judge = |name| Mode { whose: Whose::Judge, ..plain(name) };
    vec![
        Mode { rows: |w, n, r| graded((w, n, r), |_, _, _| Grades::Judge), ask: |_| loss(0.04), n: 800, ..of_judge("judge") },
        Mode { rows: both, ..plain("judge and people") },
        Mode { rows: both, ask: |world| below_last(world, 0.08), ..plain("judge and people, accuracy") },
        Mode {
            rows: |w, n, r| graded((w, n, r), |_, people, _| if people { Grades::People } else { Grades::Judge }),
            ..of_judge("people in the judge's place")
        },
        Mode {
            rows: |w, n, r| {
                graded((w, n, r), |_, people, r| match people {
                    true if r.random::<f64>() < 0.2 => Grades::People,
                    true => Grades::Both,
                    false => Grades::Judge,
                })
            },
            ..of_judge("judge lost where people are")
        },
        Mode {
            rows: |w, n, r| {
                graded(
                    (w, n, r),
                    |item, _, r| {
                        if item.is_wrong() && r.random::<f64>() < 0.85 { Grades::Judge } else { Grades::Both }
                    },
                )
            },
            ask: |_| Ask { people_at_random: false, ..loss(0.08) },
            ..of_judge("people's grades of wrong lost")
        },
        Mode { world: half_silent, rows: harsh, ask: |_| loss(0.05), ..plain("judge and people, no answer") },
        Mode {
            rows: |w, n, r| {
                let items = drawn(w, n, r);
                file(w, &items, |item, line| {
                    grade(tier(line, NAMES[2]), item.tiers[1].judged, Grades::Judge);
                })
            },
            expects: Expects::Refused,
            ..plain("a grader a tier")
        },
    ]
}

/// Who graded an answer.
#[derive(Clone, Copy)]
enum Grades {
    People,
    Judge,
    Both,
}

fn grade(cell: &mut Value, judged: f64, grades: Grades) {
    if !matches!(grades, Grades::People) {
        (cell["judged"], cell["judge"]) = (json!(judged), json!("J"));
    }
    if matches!(grades, Grades::Judge) {
        without(cell, "correct");
    }
}

/// Rows with the grades that `who` says, which is told whether people were to grade the row.
fn graded((world, n, rng): (&World, usize, &mut ChaCha8Rng), who: impl Fn(&Item, bool, &mut ChaCha8Rng) -> Grades) -> String {
    let items = drawn(world, n, rng);
    file(world, &items, |item, line| {
        let people = rng.random::<f64>() < PEOPLE;
        let grades = who(item, people, rng);
        for (name, answer) in chain(item.tiers.len()).into_iter().zip(&item.tiers) {
            grade(tier(line, name), answer.judged, grades);
        }
    })
}

fn both(world: &World, n: usize, rng: &mut ChaCha8Rng) -> String {
    graded((world, n, rng), |_, people, _| if people { Grades::Both } else { Grades::Judge })
}

/// The cheap tier answers every other request.
fn half_silent() -> World {
    let mut world = world::of(Kind::Calibrated, 2, 7);
    for item in world.iter_mut().step_by(2) {
        (item.tiers[0].scores, item.tiers[0].right) = (None, 0.0);
    }
    world
}

/// Rows without a part for a tier that does not answer, and a judge who calls a third of what is right of the cheap tier wrong.
fn harsh(world: &World, n: usize, rng: &mut ChaCha8Rng) -> String {
    let items = drawn(world, n, rng);
    file(world, &items, |item, line| {
        let grades = if rng.random::<f64>() < PEOPLE { Grades::Both } else { Grades::Judge };
        let strict = item.tiers[0].right * f64::from(u8::from(rng.random::<f64>() < 0.67));
        grade(tier(line, NAMES[0]), strict, grades);
        grade(tier(line, NAMES[2]), item.tiers[1].right, grades);
        if item.tiers[0].scores.is_none() {
            without(&mut line["tiers"], NAMES[0]);
        }
    })
}

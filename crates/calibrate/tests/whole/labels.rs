//! Labels that look broken are said, and those that do not are not.

use crate::rows::{One, one_signal, plain, report};

/// Rows whose tiers fail together more often than apart, as those of models do.
fn related(n: usize) -> Vec<One> {
    let mut rows = plain(n);
    for row in &mut rows {
        row.right[1] = row.right[0] || row.id.is_multiple_of(8);
    }
    rows
}

fn changed(change: impl Fn(&mut Vec<One>)) -> Vec<One> {
    let mut rows = related(1500);
    change(&mut rows);
    rows
}

/// What a label looks like that something happened to, and nothing else.
const ODD: [&str; 3] =
    ["every answer of every tier is graded", "tells hardly anything of whether", "are like one with another id"];

#[test]
fn broken_labels_are_said_and_sound_ones_are_not() {
    let cases: [(&str, Vec<One>, Option<&str>); 9] = [
        ("sound", related(1500), None),
        ("all wrong", changed(|rows| rows.iter_mut().for_each(|row| row.right = [false; 2])), Some("is graded wrong")),
        ("all right", changed(|rows| rows.iter_mut().for_each(|row| row.right = [true; 2])), Some("is graded right")),
        (
            "a tier's grades moved down by a row",
            changed(|rows| {
                let last = rows.iter().map(|row| row.right[1]).collect::<Vec<_>>();
                rows.iter_mut().skip(1).zip(last).for_each(|(row, above)| row.right[1] = above);
            }),
            Some(ODD[1]),
        ),
        ("too few to know", changed(|rows| rows.truncate(60)), None),
        (
            "a third copied under other ids",
            changed(|rows| {
                let copies: Vec<One> = rows[..500].iter().map(|row| One { id: row.id + 100_000, ..row.clone() }).collect();
                // What a row costs goes by its id.
                rows.extend(copies.into_iter().map(|copy| One { id: copy.id - copy.id % 3 + (copy.id - 100_000) % 3, ..copy }));
            }),
            Some(ODD[2]),
        ),
        (
            "copies in one group",
            changed(|rows| {
                for row in rows.iter_mut() {
                    row.group = Some(format!("g{}", row.id));
                }
                let copies: Vec<One> = rows[..500].iter().map(|row| One { id: row.id + 100_000, ..row.clone() }).collect();
                rows.extend(copies);
            }),
            None,
        ),
        (
            "scores of a coarse scale",
            changed(|rows| rows.iter_mut().for_each(|row| row.scores = row.scores.map(|score| (40.0 * score).round() / 40.0))),
            None,
        ),
        (
            "half of the answers wholly sure, and right",
            changed(|rows| {
                for row in rows.iter_mut().filter(|row| row.scores[0] > 0.5) {
                    (row.scores, row.right) = ([1.0, 1.0], [true, true]);
                }
            }),
            None,
        ),
    ];
    for (name, rows, said) in cases {
        let warnings = report(&rows, &one_signal(0.05)).warnings;
        let odd: Vec<&String> = warnings.iter().filter(|warning| ODD.iter().any(|odd| warning.contains(odd))).collect();
        match said {
            Some(said) => assert!(odd.len() == 1 && odd[0].contains(said), "{name}: {warnings:?}"),
            None => assert!(odd.is_empty(), "{name}: {odd:?}"),
        }
    }
}

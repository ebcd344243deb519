//! What every confidence signal owes, tried on drawn answers.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use tierfall_core::completion::{Completion, Delta};
use tierfall_core::request::Request;
use tierfall_core::signal::{Abstain, Bounds, Evidence, NamedSignal, Reading, Settles};

use super::{Broken, Rule};
use crate::drawn::Drawn;

const READS: Rule = Rule {
    name: "reads",
    asks: "the same evidence reads the same each time, on the declared scale, without a panic",
    documented: "tierfall_core::signal::Signal",
};

const WATCHES: Rule = Rule {
    name: "watches",
    asks: "what is known of an answer that streams only grows, holds for every way in which it may go on, and is the reading at its end",
    documented: "tierfall_core::signal::Watch",
};

const SETTLES: Rule = Rule {
    name: "settles",
    asks: "a score is known before the end of some answer if, and only if, the signal declares so, and then nothing behind is taken out",
    documented: "tierfall_core::signal::Signal::settles",
};

fn broken(named: &NamedSignal, rule: &'static Rule, what: String, on: String) -> Broken {
    Broken { who: format!("signal `{}`", named.label), rule, what, on }
}

/// How many answers are drawn, each of which goes on in two ways.
const CASES: u64 = 250;

/// Tries a signal on answers of common words and of `words`, those that matter to it: its labels, markers and patterns. The same
/// arguments give the same answers on every machine.
///
/// A reading must be the same each time, lie on the declared scale, and be no panic. What the signal says of an answer that streams
/// must only grow, hold for every continuation, be settled and equal to the reading after the last piece, and not depend on how
/// the answer was cut. It must come to a score before the end on some answer if, and only if, the signal declares that it may.
pub fn signal(named: &NamedSignal, words: &[&str]) -> Result<(), Broken> {
    let mut settled = 0;
    for case in 0..CASES {
        let mut drawn = Drawn::new(ChaCha8Rng::seed_from_u64(case), words);
        let (begun, rest, other) = (drawn.answer(), drawn.answer(), drawn.answer());
        let begun = drawn.pieces(&begun);
        for rest in [rest, other] {
            // The pieces of the beginning are those of both wholes: what is said after them is said of either.
            let pieces = begun.iter().cloned().chain(drawn.pieces(&rest)).collect();
            settled += usize::from(one(named, &ended(pieces, &rest))?);
            let whole = drawn.pieces(&rest);
            settled += usize::from(one(named, &ended(whole, &rest))?);
        }
    }
    let early = named.settles() == Settles::Early;
    if early && settled == 0 {
        let what = format!("declares that it may settle early, but none of {} drawn answers did", 4 * CASES);
        return Err(broken(named, &SETTLES, what, String::new()));
    }
    Ok(())
}

/// The last piece ends the answer; sometimes it does nothing else.
fn ended(mut pieces: Vec<Delta>, like: &Completion) -> Vec<Delta> {
    let end = Some(like.finish.clone());
    match pieces.last_mut() {
        Some(last) if like.text.len().is_multiple_of(2) => last.finish = end,
        _ => pieces.push(Delta { finish: end, ..Delta::default() }),
    }
    pieces
}

/// One answer in these pieces; whether its score was known before it ended.
fn one(named: &NamedSignal, pieces: &[Delta]) -> Result<bool, Broken> {
    let broken = |rule: &'static Rule, what: String| broken(named, rule, what, format!("{pieces:#?}"));
    let mut whole = Completion::default();
    for piece in pieces {
        whole.push(piece).map_err(|error| broken(&WATCHES, error.to_string()))?;
    }
    let request = Request::new("id", "a or b?");
    let read = || named.read(Evidence { request: &request, answer: &whole, probe: None });
    let reading = read();
    if reading != read() {
        return Err(broken(&READS, format!("reads {} and then {}", shown(reading), shown(read()))));
    }
    let (lowest, highest) = named.nominal().range();
    match reading {
        Err(Abstain::Panicked) => return Err(broken(&READS, "panics when it reads".to_owned())),
        Ok(score) if !(lowest..=highest).contains(&score.get()) => {
            return Err(broken(&READS, format!("reads {score}, outside its scale from {lowest} to {highest}")));
        }
        _ => {}
    }

    let mut watching = named.watch(&request);
    let (watched, mut before, mut early) = (watching.is_open(), watching.bounds(), false);
    for (at, piece) in pieces.iter().enumerate() {
        let now = watching.push(piece);
        let told = |what: &str| {
            broken(&WATCHES, format!("{what}: {now:?} after piece {at}, {before:?} before it; it reads {}", shown(reading)))
        };
        if !grows(before, now) {
            return Err(told("takes back what was known"));
        }
        if !holds(now, reading) {
            return Err(told("says what does not hold for the whole"));
        }
        let last = at + 1 == pieces.len();
        if !last && matches!(now.reading(), Some(Ok(_))) {
            early = true;
            if named.strips() && !strips_ahead(named, &pieces[..=at], &whole) {
                return Err(told("takes something out behind what it had read when it settled"));
            }
        }
        if last && watched && now.reading().is_none() {
            return Err(told("does not know its reading at the end, or panicked on the way"));
        }
        before = now;
    }
    if early && named.settles() == Settles::AtEnd {
        return Err(broken(&SETTLES, format!("declares that it settles at the end alone, but knew {} before", shown(reading))));
    }
    Ok(early)
}

/// Whether what is taken out of the beginning is all that is taken out of the whole, where the beginning shows anything.
fn strips_ahead(named: &NamedSignal, begun: &[Delta], whole: &Completion) -> bool {
    let stripped = |text: &str| {
        let mut answer = Completion::text(text);
        named.strip(&mut answer);
        answer.text
    };
    let begun: String = begun.iter().map(|piece| piece.text.as_str()).collect();
    let left = stripped(&begun);
    left.trim().is_empty() || left + &whole.text[begun.len()..] == stripped(&whole.text)
}

/// Whether nothing is taken back: ends move towards each other, and a settled reading stays.
fn grows(before: Bounds, now: Bounds) -> bool {
    match (before.reading(), now.reading()) {
        (Some(before), Some(now)) => before == now,
        (Some(_), None) => false,
        (None, Some(reading)) => holds(before, reading),
        (None, None) => before.low() <= now.low() && now.high() <= before.high(),
    }
}

/// Whether a reading is as the bounds say.
fn holds(bounds: Bounds, reading: Reading) -> bool {
    match (bounds.reading(), reading) {
        (Some(known), reading) => known == reading,
        (None, Ok(score)) => bounds.low() <= Some(score) && Some(score) <= bounds.high(),
        (None, Err(_)) => true,
    }
}

fn shown(reading: Reading) -> String {
    reading.map_or_else(|why| format!("nothing ({why})"), |score| score.to_string())
}

//! What is known of a reading while the answer still streams.

use std::fmt;

use super::reading::Reading;
use crate::caught::caught;
use crate::completion::Delta;
use crate::number::Score;

crate::words! {
    /// When a signal's score is known.
    pub enum Settles {
        /// When the answer has ended, and no sooner.
        AtEnd = "at-end",
        /// Before that, where the answer allows it.
        Early = "early",
    }
}

/// What is known of the reading of an answer that has begun in a certain way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds(Known);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    Within { low: Score, high: Score },
    Settled(Reading),
}

impl Bounds {
    /// If there is a score, it lies from `low` to `high`. Nothing is said about whether there is one: the signal may yet abstain.
    /// What is no range, since an end is NaN or `low` is above `high`, bounds nothing.
    pub fn within(low: f64, high: f64) -> Self {
        let range = |low, high| Some((Score::new(low)?, Score::new(high)?)).filter(|(low, high)| low <= high);
        match range(low, high).or_else(|| range(f64::NEG_INFINITY, f64::INFINITY)) {
            Some((low, high)) => Self(Known::Within { low, high }),
            None => unreachable!("infinities are numbers"),
        }
    }

    /// This is what will be read, however the answer goes on.
    pub fn settled(reading: Reading) -> Self {
        Self(Known::Settled(reading))
    }

    /// The least score that is possible; `None` where there will be none, since the signal is sure to abstain.
    pub fn low(self) -> Option<Score> {
        match self.0 {
            Known::Within { low, .. } => Some(low),
            Known::Settled(reading) => reading.ok(),
        }
    }

    /// The highest score that is possible; `None` where there will be none, since the signal is sure to abstain.
    pub fn high(self) -> Option<Score> {
        match self.0 {
            Known::Within { high, .. } => Some(high),
            Known::Settled(reading) => reading.ok(),
        }
    }

    /// The reading, once it is certain. Equal ends alone do not make it so: the signal may yet abstain.
    pub fn reading(self) -> Option<Reading> {
        match self.0 {
            Known::Within { .. } => None,
            Known::Settled(reading) => Some(reading),
        }
    }
}

/// Reads an answer as it streams.
///
/// `conformance::signal` of the crate `tierfall-testkit` tries on drawn answers whether a signal keeps what is said here: call it in a test of yours.
pub trait Watch: fmt::Debug + Send {
    /// Takes the next piece, and says what is known of the reading of **any** whole answer that begins with all pieces so far:
    /// more text, tokens of whatever log-probability, tool calls, a refusal, whatever end. Where such an answer is read as a score,
    /// the score lies in the bounds; once the reading is [settled](Bounds::settled), it is that one.
    ///
    /// The piece with `finish` ends the answer: then the reading is [settled](Bounds::settled) — bounds that are [equal](Bounds::within) say
    /// less, since the signal may still abstain — and equal to what [`read`](super::Signal::read) gives for
    /// the whole, bit for bit. No piece is taken after the reading is settled. What is known only grows.
    ///
    /// A piece costs what it holds, however long the answer has become.
    fn push(&mut self, delta: &Delta) -> Bounds;
}

/// One answer under the watch of a [named signal](super::NamedSignal::watch).
#[derive(Debug)]
pub struct Watching {
    /// None where nothing can be said, or nothing more.
    watch: Option<Box<dyn Watch>>,
    bounds: Bounds,
    widest: Bounds,
}

impl Watching {
    /// Nothing is known but `widest`, and without a watch never will be.
    pub(super) fn new(watch: Option<Box<dyn Watch>>, widest: Bounds) -> Self {
        Self { watch, bounds: widest, widest }
    }

    /// Takes the next piece of the answer as it came, and says what is known of the reading. That is no more than the signal's
    /// range from where its code has panicked, and throughout for a signal that has [no watch](super::Signal::watch): then
    /// [`read`](super::NamedSignal::read) alone knows, at the end.
    pub fn push(&mut self, delta: &Delta) -> Bounds {
        if let Some(watch) = &mut self.watch {
            let pushed = caught(|| watch.push(delta));
            if !matches!(pushed, Ok(Bounds(Known::Within { .. }))) {
                self.watch = None;
            }
            self.bounds = pushed.unwrap_or(self.widest);
        }
        self.bounds
    }

    /// What is known so far.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Whether further pieces can change what is known.
    pub fn is_open(&self) -> bool {
        self.watch.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Abstain;

    #[derive(Debug)]
    struct Script(Vec<Option<Bounds>>);

    impl Watch for Script {
        fn push(&mut self, _: &Delta) -> Bounds {
            self.0.remove(0).unwrap()
        }
    }

    fn watching(script: &[Option<Bounds>]) -> Watching {
        Watching::new(Some(Box::new(Script(script.to_vec()))), Bounds::within(0.0, 1.0))
    }

    #[test]
    fn no_range_bounds_nothing() {
        let all = Bounds::within(f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!(Bounds::within(f64::NAN, 1.0), all);
        assert_eq!(Bounds::within(1.0, 0.5), all);
        assert_eq!(Bounds::within(0.5, 0.5).reading(), None);
    }

    #[test]
    fn what_is_settled_stays_settled() {
        let half = Bounds::settled(Ok(Score::new(0.5).unwrap()));
        let mut watching = watching(&[Some(Bounds::within(0.2, 0.8)), Some(half), None]);
        assert_eq!(watching.push(&Delta::default()), Bounds::within(0.2, 0.8));
        assert_eq!([watching.push(&Delta::default()), watching.push(&Delta::default())], [half, half]);
        assert_eq!(half.low(), half.high());
        let abstains = Bounds::settled(Err(Abstain::NoTokens));
        assert_eq!((abstains.low(), abstains.high(), abstains.reading()), (None, None, Some(Err(Abstain::NoTokens))));
    }

    #[test]
    fn after_a_panic_nothing_is_known() {
        let mut watching = watching(&[Some(Bounds::within(0.2, 0.8)), None, Some(Bounds::within(0.4, 0.6))]);
        assert_eq!(watching.push(&Delta::default()), Bounds::within(0.2, 0.8));
        assert_eq!(watching.push(&Delta::default()), Bounds::within(0.0, 1.0));
        assert_eq!((watching.push(&Delta::default()), watching.is_open()), (Bounds::within(0.0, 1.0), false));
    }
}

//! An answer while it streams: when its pieces may reach the caller, and when it is not worth going on.

use crate::completion::{Completion, Delta, TooManyToolCalls};
use crate::gate::Gate;
use crate::number::{Threshold, Tie};
use crate::request::Request;
use crate::said::is_shown;
use crate::signal::{Bounds, NamedSignal, Watching};

/// What is to be done with the pieces of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Nothing is decided: they are kept back.
    Hold,
    /// This answer is the one that is served, whatever comes: this piece, and those kept back before it, may be passed on.
    Pass,
    /// This answer is the one that is served, without what its signal made the model add: this piece may be passed on in place of all
    /// until now, and those that follow as they are.
    PassAs(Box<Delta>),
    /// Its gate defers it, whatever comes: the call may be cancelled, and [`Draft::cut`] fed in place of its answer.
    Cut,
}

/// An answer that streams, read as the gate of its tier does. Made by [`Run::draft`](crate::run::Run::draft) for the call under way.
#[derive(Debug)]
pub struct Draft {
    reads: Reads,
    answer: Completion,
}

#[derive(Debug)]
pub(crate) enum Reads {
    /// No gate decides: every piece is served.
    Nothing,
    /// What decides is known at the end alone.
    AtTheEnd,
    /// The gate's signal watches.
    Watched {
        watching: Watching,
        signal: NamedSignal,
        threshold: Threshold,
        tie: Tie,
        /// A deferral may cancel the call.
        may_cut: bool,
        /// An acceptance may commit to the answer before its end.
        may_commit: bool,
    },
    /// Sure to be deferred, by what is known of its gate value.
    Deferred(Bounds),
}

/// A draft that its gate is sure to defer. There is no other way to one than a [`Draft`] that said so.
#[derive(Debug)]
pub struct Cut {
    /// What is known of the gate value.
    pub(crate) known: Bounds,
    /// What had arrived.
    pub(crate) arrived: Completion,
}

impl Draft {
    pub(crate) fn new(reads: Reads) -> Self {
        Self { reads, answer: Completion::default() }
    }

    /// Takes the next piece. After [`Verdict::Pass`] every piece passes; after [`Verdict::Cut`] nothing more is to be read.
    pub fn push(&mut self, delta: &Delta) -> Result<Verdict, TooManyToolCalls> {
        self.answer.push(delta)?;
        let Reads::Watched { watching, signal, threshold, tie, may_cut, may_commit } = &mut self.reads else {
            return Ok(match self.reads {
                Reads::Nothing => Verdict::Pass,
                Reads::Deferred(_) => Verdict::Cut,
                Reads::AtTheEnd | Reads::Watched { .. } => Verdict::Hold,
            });
        };
        // Its end is for the gate, which sees all that the caller will.
        if delta.finish.is_some() {
            return Ok(Verdict::Hold);
        }
        let known = watching.push(delta);
        let accepted = match known.reading() {
            Some(reading) => Some(reading.is_ok_and(|value| threshold.accepts(value, *tie))),
            None => known.high().filter(|high| threshold.sure_to_defer(*high)).map(|_| false),
        };
        Ok(match accepted {
            Some(false) if *may_cut => {
                self.reads = Reads::Deferred(known);
                Verdict::Cut
            }
            Some(true) if *may_commit => {
                let passes = begun(signal, &self.answer);
                if passes.is_some() {
                    self.reads = Reads::Nothing;
                }
                passes.unwrap_or(Verdict::Hold)
            }
            _ => Verdict::Hold,
        })
    }

    /// What has arrived.
    pub fn arrived(&self) -> &Completion {
        &self.answer
    }

    /// What has arrived, where it is not read any more.
    pub fn take_answer(&mut self) -> Completion {
        std::mem::take(&mut self.answer)
    }

    /// The draft that is sure to be deferred, after [`Verdict::Cut`].
    pub fn cut(self) -> Option<Cut> {
        match self.reads {
            Reads::Deferred(known) => Some(Cut { known, arrived: self.answer }),
            _ => None,
        }
    }
}

/// How an answer that its signal has read passes on, once a reader would see something of it.
fn begun(signal: &NamedSignal, answer: &Completion) -> Option<Verdict> {
    if !signal.strips() {
        return is_shown(&answer.text).then_some(Verdict::Pass);
    }
    let mut stripped = answer.clone();
    signal.strip(&mut stripped);
    is_shown(&stripped.text).then(|| Verdict::PassAs(Box::new(unended(&stripped))))
}

/// An answer as one piece that does not end it.
fn unended(answer: &Completion) -> Delta {
    Delta { finish: None, ..Delta::from(answer) }
}

/// Whether a gate that may commit had read this answer before its end, however it was cut into pieces.
pub(crate) fn settled(gate: &Gate, request: &Request, answer: &Completion) -> bool {
    gate.may_commit()
        && gate.signal.watch(request).push(&unended(answer)).reading().is_some()
        && begun(&gate.signal, answer).is_some()
}

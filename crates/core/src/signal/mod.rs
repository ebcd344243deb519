//! How sure is this answer? A signal is a pure function from evidence to a raw score.
//!
//! The one list of built-in signals is in [`table`]; library users may pass any other implementation of [`Signal`].

pub mod agreement;
mod align;
mod ask;
mod check;
pub mod choice;
pub mod filter;
mod json;
mod labels;
mod lenient;
pub mod logprob;
pub mod normal;
pub mod options;
pub mod p_true;
mod pool;
mod pooled;
pub mod rating;
mod reading;
pub mod rivalry;
mod schema;
mod search;
pub mod self_rated;
pub mod sequence;
pub mod table;
pub mod validate;
mod watch;

pub use labels::share_of_first;
pub use reading::{Abstain, Reading};
pub use table::BadSignal;
pub use watch::{Bounds, Settles, Watch, Watching};

use std::fmt;
use std::sync::Arc;

use crate::caught::caught;
use crate::completion::Completion;
use crate::number::Score;
use crate::request::{Call, Message, Params, Request};

/// What a signal may read.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What was asked.
    pub request: &'a Request,
    /// What was answered: as it came for a signal that strips, stripped for every other one.
    pub answer: &'a Completion,
    /// The answer to this signal's probe, if it asked for one and the probe succeeded.
    pub probe: Option<&'a Completion>,
}

/// What a signal needs from its tier. A gate that its tier cannot feed is a configuration error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Token log-probabilities.
    pub logprobs: bool,
    /// This many alternatives a token.
    pub top: u8,
    /// This many samples of the answer; 0 and 1 mean the answer alone.
    pub samples: u8,
    /// A follow-up call.
    pub probe: bool,
    /// Log-probabilities of that call, with this many alternatives a token, from the tier that answers it.
    pub probe_logprobs: Option<u8>,
    /// Sampling at a temperature above zero: repeated greedy answers agree with themselves.
    pub temperature: bool,
}

/// How raw scores are shown on [0, 1] before anything was fitted, and how a hand-written threshold is read.
///
/// Nominal values order answers as the raw scores do; they are no probabilities of being right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Nominal {
    /// The score is already in [0, 1].
    Identity,
    /// exp(score): log-probabilities in (−∞, 0].
    Exp,
    /// 1 + score / ln k: negated entropies in [−ln k, 0].
    Entropy {
        /// How many alternatives the entropy is over, at least 2.
        k: u8,
    },
    /// 1 − exp(−score / scale): margins in [0, ∞).
    Saturating {
        /// The score at which 1 − 1/e is reached, > 0.
        scale: f64,
    },
}

impl Nominal {
    /// The raw scores that are possible, lowest and highest.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Identity => (0.0, 1.0),
            Self::Exp => (f64::NEG_INFINITY, 0.0),
            Self::Entropy { k } => (-f64::from(k).ln(), 0.0),
            Self::Saturating { .. } => (0.0, f64::INFINITY),
        }
    }

    /// The nominal value in [0, 1] of a raw score.
    pub fn value(self, score: Score) -> f64 {
        let raw = score.get();
        let value = match self {
            Self::Identity => raw,
            Self::Exp => raw.exp(),
            Self::Entropy { k } => 1.0 + raw / f64::from(k).ln(),
            Self::Saturating { scale } => -(-raw / scale).exp_m1(),
        };
        value.clamp(0.0, 1.0)
    }

    /// The raw score whose nominal value is `value`; `None` outside [0, 1].
    pub fn raw(self, value: f64) -> Option<Score> {
        if !(0.0..=1.0).contains(&value) {
            return None;
        }
        Score::new(match self {
            Self::Identity => value,
            Self::Exp => value.ln(),
            Self::Entropy { k } => (value - 1.0) * f64::from(k).ln(),
            Self::Saturating { scale } => -scale * (-value).ln_1p(),
        })
    }
}

/// A follow-up question about an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// What is put to the model.
    pub messages: Vec<Message>,
    /// Sampling parameters; the answering tier's own do not apply.
    pub params: Params,
    /// Ask for log-probabilities with this many alternatives.
    pub logprobs: Option<u8>,
}

/// A confidence signal.
///
/// Every method is pure: the same evidence gives the same reading on every machine, so that calibration on
/// recordings measures what production does. What takes no argument is a declaration: it is read once, when the signal is
/// [named](NamedSignal::new).
pub trait Signal: fmt::Debug + Send + Sync {
    /// What it needs from its tier beside the answer; nothing by default.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// The scale of its scores; [0, 1] by default.
    fn nominal(&self) -> Nominal {
        Nominal::Identity
    }

    /// Changes whenever the same evidence would read differently: a fit is bound to it.
    fn version(&self) -> u32 {
        1
    }

    /// Asks the answering call for what [`read`](Self::read) will need.
    fn prepare(&self, call: &mut Call) {
        let needs = self.needs();
        if needs.logprobs {
            call.want_logprobs(needs.top);
        }
        if let Some(samples) = std::num::NonZeroU8::new(needs.samples) {
            call.want_samples(samples);
        }
    }

    /// A follow-up call, made before [`read`](Self::read); none by default. Where a rule keeps the request from the tier that it
    /// would go to, it is not made and nothing is read.
    fn probe(&self, _request: &Request, _answer: &Completion) -> Option<Probe> {
        None
    }

    /// The tier that answers the probe; the answering tier itself by default.
    fn surrogate(&self) -> Option<&str> {
        None
    }

    /// How sure the answer is.
    fn read(&self, evidence: Evidence<'_>) -> Reading;

    /// Takes out of the answer what [`prepare`](Self::prepare) made the model add. A signal that [settles early](Self::settles) takes
    /// it from what it has read by then: all that comes later is left as it is.
    fn strip(&self, _answer: &mut Completion) {}

    /// Whether [`strip`](Self::strip) would change anything; lets the answer be shared where it would not.
    fn strips(&self) -> bool {
        false
    }

    /// Reads an answer while it streams, as [`Watch`] says and `conformance::signal` of the testkit tries; `None` where nothing can be said
    /// before the end. Nor is anything said for a signal that
    /// [needs](Self::needs) a probe or further samples.
    fn watch(&self, _request: &Request) -> Option<Box<dyn Watch>> {
        None
    }

    /// Whether a [`watch`](Self::watch) may know the score before the answer has ended.
    fn settles(&self) -> Settles {
        Settles::AtEnd
    }
}

/// A signal with the label under which traces, observations and fits know it.
///
/// A signal is run by these methods alone, behind which one that panics abstains.
#[derive(Clone, Debug)]
pub struct NamedSignal {
    /// `mean-logprob`, `quantile-logprob(alpha=0.1)`, …
    pub label: Arc<str>,
    signal: Arc<dyn Signal>,
    declares: Arc<Declarations>,
    /// How a cascade file declares it; `None` where it was made in code.
    pub declared: Option<Arc<serde_json::Value>>,
}

/// What a signal says of itself, whatever the answer.
#[derive(Debug)]
struct Declarations {
    needs: Needs,
    nominal: Nominal,
    version: u32,
    surrogate: Option<Box<str>>,
    strips: bool,
    settles: Settles,
}

impl Declarations {
    fn of(signal: &dyn Signal) -> Self {
        Self {
            needs: signal.needs(),
            nominal: signal.nominal(),
            version: signal.version(),
            surrogate: signal.surrogate().map(Into::into),
            strips: signal.strips(),
            settles: signal.settles(),
        }
    }
}

/// In place of a signal that cannot even say what it needs.
#[derive(Debug)]
struct Broken;

impl Signal for Broken {
    fn read(&self, _: Evidence<'_>) -> Reading {
        Err(Abstain::Panicked)
    }
}

impl NamedSignal {
    /// Names a signal. One that panics when it is asked for its declarations always abstains.
    pub fn new(label: impl Into<Arc<str>>, signal: impl Signal + 'static) -> Self {
        let (signal, declares): (Arc<dyn Signal>, _) = match caught(|| Declarations::of(&signal)) {
            Ok(declares) => (Arc::new(signal), declares),
            Err(_) => (Arc::new(Broken), Declarations::of(&Broken)),
        };
        Self { label: label.into(), signal, declares: Arc::new(declares), declared: None }
    }

    /// What it needs from its tier.
    pub fn needs(&self) -> Needs {
        self.declares.needs
    }

    /// The scale of its scores.
    pub fn nominal(&self) -> Nominal {
        self.declares.nominal
    }

    /// Changes whenever the same evidence would read differently.
    pub fn version(&self) -> u32 {
        self.declares.version
    }

    /// The tier that answers its probe, where it is another one.
    pub fn surrogate(&self) -> Option<&str> {
        self.declares.surrogate.as_deref()
    }

    /// Whether it takes something out of answers.
    pub fn strips(&self) -> bool {
        self.declares.strips
    }

    /// How sure the answer is; an abstention where the signal panics.
    pub fn read(&self, evidence: Evidence<'_>) -> Reading {
        caught(|| self.signal.read(evidence)).unwrap_or(Err(Abstain::Panicked))
    }

    /// Asks the answering call for what the signal will need, as far as it comes before it panics.
    pub fn prepare(&self, call: &mut Call) {
        let _ = caught(|| self.signal.prepare(call));
    }

    /// The signal's follow-up call; none where it panics.
    pub fn probe(&self, request: &Request, answer: &Completion) -> Option<Probe> {
        caught(|| self.signal.probe(request, answer)).ok().flatten()
    }

    /// Takes out of the answer what the signal made the model add; nothing where it panics.
    pub fn strip(&self, answer: &mut Completion) {
        let mut stripped = answer.clone();
        if caught(|| self.signal.strip(&mut stripped)).is_ok() {
            *answer = stripped;
        }
    }

    /// Whether its score may be known before the answer has ended.
    pub fn settles(&self) -> Settles {
        self.declares.settles
    }

    /// Reads an answer to `request` while it streams, as it comes; nothing is known of it where the signal panics.
    pub fn watch(&self, request: &Request) -> Watching {
        let needs = self.needs();
        let streams = !needs.probe && needs.samples <= 1;
        let watch = if streams { caught(|| self.signal.watch(request)).ok().flatten() } else { None };
        let (low, high) = self.nominal().range();
        Watching::new(watch, Bounds::within(low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nominal_values_come_back(value in 0.0..1.0f64) {
            for scale in [Nominal::Identity, Nominal::Exp, Nominal::Entropy { k: 5 }, Nominal::Saturating { scale: 3.0 }] {
                let raw = scale.raw(value).unwrap();
                prop_assert!((scale.value(raw) - value).abs() < 1e-12, "{scale:?}");
                let (low, high) = scale.range();
                prop_assert!((low..=high).contains(&raw.get()), "{scale:?}");
            }
        }
    }
}

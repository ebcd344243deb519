//! A tier's deferral rule.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::completion::{Completion, Finish};
use crate::fusion::GateValue;
use crate::map::ScoreMap;
use crate::number::{Confidence, OutOfRange, Score, Threshold};
use crate::provider::CallErrorKind;
use crate::signal::{Abstain, NamedSignal, Reading, Settles};

/// Signals, score map and threshold.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Reads the gate value, unless `value` says otherwise.
    pub signal: NamedSignal,
    /// Validators: each must read at least 0.5, else the answer is deferred as invalid whatever the gate value.
    pub require: Vec<NamedSignal>,
    /// Signals that are read and recorded; they decide only where `value` names them.
    pub observe: Vec<NamedSignal>,
    /// How the gate value comes from what the signals read; `None` = what `signal` reads, as it is.
    pub value: Option<GateValue>,
    /// Shows the gate value as a confidence; `None` until something was fitted.
    pub map: Option<ScoreMap>,
    /// Where the gate cuts.
    pub threshold: Threshold,
    /// What becomes of an answer that was cut at a limit.
    pub on_truncated: OnTruncated,
}

impl OnTruncated {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
    pub(crate) fn is_defer(&self) -> bool {
        *self == Self::Defer
    }
}

/// What a gate makes of an answer that was cut at a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnTruncated {
    /// It is deferred, whatever the signals read.
    #[default]
    Defer,
    /// The signals decide. A gate whose signal settles before the end then commits to the answer as soon as it is sure, and what
    /// becomes of the answer after that changes nothing: cut short or filtered, it is the one that is served.
    Accept,
}

/// What a validator must read at least.
pub(crate) const VALID: f64 = 0.5;

impl Gate {
    /// A gate on one signal.
    pub fn new(signal: NamedSignal, threshold: Threshold) -> Self {
        Self {
            signal,
            require: Vec::new(),
            observe: Vec::new(),
            value: None,
            map: None,
            threshold,
            on_truncated: OnTruncated::default(),
        }
    }

    /// A gate on one signal, which accepts from a value on the signal's nominal scale, from 0 to 1.
    pub fn nominal_from(signal: NamedSignal, value: f64) -> Result<Self, OutOfRange> {
        let raw = signal.nominal().raw(value).ok_or(OutOfRange { value, low: 0.0, high: 1.0 });
        Ok(Self::new(signal, Threshold::accept_from(raw?)))
    }

    /// Every signal, in the order in which they are read: validators, the gate's own, observed ones.
    pub fn signals(&self) -> impl Iterator<Item = &NamedSignal> {
        self.require.iter().chain([&self.signal]).chain(&self.observe)
    }

    /// The answer as the caller sees it: without what only signals made the model add.
    pub fn stripped<'a>(&self, answer: &'a Completion) -> Cow<'a, Completion> {
        let mut answer = Cow::Borrowed(answer);
        for named in self.signals().filter(|named| named.strips()) {
            named.strip(answer.to_mut());
        }
        answer
    }

    /// Whether its own signal alone makes the gate value, and reads what comes: only then can the gate decide while the answer
    /// streams.
    pub(crate) fn reads_as_it_streams(&self) -> bool {
        let mut others = self.require.iter().chain(&self.observe);
        let late = self.signal.strips() && self.signal.settles() == Settles::AtEnd;
        self.value.is_none() && !self.signal.needs().probe && !late && !others.any(NamedSignal::strips)
    }

    /// What is the matter with an answer; `None` where the gate's signals may look at it.
    pub(crate) fn unusable(&self, answer: &Completion) -> Option<Unusable> {
        Unusable::of(answer).filter(|why| *why != Unusable::Truncated || self.on_truncated == OnTruncated::Defer)
    }

    /// Whether the gate may commit to an answer before its end: what its own signal has read until then stands, whatever becomes of
    /// the answer.
    pub fn may_commit(&self) -> bool {
        let early = self.signal.settles() == Settles::Early && self.reads_as_it_streams();
        self.on_truncated == OnTruncated::Accept && self.require.is_empty() && early
    }

    /// The gate value, from readings in the order of [`signals`](Self::signals); why there is none where the gate abstains.
    pub fn read(&self, readings: &[(Arc<str>, Reading)]) -> Reading {
        let Some(value) = &self.value else { return readings[self.require.len()].1 };
        let reading = |wanted: &str| readings.iter().find(|(label, _)| **label == *wanted).map(|(_, reading)| *reading);
        let abstained = || value.signals().into_iter().find_map(|label| reading(label)?.err());
        value.value(|label| reading(label)?.ok()).ok_or_else(|| abstained().unwrap_or(Abstain::NotANumber))
    }

    fn named(&self, label: &str) -> Option<&NamedSignal> {
        self.signals().find(|named| &*named.label == label)
    }

    /// What the gate compares, in words: a signal's label, `-label` where lower is surer, `a+b` where several are fused.
    pub fn label(&self) -> Cow<'_, str> {
        match &self.value {
            None => Cow::Borrowed(&*self.signal.label),
            Some(value) => Cow::Owned(value.to_string()),
        }
    }

    /// The gate value on [0, 1]: calibrated where a map was fitted, else nominal.
    pub fn display(&self, value: Score) -> f64 {
        self.confidence(value).map_or_else(|| self.nominal(value), Confidence::get)
    }

    /// The gate value on a nominal scale: no probability. A negated signal's scale is turned round, a fused value is taken
    /// for the log-odds that it was fitted as.
    pub fn nominal(&self, value: Score) -> f64 {
        let on_scale = |label: &str, score: Option<Score>| Some(self.named(label)?.nominal().value(score?));
        let nominal = match &self.value {
            None => Some(self.signal.nominal().value(value)),
            Some(GateValue::Signal { signal, negated: false }) => on_scale(signal, Some(value)),
            Some(GateValue::Signal { signal, negated: true }) => {
                on_scale(signal, Score::new(-value.get())).map(|nominal| 1.0 - nominal)
            }
            Some(GateValue::Fused(_)) => None,
        };
        nominal.unwrap_or_else(|| 1.0 / (1.0 + (-value.get()).exp()))
    }

    /// The calibrated confidence of a gate value; `None` where nothing was fitted.
    pub fn confidence(&self, value: Score) -> Option<Confidence> {
        self.map.as_ref().and_then(|map| map.confidence(value))
    }
}

/// What a gate decides.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The answer is good enough.
    Accept(Accepted),
    /// A better tier should look.
    Defer(Deferral),
}

/// Why an answer was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// (gate value, tie) ≥ threshold.
    AboveThreshold,
    /// The last tier has no gate; it serves what it has, with what would have kept a gate from accepting it.
    LastTier(Option<Unusable>),
    /// The signal abstained, and the policy accepts that.
    AbstentionAllowed,
}

/// Why no gate accepts an answer, whatever its signals say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unusable {
    /// It was cut at a limit.
    Truncated,
    /// The provider's filter withheld it.
    Filtered,
    /// The model marked it as a refusal.
    Refused,
    /// It ended for a reason that is not known to be its end, or with calls to tools of which there is none; the provider's
    /// word for it, cut to 60 characters.
    Unfinished(Arc<str>),
    /// There is no tool call, and no text but blanks, characters that are not seen, and reasoning.
    Empty,
}

impl Unusable {
    /// What is the matter with an answer; `None` where a gate may look at it.
    pub fn of(answer: &Completion) -> Option<Self> {
        match &answer.finish {
            Finish::Length => Some(Self::Truncated),
            Finish::ContentFilter => Some(Self::Filtered),
            _ if answer.refusal.is_some() => Some(Self::Refused),
            Finish::Other(word) => Some(Self::Unfinished(word.chars().take(60).collect::<String>().into())),
            Finish::Stop | Finish::ToolCalls if answer.is_empty() => Some(Self::Empty),
            // The calls that it speaks of were lost on the way.
            Finish::ToolCalls if answer.tool_calls.is_empty() => Some(Self::Unfinished(answer.finish.as_str().into())),
            Finish::Stop | Finish::ToolCalls => None,
        }
    }

    /// The reason code.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Filtered => "filtered",
            Self::Refused => "refused",
            Self::Unfinished(_) => "unfinished",
            Self::Empty => "empty",
        }
    }

    /// The provider's word, where the reason code is about one.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Unfinished(word) => Some(word),
            _ => None,
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.word() {
            Some(word) => write!(f, "{} ({word})", self.as_str()),
            None => f.write_str(self.as_str()),
        }
    }
}

/// Why an answer was deferred. A failed, unfinished, empty or refused answer is a reason of its own, not a low score.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Deferral {
    /// (gate value, tie) < threshold, or the gate defers all.
    BelowThreshold,
    /// The gate's signal had nothing to read.
    Abstained(Abstain),
    /// The call failed.
    Failed(CallErrorKind),
    /// The answer is none that a gate could accept.
    Unusable(Unusable),
    /// A validator rejected the answer; carries its label.
    Invalid(Arc<str>),
    /// A person has to look; the tier is a human one.
    Review,
}

impl Decision {
    /// `accept` or `defer`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accept(_) => "accept",
            Self::Defer(_) => "defer",
        }
    }

    /// The reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Accept(Accepted::AboveThreshold) => "above-threshold",
            Self::Accept(Accepted::LastTier(_)) => "last-tier",
            Self::Accept(Accepted::AbstentionAllowed) => "abstention-allowed",
            Self::Defer(deferral) => match deferral {
                Deferral::BelowThreshold => "below-threshold",
                Deferral::Abstained(_) => "abstained",
                Deferral::Failed(_) => "failed",
                Deferral::Unusable(why) => why.as_str(),
                Deferral::Invalid(_) => "invalid",
                Deferral::Review => "review",
            },
        }
    }

    /// What the reason code is about: the abstention, the error, the validator, the provider's word for an end that is
    /// none; at the last tier, what is the matter with the answer that it serves.
    pub fn detail(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Accept(Accepted::LastTier(Some(why))) => Cow::Owned(why.to_string()),
            Self::Defer(Deferral::Unusable(why)) => Cow::Borrowed(why.word()?),
            Self::Defer(Deferral::Abstained(why)) => Cow::Borrowed(why.as_str()),
            Self::Defer(Deferral::Failed(kind)) => Cow::Borrowed(kind.as_str()),
            Self::Defer(Deferral::Invalid(label)) => Cow::Borrowed(label),
            Self::Accept(_) | Self::Defer(Deferral::BelowThreshold | Deferral::Review) => return None,
        })
    }
}

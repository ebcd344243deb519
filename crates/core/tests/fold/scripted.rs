//! Answers from a script, and a signal that reads the score which the script wrote.

use std::sync::Arc;
use std::time::Duration;

use tierfall_core::cascade::{Answerer, Cascade, Model, Parts, Policy, Tier};
use tierfall_core::completion::{Completion, Delta, Finish, Tokens, Usage};
use tierfall_core::draft::Verdict;
use tierfall_core::gate::Gate;
use tierfall_core::money::Price;
use tierfall_core::number::{Score, Threshold};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind};
use tierfall_core::replay::replay;
use tierfall_core::request::Request;
use tierfall_core::run::{Outcome, Run, Took};
use tierfall_core::signal::{Abstain, Bounds, Evidence, NamedSignal, Needs, Nominal, Reading, Settles, Signal, Watch};
use tierfall_core::trace::Trace;

/// One tier's scripted result.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    score: Option<f64>,
    text: String,
    finish: Finish,
    refusal: bool,
    error: Option<CallErrorKind>,
}

impl Cell {
    pub(crate) fn score(score: f64) -> Self {
        Self { score: Some(score), ..Self::none() }
    }
    pub(crate) fn none() -> Self {
        Self { score: None, text: "an answer".to_owned(), finish: Finish::Stop, refusal: false, error: None }
    }
    pub(crate) fn error(kind: CallErrorKind) -> Self {
        Self { error: Some(kind), ..Self::none() }
    }
    pub(crate) fn finish(self, finish: Finish) -> Self {
        Self { finish, ..self }
    }
    pub(crate) fn refusal(self) -> Self {
        Self { refusal: true, ..self }
    }
    pub(crate) fn text(self, text: &str) -> Self {
        Self { text: text.to_owned(), ..self }
    }
    /// Whether a gate may look at the answer.
    pub(crate) fn is_whole(&self) -> bool {
        self.finish.is_complete() && !self.refusal && self.error.is_none() && !self.text.trim().is_empty()
    }
}

/// Reads the probability of the first token, which the script set to the score, as many times.
#[derive(Debug)]
pub(crate) struct ScriptedScore {
    pub(crate) times: f64,
}

impl Signal for ScriptedScore {
    fn needs(&self) -> Needs {
        Needs { logprobs: true, ..Needs::default() }
    }
    fn nominal(&self) -> Nominal {
        Nominal::Identity
    }
    fn watch(&self, _: &Request) -> Option<Box<dyn Watch>> {
        Some(Box::new(Self { times: self.times }))
    }
    fn settles(&self) -> Settles {
        Settles::Early
    }
    fn read(&self, evidence: Evidence<'_>) -> Reading {
        let tokens = evidence.answer.tokens.as_ref().ok_or(Abstain::NoLogprobs)?;
        let token = tokens.get(0).ok_or(Abstain::NoTokens)?;
        Score::new(token.logprob() * self.times).ok_or(Abstain::InvalidLogprob)
    }
}

impl Watch for ScriptedScore {
    fn push(&mut self, delta: &Delta) -> Bounds {
        let first = delta.tokens.as_ref().and_then(|tokens| tokens.get(0));
        first.map_or(Bounds::within(f64::NEG_INFINITY, f64::INFINITY), |first| {
            Bounds::settled(Score::new(first.logprob() * self.times).ok_or(Abstain::InvalidLogprob))
        })
    }
}

pub(crate) fn gate(threshold: Threshold) -> Gate {
    Gate::new(NamedSignal::new("scripted", ScriptedScore { times: 1.0 }), threshold)
}

/// Tiers t0, t1, … with one gate a threshold, each five times as dear as the one before.
pub(crate) fn chain(thresholds: &[f64], policy: Policy) -> Parts {
    let tier = |place: usize, gate| {
        let mut model = Model::new(format!("model-{place}"));
        let rate = |times: u64| (5u64.pow(u32::try_from(place).unwrap()) * times).to_string().parse().unwrap();
        model.price = Some(Price { input: rate(1), output: rate(3), cached_input: None, cached_write: None });
        Tier { name: format!("t{place}").into(), answerer: Answerer::Model(model), gate }
    };
    let cut = |threshold: &f64| Some(gate(Threshold::accept_from(Score::new(*threshold).unwrap())));
    let gates = thresholds.iter().map(cut).chain([None]);
    let tiers = gates.enumerate().map(|(place, gate)| tier(place, gate)).collect();
    Parts { name: "scripted".into(), salt: "salt".into(), tiers, rules: Vec::new(), policy }
}

pub(crate) fn cascade(thresholds: &[f64], policy: Policy) -> Cascade {
    Cascade::try_from(chain(thresholds, policy)).unwrap()
}

pub(crate) fn request() -> Request {
    Request::new("id-1", "Where is my order?")
}

pub(crate) fn completion(cell: &Cell) -> Arc<Completion> {
    let mut answer = Completion::text(&cell.text);
    answer.finish = cell.finish.clone();
    answer.refusal = cell.refusal.then(|| "I cannot".to_owned());
    answer.usage = Some(Usage { input: 10, output: 2, ..Usage::default() });
    if let Some(score) = cell.score {
        let mut tokens = Tokens::default();
        tokens.push("an answer", score);
        answer.tokens = Some(tokens);
    }
    Arc::new(answer)
}

/// A scripted result: ten milliseconds each, failures free of charge.
pub(crate) fn result(cell: &Cell) -> (Result<Arc<Completion>, CallError>, Took) {
    let latency = Duration::from_millis(10);
    let result = match cell.error {
        None => Ok(completion(cell)),
        Some(CallErrorKind::NotRecorded) => Err(CallError::new(CallErrorKind::NotRecorded, "not recorded")),
        Some(kind) => {
            let attempt = Attempt::new(kind, Billing::Free, latency);
            Err(CallError::new(kind, "scripted failure").with_attempts(vec![attempt]))
        }
    };
    (result, Took { latency, ..Took::default() })
}

pub(crate) fn run_on(cascade: &Cascade, cells: &[Cell]) -> (Outcome, Trace) {
    replay(cascade, request(), |tier, _| result(&cells[tier.0]))
}

/// Whether an answer of the first tier that begins like this is cut off while it streams.
pub(crate) fn cuts(cascade: &Cascade, arrived: &Completion) -> bool {
    let begun = Delta { finish: None, ..Delta::from(arrived) };
    Run::new(cascade, request()).draft().push(&begun) == Ok(Verdict::Cut)
}

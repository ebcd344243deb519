//! The fold: one request through a cascade, fed one answer at a time.
//!
//! [`Run::next`] says which call comes next, [`Run::feed`] takes its result. The live engine feeds answers from
//! providers, everything else feeds recorded ones; nothing here knows the difference, reads a clock or waits.

mod judge;
mod limits;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use crate::cascade::{Answerer, Cascade, OnError, OnExhausted, OnFilter, TierIx};
use crate::completion::Completion;
use crate::failing::{in_time, stops_the_run, told};
use crate::gate::{Decision, Deferral, Gate};
use crate::ledger::{cost_if_last, price_attempts};
use crate::money::{Cost, Money};
use crate::number::{Score, Threshold, Tie};
pub use crate::outcome::{Outcome, Served};
use crate::outset::{Uncalled, late};
use crate::permit::PermittedCall;
use crate::plan::Plan;
pub use crate::provider::Took;
use crate::provider::{Attempt, Billing, CallError, CallErrorKind};
use crate::request::Request;
use crate::signal::logprob::Census;
use crate::signal::{Abstain, Reading};
use crate::trace::{CallTrace, Fallback, OutcomeKind, RouteTrace, Step, Stopped, Trace};

/// What a run wants.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "made once a call and taken apart at once")]
pub enum Next {
    /// Make this call at its tier and feed its result.
    Call(PermittedCall),
    /// Nothing: the run is over.
    Done,
}

/// One request on its way through a cascade.
#[derive(Debug)]
pub struct Run {
    cascade: Cascade,
    request: Arc<Request>,
    plan: Arc<Plan>,
    tie: Tie,
    state: State,
    steps: Vec<Step>,
    calls: Vec<CallTrace>,
    /// The best answer so far, and whether a gate could have read it.
    best: Option<(bool, Served)>,
    /// Places of the plan whose drafts were cut: their answers may still be the best that there is.
    cut: Vec<usize>,
    /// How many steps the chain had when it ended, and what was to come then: a draft that was cut is asked for again first.
    ended: Option<usize>,
    end: Option<Ending>,
    /// Answers are asked for as streams.
    streams: bool,
    /// Pieces of the answer under way have reached the caller: there can be no other one.
    committed: bool,
    spent: Cost,
    /// `spent`, with charges that nobody told at the most they can be: what the budget sees.
    reserved: Money,
    /// The time of all calls.
    latency: Duration,
    /// What they waited for their places.
    queued: Duration,
    /// The part of both in the step under way.
    step_latency: Duration,
    step_queued: Duration,
    /// What was said about the last call that failed in the step under way.
    said: Option<Arc<str>>,
    last_error: Option<String>,
    stopped: Option<Stopped>,
}

/// How the chain ends.
#[derive(Debug)]
enum Ending {
    /// With the person at this place of the plan.
    Human(usize),
    /// With nobody left to ask, after this error.
    Exhausted(Option<CallError>),
}

#[derive(Debug)]
enum State {
    /// The answering call of `plan.tiers[.0]`.
    Ask(usize),
    /// One probe after another, then the gate.
    Probe(Box<Probing>),
    Done(Outcome),
}

#[derive(Debug)]
struct Probing {
    position: usize,
    answer: Arc<Completion>,
    call: PermittedCall,
    /// What probes came to so far, by place in `Gate::signals`.
    probed: Vec<Probed>,
}

/// The answer to a signal's probe, if it asked for one and was answered; why nothing is read where it may not ask.
type Probed = Result<Option<Arc<Completion>>, Abstain>;

/// What a gate read in an answer.
struct Read<'a> {
    gate: &'a Gate,
    value: Option<Score>,
    signals: Vec<(Arc<str>, Reading)>,
    tokens: Option<Census>,
    /// What the gate value is at most, where the draft was cut.
    bound: Option<Score>,
}

impl<'a> Read<'a> {
    fn nothing(gate: &'a Gate) -> Self {
        Self { gate, value: None, signals: Vec::new(), tokens: None, bound: None }
    }
}

impl Run {
    /// Plans the request's way. Nothing is called yet.
    pub fn new(cascade: &Cascade, request: impl Into<Arc<Request>>) -> Self {
        let request = request.into();
        let plan = Arc::new(Plan::new(cascade, request.clone()));
        let tie = Tie::of(cascade.salt(), request.id.as_str());
        let mut run = Self {
            cascade: cascade.clone(),
            request,
            tie,
            plan,
            state: State::Ask(0),
            steps: Vec::with_capacity(cascade.tiers().len()),
            calls: Vec::new(),
            best: None,
            cut: Vec::new(),
            ended: None,
            end: None,
            streams: false,
            committed: false,
            spent: Cost::ZERO,
            reserved: Money::ZERO,
            latency: Duration::ZERO,
            queued: Duration::ZERO,
            step_latency: Duration::ZERO,
            step_queued: Duration::ZERO,
            said: None,
            last_error: None,
            stopped: None,
        };
        match run.plan.uncalled() {
            Some(Uncalled::Failed { error, stopped }) => {
                run.stopped = stopped;
                run.state = State::Done(Outcome::Failed(error));
            }
            Some(Uncalled::Refused(why)) => run.state = State::Done(Outcome::Refused(why)),
            // Whoever runs the cascade finds the person where it has no tier for one.
            Some(Uncalled::Review(_)) if run.plan.tiers.is_empty() => run.state = State::Done(Outcome::Review(None)),
            Some(Uncalled::Review(_)) | None => run.enter(0, None),
        }
        run
    }

    /// The run with answers that are asked for as streams, each from where one answer is sampled.
    #[must_use]
    pub fn streaming(mut self, streams: bool) -> Self {
        self.streams = streams;
        self
    }

    /// What comes next; the same until something is fed.
    pub fn next(&self) -> Next {
        match &self.state {
            State::Ask(position) => match self.plan.may_see(self.plan.tiers[*position]) {
                Some(permit) => {
                    let call = permit.answering_call();
                    Next::Call(self.limited(*position, if self.streams { call.streamed() } else { call }))
                }
                None => Next::Done,
            },
            State::Probe(probing) => Next::Call(probing.call.clone()),
            State::Done(_) => Next::Done,
        }
    }

    /// The steps that are decided.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Takes the result of the call that [`next`](Self::next) asked for. After the end it is ignored.
    pub fn feed(&mut self, result: Result<Arc<Completion>, CallError>, took: Took) {
        let Next::Call(call) = self.next() else { return };
        let limits = self.time_limits(&call, took.queued);
        let (result, took) = in_time(&call, result, took, limits);
        self.book(&call, &result, took);
        match std::mem::replace(&mut self.state, State::Ask(0)) {
            State::Done(outcome) => self.state = State::Done(outcome),
            State::Ask(position) => match result {
                Ok(answer) => self.probe_or_judge(position, answer, Vec::new()),
                Err(error) => self.failed(position, error),
            },
            State::Probe(probing) => {
                let mut probed = probing.probed;
                match result {
                    Err(error) if stops_the_run(error.kind) => self.failed(probing.position, error),
                    result => {
                        probed.push(Ok(result.ok()));
                        self.probe_or_judge(probing.position, probing.answer, probed);
                    }
                }
            }
        }
    }

    /// Ends a run from outside: the caller went away, or the process stops.
    fn cancel(&mut self) {
        self.abort(CallError::new(CallErrorKind::Cancelled, "the run was cancelled"));
    }

    /// Ends a run that is not over, for this reason.
    pub fn abort(&mut self, error: CallError) {
        match &self.state {
            State::Done(_) => {}
            State::Ask(_) => self.state = State::Done(Outcome::Failed(error)),
            // Its tier has answered already: the step tells what that cost.
            State::Probe(probing) => self.failed(probing.position, error),
        }
    }

    /// The outcome and the record. A run that is not over counts as cancelled.
    pub fn finish(mut self) -> (Outcome, Trace) {
        self.cancel();
        let State::Done(outcome) = self.state else { unreachable!("cancel() ends every run") };
        let (cost_if_last, cost_if_last_basis) = cost_if_last(&self.cascade, &self.request, &self.steps).unzip();
        let chain = &self.steps[..self.ended.unwrap_or(self.steps.len())];
        let ended =
            chain.iter().rev().map(|step| &step.decision).find(|decision| **decision != Decision::Defer(Deferral::Review));
        let ended_failed = match ended {
            Some(Decision::Defer(Deferral::Failed(CallErrorKind::Deadline))) => Some(Fallback::Deadline),
            Some(Decision::Defer(Deferral::Failed(_))) => Some(Fallback::Failed),
            _ => None,
        };
        let best_whole = self.cascade.policy().on_exhausted == OnExhausted::BestWhole;
        let fallback = match (outcome.kind(), self.stopped) {
            (OutcomeKind::Refused | OutcomeKind::Failed, _) => None,
            (_, Some(Stopped::Budget)) => Some(Fallback::Budget),
            (_, Some(Stopped::Deadline)) => Some(Fallback::Deadline),
            (OutcomeKind::Answered, None) if best_whole && matches!(ended, Some(Decision::Defer(Deferral::Unusable(_)))) => {
                Some(Fallback::NotWhole)
            }
            (_, None) => ended_failed,
        };
        let trace = Trace {
            outcome: outcome.kind(),
            fallback,
            tier: outcome.served().or(outcome.attached()).map(|served| self.cascade.tier(served.tier).name.clone()),
            confidence: match &outcome {
                Outcome::Answered(served) => served.confidence,
                _ => None,
            },
            cost: self.spent,
            cost_if_last,
            cost_if_last_basis,
            latency: self.latency,
            queued: self.queued,
            request_id: self.request.id.clone(),
            at: self.request.at,
            principal: self.request.principal.clone(),
            trace_id: self.request.context.as_ref().map(|context| context.trace_id().into()),
            cascade: self.cascade.name().clone(),
            route: RouteTrace::of(&self.plan),
            steps: self.steps,
            error: match &outcome {
                Outcome::Failed(error) => Some(told(error)),
                Outcome::Refused(why) => Some(why.to_string()),
                // The chain ended with a failed call: what is served is not what the cascade wanted.
                _ => self.last_error.filter(|_| ended_failed.is_some()),
            },
            stopped: self.stopped,
        };
        (outcome, trace)
    }

    /// Where the gate at a place of the plan cuts for this request.
    fn threshold(&self, position: usize) -> Threshold {
        self.plan.thresholds[self.plan.tiers[position].0].unwrap_or(Threshold::DeferAll)
    }

    /// Books every attempt of a call.
    fn book(&mut self, call: &PermittedCall, result: &Result<Arc<Completion>, CallError>, took: Took) {
        let own = match result {
            Ok(answer) => vec![Attempt::new(None, Billing::of(call, answer), took.latency).by(took.member.clone())],
            Err(error) if error.attempts.is_empty() && took.failed.is_empty() && error.kind != CallErrorKind::NotRecorded => {
                vec![Attempt::new(error.kind, Billing::Unknown, took.latency).by(took.member.clone())]
            }
            Err(error) => error.attempts.clone(),
        };
        if let Err(error) = result {
            self.said = Some(told(error).into());
        }
        let answers = result.as_ref().map_or(1, |answer| 1 + answer.samples.len());
        self.book_attempts(call, answers, own, took);
    }

    /// Books the attempts that failed, and then the call's own.
    fn book_attempts(&mut self, call: &PermittedCall, answers: usize, own: Vec<Attempt>, took: Took) {
        self.queued = self.queued.saturating_add(took.queued);
        self.step_queued = self.step_queued.saturating_add(took.queued);
        let (mut attempts, wall, mut latency) = (took.failed, took.wall, Duration::ZERO);
        attempts.extend(own);
        for (call, kept) in price_attempts(&self.cascade, call, answers, attempts) {
            self.spent += call.cost;
            self.reserved += kept;
            latency = latency.saturating_add(call.attempt.latency);
            self.calls.push(call);
        }
        let latency = wall.unwrap_or(latency);
        self.latency = self.latency.saturating_add(latency);
        self.step_latency = self.step_latency.saturating_add(latency);
    }

    /// What was said about every tier that failed, where several did.
    fn told_of_all(&self, error: &CallError) -> String {
        let failed = |step: &Step| {
            let message = step.message.as_ref().filter(|_| matches!(step.decision, Decision::Defer(Deferral::Failed(_))))?;
            Some(format!("tier \"{}\": {message}", step.tier))
        };
        let all: Vec<String> = self.steps.iter().filter_map(failed).collect();
        if all.len() > 1 { all.join("; ") } else { told(error) }
    }

    fn failed(&mut self, position: usize, mut error: CallError) {
        let tier = self.plan.tiers[position];
        let plan = self.plan.clone();
        self.step(tier, Decision::Defer(Deferral::Failed(error.kind)), plan.gate(position).map(Read::nothing));
        // A draft that was asked for once more: the chain ends as it had ended.
        let over = |kind| matches!(kind, CallErrorKind::Cancelled | CallErrorKind::NotRecorded);
        if let Some(end) = self.end.take_if(|_| !self.committed && !over(error.kind)) {
            return self.end(end);
        }
        let all = self.told_of_all(&error);
        self.last_error = Some(all.clone());
        if self.committed && error.kind == CallErrorKind::Deadline {
            self.stopped = Some(Stopped::Deadline);
        }
        let policy = self.cascade.policy();
        let filtered = error.kind == CallErrorKind::ContentFilter;
        if stops_the_run(error.kind) || self.committed || (!filtered && policy.on_error == OnError::Fail) {
            self.state = State::Done(Outcome::Failed(error));
        } else if filtered && policy.on_filter == OnFilter::Refuse {
            let name = &self.cascade.tier(tier).name;
            let why = format!("the provider of tier \"{name}\" refused the prompt: {}", told(&error));
            self.state = State::Done(Outcome::Refused(why.into()));
        } else if error.kind == CallErrorKind::Deadline && !self.is_human(position + 1) {
            self.stopped = Some(Stopped::Deadline);
            self.end(Ending::Exhausted(Some(error)));
        } else {
            error.message = all;
            self.enter(position + 1, Some(error));
        }
    }

    fn step(&mut self, tier: TierIx, decision: Decision, read: Option<Read<'_>>) {
        let gate = read.as_ref().map(|read| read.gate);
        let value = read.as_ref().and_then(|read| read.value);
        let tokens = read.as_ref().and_then(|read| read.tokens);
        let bound = read.as_ref().and_then(|read| read.bound);
        let threshold = gate.and(self.plan.thresholds[tier.0]);
        self.steps.push(Step {
            tier: self.cascade.tier(tier).name.clone(),
            decision,
            signals: read.map(|read| read.signals).unwrap_or_default(),
            tokens,
            gate_value: value,
            gate_bound: bound,
            tie: self.tie,
            confidence: gate.and_then(|gate| gate.confidence(value?)),
            nominal: gate.and_then(|gate| Some(gate.nominal(value?))),
            threshold,
            threshold_display: gate.and_then(|gate| match threshold? {
                Threshold::AcceptFrom { score, .. } => Some(gate.display(score)),
                Threshold::DeferAll => None,
            }),
            message: self.said.take(),
            latency: std::mem::take(&mut self.step_latency),
            queued: std::mem::take(&mut self.step_queued),
            calls: std::mem::take(&mut self.calls),
        });
    }

    fn is_human(&self, position: usize) -> bool {
        let tier = self.plan.tiers.get(position).map(|tier| self.cascade.tier(*tier));
        tier.is_some_and(|tier| matches!(tier.answerer, Answerer::Human { .. }))
    }

    /// Goes to a place of the plan, if there is one and time and money allow it.
    fn enter(&mut self, position: usize, error: Option<CallError>) {
        let Some(&tier) = self.plan.tiers.get(position) else { return self.end(Ending::Exhausted(error)) };
        match &self.cascade.tier(tier).answerer {
            Answerer::Human { .. } => self.end(Ending::Human(position)),
            Answerer::Model(_) if self.out_of_time() => {
                self.stopped = Some(Stopped::Deadline);
                self.end(Ending::Exhausted(Some(late())));
            }
            Answerer::Model(_) if self.cannot_pay(position) => {
                self.stopped = Some(Stopped::Budget);
                self.end(Ending::Exhausted(error));
            }
            Answerer::Model(_) => self.state = State::Ask(position),
        }
    }

    /// Ends the chain. A draft that was cut, and may be the best answer that there is, is asked for once more first.
    fn end(&mut self, end: Ending) {
        self.ended.get_or_insert(self.steps.len());
        while let Some(position) = self.cut.pop() {
            let tier = self.plan.tiers[position];
            let needed = self.best.as_ref().is_none_or(|(usable, served)| !usable || served.tier < tier);
            if needed && !self.out_of_time() && !self.cannot_pay(position) {
                (self.end, self.state) = (Some(end), State::Ask(position));
                return;
            }
        }
        match end {
            Ending::Human(position) => self.hand_over(position),
            Ending::Exhausted(error) => self.exhausted(error),
        }
    }

    fn hand_over(&mut self, position: usize) {
        let tier = self.plan.tiers[position];
        let Answerer::Human { cost } = &self.cascade.tier(tier).answerer else { unreachable!("only people are handed over to") };
        let attempt = Attempt::new(None, Billing::Free, Duration::ZERO);
        let cost = Cost::from(*cost);
        self.spent += cost;
        let tier_name = self.cascade.tier(tier).name.clone();
        self.calls.push(CallTrace { tier: tier_name, probe: None, answers: 0, attempt, cost });
        self.step(tier, Decision::Defer(Deferral::Review), None);
        self.state = State::Done(Outcome::Review(self.best.take().map(|(_, served)| served)));
    }

    fn exhausted(&mut self, error: Option<CallError>) {
        let best = self.best.take().map(|(_, served)| served);
        self.state = State::Done(match (self.cascade.policy().on_exhausted, best) {
            // Without any answer nobody declined to give one: the tiers failed, or none could be called.
            (_, None) => Outcome::Failed(error.unwrap_or_else(|| self.plan.no_tier())),
            (OnExhausted::Answer | OnExhausted::BestWhole, Some(best)) => Outcome::Answered(best),
            (OnExhausted::Abstain, best) => Outcome::Abstained(best),
            (OnExhausted::Review, best) => Outcome::Review(best),
        });
    }
}

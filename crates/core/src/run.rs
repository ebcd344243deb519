//! The fold: one request through a cascade, fed one answer at a time.
//!
//! [`Run::next`] says which call comes next, [`Run::feed`] takes its result. The live engine feeds answers from
//! providers, everything else feeds recorded ones; nothing here knows the difference, reads a clock or waits.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::calls::worth_probing;
use crate::cascade::{Answerer, Cascade, OnAbstain, OnError, OnExhausted, TierIx};
use crate::completion::Completion;
use crate::failing::{Limits, in_time, stops_the_run, told};
use crate::gate::{Accepted, Decision, Deferral, Gate, Unusable, VALID};
use crate::ledger::{answering_cost, cost_if_last, expected_cost, price_attempts, probe_cost};
use crate::money::{Cost, Money};
use crate::number::{Score, Threshold, Tie};
pub use crate::outcome::{Outcome, Served};
use crate::permit::PermittedCall;
use crate::plan::Plan;
pub use crate::provider::Took;
use crate::provider::{Attempt, Billing, CallError, CallErrorKind};
use crate::request::{Purpose, Request};
use crate::rule::Route;
use crate::signal::filter::Selector;
use crate::signal::logprob::Census;
use crate::signal::{Abstain, Evidence, NamedSignal, Reading};
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
    best: Option<(bool, Served)>,
    spent: Cost,
    /// `spent`, with charges of unknown size at the most they can be: what the budget sees.
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
}

impl<'a> Read<'a> {
    fn nothing(gate: &'a Gate) -> Self {
        Self { gate, value: None, signals: Vec::new(), tokens: None }
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
        if let Err(unknown) = cascade.point(run.request.point.as_deref()) {
            run.state = State::Done(Outcome::Failed(CallError::new(CallErrorKind::InvalidRequest, unknown.to_string())));
        } else if let Some(why) = &run.plan.fault {
            run.state = State::Done(Outcome::Failed(CallError::new(CallErrorKind::Panicked, &**why)));
        } else if let Route::Refuse(why) = run.plan.route() {
            run.state = State::Done(Outcome::Refused(why.clone()));
        } else {
            run.enter(0, None);
        }
        run
    }

    /// What comes next; the same until something is fed.
    pub fn next(&self) -> Next {
        match &self.state {
            State::Ask(position) => match self.plan.may_see(self.plan.tiers[*position]) {
                Some(permit) => Next::Call(self.within_deadline(permit.answering_call())),
                None => Next::Done,
            },
            State::Probe(probing) => Next::Call(probing.call.clone()),
            State::Done(_) => Next::Done,
        }
    }

    /// Takes the result of the call that [`next`](Self::next) asked for. After the end it is ignored.
    pub fn feed(&mut self, result: Result<Arc<Completion>, CallError>, took: Took) {
        let limits = self.time_limits(took.queued);
        let (result, took) = in_time(result, took, limits);
        match std::mem::replace(&mut self.state, State::Ask(0)) {
            State::Done(outcome) => self.state = State::Done(outcome),
            State::Ask(position) => {
                self.book(self.plan.tiers[position], None, &result, took);
                match result {
                    Ok(answer) => {
                        self.probe_or_judge(position, answer, Vec::new());
                    }
                    Err(error) => self.failed(position, error),
                }
            }
            State::Probe(probing) => {
                let Purpose::Probe(label) = &probing.call.purpose else { unreachable!("a probing call is a probe") };
                self.book(probing.call.tier(), Some(label), &result, took);
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

    /// Whether an answer of the current tier that begins with `partial` is sure to be deferred by its gate's threshold.
    ///
    /// A driver may then cancel the call: that changes cost and time, never the outcome.
    pub fn sure_to_defer(&self, partial: &Completion) -> bool {
        let State::Ask(position) = self.state else { return false };
        let Some(gate) = self.plan.gate(position) else { return false };
        // An abstention may be accepted by policy, and a bound says nothing about abstaining. Nor does it hold where
        // some of what streams is stripped before the gate's signal reads it.
        self.cascade.policy().on_abstain == OnAbstain::Escalate
            && !gate.signals().any(NamedSignal::strips)
            && gate.value.is_none()
            && gate.signal.bound(partial).is_some_and(|bound| self.threshold(position).sure_to_defer(bound))
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
        let ended =
            self.steps.iter().rev().map(|step| &step.decision).find(|decision| **decision != Decision::Defer(Deferral::Review));
        let ended_failed = match ended {
            Some(Decision::Defer(Deferral::Failed(CallErrorKind::Deadline))) => Some(Fallback::Deadline),
            Some(Decision::Defer(Deferral::Failed(_))) => Some(Fallback::Failed),
            _ => None,
        };
        let fallback = match (outcome.kind(), self.stopped) {
            (OutcomeKind::Refused | OutcomeKind::Failed, _) => None,
            (_, Some(Stopped::Budget)) => Some(Fallback::Budget),
            (_, Some(Stopped::Deadline)) => Some(Fallback::Deadline),
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

    fn within_deadline(&self, call: PermittedCall) -> PermittedCall {
        match self.left() {
            Some(left) => call.within(left),
            None => call,
        }
    }

    /// What is left until the request's deadline.
    fn left(&self) -> Option<Duration> {
        self.cascade.policy().deadline.map(|deadline| deadline.saturating_sub(self.latency.saturating_add(self.queued)))
    }

    /// How long the call may take whose result is fed next, after it `queued` for its place.
    fn time_limits(&self, queued: Duration) -> Limits {
        let total = match &self.state {
            State::Ask(position) => match &self.cascade.tier(self.plan.tiers[*position]).answerer {
                Answerer::Model(model) => model.timeouts.total,
                Answerer::Human { .. } => None,
            },
            State::Probe(probing) => probing.call.timeouts.total,
            State::Done(_) => None,
        };
        Limits { total, left: self.left().map(|left| left.saturating_sub(queued)) }
    }

    /// Books every attempt of a call.
    fn book(&mut self, tier: TierIx, probe: Option<&Arc<str>>, result: &Result<Arc<Completion>, CallError>, took: Took) {
        let (mut attempts, wall, mut latency) = (took.failed, took.wall, Duration::ZERO);
        match result {
            Ok(answer) => attempts.push(Attempt { error: None, billing: Billing::told(answer.usage), latency: took.latency }),
            Err(error) if error.attempts.is_empty() && attempts.is_empty() && error.kind != CallErrorKind::NotRecorded => {
                attempts.push(Attempt { error: Some(error.kind), billing: Billing::Unknown, latency: took.latency });
            }
            Err(error) => attempts.extend(error.attempts.iter().cloned()),
        }
        if let Err(error) = result {
            self.said = Some(told(error).into());
        }
        self.queued = self.queued.saturating_add(took.queued);
        self.step_queued = self.step_queued.saturating_add(took.queued);
        let answers = result.as_ref().map_or(1, |answer| 1 + answer.samples.len());
        for call in price_attempts(&self.cascade, tier, probe, answers, attempts) {
            self.spent += call.cost;
            // For the budget, a charge that nobody told counts as the most that it can be.
            let most = || self.cascade.model_named(&call.tier).and_then(|(_, model)| expected_cost(model, &self.request, 1));
            self.reserved += call.cost.total().or_else(most).unwrap_or_default();
            latency = latency.saturating_add(call.attempt.latency);
            self.calls.push(call);
        }
        let latency = wall.unwrap_or(latency);
        self.latency = self.latency.saturating_add(latency);
        self.step_latency = self.step_latency.saturating_add(latency);
    }

    /// Asks the next probe that a signal of the gate wants, or lets the gate decide.
    fn probe_or_judge(&mut self, position: usize, answer: Arc<Completion>, mut probed: Vec<Probed>) {
        if let Some(gate) = self.plan.gate(position)
            && (!probed.is_empty() || worth_probing(gate, &self.request, &answer))
        {
            for named in gate.signals().skip(probed.len()) {
                let probe = self.plan.probe(self.plan.tiers[position], named, &answer);
                probed.push(match probe {
                    Ok(Some(call)) if !self.out_of_time() && !self.too_dear(probe_cost(&self.cascade, &call)) => {
                        let call = self.within_deadline(call);
                        self.state = State::Probe(Box::new(Probing { position, answer, call, probed }));
                        return;
                    }
                    Ok(_) => Ok(None),
                    Err(why) => Err(why),
                });
            }
        }
        self.judge(position, answer, &probed);
    }

    /// Reads the signals and decides.
    fn judge(&mut self, position: usize, answer: Arc<Completion>, probed: &[Probed]) {
        let tier = self.plan.tiers[position];
        let plan = self.plan.clone();
        let Some(gate) = plan.gate(position) else {
            // A gated tier at the end of the plan was asked as its gate wants, and is stripped likewise.
            let answer = match &self.cascade.tier(tier).gate {
                Some(gate) if gate.signals().any(NamedSignal::strips) => Arc::new(gate.stripped(&answer).into_owned()),
                _ => answer,
            };
            let accepted = Accepted::LastTier(Unusable::of(&answer));
            self.step(tier, Decision::Accept(accepted.clone()), None);
            self.state = State::Done(Outcome::Answered(Served { tier, answer, confidence: None, accepted: Some(accepted) }));
            return;
        };
        let (readings, answer) = read_all(gate, &self.request, answer, probed);
        let value = gate.read(&readings);
        let decision = self.decide(position, gate, value, &answer, &readings);
        let confidence = value.ok().and_then(|value| gate.confidence(value));
        let usable = matches!(decision, Decision::Defer(Deferral::BelowThreshold | Deferral::Abstained(_)));
        let tokens = Census::of(&answer, &Selector::default()).ok();
        self.step(tier, decision.clone(), Some(Read { gate, value: value.ok(), signals: readings, tokens }));
        match decision {
            Decision::Accept(accepted) => {
                self.state = State::Done(Outcome::Answered(Served { tier, answer, confidence, accepted: Some(accepted) }));
            }
            Decision::Defer(_) => {
                if usable || self.best.as_ref().is_none_or(|(before, _)| !before) {
                    self.best = Some((usable, Served { tier, answer, confidence: None, accepted: None }));
                }
                self.enter(position + 1, None);
            }
        }
    }

    fn decide(
        &self,
        position: usize,
        gate: &Gate,
        value: Reading,
        answer: &Completion,
        readings: &[(Arc<str>, Reading)],
    ) -> Decision {
        if let Some(why) = Unusable::of(answer) {
            return Decision::Defer(Deferral::Unusable(why));
        }
        let validators = &readings[..gate.require.len()];
        // A rejection first: after it nobody asks the probes of the others, which then abstain.
        if let Some((label, _)) = validators.iter().find(|(_, reading)| reading.is_ok_and(|score| score.get() < VALID)) {
            return Decision::Defer(Deferral::Invalid(label.clone()));
        }
        if let Some(why) = validators.iter().find_map(|(_, reading)| reading.err()) {
            return Decision::Defer(Deferral::Abstained(why));
        }
        match value {
            Ok(value) if self.threshold(position).accepts(value, self.tie) => Decision::Accept(Accepted::AboveThreshold),
            Ok(_) => Decision::Defer(Deferral::BelowThreshold),
            Err(_) if self.cascade.policy().on_abstain == OnAbstain::Accept => Decision::Accept(Accepted::AbstentionAllowed),
            Err(why) => Decision::Defer(Deferral::Abstained(why)),
        }
    }

    fn failed(&mut self, position: usize, error: CallError) {
        let tier = self.plan.tiers[position];
        let cascade = self.cascade.clone();
        let gate = cascade.tier(tier).gate.as_ref();
        self.step(tier, Decision::Defer(Deferral::Failed(error.kind)), gate.map(Read::nothing));
        self.last_error = Some(told(&error));
        if stops_the_run(error.kind) || self.cascade.policy().on_error == OnError::Fail {
            self.state = State::Done(Outcome::Failed(error));
        } else if error.kind == CallErrorKind::Deadline && !self.is_human(position + 1) {
            self.stopped = Some(Stopped::Deadline);
            self.exhausted(Some(error));
        } else {
            self.enter(position + 1, Some(error));
        }
    }

    fn step(&mut self, tier: TierIx, decision: Decision, read: Option<Read<'_>>) {
        let gate = read.as_ref().map(|read| read.gate);
        let value = read.as_ref().and_then(|read| read.value);
        let tokens = read.as_ref().and_then(|read| read.tokens);
        let threshold = gate.and(self.plan.thresholds[tier.0]);
        self.steps.push(Step {
            tier: self.cascade.tier(tier).name.clone(),
            decision,
            signals: read.map(|read| read.signals).unwrap_or_default(),
            tokens,
            gate_value: value,
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
        let Some(&tier) = self.plan.tiers.get(position) else { return self.exhausted(error) };
        match &self.cascade.tier(tier).answerer {
            Answerer::Human { cost } => {
                let attempt = Attempt { error: None, billing: Billing::Free, latency: Duration::ZERO };
                let cost = Cost::from(*cost);
                self.spent += cost;
                let tier_name = self.cascade.tier(tier).name.clone();
                self.calls.push(CallTrace { tier: tier_name, probe: None, answers: 0, attempt, cost });
                self.step(tier, Decision::Defer(Deferral::Review), None);
                self.state = State::Done(Outcome::Review(self.best.take().map(|(_, served)| served)));
            }
            Answerer::Model(model) => {
                if self.out_of_time() {
                    self.stopped = Some(Stopped::Deadline);
                    let kind = CallErrorKind::Deadline;
                    self.exhausted(Some(CallError::new(kind, "the request's deadline passed before a tier could answer")));
                } else if self.too_dear(answering_cost(model, &self.request, self.cascade.tier(tier).gate.as_ref())) {
                    self.stopped = Some(Stopped::Budget);
                    self.exhausted(error);
                } else {
                    self.state = State::Ask(position);
                }
            }
        }
    }

    fn out_of_time(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    fn too_dear(&self, expected: Option<Money>) -> bool {
        self.cascade.policy().budget.is_some_and(|budget| self.reserved + expected.unwrap_or_default() > budget)
    }

    fn exhausted(&mut self, error: Option<CallError>) {
        let best = self.best.take().map(|(_, served)| served);
        self.state = State::Done(match (self.cascade.policy().on_exhausted, best) {
            // Without any answer nobody declined to give one: the tiers failed, or none could be called.
            (_, None) => Outcome::Failed(error.unwrap_or_else(|| self.no_tier())),
            (OnExhausted::Answer, Some(best)) => Outcome::Answered(best),
            (OnExhausted::Abstain, best) => Outcome::Abstained(best),
            (OnExhausted::Review, best) => Outcome::Review(best),
        });
    }

    fn no_tier(&self) -> CallError {
        let because: Vec<String> =
            self.plan.skipped.iter().map(|(ix, why)| format!("{} ({why})", self.cascade.tier(*ix).name)).collect();
        let message = if because.is_empty() {
            "the request's budget does not allow a call to any tier".to_owned()
        } else {
            format!("no tier can take this request: {}", because.join(", "))
        };
        CallError::new(CallErrorKind::InvalidRequest, message)
    }
}

/// Reads every signal of a gate. Signals that made the model add something read the answer as it came; all others, and
/// the caller, see it stripped.
fn read_all(
    gate: &Gate,
    request: &Request,
    mut answer: Arc<Completion>,
    probed: &[Probed],
) -> (Vec<(Arc<str>, Reading)>, Arc<Completion>) {
    let as_it_came = answer.clone();
    if let Cow::Owned(stripped) = gate.stripped(&as_it_came) {
        answer = Arc::new(stripped);
    }
    let read = |(place, named): (usize, &NamedSignal)| {
        let seen = if named.strips() { &as_it_came } else { &answer };
        let reading = match probed.get(place) {
            Some(Err(why)) => Err(*why),
            probed => {
                let probe = probed.and_then(|probed| probed.as_ref().ok()?.as_deref());
                named.read(Evidence { request, answer: seen, probe })
            }
        };
        (named.label.clone(), reading)
    };
    let readings = gate.signals().enumerate().map(read).collect();
    (readings, answer)
}

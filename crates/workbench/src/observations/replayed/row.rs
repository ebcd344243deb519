//! One example as a row: what every tier did with it, and why it is none where it is not.

use std::collections::BTreeSet;
use std::sync::Arc;

use tierfall_calibrate::observations::Cell;
use tierfall_calibrate::quality::Quality;
use tierfall_core::cascade::{Answerer, Cascade};
use tierfall_core::completion::Completion;
use tierfall_core::constraints::End;
use tierfall_core::gate::{Decision, Deferral, Gate};
use tierfall_core::number::Score;
use tierfall_core::plan::{Plan, Skip};
use tierfall_core::provider::{Billing, CallError, CallErrorKind};
use tierfall_core::replay::replay;
use tierfall_core::request::{Purpose, Request};
use tierfall_core::signal::{Abstain, NamedSignal};
use tierfall_core::trace::{OutcomeKind, Step, Trace};

use crate::fixture::Example;
use crate::fixture::grade::{Graded, Grades};
use crate::fixture::replay::Recordings;

/// Grades of one tier; `None` = a person, who is taken to be always right.
pub(super) type OfTier = Option<Grades>;

/// One tier's part of a row.
pub(super) struct Values {
    /// Its scores are apart.
    pub(super) cell: Cell<'static>,
    pub(super) scores: Vec<Option<Score>>,
    /// Who judged it.
    pub(super) judge: Option<Arc<str>>,
    pub(super) state: State,
    /// What a signal of the gate would have had to ask is not recorded, so that it could not be read.
    pub(super) unasked: bool,
    /// What a signal reads is not in the recording: the provider gave none, or it was lost, and nobody can tell which.
    pub(super) unread: bool,
}

impl Values {
    /// Takes the grade of an answer; `judged`: a judge was to give it. What a judge said beside a program is nobody's grade.
    fn grade(&mut self, given: Option<Graded>, judged: bool) {
        let Some(given) = given else {
            self.cell.quality = None;
            return;
        };
        let by_people = given.by_people && judged;
        self.cell.human = Quality::new(given.correct).filter(|_| by_people);
        self.cell.quality = match given.judged.filter(|_| judged) {
            Some(by_judge) => {
                self.judge = given.judge;
                Quality::new(by_judge)
            }
            None => Quality::new(given.correct),
        };
    }
}

/// Whether there is an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Answered,
    /// The call failed: nobody has to grade it.
    Failed,
    /// The tier has no part in the row. It escalates there, as a request does to which a tier gives no answer.
    Absent,
}

/// Why an example is no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// A rule or a limit sends it another way.
    Elsewhere(String),
    /// The last tier was never asked.
    Unrecorded,
}

/// What every tier did with an example.
pub(super) fn row(cascade: &Cascade, recordings: &Recordings, grades: &[OfTier], example: &Example) -> Result<Vec<Values>, Lack> {
    let request = Arc::new(example.request());
    let plan = Plan::new(cascade, request.clone());
    if plan.tiers.len() < cascade.tiers().len() {
        return Err(Lack::Elsewhere(routed(&plan)));
    }
    let is_human = |ix: usize| matches!(cascade.tiers()[ix].answerer, Answerer::Human { .. });
    let recorded = |ix: usize| recordings.answer_for(&cascade.tiers()[ix].name, example);
    let last = cascade.tiers().len() - 1;
    if !is_human(last) && recorded(last).is_none() {
        return Err(Lack::Unrecorded);
    }
    let (trace, unasked) = played(cascade, recordings, request);
    let mut row = Vec::with_capacity(cascade.tiers().len());
    for (ix, ((tier, step), grades)) in cascade.tiers().iter().zip(&trace.steps).zip(grades).enumerate() {
        let failed = matches!(step.decision, Decision::Defer(Deferral::Failed(_)));
        let state = match (is_human(ix), recorded(ix), failed) {
            (false, None, _) => State::Absent,
            (_, _, true) => State::Failed,
            _ => State::Answered,
        };
        let mut values = Values {
            cell: Cell {
                unanswered: state != State::Answered,
                cost: step.cost().told().filter(|_| state != State::Absent),
                latency_ms: (state != State::Absent).then(|| step.latency.as_micros() as f64 / 1e3),
                length: length(step),
                ..Cell::graded(if grades.is_none() { Quality::RIGHT } else { Quality::WRONG }, &[])
            },
            scores: tier.gate.as_ref().map(|gate| scores(gate, step)).unwrap_or_default(),
            judge: None,
            state,
            unasked: unasked.contains(&ix),
            unread: tier.gate.as_ref().is_some_and(|gate| lacks_data(gate, step)),
        };
        if let (State::Answered, Some(grades), Some(answer)) = (state, grades, recorded(ix)) {
            let last_seen = recorded(last).filter(|_| ix < last).and_then(|answer| answer.seen().ok());
            values.cell.as_last = answer.seen().ok().zip(last_seen).is_some_and(|(own, last)| is_same(own, last));
            // What has no grade of its answer is not left out for that.
            values.grade(grades.of(example, answer).ok(), example.grader.judged().is_some());
        }
        row.push(values);
    }
    if row.len() <= last {
        let next = &cascade.tiers()[row.len()].name;
        let why = match trace.steps.last() {
            // Without the provider's words, which differ from example to example.
            Some(step) if trace.outcome == OutcomeKind::Refused => {
                format!("the provider of tier \"{}\" refuses their prompts (on-filter = \"refuse\")", step.tier)
            }
            _ => trace.error.unwrap_or_else(|| format!("tier \"{next}\" was not asked")),
        };
        return Err(Lack::Elsewhere(why));
    }
    Ok(row)
}

/// The request under a cascade on what was recorded, and the places of the tiers whose gates ask what is not. A tier without a recording
/// fails, so that those after it are asked all the same.
pub(crate) fn played(cascade: &Cascade, recordings: &Recordings, request: Arc<Request>) -> (Trace, BTreeSet<usize>) {
    let mut unasked = BTreeSet::new();
    let mut asked = 0;
    let (_, trace) = replay(cascade, request, |ix, call| {
        let (result, took) = recordings.result(&cascade.tier(ix).name, call);
        match call.purpose {
            Purpose::Answer => asked = ix.0,
            Purpose::Probe(_) if result.as_ref().is_err_and(|error| error.kind == CallErrorKind::NotRecorded) => {
                unasked.insert(asked);
            }
            Purpose::Probe(_) => {}
        }
        let fails = |error: CallError| match error.kind {
            CallErrorKind::NotRecorded => CallError::new(CallErrorKind::Connect, error.message),
            _ => error,
        };
        (result.map_err(fails), took)
    });
    (trace, unasked)
}

/// Whether two answers are the same, so that whatever one is worth the other is.
fn is_same(one: &Completion, other: &Completion) -> bool {
    one.text == other.text && one.tool_calls == other.tool_calls && one.refusal == other.refusal && one.finish == other.finish
}

/// Who keeps the request from some tier.
fn routed(plan: &Plan) -> String {
    let Some((ix, why)) = plan.skipped.first() else { return "they are routed elsewhere".to_owned() };
    let (constraints, tier) = (plan.constraints(), &plan.cascade().tier(*ix).name);
    let rules = |names: Vec<&Arc<str>>, one: &str, several: &str| match &names[..] {
        [name] => format!("rule \"{name}\" {one}"),
        names => format!("rules {} {several}", names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")),
    };
    match why {
        Skip::NotAllowed => {
            let names = constraints.kept_from(*ix);
            match constraints.end() {
                Some(End::Fault(why) | End::Invalid(why)) => why.to_string(),
                Some(End::Refused(_)) => rules(names, "refuses them", "refuse them"),
                Some(End::Review(_)) => rules(names, "keeps them for a person", "keep them for a person"),
                None => rules(
                    names,
                    &format!("does not let tier \"{tier}\" see them"),
                    &format!("do not let tier \"{tier}\" see them"),
                ),
            }
        }
        Skip::BeforeEntry => {
            let to = format!("behind tier \"{tier}\"");
            rules(constraints.entering_behind(*ix), &format!("enters {to}"), &format!("enter {to}"))
        }
        Skip::Fit => format!("tier \"{tier}\" is skipped (fit)"),
        // Without the numbers, which differ from example to example.
        Skip::ContextWindow { .. } => format!("tier \"{tier}\" is skipped (context-window)"),
        Skip::Capability(_) | Skip::UnknownPoint(_) => format!("tier \"{tier}\" is skipped ({why})"),
    }
}

/// A gate's own signal and those it observes, each once; validators only force deferrals.
pub(super) fn scored(gate: &Gate) -> Vec<&NamedSignal> {
    let mut signals: Vec<&NamedSignal> = vec![&gate.signal];
    for named in &gate.observe {
        if signals.iter().all(|known| known.label != named.label) {
            signals.push(named);
        }
    }
    signals
}

/// What a gate's signals read, if its threshold has any say in what happens to the answer.
fn scores(gate: &Gate, step: &Step) -> Vec<Option<Score>> {
    let validators_read = step.signals.iter().take(gate.require.len()).all(|(_, reading)| reading.is_ok());
    let decides = match &step.decision {
        Decision::Defer(Deferral::BelowThreshold) => true,
        // Of the gate's own signal; then another one may still be read.
        Decision::Defer(Deferral::Abstained(_)) => validators_read,
        _ => false,
    };
    let read = |named: &NamedSignal| {
        let (_, reading) = step.signals.iter().find(|(label, _)| *label == named.label)?;
        reading.ok().filter(|_| decides)
    };
    scored(gate).into_iter().map(read).collect()
}

/// Whether some signal that the gate may compare found nothing to read.
fn lacks_data(gate: &Gate, step: &Step) -> bool {
    let of_gate = |label: &str| scored(gate).iter().any(|named| *named.label == *label);
    step.signals.iter().any(|(label, reading)| of_gate(label) && reading.is_err_and(Abstain::is_lack))
}

/// Output tokens of the answer; an equal share where several were sampled.
fn length(step: &Step) -> Option<u32> {
    let answering = step.calls.iter().rev().find(|call| call.probe.is_none() && call.attempt.error.is_none())?;
    match answering.attempt.billing {
        Billing::Metered(usage) => u32::try_from(usage.output.div_ceil(answering.answers.max(1) as u64)).ok(),
        Billing::Free | Billing::Estimated(_) | Billing::Unknown => None,
    }
}

//! What the gate makes of an answer.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Ending, Probed, Probing, Read, Run, State};
use crate::calls::worth_probing;
use crate::cascade::{OnAbstain, OnExhausted};
use crate::completion::Completion;
use crate::draft::settled;
use crate::gate::{Accepted, Decision, Deferral, Gate, Unusable, VALID};
use crate::outcome::{Outcome, Served};
use crate::provider::{CallError, CallErrorKind};
use crate::request::Request;
use crate::signal::filter::Selector;
use crate::signal::logprob::Census;
use crate::signal::{Evidence, NamedSignal, Reading};

impl Run {
    /// Asks the next probe that a signal of the gate wants, or lets the gate decide.
    pub(super) fn probe_or_judge(&mut self, position: usize, answer: Arc<Completion>, mut probed: Vec<Probed>) {
        if let Some(gate) = self.plan.gate(position)
            && (!probed.is_empty() || worth_probing(gate, &self.request, &answer))
        {
            for named in gate.signals().skip(probed.len()) {
                let probe = self.plan.probe(self.plan.tiers[position], named, &answer);
                probed.push(match probe {
                    Ok(Some(call)) if !self.out_of_time() && !self.too_dear(call.expected_cost()) => {
                        let call = self.limited(position, call);
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
    pub(super) fn judge(&mut self, position: usize, answer: Arc<Completion>, probed: &[Probed]) {
        let tier = self.plan.tiers[position];
        let plan = self.plan.clone();
        let Some(gate) = plan.gate(position) else {
            // A gated tier at the end of the plan was asked as its gate wants, and is stripped likewise.
            let answer = match &self.cascade.tier(tier).gate {
                Some(gate) if gate.signals().any(NamedSignal::strips) => Arc::new(gate.stripped(&answer).into_owned()),
                _ => answer,
            };
            let unusable = Unusable::of(&answer);
            if let Some(why) = unusable.clone().filter(|_| self.cascade.policy().on_exhausted == OnExhausted::BestWhole) {
                self.step(tier, Decision::Defer(Deferral::Unusable(why)), None);
                self.keep(false, Served { tier, answer, confidence: None, accepted: None });
                return self.end(Ending::Exhausted(None));
            }
            let accepted = Accepted::LastTier(unusable);
            self.step(tier, Decision::Accept(accepted.clone()), None);
            self.state = State::Done(Outcome::Answered(Served { tier, answer, confidence: None, accepted: Some(accepted) }));
            return;
        };
        let (readings, stripped) = read_all(gate, &self.request, &answer, probed);
        let value = gate.read(&readings);
        let decision = self.decide(position, gate, value, (&answer, &stripped), &readings);
        let answer = stripped;
        let confidence = value.ok().and_then(|value| gate.confidence(value));
        let read = matches!(decision, Decision::Defer(Deferral::BelowThreshold | Deferral::Abstained(_)));
        // A gate may read an answer that is cut off.
        let best_whole = self.cascade.policy().on_exhausted == OnExhausted::BestWhole;
        let usable = read && (!best_whole || Unusable::of(&answer).is_none());
        let tokens = Census::of(&answer, &Selector::default()).ok();
        self.step(tier, decision.clone(), Some(Read { gate, value: value.ok(), signals: readings, tokens, bound: None }));
        match decision {
            Decision::Accept(accepted) => {
                self.state = State::Done(Outcome::Answered(Served { tier, answer, confidence, accepted: Some(accepted) }));
            }
            // What its signal read and what it had said while the answer streamed are not one.
            Decision::Defer(_) if self.committed => {
                let message = "the gate deferred an answer of which pieces have reached the caller";
                self.state = State::Done(Outcome::Failed(CallError::new(CallErrorKind::Malformed, message)));
            }
            Decision::Defer(_) => {
                self.keep(usable, Served { tier, answer, confidence: None, accepted: None });
                match self.end.take() {
                    Some(end) => self.end(end),
                    None => self.enter(position + 1, None),
                }
            }
        }
    }

    /// Keeps an answer that was not accepted, where it is the best one.
    fn keep(&mut self, usable: bool, served: Served) {
        if self.best.as_ref().is_none_or(|(before, best)| (usable, served.tier) > (*before, best.tier)) {
            self.best = Some((usable, served));
        }
    }

    fn decide(
        &self,
        position: usize,
        gate: &Gate,
        value: Reading,
        (as_it_came, answer): (&Completion, &Completion),
        readings: &[(Arc<str>, Reading)],
    ) -> Decision {
        // Where the gate had read what it reads before the answer ended, how that was matters no more.
        let settled = || self.committed || settled(gate, &self.request, as_it_came);
        if let Some(why) = gate.unusable(answer).filter(|_| !settled()) {
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
}

/// Reads every signal of a gate. Signals that made the model add something read the answer as it came; all others, and
/// the caller, see it stripped.
fn read_all(
    gate: &Gate,
    request: &Request,
    as_it_came: &Arc<Completion>,
    probed: &[Probed],
) -> (Vec<(Arc<str>, Reading)>, Arc<Completion>) {
    let answer = match gate.stripped(as_it_came) {
        Cow::Borrowed(_) => as_it_came.clone(),
        Cow::Owned(stripped) => Arc::new(stripped),
    };
    let read = |(place, named): (usize, &NamedSignal)| {
        let seen = if named.strips() { as_it_came } else { &answer };
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

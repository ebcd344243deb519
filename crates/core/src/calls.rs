//! The calls that a tier gets: what a run makes, and what recording makes for every tier.

use std::num::NonZeroU8;
use std::sync::Arc;

use crate::cascade::{Cascade, Model, TierIx};
use crate::completion::{Completion, Finish};
use crate::gate::{Deferral, Gate, VALID};
use crate::request::{Call, Params, Prompt, Purpose, Request};
use crate::signal::{Evidence, NamedSignal};

/// The answering call of a model: its preamble and parameters, and whatever the gate's signals ask for.
pub fn answering_call(model: &Model, request: &Arc<Request>, gate: Option<&Gate>) -> Call {
    let prompt = Prompt::Request { preamble: model.preamble.clone(), request: request.clone(), addendum: None };
    let params = request.params.overridden_by(&model.params);
    let mut call = base(model, request, prompt, params, Purpose::Answer);
    for named in gate.into_iter().flat_map(Gate::signals) {
        named.prepare(&mut call);
    }
    call
}

/// Whether probes about an answer can still matter: it is complete, and no validator that needs no probe rejects it.
pub fn worth_probing(gate: &Gate, request: &Request, answer: &Completion) -> bool {
    let stripped = gate.stripped(answer);
    let passes = |named: &NamedSignal| {
        let answer = if named.signal.strips() { answer } else { &stripped };
        let reading = named.read(Evidence { request, answer, probe: None });
        reading.is_ok_and(|score| score.get() >= VALID)
    };
    unusable(answer).is_none() && gate.require.iter().filter(|named| !named.signal.needs().probe).all(passes)
}

/// Why an answer is not worth a signal.
pub(crate) fn unusable(answer: &Completion) -> Option<Deferral> {
    match answer.finish {
        Finish::Length => Some(Deferral::Truncated),
        Finish::ContentFilter => Some(Deferral::Filtered),
        _ if answer.refusal.is_some() => Some(Deferral::Refused),
        _ => None,
    }
}

/// The probe that a signal of tier `own` makes about an answer, and the tier it goes to; `None` where it makes none.
/// The probe sees the answer as the caller would.
pub fn probing_call(
    cascade: &Cascade,
    request: &Arc<Request>,
    own: TierIx,
    named: &NamedSignal,
    answer: &Completion,
) -> Option<(TierIx, Call)> {
    if !named.signal.needs().probe {
        return None;
    }
    let stripped = cascade.tier(own).gate.as_ref().map(|gate| gate.stripped(answer));
    let probe = named.probe(request, stripped.as_deref().unwrap_or(answer))?;
    let name = named.signal.surrogate().unwrap_or(&cascade.tier(own).name);
    let (tier, model) = cascade.model_named(name)?;
    let mut call = base(model, request, Prompt::Probe(probe.messages), probe.params, Purpose::Probe(named.label.clone()));
    call.logprobs = probe.logprobs;
    Some((tier, call))
}

fn base(model: &Model, request: &Request, prompt: Prompt, params: Params, purpose: Purpose) -> Call {
    Call {
        request_id: request.id.clone(),
        model: model.name.clone(),
        prompt,
        params,
        logprobs: None,
        samples: NonZeroU8::MIN,
        purpose,
        timeouts: model.timeouts,
        deadline: None,
        stream: false,
    }
}

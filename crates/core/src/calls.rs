//! What the calls of a tier look like. Whoever makes one needs a [`Permit`](crate::permit::Permit).

use std::sync::Arc;

use crate::cascade::Model;
use crate::completion::Completion;
use crate::gate::{Gate, VALID};
use crate::request::{Call, Params, Prompt, Purpose, Request};
use crate::signal::{Evidence, NamedSignal, Probe};

/// What every answering call of a model has in common, around a request that asks nothing: what recordings and fits are bound to.
pub fn without_request(model: &Model, gate: Option<&Gate>) -> Call {
    answering_call(model, &Arc::new(Request::from_messages("", Vec::new())), gate)
}

/// What the answering call of a model looks like: its preamble and parameters, and whatever the gate's signals ask for.
pub(crate) fn answering_call(model: &Model, request: &Arc<Request>, gate: Option<&Gate>) -> Call {
    let prompt = Prompt::Request { preamble: model.preamble.clone(), request: request.clone(), addendum: None };
    let params = request.params.overridden_by(&model.params);
    let mut call = base(model, request, prompt, params, Purpose::Answer);
    for named in gate.into_iter().flat_map(Gate::signals) {
        named.prepare(&mut call);
    }
    call
}

/// Whether probes about an answer can still matter: a gate could accept it, and no validator that needs no probe rejects it.
pub fn worth_probing(gate: &Gate, request: &Request, answer: &Completion) -> bool {
    let stripped = gate.stripped(answer);
    let passes = |named: &NamedSignal| {
        let answer = if named.strips() { answer } else { &stripped };
        let reading = named.read(Evidence { request, answer, probe: None });
        reading.is_ok_and(|score| score.get() >= VALID)
    };
    gate.unusable(&stripped).is_none() && gate.require.iter().filter(|named| !named.needs().probe).all(passes)
}

/// What the call looks like that puts a probe to a model.
pub(crate) fn probing_call(model: &Model, request: &Arc<Request>, named: &NamedSignal, probe: Probe) -> Call {
    let purpose = Purpose::Probe(named.label.clone());
    let mut call = base(model, request, Prompt::Probe(probe.messages), probe.params, purpose);
    call.logprobs = probe.logprobs;
    call
}

fn base(model: &Model, request: &Request, prompt: Prompt, params: Params, purpose: Purpose) -> Call {
    let call = Call::new(request.id.clone(), model.name.clone(), prompt);
    let (context_window, timeouts, context) = (model.context_window, model.timeouts, request.context.clone());
    Call { params, context_window, purpose, timeouts, context, ..call }
}

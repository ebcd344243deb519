//! What the calls of a tier look like. Whoever makes one needs a [`Permit`](crate::permit::Permit).

use std::sync::Arc;

use crate::cascade::Model;
use crate::completion::Completion;
use crate::fields::MAX_COMPLETION_TOKENS;
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
    let params = settings_for(model, &probe.params);
    let mut call = base(model, request, Prompt::Probe(probe.messages), params, purpose);
    call.logprobs = probe.logprobs;
    call
}

/// A probe's parameters in the settings of the model that it is put to: a model that thinks needs its own limit, and refuses parameters that
/// it does not know. The probe's temperature is sent where the tier says nothing of its own provider's.
fn settings_for(model: &Model, probe: &Params) -> Params {
    let own = &model.params;
    let limit = own.most_tokens().max(probe.most_tokens());
    let temperature = own.temperature.or(probe.temperature.filter(|_| own.extra.is_empty()));
    let mut params = Params { temperature, stop: Vec::new(), ..probe.overridden_by(own) };
    match params.extra.get_mut(MAX_COMPLETION_TOKENS) {
        Some(newer) => (*newer, params.max_tokens) = (limit.into(), None),
        None => params.max_tokens = limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
    }
    params
}

fn base(model: &Model, request: &Request, prompt: Prompt, params: Params, purpose: Purpose) -> Call {
    let call = Call::new(request.id.clone(), model.name.clone(), prompt);
    let (context_window, timeouts, context) = (model.context_window, model.timeouts, request.context.clone());
    Call { params, context_window, purpose, timeouts, context, ..call }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_probe_is_asked_in_the_settings_of_its_model() {
        let probe = || Params { temperature: Some(0.0), max_tokens: Some(16), ..Params::default() };
        let asked = |edit: &dyn Fn(&mut Params)| {
            let mut model = Model::new("m");
            edit(&mut model.params);
            settings_for(&model, &probe())
        };
        assert_eq!(asked(&|_| {}), probe(), "a tier that declares nothing");
        let chats = asked(&|own| (own.temperature, own.max_tokens, own.stop) = (Some(0.7), Some(200), vec!["\n".to_owned()]));
        assert_eq!(chats, Params { temperature: Some(0.7), max_tokens: Some(200), ..Params::default() });
        assert_eq!(asked(&|own| own.max_tokens = Some(4)).max_tokens, Some(16), "a rating needs its tokens");
        let thinks = asked(&|own| {
            own.extra.insert("reasoning_effort".to_owned(), "low".into());
            own.extra.insert(MAX_COMPLETION_TOKENS.to_owned(), json!(4000));
        });
        assert_eq!((thinks.temperature, thinks.max_tokens, thinks.most_tokens()), (None, None, Some(4000)));
        assert_eq!(thinks.extra["reasoning_effort"], "low");
    }
}

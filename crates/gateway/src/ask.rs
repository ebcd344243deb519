//! From a request on the wire to the call that a simulated model answers.

use std::num::NonZeroU8;
use std::sync::Arc;

use tierfall_core::kept::Kept;
use tierfall_core::request::{Call, Prompt, Purpose, Request, Role};
use tierfall_wire::openai::ClientAsked;

/// How a simulated answer begins: a question that quotes one is about that answer.
const QUOTED: &str = "[simulated: ";

/// The call. Leading system messages are the tier's own, so that tiers with different ones are asked the same question.
pub(crate) fn call(mut request: Request, asked: &ClientAsked) -> Call {
    let (id, params) = (request.id.clone(), request.params.clone());
    let (prompt, purpose) = if request.question().contains(QUOTED) {
        (Prompt::Probe(request.messages.into_iter().map(Kept::into_inner).collect()), Purpose::Probe("probe".into()))
    } else {
        let turns = request.messages.iter().position(|message| message.role != Role::System).unwrap_or(request.messages.len());
        let texts: Vec<String> = request.messages.drain(..turns).map(|message| message.texts().collect()).collect();
        let addendum = (!texts.is_empty()).then(|| texts.join("\n\n").into());
        (Prompt::Request { preamble: Arc::new([]), request: Arc::new(request), addendum }, Purpose::Answer)
    };
    Call {
        params,
        // Always drawn, so that a stream comes token by token; the reply shows what was asked for.
        logprobs: Some(asked.top_logprobs),
        samples: asked.samples.unwrap_or(NonZeroU8::MIN),
        purpose,
        stream: asked.stream,
        ..Call::new(id, asked.model.as_str(), prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierfall_wire::openai::parse_request;

    fn call_of(messages: &str) -> Call {
        let body = format!(r#"{{"model": "m", "n": 2, "messages": {messages}}}"#);
        let (request, asked) = parse_request(&body, "1".into()).unwrap();
        call(request, &asked)
    }

    #[test]
    fn the_same_question_under_another_system_prompt_is_the_same_request() {
        let plain = call_of(r#"[{"role": "user", "content": "Hi?"}]"#);
        let instructed = call_of(r#"[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi?"}]"#);
        let asked = |call: &Call| match &call.prompt {
            Prompt::Request { request, .. } => request.messages.clone(),
            Prompt::Probe(_) => panic!("no probe"),
        };
        assert_eq!(asked(&plain), asked(&instructed));
        assert_eq!(instructed.messages().len(), 2, "the model still sees its instructions");
        assert_eq!(plain.samples.get(), 2);
    }

    #[test]
    fn a_question_about_a_simulated_answer_is_a_probe() {
        let probe = call_of(r#"[{"role": "user", "content": "Is this right: [simulated: wrong] The answer is 12."}]"#);
        assert!(matches!(probe.purpose, Purpose::Probe(_)));
    }
}

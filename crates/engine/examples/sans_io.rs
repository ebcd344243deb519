//! The fold and a dialect without runtime, sockets or clock: a client of one's own does the asking.

use std::error::Error;
use std::io::{Write as _, stdout};
use std::sync::Arc;
use std::time::Duration;

use tierfall_core::cascade::{Cascade, Model, Parts, Policy, Tier};
use tierfall_core::completion::Completion;
use tierfall_core::gate::Gate;
use tierfall_core::provider::{CallError, CallErrorKind, Took};
use tierfall_core::request::{Call, Request};
use tierfall_core::run::{Next, Run};
use tierfall_core::signal::NamedSignal;
use tierfall_wire::dialect::openai_chat::OpenAiChat;
use tierfall_wire::dialect::{Dialect as _, Encoded, NoAnswer};

/// In place of a client: posts the body to the path below a base URL, and gives the status and the body of the reply.
fn post(encoded: &Encoded) -> (u16, Vec<u8>) {
    assert_eq!(encoded.path, "/chat/completions");
    let small = String::from_utf8_lossy(&encoded.body).contains("small-1");
    let text = if small { "I cannot help with that." } else { "Due on Tuesday." };
    let choice = serde_json::json!({ "message": { "role": "assistant", "content": text }, "finish_reason": "stop" });
    (200, serde_json::json!({ "choices": [choice], "usage": { "prompt_tokens": 9, "completion_tokens": 5 } }).to_string().into())
}

fn ask(call: &Call) -> Result<Arc<Completion>, CallError> {
    let encoded = OpenAiChat.encode(call).map_err(|why| CallError::new(CallErrorKind::InvalidRequest, why.to_string()))?;
    let (status, body) = post(&encoded);
    let failure = if status == 200 {
        match OpenAiChat.decode(&body) {
            Ok(answer) => return Ok(Arc::new(answer)),
            Err(NoAnswer::Unreadable(why)) => return Err(CallError::new(CallErrorKind::Malformed, why.to_string())),
            Err(NoAnswer::Failed(failure)) => failure,
        }
    } else {
        OpenAiChat.classify(status, &body)
    };
    Err(CallError::new(failure.kind, failure.message))
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let gate = Gate::nominal_from(NamedSignal::built_in("not-refusal")?, 0.5)?;
    let cascade = Cascade::try_from(Parts {
        name: "desk".into(),
        salt: "desk".into(),
        tiers: vec![Tier::new("small", Model::new("small-1")).gated(gate), Tier::new("large", Model::new("large-1"))],
        rules: Vec::new(),
        policy: Policy::default(),
    })?;
    let mut run = Run::new(&cascade, Request::new("1", "When is my order due?"));
    while let Next::Call(call) = run.next() {
        let result = ask(&call);
        // The fold reads no clock: whoever asks says how long it took.
        run.feed(result, Took { latency: Duration::from_millis(20), ..Took::default() });
    }
    let (outcome, trace) = run.finish();
    let answer = outcome.served().map(|served| &*served.answer);
    assert_eq!((answer.map(|answer| answer.text.as_str()), trace.steps.len()), (Some("Due on Tuesday."), 2));
    writeln!(stdout(), "{}", trace.to_json(answer)?)?;
    Ok(())
}

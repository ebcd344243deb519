//! Providers over HTTP, in each dialect, and the layers around them keep what the testkit says that providers owe.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tierfall_core::completion::Completion;
use tierfall_core::provider::Provider;
use tierfall_core::request::{Call, Prompt, Request};
use tierfall_providers::{BreakerPolicy, HttpProvider, Layers, QueuePolicy, RetryPolicy};
use tierfall_testkit::conformance::{self, Echo, Fate, Upstream};
use tierfall_testkit::server::Received;
use tierfall_testkit::{Script, Server, openai};

use crate::setup::{call, dialect};

/// Says questions back, in a dialect.
struct Behind {
    server: Server,
    fate: Arc<Mutex<Fate>>,
}

impl Behind {
    async fn new(dialect: &'static str) -> Self {
        let fate = Arc::<Mutex<Fate>>::default();
        let now = fate.clone();
        let server = Server::answering(move |received| script(dialect, *now.lock().unwrap(), received)).await.unwrap();
        Self { server, fate }
    }
}

impl Upstream for Behind {
    fn bring_about(&self, fate: Fate) -> bool {
        *self.fate.lock().unwrap() = fate;
        true
    }

    fn until_open(&self, calls: usize) -> BoxFuture<'_, ()> {
        async move {
            self.server.until("so many calls are open", |counts| counts.in_flight == calls).await;
        }
        .boxed()
    }
}

fn script(dialect: &str, fate: Fate, received: &Received) -> Script {
    match fate {
        Fate::Silent => return Script::silent(),
        Fate::Fails => return Script::status(500).header("content-type", "application/json").piece("{}"),
        Fate::Answered | Fate::Stalls | Fate::Breaks => {}
    }
    let asked = received.json();
    let content = &asked["messages"].as_array().unwrap().last().unwrap()["content"];
    let question = content.as_str().or(content[0]["text"].as_str()).unwrap();
    let number = |key: &str| asked[key].as_u64().map(|number| u8::try_from(number).unwrap());
    let top = asked["logprobs"].as_bool().unwrap_or(false).then(|| number("top_logprobs").unwrap_or(0));
    let answer = Echo::answer_to(question, top, number("n").unwrap_or(1));
    let is_anthropic = dialect == "anthropic";
    let (begun, rest, head) = if asked["stream"] == true {
        let events = if is_anthropic { anthropic_events(&answer) } else { openai::sse(&answer) };
        // The first piece that says something, with what comes before it.
        let (begun, rest) = events.split_at(if is_anthropic { 3 } else { 2 });
        (begun.concat(), rest.concat(), Script::sse())
    } else {
        let body = if is_anthropic { anthropic(&answer) } else { openai::chat(&answer) }.to_string();
        let (begun, rest) = body.split_at(12);
        (begun.to_owned(), rest.to_owned(), Script::status(200).header("content-type", "application/json"))
    };
    let begun = head.piece(begun);
    match fate {
        Fate::Stalls => begun.stall(),
        Fate::Breaks => begun.cut(),
        _ => begun.piece(rest),
    }
}

fn anthropic(answer: &Completion) -> Value {
    json!({
        "id": "m", "type": "message", "role": "assistant", "model": "claude-like-1",
        "content": [{ "type": "text", "text": answer.text }],
        "stop_reason": "end_turn", "stop_sequence": null, "usage": { "input_tokens": 9, "output_tokens": 9 },
    })
}

fn anthropic_events(answer: &Completion) -> Vec<String> {
    let begun = json!({
        "id": "m", "type": "message", "role": "assistant", "model": "claude-like-1", "content": [],
        "stop_reason": null, "usage": { "input_tokens": 9, "output_tokens": 1 },
    });
    let events = [
        json!({ "type": "message_start", "message": begun }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": answer.text } }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 9 } }),
        json!({ "type": "message_stop" }),
    ];
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

/// Calls that ask different things.
fn calls(logprobs: Option<u8>) -> [(Call, &'static str); 3] {
    ["Where is it?", "And the other one?", "Über alles"].map(|question| {
        let request = Arc::new(Request::new(question, question));
        let prompt = Prompt::Request { preamble: Arc::new([]), request, addendum: None };
        (Call { request_id: question.into(), prompt, logprobs, ..call() }, question)
    })
}

fn endpoint(name: &str, server: &Server) -> HttpProvider {
    HttpProvider::new(dialect(name, &server.url())).unwrap()
}

/// Every layer, with pauses that are none.
fn all_layers(name: &str) -> Layers {
    Layers {
        name: name.into(),
        breaker: Some(BreakerPolicy::default()),
        fan_out: true,
        retry: RetryPolicy { base: Duration::from_millis(1), ..RetryPolicy::default() },
        retry_failing_over: RetryPolicy::failing_over(),
        total: Some(Duration::from_mins(1)),
        queue: Some(QueuePolicy::new(NonZeroUsize::new(4).unwrap())),
    }
}

async fn keeps_what_it_owes(provider: &dyn Provider, logprobs: Option<u8>, upstream: &dyn Upstream) {
    if let Err(broken) = conformance::provider(provider, &calls(logprobs), upstream).await {
        panic!("{broken}");
    }
}

#[tokio::test]
async fn openai_chat() {
    let behind = Behind::new("openai-chat").await;
    keeps_what_it_owes(&endpoint("openai-chat", &behind.server), Some(2), &behind).await;
}

#[tokio::test]
async fn anthropic_messages() {
    let behind = Behind::new("anthropic").await;
    keeps_what_it_owes(&endpoint("anthropic", &behind.server), None, &behind).await;
}

#[tokio::test]
async fn with_every_layer() {
    for (dialect, logprobs) in [("openai-chat", Some(2)), ("anthropic", None)] {
        let behind = Behind::new(dialect).await;
        let provider = all_layers(dialect).around(endpoint(dialect, &behind.server));
        keeps_what_it_owes(&provider, logprobs, &behind).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_layer_around_a_provider_that_keeps_it() {
    let none =
        Layers { breaker: None, fan_out: false, retry: RetryPolicy::never(), total: None, queue: None, ..all_layers("echo") };
    let all = all_layers("echo");
    for layers in [
        none.clone(),
        Layers { fan_out: true, ..none.clone() },
        Layers { retry: all.retry.clone(), ..none.clone() },
        Layers { breaker: all.breaker, ..none.clone() },
        Layers { queue: all.queue, ..none.clone() },
        Layers { queue: Some(QueuePolicy::new(NonZeroUsize::MIN)), ..none },
        all,
    ] {
        let echo = Arc::new(Echo::new());
        keeps_what_it_owes(&layers.clone().around(echo.clone()), Some(2), &*echo).await;
    }
}

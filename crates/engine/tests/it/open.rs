//! Providers, signals and sinks of one's own; questions in every form.

use std::sync::Arc;
use std::time::Duration;

use tierfall::clock::ManualClock;
use tierfall::{Ask, BuildError, Engine, LoadError, TraceContext};
use tierfall_core::cascade::{Cascade, OnExhausted, Parts, Policy};
use tierfall_core::completion::Completion;
use tierfall_core::provider::{CallError, CallErrorKind};
use tierfall_core::request::{Call, Message, Params, Prompt, Request, UnixMillis};
use tierfall_core::trace::Fallback;
use tierfall_testkit::{Scripted, sample};

fn one_tier(provider: &Arc<Scripted>) -> Engine {
    let cascade = sample::cascade(&[("only", 0.0)]).unwrap();
    Engine::builder(cascade).provider("only", provider.clone()).build().unwrap()
}

#[tokio::test]
async fn whatever_can_be_asked_reaches_the_provider_as_it_is() {
    let provider = Arc::new(Scripted::always(Completion::text("yes")));
    let engine = one_tier(&provider);
    let conversation = vec![Message::system("Be brief."), Message::user("Hello?")];
    let asks: [Ask; 4] =
        ["Hello?".into(), "Hello?".to_owned().into(), conversation.clone().into(), Request::new("7", "Hello?").into()];
    for ask in asks {
        assert_eq!(engine.complete(ask).await.text(), Some("yes"));
    }
    let calls = provider.calls();
    let asked: Vec<_> = calls.iter().map(Call::messages).collect();
    let hello = vec![Message::user("Hello?")];
    assert_eq!(asked, [hello.clone(), hello.clone(), conversation, hello]);
    assert_eq!(calls[3].request_id.as_str(), "7");
}

#[tokio::test]
async fn what_comes_without_an_id_gets_one_of_its_own() {
    let provider = Arc::new(Scripted::always(Completion::text("yes")));
    let engine = one_tier(&provider);
    let mut ids = std::collections::BTreeSet::new();
    for ask in [Ask::from("a"), Ask::from("a"), Ask::from(Request::new("", "a"))] {
        let id = engine.complete(ask).await.trace.request_id.clone();
        assert!(!id.as_str().is_empty());
        ids.insert(id.as_str().to_owned());
    }
    assert_eq!(ids.len(), 3);
    assert!(provider.calls().iter().all(|call| ids.contains(call.request_id.as_str())));
    let named = Ask::from(Request::new("theirs", "a")).with_id("mine").with_tag("segment", "orders");
    let plan = engine.plan(named);
    let request = plan.request();
    assert_eq!((request.id.as_str(), request.tags["segment"].as_str()), ("mine", "orders"));
}

#[tokio::test]
async fn a_trace_says_when_a_request_arrived_and_who_asked() {
    let cascade = sample::cascade(&[("only", 0.0)]).unwrap();
    let clock = Arc::new(ManualClock::default());
    clock.advance(Duration::from_millis(1_700_000_000_123));
    let provider = Arc::new(Scripted::always(Completion::text("yes")));
    let engine = Engine::builder(cascade).provider("only", provider).clock(clock).build().unwrap();
    let trace = engine.complete("a").await.trace;
    assert_eq!((trace.at, trace.principal.clone()), (Some(UnixMillis(1_700_000_000_123)), None));
    let trace = engine.complete(Ask::from("a").at(UnixMillis(7)).by("user-1")).await.trace;
    let json = serde_json::to_value(&trace).unwrap();
    assert_eq!((&json["at"], &json["principal"]), (&7.into(), &"user-1".into()));
    assert_eq!(json.get("trace_id"), None);
    let moment = std::time::UNIX_EPOCH + Duration::from_micros(1_999);
    assert_eq!(engine.complete(Ask::from("a").at(moment)).await.trace.at, Some(UnixMillis(1)));
}

#[tokio::test]
async fn a_call_stands_in_the_trace_of_its_request_or_of_its_span() {
    let (asked, own) =
        ("00-11111111111111111111111111111111-1111111111111111-01", "00-22222222222222222222222222222222-2222222222222222-01");
    let context = |parent| TraceContext::read(parent, None);
    let provider = Arc::new(Scripted::always(Completion::text("yes")));
    let by = |hook: fn() -> Option<TraceContext>| {
        let cascade = sample::cascade(&[("only", 0.0)]).unwrap();
        Engine::builder(cascade).provider("only", provider.clone()).trace_context(hook).build().unwrap()
    };
    for hook in [|| None, || TraceContext::read("00-22222222222222222222222222222222-2222222222222222-01", None)] {
        let trace = by(hook).complete(Ask::from("a").in_trace(context(asked))).await.trace;
        assert_eq!(serde_json::to_value(&trace).unwrap()["trace_id"], "1".repeat(32));
    }
    let told: Vec<_> = provider.calls().iter().map(|call| call.context.clone()).collect();
    assert_eq!(told, [context(asked), context(own)]);
}

#[tokio::test]
async fn a_failure_is_an_answer_with_a_trace() {
    let engine = one_tier(&Arc::new(Scripted::always_fails(CallError::new(CallErrorKind::Auth, "no key"))));
    let answer = engine.complete("a").await;
    assert_eq!(answer.error().unwrap().kind, CallErrorKind::Auth);
    assert_eq!((answer.text(), answer.completion().is_none()), (None, true));
    assert_eq!(answer.trace.error.as_deref(), Some("no key"));
    assert_eq!(answer.trace.cost.unknown_charges(), 1, "nobody told what the failed call cost");
}

#[tokio::test]
async fn the_last_provider_given_to_a_tier_counts() {
    let (first, second) = (Arc::new(Scripted::new()), Arc::new(Scripted::always(Completion::text("second"))));
    let builder = Engine::builder(sample::cascade(&[("only", 0.0)]).unwrap());
    let engine = builder.provider("only", first).provider("only", second).build().unwrap();
    assert_eq!(engine.complete("a").await.text(), Some("second"));
}

#[test]
fn an_engine_without_its_providers_cannot_be_built() {
    let builder = || Engine::builder(sample::cascade(&[("small", 0.5), ("large", 0.0)]).unwrap());
    let provider = || Arc::new(Scripted::new());
    let error = builder().provider("small", provider()).build().err().unwrap();
    assert_eq!(error, BuildError::NoProvider("large".into()));
    let error = builder().provider("huge", provider()).build().err().unwrap();
    assert_eq!(error, BuildError::UnknownTier("huge".into()));
}

#[tokio::test]
async fn a_rejected_answer_is_attached_and_never_the_text() {
    let unsure = || Arc::new(Scripted::always(sample::sure("perhaps", 0.1)));
    let down = || Arc::new(Scripted::always_fails(CallError::new(CallErrorKind::Overloaded, "down")));
    for (on_exhausted, attached) in
        [(OnExhausted::Answer, None), (OnExhausted::Abstain, Some("perhaps")), (OnExhausted::Review, Some("perhaps"))]
    {
        let parts = sample::cascade(&[("small", 0.8), ("large", 0.0)]).unwrap();
        let policy = Policy { on_exhausted, ..Policy::default() };
        let parts = Parts { name: "n".into(), salt: "".into(), tiers: parts.tiers().to_vec(), rules: Vec::new(), policy };
        let engine = Engine::builder(Cascade::try_from(parts).unwrap()).provider("small", unsure()).provider("large", down());
        let answer = engine.build().unwrap().complete("Where is my order?").await;
        assert_eq!((answer.text(), answer.attached().map(|best| best.text.as_str())), (attached.xor(Some("perhaps")), attached));
        assert_eq!((answer.completion().is_some(), answer.fallback()), (attached.is_none(), Some(Fallback::Failed)));
        let json = answer.to_json().unwrap();
        assert_eq!((json["answer"].as_str(), json.get("attached").and_then(|text| text.as_str())), (answer.text(), attached));
    }
}

#[tokio::test]
async fn what_an_ask_says_reaches_the_call() {
    let provider = Arc::new(Scripted::always(Completion::text("yes")));
    let engine = one_tier(&provider);
    let tools = serde_json::json!([{ "type": "function", "function": { "name": "look_up" } }]);
    let raw = Request::new("1", "Hello?");
    let ask = Ask::from(raw)
        .with_deadline(Duration::from_secs(7))
        .with_budget("1".parse().unwrap())
        .with_tools(tools.clone())
        .with_response_format(serde_json::json!({ "type": "json_object" }))
        .with_params(Params { max_tokens: Some(9), ..Params::default() });
    let answer = engine.complete(ask).await;
    assert_eq!(answer.text(), Some("yes"));
    let call = provider.calls().remove(0);
    assert_eq!((call.deadline, call.params.max_tokens), (Some(Duration::from_secs(7)), Some(9)));
    let Prompt::Request { request, .. } = &call.prompt else { panic!("it answers") };
    assert_eq!(request.tools.as_ref().unwrap().get(), tools.to_string());
    let route = serde_json::to_value(&answer.trace.route).unwrap();
    assert_eq!((&route["deadline_ms"], &route["budget_usd"]), (&7000.0.into(), &1.0.into()));
}

#[tokio::test]
async fn an_answer_is_a_result_too() {
    let engine = one_tier(&Arc::new(Scripted::always(Completion::text("yes"))));
    let answer = engine.complete("a").await;
    assert_eq!(answer.ok().unwrap().text, "yes");
    assert_eq!(answer.into_result().unwrap().text, "yes");
    let engine = one_tier(&Arc::new(Scripted::always_fails(CallError::new(CallErrorKind::Auth, "no key"))));
    let why = engine.complete(Ask::from("a").with_id("7")).await.into_result().unwrap_err();
    assert_eq!(format!("{why:?}"), "the request 7 failed: no key");
}

#[tokio::test]
async fn a_file_is_read_on_a_thread_of_its_own() {
    let why = Engine::load_async("nowhere.cascade.toml").await.unwrap_err();
    assert!(matches!(why, LoadError::Config(_)), "{why}");
    assert!(format!("{why:?}").contains("there is no such file"), "its `Debug` is its message: {why:?}");
}

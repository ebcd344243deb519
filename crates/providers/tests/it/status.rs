//! What each status means, and when a call is made again.

use std::time::Duration;

use serde_json::json;
use tierfall_core::completion::Completion;
use tierfall_core::provider::{Billing, CallErrorKind};
use tierfall_core::request::Call;
use tierfall_core::trace_context::TraceContext;
use tierfall_providers::{Access, HttpProvider, HttpSettings, RetryPolicy};
use tierfall_testkit::openai;
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::setup::{KEY, ask, assert_clean, assert_failed, call, dialect, layered, persistent, provider, serving, settings};

fn good() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(openai::chat(&Completion::text("Monday")))
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn a_call_goes_where_the_settings_say() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(header("authorization", format!("Bearer {KEY}")))
        .and(header("content-type", "application/json"))
        .and(header("x-team", "support"))
        .and(body_partial_json(json!({ "model": "model", "logprobs": true, "top_logprobs": 5 })))
        .respond_with(good())
        .mount(&server)
        .await;
    let mut settings = settings(&format!("{}/v1/", server.uri()));
    settings.headers.push(("x-team".to_owned(), "support".into()));
    let (answer, failed) = ask(&HttpProvider::new(settings).unwrap(), &call()).await.unwrap();
    assert_eq!((answer.text.as_str(), failed.len()), ("Monday", 0));
}

#[tokio::test]
async fn a_call_says_in_which_distributed_trace_it_stands() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let server = serving([good(), good()]).await;
    let provider = HttpProvider::new(settings(&server.uri())).unwrap();
    let context = TraceContext::read(PARENT, Some("rojo=1"));
    for context in [None, context] {
        ask(&provider, &Call { context, ..call() }).await.unwrap();
    }
    let sent = server.received_requests().await.unwrap();
    let said = |header: &str| {
        sent.iter().map(|request| request.headers.get(header).map(|value| value.to_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(said("traceparent"), [None, Some(PARENT.to_owned())]);
    assert_eq!(said("tracestate"), [None, Some("rojo=1".to_owned())]);
}

#[tokio::test]
async fn an_address_has_its_query_and_a_call_goes_through_its_proxy() {
    let proxy = serving([good()]).await;
    let mut settings = settings("http://models.invalid/v1");
    settings.query = vec![("api-version".to_owned(), "2024-10-21".to_owned()), ("a b".to_owned(), "&=".to_owned())];
    settings.proxy = Some(proxy.uri().into());
    ask(&HttpProvider::new(settings.clone()).unwrap(), &call()).await.unwrap();
    let asked = &proxy.received_requests().await.unwrap()[0];
    assert_eq!(asked.url.query(), Some("api-version=2024-10-21&a+b=%26%3D"));
    assert_eq!(asked.headers["host"], "models.invalid");

    settings.proxy = Some("http://user:proxy-password@127.0.0.1:1".into());
    settings.unreached = Some("look at the proxy".to_owned());
    let error = ask(&HttpProvider::new(settings.clone()).unwrap(), &call()).await.unwrap_err();
    assert!(error.message.ends_with("look at the proxy") && !error.message.contains("proxy-password"), "{}", error.message);
    settings.proxy = Some("no url: proxy-password".into());
    let error = HttpProvider::new(settings).err().unwrap().to_string();
    assert!(error.contains("the proxy is no URL") && !error.contains("proxy-password"), "{error}");
}

#[tokio::test]
async fn a_declared_header_takes_the_place_of_the_dialects_own() {
    let server = serving([ResponseTemplate::new(404)]).await;
    let mut settings = dialect("anthropic", &server.uri());
    settings.plain_headers.push(("Anthropic-Version".to_owned(), "2026-01-01".to_owned()));
    ask(&HttpProvider::new(settings).unwrap(), &Call { logprobs: None, ..call() }).await.unwrap_err();
    let sent = server.received_requests().await.unwrap();
    let versions: Vec<_> = sent[0].headers.get_all("anthropic-version").iter().collect();
    assert_eq!(versions, ["2026-01-01"]);
}

#[tokio::test]
async fn the_other_dialect_sends_its_key_its_own_way() {
    let server = MockServer::start().await;
    let body = json!({
        "type": "message", "role": "assistant", "model": "m", "content": [{ "type": "text", "text": "Monday" }],
        "stop_reason": "end_turn", "usage": { "input_tokens": 3, "output_tokens": 1 },
    });
    Mock::given(method("POST"))
        .and(header("x-api-key", KEY))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let provider = layered(dialect("anthropic", &server.uri()), |_| {});
    let mut call = call();
    call.logprobs = None;
    let (answer, _) = ask(&provider, &call).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.usage.unwrap().output), ("Monday", 1));

    // One sample a call: three samples are three calls.
    call.samples = 3.try_into().unwrap();
    let (answer, _) = ask(&provider, &call).await.unwrap();
    assert_eq!((answer.samples.len(), answer.usage.unwrap().input, requests(&server).await), (2, 9, 4));
}

#[tokio::test]
async fn every_status_has_its_kind_and_a_timeout_may_cost() {
    for (status, kind) in [
        (301, CallErrorKind::InvalidRequest),
        (400, CallErrorKind::InvalidRequest),
        (401, CallErrorKind::Auth),
        (403, CallErrorKind::Auth),
        (404, CallErrorKind::NotFound),
        (408, CallErrorKind::Timeout),
        (413, CallErrorKind::ContextLength),
        (422, CallErrorKind::InvalidRequest),
        (429, CallErrorKind::RateLimited),
        (500, CallErrorKind::Overloaded),
        (503, CallErrorKind::Overloaded),
        (504, CallErrorKind::Timeout),
        (524, CallErrorKind::Timeout),
        (529, CallErrorKind::Overloaded),
    ] {
        let body = openai::error(&format!("no\nto {KEY}"), "some_code");
        let server = serving([ResponseTemplate::new(status).set_body_json(body).insert_header("location", "/elsewhere")]).await;
        let error = ask(&provider(&server.uri()), &call()).await.unwrap_err();
        // Whatever timed out may have been generating.
        assert_failed(&error, kind, if kind == CallErrorKind::Timeout { Billing::Unknown } else { Billing::Free });
        let told = error.message.strip_prefix(&format!("provider \"local\": {status} ")).unwrap();
        assert!(told.contains("no to [key]"), "{told}");
        assert_eq!(requests(&server).await, 1);
    }
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    for (status, advice) in [
        (401, "check the key in LOCAL_KEY"),
        (302, "redirects are not followed: write the final address as the base URL"),
        (404, "check the model's name and the base URL"),
        (429, "lower the provider's concurrency or wait"),
    ] {
        let server = serving([ResponseTemplate::new(status)]).await;
        let error = ask(&provider(&server.uri()), &call()).await.unwrap_err();
        assert!(error.message.contains(advice), "{error}");
    }
    let server = serving([ResponseTemplate::new(401)]).await;
    let keyless = HttpProvider::new(HttpSettings { access: Access::Open, ..settings(&server.uri()) }).unwrap();
    let error = ask(&keyless, &call()).await.unwrap_err();
    assert!(error.message.ends_with("no key is configured for this provider"), "{error}");
}

#[tokio::test]
async fn what_the_body_says_is_finer_than_the_status() {
    let context = openai::error("This model's maximum context length is 512 tokens", "context_length_exceeded");
    let server = serving([ResponseTemplate::new(400).set_body_json(context)]).await;
    let error = ask(&provider(&server.uri()), &call()).await.unwrap_err();
    assert_failed(&error, CallErrorKind::ContextLength, Billing::Free);
}

#[tokio::test]
async fn an_error_inside_a_success_is_an_error() {
    let server =
        serving([ResponseTemplate::new(200).set_body_json(json!({ "error": { "code": 429, "message": "later" } }))]).await;
    let error = ask(&provider(&server.uri()), &call()).await.unwrap_err();
    assert_failed(&error, CallErrorKind::RateLimited, Billing::Free);
}

#[tokio::test]
async fn no_part_of_a_key_is_left_where_a_message_is_cut() {
    for before in 270..300 {
        let said = format!("{} {KEY} is not known here", "x".repeat(before));
        for (status, body) in [(401, openai::error(&said, "no")), (200, json!({ "error": { "code": 401, "message": said } }))] {
            let server = serving([ResponseTemplate::new(status).set_body_json(body)]).await;
            let error = ask(&provider(&server.uri()), &call()).await.unwrap_err();
            assert!(!error.message.contains(&KEY[..4]), "{error}");
        }
    }
}

#[tokio::test]
async fn transient_refusals_are_retried_and_told() {
    let server = serving([ResponseTemplate::new(503), ResponseTemplate::new(429), good()]).await;
    let (answer, failed) = ask(&persistent(&server.uri()), &call()).await.unwrap();
    assert_eq!(answer.text, "Monday");
    let kinds: Vec<_> = failed.iter().map(|attempt| (attempt.error.unwrap(), attempt.billing)).collect();
    assert_eq!(kinds, [(CallErrorKind::Overloaded, Billing::Free), (CallErrorKind::RateLimited, Billing::Free)]);
}

#[tokio::test]
async fn a_long_retry_after_is_told_not_waited_for() {
    let server = serving([ResponseTemplate::new(429).insert_header("retry-after", "3600"), good()]).await;
    let error = ask(&persistent(&server.uri()), &call()).await.unwrap_err();
    assert_failed(&error, CallErrorKind::RateLimited, Billing::Free);
    assert_eq!((error.retry_after, requests(&server).await), (Some(Duration::from_hours(1)), 1));
    assert!(error.message.contains("a pause of 3600 s"), "{error}");
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for() {
    let server = serving([ResponseTemplate::new(429).insert_header("retry-after-ms", "30"), good()]).await;
    let (_, failed) = ask(&persistent(&server.uri()), &call()).await.unwrap();
    assert!(failed[0].latency >= Duration::from_millis(30), "{failed:?}");
}

#[tokio::test]
async fn a_storm_of_429_stays_inside_the_budget() {
    let server = serving([ResponseTemplate::new(429)]).await;
    let retry = RetryPolicy { base: Duration::from_millis(1), attempts: 5, ..RetryPolicy::default() };
    let provider = layered(settings(&server.uri()), |layers| layers.retry = retry);
    let call = call();
    let results = futures_util::future::join_all((0..200).map(|_| ask(&provider, &call))).await;
    let mut attempts = 0;
    for error in results.into_iter().map(Result::unwrap_err) {
        assert_eq!(error.kind, CallErrorKind::RateLimited);
        assert_clean(&error);
        attempts += error.attempts.len();
    }
    assert_eq!((requests(&server).await, attempts), (200 + 40 + 10, 250), "the budget, and all of it told");
}

#[tokio::test]
async fn nobody_listening_is_a_free_failure_with_advice() {
    let free_port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let error = ask(&provider(&format!("http://{free_port}")), &call()).await.unwrap_err();
    assert_failed(&error, CallErrorKind::Connect, Billing::Free);
    assert_eq!(error.message, format!("provider \"local\": connection refused at {free_port}; is the server running?"));
}

#[test]
fn no_key_is_ever_printed() {
    let mut settings = settings("http://127.0.0.1:1");
    settings.headers.push(("x-extra".to_owned(), KEY.into()));
    assert!(!format!("{settings:?}").contains(KEY));

    settings.access = Access::key(format!("{KEY}\n"));
    let error = HttpProvider::new(settings).err().unwrap();
    assert!(error.to_string().contains("line break") && !format!("{error} {error:?}").contains(KEY), "{error}");
}

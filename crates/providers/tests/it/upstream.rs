//! What a server said reaches whoever passes it on, without keys.

use serde_json::json;
use tierfall_core::completion::Completion;
use tierfall_core::provider::{CallErrorKind, Provider, Upstream};
use tierfall_providers::HttpProvider;
use tierfall_testkit::openai;
use wiremock::ResponseTemplate;

use crate::setup::{KEY, ask, assert_clean, call, persistent, provider, serving, settings, streaming};

fn limited(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).insert_header("x-ratelimit-remaining-requests", "7").insert_header("Retry-After", "20")
}

#[tokio::test]
async fn a_refusal_is_told_as_the_server_said_it() {
    let body = json!({ "error": { "message": format!("slow down, {KEY}"), "code": "rate_limit_exceeded", "param": null } });
    let response = limited(429).insert_header("x-echo", KEY).insert_header("set-cookie", "session=1").set_body_json(body);
    let server = serving([response]).await;
    let error = ask(&provider(&server.uri()), &call()).await.unwrap_err();
    let upstream = error.upstream.as_deref().unwrap();
    assert_eq!((upstream.status, upstream.header("retry-after"), upstream.header("x-echo")), (429, Some("20"), Some("[key]")));
    assert_eq!((upstream.header("x-ratelimit-remaining-requests"), upstream.header("set-cookie")), (Some("7"), None));
    let said: serde_json::Value = serde_json::from_str(&upstream.body).unwrap();
    assert_eq!(said["error"]["message"], "slow down, [key]");
    let shown = format!("{upstream:?}");
    assert!(shown.contains("retry-after") && !shown.contains("20") && !shown.contains("slow"), "names, no words: {shown}");
    assert_clean(&error);
}

#[tokio::test]
async fn an_answer_comes_with_status_and_headers() {
    let server = serving([
        ResponseTemplate::new(503),
        limited(200).set_body_json(openai::chat(&Completion::text("Monday"))).insert_header("x-request-id", "r1"),
    ])
    .await;
    let reply = persistent(&server.uri()).call(&call()).await.ok().unwrap();
    let upstream = reply.upstream.unwrap();
    assert_eq!((upstream.status, upstream.header("x-request-id"), upstream.body.as_str()), (200, Some("r1"), ""));
    assert_eq!(reply.failed.len(), 1);
}

#[tokio::test]
async fn a_reply_that_is_no_answer_is_told_too() {
    let streamed =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Mon\"}}]}\n\ndata: {\"error\":{\"message\":\"lost\"}}\n\n";
    for (response, call, kind, body) in [
        (limited(200).set_body_string("<html>"), call(), CallErrorKind::Malformed, "<html>"),
        (limited(200).set_body_raw(streamed, "text/event-stream"), streaming(), CallErrorKind::Overloaded, ""),
        (limited(200).set_body_raw("data: [DONE]\n\n", "text/event-stream"), streaming(), CallErrorKind::Malformed, ""),
    ] {
        let server = serving([response]).await;
        let error = ask(&provider(&server.uri()), &call).await.unwrap_err();
        let upstream = error.upstream.as_deref().unwrap();
        assert_eq!((error.kind, upstream.status, upstream.header("retry-after")), (kind, 200, Some("20")), "{error}");
        assert_eq!(upstream.body, body);
    }
}

#[tokio::test]
async fn a_body_is_bounded_and_a_key_in_it_is_not_told_in_any_form() {
    const BASIC: &str = "dXNlcjpwYXNz/d29yZA==";
    let long = format!("{}{KEY}", "x".repeat(Upstream::MOST - 9));
    let escaped = BASIC.replace('/', "\\/");
    for body in [long, format!("{{\"you\": \"sent {escaped}\"}}"), format!("you sent {BASIC}")] {
        let server = serving([ResponseTemplate::new(400).set_body_string(&body)]).await;
        let mut settings = settings(&server.uri());
        settings.headers.push(("x-authorization".to_owned(), format!("Basic {BASIC}").into()));
        let error = ask(&HttpProvider::new(settings).unwrap(), &call()).await.unwrap_err();
        let told = error.upstream.unwrap().body;
        assert!(told.len() <= Upstream::MOST && told.len() > 10);
        assert!([&KEY[..9], BASIC, &escaped].iter().all(|part| !told.contains(part)), "{:?}", &told[told.len() - 40..]);
    }
}

#[tokio::test]
async fn a_header_that_is_no_secret_is_none_in_what_a_server_says() {
    let server = serving([ResponseTemplate::new(400).set_body_string("{\"retry\": true, \"beta\": false}")]).await;
    let mut settings = settings(&server.uri());
    settings.plain_headers.push(("x-beta".to_owned(), "true".to_owned()));
    settings.headers.push(("x-half".to_owned(), "false".into()));
    let error = ask(&HttpProvider::new(settings).unwrap(), &call()).await.unwrap_err();
    assert_eq!(error.upstream.unwrap().body, "{\"retry\": true, \"beta\": false}");
}

#[tokio::test]
async fn nobody_there_says_nothing() {
    let free_port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let error = ask(&provider(&format!("http://{free_port}")), &call()).await.unwrap_err();
    assert!(error.upstream.is_none());
}

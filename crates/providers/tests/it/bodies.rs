//! Whole replies: whatever arrives becomes an answer without invented numbers, or a typed error.

use serde_json::{Value, json};
use tierfall_core::completion::{Finish, Token, Usage};
use tierfall_core::provider::{Billing, CallErrorKind};
use tierfall_testkit::{Script, Server, openai, sample};

use crate::setup::{Answered, ask, assert_clean, assert_failed, call, persistent, provider, streaming};

async fn answer_to(body: impl Into<bytes::Bytes>) -> Result<Answered, tierfall_core::provider::CallError> {
    let server = Server::start(Script::json(body)).await.unwrap();
    ask(&provider(&server.url()), &call()).await
}

fn reply(message: &Value, logprobs: &Value) -> String {
    json!({ "model": "m", "choices": [{ "index": 0, "message": message, "logprobs": logprobs, "finish_reason": "stop" }] })
        .to_string()
}

#[tokio::test]
async fn an_answer_comes_with_all_its_evidence() {
    let sent = sample::answer(30, 5);
    let (got, _) = answer_to(openai::chat(&sent).to_string()).await.unwrap();
    assert_eq!((&got.text, &got.tokens, got.usage), (&sent.text, &sent.tokens, sent.usage));
}

#[tokio::test]
async fn odd_log_probabilities_arrive_as_they_are() {
    let content = json!([
        { "token": "a", "logprob": -9999.0, "top_logprobs": [{ "token": "b", "logprob": -0.5 }, { "token": "b", "logprob": -0.5 }] },
        { "token": "c", "logprob": 0.0, "top_logprobs": [] },
        { "token": "d", "logprob": null },
    ]);
    let (got, _) = answer_to(reply(&json!({ "content": "acd" }), &json!({ "content": content }))).await.unwrap();
    let tokens = got.tokens.as_ref().unwrap();
    let logprobs: Vec<f64> = tokens.iter().map(Token::logprob).collect();
    assert_eq!((logprobs[0].to_bits(), logprobs[1].to_bits()), ((-9999.0f64).to_bits(), 0.0f64.to_bits()));
    assert!(logprobs[2].is_nan(), "absent is not a number");
    let repeated: Vec<_> = tokens.get(0).unwrap().alternatives().map(|(text, _)| text).collect();
    assert_eq!(repeated, ["b", "b"]);
}

#[tokio::test]
async fn missing_log_probabilities_stay_missing() {
    let (got, _) = answer_to(reply(&json!({ "content": "hi" }), &Value::Null)).await.unwrap();
    assert_eq!((got.tokens.as_ref(), got.usage), (None, None));
}

#[tokio::test]
async fn tool_calls_need_no_text() {
    let call = json!({ "id": "c1", "type": "function", "function": { "name": "lookup", "arguments": "{\"id\":7}" } });
    let body = json!({ "choices": [{ "message": { "content": null, "tool_calls": [call] }, "finish_reason": "tool_calls" }] });
    let (got, _) = answer_to(body.to_string()).await.unwrap();
    assert_eq!((got.text.as_str(), got.tool_calls[0].name.as_str(), &got.finish), ("", "lookup", &Finish::ToolCalls));
}

#[tokio::test]
async fn a_failure_inside_a_choice_is_a_failed_call_with_what_it_cost() {
    let choice =
        |choice: Value| json!({ "choices": [choice], "usage": { "prompt_tokens": 9, "completion_tokens": 2 } }).to_string();
    let usage = Usage { input: 9, output: 2, ..Usage::default() };
    let message = json!({ "content": "half an ans" });
    let reset = json!({ "code": 502, "message": "connection reset by gpu-7" });
    for (body, kind, said) in [
        (
            json!({ "message": message, "error": reset, "finish_reason": "error" }),
            CallErrorKind::Overloaded,
            "connection reset by gpu-7",
        ),
        (
            json!({ "message": message, "error": { "code": 400, "message": "no" }, "finish_reason": null }),
            CallErrorKind::InvalidRequest,
            "no",
        ),
        (json!({ "message": message, "finish_reason": "error" }), CallErrorKind::Overloaded, "for the reason \"error\""),
        (
            json!({ "message": message, "finish_reason": "abort", "matched_stop": null }),
            CallErrorKind::Overloaded,
            "for the reason \"abort\"",
        ),
        (
            json!({ "message": message, "finish_reason": "insufficient_system_resource" }),
            CallErrorKind::Overloaded,
            "system_resource\"",
        ),
    ] {
        let error = answer_to(choice(body)).await.unwrap_err();
        assert_failed(&error, kind, Billing::Metered(usage));
        assert!(error.message.ends_with(said), "{error}");
    }
    // It was generated, and nobody tells how much.
    let untold = json!({ "choices": [{ "message": message, "finish_reason": "abort" }] }).to_string();
    assert_failed(&answer_to(untold).await.unwrap_err(), CallErrorKind::Overloaded, Billing::Unknown);
}

#[tokio::test]
async fn what_broke_off_is_asked_again() {
    let sent = sample::answer(3, 0);
    let server = Server::start(Script::json(openai::chat(&sent).to_string())).await.unwrap();
    server.push(Script::json(json!({ "choices": [{ "message": { "content": "ha" }, "finish_reason": "abort" }] }).to_string()));
    let (got, failed) = ask(&persistent(&server.url()), &call()).await.unwrap();
    assert_eq!((&got.text, failed.len()), (&sent.text, 1));
    assert_eq!((failed[0].error, failed[0].billing), (Some(CallErrorKind::Overloaded), Billing::Unknown));
}

#[tokio::test]
async fn what_is_no_answer_is_malformed_and_of_unknown_cost() {
    let cut = &openai::chat(&sample::answer(5, 2)).to_string()[..100];
    let latin = b"{\"choices\":[{\"message\":{\"content\":\"caf\xe9\"}}]}".to_vec();
    for body in [b"{}".to_vec(), b"".to_vec(), b"<html>hi</html>".to_vec(), b"{\"choices\":[]}".to_vec(), cut.into(), latin] {
        let error = answer_to(body).await.unwrap_err();
        assert_failed(&error, CallErrorKind::Malformed, Billing::Unknown);
    }
}

#[tokio::test]
async fn a_body_cut_anywhere_is_truncated() {
    let body = openai::chat(&sample::answer(3, 1)).to_string();
    for cut in (0..body.len()).step_by(97) {
        for announced in [true, false] {
            let script = Script::status(200).header("content-type", "application/json").piece(body[..cut].to_owned()).cut();
            let script = if announced { script.length(body.len()) } else { script };
            let server = Server::start(script).await.unwrap();
            let error = ask(&provider(&server.url()), &call()).await.unwrap_err();
            assert_failed(&error, CallErrorKind::Truncated, Billing::Unknown);
        }
    }
}

#[tokio::test]
async fn hanging_up_before_the_head_may_have_cost_something() {
    let server = Server::start(Script::hang_up()).await.unwrap();
    let error = ask(&provider(&server.url()), &call()).await.unwrap_err();
    assert_failed(&error, CallErrorKind::Truncated, Billing::Unknown);
    assert_eq!(server.counts().requests, 1, "nothing is sent again behind the retry policy's back");
}

#[tokio::test]
async fn fifty_megabytes_are_not_read() {
    const SIZE: usize = 50 << 20;
    let piece = vec![b' '; 1 << 16];
    for announced in [true, false] {
        let script = Script::json("").repeat(piece.clone(), SIZE / piece.len());
        let script = if announced { script.length(SIZE) } else { script };
        let server = Server::start(script).await.unwrap();
        let error = ask(&provider(&server.url()), &call()).await.unwrap_err();
        assert_failed(&error, CallErrorKind::TooLarge, Billing::Unknown);
        server.until_closed(1).await;
        // What was written before the close lies in the sockets' buffers.
        assert!(server.counts().sent < 40 << 20, "{:?}", server.counts());
    }
}

#[tokio::test]
async fn an_endless_error_body_is_read_in_part() {
    let server = Server::start(Script::status(500).repeat(vec![b'x'; 1 << 16], 800)).await.unwrap();
    let error = ask(&provider(&server.url()), &call()).await.unwrap_err();
    assert_failed(&error, CallErrorKind::Overloaded, Billing::Free);
    server.until_closed(1).await;
}

#[tokio::test]
async fn a_server_that_does_not_stream_still_answers() {
    let sent = sample::answer(4, 2);
    let server = Server::start(Script::json(openai::chat(&sent).to_string())).await.unwrap();
    let (got, _) = ask(&provider(&server.url()), &streaming()).await.unwrap();
    assert_eq!((&got.text, got.usage), (&sent.text, Some(Usage { input: 40, output: 4, ..Usage::default() })));
}

#[tokio::test]
async fn a_call_that_the_dialect_cannot_say_is_not_sent() {
    let server = Server::start(Script::json("{}")).await.unwrap();
    let mut call = call();
    call.logprobs = Some(200);
    if let Err(error) = ask(&provider(&server.url()), &call).await {
        assert_clean(&error);
    }
    let asked = server.received().first().map_or(Value::Null, |request| request.json()["top_logprobs"].clone());
    assert!(asked.as_u64().is_none_or(|top| top <= 20), "{asked}");
}

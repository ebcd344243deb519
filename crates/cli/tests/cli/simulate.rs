//! `tierfall simulate`: what its clients see.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Sandbox, until};

fn asking(more: &Value) -> String {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi?" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body.to_string()
}

/// The JSON body of a whole reply.
fn body(reply: &str) -> Value {
    let (_, body) = reply.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {reply}"))
}

/// The data of a stream's events.
fn events(reply: &str) -> Vec<&str> {
    reply.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
}

fn status(reply: &str) -> &str {
    reply.split(' ').nth(1).unwrap()
}

#[test]
fn a_model_has_one_ability() {
    let ran = Sandbox::new().run(&["simulate", "--port", "0", "--model", "m=1", "--model", "m=2"]).exits(2);
    assert!(ran.stderr().contains("--model names \"m\" twice"), "{ran}");
}

#[test]
fn whole_answers() {
    let provider = Sandbox::new().simulate(&["--seed", "7"]);
    let plain = body(&provider.chat(&asking(&json!({}))));
    assert!(plain["choices"][0]["message"]["content"].as_str().unwrap().starts_with("[simulated: "));
    assert_eq!((&plain["model"], &plain["choices"][0]["logprobs"]), (&"simulated/m".into(), &Value::Null));
    assert!(plain["usage"]["completion_tokens"].as_u64().unwrap() > 0);

    let asked = json!({ "logprobs": true, "top_logprobs": 3, "n": 2, "max_completion_tokens": 4 });
    let reply = provider.chat(&asking(&asked));
    assert_eq!(provider.chat(&asking(&asked)).lines().last(), reply.lines().last(), "the same request gives the same bytes");
    let scored = body(&reply);
    let tokens = scored["choices"][0]["logprobs"]["content"].as_array().unwrap();
    assert_eq!((tokens.len(), tokens[0]["top_logprobs"].as_array().unwrap().len()), (4, 3));
    assert_eq!((scored["choices"].as_array().unwrap().len(), &scored["choices"][0]["finish_reason"]), (2, &"length".into()));
}

#[test]
fn streams_come_token_by_token() {
    let provider = Sandbox::new().simulate(&["--seed", "7", "--token-ms", "1"]);
    let text = body(&provider.chat(&asking(&json!({}))))["choices"][0]["message"]["content"].clone();
    let id = "x-request-id: one\r\n";
    let whole = body(&provider.http("POST", "/v1/chat/completions", id, &asking(&json!({}))));
    assert_ne!(whole["choices"][0]["message"]["content"], text, "the id decides the answer");
    let asked = json!({ "stream": true, "stream_options": { "include_usage": true }, "logprobs": true });
    let reply = provider.http("POST", "/v1/chat/completions", id, &asking(&asked));
    assert!(reply.contains("content-type: text/event-stream") && reply.contains("x-request-id: one"), "{reply}");
    let events = events(&reply);
    let (done, chunks) = events.split_last().unwrap();
    let chunks: Vec<Value> = chunks.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
    let pieces: Vec<&str> = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!((*done, Value::from(pieces.concat())), ("[DONE]", whole["choices"][0]["message"]["content"].clone()));
    assert!(pieces.len() > 10 && chunks[1]["choices"][0]["logprobs"]["content"].is_array());
    assert_eq!(chunks.last().unwrap()["usage"], whole["usage"]);
}

#[test]
fn errors_have_the_shape_that_clients_know() {
    let sandbox = Sandbox::new();
    let provider = sandbox.simulate(&["--model", "m=0.5"]);
    let error = |reply: String| format!("{} {}", status(&reply), body(&reply)["error"]);
    assert_snapshot!(error(provider.chat("{")), @r#"400 {"code":null,"message":"the body: ends before the JSON does","param":null,"type":"invalid_request_error"}"#);
    assert_snapshot!(error(provider.chat(&asking(&json!({ "messages": [] })))), @r#"400 {"code":null,"message":"/messages: is empty: there is nothing to answer","param":null,"type":"invalid_request_error"}"#);
    assert_snapshot!(error(provider.chat(&asking(&json!({ "top_logprobs": 50, "logprobs": true })))), @r#"400 {"code":null,"message":"/top_logprobs: is above 20","param":null,"type":"invalid_request_error"}"#);
    assert_snapshot!(error(provider.chat(&asking(&json!({ "model": "other" })))), @r#"404 {"code":"model_not_found","message":"the model \"other\" is not simulated here (there is: m)","param":null,"type":"invalid_request_error"}"#);
    assert_snapshot!(error(provider.http("GET", "/v1/chat/completions", "", "")), @r#"405 {"code":null,"message":"/v1/chat/completions does not take GET","param":null,"type":"invalid_request_error"}"#);
    assert_snapshot!(error(provider.http("GET", "/v1/nothing", "", "")), @r#"404 {"code":null,"message":"there is no GET /v1/nothing; try POST /v1/chat/completions, GET /v1/models or GET /health","param":null,"type":"invalid_request_error"}"#);
    assert_snapshot!(error(provider.chat(&" ".repeat(33 << 20))), @r#"413 {"code":null,"message":"Failed to buffer the request body: length limit exceeded","param":null,"type":"invalid_request_error"}"#);
}

#[test]
fn declared_failures_happen() {
    let sandbox = Sandbox::new();
    for (flag, code) in [("--rate-limited", "429"), ("--overloaded", "503")] {
        let provider = sandbox.simulate(&[flag, "1"]);
        assert_eq!(status(&provider.chat(&asking(&json!({})))), code);
    }
    let provider = sandbox.simulate(&["--truncated", "1"]);
    let reply = provider.chat(&asking(&json!({ "stream": true })));
    assert!(events(&reply).len() > 3 && !reply.contains("[DONE]"), "{reply}");
    // A chunked body that is complete ends with an empty chunk.
    let reply = provider.chat(&asking(&json!({})));
    assert!(status(&reply) == "200" && !reply.ends_with("0\r\n\r\n"), "{reply}");
}

#[test]
fn models_are_listed_and_log_probabilities_can_be_withheld() {
    let sandbox = Sandbox::new();
    let provider = sandbox.simulate(&["--model", "small=0.2", "--model", "large=0.9", "--no-logprobs"]);
    let models = body(&provider.http("GET", "/v1/models", "", ""));
    let names: Vec<_> = models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["large", "small"]);
    let reply = body(&provider.chat(&asking(&json!({ "model": "small", "logprobs": true }))));
    assert_eq!(reply["choices"][0]["logprobs"], Value::Null);
}

#[test]
fn a_client_that_goes_away_is_not_waited_for() {
    let provider = Sandbox::new().simulate(&["--latency-ms", "3600000"]);
    let waiting = || body(&provider.http("GET", "/health", "", ""))["waiting"].as_u64().unwrap();
    let client = provider.begin("POST", "/v1/chat/completions", "", &asking(&json!({})));
    until("the call waits", || waiting() == 1);
    drop(client);
    until("the call is cancelled", || waiting() == 0);
    // Nor does the end wait for anybody.
    let _client = provider.begin("POST", "/v1/chat/completions", "", &asking(&json!({})));
    until("the call waits", || waiting() == 1);
    assert_eq!(provider.end(), Some(0));
}

#[test]
fn a_port_that_is_taken() {
    let sandbox = Sandbox::new();
    let provider = sandbox.simulate(&[]);
    let port = provider.address().port().to_string();
    let ran = sandbox.run(&["simulate", "--port", &port]).exits(2);
    assert!(ran.stdout().is_empty() && ran.stderr().contains("--port 0 picks a free one"), "{ran}");
}

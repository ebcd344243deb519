//! Calls as bodies: built from the typed view, or edited in the client's own.

use std::num::NonZeroU8;
use std::sync::Arc;

use serde_json::{Value, json};
use tierfall_core::completion::ToolCall;
use tierfall_core::request::{Call, Json, Message, Params, Prompt, Request, Role};
use tierfall_wire::dialect::table::by_name;
use tierfall_wire::dialect::{EncodeError, Encoded};
use tierfall_wire::openai::parse_request;

use crate::support::pretty;

fn call(prompt: Prompt) -> Call {
    Call::new("id".into(), "model-1", prompt)
}

fn prompt(request: Request, preamble: Vec<Message>, addendum: Option<&str>) -> Prompt {
    Prompt::Request { preamble: preamble.into(), request: Arc::new(request), addendum: addendum.map(Into::into) }
}

/// The call that a cascade would make for this body, the client's parameters in force.
fn raw_call(body: &str, preamble: Vec<Message>, addendum: Option<&str>) -> Call {
    let (request, _) = parse_request(body, "id".into()).unwrap();
    let params = request.params.clone();
    Call { params, model: "m".into(), ..call(prompt(request, preamble, addendum)) }
}

fn encode(dialect: &str, call: &Call) -> Result<Encoded, EncodeError> {
    by_name(dialect).unwrap().encode(call)
}

fn value(dialect: &str, call: &Call) -> Value {
    serde_json::from_str(&body(dialect, call)).unwrap()
}

fn body(dialect: &str, call: &Call) -> String {
    String::from_utf8(encode(dialect, call).unwrap().body).unwrap()
}

/// A conversation with everything in it.
fn rich() -> Request {
    let called = Message::calling(&[ToolCall { id: "c1".into(), name: "order".into(), arguments: "{\"id\":1}".into() }]);
    let result = Message::tool("c1", "shipped");
    let mut request = Request::from_messages(
        "id",
        vec![Message::system("Be kind."), Message::user("Where is 1?"), called, result, Message::user("So?")],
    );
    let tools = json!([{ "type": "function", "function": { "name": "order", "description": "Looks up", "parameters": { "type": "object" } } }]);
    request.tools = Some(Json::of(&tools).unwrap());
    request
}

fn params() -> Params {
    Params {
        temperature: Some(0.0),
        top_p: Some(0.9),
        max_tokens: Some(64),
        stop: vec!["\n".into()],
        seed: Some(7),
        extra: [("top_k".to_owned(), json!(40))].into(),
    }
}

#[test]
fn built_bodies() {
    let mut request = rich();
    request.response_format = Some(Json::of(&json!({ "type": "text" })).unwrap());
    let mut call = call(prompt(
        request,
        vec![Message::system("You are support."), Message::user("x"), Message::assistant("y")],
        Some("Rate it."),
    ));
    call.params = params();
    for stream in [false, true] {
        call.stream = stream;
        insta::assert_snapshot!(format!("encode-anthropic-stream-{stream}"), pretty(value("anthropic", &call)));
    }
    call.logprobs = Some(5);
    insta::assert_snapshot!("encode-openai-chat-stream", pretty(value("openai-chat", &call)));
    call.stream = false;
    call.samples = NonZeroU8::new(3).unwrap();
    insta::assert_snapshot!("encode-openai-chat-samples", pretty(value("openai-chat", &call)));
}

#[test]
fn a_probe_has_its_messages_alone() {
    let mut probe = call(Prompt::Probe(vec![Message::user("Is it right?")]));
    probe.logprobs = Some(20);
    let want = r#"{"model":"model-1","messages":[{"role":"user","content":"Is it right?"}],"logprobs":true,"top_logprobs":20}"#;
    assert_eq!(body("openai-chat", &probe), want);
}

const OWN: &str = r#"{ "messages" : [ {"role":"user","content":"hi \u00e9" , "x":1e2} ],"model":"m", "temperature":1e0, "max_completion_tokens":5,"stop":["a"],"user":"u" }"#;

#[test]
fn a_body_with_nothing_to_change_is_passed_on_byte_for_byte() {
    assert_eq!(body("openai-chat", &raw_call(OWN, Vec::new(), None)), OWN);
}

#[test]
fn the_clients_messages_keep_their_bytes_behind_the_preamble() {
    let written = body("openai-chat", &raw_call(OWN, vec![Message::system("S")], Some("A")));
    let want = r#"{"messages":[{"role":"system","content":"S\n\nA"},{"role":"user","content":"hi \u00e9" , "x":1e2}],"model":"m","temperature":1e0,"max_completion_tokens":5,"stop":["a"],"user":"u"}"#;
    assert_eq!(written, want);
    let written = body("openai-chat", &raw_call(OWN, Vec::new(), Some("A")));
    assert!(written.starts_with(r#"{"messages":[{"role":"system","content":"A"},{"role":"user","#), "{written}");
}

#[test]
fn instructions_join_the_clients_own_system_text() {
    let text = r#"{"model":"m","messages":[{"role":"system","content":"S","name":"n"},{"role":"user","content":"q"}]}"#;
    let call = raw_call(text, Vec::new(), Some("A"));
    let want = text.replace(r#""S""#, r#""S\n\nA""#);
    assert_eq!(body("openai-chat", &call), want);
    let messages: Value = serde_json::from_str::<Value>(&want).unwrap()["messages"].clone();
    assert_eq!(serde_json::to_value(call.messages()).unwrap(), messages);
}

#[test]
fn declared_parameters_win_over_the_clients() {
    let mut call = raw_call(OWN, Vec::new(), None);
    call.params = call.params.overridden_by(&params());
    let written = value("openai-chat", &call);
    assert_eq!(written["temperature"], json!(0.0));
    assert_eq!(written["max_completion_tokens"], json!(64));
    assert_eq!(written.get("max_tokens"), None);
    assert_eq!((&written["stop"], &written["seed"], &written["top_k"]), (&json!(["\n"]), &json!(7), &json!(40)));
}

#[test]
fn streaming_and_evidence_are_the_calls_own() {
    let text = r#"{"model":"m","messages":[{"role":"user","content":"q"}],"stream":true,"stream_options":{"x":1},"n":4,"logprobs":true,"top_logprobs":9}"#;
    let mut call = raw_call(text, Vec::new(), None);
    call.logprobs = Some(5);
    let whole = value("openai-chat", &call);
    let rest = json!({"model":"m","messages":[{"role":"user","content":"q"}],"n":1,"logprobs":true,"top_logprobs":9});
    assert_eq!(whole, rest);
    call.stream = true;
    call.logprobs = Some(10);
    let streamed = value("openai-chat", &call);
    assert_eq!(streamed["stream_options"], json!({"x":1,"include_usage":true}));
    assert_eq!((&streamed["stream"], &streamed["top_logprobs"]), (&json!(true), &json!(10)));
}

#[test]
fn paths_headers_and_defaults() {
    let call = call(prompt(Request::new("id", "q"), Vec::new(), None));
    let encoded = encode("anthropic", &call).unwrap();
    assert_eq!((&*encoded.path, encoded.headers), ("/messages", vec![("anthropic-version".into(), "2023-06-01".to_owned())]));
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(body, json!({"model":"model-1","max_tokens":4096,"messages":[{"role":"user","content":"q"}]}));
    assert_eq!(encode("openai-chat", &call).unwrap().path, "/chat/completions");
}

#[test]
fn anthropic_takes_the_choice_of_tools_from_the_raw_body() {
    for (fields, want) in [
        (r#""tool_choice":"required""#, json!({"type":"any"})),
        (r#""tool_choice":{"type":"function","function":{"name":"f"}}"#, json!({"type":"tool","name":"f"})),
        (r#""parallel_tool_calls":false"#, json!({"type":"auto","disable_parallel_tool_use":true})),
        (r#""tool_choice":null"#, Value::Null),
    ] {
        let text = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"q"}}],"tools":[{{"type":"function","function":{{"name":"f"}}}}],{fields}}}"#
        );
        let written = value("anthropic", &raw_call(&text, Vec::new(), None));
        assert_eq!(written["tool_choice"], want, "{fields}");
        assert_eq!(written["tools"], json!([{"name":"f","input_schema":{"type":"object"}}]));
    }
}

#[test]
fn what_cannot_be_said_is_refused() {
    let refused = |dialect: &str, change: &dyn Fn(&mut Call), request: Request| {
        let mut call = call(prompt(request, Vec::new(), None));
        change(&mut call);
        encode(dialect, &call).unwrap_err().to_string()
    };
    let ask = || Request::new("id", "q");
    let formatted = || {
        let mut request = ask();
        request.response_format = Some(Json::of(&json!({"type":"json_object"})).unwrap());
        request
    };
    let parts = |part: Value| {
        let content = Some(tierfall_core::request::Content::Parts(vec![part]));
        Request::from_messages("id", vec![Message { content, ..Message::user("") }])
    };
    let lines = [
        refused("anthropic", &|call| call.logprobs = Some(0), ask()),
        refused("anthropic", &|call| call.samples = NonZeroU8::new(2).unwrap(), ask()),
        refused("anthropic", &|_| {}, formatted()),
        refused("anthropic", &|_| {}, Request::from_messages("id", vec![Message::system("only")])),
        refused("anthropic", &|_| {}, Request::from_messages("id", vec![Message::new(Role::Other("oracle".into()), "x")])),
        refused("anthropic", &|_| {}, parts(json!({"type":"input_audio"}))),
        refused("openai-chat", &|call| call.logprobs = Some(21), ask()),
        refused("openai-chat", &|call| (call.samples, call.stream) = (NonZeroU8::new(2).unwrap(), true), ask()),
        refused("openai-chat", &|_| {}, ask().read_from("{\"a\":")),
    ];
    insta::assert_snapshot!("refused", lines.join("\n"));
}

#[test]
fn images_become_blocks() {
    let content = |url: &str| {
        Some(tierfall_core::request::Content::Parts(vec![
            json!({"type":"image_url","image_url":{"url":url}}),
            json!({"type":"text","text":"?"}),
        ]))
    };
    let messages = ["data:image/png;base64,AAAA", "https://example.org/a.png"]
        .map(|url| Message { content: content(url), ..Message::user("") });
    let written = pretty(value("anthropic", &call(prompt(Request::from_messages("id", messages.to_vec()), Vec::new(), None))));
    insta::assert_snapshot!("encode-anthropic-images", written);
}

//! What our servers send, our clients read: whole or streamed, the same completion.

use proptest::collection::vec;
use proptest::prelude::*;
use tierfall_core::completion::{Completion, Finish, Sample, Tokens, ToolCall, Usage};
use tierfall_wire::dialect::table::by_name;
use tierfall_wire::openai::{ClientAsked, Head, chunks, parse_request, whole};
use tierfall_wire::sse::write_event;

use crate::support::{shown, streamed};

fn logprob() -> impl Strategy<Value = f64> {
    prop_oneof![4 => -30.0..0.0f64, 1 => Just(-9999.0), 1 => Just(0.0), 1 => Just(f64::NAN)]
}

fn tokens() -> impl Strategy<Value = Tokens> {
    vec(("\\PC{0,4}", logprob(), vec(("\\PC{0,3}", logprob()), 0..5)), 0..12).prop_map(|rows| {
        let mut tokens = Tokens::default();
        for (text, logprob, alternatives) in rows {
            tokens.push(&text, logprob);
            for (text, logprob) in alternatives {
                tokens.push_alternative(&text, logprob);
            }
        }
        tokens
    })
}

fn finish() -> impl Strategy<Value = Finish> {
    "(stop|length|tool_calls|content_filter|entropy_exceeded|null)".prop_map(Finish::from)
}

fn completion() -> impl Strategy<Value = Completion> {
    let call = ("[a-z0-9_]{1,8}", "[a-z]{1,8}", "\\PC{0,12}").prop_map(|(id, name, arguments)| ToolCall { id, name, arguments });
    let count = || 0..Usage::ABSURD / 2;
    let usage = (count(), count(), count(), count()).prop_map(|(input, output, cached, reasoning)| Usage {
        input,
        output,
        cached_input: cached.min(input),
        cached_write: 0,
        reasoning: reasoning.min(output),
    });
    let text = prop_oneof![Just(None), "\\PC{0,20}".prop_map(Some)];
    (
        text,
        proptest::option::of("\\PC{1,9}"),
        vec(call, 0..3),
        proptest::option::of(tokens()),
        proptest::option::of(usage),
        finish(),
    )
        .prop_map(|(text, refusal, tool_calls, tokens, usage, finish)| {
            // Half of the texts are what their tokens say.
            let spelled = tokens.iter().flat_map(Tokens::iter).map(tierfall_core::completion::Token::text).collect();
            let text = text.unwrap_or(spelled);
            Completion { text, refusal, tool_calls, tokens, usage, finish, model: Some("m".into()), ..Completion::default() }
        })
}

const HEAD: Head<'_> = Head { id: "chatcmpl-1", created: 1_790_000_000, model: "m" };

fn everything() -> ClientAsked {
    ClientAsked { logprobs: true, top_logprobs: 20, stream: true, include_usage: true, ..ClientAsked::default() }
}

fn stream_of(completion: &Completion, asked: &ClientAsked) -> String {
    chunks(completion, &HEAD, asked).unwrap().iter().map(|data| write_event(None, data)).collect()
}

proptest! {
    #[test]
    fn a_completion_comes_back(completion in completion(), samples in vec(("\\PC{0,9}", finish()), 0..3)) {
        let dialect = by_name("openai-chat").unwrap();
        let stream = stream_of(&completion, &everything());
        let streamed = streamed(&*dialect, [stream.as_bytes()]);
        prop_assert_eq!(shown(&streamed.completion), shown(&completion));
        prop_assert_eq!(streamed.end, "end");

        let samples = samples.into_iter().map(|(text, finish)| Sample { text, finish }).collect();
        let completion = Completion { samples, ..completion };
        let body = whole(&completion, &HEAD, &everything()).unwrap();
        let decoded = dialect.decode(body.as_bytes()).unwrap();
        prop_assert_eq!(shown(&decoded), shown(&completion));
        prop_assert_eq!(decoded.raw.as_deref(), Some(body.as_str()));
    }

    #[test]
    fn what_was_not_asked_for_is_not_sent(completion in completion()) {
        let dialect = by_name("openai-chat").unwrap();
        let asked = ClientAsked::default();
        let stream = stream_of(&completion, &asked);
        let streamed = streamed(&*dialect, [stream.as_bytes()]).completion;
        let bare = Completion { tokens: None, ..completion.clone() };
        prop_assert_eq!(shown(&streamed), shown(&Completion { usage: None, ..bare.clone() }));
        let body = whole(&completion, &HEAD, &asked).unwrap();
        prop_assert_eq!(shown(&dialect.decode(body.as_bytes()).unwrap()), shown(&bare));
    }

    #[test]
    fn reading_a_request_never_panics(text in "\\PC*") {
        _ = parse_request(&text, "id".into());
    }
}

#[test]
fn a_whole_reply_and_a_stream() {
    let mut tokens = Tokens::default();
    tokens.push("Hi", -0.5);
    tokens.push_alternative("Hi", -0.5);
    tokens.push_alternative("Ho", f64::NEG_INFINITY);
    tokens.push("", -0.1);
    let usage = Some(Usage { input: 7, output: 2, ..Usage::default() });
    let completion = Completion { tokens: Some(tokens), usage, ..Completion::text("Hi!") };
    let body = whole(&completion, &HEAD, &everything()).unwrap();
    insta::assert_snapshot!("respond-whole", body);
    insta::assert_snapshot!("respond-stream", chunks(&completion, &HEAD, &everything()).unwrap().join("\n"));
}

#[test]
fn a_request_is_read_and_kept() {
    let text = r#"{"model":"m", "messages":[{"role":"developer","content":"be brief"},{"role":"user","content":[{"type":"text","text":"hi"}]}],
        "stop":"\n", "max_tokens":9, "max_completion_tokens":5, "temperature":1e0, "seed":-3, "tools":[{"type":"function"}], "logprobs":true,
        "top_logprobs":2, "n":2, "stream":true, "stream_options":{"include_usage":true}, "user":"u", "response_format":{"type":"json_object"}}"#;
    let (request, asked) = parse_request(text, "id".into()).unwrap();
    assert_eq!(request.body(), Some(text));
    assert_eq!(request.question(), "hi");
    assert_eq!(
        (request.params.max_tokens, request.params.seed, request.params.stop.as_slice()),
        (Some(5), Some(-3), &["\n".to_owned()][..])
    );
    assert_eq!(request.tools.unwrap().get(), r#"[{"type":"function"}]"#);
    assert_eq!(request.response_format.unwrap().get(), r#"{"type":"json_object"}"#);
    let want = ClientAsked {
        model: "m".into(),
        logprobs: true,
        top_logprobs: 2,
        samples: 2.try_into().ok(),
        stream: true,
        include_usage: true,
    };
    assert_eq!(asked, want);
}

#[test]
fn a_bad_request_is_told_where() {
    let with = |field: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"secret"}}],{field}}}"#);
    for (text, at, why) in [
        (r#"{"model":"m","messages":[]}"#.to_owned(), "/messages", "is empty"),
        (r#"{"messages":[]}"#.to_owned(), "", "missing field `model`"),
        (r#"{"model":"m","messages":[{"content":"secret"}]}"#.to_owned(), "/messages/0", "missing field `role`"),
        (r#"{"model":7,"messages":[]}"#.to_owned(), "/model", "expected a string"),
        (with(r#""temperature":"hot""#), "/temperature", "expected f64"),
        (with(r#""temperature":-1"#), "/temperature", "below 0"),
        (with(r#""top_p":1.5"#), "/top_p", "outside"),
        (with(r#""n":0"#), "/n", "expected a nonzero u8"),
        (with(r#""top_logprobs":3"#), "/top_logprobs", "needs"),
        (with(r#""logprobs":true,"top_logprobs":21"#), "/top_logprobs", "above 20"),
        (with(r#""tools":{}"#), "/tools", "expected a list"),
        (with(r#""user":1,"user":2"#), "", "repeats the member user"),
    ] {
        let error = parse_request(&text, "id".into()).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.why.contains(why) && !error.why.contains("secret"), "{text}: {error}");
    }
}

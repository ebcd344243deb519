//! Numbers that no server should send, wherever one stands: nothing panics, nothing wraps, and no count spoils an answer.

use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;
use tierfall_core::completion::{Completion, Usage};
use tierfall_testkit::numbers::{ABSURD, exchanged, places};
use tierfall_wire::dialect::NoAnswer;
use tierfall_wire::dialect::table::{DIALECTS, by_name};
use tierfall_wire::openai::parse_request;

use crate::support::streamed;

/// What may stand where a number does.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(ABSURD.as_slice()).prop_map(str::to_owned),
        "-?[1-9][0-9]{0,40}",
        any::<f64>().prop_filter("JSON has no other", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        any::<u64>().prop_map(|n| n.to_string()),
    ]
}

fn goldens(ending: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for spec in DIALECTS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(spec.name);
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|e| e == ending));
        found.extend(files.filter_map(|path| Some((spec.name, String::from_utf8(std::fs::read(path).ok()?).ok()?))));
    }
    found.retain(|(_, text)| !places(text).is_empty());
    assert!(!found.is_empty());
    found.sort();
    found
}

/// A golden with one of its numbers exchanged, and whether that number is a count of tokens.
fn with_another(goldens: Vec<(&'static str, String)>) -> impl Strategy<Value = (&'static str, String, String, bool)> {
    (proptest::sample::select(goldens), any::<prop::sample::Index>(), number()).prop_map(|((dialect, text), index, number)| {
        let place = index.get(&places(&text)).clone();
        let before = &text[..place.start];
        // Both dialects name every count so, and nothing else.
        let key = before.rfind('"').and_then(|end| Some(&before[before[..end].rfind('"')?..])).unwrap_or_default();
        let counts = key.contains("_tokens");
        let other = exchanged(&text, &place, &number);
        (dialect, text, other, counts)
    })
}

fn is_sound(completion: &Completion) -> bool {
    completion.usage.is_none_or(|usage| usage.plausible().is_some())
}

proptest! {
    #[test]
    fn a_whole_reply((dialect, text, other, counts) in with_another(goldens("json"))) {
        let dialect = by_name(dialect).unwrap();
        let read = dialect.decode(other.as_bytes());
        prop_assert!(read.as_ref().is_ok_and(is_sound) || read.is_err());
        if let (true, Ok(before)) = (counts, dialect.decode(text.as_bytes())) {
            prop_assert_eq!(read.map(|read| read.text), Ok(before.text), "{}", other);
        }
        _ = dialect.classify(200, other.as_bytes());
        _ = parse_request(&other, "id".into());
    }

    #[test]
    fn a_stream((dialect, text, other, counts) in with_another(goldens("sse"))) {
        let dialect = by_name(dialect).unwrap();
        let read = streamed(&*dialect, [other.as_bytes()]);
        prop_assert!(is_sound(&read.completion));
        if counts {
            let before = streamed(&*dialect, [text.as_bytes()]);
            // A failure tells what it cost.
            let end = |end: &str| end.split(", billing").next().unwrap_or_default().to_owned();
            prop_assert_eq!((read.completion.text, end(&read.end)), (before.completion.text, end(&before.end)), "{}", other);
        }
    }
}

fn usage_of(dialect: &str, usage: &str) -> Option<Usage> {
    let body = match dialect {
        "anthropic" => format!(r#"{{"content":[{{"type":"text","text":"hi"}}],"stop_reason":"end_turn","usage":{usage}}}"#),
        _ => format!(r#"{{"choices":[{{"message":{{"content":"hi"}},"finish_reason":"stop"}}],"usage":{usage}}}"#),
    };
    let answer = by_name(dialect).unwrap().decode(body.as_bytes()).unwrap();
    assert_eq!(answer.text, "hi", "{usage}");
    answer.usage
}

#[test]
fn a_usage_that_cannot_be_one_is_unknown_and_the_answer_stays() {
    for usage in [
        r#"{"prompt_tokens":18446744073709551615,"completion_tokens":2}"#,
        r#"{"prompt_tokens":7,"completion_tokens":18446744073709551616}"#,
        r#"{"prompt_tokens":7,"completion_tokens":2,"total_tokens":18446744073709551615}"#,
        r#"{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":-1}}"#,
        r#"{"prompt_tokens":-1,"completion_tokens":2}"#,
        r#"{"prompt_tokens":7.5,"completion_tokens":2}"#,
        r#"{"prompt_tokens":"seven","completion_tokens":2}"#,
        r#"{"prompt_tokens":7,"completion_tokens":2,"total_tokens":20}"#,
        r#"{"prompt_tokens":1e999,"completion_tokens":2}"#,
        r#"{"prompt_tokens":7,"prompt_tokens":8,"completion_tokens":2}"#,
        "[]",
        "[1,2]",
        r#"{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":[1]}"#,
        r#"{"prompt_tokens":4000000000,"completion_tokens":4000000000}"#,
        r#"{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":8}}"#,
        r#"{"prompt_tokens":7,"completion_tokens":2,"prompt_cache_hit_tokens":8}"#,
        r#"{"prompt_tokens":7,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":3}}"#,
        "7",
        "\"none\"",
    ] {
        assert_eq!(usage_of("openai-chat", usage), None, "{usage}");
    }
    for usage in [
        r#"{"input_tokens":18446744073709551615,"output_tokens":2}"#,
        r#"{"input_tokens":7,"output_tokens":2,"cache_read_input_tokens":18446744073709551615}"#,
        r#"{"input_tokens":7,"output_tokens":2,"cache_creation_input_tokens":9999999999}"#,
        r#"{"input_tokens":4000000000,"output_tokens":2}"#,
        "[1,2]",
        "[1,0,0,2]",
    ] {
        assert_eq!(usage_of("anthropic", usage), None, "{usage}");
    }
    let told = Some(Usage { input: 100, output: 2, ..Usage::default() });
    for usage in
        [r#"{"prompt_tokens":100.0,"completion_tokens":2e0,"odd":1e999}"#, r#"{"prompt_tokens":"100","completion_tokens":"2"}"#]
    {
        assert_eq!(usage_of("openai-chat", usage), told);
    }
    assert_eq!(usage_of("anthropic", r#"{"input_tokens":1e2,"output_tokens":2,"cache_read_input_tokens":null}"#), told);
}

/// `value` with each of its objects written as a list of that object's values, one at a time.
fn by_position(value: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    match value {
        Value::Object(members) => {
            found.push(Value::Array(members.values().cloned().collect()));
            for (name, member) in members {
                found.extend(by_position(member).into_iter().map(|other| {
                    let mut members = members.clone();
                    members.insert(name.clone(), other);
                    Value::Object(members)
                }));
            }
        }
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                found.extend(by_position(element).into_iter().map(|other| {
                    let mut elements = elements.clone();
                    elements[at] = other;
                    Value::Array(elements)
                }));
            }
        }
        _ => {}
    }
    found
}

#[test]
fn nothing_is_read_by_its_position() {
    for (dialect, text) in goldens("json") {
        let dialect = by_name(dialect).unwrap();
        let Ok(before) = dialect.decode(text.as_bytes()) else { continue };
        for other in by_position(&serde_json::from_str(&text).unwrap()) {
            let other = other.to_string();
            let Ok(read) = dialect.decode(other.as_bytes()) else { continue };
            assert_eq!((&read.text, &read.finish, &read.model), (&before.text, &before.finish, &before.model), "{other}");
            assert!(read.usage.is_none() || read.usage == before.usage, "{other}");
            assert_eq!(format!("{:?}", read.tokens), format!("{:?}", before.tokens), "{other}");
        }
    }
    for reply in [r#"["m",[[0,{"content":"hi"},null,"stop"]]]"#, r#"{"choices":[[0,{"content":"hi"},null,"stop"]]}"#] {
        assert!(by_name("openai-chat").unwrap().decode(reply.as_bytes()).is_err(), "{reply}");
    }
    let message = r#"[null,"m",[{"type":"text","text":"hi"}],"end_turn"]"#;
    assert!(by_name("anthropic").unwrap().decode(message.as_bytes()).is_err());
}

#[test]
fn a_call_to_no_tool_and_an_error_in_a_message_are_no_answer() {
    let chat = |message: &str| format!(r#"{{"choices":[{{"message":{message},"finish_reason":"tool_calls"}}]}}"#);
    let named = |name: &str| {
        chat(&format!(r#"{{"content":"hi","tool_calls":[{{"id":"1","function":{{"name":{name},"arguments":"{{}}"}}}}]}}"#))
    };
    let block = |name: &str| format!(r#"{{"content":[{{"type":"tool_use","id":"1","name":{name}}}],"stop_reason":"tool_use"}}"#);
    for name in ["\"\"", "null"] {
        for (dialect, reply, place) in [
            ("openai-chat", named(name), "/choices/0/message/tool_calls/0/function/name"),
            ("anthropic", block(name), "/content/0/name"),
        ] {
            let error = by_name(dialect).unwrap().decode(reply.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), format!("{place}: is missing or empty: the call names no tool"));
        }
    }
    assert!(by_name("openai-chat").unwrap().decode(named("\"f\"").as_bytes()).is_ok());
    assert!(by_name("anthropic").unwrap().decode(block("\"f\"").as_bytes()).is_ok());
    for (piece, end) in [("", "tool_calls"), ("f", "tool_calls")] {
        let piece =
            format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":0,"id":"1","function":{{"name":"{piece}"}}}}]}}}}]}}"#);
        let mut stream = by_name("openai-chat").unwrap().stream();
        assert!(stream.event(None, &piece).is_ok());
        let last = stream.event(None, &format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{end}"}}]}}"#));
        assert_eq!(last.is_ok(), piece.contains("\"f\""), "{last:?}");
    }
    let error =
        by_name("openai-chat").unwrap().decode(chat(r#"{"content":"hi","error":{"message":"it broke","code":502}}"#).as_bytes());
    assert!(matches!(error, Err(NoAnswer::Failed(failure)) if failure.message == "it broke"));
}

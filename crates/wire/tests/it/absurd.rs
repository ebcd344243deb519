//! Numbers that no server should send, wherever one stands: nothing panics, nothing wraps, and no count spoils an answer.

use std::path::Path;

use proptest::prelude::*;
use tierfall_core::completion::{Completion, Usage};
use tierfall_testkit::numbers::{ABSURD, exchanged, places};
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
            // What a broken stream is billed is what can be read of its counts.
            let end = |end: String| end.split(", billing: ").next().map(str::to_owned);
            prop_assert_eq!((read.completion.text, end(read.end)), (before.completion.text, end(before.end)), "{}", other);
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
        r#"{"prompt_tokens":"7","completion_tokens":2}"#,
        r#"{"prompt_tokens":1e999,"completion_tokens":2}"#,
        r#"{"prompt_tokens":7,"prompt_tokens":8,"completion_tokens":2}"#,
        "[]",
        "7",
        "\"none\"",
    ] {
        assert_eq!(usage_of("openai-chat", usage), None, "{usage}");
    }
    for usage in [
        r#"{"input_tokens":18446744073709551615,"output_tokens":2}"#,
        r#"{"input_tokens":7,"output_tokens":2,"cache_read_input_tokens":18446744073709551615}"#,
        r#"{"input_tokens":7,"output_tokens":2,"cache_creation_input_tokens":9999999999}"#,
    ] {
        assert_eq!(usage_of("anthropic", usage), None, "{usage}");
    }
    let told = Some(Usage { input: 100, output: 2, ..Usage::default() });
    assert_eq!(usage_of("openai-chat", r#"{"prompt_tokens":100.0,"completion_tokens":2e0,"odd":1e999}"#), told);
    assert_eq!(usage_of("anthropic", r#"{"input_tokens":1e2,"output_tokens":2,"cache_read_input_tokens":null}"#), told);
}

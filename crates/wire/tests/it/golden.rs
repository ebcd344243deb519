//! Replies in the shape of each server, whole and streamed, against what we read in them.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tierfall_core::completion::{Completion, Tokens};
use tierfall_wire::dialect::NoAnswer;
use tierfall_wire::dialect::table::{DIALECTS, by_name};

use crate::support::{pretty, shown, streamed};

/// The goldens of a dialect with this ending, in order.
fn goldens(dialect: &str, ending: &str) -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(dialect);
    let mut found: Vec<(String, PathBuf)> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("the dialect {dialect} needs golden replies in {}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no goldens for {dialect}");
    found
}

#[test]
fn whole_replies() {
    for spec in DIALECTS {
        let dialect = (spec.make)();
        for (name, path) in goldens(spec.name, "json") {
            let body = std::fs::read(path).unwrap();
            let got = match dialect.decode(&body) {
                Ok(completion) => pretty(shown(&completion)),
                Err(error) => format!("{error}\n{error:?}"),
            };
            insta::assert_snapshot!(format!("{}-{name}-whole", spec.name), got);
        }
    }
}

#[test]
fn streams_and_streams_cut_anywhere() {
    for spec in DIALECTS {
        let dialect = (spec.make)();
        for (name, path) in goldens(spec.name, "sse") {
            let bytes = std::fs::read(path).unwrap();
            let whole = streamed(&*dialect, [bytes.as_slice()]);
            let got = format!("{}\n{}", pretty(shown(&whole.completion)), whole.end);
            insta::assert_snapshot!(format!("{}-{name}-stream", spec.name), got);
            assert_eq!(streamed(&*dialect, bytes.chunks(1)), whole, "{name} byte by byte");
            for cut in 0..bytes.len() {
                assert_eq!(streamed(&*dialect, [&bytes[..cut], &bytes[cut..]]), whole, "{name} cut at {cut}");
            }
        }
    }
}

#[test]
fn a_stream_says_what_the_whole_reply_says() {
    for spec in DIALECTS {
        let dialect = (spec.make)();
        let mut pairs = 0;
        for (name, path) in goldens(spec.name, "sse") {
            let Ok(whole) = std::fs::read(path.with_extension("json")) else { continue };
            let streamed = streamed(&*dialect, [std::fs::read(&path).unwrap().as_slice()]);
            let whole = match dialect.decode(&whole) {
                Ok(whole) => whole,
                Err(NoAnswer::Failed(failure)) => {
                    let failed = format!("failed: {} ({},", failure.message, failure.kind);
                    assert!(streamed.end.starts_with(&failed), "{name}: {} and not {failed}", streamed.end);
                    continue;
                }
                Err(NoAnswer::Unreadable(error)) => panic!("{name}: {error}"),
            };
            assert_eq!(shown(&without_empty_tokens(streamed.completion)), shown(&without_empty_tokens(whole)), "{name}");
            assert_eq!(streamed.end, "end", "{name}");
            pairs += 1;
        }
        assert!(pairs >= 2, "{} has {pairs} pairs", spec.name);
    }
}

/// llama.cpp lists the end of the turn, a token without text, in a whole reply and not in a stream.
fn without_empty_tokens(completion: Completion) -> Completion {
    let tokens = completion.tokens.map(|all| {
        let mut kept = Tokens::default();
        for token in all.iter().filter(|token| !token.text().is_empty()) {
            kept.push(token.text(), token.logprob());
            for (text, logprob) in token.alternatives() {
                kept.push_alternative(text, logprob);
            }
        }
        kept
    });
    Completion { tokens, ..completion }
}

#[test]
fn a_stream_that_only_lacks_its_end_mark_is_finished() {
    let dialect = by_name("openai-chat").unwrap();
    let mut decoder = dialect.stream();
    decoder.event(None, r#"{"choices":[{"delta":{"content":"a"}}]}"#).unwrap();
    assert!(!decoder.finished());
    decoder.event(None, r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#).unwrap();
    assert!(decoder.finished());
}

/// What was told of the answer before there was one never stands for what it came to.
#[test]
fn a_stream_whose_last_count_cannot_be_read_tells_no_usage() {
    let dialect = by_name("anthropic").unwrap();
    let told = |last: &str| {
        let text = format!(
            "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"usage\":{{\"input_tokens\":25,\"output_tokens\":1}}}}}}\n\n\
             event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\"}}{last}}}\n\n\
             event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
        );
        streamed(&*dialect, [text.as_bytes()]).completion.usage.map(|usage| (usage.input, usage.output))
    };
    for last in ["", "n/a", "null", "{}", r#"{"input_tokens":25}"#, r#"{"output_tokens":null}"#, r#"{"output_tokens":"many"}"#] {
        let last = match last {
            "" => String::new(),
            "n/a" => r#","usage":"n/a""#.to_owned(),
            other => format!(r#","usage":{other}"#),
        };
        assert_eq!(told(&last), None, "{last}");
    }
    assert_eq!(told(r#","usage":{"output_tokens":9}"#), Some((25, 9)));
}

#[test]
fn a_cut_stream_never_tells_a_usage_that_is_too_small() {
    let dialect = by_name("anthropic").unwrap();
    let (_, path) = goldens("anthropic", "sse").into_iter().find(|(name, _)| name == "text").unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let cut = text.find("event: message_delta").unwrap();
    assert_eq!(streamed(&*dialect, [&text.as_bytes()[..cut]]).completion.usage, None);
}

/// JSON-like noise with the words that the decoders look for.
fn noise() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(",".to_owned()),
        Just(":".to_owned()),
        Just("null".to_owned()),
        Just("-1e999".to_owned()),
        Just("18446744073709551616".to_owned()),
        "\"(choices|message|delta|content|tool_calls|index|usage|error|type|text|logprobs|token|function|arguments)\"",
        "\"\\PC{0,4}\"",
        "[0-9]{1,3}",
    ];
    proptest::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn nothing_makes_a_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in noise(), status in 0u16..700) {
        for spec in DIALECTS {
            let dialect = (spec.make)();
            for body in [bytes.as_slice(), text.as_bytes()] {
                _ = dialect.decode(body);
                _ = dialect.classify(status, body);
                _ = streamed(&*dialect, [body]);
            }
            let mut decoder = dialect.stream();
            for name in [None, Some("error"), Some("message_start")] {
                _ = decoder.event(name, &text);
            }
        }
    }

    #[test]
    fn a_damaged_golden_makes_no_decoder_panic(which in 0usize..100, at in 0usize..5000, byte in any::<u8>()) {
        for spec in DIALECTS {
            let dialect = (spec.make)();
            for ending in ["json", "sse"] {
                let all = goldens(spec.name, ending);
                let mut bytes = std::fs::read(&all[which % all.len()].1).unwrap();
                let length = bytes.len();
                bytes[at % length] = byte;
                _ = dialect.decode(&bytes);
                _ = streamed(&*dialect, [bytes.as_slice()]);
            }
        }
    }
}

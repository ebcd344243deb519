//! What the cascade asked for and the client did not goes; everything else stays, byte for byte.

use std::borrow::Cow;

use tierfall_wire::openai::{ClientAsked, strip, strip_chunk};

const BODY: &str = r#"{ "id" : "x","choices":[ {"index":0, "message":{"content":"a"},"logprobs": {"content":[{"token":"a","logprob":-1e-1,"top_logprobs":[{"token":"a","logprob":-0.1}, {"token":"b","logprob":-2}]}]} ,"finish_reason":"stop"}, {"index":1}],"big":12345678901234567890123 }"#;

fn asked(logprobs: bool, top_logprobs: u8, samples: u8) -> ClientAsked {
    ClientAsked { logprobs, top_logprobs, samples: samples.try_into().ok(), ..ClientAsked::default() }
}

#[test]
fn a_whole_reply() {
    assert_eq!(strip(BODY, &asked(true, 5, 2)).unwrap(), BODY);
    assert!(matches!(strip(BODY, &asked(true, 5, 2)).unwrap(), Cow::Borrowed(_)));
    let without_samples = BODY.replace(r#", {"index":1}"#, "");
    assert_eq!(strip(BODY, &asked(true, 5, 1)).unwrap(), without_samples);
    let one = without_samples.replace(r#", {"token":"b","logprob":-2}"#, "");
    assert_eq!(strip(BODY, &asked(true, 1, 1)).unwrap(), one);
    let start = without_samples.find(r#"{"content":[{"#).unwrap();
    let end = without_samples.find(r#" ,"finish_reason""#).unwrap();
    let none = format!("{}null{}", &without_samples[..start], &without_samples[end..]);
    assert_eq!(strip(BODY, &asked(false, 0, 1)).unwrap(), none);
}

#[test]
fn a_chunk() {
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":1}}"#;
    let last = r#"{"choices":[{"delta":{}, "logprobs":null}], "usage": {"prompt_tokens":1} }"#;
    let plain = ClientAsked::default();
    assert_eq!(strip_chunk(usage, &plain).unwrap(), None);
    assert_eq!(strip_chunk("[DONE]", &plain).unwrap().unwrap(), "[DONE]");
    assert_eq!(strip_chunk(last, &plain).unwrap().unwrap(), r#"{"choices":[{"delta":{}, "logprobs":null}], "usage": null }"#);
    let with_usage = ClientAsked { include_usage: true, ..plain };
    assert_eq!(strip_chunk(usage, &with_usage).unwrap().unwrap(), usage);
    assert_eq!(strip_chunk(last, &with_usage).unwrap().unwrap(), last);
}

#[test]
fn what_is_no_reply_is_an_error() {
    assert_eq!(strip("[]x", &ClientAsked::default()).unwrap_err().at, "");
    assert!(strip(r#"{"choices":[7]}"#, &ClientAsked::default()).is_err());
}

//! Streams: split anywhere, cut anywhere, broken in every way.

use futures_util::StreamExt;
use tierfall_core::completion::Completion;
use tierfall_core::provider::{Billing, CallErrorKind, Chunk, Provider};
use tierfall_providers::{HttpProvider, HttpSettings};
use tierfall_testkit::{Gate, Script, Server, openai, sample};
use tierfall_wire::sse::write_event;

use crate::setup::{ask, assert_clean, assert_failed, dialect, persistent, provider, settings, streaming};

fn text(answer: &Completion) -> String {
    openai::sse(answer).concat()
}

#[tokio::test]
async fn a_stream_split_at_every_byte_is_the_same_answer() {
    let sent = sample::answer(6, 3);
    let server = Server::start(Script::sse().bytewise(text(&sent))).await.unwrap();
    let (got, failed) = ask(&provider(&server.url()), &streaming()).await.unwrap();
    assert_eq!((&got.text, &got.tokens, got.usage, &got.finish), (&sent.text, &sent.tokens, sent.usage, &sent.finish));
    assert!(failed.is_empty());
    assert_eq!(server.received()[0].header("accept"), Some("text/event-stream"));
}

#[tokio::test]
async fn a_stream_split_in_two_anywhere_is_the_same_answer() {
    let sent = Completion::text("héllo €uro");
    let bytes = text(&sent).into_bytes();
    let server = Server::start(Script::status(500)).await.unwrap();
    let provider = provider(&server.url());
    for cut in 0..=bytes.len() {
        server.push(Script::sse().piece(bytes[..cut].to_vec()).piece(bytes[cut..].to_vec()));
        let (got, _) = ask(&provider, &streaming()).await.unwrap();
        assert_eq!(got.text, sent.text, "split at {cut}");
    }
}

#[tokio::test]
async fn pieces_are_passed_on_as_they_arrive() {
    let sent = sample::answer(2, 0);
    let events = openai::sse(&sent);
    let gates: Vec<Gate> = events.iter().map(|_| Gate::new()).collect();
    let script = events.iter().zip(&gates).fold(Script::sse(), |script, (event, gate)| script.wait(gate).piece(event.clone()));
    let server = Server::start(script).await.unwrap();
    let provider = provider(&server.url());
    // The role and the first token: only then does the reply begin.
    gates[0].open();
    gates[1].open();
    let call = streaming();
    let mut reply = provider.call(&call).await.unwrap();
    let mut seen = String::new();
    for gate in &gates[2..] {
        while let Some(Ok(Chunk::Delta(delta))) = reply.chunks.next().await {
            seen.push_str(&delta.text);
            if !delta.text.is_empty() || delta.finish.is_some() || delta.usage.is_some() {
                break;
            }
        }
        gate.open();
    }
    assert!(reply.chunks.next().await.is_none());
    assert_eq!(seen, sent.text);
}

#[tokio::test]
async fn a_stream_cut_anywhere_is_truncated_unless_the_answer_was_whole() {
    let sent = sample::answer(2, 1);
    let events = openai::sse(&sent);
    let bytes = events.concat().into_bytes();
    // Behind the finish come usage and end marker.
    let finished_at = events[..events.len() - 2].concat().len();
    let told_at = events[..events.len() - 1].concat().len();
    let server = Server::start(Script::status(500)).await.unwrap();
    let provider = provider(&server.url());
    for cut in 0..bytes.len() {
        server.push(Script::sse().piece(bytes[..cut].to_vec()).cut());
        match ask(&provider, &streaming()).await {
            Ok((got, _)) => {
                assert!(cut >= finished_at, "cut at {cut} of {finished_at}");
                assert_eq!((&got.text, &got.tokens), (&sent.text, &sent.tokens));
                // Only the blank line may be missing: the event before it is complete.
                assert_eq!(got.usage, sent.usage.filter(|_| cut + 1 >= told_at), "cut at {cut} of {told_at}");
            }
            Err(error) => {
                assert!(cut < finished_at, "cut at {cut} of {finished_at}");
                assert_failed(&error, CallErrorKind::Truncated, Billing::Unknown);
            }
        }
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_but_cleanly_is_truncated() {
    let events = openai::sse(&sample::answer(3, 0));
    for kept in 0..events.len() {
        let server = Server::start(Script::sse().piece(events[..kept].concat())).await.unwrap();
        let result = ask(&provider(&server.url()), &streaming()).await;
        // Role, three tokens, finish, usage, end marker: without the marker the answer is whole once it has finished.
        if kept < 5 {
            assert_failed(&result.unwrap_err(), CallErrorKind::Truncated, Billing::Unknown);
        } else {
            assert_eq!(result.unwrap().0.usage.is_some(), kept > 5);
        }
    }
}

#[tokio::test]
async fn an_attempt_that_broke_before_its_first_piece_is_made_again() {
    let sent = sample::answer(3, 0);
    let role = openai::sse(&sent).remove(0);
    let server = Server::start(Script::sse().piece(text(&sent))).await.unwrap();
    server.push(Script::sse().piece(role).cut());
    let (got, failed) = ask(&persistent(&server.url()), &streaming()).await.unwrap();
    assert_eq!(got.text, sent.text);
    assert_eq!((failed[0].error, failed[0].billing), (Some(CallErrorKind::Truncated), Billing::Unknown));
}

#[tokio::test]
async fn nothing_is_made_again_once_a_piece_was_handed_out() {
    let sent = sample::answer(3, 0);
    let server = Server::start(Script::sse().piece(text(&sent))).await.unwrap();
    server.push(Script::sse().piece(openai::sse(&sent)[..2].concat()).cut());
    let error = ask(&persistent(&server.url()), &streaming()).await.unwrap_err();
    assert_failed(&error, CallErrorKind::Truncated, Billing::Unknown);
    assert_eq!(server.counts().requests, 1);
}

#[tokio::test]
async fn a_failure_inside_the_stream_has_its_kind() {
    let failure = "data: {\"error\":{\"code\":503,\"message\":\"out of slots\"}}\n\n";
    let first = openai::sse(&sample::answer(3, 0))[..2].concat();
    for (before, billing) in [(String::new(), Billing::Free), (first, Billing::Unknown)] {
        let server = Server::start(Script::sse().piece(before).piece(failure)).await.unwrap();
        let error = ask(&provider(&server.url()), &streaming()).await.unwrap_err();
        assert_failed(&error, CallErrorKind::Overloaded, billing);
        assert!(error.message.ends_with("out of slots"), "{error}");
    }
}

#[tokio::test]
async fn a_choice_that_failed_ends_the_stream_with_its_message() {
    let first = openai::sse(&sample::answer(3, 0))[..2].concat();
    for (last, message) in [
        (r#"{"choices":[{"delta":{},"finish_reason":"error","error":{"code":502,"message":"gpu-7 is gone"}}]}"#, "gpu-7 is gone"),
        (r#"{"choices":[{"delta":{},"finish_reason":"abort"}]}"#, "for the reason \"abort\""),
    ] {
        let server = Server::start(Script::sse().piece(first.clone()).piece(write_event(None, last))).await.unwrap();
        let error = ask(&provider(&server.url()), &streaming()).await.unwrap_err();
        assert_failed(&error, CallErrorKind::Overloaded, Billing::Unknown);
        assert!(error.message.ends_with(message), "{error}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_without_the_reason_it_has_a_place_for_is_unfinished() {
    let sent = Completion::text("half an answer");
    let events = openai::sse(&sent);
    // The role and the text, but no chunk with the reason.
    let server = Server::start(Script::sse().piece(events[..2].concat()).piece("data: [DONE]\n\n")).await.unwrap();
    let (got, _) = ask(&provider(&server.url()), &streaming()).await.unwrap();
    assert_eq!((got.text.as_str(), got.finish.as_str()), ("half an answer", "null"));
}

#[tokio::test]
async fn streams_that_are_none_end_with_a_typed_error() {
    for (body, kind) in [
        (b"data: {nonsense\n\n".to_vec(), CallErrorKind::Malformed),
        (b"data: \xff\xfe\n\n".to_vec(), CallErrorKind::Malformed),
        (b"data: [DONE]\n\n".to_vec(), CallErrorKind::Malformed),
        (b"<html>hello</html>".to_vec(), CallErrorKind::Truncated),
        (b": ping\n\n: ping\n\n".to_vec(), CallErrorKind::Truncated),
        (Vec::new(), CallErrorKind::Truncated),
    ] {
        let server = Server::start(Script::sse().piece(body)).await.unwrap();
        let error = ask(&provider(&server.url()), &streaming()).await.unwrap_err();
        assert_failed(&error, kind, Billing::Unknown);
    }
}

#[tokio::test]
async fn an_event_and_a_whole_stream_are_bounded() {
    let first = openai::sse(&sample::answer(2, 0))[..2].concat();
    let endless_line = Script::sse().piece(first.clone()).piece("data: ").repeat(vec![b'x'; 1 << 16], 800);
    let endless_stream = Script::sse().repeat(first.into_bytes(), 200_000);
    for script in [endless_line, endless_stream] {
        let server = Server::start(script).await.unwrap();
        let provider = HttpProvider::new(HttpSettings { max_body_bytes: 4 << 20, ..settings(&server.url()) }).unwrap();
        let error = ask(&provider, &streaming()).await.unwrap_err();
        assert_failed(&error, CallErrorKind::TooLarge, Billing::Unknown);
        server.until_closed(1).await;
    }
}

#[tokio::test]
async fn the_other_dialect_streams_too() {
    let events = [
        ("message_start", r#"{"type":"message_start","message":{"model":"m","usage":{"input_tokens":7,"output_tokens":1}}}"#),
        ("content_block_start", r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#),
        ("ping", r#"{"type":"ping"}"#),
        ("content_block_delta", r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Mon"}}"#),
        ("content_block_delta", r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"day"}}"#),
        ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#),
        ("message_delta", r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#),
        ("message_stop", r#"{"type":"message_stop"}"#),
    ];
    let all = events.map(|(name, data)| write_event(Some(name), data)).concat();
    let server = Server::start(Script::sse().bytewise(&all)).await.unwrap();
    let provider = HttpProvider::new(dialect("anthropic", &server.url())).unwrap();
    let mut call = streaming();
    call.logprobs = None;
    let (got, _) = ask(&provider, &call).await.unwrap();
    let usage = got.usage.unwrap();
    assert_eq!((got.text.as_str(), usage.input, usage.output), ("Monday", 7, 2));

    server.push(Script::sse().piece(
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
    ));
    let error = ask(&provider, &call).await.unwrap_err();
    assert_failed(&error, CallErrorKind::Overloaded, Billing::Free);
    assert_clean(&error);
}

/// The server leaves the connection open, with or without its end marker.
#[tokio::test(start_paused = true)]
async fn a_whole_answer_waits_for_no_frame_and_no_limit_takes_it_away() {
    let sent = sample::answer(2, 1);
    let events = openai::sse(&sent);
    for told in [events.len(), events.len() - 1, events.len() - 2] {
        let shut = Gate::new();
        let server = Server::start(Script::sse().piece(events[..told].concat()).wait(&shut)).await.unwrap();
        let mut call = streaming();
        call.timeouts.total = Some(std::time::Duration::from_millis(100));
        let (got, failed) = ask(&provider(&server.url()), &call).await.unwrap();
        assert_eq!((&got.text, &got.finish, failed.len()), (&sent.text, &sent.finish, 0), "{told} events");
        // The usage comes behind the finish.
        assert_eq!(got.usage, sent.usage.filter(|_| told >= events.len() - 1));
    }
}

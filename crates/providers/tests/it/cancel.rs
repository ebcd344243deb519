//! Dropping a call or its reply closes the upstream connection, whatever the call was waiting for.

use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::StreamExt;
use tierfall_core::provider::Provider;
use tierfall_core::request::Call;
use tierfall_providers::{QueuePolicy, RetryPolicy};
use tierfall_testkit::server::Counts;
use tierfall_testkit::{Script, Server, openai, sample};

use crate::setup::{call, dialect, layered, provider, settings, streaming};

/// Runs the call until the server's counts say that it is where the test wants it, then drops it.
async fn drop_when(server: &Server, provider: &dyn Provider, call: &Call, reached: impl FnMut(&Counts) -> bool) {
    tokio::select! {
        result = async {
            let mut reply = provider.call(call).await?;
            while let Some(chunk) = reply.chunks.next().await {
                chunk?;
            }
            Ok::<_, tierfall_core::provider::CallError>(())
        } => panic!("the call ended by itself: {result:?}"),
        _ = server.until("the call is where it is to be dropped", reached) => {}
    }
}

#[tokio::test]
async fn while_connecting() {
    let server = Server::mute().await.unwrap();
    let tls = format!("https://{}", server.address());
    drop_when(&server, &provider(&tls), &call(), |counts| counts.connections == 1).await;
    server.until_closed(1).await;
}

#[tokio::test]
async fn while_waiting_for_the_head() {
    let server = Server::start(Script::silent()).await.unwrap();
    let provider = provider(&server.url());
    for (closed, call) in [call(), streaming()].into_iter().enumerate() {
        drop_when(&server, &provider, &call, |counts| counts.requests == closed + 1).await;
        server.until_closed(closed + 1).await;
    }
}

#[tokio::test]
async fn in_the_middle_of_a_body() {
    let server = Server::start(Script::json("{\"choices\":").stall()).await.unwrap();
    drop_when(&server, &provider(&server.url()), &call(), |counts| counts.sent > 0).await;
    server.until_closed(1).await;
}

#[tokio::test]
async fn in_the_middle_of_a_stream() {
    let first = openai::sse(&sample::answer(3, 0))[..2].concat();
    let server = Server::start(Script::sse().piece(first).stall()).await.unwrap();
    let (provider, call) = (provider(&server.url()), streaming());
    let mut reply = provider.call(&call).await.unwrap();
    assert!(reply.chunks.next().await.unwrap().is_ok());
    assert_eq!(server.counts().closed, 0);
    drop(reply);
    server.until_closed(1).await;
}

#[tokio::test]
async fn before_the_first_piece_of_a_stream() {
    let role = openai::sse(&sample::answer(3, 0)).remove(0);
    let server = Server::start(Script::sse().piece(role).stall()).await.unwrap();
    drop_when(&server, &provider(&server.url()), &streaming(), |counts| counts.sent > 0).await;
    server.until_closed(1).await;
}

#[tokio::test]
async fn in_every_one_of_many_samples() {
    let server = Server::start(Script::silent()).await.unwrap();
    let provider = layered(dialect("anthropic", &server.url()), |_| {});
    let mut call = call();
    (call.logprobs, call.samples) = (None, 4.try_into().unwrap());
    drop_when(&server, &provider, &call, |counts| counts.requests == 4).await;
    server.until_closed(4).await;
}

#[tokio::test]
async fn while_waiting_for_a_place() {
    let server = Server::start(Script::silent()).await.unwrap();
    let provider = layered(settings(&server.url()), |layers| layers.queue = Some(QueuePolicy::new(NonZeroUsize::MIN)));
    let (first, second) = (call(), call());
    let mut holding = provider.call(&first);
    tokio::select! {
        _ = &mut holding => panic!("the server is silent"),
        () = server.until_requests(1) => {}
    }
    let mut waiting = provider.call(&second);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    drop(waiting);
    drop(holding);
    server.until_closed(1).await;
    // The place is free again, and the dropped call never took it.
    drop_when(&server, &provider, &call(), |counts| counts.requests == 2).await;
    assert_eq!(server.counts().connections, 2);
}

#[tokio::test]
async fn in_the_pause_before_another_attempt() {
    let server = Server::start(Script::status(429).header("retry-after", "20")).await.unwrap();
    let retry = RetryPolicy { longest_hint: Duration::from_mins(1), ..RetryPolicy::default() };
    let provider = layered(settings(&server.url()), |layers| layers.retry = retry);
    drop_when(&server, &provider, &call(), |counts| counts.requests == 1 && counts.in_flight == 0).await;
    // The pool is the only one left that holds the idle connection: nothing of the call is.
    drop(provider);
    server.until_closed(1).await;
    assert_eq!(server.counts().requests, 1);
}

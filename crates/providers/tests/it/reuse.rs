//! Connections that are kept, and gone when they are used again.

use tierfall_core::provider::{Billing, CallErrorKind};
use tierfall_providers::{Layers, RetryPolicy};
use tierfall_testkit::{Script, Server, openai, sample};

use crate::setup::{ask, assert_failed, call, layered, settings, streaming};

fn answer() -> Script {
    Script::json(openai::chat(&sample::answer(3, 0)).to_string())
}

#[tokio::test]
async fn a_kept_connection_that_is_gone_costs_nothing() {
    for stream in [false, true] {
        let server = Server::start(answer()).await.unwrap();
        let provider = layered(settings(&server.url()), |_| {});
        let asked = || if stream { streaming() } else { call() };
        ask(&provider, &asked()).await.unwrap();
        assert_eq!(server.counts().connections, 1);
        server.push(Script::hang_up());
        let asked = asked();
        let reply = provider.call(&asked).await.unwrap();
        assert!(reply.failed.is_empty(), "no attempt at the call was lost: {:?}", reply.failed);
        assert_eq!((server.counts().requests, server.counts().connections), (3, 2));
    }
}

#[tokio::test]
async fn a_new_connection_that_is_gone_is_a_failed_attempt() {
    let server = Server::start(Script::hang_up()).await.unwrap();
    let provider = layered(settings(&server.url()), |_| {});
    let error = ask(&provider, &call()).await.unwrap_err();
    assert_failed(&error, CallErrorKind::Truncated, Billing::Unknown);
    assert_eq!(server.counts().requests, 1, "the server may have begun to work: that is a retry, and counted");
}

#[tokio::test]
async fn a_kept_connection_that_has_begun_to_reply_is_a_failed_attempt() {
    let server = Server::start(answer()).await.unwrap();
    let provider = layered(settings(&server.url()), |_| {});
    ask(&provider, &call()).await.unwrap();
    server.push(Script::json("{").cut());
    let error = ask(&provider, &call()).await.unwrap_err();
    assert_failed(&error, CallErrorKind::Truncated, Billing::Unknown);
    assert_eq!(server.counts().requests, 2);
}

/// A rolling restart closes every connection at once; each of them may be the next one to be used.
#[tokio::test]
async fn many_kept_connections_that_are_gone_cost_nothing() {
    let server = Server::start(answer()).await.unwrap();
    let provider = layered(settings(&server.url()), |layers: &mut Layers| layers.retry = RetryPolicy::never());
    let calls: Vec<_> = (0..8).map(|_| call()).collect();
    futures_util::future::join_all(calls.iter().map(|call| ask(&provider, call))).await;
    let kept = server.counts().connections;
    (0..kept).for_each(|_| server.push(Script::hang_up()));
    let asked = call();
    let reply = provider.call(&asked).await.unwrap();
    assert!(reply.failed.is_empty());
    assert_eq!(server.counts().requests, 8 + kept + 1);
}

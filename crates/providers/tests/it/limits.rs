//! Many calls: few connections, no more at once than allowed.

use std::num::NonZeroUsize;

use futures_util::future::join_all;
use tierfall_providers::QueuePolicy;
use tierfall_testkit::{Script, Server, openai, sample};

use crate::setup::{ask, call, layered, provider, settings, streaming};

#[tokio::test]
async fn calls_one_after_the_other_share_a_connection() {
    let sent = sample::answer(5, 2);
    let server = Server::start(Script::json(openai::chat(&sent).to_string())).await.unwrap();
    let provider = provider(&server.url());
    for _ in 0..10 {
        ask(&provider, &call()).await.unwrap();
        server.push(Script::sse().piece(openai::sse(&sent).concat()));
        ask(&provider, &streaming()).await.unwrap();
        server.push(Script::status(503));
        ask(&provider, &call()).await.unwrap_err();
    }
    let counts = server.counts();
    assert_eq!((counts.requests, counts.connections), (30, 1));
}

#[tokio::test]
async fn a_thousand_calls_at_once_pass_through_sixteen_places() {
    let sent = sample::answer(5, 2);
    let server = Server::start(Script::json(openai::chat(&sent).to_string())).await.unwrap();
    let queue = NonZeroUsize::new(16).map(QueuePolicy::new);
    let provider = layered(settings(&server.url()), |layers| layers.queue = queue);
    let calls: Vec<_> = (0..1000).map(|n| if n % 2 == 0 { call() } else { streaming() }).collect();
    let results = join_all(calls.iter().map(|call| ask(&provider, call))).await;
    assert!(results.iter().all(|result| matches!(result, Ok((answer, _)) if answer.text == sent.text)));
    let counts = server.counts();
    assert_eq!(counts.requests, 1000);
    assert!(counts.peak <= 16 && counts.connections <= 16, "{counts:?}");
}

#[tokio::test]
async fn samples_are_asked_for_in_one_call_or_in_many() {
    let server = Server::start(Script::json(openai::chat(&sample::answer(3, 0)).to_string())).await.unwrap();
    let mut three = call();
    three.samples = 3.try_into().unwrap();
    ask(&provider(&server.url()), &three).await.unwrap();
    assert_eq!((server.counts().requests, server.received()[0].json()["n"].as_u64()), (1, Some(3)));

    let by_calls = layered(settings(&server.url()), |layers| layers.fan_out = true);
    let (answer, _) = ask(&by_calls, &three).await.unwrap();
    assert_eq!((server.counts().requests, answer.samples.len()), (4, 2));
}

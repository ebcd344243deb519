//! Time limits, each in the phase that it belongs to. The clock is stopped once the call is where it is to be caught, so
//! nothing here waits and nothing depends on speed.

use std::num::NonZeroUsize;
use std::time::Duration;

use tierfall_core::provider::{Billing, CallError, CallErrorKind, Provider};
use tierfall_core::request::{Call, Timeouts};
use tierfall_providers::{HttpProvider, QueuePolicy};
use tierfall_testkit::server::Counts;
use tierfall_testkit::{Script, Server, openai, sample};

use crate::setup::{ask, assert_failed, call, layered, provider, settings, streaming};

const SHORT: Duration = Duration::from_secs(2);

fn total(call: Call) -> Call {
    Call { timeouts: Timeouts { total: Some(SHORT), ..Timeouts::default() }, ..call }
}

fn idle(call: Call) -> Call {
    Call { timeouts: Timeouts { idle: Some(SHORT), ..Timeouts::default() }, ..call }
}

/// Runs the call, and stops the clock when the server's counts are reached: from then on time jumps to the next limit.
async fn time_out(server: &Server, provider: &HttpProvider, call: &Call, reached: impl FnMut(&Counts) -> bool) -> CallError {
    let asked = ask(provider, call);
    tokio::pin!(asked);
    tokio::select! {
        result = &mut asked => panic!("the call ended by itself: {result:?}"),
        _ = server.until("the call is where time runs out", reached) => {}
    }
    tokio::time::pause();
    let error = asked.await.unwrap_err();
    tokio::time::resume();
    error
}

#[tokio::test]
async fn the_total_time_limits_every_phase() {
    let first = openai::sse(&sample::answer(3, 0))[..2].concat();
    let scripts = [
        (Script::silent(), call()),
        (Script::silent(), streaming()),
        (Script::json("{").stall(), call()),
        (Script::sse().piece(first).stall(), streaming()),
    ];
    for (script, call) in scripts {
        let server = Server::start(script).await.unwrap();
        let error = time_out(&server, &provider(&server.url()), &total(call), |counts| counts.requests == 1).await;
        assert_failed(&error, CallErrorKind::Timeout, Billing::Unknown);
        assert!(error.message.contains("this attempt had 2 s in all"), "{error}");
        server.until_closed(1).await;
    }
}

#[tokio::test]
async fn the_idle_time_limits_every_read() {
    let first = openai::sse(&sample::answer(3, 0))[..2].concat();
    for (script, call) in
        [(Script::json("{").stall(), call()), (Script::silent(), streaming()), (Script::sse().piece(first).stall(), streaming())]
    {
        let server = Server::start(script).await.unwrap();
        let error = time_out(&server, &provider(&server.url()), &idle(call), |counts| counts.requests == 1).await;
        assert_failed(&error, CallErrorKind::Timeout, Billing::Unknown);
        assert!(error.message.ends_with("nothing came for 2 s"), "{error}");
        server.until_closed(1).await;
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_may_take_longer_than_the_idle_time() {
    let server = Server::start(Script::silent()).await.unwrap();
    let mut patient = idle(call());
    patient.timeouts.total = Some(Duration::from_secs(30));
    let error = time_out(&server, &provider(&server.url()), &patient, |counts| counts.requests == 1).await;
    assert!(error.message.contains("this attempt had 30 s in all"), "{error}");
}

#[tokio::test]
async fn connecting_has_a_limit_of_its_own_and_costs_nothing() {
    let server = Server::mute().await.unwrap();
    let provider = provider(&format!("https://{}", server.address()));
    let mut hurried = call();
    hurried.timeouts.connect = Some(SHORT);
    let error = time_out(&server, &provider, &hurried, |counts| counts.connections == 1).await;
    assert_failed(&error, CallErrorKind::Timeout, Billing::Free);
    assert!(error.message.contains("no connection to 127.0.0.1:") && error.message.contains("within 2 s"), "{error}");
    server.until_closed(1).await;
}

#[tokio::test]
async fn waiting_for_a_place_is_not_the_calls_time_and_costs_nothing() {
    let server = Server::start(Script::silent()).await.unwrap();
    let queue = QueuePolicy { longest: 5 * SHORT, ..QueuePolicy::new(NonZeroUsize::MIN) };
    let provider = layered(settings(&server.url()), |layers| layers.queue = Some(queue));
    let first = call();
    let mut holding = provider.call(&first);
    tokio::select! {
        _ = &mut holding => panic!("the server is silent"),
        () = server.until_requests(1) => {}
    }
    tokio::time::pause();
    let error = ask(&provider, &total(call())).await.unwrap_err();
    assert_failed(&error, CallErrorKind::QueueFull, Billing::Free);
    assert!(error.queued >= 5 * SHORT && error.message.contains("no place came free within 10 s"), "{error}");
    let error = ask(&provider, &call().within(SHORT)).await.unwrap_err();
    assert_failed(&error, CallErrorKind::Deadline, Billing::Free);
    assert_eq!(server.counts().requests, 1);
}

//! A caller that goes away ends the call in flight, and the run is told all the same: once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tierfall::clock::ManualClock;
use tierfall::{Ask, Engine};
use tierfall_core::cascade::{Cascade, Parts};
use tierfall_core::gate::Gate as TierGate;
use tierfall_core::money::Money;
use tierfall_core::number::{Score, Threshold};
use tierfall_core::provider::{Billing, CallErrorKind};
use tierfall_core::signal::table::SignalSpec;
use tierfall_core::trace::OutcomeKind;
use tierfall_testkit::{Gate, Scripted, Seen, sample};

#[test]
fn a_dropped_run_cancels_its_call_and_tells_every_sink_once() {
    let unsure = Arc::new(Scripted::always(sample::sure("perhaps", 0.1)));
    let waiting = Arc::new(Scripted::always(sample::sure("yes", 0.9)).behind(&Gate::new()));
    let (first, second, clock) = (Seen::new(), Seen::new(), Arc::new(ManualClock::default()));
    let engine = Engine::builder(sample::cascade(&[("small", 0.8), ("large", 0.0)]).unwrap())
        .provider("small", unsure)
        .provider("large", waiting.clone())
        .observer(first.clone())
        .observer(second.clone())
        .clock(clock.clone())
        .build()
        .unwrap();
    let mut run = Box::pin(engine.complete("Where is my order?"));
    assert!(run.as_mut().now_or_never().is_none());
    assert!(first.traces().is_empty(), "the run is not over");
    clock.advance(Duration::from_millis(25));
    drop(run);
    engine.flush();
    assert_eq!((waiting.calls().len(), waiting.cancelled()), (1, 1));
    assert_eq!(first.traces(), second.traces());
    let [trace] = <[_; 1]>::try_from(first.traces()).unwrap();
    assert_eq!((trace.outcome, trace.cost.estimated_charges(), trace.cost.unknown_charges()), (OutcomeKind::Failed, 1, 0));
    assert!(trace.cost.at_least() < trace.cost.total().unwrap(), "the provider may not have begun");
    assert_eq!(trace.steps.len(), 2);
    let cancelled = &trace.steps[1].calls[0].attempt;
    assert!(cancelled.error == Some(CallErrorKind::Cancelled) && matches!(cancelled.billing, Billing::Estimated(_)));
    assert_eq!((cancelled.latency, trace.latency), (Duration::from_millis(25), Duration::from_millis(25)));
}

#[test]
fn a_run_dropped_while_it_probes_tells_the_answer_and_the_probe() {
    let p_true: SignalSpec = serde_json::from_value(serde_json::json!({"p-true": {"surrogate": "large"}})).unwrap();
    let parts = sample::cascade(&[("small", 0.8), ("large", 0.0)]).unwrap();
    let mut tiers = parts.tiers().to_vec();
    let threshold = Threshold::accept_from(Score::new(0.5).unwrap());
    tiers[0].gate = Some(TierGate::new(p_true.build().unwrap(), threshold));
    let parts = Parts { name: "probing".into(), salt: "".into(), tiers, rules: Vec::new(), policy: *parts.policy() };
    let waiting = Arc::new(Scripted::always(sample::sure("True", 0.9)).behind(&Gate::new()));
    let seen = Seen::new();
    let engine = Engine::builder(Cascade::try_from(parts).unwrap())
        .provider("small", Arc::new(Scripted::always(sample::sure("yes", 0.9))))
        .provider("large", waiting.clone())
        .observer(seen.clone())
        .build()
        .unwrap();
    assert!(engine.complete("Where is my order?").now_or_never().is_none());
    assert_eq!(waiting.cancelled(), 1);
    engine.flush();
    let [trace] = <[_; 1]>::try_from(seen.traces()).unwrap();
    let calls: Vec<_> = trace.steps[0].calls.iter().map(|call| (&*call.tier, call.probe.is_some(), call.attempt.error)).collect();
    assert_eq!(calls, [("small", false, None), ("large", true, Some(CallErrorKind::Cancelled))]);
    assert_eq!(trace.steps.iter().map(|step| step.cost().at_least()).sum::<Money>(), trace.cost.at_least());
}

/// What a run that is told to stop says of itself is what it would have told had its future been dropped.
#[test]
fn a_run_that_is_stopped_comes_back_with_what_it_had_paid_for() {
    let of = |waiting: Arc<Scripted>, seen: Arc<Seen>, clock: Arc<ManualClock>| {
        let cascade = sample::cascade(&[("small", 0.8), ("large", 0.0)]).unwrap();
        let engine = Engine::builder(cascade).provider("small", Arc::new(Scripted::always(sample::sure("perhaps", 0.1))));
        engine.provider("large", waiting).observer(seen).clock(clock).build().unwrap()
    };
    let ask = || Ask::from("Where is my order?").with_id("1").at(std::time::UNIX_EPOCH);
    let waiting = || Arc::new(Scripted::always(sample::sure("yes", 0.9)).behind(&Gate::new()));
    let (called, seen, clock) = (waiting(), Seen::new(), Arc::new(ManualClock::default()));
    let engine = of(called.clone(), seen.clone(), clock.clone());
    let (stop, stopped) = futures_util::future::AbortHandle::new_pair();
    let stopped = futures_util::future::Abortable::new(std::future::pending::<()>(), stopped).map(drop);
    let mut run = Box::pin(engine.complete_until(ask(), stopped));
    assert!(run.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_millis(25));
    stop.abort();
    let answer = run.now_or_never().expect("nothing is waited for");
    assert_eq!((answer.error().map(|error| error.kind), called.cancelled()), (Some(CallErrorKind::Cancelled), 1));
    engine.flush();
    assert_eq!(seen.traces(), [(*answer.trace).clone()]);

    let (dropped, clock) = (Seen::new(), Arc::new(ManualClock::default()));
    let engine = of(waiting(), dropped.clone(), clock.clone());
    let mut run = Box::pin(engine.complete(ask()));
    assert!(run.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_millis(25));
    drop(run);
    engine.flush();
    assert_eq!(dropped.traces(), seen.traces());

    let answered = engine_that_answers().complete_until(ask(), std::future::ready(())).now_or_never().unwrap();
    assert_eq!(answered.text(), Some("yes"), "what came is kept");
}

fn engine_that_answers() -> Engine {
    let engine = Engine::builder(sample::cascade(&[("only", 0.0)]).unwrap());
    engine.provider("only", Arc::new(Scripted::always(sample::sure("yes", 0.9)))).build().unwrap()
}

#[tokio::test]
async fn a_run_that_ends_is_told_once() {
    let (seen, again) = (Seen::new(), Seen::new());
    let engine = Engine::builder(sample::cascade(&[("only", 0.0)]).unwrap())
        .provider("only", Arc::new(Scripted::always(sample::sure("yes", 0.9))))
        .observer(seen.clone())
        .observer(again.clone())
        .build()
        .unwrap();
    let answer = engine.complete("Where is my order?").await;
    engine.flush();
    assert_eq!(seen.traces(), again.traces());
    assert_eq!(again.traces(), [(*answer.trace).clone()]);
}

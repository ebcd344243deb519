//! Code of the user's that panics: whoever else takes part in the run does not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tierfall::{Clock, Engine};
use tierfall_core::cascade::{Model, Tier};
use tierfall_core::completion::Completion;
use tierfall_core::money::Price;
use tierfall_core::observer::{Ended, Observer};
use tierfall_core::provider::{Billing, CallError, CallErrorKind, Chunk, Provider, Reply};
use tierfall_core::request::Call;
use tierfall_core::trace::OutcomeKind;
use tierfall_testkit::{Scripted, Seen, sample};

/// Where a provider panics.
#[derive(Clone, Copy, Debug)]
enum Place {
    AtOnce,
    Waiting,
    Replying,
}

struct Broken(Place);

impl Provider for Broken {
    fn call<'a>(&'a self, _: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        assert!(!matches!(self.0, Place::AtOnce), "no connection pool");
        async {
            assert!(!matches!(self.0, Place::Waiting), "no connection pool");
            let first = stream::iter([Ok(Chunk::Whole(Arc::new(Completion::text("half"))))]);
            let chunks = first.chain(stream::once(async { panic!("no connection pool") })).boxed();
            Ok(Reply::new(chunks))
        }
        .boxed()
    }
}

/// Counts, and panics.
#[derive(Default)]
struct Loud(AtomicU32);

impl Observer for Loud {
    fn ended(&self, _: &Ended) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("the metrics are gone");
    }
}

/// Does not know what time it is.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Duration {
        panic!("the battery is flat")
    }
}

fn yes() -> Arc<Scripted> {
    Arc::new(Scripted::always(sample::sure("yes", 0.9)))
}

#[tokio::test]
async fn a_provider_that_panics_has_failed() {
    for place in [Place::AtOnce, Place::Waiting, Place::Replying] {
        let seen = Seen::new();
        let engine = Engine::builder(sample::cascade(&[("small", 0.8), ("large", 0.0)]).unwrap())
            .provider("small", Arc::new(Broken(place)))
            .provider("large", yes())
            .observer(seen.clone())
            .build()
            .unwrap();
        let answer = engine.complete("Where is my order?").await;
        engine.flush();
        let [trace] = <[_; 1]>::try_from(seen.traces()).unwrap();
        assert_eq!((answer.text(), trace.tier.as_deref()), (Some("yes"), Some("large")), "{place:?}");
        assert_eq!((trace.steps[0].decision.reason(), trace.steps[0].decision.detail()), ("failed", Some("panicked".into())));
        assert_eq!(trace.cost.unknown_charges(), 1, "{place:?}: what it had paid for, nobody knows");
    }
    let engine = Engine::builder(sample::cascade(&[("only", 0.0)]).unwrap());
    let engine = engine.provider("only", Arc::new(Broken(Place::Waiting))).build().unwrap();
    let answer = engine.complete("Where is my order?").await;
    let error = answer.error().unwrap();
    assert_eq!(
        (error.kind, error.to_string().as_str()),
        (CallErrorKind::Panicked, "the tier's provider panicked: no connection pool")
    );
}

#[tokio::test]
async fn a_sink_that_panics_keeps_nothing_from_the_others() {
    let (loud, before, after) = (Arc::new(Loud::default()), Seen::new(), Seen::new());
    let engine = Engine::builder(sample::cascade(&[("only", 0.0)]).unwrap()).provider("only", yes());
    let engine = engine.observer(before.clone()).observer(loud.clone()).observer(after.clone()).build().unwrap();
    for run in 1..=2 {
        let answer = engine.complete("Where is my order?").await;
        engine.flush();
        assert_eq!((answer.text(), loud.0.load(Ordering::SeqCst)), (Some("yes"), run));
        assert_eq!(before.traces().len(), run as usize);
        assert_eq!(before.traces(), after.traces());
    }
}

#[test]
fn a_dropped_run_survives_a_sink_that_panics() {
    let (loud, after) = (Arc::new(Loud::default()), Seen::new());
    let waiting = Arc::new(Scripted::always(sample::sure("yes", 0.9)).behind(&tierfall_testkit::Gate::new()));
    let engine = Engine::builder(sample::cascade(&[("only", 0.0)]).unwrap()).provider("only", waiting);
    let engine = engine.observer(loud.clone()).observer(after.clone()).build().unwrap();
    assert!(engine.complete("Where is my order?").now_or_never().is_none());
    engine.flush();
    assert_eq!((loud.0.load(Ordering::SeqCst), after.traces().len()), (1, 1));
}

/// Never answers, and its calls panic when they are dropped.
struct Clings;

struct Socket;

impl Drop for Socket {
    fn drop(&mut self) {
        panic!("the socket is gone")
    }
}

impl Provider for Clings {
    fn call<'a>(&'a self, _: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        async {
            let _socket = Socket;
            std::future::pending().await
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_as_it_is_dropped_reaches_nobody() {
    for limit in [Some(Duration::from_secs(1)), None] {
        let seen = Seen::new();
        let mut slow = Model::new("m").priced(Price::per_million("1", "2").unwrap());
        slow.timeouts.total = limit;
        let engine = Engine::named("clings")
            .tier(Tier::new("small", slow).gated(sample::gate(0.5)), Clings)
            .tier(Tier::new("large", Model::new("l")), yes())
            .observer(seen.clone())
            .build()
            .unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(5), engine.complete("Where is my order?")).await;
        assert_eq!(answer.ok().as_ref().and_then(|answer| answer.text()), limit.and(Some("yes")));
        engine.flush();
        let [trace] = <[_; 1]>::try_from(seen.traces()).unwrap();
        let attempt = &trace.steps[0].calls[0].attempt;
        assert_eq!(attempt.error, Some(limit.map_or(CallErrorKind::Cancelled, |_| CallErrorKind::Timeout)));
        assert!(matches!(attempt.billing, Billing::Estimated(_)), "{attempt:?}");
    }
}

/// Knows the time so often.
struct FlatSoon(AtomicU32);

impl Clock for FlatSoon {
    fn now(&self) -> Duration {
        assert!(self.0.fetch_sub(1, Ordering::SeqCst) > 0, "the battery is flat");
        Duration::ZERO
    }
}

#[tokio::test]
async fn a_call_under_way_is_booked_whatever_panics() {
    // The run ends by the panic, or its caller has gone away, whom the panic must not reach.
    for (times, waits) in [(1, false), (2, false), (2, true)] {
        let seen = Seen::new();
        let provider = Scripted::always(sample::sure("yes", 0.9));
        let provider = if waits { provider.behind(&tierfall_testkit::Gate::new()) } else { provider };
        let engine = Engine::builder(sample::cascade(&[("only", 0.0)]).unwrap()).provider("only", Arc::new(provider));
        let clock = Arc::new(FlatSoon(AtomicU32::new(times)));
        let engine = engine.observer(seen.clone()).clock(clock).build().unwrap();
        let answer = engine.complete("Where is my order?").now_or_never();
        assert_eq!(answer.is_none(), waits);
        assert!(answer.is_none_or(|answer| answer.error().unwrap().kind == CallErrorKind::Panicked));
        engine.flush();
        let [trace] = <[_; 1]>::try_from(seen.traces()).unwrap();
        assert_eq!((trace.outcome, trace.cost.unknown_charges()), (OutcomeKind::Failed, 1), "{times} {waits}");
        assert_eq!(trace.steps[0].calls[0].attempt.error, Some(CallErrorKind::Panicked));
    }
}

#[tokio::test]
async fn what_no_seam_catches_fails_its_own_run() {
    let seen = Seen::new();
    let engine = Engine::builder(sample::cascade(&[("only", 0.0)]).unwrap()).provider("only", yes());
    let engine = engine.observer(seen.clone()).clock(Arc::new(Stopped)).build().unwrap();
    let answer = engine.complete("Where is my order?").await;
    assert_eq!(answer.error().map(|error| error.kind), Some(CallErrorKind::Panicked));
    engine.flush();
    let [trace] = <[_; 1]>::try_from(seen.traces()).unwrap();
    assert_eq!(
        (trace.outcome, trace.error.as_deref()),
        (OutcomeKind::Failed, Some("code that the cascade runs panicked: the battery is flat"))
    );
}

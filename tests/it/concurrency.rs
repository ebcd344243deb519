//! A thousand runs at once: all end, the ledger is exact, and nothing goes on after the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{join_all, select};
use tierfall::{Ask, Asker, Engine};
use tierfall_core::money::Cost;
use tierfall_core::trace::OutcomeKind;
use tierfall_testkit::Seen;
use tierfall_workbench::Answers;

use crate::counting::{Books, Counting, Sums};

const RUNS: usize = 1000;

const CASCADE: &str = r#"
version = 1
name = "crowd"

[provider.sim.simulated]
seed = 11
[provider.sim.simulated.models.small]
ability = 0.3
latency = { first = "20ms", per-token = "1ms", jitter = 0.5 }
errors = { overloaded = 0.1, timeout = 0.05 }
[provider.sim.simulated.models.medium]
ability = 0.6
latency = { first = "50ms", per-token = "2ms", jitter = 0.5 }
errors = { rate-limited = 0.1, truncated = 0.05 }
[provider.sim.simulated.models.large]
ability = 2
latency = { first = "200ms", per-token = "5ms", jitter = 0.5 }
errors = { overloaded = 0.05 }

[[tier]]
name = "small"
model = "sim/small"
price = { input = "0.02", output = "0.04" }
gate = { signal = "mean-logprob", threshold = 0.8 }

[[tier]]
name = "medium"
model = "sim/medium"
price = { input = "0.10", output = "0.20" }
gate = { signal = "min-logprob", threshold = 0.5, require = ["non-empty"] }

[[tier]]
name = "large"
model = "sim/large"
price = { input = "0.50", output = "1.00" }
"#;

/// The prices of [`CASCADE`] in pico-dollars a token.
const PRICES: [(&str, (u128, u128)); 3] =
    [("small", (20_000, 40_000)), ("medium", (100_000, 200_000)), ("large", (500_000, 1_000_000))];

/// What all runs together cost, from their traces.
fn sums(seen: &Seen) -> Sums {
    let cost: Cost = seen.traces().iter().map(|trace| trace.cost).sum();
    Sums { known: cost.at_least().pico(), unknown: (cost.unknown_charges() + cost.estimated_charges()).into() }
}

fn crowd() -> (Engine, Arc<Books>, Arc<Seen>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("crowd.cascade.toml");
    fs_err::write(&path, CASCADE).unwrap();
    let simulated = Engine::load(&path).unwrap();
    let (books, seen) = (Arc::<Books>::default(), Seen::new());
    let mut builder = tierfall_workbench::open(&path, &Answers::Live, Asker::Anybody).unwrap().builder.observer(seen.clone());
    for ((name, price), inner) in PRICES.into_iter().zip(simulated.providers()) {
        let inner = inner.clone().unwrap();
        builder = builder.provider(name, Arc::new(Counting { inner, books: books.clone(), price }));
    }
    (builder.build().unwrap(), books, seen)
}

fn ask(n: usize) -> Ask {
    Ask::from(format!("Question {n}?")).with_id(format!("run-{n}"))
}

/// Every run has left exactly one trace.
fn all_told_once(engine: &Engine, seen: &Seen) {
    engine.flush();
    let mut ids: Vec<String> = seen.traces().iter().map(|trace| trace.request_id.as_str().to_owned()).collect();
    ids.sort();
    let mut expected: Vec<String> = (0..RUNS).map(|n| format!("run-{n}")).collect();
    expected.sort();
    assert_eq!(ids, expected);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_runs_end_and_their_costs_add_up() {
    let (engine, books, seen) = crowd();
    let answers = join_all((0..RUNS).map(|n| engine.complete(ask(n)))).await;
    assert_eq!(answers.len(), RUNS);
    all_told_once(&engine, &seen);
    assert_eq!(sums(&seen), books.sums());
    assert!(books.sums().known > 0 && books.sums().unknown > 0);
    let steps: usize = answers.iter().map(|answer| answer.trace.steps.len()).sum();
    let calls = books.calls.load(Ordering::SeqCst);
    assert_eq!(calls, steps);
    assert!(calls > RUNS && calls < 3 * RUNS, "{calls} calls: some runs escalate, and some do not");
    assert!(answers.iter().any(|answer| answer.trace.outcome == OutcomeKind::Answered));
    assert!(answers.iter().flat_map(|answer| &answer.trace.steps).any(|step| step.calls[0].attempt.error.is_some()));
    assert_eq!((books.in_flight.load(Ordering::SeqCst), books.dropped.load(Ordering::SeqCst)), (0, 0));
    drop(engine);
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(books.calls.load(Ordering::SeqCst), calls, "nothing is called after the end");
}

#[tokio::test(start_paused = true)]
async fn runs_that_are_dropped_are_told_once_with_a_charge_that_nobody_knows() {
    let (engine, books, seen) = crowd();
    let run = |n: usize| {
        let run = Box::pin(engine.complete(ask(n)));
        // The callers of every second run go away after 30 to 130 ms, if they must wait that long.
        let patience = if n.is_multiple_of(2) { 30 + (n as u64 % 100) } else { 3_600_000 };
        let leaves = Box::pin(tokio::time::sleep(Duration::from_millis(patience)));
        async move { drop(select(run, leaves).await) }
    };
    join_all((0..RUNS).map(run)).await;
    all_told_once(&engine, &seen);
    let dropped = books.dropped.load(Ordering::SeqCst);
    assert!((100..=RUNS / 2).contains(&dropped), "{dropped} were dropped in the middle");
    let traces = seen.traces();
    let cancelled = traces.iter().filter(|trace| trace.error.as_deref() == Some("the caller went away"));
    assert_eq!(cancelled.count(), dropped);
    let Sums { known, unknown } = books.sums();
    assert_eq!(sums(&seen), Sums { known, unknown: unknown + dropped as u64 });
    assert_eq!(books.in_flight.load(Ordering::SeqCst), 0);
}

//! More requests than there are places: they wait, and nobody pays a dearer tier for that.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tierfall::clock::Clock;
use tierfall::{Abstain, Answer, Engine, Evidence, NamedSignal, Needs, Reading, Signal};
use tierfall_core::cascade::{Answerer, Cascade, Model, OnAbstain, Parts, Policy, Tier};
use tierfall_core::completion::{Completion, Tokens};
use tierfall_core::gate::Gate;
use tierfall_core::money::{Money, Price};
use tierfall_core::number::{Score, Threshold};
use tierfall_core::observer::{Ended, Observer};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Chunk, Provider, Reply};
use tierfall_core::request::{Call, Purpose};
use tierfall_core::signal::table::SignalSpec;
use tierfall_core::trace::{OutcomeKind, Stopped, Trace};
use tierfall_providers::{FanOut, QueuePolicy, Queued, RetryPolicy, Retrying};
use tierfall_testkit::{Scripted, sample};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
/// What a call of the tier with places may take.
const TOTAL: Duration = Duration::from_millis(1500);

/// Answers a second later.
struct Slow(Completion);

impl Provider for Slow {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        async {
            tokio::time::sleep(SECOND).await;
            let probed = matches!(call.purpose, Purpose::Probe(_));
            let answer = if probed { verdict() } else { self.0.clone() };
            Ok(Reply::new(stream::iter([Ok(Chunk::Whole(Arc::new(answer)))]).boxed()))
        }
        .boxed()
    }
}

/// "True", rather than "False".
fn verdict() -> Completion {
    let mut tokens = Tokens::default();
    tokens.push("True", -0.01);
    tokens.push_alternative("True", -0.01);
    tokens.push_alternative("False", -4.6);
    Completion { tokens: Some(tokens), ..sample::sure("True", 0.99) }
}

fn cascade(gate: Gate, policy: Policy) -> Cascade {
    let parts = sample::cascade(&[("small", 0.8), ("large", 0.0)]).unwrap();
    let mut tiers = parts.tiers().to_vec();
    tiers[0].gate = Some(gate);
    let Answerer::Model(model) = &mut tiers[0].answerer else { unreachable!() };
    model.timeouts.total = Some(TOTAL);
    Cascade::try_from(Parts { name: "busy".into(), salt: "".into(), tiers, rules: Vec::new(), policy }).unwrap()
}

fn engine(cascade: Cascade, small: impl Provider + 'static) -> (Engine, Arc<Scripted>) {
    let large = Arc::new(Scripted::always(sample::sure("yes", 0.9)));
    let engine = Engine::builder(cascade).provider("small", Arc::new(small)).provider("large", large.clone());
    (engine.build().unwrap(), large)
}

fn places(n: usize) -> QueuePolicy {
    QueuePolicy::new(NonZeroUsize::new(n).unwrap())
}

fn spec(json: &str) -> Gate {
    let spec: SignalSpec = serde_json::from_str(json).unwrap();
    Gate::new(spec.build().unwrap(), Threshold::accept_from(Score::new(0.5).unwrap()))
}

async fn ask(engine: &Engine, n: usize, at_once: usize) -> Vec<Answer> {
    stream::iter((0..n).map(|n| engine.complete(format!("Where is order {n}?")))).buffer_unordered(at_once).collect().await
}

fn sure() -> Slow {
    Slow(sample::sure("yes", 0.9))
}

#[tokio::test(start_paused = true)]
async fn nobody_escalates_because_there_is_no_place_yet() {
    for gate in [sample::gate(0.8), spec(r#""p-true""#), spec(r#"{"agreement": {"samples": 3}}"#)] {
        let label = gate.label().into_owned();
        let small = FanOut::new(Queued::new(sure(), "p", places(32)));
        let (engine, large) = engine(cascade(gate, Policy::default()), small);
        let answers = ask(&engine, 512, 256).await;
        assert_eq!((answers.len(), large.calls().len()), (512, 0), "{label}");
        let traces: Vec<&Trace> = answers.iter().map(|answer| &*answer.trace).collect();
        assert!(traces.iter().all(|trace| trace.tier.as_deref() == Some("small")), "{label}");
        assert!(traces.iter().all(|trace| trace.steps[0].calls.iter().all(|call| call.attempt.latency < TOTAL)), "{label}");
        assert!(traces.iter().any(|trace| trace.queued > 5 * SECOND), "{label}: they did wait");
        assert!(traces.iter().all(|trace| trace.queued == trace.steps[0].queued), "{label}");
    }
}

#[tokio::test(start_paused = true)]
async fn whom_the_queue_turns_away_nobody_serves_instead() {
    for on_abstain in [OnAbstain::Escalate, OnAbstain::Accept] {
        for gate in [sample::gate(0.8), spec(r#""p-true""#), spec(r#"{"agreement": {"samples": 3}}"#)] {
            let label = gate.label().into_owned();
            let small = FanOut::new(Queued::new(sure(), "p", QueuePolicy { waiting: 3, ..places(2) }));
            let (engine, large) = engine(cascade(gate, Policy { on_abstain, ..Policy::default() }), small);
            let answers = ask(&engine, 40, 40).await;
            let (shed, served): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.error().is_some());
            assert!(!shed.is_empty() && large.calls().is_empty(), "{label}: {} of 40", served.len());
            for answer in shed {
                assert_eq!(answer.error().map(|error| error.kind), Some(CallErrorKind::QueueFull), "{label}");
                assert_eq!(
                    answer.trace.steps.last().and_then(|step| step.decision.detail()),
                    Some("queue-full".into()),
                    "{label}"
                );
                // Of samples that were dropped with the one turned away nobody knows what they came to.
                let unknown = answer.trace.cost.unknown_charges();
                assert!(
                    unknown == 0 || (label.starts_with("agreement") && unknown < 3),
                    "{label}: what was not called costs nothing"
                );
            }
            assert!(served.iter().all(|answer| answer.trace.tier.as_deref() == Some("small")), "{label}");
        }
    }
}

/// Records the last trace.
struct Kept(std::sync::Mutex<Vec<Trace>>);

impl Observer for Kept {
    fn ended(&self, Ended { trace, .. }: &Ended) {
        self.0.lock().unwrap().push((**trace).clone());
    }
}

/// Runs on tokio's clock.
#[derive(Debug)]
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_is_no_call() {
    let kept = Arc::new(Kept(std::sync::Mutex::default()));
    let small = Queued::new(Slow(sample::sure("yes", 0.9)), "p", places(1));
    let large = Arc::new(Scripted::always(sample::sure("yes", 0.9)));
    let engine = Engine::builder(cascade(sample::gate(0.8), Policy::default()));
    let engine = engine.provider("small", Arc::new(small)).provider("large", large).observer(kept.clone());
    let engine = engine.clock(Arc::new(Paused(Instant::now()))).build().unwrap();
    // One has its place, one gets it after a second, one never does.
    let _ = tokio::time::timeout(Duration::from_millis(1500), ask(&engine, 3, 3)).await;
    engine.flush();
    let mut traces = kept.0.lock().unwrap().clone();
    traces.sort_by_key(|trace| trace.queued);
    let near = |time: Duration, ms: u64| time.abs_diff(Duration::from_millis(ms)) < Duration::from_millis(50);
    let [served, called, waited] = &traces[..] else { panic!("{traces:?}") };
    assert!(served.outcome == OutcomeKind::Answered && near(served.latency, 1000));
    assert!(near(called.latency, 500) && near(called.queued, 1000) && called.cost.estimated_charges() == 1);
    assert!(near(waited.latency, 0) && near(waited.queued, 1500) && waited.cost.total() == Some(Money::ZERO), "{waited:?}");
}

/// A provider that samples by calls has one place; each call takes a second.
#[tokio::test(start_paused = true)]
async fn samples_have_the_tiers_time_each_and_one_share_of_the_deadline_together() {
    let sampling = || Gate::nominal_from(NamedSignal::new("five", Five), 0.5).unwrap();
    let engine = |total: Option<u64>, deadline: Option<u64>| {
        let mut model = Model::new("m");
        model.timeouts.total = total.map(Duration::from_millis);
        let deadline = deadline.map(Duration::from_millis);
        Engine::named("sampled")
            .tier(Tier::new("small", model).gated(sampling()), FanOut::new(Queued::new(sure(), "p", places(1))))
            .tier(Tier::new("large", Model::new("m")), Scripted::always(sample::sure("yes", 0.9)))
            .policy(Policy { deadline, ..Policy::default() })
            .build()
            .unwrap()
    };
    let patient = engine(Some(1500), None).complete("?").await;
    let times = (patient.trace.latency.as_secs(), patient.trace.queued.as_secs());
    assert_eq!((patient.trace.tier.as_deref(), times), (Some("small"), (1, 4)), "{:?}", patient.trace);
    let late = engine(Some(900), None).complete("?").await;
    let message = late.trace.steps[0].message.as_deref();
    assert_eq!(message, Some("the provider did not answer within the 900 ms that the tier has for each of 5 samples"));
    let hurried = engine(Some(1500), Some(4000)).complete("?").await;
    assert_eq!(hurried.trace.tier.as_deref(), Some("large"), "{:?}", hurried.trace);
    let message = hurried.trace.steps[0].message.as_deref();
    assert_eq!(message, Some("the provider did not answer within the 2000 ms that the request's deadline leaves this tier"));
}

/// Wants five samples, and is sure of them.
#[derive(Debug)]
struct Five;

impl Signal for Five {
    fn read(&self, _: Evidence<'_>) -> Reading {
        Score::new(0.9).ok_or(Abstain::NotANumber)
    }

    fn needs(&self) -> Needs {
        Needs { samples: 5, ..Needs::default() }
    }
}

/// Is busy at the first call, and has no answer to the second.
#[derive(Default)]
struct BusyOnce(AtomicBool);

impl Provider for BusyOnce {
    fn call<'a>(&'a self, _: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        if self.0.swap(true, Ordering::SeqCst) {
            return std::future::pending().boxed();
        }
        let kind = CallErrorKind::Overloaded;
        let attempt = Attempt::new(kind, Billing::Unknown, Duration::ZERO);
        std::future::ready(Err(CallError::new(kind, "busy").with_attempts(vec![attempt]))).boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_off_keeps_the_attempts_that_had_failed() {
    let ms = Duration::from_millis;
    for (limit, pause) in [(None, ms(3_600_000)), (None, ms(0)), (Some(ms(300)), ms(0))] {
        let kept = Arc::new(Kept(std::sync::Mutex::default()));
        let policy = RetryPolicy { base: pause, longest: pause, ..RetryPolicy::default() };
        let mut model = Model::new("m").priced(Price::per_million("1", "2").unwrap());
        model.timeouts.total = limit;
        let tiers = Engine::named("one").tier(Tier::new("only", model), Retrying::new(BusyOnce::default(), policy));
        let engine = tiers.observer(kept.clone()).clock(Arc::new(Paused(Instant::now()))).build().unwrap();
        let _ = tokio::time::timeout(ms(500), engine.complete("?")).await;
        engine.flush();
        let trace = kept.0.lock().unwrap()[0].clone();
        let calls = &trace.steps[0].calls;
        let errors: Vec<_> = calls.iter().filter_map(|call| call.attempt.error).collect();
        let last = limit.map_or(CallErrorKind::Cancelled, |_| CallErrorKind::Timeout);
        // In the pause nobody is asked.
        let cut = if pause.is_zero() { vec![last] } else { Vec::new() };
        assert_eq!(errors, [vec![CallErrorKind::Overloaded], cut.clone()].concat());
        assert_eq!((trace.cost.unknown_charges(), trace.cost.estimated_charges()), (0, 1 + u32::try_from(cut.len()).unwrap()));
        assert_eq!(calls.iter().map(|call| call.attempt.latency).sum::<Duration>(), trace.latency);
        assert!(trace.latency >= limit.unwrap_or(ms(500)), "{:?}", trace.latency);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_of_the_last_tier_ends_the_run_as_well() {
    let parts = sample::cascade(&[("small", 0.8), ("large", 0.0)]).unwrap();
    let unsure = Arc::new(Scripted::always(sample::sure("perhaps", 0.1)));
    let large = Queued::new(sure(), "p", QueuePolicy { waiting: 0, ..places(1) });
    let engine = Engine::builder(parts).provider("small", unsure).provider("large", Arc::new(large)).build().unwrap();
    let answers = ask(&engine, 2, 2).await;
    let outcomes: Vec<_> = answers.iter().map(|answer| answer.trace.outcome).collect();
    assert_eq!(outcomes, [OutcomeKind::Failed, OutcomeKind::Answered], "the first one served is the one turned away");
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_what_a_request_waits() {
    let policy = Policy { deadline: Some(Duration::from_millis(2500)), ..Policy::default() };
    let (engine, large) = engine(cascade(sample::gate(0.8), policy), Queued::new(sure(), "p", places(1)));
    let began = Instant::now();
    let answers = ask(&engine, 4, 4).await;
    // The third has half a second left when its place comes, which its provider does not mind.
    assert!(began.elapsed() < Duration::from_millis(3100));
    let (late, served): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.error().is_some());
    assert_eq!((late.len(), served.len(), large.calls().len()), (2, 2, 0));
    for answer in late {
        let error = answer.error().unwrap();
        assert_eq!((error.kind, answer.trace.stopped), (CallErrorKind::Deadline, Some(Stopped::Deadline)), "{error}");
        assert!(answer.trace.latency + answer.trace.queued >= Duration::from_millis(2400));
    }
}

//! Signals that ask for more: a judge at another tier, a rating in the answer, several samples, validators.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tierfall::timed::timed;
use tierfall::{Ask, Asker, Clock, Engine};
use tierfall_core::money::Money;
use tierfall_core::replay::replay;
use tierfall_core::request::{Request, UnixMillis};
use tierfall_core::trace::{OutcomeKind, Step};
use tierfall_workbench::Answers;

use crate::counting::{Books, Counting, Sums};

const CASCADE: &str = r#"
version = 1
name = "probing"

[provider.sim.simulated]
seed = 5
[provider.sim.simulated.models.judged]
ability = 0.4
logprobs = false
[provider.sim.simulated.models.rated]
ability = 0.6
[provider.sim.simulated.models.sampled]
ability = 0.7
[provider.sim.simulated.models.last]
ability = 3

[[tier]]
name = "judged"
model = "sim/judged"
price = { input = "0.01", output = "0.02" }
gate = { signal = { p-true = { surrogate = "sampled" } }, threshold = 0.9, require = ["non-empty", { regex = { pattern = "simulated" } }] }

[[tier]]
name = "rated"
model = "sim/rated"
price = { input = "0.10", output = "0.20" }
gate = { signal = { self-rated = { mode = "answer" } }, threshold = 0.95, require = ["finish"], observe = ["mean-logprob"] }

[[tier]]
name = "sampled"
model = "sim/sampled"
price = { input = "1", output = "2" }
params = { temperature = 1 }
gate = { signal = { agreement = { samples = 5, normalise = "number" } }, threshold = 0.9, require = ["not-refusal"] }

[[tier]]
name = "last"
model = "sim/last"
price = { input = "10", output = "20" }
"#;

/// The prices of [`CASCADE`] in pico-dollars a token.
const PRICES: [(&str, (u128, u128)); 4] = [
    ("judged", (10_000, 20_000)),
    ("rated", (100_000, 200_000)),
    ("sampled", (1_000_000, 2_000_000)),
    ("last", (10_000_000, 20_000_000)),
];

fn probing() -> (Engine, Arc<Books>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("probing.cascade.toml");
    fs_err::write(&path, CASCADE).unwrap();
    let simulated = Engine::load(&path).unwrap_or_else(|error| panic!("{error}"));
    let books = Arc::<Books>::default();
    let mut builder = tierfall_workbench::open(&path, &Answers::Live, Asker::Anybody).unwrap().builder;
    for ((name, price), inner) in PRICES.into_iter().zip(simulated.providers()) {
        let inner = inner.clone().unwrap();
        builder = builder.provider(name, Arc::new(Counting { inner, books: books.clone(), price }));
    }
    (builder.build().unwrap(), books)
}

fn calls(step: &Step) -> Vec<(&str, Option<&str>)> {
    step.calls.iter().map(|call| (&*call.tier, call.probe.as_deref())).collect()
}

#[tokio::test]
async fn every_way_of_asking_for_more_goes_through_the_engine() {
    let (engine, books) = probing();
    let mut served = std::collections::BTreeMap::<String, usize>::new();
    let (mut total, mut made) = (Money::ZERO, 0);
    for n in 0..200 {
        let answer = engine.complete(Ask::from(format!("Question {n}?")).with_id(format!("q{n}"))).await;
        let (text, trace) = (answer.text().unwrap().to_owned(), &answer.trace);
        assert_eq!(trace.outcome, OutcomeKind::Answered);
        assert!(text.starts_with("[simulated:") && !text.contains("Confidence"), "{text}");
        *served.entry(trace.tier.as_deref().unwrap().to_owned()).or_default() += 1;
        total += trace.cost.total().unwrap();
        made += trace.steps.iter().map(|step| step.calls.len()).sum::<usize>();

        let judged = &trace.steps[0];
        assert_eq!(calls(judged), [("judged", None), ("sampled", Some("p-true(surrogate=sampled)"))]);
        let probe = &judged.calls[1];
        let usage = match probe.attempt.billing {
            tierfall_core::provider::Billing::Metered(usage) => usage,
            other => panic!("{other:?}"),
        };
        let at_the_surrogates_price = u128::from(usage.input) * 1_000_000 + u128::from(usage.output) * 2_000_000;
        assert_eq!(probe.cost.total().unwrap().pico(), at_the_surrogates_price);
        assert!((0.0..=1.0).contains(&judged.gate_value.unwrap().get()));

        for step in &trace.steps[1..] {
            assert_eq!(calls(step), [(&*step.tier, None)]);
        }
        if let Some(rated) = trace.steps.get(1) {
            let labels: Vec<_> = rated.signals.iter().map(|(label, reading)| (&**label, reading.is_ok())).collect();
            assert_eq!(labels, [("finish", true), ("self-rated", true), ("mean-logprob", true)]);
        }
        if let Some(sampled) = trace.steps.get(2) {
            let share = 4.0 * sampled.gate_value.unwrap().get();
            assert!((share - share.round()).abs() < 1e-9, "one of five answers is served, four may agree");
        }
    }
    assert_eq!(served.keys().collect::<Vec<_>>(), ["judged", "last", "rated", "sampled"], "{served:?}");
    assert_eq!(books.sums(), Sums { known: total.pico(), unknown: 0 });
    assert_eq!(books.calls.load(Ordering::SeqCst), made);
}

/// Simulated answers take no time here.
struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn live_is_replay_with_probes_samples_ratings_and_validators() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("probing.cascade.toml");
    fs_err::write(&path, CASCADE).unwrap();
    let engine =
        tierfall_workbench::open(&path, &Answers::Live, Asker::Anybody).unwrap().builder.clock(Arc::new(Still)).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut lengths = BTreeSet::new();
    for id in 0..200 {
        let mut request = Request::new(format!("id-{id}"), format!("How long is order {id} on its way?"));
        // The engine would say when it was put.
        request.at = Some(UnixMillis(id));
        let live = runtime.block_on(engine.complete(request.clone()));
        // The same calls, made one by one for a fold that nobody drives.
        let (outcome, trace) = replay(engine.cascade(), request, |tier, call| {
            let provider = engine.providers()[tier.0].as_ref().unwrap();
            runtime.block_on(timed(provider.as_ref(), call, &Still))
        });
        assert_eq!(*live.trace, trace, "id-{id}");
        assert_eq!(live.text(), outcome.served().map(|served| served.answer.text.as_str()));
        lengths.insert(trace.steps.len());
    }
    assert_eq!(lengths, BTreeSet::from([1, 2, 3, 4]), "every tier should answer some of the questions");
}

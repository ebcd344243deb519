//! What the cascade itself costs: fold, signals and trace of one request, beside a memory copy of the same answer.
//!
//! `cargo bench -p tierfall-tests --bench overhead` prints times and ratios of one run; they mean little across runs.
//! `overhead CASE ITERATIONS` runs one case and prints nothing: `scripts/instructions.py` counts its instructions.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark may stop, reads the clock and prints"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tierfall::Engine;
use tierfall_core::cascade::{Answerer, Cascade, Model, Parts, Policy, Tier};
use tierfall_core::completion::{Completion, Usage};
use tierfall_core::gate::Gate;
use tierfall_core::number::Threshold;
use tierfall_core::provider::{CallError, Chunk, Provider, Reply};
use tierfall_core::replay::replay;
use tierfall_core::request::{Call, Request};
use tierfall_core::run::Took;
use tierfall_core::signal::NamedSignal;
use tierfall_core::signal::table::SignalSpec;
use tierfall_testkit::sample;

const TOKENS: usize = 300;
const TOP: u8 = 5;
const TIERS: usize = 3;

/// Gives the same shared answer to every call.
struct Fixed(Arc<Completion>);

impl Provider for Fixed {
    fn call<'a>(&'a self, _: &'a Call) -> std::pin::Pin<Box<dyn Future<Output = Result<Reply, CallError>> + Send + 'a>> {
        let answer = self.0.clone();
        let chunks = futures_util::stream::once(async move { Ok(Chunk::Whole(answer)) });
        Box::pin(async { Ok(Reply::new(Box::pin(chunks))) })
    }
}

fn signal(name: &str) -> NamedSignal {
    serde_json::from_value::<SignalSpec>(name.into()).unwrap().build().unwrap()
}

/// Three tiers; every gate has this threshold.
fn cascade(signals: &[&str], threshold: Threshold) -> Cascade {
    let tier = |place: usize| Tier {
        name: format!("t{place}").into(),
        answerer: Answerer::Model(Model::new("scripted")),
        gate: (place + 1 < TIERS).then(|| {
            let mut gate = Gate::new(signal(signals[0]), threshold);
            gate.observe = signals[1..].iter().map(|name| signal(name)).collect();
            gate
        }),
    };
    let tiers = (0..TIERS).map(tier).collect();
    Cascade::try_from(Parts { name: "bench".into(), salt: "".into(), tiers, rules: Vec::new(), policy: Policy::default() })
        .unwrap()
}

struct Case {
    name: &'static str,
    about: &'static str,
    run: Box<dyn FnMut()>,
}

fn cases() -> Vec<Case> {
    let mut answer = sample::answer(TOKENS, TOP);
    answer.usage = Some(Usage { input: 100, output: TOKENS as u64, ..Usage::default() });
    let answer = Arc::new(answer);
    let fold = |signals: &[&str], json: bool| {
        let (cascade, answer) = (cascade(signals, Threshold::DeferAll), answer.clone());
        // The answer's text would be written by anybody.
        let said = Completion::text("x");
        let request = Arc::new(Request::new("id", "Where is my order 10234?"));
        move || {
            let result = replay(&cascade, request.clone(), |_, _| (Ok(answer.clone()), Took::default()));
            if json {
                black_box(result.1.to_json(Some(&said)).unwrap());
            }
            black_box(result);
        }
    };
    let many = ["mean-logprob", "min-logprob", "sum-logprob", "margin", "entropy"];
    let copied = answer.clone();
    let complete = |threshold| {
        let fixed = Arc::new(Fixed(answer.clone()));
        let engine = (0..TIERS)
            .fold(Engine::builder(cascade(&many[..1], threshold)), |b, t| b.provider(format!("t{t}"), fixed.clone()))
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        move || {
            let request = Request::new("id", "Where is my order 10234?");
            black_box(runtime.block_on(engine.complete(request)));
        }
    };
    let case = |name, about, run| Case { name, about, run };
    vec![
        case(
            "copy",
            "memory copy of the answer",
            Box::new(move || drop(black_box(Completion::clone(&copied)))) as Box<dyn FnMut()>,
        ),
        case("fold", "3 tiers, one signal a gate", Box::new(fold(&many[..1], false))),
        case("fold-5", "3 tiers, five signals a gate", Box::new(fold(&many, false))),
        case("fold-json", "3 tiers, one signal, trace as JSON", Box::new(fold(&many[..1], true))),
        case("engine", "3 tiers through Engine::complete", Box::new(complete(Threshold::DeferAll))),
        case("accepted", "the first tier's answer, accepted", Box::new(complete(Threshold::accept_all()))),
    ]
}

/// The fastest of many short runs: the machine's noise only ever adds.
fn fastest(run: &mut dyn FnMut()) -> Duration {
    let time = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..100).for_each(|_| run());
        start.elapsed() / 100
    };
    (0..200).map(|_| time(run)).min().unwrap()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [name, iterations] = arguments.as_slice() {
        let mut case = cases().into_iter().find(|case| case.name == *name).unwrap();
        (0..iterations.parse::<u64>().unwrap()).for_each(|_| (case.run)());
        return;
    }
    let bytes = sample::answer(TOKENS, TOP).text.len();
    println!("an answer of {TOKENS} tokens, {TOP} alternatives each, {bytes} bytes of text; three tiers, so two gates read it\n");
    println!("{:<38} {:>12} {:>12} {:>10}", "", "a request", "a tier", "copies");
    let mut copy = None;
    for mut case in cases() {
        let time = fastest(&mut case.run);
        let unit = *copy.get_or_insert(time);
        let tiers = if matches!(case.name, "copy" | "accepted") { 1 } else { TIERS };
        let a_tier = time / u32::try_from(tiers).unwrap();
        let ratio = a_tier.as_secs_f64() / unit.as_secs_f64();
        println!(
            "{:<38} {:>9.2} µs {:>9.2} µs {:>9.1}×",
            case.about,
            time.as_secs_f64() * 1e6,
            a_tier.as_secs_f64() * 1e6,
            ratio
        );
    }
}

//! A run whose events are read as they happen, from servers that send what the test lets them.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tierfall::{
    Ask, Call, CallError, Chunk, Condition, Cost, Delta, Engine, Event, Events, Model, NamedSignal, Params, Policy, Provider,
    Reply, Request, Route, Rule, Threshold, Tier, provider_fn,
};
use tierfall_core::completion::{Completion, Finish};
use tierfall_core::money::{Money, Price};
use tierfall_core::provider::{Billing, CallErrorKind};
use tierfall_core::trace::OutcomeKind;
use tierfall_testkit::{Gate, Script, Scripted, Seen, Server, openai, sample};

/// Two tiers at two servers; `gate` is the first one's.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
async fn servers(gate: &str, small: Script, large: Script) -> (Engine, Server, Server, Arc<Seen>) {
    let (small, large) = (Server::start(small).await.unwrap(), Server::start(large).await.unwrap());
    let mut text = "version = 1\nname = \"streamed\"\n".to_owned();
    for (name, server) in [("cheap", &small), ("dear", &large)] {
        write!(text, "[provider.{name}.openai-chat]\nbase-url = \"{}/v1\"\nretries = 0\n", server.url()).unwrap();
    }
    write!(
        text,
        "[[tier]]\nname = \"small\"\nmodel = \"cheap/s\"\nprice = {{ input = \"1\", output = \"2\" }}\nparams = {{ max-tokens = 50 }}\n\
         gate = {{ {gate} }}\n[[tier]]\nname = \"large\"\nmodel = \"dear/l\"\nprice = {{ input = \"10\", output = \"20\" }}\n\
         params = {{ max-tokens = 50 }}\n"
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("streamed.cascade.toml");
    std::fs::write(&path, text).unwrap();
    let seen = Seen::new();
    let engine = Engine::open(&path).unwrap().observer(seen.clone()).build().unwrap();
    (engine, small, large, seen)
}

const MEAN: &str = "signal = \"mean-logprob\", threshold = 0.8";

fn sse(answer: &Completion) -> Script {
    openai::sse(answer).into_iter().fold(Script::sse(), Script::piece)
}

/// The answer token by token, each after the first behind its gate.
fn gated(answer: &Completion) -> (Script, Vec<Gate>) {
    let events = openai::sse(answer);
    // The role and the first token come at once.
    let gates: Vec<Gate> = events[2..].iter().map(|_| Gate::new()).collect();
    let begun = Script::sse().piece(events[0].clone()).piece(events[1].clone());
    (events[2..].iter().zip(&gates).fold(begun, |script, (event, gate)| script.wait(gate).piece(event.clone())), gates)
}

fn words(words: &[(&str, f64)]) -> Completion {
    sample::scored(words)
}

fn unsure() -> Completion {
    words(&[("per", -3.0), ("haps", -3.0), (" not", -3.0)])
}

/// The next event, in short: `small?`, a piece of text, `small:below-threshold`, `=answered`.
async fn next(events: &mut Events) -> Option<String> {
    let patience = Duration::from_secs(30);
    loop {
        let event = tokio::time::timeout(patience, events.next()).await.expect("nothing happened for half a minute")?;
        return Some(match event {
            Event::Began { tier, .. } => format!("{tier}?"),
            Event::Delta { delta, .. } if delta.text.is_empty() => continue,
            Event::Delta { delta, .. } => delta.text,
            Event::Decided(step) => format!("{}:{}", step.tier, step.decision.reason()),
            Event::Ended(answer) => format!("={}", answer.trace.outcome),
            _ => continue,
        });
    }
}

async fn all(mut events: Events) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(event) = next(&mut events).await {
        told.push(event);
    }
    told
}

#[expect(clippy::panic, reason = "a helper of tests")]
async fn until(events: &mut Events, what: &str) {
    while let Some(event) = next(events).await {
        if event == what {
            return;
        }
    }
    panic!("{what} did not come");
}

#[tokio::test]
async fn the_last_tiers_tokens_reach_the_caller_as_they_come() {
    let (script, gates) = gated(&words(&[("one", -0.1), (" two", -0.1), (" three", -0.1)]));
    let (engine, _small, _large, _) = servers(MEAN, sse(&unsure()), script).await;
    let mut events = engine.stream("Where is my order?");
    // Each token is here before the server may send the one after it.
    until(&mut events, "one").await;
    gates[0].open();
    assert_eq!(next(&mut events).await.as_deref(), Some(" two"));
    gates[1].open();
    assert_eq!(next(&mut events).await.as_deref(), Some(" three"));
    gates[2..].iter().for_each(Gate::open);
    assert_eq!(all(events).await, ["large:last-tier", "=answered"]);
}

#[tokio::test]
async fn what_a_gate_may_reject_is_kept_back_until_it_is_accepted() {
    let (script, gates) = gated(&words(&[("one", -0.1), (" two", -0.1)]));
    let (engine, _small, _large, _) = servers(MEAN, script, sse(&unsure())).await;
    let mut events = engine.stream("Where is my order?");
    assert_eq!(next(&mut events).await.as_deref(), Some("small?"));
    assert!(events.next().now_or_never().is_none());
    gates.iter().for_each(Gate::open);
    assert_eq!(all(events).await, ["small:above-threshold", "one", " two", "=answered"]);
}

#[tokio::test]
async fn a_draft_that_is_sure_to_be_deferred_is_closed_upstream_and_estimated() {
    let mut long = words(&[("no", -9.0)].repeat(50));
    long.usage = None;
    let (script, _gates) = gated(&long);
    let settles = "signal = { min-logprob = {} }, threshold = 0.8";
    let (engine, small, _large, seen) = servers(settles, script, sse(&words(&[("yes", -0.1)]))).await;
    let told = all(engine.stream("Where is my order?")).await;
    assert_eq!(told, ["small?", "small:below-threshold", "large?", "yes", "large:last-tier", "=answered"]);
    small.until_closed(1).await;
    engine.flush();
    let [trace] = <[_; 1]>::try_from(seen.traces()).unwrap();
    let Billing::Estimated(estimate) = trace.steps[0].calls[0].attempt.billing else { panic!("{trace:?}") };
    assert_eq!((estimate.output.least, estimate.output.most), (1, Some(50)));
    assert_eq!((trace.cost.estimated_charges(), trace.steps[1].cost().estimated_charges()), (1, 0));
}

/// The budget keeps the third tier from being asked, and the first one's draft is served: not what a filter withheld, though it is as long.
#[tokio::test]
async fn what_is_passed_on_is_what_is_served() {
    let withheld = Completion { finish: Finish::ContentFilter, ..sample::sure("payment", 0.9) };
    let scripted = [sample::sure("billing", 0.1), withheld, sample::sure("other", 0.9)].map(Scripted::always);
    let cascade = sample::cascade(&[("small", 0.8), ("medium", 0.8), ("large", 0.0)]).unwrap();
    let names = ["small", "medium", "large"];
    let builder = names
        .into_iter()
        .zip(scripted)
        .fold(Engine::builder(cascade), |builder, (tier, provider)| builder.provider(tier, Arc::new(provider)));
    let ask = Ask::from("Which queue?")
        .with_budget("0.0004".parse().unwrap())
        .with_params(Params { max_tokens: Some(2), ..Params::default() });
    let told = all(builder.build().unwrap().stream(ask)).await;
    assert_eq!(told, ["small?", "small:below-threshold", "medium?", "medium:filtered", "billing", "=answered"]);
}

#[tokio::test]
async fn a_gate_that_settles_early_commits_early() {
    let (script, gates) = gated(&words(&[("B", -0.01), (", since", -4.0), (" it is", -4.0)]));
    let first = "signal = { mean-logprob = { tokens = { first-n = 1 } } }, threshold = 0.8, on-truncated = \"accept\"";
    let (engine, _small, _large, _) = servers(first, script, sse(&unsure())).await;
    let mut events = engine.stream("A or B?");
    until(&mut events, "B").await;
    gates.iter().for_each(Gate::open);
    assert_eq!(all(events).await, [", since", " it is", "small:above-threshold", "=answered"]);
}

#[tokio::test]
async fn a_rating_that_comes_first_is_nothing_that_the_caller_sees() {
    let (script, gates) = gated(&words(&[("Confidence: 90\n", -4.0), ("Paris", -4.0), (" it is", -4.0)]));
    let first = "signal = { self-rated = { at = \"start\" } }, threshold = 0.8, on-truncated = \"accept\"";
    let (engine, _small, _large, _) = servers(first, script, sse(&unsure())).await;
    let mut events = engine.stream("Which one?");
    gates[0].open();
    until(&mut events, "Paris").await;
    gates.iter().for_each(Gate::open);
    assert_eq!(all(events).await, [" it is", "small:above-threshold", "=answered"]);
}

#[tokio::test]
async fn a_call_that_only_began_for_the_reader_was_not_made() {
    let (engine, small, _large, seen) = servers(MEAN, sse(&unsure()), sse(&unsure())).await;
    let mut events = engine.stream("Where is my order?");
    assert_eq!(next(&mut events).await.as_deref(), Some("small?"));
    drop(events);
    engine.flush();
    let [trace] = <[_; 1]>::try_from(seen.traces()).unwrap();
    assert_eq!((trace.outcome, trace.steps.len(), trace.cost), (OutcomeKind::Failed, 0, Cost::ZERO));
    assert_eq!(small.counts().requests, 0);
}

#[tokio::test]
async fn a_step_without_a_call_is_told_too() {
    #[derive(Debug)]
    struct Always;
    impl Condition for Always {
        fn holds(&self, _: &Request) -> bool {
            true
        }
    }
    let route = Route::Review("people alone answer".into());
    let engine = Engine::named("desk")
        .tier(Tier::new("small", Model::new("s")).gated(sample::gate(0.5)), Scripted::new())
        .review("person", None)
        .rule(Rule { name: "sensitive".into(), when: Arc::new(Always), route })
        .build()
        .unwrap();
    assert_eq!(all(engine.stream("?")).await, ["person:review", "=review"]);
}

/// Before a reply, in a draft that is kept back, in an answer that is passed on: whoever stops reading closes the connection.
#[tokio::test]
async fn dropping_the_stream_cancels_in_every_phase() {
    let begun = words(&[("one", -0.1), (" two", -0.1)]);
    for (small, large, phase) in [
        (Script::silent(), sse(&begun), "small?"),
        (gated(&begun).0, sse(&begun), "small?"),
        (sse(&unsure()), Script::silent(), "large?"),
        (sse(&unsure()), gated(&begun).0, "one"),
    ] {
        let (engine, cheap, dear, seen) = servers(MEAN, small, large).await;
        let mut events = engine.stream("Where is my order?");
        until(&mut events, phase).await;
        let server = if phase == "small?" { &cheap } else { &dear };
        while server.counts().requests == 0 {
            assert!(events.next().now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        drop(events);
        server.until_closed(1).await;
        engine.flush();
        let [trace] = <[_; 1]>::try_from(seen.traces()).unwrap();
        assert_eq!((trace.outcome, trace.cost.estimated_charges()), (OutcomeKind::Failed, 1), "{phase}");
        assert_eq!(trace.steps.last().unwrap().calls[0].attempt.error, Some(CallErrorKind::Cancelled));
    }
}

#[tokio::test]
async fn who_goes_away_when_a_call_is_only_announced_is_charged_nothing() {
    let (engine, cheap, _dear, seen) = servers(MEAN, sse(&unsure()), sse(&unsure())).await;
    let mut events = engine.stream("Where is my order?");
    assert_eq!(next(&mut events).await.as_deref(), Some("small?"));
    drop(events);
    engine.flush();
    let [trace] = <[_; 1]>::try_from(seen.traces()).unwrap();
    assert_eq!((trace.outcome, trace.cost.total(), trace.steps.len()), (OutcomeKind::Failed, Some(Money::ZERO), 0));
    assert_eq!((trace.cost.estimated_charges(), cheap.counts().requests), (0, 0));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_followed_by_no_other() {
    let events = openai::sse(&words(&[("one", -0.1), (" two", -0.1)]));
    let broken = events[..2].iter().fold(Script::sse(), |script, event| script.piece(event.clone())).cut();
    let (engine, _small, _large, _) = servers(MEAN, sse(&unsure()), broken).await;
    let told = all(engine.stream("Where is my order?")).await;
    assert_eq!(told[2..], ["large?", "one", "large:failed", "=failed"]);
    // Where nothing of it was seen yet, the draft is served, as a whole answer would be.
    let (engine, _small, _large, _) = servers(MEAN, sse(&unsure()), Script::sse().piece(events[0].clone()).cut()).await;
    let told = all(engine.stream("Where is my order?")).await;
    let after = told.iter().position(|event| event == "large:failed").unwrap();
    assert_eq!(told[after + 1..].concat(), "perhaps not=answered", "{told:?}");
}

/// Streams three bytes, whatever they are, and breaks off.
struct BreaksOff;

impl Provider for BreaksOff {
    fn call<'a>(&'a self, _: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        let piece = Chunk::Delta(Delta { text: "no!".to_owned(), ..Delta::default() });
        let broken = CallError::new(CallErrorKind::Truncated, "it broke off");
        Box::pin(async { Ok(Reply::new(Box::pin(stream::iter([Ok(piece), Err(broken)])))) })
    }
}

#[tokio::test]
async fn a_fallback_streams_the_answer_that_it_serves_and_no_other_of_its_length() {
    let gate = || tierfall::Gate::nominal_from(NamedSignal::built_in("not-refusal").unwrap(), 0.5).unwrap();
    let model = |name, each: &str| {
        Model::new(name).priced(price(each, each)).with_params(Params { max_tokens: Some(10), ..Params::default() })
    };
    let mut unsure = gate();
    unsure.threshold = Threshold::DeferAll;
    let engine = Engine::named("falls-back")
        .tier(Tier::new("small", model("s", "1")).gated(unsure), provider_fn(|_| async { Ok("yes") }))
        .tier(Tier::new("medium", model("m", "1")).gated(gate()), BreaksOff)
        .tier(Tier::new("large", model("l", "1000")), provider_fn(|_| async { Ok("never asked") }))
        .build()
        .unwrap();
    let told = all(engine.stream(Ask::from("Is it?").with_budget("0.01".parse().unwrap()))).await;
    assert_eq!(told[1..], ["small:below-threshold", "medium?", "medium:failed", "yes", "=answered"]);
}

/// What finished calls cost is what the provider charges; what a cut one costs lies in its interval.
#[tokio::test]
async fn finished_calls_are_charged_to_the_unit_and_cut_ones_in_their_interval() {
    let (price_small, price_large): (Price, Price) = (price("1", "2"), price("10", "20"));
    let last = words(&[("yes", -0.1), (" it is", -0.1)]);
    let (engine, _small, _large, seen) =
        servers("signal = { min-logprob = {} }, threshold = 0.8", gated(&words(&[("no", -9.0)].repeat(9))).0, sse(&last)).await;
    all(engine.stream("Where is my order?")).await;
    engine.flush();
    let [trace] = <[_; 1]>::try_from(seen.traces()).unwrap();
    let exact: Money = trace.steps[1].cost().total().unwrap();
    assert_eq!(exact, price_large.of(last.usage.unwrap()));
    // The server had counted ten tokens in, and generated between the one that arrived and all nine when it noticed.
    for output in 1..=9 {
        let charged = price_small.of(tierfall_core::completion::Usage { input: 10, output, ..Default::default() });
        let cut = trace.steps[0].cost();
        assert!(cut.at_least() <= charged && cut.at_most().unwrap() >= charged);
    }
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn price(input: &str, output: &str) -> Price {
    Price { input: input.parse().unwrap(), output: output.parse().unwrap(), cached_input: None, cached_write: None }
}

/// Ten pieces at once, and a reader who thinks for a second about each.
#[tokio::test(start_paused = true)]
async fn the_readers_time_is_no_providers_and_no_limit_counts_it() {
    let answer = words(&[(" word", -0.1)].repeat(10));
    let mut model = Model::new("m");
    model.timeouts.total = Some(Duration::from_millis(300));
    let policy = Policy { deadline: Some(Duration::from_millis(400)), ..Policy::default() };
    let provider = Scripted::always(answer.clone());
    let engine = Engine::named("slow").tier(Tier::new("only", model), provider).policy(policy).build().unwrap();
    let mut events = engine.stream("?");
    let mut ended = None;
    while let Some(event) = events.next().await {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Event::Ended(answer) = event {
            ended = Some(answer);
        }
    }
    let ended = ended.unwrap();
    assert_eq!(ended.text(), Some(answer.text.as_str()));
    assert!(ended.trace.latency < Duration::from_millis(50), "{:?}", ended.trace.latency);
}

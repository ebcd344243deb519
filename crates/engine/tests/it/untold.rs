//! Calls of which nobody told what they cost: each is an estimate, by the call, what had arrived, and who was asked.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tierfall::tierfall_wire::dialect::table;
use tierfall::{
    BaseUrl, Call, CallError, Chunk, Delta, Engine, HttpProvider, HttpSettings, Model, Params, Provider, Reply, Tier,
};
use tierfall_core::money::Price;
use tierfall_core::provider::{Attempt, Billing, CallErrorKind, Charges, Declares, Member};
use tierfall_core::trace::Trace;
use tierfall_testkit::{Gate, Script, Seen, Server, openai, sample};

/// One tier at this price, with at most 50 tokens an answer.
fn model(limit: Option<Duration>) -> Model {
    let params = Params { max_tokens: Some(50), ..Params::default() };
    let mut model = Model::new("m").priced(Price::per_million("1", "2").unwrap()).with_params(params);
    model.timeouts.total = limit;
    model
}

/// The trace of a run, whose caller may have gone away meanwhile.
fn told(seen: &Arc<Seen>, engine: &Engine) -> Trace {
    engine.flush();
    seen.traces().pop().unwrap()
}

#[tokio::test]
async fn what_breaks_over_http_is_estimated_by_what_had_arrived() {
    let begun = openai::sse(&sample::scored(&[("one", -0.1), (" two", -0.1)]));
    let half = || begun[..3].iter().fold(Script::sse(), |script, event| script.piece(event.clone()));
    let limit = Some(Duration::from_millis(100));
    for (script, streams, limit, kind, least) in [
        (Script::silent(), false, limit, CallErrorKind::Timeout, 0),
        (Script::silent(), true, limit, CallErrorKind::Timeout, 0),
        (half().wait(&Gate::new()), true, limit, CallErrorKind::Timeout, 2),
        (half().cut(), true, None, CallErrorKind::Truncated, 2),
        (Script::json("{\"choices\": [").length(100).cut(), false, None, CallErrorKind::Truncated, 0),
    ] {
        let server = Server::start(script).await.unwrap();
        let address = BaseUrl::parse(&format!("{}/v1", server.url())).unwrap();
        let settings = HttpSettings::new("local", table::by_name("openai-chat").unwrap(), address);
        let seen = Seen::new();
        let tier = Tier::new("only", model(limit));
        let engine =
            Engine::named("http").tier(tier, HttpProvider::new(settings).unwrap()).observer(seen.clone()).build().unwrap();
        if streams {
            engine.stream("Is it?").for_each(|_| std::future::ready(())).await;
        } else {
            engine.complete("Is it?").await;
        }
        let trace = told(&seen, &engine);
        let attempt = &trace.steps[0].calls[0].attempt;
        let Billing::Estimated(estimate) = attempt.billing else { panic!("{attempt:?}") };
        assert_eq!((attempt.error, estimate.output.least, estimate.output.most), (Some(kind), least, Some(50)));
        let json = trace.to_json(None).unwrap();
        assert!(
            json["cost_usd"].is_number() && json["cost_at_most_usd"].is_number() && json["cost_basis"] == "estimated",
            "{json}"
        );
    }
}

#[tokio::test]
async fn an_attempt_that_broke_before_the_answer_is_estimated_too() {
    let answer = openai::chat(&sample::sure("yes", 0.9)).to_string();
    let server = Server::start(Script::json(answer)).await.unwrap();
    server.push(Script::hang_up());
    let address = BaseUrl::parse(&format!("{}/v1", server.url())).unwrap();
    let settings = HttpSettings::new("local", table::by_name("openai-chat").unwrap(), address);
    let seen = Seen::new();
    let tier = Tier::new("only", model(None));
    let engine =
        Engine::named("http").tier(tier, HttpProvider::layered(settings).unwrap()).observer(seen.clone()).build().unwrap();
    assert_eq!(engine.complete("Is it?").await.text(), Some("yes"));
    let trace = told(&seen, &engine);
    assert_eq!((trace.cost.estimated_charges(), trace.cost.unknown_charges()), (1, 0));
}

/// Several behind one tier: one of them answers, and begins or never does.
struct Several {
    begins: bool,
    declared: Vec<Member>,
}

impl Provider for Several {
    fn call<'a>(&'a self, _: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        async {
            if !self.begins {
                return std::future::pending().await;
            }
            let piece = Ok(Chunk::Delta(Delta { text: "four".to_owned(), ..Delta::default() }));
            let chunks = stream::iter([piece]).chain(stream::pending()).boxed();
            Ok(Reply { member: Some(dear()), ..Reply::new(chunks) })
        }
        .boxed()
    }

    fn declares(&self, _: &str) -> Declares {
        let mut declares = Declares::default();
        declares.members.clone_from(&self.declared);
        declares
    }
}

fn dear() -> Member {
    Member { name: "dear".into(), charges: Charges::Own(Price::per_million("100", "200").unwrap()) }
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_off_is_charged_by_who_was_asked() {
    let cheap = || Member { name: "cheap".into(), charges: Charges::AsTheTier };
    for limit in [Some(Duration::from_secs(1)), None] {
        for (begins, declared, name) in [
            (true, vec![], Some("dear")),
            (true, vec![cheap(), dear()], Some("dear")),
            (false, vec![dear()], Some("dear")),
            (false, vec![cheap(), dear()], Some("cheap, dear")),
            (false, vec![], None),
        ] {
            let (seen, known) = (Seen::new(), declared.len() < 2 || begins);
            let several = Several { begins, declared };
            let engine =
                Engine::named("several").tier(Tier::new("only", model(limit)), several).observer(seen.clone()).build().unwrap();
            let _ = tokio::time::timeout(Duration::from_secs(5), engine.complete("Is it?")).await;
            let trace = told(&seen, &engine);
            let call = &trace.steps[0].calls[0];
            assert_eq!(call.attempt.member.as_ref().map(|member| &*member.name), name);
            let priced = Attempt::new(None, call.attempt.billing, Duration::ZERO);
            let expected = priced.by(name.map(|_| dear())).cost(Some(Price::per_million("1", "2").unwrap()));
            assert_eq!((trace.cost == expected, trace.cost.unknown_charges()), (known, u32::from(!known)), "{begins} {name:?}");
        }
    }
}

//! The engine, fed by providers, and the fold, fed from memory, make the same decisions and the same trace.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use proptest::prelude::*;
use tierfall::{Clock, Engine, Event};
use tierfall_core::cascade::{Cascade, Parts, Policy};
use tierfall_core::completion::{Completion, Finish, Usage};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Chunk, Provider, Reply};
use tierfall_core::replay::replay;
use tierfall_core::request::{Call, Request, UnixMillis};
use tierfall_core::run::Took;
use tierfall_testkit::sample;

/// What a tier answers, and how its answer travels.
#[derive(Clone, Debug)]
struct Scripted {
    result: Result<Completion, CallErrorKind>,
    latency: Duration,
    retries: Vec<Attempt>,
    in_pieces: bool,
}

impl Scripted {
    fn error(&self, kind: CallErrorKind) -> CallError {
        let last = Attempt::new(kind, Billing::Free, self.latency);
        CallError::new(kind, "scripted").with_attempts(self.retries.iter().cloned().chain([last]).collect())
    }
}

impl Provider for Scripted {
    fn call<'a>(&'a self, _: &'a Call) -> std::pin::Pin<Box<dyn Future<Output = Result<Reply, CallError>> + Send + 'a>> {
        Box::pin(async move {
            let answer = self.result.clone().map_err(|kind| self.error(kind))?;
            let chunks: Vec<_> = if self.in_pieces {
                sample::deltas(&answer).into_iter().map(|delta| Ok(Chunk::Delta(delta))).collect()
            } else {
                vec![Ok(Chunk::Whole(Arc::new(answer)))]
            };
            let chunks = Box::pin(futures_util::stream::iter(chunks));
            Ok(Reply { failed: self.retries.clone(), recorded: Some(self.latency), ..Reply::new(chunks) })
        })
    }
}

/// Latencies are scripted; this clock only has to stand still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

fn scripted() -> impl Strategy<Value = Scripted> {
    let certainty = (0u8..=10).prop_map(|tenths| f64::from(tenths) / 10.0);
    let finish = prop_oneof![
        6 => Just(Finish::Stop), 1 => Just(Finish::Length), 1 => Just(Finish::ContentFilter), 1 => Just(Finish::Other("odd".into()))
    ];
    let text = prop_oneof![8 => Just("yes"), 1 => Just(""), 1 => Just(" \n")];
    let usage = prop_oneof![4 => Just(Some(Usage { input: 12, output: 3, ..Usage::default() })), 1 => Just(None)];
    let answer = (certainty, text, finish, usage, any::<bool>()).prop_map(|(certainty, text, finish, usage, logprobs)| {
        let mut answer = if logprobs { sample::sure(text, certainty.max(0.01)) } else { Completion::text(text) };
        (answer.finish, answer.usage) = (finish, usage);
        Ok(answer)
    });
    let error = prop_oneof![Just(CallErrorKind::Timeout), Just(CallErrorKind::Auth), Just(CallErrorKind::Overloaded)];
    let result = prop_oneof![6 => answer, 1 => error.prop_map(Err)];
    let retry = Attempt::new(CallErrorKind::RateLimited, Billing::Free, Duration::from_millis(3));
    (result, 0u64..50, 0usize..3, any::<bool>()).prop_map(move |(result, latency, retries, in_pieces)| Scripted {
        result,
        latency: Duration::from_millis(latency),
        retries: vec![retry.clone(); retries],
        in_pieces,
    })
}

fn chain(thresholds: &[f64], deadline: Option<u64>) -> Cascade {
    let names = ["a", "b", "c", "d"];
    let tiers: Vec<(&str, f64)> = names.into_iter().zip(thresholds.iter().copied()).collect();
    let cascade = sample::cascade(&tiers).unwrap();
    let policy = Policy { deadline: deadline.map(Duration::from_millis), ..*cascade.policy() };
    Cascade::try_from(Parts {
        name: cascade.name().clone(),
        salt: cascade.salt().into(),
        tiers: cascade.tiers().to_vec(),
        rules: Vec::new(),
        policy,
    })
    .unwrap()
}

proptest! {
    #[test]
    fn live_is_replay(
        script in proptest::collection::vec(scripted(), 4),
        thresholds in proptest::collection::vec(0.0..1.0f64, 4),
        deadline in prop_oneof![Just(None), (1u64..100).prop_map(Some)],
        id in "[a-z]{1,8}",
    ) {
        let cascade = chain(&thresholds, deadline);
        // The engine would say when it was put.
        let mut request = Request::new(id.as_str(), "Where is my order?");
        request.at = Some(UnixMillis(7));
        let from_memory = replay(&cascade, request.clone(), |tier, _| {
            let Scripted { result, latency, retries, .. } = &script[tier.0];
            match result {
                Ok(answer) => (Ok(Arc::new(answer.clone())), Took { latency: *latency, failed: retries.clone(), ..Took::default() }),
                Err(kind) => (Err(script[tier.0].error(*kind)), Took::default()),
            }
        });
        let names: Vec<String> = cascade.tiers().iter().map(|tier| tier.name.to_string()).collect();
        let builder = Engine::builder(cascade).clock(Arc::new(Still));
        let providers = names.into_iter().zip(script);
        let engine = providers.fold(builder, |b, (name, script)| b.provider(name, Arc::new(script))).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let live = runtime.block_on(engine.complete(request.clone()));
        prop_assert_eq!(&*live.trace, &from_memory.1);
        let texts = |outcome: &tierfall_core::run::Outcome| outcome.served().or(outcome.attached()).map(|best| (best.tier, best.answer.text.clone()));
        prop_assert_eq!(texts(&live.outcome), texts(&from_memory.0));
        // The same as a stream: what reaches the caller is the answer that is served, and nothing else.
        let (mut said, mut ended) = (String::new(), None);
        runtime.block_on(engine.stream(request).for_each(|event| {
            match event {
                Event::Delta { delta, .. } => said += &delta.text,
                Event::Ended(answer) => ended = Some(answer),
                _ => {}
            }
            std::future::ready(())
        }));
        let streamed = ended.unwrap();
        if streamed.error().is_some() && !said.is_empty() {
            // What was said cannot be taken back: no earlier tier's answer takes the place of one that came too late.
            prop_assert_eq!(&streamed.trace.steps, &from_memory.1.steps);
        } else {
            prop_assert_eq!(&*streamed.trace, &from_memory.1);
            prop_assert_eq!(texts(&streamed.outcome), texts(&from_memory.0));
            prop_assert_eq!(said, streamed.text().unwrap_or_default());
        }
    }
}

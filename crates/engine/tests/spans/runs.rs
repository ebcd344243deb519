//! The spans of runs.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tierfall::{Ask, Engine};
use tierfall_core::provider::{CallError, CallErrorKind};
use tierfall_testkit::{Gate, Scripted, sample};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const QUESTION: &str = "what-was-asked";
const ANSWER: &str = "what-was-answered";

type Fields = BTreeMap<&'static str, String>;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(&'static str, Fields)>>>);

struct Reader<'a>(&'a mut Fields);

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::new();
        span.record(&mut Reader(&mut fields));
        let mut log = self.0.lock().unwrap();
        log.push((span.metadata().name(), fields));
        Id::from_u64(log.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let at = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Reader(&mut self.0.lock().unwrap()[at].1));
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Reader(&mut fields));
        self.0.lock().unwrap().push(("event", fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Log {
    fn named(&self, wanted: &str) -> Vec<Fields> {
        let log = self.0.lock().unwrap();
        log.iter().filter(|(name, _)| *name == wanted).map(|(_, fields)| fields.clone()).collect()
    }
}

fn fields<const N: usize>(all: [(&'static str, &str); N]) -> Fields {
    all.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

/// Fails at its first tier and asks the second, which `gate` may hold up.
fn engine(gate: Option<&Gate>) -> Engine {
    let large = Scripted::always(sample::sure(ANSWER, 0.9));
    let large = if let Some(gate) = gate { large.behind(gate) } else { large };
    Engine::builder(sample::cascade(&[("small", 0.8), ("large", 0.0)]).unwrap())
        .provider("small", Arc::new(Scripted::always_fails(CallError::new(CallErrorKind::Overloaded, "busy"))))
        .provider("large", Arc::new(large))
        .build()
        .unwrap()
}

#[test]
fn a_run_and_its_tiers_are_spans_and_no_text_is_in_them() {
    let log = Log::default();
    let answer = tracing::subscriber::with_default(log.clone(), || {
        engine(None).complete(Ask::from(QUESTION).with_id("r1")).now_or_never().unwrap()
    });
    assert_eq!(answer.text(), Some(ANSWER));
    let [run] = <[_; 1]>::try_from(log.named("run")).unwrap();
    // What the failed call cost is unknown, and so is the sum.
    assert_eq!(run, fields([("cascade", "sample"), ("outcome", "answered"), ("request_id", "r1"), ("tier", "large")]));
    let tiers = log.named("tier");
    let call = [("gen_ai.operation.name", "chat"), ("otel.kind", "client"), ("probe", "false")];
    let small = [("tier", "small"), ("otel.name", "chat small"), ("gen_ai.request.model", "small"), ("error.type", "overloaded")];
    let large = [
        ("tier", "large"),
        ("otel.name", "chat large"),
        ("gen_ai.request.model", "large"),
        ("gen_ai.response.finish_reasons", r#"["stop"]"#),
        ("gen_ai.usage.input_tokens", "10"),
        ("gen_ai.usage.output_tokens", "1"),
    ];
    let with = |own: &[(&'static str, &str)], decision, reason| {
        let decided = [("decision", decision), ("reason", reason)];
        call.iter().chain(own).chain(&decided).map(|(name, value)| (*name, (*value).to_owned())).collect::<Fields>()
    };
    assert_eq!(tiers, [with(&small, "defer", "failed"), with(&large, "accept", "last-tier")]);
    assert_eq!(log.named("event"), [fields([("kind", "overloaded"), ("message", "busy"), ("tier", "small")])]);
    let all = format!("{:?}", log.0.lock().unwrap());
    assert!(!all.contains(QUESTION) && !all.contains(ANSWER), "{all}");
}

#[test]
fn a_dropped_run_closes_its_span_with_an_outcome() {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        assert!(engine(Some(&Gate::new())).complete(Ask::from(QUESTION).with_id("r1")).now_or_never().is_none());
    });
    // What the failed call cost is unknown: the sum is no estimate.
    let run = &log.named("run")[0];
    assert_eq!((run["outcome"].as_str(), run.get("cost_basis")), ("failed", None));
    let tiers = log.named("tier");
    assert_eq!((tiers[1]["error.type"].as_str(), tiers[1]["decision"].as_str()), ("cancelled", "defer"));
}

//! Simulated models, recordings, and what writes traces keep what the testkit says that providers and observers owe.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tierfall::tierfall_core::provider::Provider;
use tierfall::tierfall_core::request::{Call, Prompt};
use tierfall::{JsonlSink, bindings, config, sources};
use tierfall_providers::collect;
use tierfall_testkit::conformance::{self, Nothing};
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::record::{RecordEvent, RecordOptions};
use tierfall_workbench::fixture::replay::Recordings;
use tierfall_workbench::record;
use tierfall_workbench::traffic::{Capture, Sampling};

use crate::load::folder;

/// The calls that a tier is put for a set's examples.
fn calls(set: &FixtureSet, model: &str) -> Vec<Call> {
    let call = |request: tierfall::Request| {
        let id = request.id.clone();
        let prompt = Prompt::Request { preamble: Arc::new([]), request: Arc::new(request), addendum: None };
        Call { logprobs: Some(0), ..Call::new(id, model, prompt) }
    };
    set.examples().iter().map(|example| call(example.request())).collect()
}

/// What a provider says when it is asked alone has to be what it says in every other way.
async fn keeps_what_it_owes(provider: &dyn Provider, calls: Vec<Call>) {
    let mut says = Vec::new();
    for call in calls {
        let (_, answer) = collect(&call, provider.call(&call).await.unwrap(), || Duration::ZERO).await;
        says.push((call, answer.unwrap().text.clone()));
    }
    let calls: Vec<(Call, &str)> = says.iter().map(|(call, text)| (call.clone(), text.as_str())).collect();
    if let Err(broken) = conformance::provider(provider, &calls, &Nothing).await {
        panic!("{broken}");
    }
}

#[tokio::test]
async fn simulated_models_and_recordings_of_them() {
    let (dir, cascade) = folder();
    let places = dir.path().join("fixtures/places");
    let quiet = |_: RecordEvent<'_>| ();
    let all = RecordOptions::default();
    record(&cascade, places.to_str().unwrap(), &all, &quiet, std::future::pending()).await.unwrap();
    let (loaded, set) = (config::load(&cascade).unwrap(), FixtureSet::load(&places).unwrap());
    let recordings = Arc::new(Recordings::load(set.dir(), &bindings(&loaded)).unwrap().with_questions_of(&set));
    for (tier, source) in sources(&loaded).unwrap() {
        keeps_what_it_owes(&source.provider, calls(&set, &tier)).await;
        keeps_what_it_owes(&recordings.provider(tier.clone()), calls(&set, &tier)).await;
    }
}

/// How many lines a file has.
fn lines(path: &Path) -> usize {
    fs_err::read_to_string(path).unwrap().lines().count()
}

#[test]
fn traces_without_content_and_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (bare, full) = (dir.path().join("bare.jsonl"), dir.path().join("full.jsonl"));
    let sink = Arc::new(JsonlSink::open(&bare).unwrap());
    conformance::observer(&sink, || lines(&bare)).unwrap_or_else(|broken| panic!("{broken}"));
    let capture = Arc::new(Capture::open(&full, Sampling::ALL, &[]).unwrap());
    conformance::observer(&capture, || lines(&full)).unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!((sink.lost(), capture.lost()), (0, 0));
    for path in [bare, full] {
        for line in fs_err::read_to_string(path).unwrap().lines() {
            serde_json::from_str::<serde::de::IgnoredAny>(line).unwrap();
        }
    }
}

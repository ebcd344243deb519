//! Files with a number that nobody should write, wherever one stands: they are refused or read, and what was read can be
//! used without a panic.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tierfall::config;
use tierfall_core::completion::Usage;
use tierfall_core::plan::Plan;
use tierfall_core::replay::replay;
use tierfall_core::request::{Request, Timeouts};
use tierfall_testkit::numbers::{ABSURD, exchanged, places};
use tierfall_testkit::sample;
use tierfall_workbench::fixture::recording::Record;
use tierfall_workbench::observations::{ReadOptions, read};
use tierfall_workbench::regress::Baseline;

const RECORD: &str = r#"{"id":"q","text":"a b","finish":"stop","logprobs":[["a",-0.1,[["a",-0.1],["c",-2.3]]],["b",-0.5,[]]],"usage":{"input":11,"output":2,"cached_input":3,"reasoning":1},"latency_ms":120.5,"probes":{"p":{"text":"True","usage":{"input":7,"output":1},"latency_ms":3}}}"#;
const FAILURE: &str =
    r#"{"id":"q","error":{"kind":"timeout","message":"late"},"usage":{"input":11,"output":2},"latency_ms":120.5}"#;
const OBSERVATIONS: &str = r#"{"id":"1","weight":1,"tiers":{"small":{"correct":1,"confidence":{"s":-0.2},"cost_usd":0.001,"latency_ms":80,"input_tokens":10,"output_tokens":5},"large":{"correct":1,"cost_usd":0.01,"latency_ms":900}}}
{"id":"2","weight":1,"tiers":{"small":{"correct":0,"confidence":{"s":-1.5},"cost_usd":0.001,"latency_ms":80,"input_tokens":10,"output_tokens":5},"large":{"correct":1,"cost_usd":0.01,"latency_ms":900}}}
"#;
const CASCADE: &str = r#"version = 1
name = "desk"
[provider.local.openai-chat]
base-url = "http://127.0.0.1:8000/v1"
max-concurrency = 32
max-queue = 100
retries = 2
max-body-mib = 16
[provider.sim.simulated]
seed = 7
models.m = { ability = 0.4, slope = 10, min-tokens = 3, max-tokens = 40, latency = { jitter = 0.1 } }
[[tier]]
name = "small"
model = "local/small"
price = { input = 0.1, output = 0.4, cached-input = 0.01 }
context-window = 4096
params = { temperature = 0.5, top-p = 0.9, max-tokens = 100, seed = 3 }
gate = { signal = { quantile-logprob = { alpha = 0.2 } }, threshold = 0.8 }
[[tier]]
name = "large"
model = "sim/m"
price = { input = 2, output = 8 }
params = { max-tokens = 500 }
[policy]
budget = 0.05
[[expect]]
fixtures = "support"
accuracy-at-least = 0.8
latency-p95-ms-at-most = 2000
"#;

/// A text with one to three of its numbers exchanged.
fn odd(text: &'static str) -> impl Strategy<Value = String> {
    let number = prop_oneof![
        2 => proptest::sample::select(ABSURD.as_slice()).prop_map(str::to_owned),
        1 => any::<u64>().prop_map(|n| n.to_string()),
        1 => any::<f64>().prop_filter("no text has another", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
    ];
    proptest::collection::vec((any::<prop::sample::Index>(), number), 1..4).prop_map(move |changes| {
        let mut text = text.to_owned();
        for (index, number) in changes {
            text = exchanged(&text, index.get(&places(&text)), &number);
        }
        text
    })
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The committed baseline, its first examples alone.
fn baseline() -> &'static str {
    static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let text = fs_err::read_to_string(repository("cascades/support.baseline.json")).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["entries"][0]["items"].as_array_mut().unwrap().truncate(3);
        serde_json::to_string_pretty(&value).unwrap()
    });
    &TEXT
}

proptest! {
    #[test]
    fn in_a_recording(line in prop_oneof![odd(RECORD), odd(FAILURE)], id in "[a-z]{1,3}") {
        let Ok(record) = serde_json::from_str::<Record>(&line) else { return Ok(()) };
        let cascade = sample::cascade(&[("small", 0.8), ("large", 0.0)]).unwrap();
        let (_, trace) = replay(&cascade, Request::new(&*id, "?"), |_, _| record.answer.result());
        for step in &trace.steps {
            let told = step.calls.iter().filter_map(|call| call.attempt.billing.usage());
            prop_assert!(told.clone().all(|usage| usage.input < Usage::ABSURD && usage.output < Usage::ABSURD));
            let unknown = step.cost().unknown_charges() as usize;
            prop_assert_eq!(unknown + told.count(), step.calls.len(), "{}", line);
        }
        serde_json::to_string(&trace).unwrap();
    }

    #[test]
    fn in_a_cascade(text in odd(CASCADE)) {
        let none = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let Ok(loaded) = config::parse_unfitted(&text, Path::new("desk.cascade.toml"), &none) else { return Ok(()) };
        let request = Request::new("1", "Where is my order?");
        let plan = Plan::new(&loaded.cascade, request.clone());
        prop_assert!(plan.tiers.len() <= 2);
        replay(&loaded.cascade, request, |_, call| {
            // None is declared: what is left is the usual one.
            assert!(call.timeouts.total.is_none() || call.timeouts.total == Timeouts::FAILING_OVER.total);
            (Ok(sample::sure("yes", 0.1).into()), tierfall_core::run::Took::default())
        });
    }

    #[test]
    fn in_a_baseline(text in odd(baseline())) {
        if let Ok(read) = Baseline::parse(text.as_bytes(), Path::new("a.baseline.json")) {
            let written = read.render();
            prop_assert_eq!(Baseline::parse(written.as_bytes(), Path::new("a.baseline.json")).unwrap().render(), written);
        }
    }

    #[test]
    fn in_observations(text in odd(OBSERVATIONS)) {
        let file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
        fs_err::write(file.path(), &text).unwrap();
        if let Ok(out) = read(&[file.path()], &ReadOptions::new(["small", "large"]), &()) {
            prop_assert_eq!(out.summary.used, out.observations.len() as u64, "{}", text);
        }
    }
}

#[test]
fn the_texts_are_good_as_they_stand() {
    serde_json::from_str::<Record>(RECORD).unwrap();
    serde_json::from_str::<Record>(FAILURE).unwrap();
    let none = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    config::parse_unfitted(CASCADE, Path::new("desk.cascade.toml"), &none).unwrap();
    assert!(places(baseline()).len() > 5);
    let file = tempfile::Builder::new().suffix(".jsonl").tempfile().unwrap();
    fs_err::write(file.path(), OBSERVATIONS).unwrap();
    assert_eq!(read(&[file.path()], &ReadOptions::new(["small", "large"]), &()).unwrap().summary.used, 2);
}

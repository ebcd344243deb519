//! `regress --live`: providers in place of recordings, within limits, and what a run that says nothing must not do.

use crate::support::{Sandbox, lines};

const FILE: &str = "cascades/desk.cascade.toml";
const BASELINE: &str = "cascades/desk.baseline.json";

/// Two simulated tiers, each with more of its own, and what is expected of them.
fn cascade(small: &str, large: &str, threshold: f64) -> String {
    format!(
        r#"version = 1
name = "desk"

[provider.sim.simulated]
seed = 11
models.small = {{ ability = 0.5{small} }}
models.large = {{ ability = 0.95{large} }}

[[tier]]
name = "small"
model = "sim/small"
price = {{ input = "0.10", output = "0.40" }}
params = {{ max-tokens = 60 }}
gate = {{ signal = "mean-logprob", threshold = {threshold} }}

[[tier]]
name = "large"
model = "sim/large"
price = {{ input = "2.00", output = "8.00" }}
params = {{ max-tokens = 60 }}

[[expect]]
fixtures = "desk"
accuracy-at-least = 0.1
availability-at-least = 0.5
latency-p95-ms-at-most = 60000
"#
    )
}

const DOWN: &str = ", errors = { overloaded = 1.0 }";

/// `n` questions of two segments, without any recording.
fn sandbox(n: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, cascade("", "", 0.7));
    let set = "name = \"desk\"\nsplits = [\"test\"]\ntiers = [\"small\", \"large\"]\ngrader = \"contains-all\"\n";
    sandbox.write("fixtures/desk/set.toml", set);
    let example = |at| {
        let segment = ["orders", "plants"][at % 2];
        let names = format!("\"id\": \"q{at:03}\", \"segment\": \"{segment}\", \"split\": \"test\"");
        format!("{{{names}, \"query\": \"Question {at}?\", \"expected\": [\"simulated: right\"]}}")
    };
    sandbox.write("fixtures/desk/examples.jsonl", lines((0..n).map(example)));
    sandbox
}

fn with_baseline(n: usize) -> Sandbox {
    let sandbox = sandbox(n);
    sandbox.run(&["regress", FILE, "--live", "--update-baseline", "--quiet"]).exits(0);
    sandbox
}

#[test]
fn providers_are_asked_where_there_is_no_recording_and_held_against_a_live_baseline() {
    let sandbox = with_baseline(200);
    let baseline: serde_json::Value = serde_json::from_str(&sandbox.read(BASELINE)).unwrap();
    let entry = &baseline["entries"][0];
    assert_eq!((entry["mode"].as_str(), entry["items"].as_array().map(Vec::len)), (Some("live"), Some(200)), "{entry}");
    let ran = sandbox.run(&["regress", FILE, "--live", "--format", "json"]);
    assert!(ran.stderr().contains("200 examples asked, $"), "{ran}");
    let json = ran.json();
    let section = &json["cascades"][0];
    assert_eq!((section["mode"].as_str(), section["n"].as_u64()), (Some("live"), Some(200)));
    let checks = section["checks"].as_array().unwrap();
    let named = |name: &str| checks.iter().find(|check| check["name"] == name && check["segment"].is_null()).unwrap();
    // The same answers of providers are evidence, with a smallest loss that it would have shown; times are compared as well.
    let quality = named("quality-vs-baseline");
    assert!(quality["verdict"] == "pass" && quality["p"].is_number() && quality["mde"].is_number(), "{quality}");
    for name in ["accuracy", "availability", "latency-p95-ms", "latency-vs-baseline"] {
        assert!(named(name)["value"].is_number(), "{name}: {json}");
    }
    // How busy this machine was meanwhile is nobody's promise.
    let failed = checks.iter().filter(|check| check["verdict"] == "fail" && check["name"] != "latency-vs-baseline");
    assert_eq!(failed.count(), 0, "{json}");
    // Recordings are another thing, and there are none.
    sandbox.run(&["regress", FILE]).exits(2);
}

#[test]
fn a_worse_gate_fails_live_and_may_do_so_early() {
    let sandbox = with_baseline(200);
    sandbox.write(FILE, cascade("", "", 0.05));
    let ran = sandbox.run(&["regress", FILE, "--live"]).exits(1);
    assert!(ran.stdout().contains("✗ quality-vs-baseline") || ran.stdout().contains("quality-vs-baseline: "), "{ran}");
    let early = sandbox.run(&["regress", FILE, "--live", "--early-stop", "--format", "json"]).exits(1).json();
    let section = &early["cascades"][0];
    let asked = section["n"].as_u64().unwrap();
    assert!(asked > 0 && asked < 200, "{section}");
    assert_eq!(section["changes"]["removed"], 0, "what was not asked is not gone: {section}");
    let again = sandbox.run(&["regress", FILE, "--live", "--early-stop", "--format", "json"]).exits(1).json();
    assert_eq!(again["cascades"][0]["n"], asked, "the seed decides the order");
    // One line says what was not asked, and why.
    let warnings = section["warnings"].to_string();
    assert!(warnings.contains("were not asked: the verdict was clear"), "{warnings}");
}

#[test]
fn a_part_of_the_examples_is_a_part_of_the_run_and_never_a_baseline() {
    let sandbox = with_baseline(40);
    let before = sandbox.read(BASELINE);
    let asked = |seed: &str| {
        let args = ["regress", FILE, "--live", "--limit", "6", "--repeats", "3", "--seed", seed, "--format", "json"];
        let json = sandbox.run(&args).exits(0).json();
        let section = json["cascades"][0].clone();
        assert_eq!((section["n"].as_u64(), section["changes"]["removed"].as_u64()), (Some(6), Some(0)), "{section}");
        let availability = section["checks"].as_array().unwrap().iter().find(|check| check["name"] == "availability").unwrap();
        assert_eq!(availability["n"], 18, "every repeat is a request: {section}");
        section["checks"][0].clone()
    };
    assert_eq!(asked("3"), asked("3"));
    let ran = sandbox.run(&["regress", FILE, "--live", "--limit", "6", "--update-baseline"]).exits(2);
    assert!(ran.stderr().contains("a baseline is of all of them") && !ran.stderr().contains("asked, $"), "{ran}");
    let ran = sandbox.run(&["regress", FILE, "--live", "--max-spend", "0.0008", "--update-baseline"]).exits(2);
    assert!(ran.stderr().contains("no baseline is written of a part"), "{ran}");
    assert_eq!(sandbox.read(BASELINE), before);
    let ran = sandbox.run(&["regress", FILE, "--live", "--max-spend", "0.0008"]).exits(0);
    assert!(ran.stdout().contains("examples were not asked: the next call could exceed the spending limit"), "{ran}");
    let ran = sandbox.run(&["regress", FILE, "--live", "--max-spend", "0.0000001"]).exits(2);
    assert!(ran.stderr().contains("0 examples asked, $0 spent") && ran.stderr().contains("raise --max-spend"), "{ran}");
    sandbox.run(&["regress", FILE, "--live", "--limit", "0"]).exits(2);
    for alone in [["--max-spend", "1"], ["--repeats", "2"], ["--limit", "3"], ["--seed", "1"], ["--concurrency", "1"]] {
        sandbox.run(&["regress", FILE, alone[0], alone[1]]).exits(2);
    }
}

#[test]
fn a_provider_that_is_down_is_no_verdict_and_no_baseline() {
    for n in [5, 60] {
        let sandbox = with_baseline(n);
        let before = sandbox.read(BASELINE);
        sandbox.write(FILE, cascade(DOWN, DOWN, 0.7));
        for more in [&[][..], &["--update-baseline"], &["--repeats", "2"]] {
            let ran = sandbox.run(&[&["regress", FILE, "--live"], more].concat()).exits(3);
            assert!(ran.stderr().contains("requests in a row met a call that failed"), "{n}: {ran}");
        }
        assert_eq!(sandbox.read(BASELINE), before, "{n}");
        // That another tier answers says nothing of what the cascade does when both are there.
        sandbox.write(FILE, cascade(DOWN, "", 0.7));
        let ran = sandbox.run(&["regress", FILE, "--live", "--update-baseline"]).exits(3);
        assert!(ran.stderr().contains("tier \"small\": "), "{ran}");
        assert_eq!(sandbox.read(BASELINE), before, "{n}");
    }
}

#[test]
fn failed_requests_are_no_grades_and_lower_availability() {
    let sandbox = with_baseline(60);
    let flaky = ", errors = { overloaded = 0.6 }";
    sandbox.write(FILE, cascade(flaky, flaky, 0.7).replace("availability-at-least = 0.5", "availability-at-least = 0.99"));
    let json = sandbox.run(&["regress", FILE, "--live", "--format", "json"]).exits(1).json();
    let section = &json["cascades"][0];
    let check = |name: &str| section["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone();
    let (accuracy, availability) = (check("accuracy"), check("availability"));
    assert_eq!((availability["n"].as_u64(), availability["verdict"].as_str()), (Some(60), Some("fail")), "{section}");
    assert!(accuracy["n"].as_u64() < Some(60) && accuracy["n"].as_u64() > Some(0), "{section}");
    assert!(section["warnings"].to_string().contains("of 60 requests met a call that failed"), "{section}");
    // Nobody agrees with what no tier was there to say, and where each example is answered once, that is all of them.
    let before = sandbox.read(BASELINE);
    let ran = sandbox.run(&["regress", FILE, "--live", "--update-baseline"]).exits(3);
    assert!(ran.stderr().contains("no baseline is written of a part of the examples: a call failed of "), "{ran}");
    assert_eq!(sandbox.read(BASELINE), before);
    let lucky = ", errors = { overloaded = 0.1 }";
    sandbox.write(FILE, cascade(lucky, lucky, 0.7));
    sandbox.run(&["regress", FILE, "--live", "--update-baseline", "--repeats", "9"]).exits(0);
    assert!(!sandbox.read(BASELINE).contains("\"failed\""));
}

#[test]
fn what_is_wrong_with_files_is_told_before_anybody_is_paid() {
    let sandbox = with_baseline(30);
    let good = sandbox.read(FILE);
    let paid = "examples asked";
    let refused = |said: &str, more: &[&str]| {
        let ran = sandbox.run(&[&["regress", FILE, "--live"], more].concat()).exits(2);
        assert!(ran.stderr().contains(said) && !ran.stderr().contains(paid), "{said}: {ran}");
    };
    sandbox.write(FILE, good.replace("accuracy-at-least", "segment = \"plant\"\naccuracy-at-least"));
    refused("did you mean \"plants\"?", &[]);
    // A segment that is there but was not drawn is no mistake.
    sandbox.write(FILE, good.replace("accuracy-at-least", "segment = \"plants\"\naccuracy-at-least"));
    let seeds = ["0", "1", "2", "3", "4", "5"];
    for seed in seeds {
        let ran = sandbox.run(&["regress", FILE, "--live", "--limit", "1", "--seed", seed]);
        assert!(ran.code() < 2 && ran.stderr().contains(paid), "{ran}");
    }
    sandbox.write(FILE, good);
    let baseline = sandbox.read(BASELINE);
    refused("cannot be written", &["--out", "nowhere/report.txt"]);
    refused("cannot be written", &["--out", "nowhere/report.txt", "--update-baseline"]);
    sandbox.write(BASELINE, baseline.replacen("\"desk\"", "\"others\"", 1));
    refused("is a baseline of others", &[]);
    sandbox.write(BASELINE, format!("{}<<<<<<< HEAD\n", baseline.split_inclusive('\n').take(12).collect::<String>()));
    refused("unresolved merge conflict", &[]);
}

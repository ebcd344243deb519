//! From a live provider to a replay: record → check → run --replay → grade.

use std::collections::BTreeMap;

use insta::assert_snapshot;

use crate::support::{CASCADE, Sandbox};

/// The two tiers over HTTP.
fn live(base_url: &str) -> String {
    let (_, tiers) = CASCADE.split_once("[[tier]]").unwrap();
    format!("version = 1\nname = \"two\"\n\n[provider.sim.openai-chat]\nbase-url = \"{base_url}\"\n\n[[tier]]{tiers}")
}

/// What is recorded, by id, without the times.
fn recorded(sandbox: &Sandbox, file: &str) -> BTreeMap<String, String> {
    let lines = sandbox.lines(file).into_iter().skip(1);
    lines.map(|line| (line["id"].as_str().unwrap().to_owned(), format!("{} {}", line["text"], line["logprobs"]))).collect()
}

#[test]
fn from_a_live_provider_to_a_replay() {
    let sandbox = Sandbox::new();
    let provider = sandbox.simulate(&["--seed", "7", "--model", "small=0.4", "--model", "large=0.9"]);
    sandbox.write("two.cascade.toml", live(&provider.base_url));
    sandbox.fixture_set("orders", 12);

    assert_snapshot!(sandbox.run(&["check", "two.cascade.toml"]), @"
    exit 0
    -- stdout
    ok two.cascade.toml: small → large
    ");
    assert_snapshot!(sandbox.run(&["record", "two.cascade.toml", "orders", "--limit", "4"]), @"
    exit 0
    -- stderr
    ✓ small: 4 recorded · 32 tokens in, 87 out · $0.0000206 · [time]
    ✓ large: 4 recorded · 32 tokens in, 101 out · $0.000872 · [time]
    ");
    assert_snapshot!(sandbox.run(&["record", "two.cascade.toml", "orders"]), @"
    exit 0
    -- stderr
    ✓ small: 8 recorded, 4 were there already · 64 tokens in, 176 out · $0.0000416 · [time]
    ✓ large: 8 recorded, 4 were there already · 64 tokens in, 247 out · $0.0021 · [time]
    ");
    assert_snapshot!(sandbox.run(&["record", "two.cascade.toml", "orders"]), @"
    exit 0
    -- stderr
    ✓ small: 0 recorded, 12 were there already · 0 tokens in, 0 out · $0 · [time]
    ✓ large: 0 recorded, 12 were there already · 0 tokens in, 0 out · $0 · [time]
    ");
    let replayed = sandbox.read("two.cascade.toml") + "\n[replay]\nfixtures = \"orders\"\n";
    sandbox.write("replay.cascade.toml", replayed);
    assert_snapshot!(sandbox.run(&["check", "replay.cascade.toml"]), @"
    exit 0
    -- stdout
    ok replay.cascade.toml: small → large; orders: 12 examples
    fixtures/orders: 1 warning
      warning[F020] small-split: test has 12 items, fewer than 45
        at   fixtures/orders/examples.jsonl
        why  below ln 0.1 / ln 0.95 = 45 items not even a run without a single loss shows a loss of at
             most 5 points at δ = 0.1
        do   add examples: `tierfall calibrate --plan --discordance 0.05` says how many a promise needs
    ");

    let asked = |more: &[&str]| sandbox.run(&[&["run", "two.cascade.toml", "Where is order 3?"], more].concat()).exits(0);
    let (live, replay) = (asked(&[]), asked(&["--replay", "orders"]));
    assert!(live.stdout().starts_with("[simulated: ") && replay.stdout().starts_with("[simulated: "));
    // Nobody is there any more.
    assert_eq!(provider.end(), Some(0));
    assert_eq!(asked(&["--replay", "orders"]).stdout(), replay.stdout());
    assert_eq!(sandbox.run(&["run", "replay.cascade.toml", "Where is order 3?"]).exits(0).stdout(), replay.stdout());
    assert_snapshot!(asked(&["--replay", "fixtures/orders"]), @"
    exit 0
    -- stdout
    [simulated: right] The answer is 9640. This is
    -- stderr
    large answered · the last tier, without a gate
      small  defer   mean-logprob 0.790 < 0.850  $0.0000052 [time]
      large  accept  last tier                   $0.000112 [time]
    $0.000117, 5 % more than always the last tier ($0.000112) · [time]
    ");
    sandbox.run(&["run", "replay.cascade.toml", "Where is order 3?", "--live"]).exits(3);

    assert_snapshot!(sandbox.run(&["grade", "fixtures/orders"]), @"
    exit 0
    -- stdout
    right            small           large
    orders  0.333     4/12  0.917    11/12
    all     0.333     4/12  0.917    11/12

    right where wrong:  small  large
    small                   0      0
    large                   7      0
    -- stderr
    grades are in fixtures/orders/grades
    ");
    let grades = sandbox.run(&["grade", "fixtures/orders", "--json", "--quiet"]).exits(0);
    assert_eq!(grades.json()["tiers"], serde_json::json!(["small", "large"]));
    assert_eq!(sandbox.lines("fixtures/orders/grades/small.jsonl").len(), 12);
}

#[test]
fn a_query_that_is_not_in_the_set() {
    let sandbox = Sandbox::with_cascade();
    sandbox.fixture_set("orders", 12);
    sandbox.run(&["record", "two.cascade.toml", "orders", "--quiet"]).exits(0);
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "Where is my order 7?", "--replay", "orders"]), @r#"
    exit 3
    -- stderr
    no answer · no tier could give one
      small  failed  not-recorded  $0 [time]
    $0 · [time]
    error: the fixture set "orders" has no recording of this query; the nearest example is q07: Where is order 7?
    hint: --live asks the providers
    "#);
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "Zzz", "--replay", "orders"]), @r#"
    exit 3
    -- stderr
    no answer · no tier could give one
      small  failed  not-recorded  $0 [time]
    $0 · [time]
    error: the fixture set "orders" has no recording of this query, nor of one like it
    hint: --live asks the providers
    "#);
}

#[test]
fn recordings_of_something_else_are_refused() {
    let sandbox = Sandbox::with_cascade();
    sandbox.fixture_set("orders", 3);
    sandbox.run(&["record", "two.cascade.toml", "orders", "--quiet", "--tier", "small"]).exits(0);
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "Where is order 1?", "--replay", "orders"]), @r#"
    exit 2
    -- stderr
    error: fixtures/orders/recordings/large.jsonl is missing: tier "large" has no recordings; `record` makes them
    "#);
    sandbox.run(&["record", "two.cascade.toml", "orders", "--quiet", "--limit", "1"]).exits(0);
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "Where is order 2?", "--replay", "orders", "--id", "q02"]), @"
    exit 0
    -- stdout
    [simulated: wrong] The answer is 8453. This is no real model. This is no real model. This is no real model. This is no real model.
    -- stderr
    small answered · mean-logprob 0.855 ≥ 0.850 (not calibrated)
    $0.0000076, 97 % less than always the last tier (about $0.000288) · [time]
    ");
    sandbox.write("two.cascade.toml", CASCADE.replacen("\ngate", "\nsystem-prompt = \"Be brief.\"\ngate", 1));
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "Where is order 1?", "--replay", "orders"]), @"
    exit 2
    -- stderr
    error: fixtures/orders/recordings/small.jsonl is no recording of this tier: it was made with another prompt (system prompt, example turns or a signal's addition); `record --stale` records it anew
    hint: recordings are bound to model, parameters and prompt
    ");
    assert_snapshot!(sandbox.run(&["record", "two.cascade.toml", "orders"]), @"
    exit 2
    -- stderr
    error: fixtures/orders/recordings/small.jsonl is no recording of this tier: it was made with another prompt (system prompt, example turns or a signal's addition); `record --stale` records it anew
    hint: recordings are bound to model, parameters and prompt
    ");
    sandbox.run(&["record", "two.cascade.toml", "orders", "--stale"]).exits(0);
    sandbox.run(&["run", "two.cascade.toml", "Where is order 1?", "--replay", "orders"]).exits(0);
}

#[test]
fn a_provider_that_is_down_is_not_asked_for_ever() {
    let sandbox = Sandbox::new();
    sandbox.write("down.toml", CASCADE.replace("ability = 0.4", "errors = { overloaded = 1.0 }"));
    sandbox.fixture_set("orders", 30);
    assert_snapshot!(sandbox.run(&["record", "down.toml", "orders", "--concurrency", "1", "--tier", "small"]), @r#"
    exit 3
    -- stderr
    ! small: 0 recorded, 20 failed, 10 left · 0 tokens in, 0 out · $0 · [time]
      stopped: 20 calls in a row failed, the last one with: simulated model "small": a simulated failure (overloaded); the same command goes on from here
    "#);
}

#[test]
fn spending_stops_before_the_limit() {
    let sandbox = Sandbox::new();
    sandbox.write("two.cascade.toml", CASCADE.replace("\nprice", "\nparams = { max-tokens = 50 }\nprice"));
    sandbox.fixture_set("orders", 12);
    let args = ["record", "two.cascade.toml", "orders", "--concurrency", "1", "--tier", "large", "--max-spend"];
    let ran = sandbox.run(&[&args[..], &["0.001"]].concat()).exits(2);
    assert!(ran.stderr().contains("spending limit"), "{ran}");
    sandbox.run(&[&args[..], &["$1"]].concat()).exits(0);
    assert_eq!(recorded(&sandbox, "fixtures/orders/recordings/large.jsonl").len(), 12);
}

#[test]
fn failures_are_kept_and_asked_again() {
    let sandbox = Sandbox::new();
    sandbox.write("flaky.toml", CASCADE.replace("ability = 0.4", "ability = 0.4, errors = { invalid-request = 0.4 }"));
    sandbox.fixture_set("orders", 12);
    let ran = sandbox.run(&["record", "flaky.toml", "orders"]).exits(3);
    assert!(ran.stderr().contains("failures are kept, and asked again by the same command"), "{ran}");
    let failed = |sandbox: &Sandbox| {
        sandbox.lines("fixtures/orders/recordings/small.jsonl").iter().filter(|line| line.get("error").is_some()).count()
    };
    assert!(failed(&sandbox) > 0);
    sandbox.write("flaky.toml", CASCADE);
    sandbox.run(&["record", "flaky.toml", "orders"]).exits(0);
    assert_eq!(failed(&sandbox), 0);
}

#[test]
fn an_interrupted_recording_loses_nothing() {
    const N: usize = 30;
    let slow = CASCADE.replace("ability = 0.4", "ability = 0.4, latency = { first = \"20ms\" }");
    let sandbox = Sandbox::new();
    sandbox.write("slow.toml", &slow);
    sandbox.fixture_set("orders", N);
    sandbox.fixture_set("whole", N);
    let small = "fixtures/orders/recordings/small.jsonl";
    let lines = || fs_err::read_to_string(sandbox.path(small)).map_or(0, |text| text.lines().count());
    let args = ["record", "slow.toml", "orders", "--concurrency", "2"];
    let ran = sandbox.interrupt(&args, || lines() >= 6).exits(130);
    assert!(ran.stderr().contains("stopped: cancelled; the same command goes on from here"), "{ran}");
    let first = recorded(&sandbox, small);
    assert!((5..N).contains(&first.len()), "it was interrupted in the middle, after {}", first.len());

    let ran = sandbox.run(&args).exits(0);
    assert!(ran.stderr().contains(&format!("{} recorded, {} were there already", N - first.len(), first.len())), "{ran}");
    sandbox.run(&["record", "slow.toml", "whole", "--concurrency", "8", "--quiet"]).exits(0);
    for tier in ["small", "large"] {
        let resumed = recorded(&sandbox, &format!("fixtures/orders/recordings/{tier}.jsonl"));
        assert_eq!(resumed.len(), N);
        assert_eq!(resumed, recorded(&sandbox, &format!("fixtures/whole/recordings/{tier}.jsonl")));
    }
}

#[test]
fn a_replayed_query_may_have_an_id_of_its_own() {
    let sandbox = Sandbox::with_cascade();
    sandbox.fixture_set("orders", 12);
    sandbox.run(&["record", "two.cascade.toml", "orders"]).exits(0);
    let one = |args: &[&str]| {
        sandbox.run(&[&["run", "two.cascade.toml", "--replay", "orders", "--trace", "json"], args].concat()).exits(0).json()
    };
    let (plain, own) = (one(&["Where is order 3?"]), one(&["Where is order 3?", "--id", "mine"]));
    assert_eq!((&plain["request_id"], &own["request_id"]), (&"q03".into(), &"mine".into()));
    assert_eq!((&plain["answer"], &plain["steps"][0]["usage"]), (&own["answer"], &own["steps"][0]["usage"]));
    assert_eq!(one(&[" Where is order 3? \n"])["answer"], plain["answer"]);
    sandbox.write("in.jsonl", "{\"id\": \"mine\", \"query\": \"Where is order 3?\"}\n");
    let batch = sandbox.run(&["run", "two.cascade.toml", "--replay", "orders", "--jsonl", "in.jsonl"]).exits(0).json();
    assert_eq!((&batch["request_id"], &batch["answer"]), (&"mine".into(), &plain["answer"]));
}

#[test]
fn a_cut_recording_is_told() {
    let sandbox = Sandbox::with_cascade();
    sandbox.fixture_set("orders", 3);
    sandbox.run(&["record", "two.cascade.toml", "orders"]).exits(0);
    sandbox.write("two.cascade.toml", CASCADE.to_owned() + "\n[replay]\nfixtures = \"orders\"\n");
    let file = sandbox.read("fixtures/orders/recordings/large.jsonl");
    sandbox.write("fixtures/orders/recordings/large.jsonl", &file[..file.len() - 9]);
    let warning = "warning: the recording of large was cut in the middle of a write: its last line, 4, cannot be read";
    let grade = ["grade", "fixtures/orders"];
    for args in [&["check", "two.cascade.toml"][..], &["run", "two.cascade.toml", "Where is order 0?"], &grade] {
        let ran = sandbox.run(args).exits(0);
        assert!(ran.stderr().contains(warning), "{ran}");
        let ran = sandbox.run(&[args, &["--quiet"]].concat()).exits(0);
        assert_eq!(ran.stderr(), "");
    }
}

#[test]
fn recording_one_tier_takes_its_own_key_alone() {
    let sandbox = Sandbox::new();
    let (before, after) = CASCADE.split_once("[[tier]]").unwrap();
    let keyed = "[provider.far.openai-chat]\nbase-url = \"http://127.0.0.1:9/v1\"\n\
        api-key = { env = \"TIERFALL_TEST_NO_SUCH_KEY\" }\n";
    sandbox.write("two.cascade.toml", format!("{before}{keyed}\n[[tier]]{}", after.replace("sim/large", "far/large")));
    sandbox.fixture_set("orders", 3);
    sandbox.run(&["record", "two.cascade.toml", "orders", "--tier", "small"]).exits(0);
    let ran = sandbox.run(&["record", "two.cascade.toml", "orders"]).exits(2);
    assert!(ran.stderr().contains("TIERFALL_TEST_NO_SUCH_KEY"), "{ran}");
}

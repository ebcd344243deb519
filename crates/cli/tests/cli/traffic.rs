//! From production to fixtures: what `run` captures, `import traces` makes a set of, and calibration weighs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Sandbox, lines};

/// Two tiers of a provider on a port, with a key.
fn cascade(base_url: &str) -> String {
    format!(
        r#"version = 1
name = "shop"

[provider.local.openai-chat]
base-url = "{base_url}"
api-key = {{ env = "SHOP_KEY" }}

[[tier]]
name = "small"
model = "local/small"
price = {{ input = "0.1", output = "0.2" }}
gate = {{ signal = "mean-logprob", threshold = 0.7 }}

[[tier]]
name = "large"
model = "local/large"
price = {{ input = 2, output = 8 }}
"#
    )
}

const KEY: &[(&str, &str)] = &[("SHOP_KEY", "sk-not-for-the-log")];

/// A person who grades what was recorded: a simulated answer says itself whether it is right.
fn grade_by_hand(sandbox: &Sandbox, tier: &str) {
    let grades = sandbox.lines(&format!("traffic/recordings/{tier}.jsonl")).into_iter().skip(1).map(|record| {
        let right = record["text"].as_str().is_some_and(|text| text.starts_with("[simulated: right]"));
        json!({ "id": record["id"], "correct": f64::from(u8::from(right)), "by": "Ada", "grader": "human" }).to_string()
    });
    sandbox.write(&format!("traffic/grades/{tier}.jsonl"), lines(grades));
}

#[test]
fn production_becomes_a_fit() {
    let sandbox = Sandbox::new();
    let provider = sandbox.simulate(&["--seed", "7", "--model", "small=0.55", "--model", "large=0.95"]);
    sandbox.write("shop.cascade.toml", cascade(&provider.base_url));
    let query = |n: usize| json!({ "id": format!("r{n}"), "query": format!("Where is order {n}?"), "tags": { "shop": "books" } });
    sandbox.write("queries.jsonl", lines((0..400).map(|n| query(n).to_string())));
    let captured = "--trace-log traces.jsonl --capture content --sample accepted=0.5,escalated=0.8";
    let run: Vec<&str> = "run shop.cascade.toml --jsonl queries.jsonl --out answers.jsonl --quiet".split(' ').collect();
    let all: Vec<&str> = run.into_iter().chain(captured.split(' ')).collect();
    sandbox.run_with(&all, KEY).exits(0);

    let log = sandbox.read("traces.jsonl");
    assert_eq!(log.lines().count(), 400);
    assert!(!log.contains("sk-not-for-the-log"), "a key is in the log");
    let kept: Vec<Value> = sandbox.lines("traces.jsonl").into_iter().filter(|line| line.get("content").is_some()).collect();
    let (mut accepted, mut escalated) = (0, 0);
    for line in &kept {
        let (stratum, propensity) = (line["sample"]["stratum"].as_str().unwrap(), line["sample"]["propensity"].as_f64().unwrap());
        match stratum {
            "accepted" => accepted += usize::from((propensity - 0.5).abs() < 1e-12),
            "escalated" => escalated += usize::from((propensity - 0.8).abs() < 1e-12),
            _ => panic!("{line}"),
        }
    }
    assert!(accepted + escalated == kept.len() && accepted > 30 && escalated > 30, "{accepted} accepted, {escalated} escalated");

    let import = ["import", "traces", "traces.jsonl", "--into", "traffic", "--cascade", "shop.cascade.toml", "--split", "train"];
    let told = sandbox.run(&import).exits(0);
    assert!(told.stderr().contains(&format!("{} examples (train {})", kept.len(), kept.len())), "{told}");
    assert!(told.stderr().contains(&format!("small: {} answers", kept.len())), "{told}");
    assert!(told.stderr().contains(&format!("large: {escalated} answers")), "{told}");
    assert!(told.stderr().contains("tierfall record shop.cascade.toml traffic --only-missing"), "{told}");
    assert!(sandbox.read("traffic/set.toml").contains("heaviest-weight = 2.0"));
    let again = sandbox.run(&import).exits(2);
    assert!(again.stderr().contains("traffic exists already") && again.stderr().contains("--append"), "{again}");

    // The large tier is asked what production did not ask it, and the small one nothing.
    let before = sandbox.read("traffic/recordings/small.jsonl");
    sandbox.run_with(&["record", "shop.cascade.toml", "traffic", "--only-missing", "--quiet"], KEY).exits(0);
    assert_eq!(sandbox.read("traffic/recordings/small.jsonl"), before);
    assert_eq!(sandbox.lines("traffic/recordings/large.jsonl").len(), 1 + kept.len());

    let ungraded = sandbox.run(&["calibrate", "shop.cascade.toml", "traffic", "--max-loss", "0.3"]).exits(2);
    assert!(ungraded.stderr().contains("grade"), "{ungraded}");
    for tier in ["small", "large"] {
        grade_by_hand(&sandbox, tier);
    }
    let fitted = sandbox.run(&["calibrate", "shop.cascade.toml", "traffic", "--max-loss", "0.3", "--json", "-"]).exits(0).json();
    assert_eq!((&fitted["status"], &fitted["guarantee"]["method"]), (&"certified".into(), &"betting".into()));
    assert_eq!(fitted["n"], kept.len());
    assert!(!fitted["warnings"].to_string().contains("nothing says how heavy"), "{}", fitted["warnings"]);

    // What each tier alone is right in, with the weights that undo the sampling.
    let records = sandbox.lines("traffic/recordings/small.jsonl").into_iter().skip(1);
    let is_right: BTreeMap<String, bool> =
        records.map(|record| (record["id"].to_string(), record["text"].to_string().contains("[simulated: right]"))).collect();
    let (mut right, mut total) = (0.0, 0.0);
    for line in &kept {
        let weight = 1.0 / line["sample"]["propensity"].as_f64().unwrap();
        total += weight;
        right += if is_right[&line["request_id"].to_string()] { weight } else { 0.0 };
    }
    let told = fitted["baselines"]["always-small"]["accuracy"]["value"].as_f64().unwrap();
    assert!((told - right / total).abs() < 1e-9, "{told} is not {}", right / total);
}

#[test]
fn what_is_said_of_the_sampling_is_checked() {
    let sandbox = Sandbox::with_cascade();
    for (args, why) in [
        ("--capture content", "--trace-log"),
        ("--trace-log t.jsonl --sample 0.1", "--capture"),
        ("--trace-log t.jsonl --capture content --sample 0", "above 0"),
        ("--trace-log t.jsonl --capture content --sample refused=0.1", "no stratum"),
    ] {
        let args: Vec<&str> = ["run", "two.cascade.toml", "Hi?"].into_iter().chain(args.split(' ')).collect();
        let told = sandbox.run(&args).exits(2);
        assert!(told.stderr().contains(why), "{told}");
    }
    for (args, why) in [
        ("traces t.jsonl", "--into"),
        ("traces t.jsonl --into set", "--cascade"),
        ("traces t.jsonl --into set --cascade two.cascade.toml --grader exactly", "exactly"),
        ("traces t.jsonl --into set --cascade two.cascade.toml", "t.jsonl"),
        ("traces t.jsonl --into set --cascade two.cascade.toml --split a,b", "no splits"),
        ("csv a.csv b.csv", "one file of csv at a time"),
        ("csv a.csv --into set --cascade two.cascade.toml", "only traces"),
    ] {
        let args: Vec<&str> = ["import"].into_iter().chain(args.split(' ')).collect();
        let told = sandbox.run(&args).exits(2);
        assert!(told.stderr().contains(why), "{told}");
    }
}

#[test]
fn a_log_without_capture_holds_no_text() {
    let sandbox = Sandbox::with_cascade();
    sandbox.run(&["run", "two.cascade.toml", "Where is my secret order?", "--trace-log", "traces.jsonl", "--quiet"]).exits(0);
    assert!(!sandbox.read("traces.jsonl").contains("secret") && !sandbox.read("traces.jsonl").contains("simulated:"));
    let told = sandbox.run(&["import", "traces", "traces.jsonl", "--into", "set", "--cascade", "two.cascade.toml"]).exits(2);
    assert!(told.stderr().contains("1 hold no content (capture it with --capture content)"), "{told}");
    assert!(!sandbox.path("set").exists());
}

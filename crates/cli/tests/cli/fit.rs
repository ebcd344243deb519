//! A fit at the command line: `run --point`, `explain`, `check`, and what is said of a fit that is of no use.

use insta::assert_snapshot;
use tierfall::config::load_unfitted;
use tierfall::fit::{self, Cut, Fit, Guarantee, Point, Provenance, Status, TargetFit, TierFit};
use tierfall_core::fusion::GateValue;
use tierfall_core::map::{ScoreMap, Transform};
use tierfall_core::number::{Score, Threshold};

use crate::support::{CASCADE, Sandbox};

fn fitted() -> String {
    let segment = "\n[segment]\ntag = \"topic\"\n";
    format!("{}{segment}", CASCADE.replace("threshold = 0.85", "threshold = \"fit\""))
}

fn point(name: &str, loss: f64, asked: bool, nominal: f64) -> Point {
    let (method, statement) = ("trinomial-grid".to_owned(), "The loss is small.".to_owned());
    Point {
        name: name.into(),
        status: Status::Certified,
        target: TargetFit::MaxLoss(loss),
        guarantee: Some(Guarantee {
            delta: 0.1,
            method,
            bound: loss,
            finite_sample: true,
            judge: None,
            each_segment: false,
            conditions: Vec::new(),
            statement,
        }),
        cuts: vec![Cut { asked, threshold: Threshold::accept_from(Score::new(nominal.ln()).unwrap()) }],
        segments: [].into(),
    }
}

/// A folder with a cascade and its fit: by default from −0.16 on, at `strict` from −0.05, at `best` the last tier alone.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("two.cascade.toml", fitted());
    let loaded = load_unfitted(sandbox.path("two.cascade.toml")).unwrap();
    let value = GateValue::Signal { signal: "mean-logprob".into(), negated: false };
    let map = ScoreMap::Platt { transform: Transform::Identity, low: -9.0, high: 0.0, intercept: 3.0, slope: 5.0 };
    let tier = |name: &str, gate: Option<GateValue>| {
        let map = gate.is_some().then(|| map.clone());
        TierFit { name: name.into(), binding: None, gate, map }
    };
    let mut default = point("default", 0.05, true, 0.85);
    default.segments.insert("billing".into(), point("billing", 0.05, true, 0.95).cuts);
    let mut fit = Fit {
        version: 1,
        cascade: String::new(),
        salt: String::new(),
        provenance: Provenance { n: 1000, ..Provenance::default() },
        tier: vec![tier("small", Some(value)), tier("large", None)],
        point: vec![default, point("strict", 0.02, true, 0.95), point("best", 0.0, false, 1.0)],
    };
    fit::bind(&mut fit, &loaded);
    tierfall_workbench::fit::write(sandbox.path("two.fit.toml"), &fit).unwrap();
    sandbox
}

const QUERY: [&str; 5] = ["run", "two.cascade.toml", "Where is my order?", "--id", "c"];

#[test]
fn the_point_in_force_and_its_promise_are_shown() {
    let sandbox = sandbox();
    let run = |more: &[&str]| sandbox.run(&[&QUERY, more].concat()).exits(0);
    assert_snapshot!(run(&[]), @"
    exit 0
    -- stdout
    [simulated: wrong] The answer is 4781. This is no real model. This is no real model. This is
    -- stderr
    small answered · confidence 0.914 ≥ 0.899
    $0.0000056, 97 % less than always the last tier (about $0.000208) · [time]
    ");
    assert_snapshot!(run(&["--trace", "text"]), @"
    exit 0
    -- stdout
    [simulated: wrong] The answer is 4781. This is no real model. This is no real model. This is
    -- stderr
    small answered · confidence 0.914 ≥ 0.899
      point default (certified: loss ≤ 0.05 at 90 %)
      small  accept  confidence 0.914 ≥ 0.899  $0.0000056 [time]
    $0.0000056, 97 % less than always the last tier (about $0.000208) · [time]
    ");
    assert_snapshot!(run(&["--point", "strict"]), @"
    exit 0
    -- stdout
    [simulated: right] The answer is 3547. This is no real
    -- stderr
    large answered · the last tier, without a gate
      point strict (certified: loss ≤ 0.02 at 90 %)
      small  defer   confidence 0.914 < 0.940  $0.0000056 [time]
      large  accept  last tier                 $0.000128 [time]
    $0.000134, 4 % more than always the last tier ($0.000128) · [time]
    ");
    assert_snapshot!(run(&["--point", "loss<=0.01"]), @"
    exit 0
    -- stdout
    [simulated: right] The answer is 3547. This is no real
    -- stderr
    large answered · the last tier that may answer, so no gate is asked
      point best (certified: loss ≤ 0 at 90 %)
      small  skip    fit: not in the sub-chain in force
      large  accept  last tier                           $0.000128 [time]
    $0.000128, as much as always the last tier ($0.000128) · [time]
    ");
    assert_snapshot!(run(&["--tag", "topic=billing"]), @"
    exit 0
    -- stdout
    [simulated: right] The answer is 3547. This is no real
    -- stderr
    large answered · the last tier, without a gate
      point default (certified: loss ≤ 0.05 at 90 %) · segment billing
      small  defer   confidence 0.914 < 0.940  $0.0000056 [time]
      large  accept  last tier                 $0.000128 [time]
    $0.000134, 4 % more than always the last tier ($0.000128) · [time]
    ");
    let json = run(&["--trace", "json"]).json();
    assert_eq!(json["route"]["promise"], "certified: loss ≤ 0.05 at 90 %");
    assert!(json["confidence"].is_number() && json["steps"][0]["threshold"].is_number());
}

#[test]
fn an_unknown_point_costs_nothing() {
    let sandbox = sandbox();
    let run = |more: &[&str]| sandbox.run(&[&QUERY, more].concat()).exits(2);
    assert_snapshot!(run(&["--point", "fast"]), @r#"
    exit 2
    -- stderr
    error: there is no operating point "fast"; the fit has "default" (certified: loss ≤ 0.05 at 90 %), "strict" (certified: loss ≤ 0.02 at 90 %), "best" (certified: loss ≤ 0 at 90 %)
    "#);
    assert_snapshot!(run(&["--point", "accuracy>=0.9"]), @r#"
    exit 2
    -- stderr
    error: no operating point is certified for accuracy ≥ 0.9; the fit has "default" (certified: loss ≤ 0.05 at 90 %), "strict" (certified: loss ≤ 0.02 at 90 %), "best" (certified: loss ≤ 0 at 90 %)
    "#);
    let unfitted = Sandbox::with_cascade();
    assert_snapshot!(unfitted.run(&[&QUERY[..], &["--point", "fast"]].concat()), @r#"
    exit 2
    -- stderr
    error: there is no operating point "fast"; the cascade has no fit
    "#);
    assert_snapshot!(unfitted.run(&["explain", "two.cascade.toml", "Hi?", "--point", "fast"]), @r#"
    exit 2
    -- stderr
    error: there is no operating point "fast"; the cascade has no fit
    "#);
}

#[test]
fn every_line_of_a_batch_may_have_a_point_of_its_own() {
    let sandbox = sandbox();
    let line = |id: &str, more: &str| format!("{{\"id\": \"{id}\", \"query\": \"Where is my order?\"{more}}}\n");
    let lines = [line("a", ""), line("b", ", \"point\": \"best\""), line("c", ", \"tags\": {\"topic\": \"billing\"}")];
    sandbox.write("in.jsonl", lines.concat());
    let answers = |more: &[&str]| -> Vec<(String, usize)> {
        let args = [&["run", "two.cascade.toml", "--jsonl", "in.jsonl", "--trace", "json", "--quiet"], more].concat();
        let ran = sandbox.run(&args).exits(0);
        let shown = |line: &str| {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            (json["route"]["point"].as_str().unwrap().to_owned(), json["steps"].as_array().unwrap().len())
        };
        ran.stdout().lines().map(shown).collect()
    };
    let points = |answers: Vec<(String, usize)>| answers.into_iter().map(|(point, _)| point).collect::<Vec<_>>();
    assert_eq!(points(answers(&[])), ["default", "best", "default"]);
    assert_eq!(points(answers(&["--point", "strict"])), ["strict", "best", "strict"]);
    sandbox.write("in.jsonl", [line("a", ""), line("b", ", \"point\": \"fast\"")].concat());
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "--jsonl", "in.jsonl"]), @r#"
    exit 2
    -- stderr
    error: in.jsonl:2: there is no operating point "fast"; the fit has "default" (certified: loss ≤ 0.05 at 90 %), "strict" (certified: loss ≤ 0.02 at 90 %), "best" (certified: loss ≤ 0 at 90 %)
    "#);
}

#[test]
fn explain_shows_what_a_point_leaves_of_the_chain() {
    let sandbox = sandbox();
    let explain = |more: &[&str]| sandbox.run(&[&["explain", "two.cascade.toml", "Hi?"], more].concat()).exits(0);
    assert_snapshot!(explain(&[]), @"
    exit 0
    -- stdout
    no rule holds
    point default (certified: loss ≤ 0.05 at 90 %)
    segments with thresholds of their own: billing; this request is of none of them
    1. small  accepts from confidence 0.899 by mean-logprob  about $0.0000004 and the answer
    2. large  accepts all                                    about $0.000008 and the answer
    ");
    assert_snapshot!(explain(&["--point", "best"]), @"
    exit 0
    -- stdout
    no rule holds
    point best (certified: loss ≤ 0 at 90 %)
    1. large  accepts all  about $0.000008 and the answer
       small is skipped (fit: not in the sub-chain in force)
    ");
    assert_snapshot!(explain(&["--tag", "topic=billing"]), @"
    exit 0
    -- stdout
    no rule holds
    point default (certified: loss ≤ 0.05 at 90 %) · segment billing
    its thresholds are those of the segment billing
    1. small  accepts from confidence 0.940 by mean-logprob  about $0.0000004 and the answer
    2. large  accepts all                                    about $0.000008 and the answer
    ");
    assert_snapshot!(explain(&["--point", "best", "--json"]), @r#"
    exit 0
    -- stdout
    {"route":{"point":"best","promise":"certified: loss ≤ 0 at 90 %","rules":[],"skipped":{"small":"fit: not in the sub-chain in force"},"tiers":["large"]},"tiers":[{"expected_cost_usd":8e-6,"not_allowed":[],"patience":null,"signal":null,"threshold":null,"tier":"large"}]}
    "#);
}

#[test]
fn check_tells_the_verdict_and_whether_the_fit_is_fresh() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.run(&["check", "two.cascade.toml"]), @"
    exit 0
    -- stdout
    ok two.cascade.toml: small → large; a fit of this chain, whose labels were not looked at, on 1000 rows: default (certified: loss ≤ 0.05 at 90 %), strict (certified: loss ≤ 0.02 at 90 %), best (certified: loss ≤ 0 at 90 %)
    ");
    sandbox.write("two.cascade.toml", fitted().replace("\"sim/large\"", "\"sim/small\""));
    assert_snapshot!(sandbox.run(&["check", "two.cascade.toml"]), @r#"
    exit 2
    -- stderr
    error[C029]: the fit two.fit.toml is stale: tier "large": the model was large and is small
      --> two.cascade.toml:16:8
       |
    16 | name = "large"
       |        ^^^^^^^
       |
       = help: make it again: `tierfall calibrate two.cascade.toml SET --max-loss 0.05 --point strict=0.02 --point best=0 --by-segment`
    error: two.cascade.toml has 1 problem
    "#);
    assert_snapshot!(sandbox.run(&QUERY), @r#"
    exit 2
    -- stderr
    error[C029]: the fit two.fit.toml is stale: tier "large": the model was large and is small
      --> two.cascade.toml:16:8
       |
    16 | name = "large"
       |        ^^^^^^^
       |
       = help: make it again: `tierfall calibrate two.cascade.toml SET --max-loss 0.05 --point strict=0.02 --point best=0 --by-segment`
    error: two.cascade.toml has 1 problem
    "#);
    sandbox.write("alone.cascade.toml", fitted());
    assert_snapshot!(sandbox.run(&["check", "alone.cascade.toml"]), @r#"
    exit 2
    -- stderr
    error[C026]: there is no fit that this threshold could come from: alone.fit.toml is not there
      --> alone.cascade.toml:13:47
       |
    13 | gate = { signal = "mean-logprob", threshold = "fit" }
       |                                               ^^^^^
       |
       = help: make one: `tierfall calibrate alone.cascade.toml SET --max-loss 0.05`
    error: alone.cascade.toml has 1 problem
    "#);
}

#[test]
fn recording_needs_no_fit() {
    let sandbox = Sandbox::new();
    sandbox.write("two.cascade.toml", fitted());
    sandbox.fixture_set("sums", 3);
    sandbox.run(&["record", "two.cascade.toml", "sums", "--quiet"]).exits(0);
    assert_eq!(sandbox.lines("fixtures/sums/recordings/small.jsonl").len(), 4, "a header and three answers");
}

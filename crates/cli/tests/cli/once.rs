//! `tierfall run` with one query, and `tierfall explain`.

use std::collections::BTreeSet;

use insta::assert_snapshot;

use crate::support::{CASCADE, Sandbox};

fn keys(value: &serde_json::Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_first_tier_is_sure_enough() {
    let sandbox = Sandbox::with_cascade();
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "Where is my order?", "--id", "c"]), @"
    exit 0
    -- stdout
    [simulated: wrong] The answer is 4781. This is no real model. This is no real model. This is
    -- stderr
    small answered · mean-logprob 0.880 ≥ 0.850 (not calibrated)
    $0.0000056, 97 % less than always the last tier (about $0.000208) · [time]
    ");
}

#[test]
fn it_escalates() {
    let sandbox = Sandbox::with_cascade();
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "Where is my order?", "--id", "a"]), @"
    exit 0
    -- stdout
    [simulated: wrong] The answer is 7003. This is no real model. This is no real model. This is no real model. This is no real model
    -- stderr
    large answered · the last tier, without a gate
      small  defer   mean-logprob 0.553 < 0.850  $0.000007 [time]
      large  accept  last tier                   $0.00028 [time]
    $0.000287, 3 % more than always the last tier ($0.00028) · [time]
    ");
}

#[test]
fn every_step_on_request_and_nothing_when_quiet() {
    let sandbox = Sandbox::with_cascade();
    let run = |more: &[&str]| sandbox.run(&[&["run", "two.cascade.toml", "Hi?", "--id", "c"], more].concat()).exits(0);
    assert_snapshot!(run(&["--trace", "text"]), @"
    exit 0
    -- stdout
    [simulated: wrong] The answer is 2816. This is no real model. This is no real model. This is
    -- stderr
    small answered · mean-logprob 0.880 ≥ 0.850 (not calibrated)
      small  accept  mean-logprob 0.880 ≥ 0.850  $0.0000052 [time]
    $0.0000052, 97 % less than always the last tier (about $0.0002) · [time]
    ");
    assert_snapshot!(run(&["--quiet"]), @"
    exit 0
    -- stdout
    [simulated: wrong] The answer is 2816. This is no real model. This is no real model. This is
    ");
}

#[test]
fn the_query_may_come_from_stdin() {
    let sandbox = Sandbox::with_cascade();
    let argument = sandbox.run(&["run", "two.cascade.toml", "Hi?", "--id", "c"]).exits(0);
    for args in [&["run", "two.cascade.toml", "--id", "c"][..], &["run", "two.cascade.toml", "-", "--id", "c"]] {
        assert_eq!(sandbox.pipe(args, "Hi?\n").stdout(), argument.stdout());
    }
    assert_snapshot!(sandbox.pipe(&["run", "two.cascade.toml"], "\n"), @"
    exit 2
    -- stderr
    error: the query on stdin is empty
    ");
    assert_snapshot!(sandbox.pipe(&["run", "two.cascade.toml", "-"], b"Hi \xff"), @"
    exit 2
    -- stderr
    error: the query on stdin is not UTF-8 from byte 3
    ");
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", " "]), @"
    exit 2
    -- stderr
    error: the query is empty
    ");
}

#[test]
fn json_has_the_keys_of_the_contract_and_nothing_else_is_printed() {
    let sandbox = Sandbox::with_cascade();
    let ran = sandbox.run(&["run", "two.cascade.toml", "Where is my order?", "--id", "a", "--trace", "json"]).exits(0);
    assert_eq!(ran.stderr(), "");
    let json = ran.json();
    let contract = [
        "outcome",
        "tier",
        "confidence",
        "answer",
        "cost_usd",
        "cost_if_last_usd",
        "cost_if_last_basis",
        "latency_ms",
        "request_id",
        "route",
        "steps",
    ];
    let mut wanted = BTreeSet::from(contract);
    // What is beside the contract.
    wanted.extend(["cascade", "at"]);
    assert_eq!(keys(&json), wanted);
    let contract = [
        "tier",
        "decision",
        "reason",
        "signals",
        "gate_value",
        "tie",
        "confidence",
        "threshold",
        "usage",
        "cost_usd",
        "latency_ms",
    ];
    let mut wanted = BTreeSet::from(contract);
    wanted.extend(["nominal", "raw_threshold", "calls"]);
    for step in json["steps"].as_array().unwrap() {
        // Only a gate reads tokens; the last tier has none.
        let mut wanted = wanted.clone();
        wanted.extend((!step["gate_value"].is_null()).then_some("tokens"));
        assert_eq!(keys(step), wanted);
    }
    assert_eq!((json["request_id"].as_str(), json["steps"].as_array().unwrap().len()), (Some("a"), 2));
}

#[test]
fn a_rule_decides() {
    let sandbox = Sandbox::new();
    let rules = r#"
[[rule]]
name = "legal"
keyword = { any = ["lawyer"] }
route = { enter-at = "large" }

[[rule]]
name = "secret"
keyword = { any = ["password"] }
route = { refuse = "passwords are not discussed here" }
"#;
    sandbox.write("rules.toml", format!("{CASCADE}{rules}"));
    assert_snapshot!(sandbox.run(&["run", "rules.toml", "I call my lawyer", "--id", "c"]), @"
    exit 0
    -- stdout
    [simulated: right] The answer is 9704. This is no real
    -- stderr
    large answered · the last tier that may answer, so no gate is asked
      rule legal: enter at large
      large  accept  last tier  $0.000128 [time]
    $0.000128, as much as always the last tier ($0.000128) · [time]
    ");
    assert_snapshot!(sandbox.run(&["run", "rules.toml", "my password?", "--id", "c"]), @"
    exit 0
    -- stderr
    refused · passwords are not discussed here
      rule secret: refuse (passwords are not discussed here)
    ");
    assert_snapshot!(sandbox.run(&["explain", "rules.toml", "I call my lawyer"]), @"
    exit 0
    -- stdout
    rule legal: enter at large
    1. large  accepts all  about $0.000016 and the answer
       small is skipped (by the rule legal)
    ");
}

#[test]
fn all_rules_that_hold_decide_together() {
    let sandbox = Sandbox::new();
    let rules = r#"
[[rule]]
name = "private"
keyword = { any = ["card"] }
route = { only = ["small"] }

[[rule]]
name = "legal"
keyword = { any = ["lawyer"] }
route = { enter-at = "large" }

[[rule]]
name = "angry"
keyword = { any = ["scandal"] }
route = { review = "an angry customer" }
"#;
    sandbox.write("rules.toml", format!("allow = [\"C065\"]\n{CASCADE}{rules}"));
    assert_snapshot!(sandbox.run(&["explain", "rules.toml", "My lawyer has my card"]), @r#"
    exit 0
    -- stdout
    rule private: only small
    rule legal: enter at large
    nothing is called: the rules leave no tier: "private" allows only small; "legal" enters at large
       small may not see it (by the rules private, legal)
       large may not see it (by the rules private, legal)
    "#);
    assert_snapshot!(sandbox.run(&["explain", "rules.toml", "My lawyer has my card", "--json"]), @r#"
    exit 0
    -- stdout
    {"route":{"refused":"the rules leave no tier: \"private\" allows only small; \"legal\" enters at large","rules":[{"only":["small"],"rule":"private"},{"enter-at":"large","rule":"legal"}],"skipped":{"large":"not-allowed","small":"not-allowed"},"tiers":[]},"tiers":[]}
    "#);
    assert_snapshot!(sandbox.run(&["run", "rules.toml", "My lawyer has my card", "--id", "c"]), @r#"
    exit 0
    -- stderr
    refused · the rules leave no tier: "private" allows only small; "legal" enters at large
      rule private: only small
      rule legal: enter at large
    "#);
    assert_snapshot!(sandbox.run(&["explain", "rules.toml", "A scandal about my card"]), @r#"
    exit 0
    -- stdout
    rule private: only small
    rule angry: review (an angry customer)
    no model is called: an angry customer
       small may not see it (by the rule angry)
       large may not see it (by the rules private, angry)
    "#);
    assert_snapshot!(sandbox.run(&["run", "rules.toml", "What a scandal", "--id", "c"]), @r#"
    exit 0
    -- stderr
    review · a person must look: an angry customer
      rule angry: review (an angry customer)
    "#);
    let trace = sandbox.run(&["run", "rules.toml", "What a scandal", "--trace", "json"]).exits(0).json();
    assert_eq!((&trace["outcome"], &trace["route"]["review"]), (&"review".into(), &"an angry customer".into()));
    sandbox.write("unlooked.toml", format!("{CASCADE}{rules}"));
    let checked = sandbox.run(&["check", "unlooked.toml"]).exits(0);
    assert!(checked.stderr().contains("warning[C065]: where the rules \"private\" and \"legal\" both hold"), "{checked}");
    sandbox.run(&["check", "unlooked.toml", "--strict"]).exits(1);
    sandbox.run(&["check", "rules.toml", "--strict"]).exits(0);
}

#[test]
fn what_fails_before_any_call_is_explained_as_it_is_run() {
    let sandbox = Sandbox::new();
    let rule = "\n[[rule]]\nname = \"legal\"\nkeyword = { any = [\"lawyer\"] }\nroute = { enter-at = \"large\" }\n";
    sandbox.write("poor.toml", format!("{CASCADE}{rule}\n[policy]\nbudget = \"0.0000000001\"\n"));
    let asked = ["poor.toml", "I call my lawyer"];
    assert_snapshot!(sandbox.run(&[&["explain"][..], &asked].concat()), @r#"
    exit 3
    -- stdout
    rule legal: enter at large
       small is skipped (by the rule legal)
    -- stderr
    error: the request's budget does not allow a call to any tier: it is $0.0000000001, and one to "large" may cost $0.000016
    "#);
    assert_snapshot!(sandbox.run(&[&["explain"][..], &asked, &["--json"]].concat()), @r#"
    exit 3
    -- stdout
    {"error":"the request's budget does not allow a call to any tier: it is $0.0000000001, and one to \"large\" may cost $0.000016","route":{"rules":[{"enter-at":"large","rule":"legal"}],"skipped":{"small":"before-entry"},"tiers":["large"]},"tiers":[]}
    -- stderr
    error: the request's budget does not allow a call to any tier: it is $0.0000000001, and one to "large" may cost $0.000016
    "#);
    assert_snapshot!(sandbox.run(&[&["run"][..], &asked, &["--id", "c"]].concat()), @r#"
    exit 3
    -- stderr
    no answer · no tier could give one
      rule legal: enter at large
      no further tier: the next call could exceed the budget
    error: the request's budget does not allow a call to any tier: it is $0.0000000001, and one to "large" may cost $0.000016
    "#);
}

#[test]
fn nobody_is_sure() {
    let sandbox = Sandbox::new();
    let desk =
        "gate = { signal = \"mean-logprob\", threshold = 0.999 }\n\n[[tier]]\nname = \"desk\"\nreview = true\ncost = \"1.5\"\n";
    sandbox.write("review.toml", format!("{CASCADE}{desk}"));
    assert_snapshot!(sandbox.run(&["run", "review.toml", "Where is my order?", "--id", "a"]), @"
    exit 0
    -- stderr
    review · a person must look
      small  defer  mean-logprob 0.553 < 0.850  $0.000007 [time]
      large  defer  mean-logprob 0.830 < 0.999  $0.00028 [time]
      desk   defer  review                      $1.50 [time]
    $1.50 · [time]
    not served, since no gate accepted it: the best there was, from large: [simulated: wrong] The answer is 7003. This is no real model. This is no real model. This is no real model. This is no real model
    ");
    let broken = CASCADE.replace("{ ability = 0.9 }", "{ ability = 0.9, errors = { overloaded = 1.0 } }");
    for (policy, file) in [("abstain", "abstain.toml"), ("answer", "answer.toml")] {
        sandbox.write(file, format!("{broken}\n[policy]\non-exhausted = \"{policy}\"\n"));
    }
    assert_snapshot!(sandbox.run(&["run", "abstain.toml", "Where is my order?", "--id", "a"]), @r#"
    exit 0
    -- stderr
    abstained · the last tier failed, and no tier before was sure enough
      small  defer   mean-logprob 0.553 < 0.850  $0.000007 [time]
      large  failed  overloaded                  $0 [time]
             simulated model "large": a simulated failure (overloaded)
    $0.000007 · [time]
    not served, since no gate accepted it: the best there was, from small: [simulated: wrong] The answer is 9225. This is no real model. This is no real model. This is no real model. This is no
    "#);
    assert_snapshot!(sandbox.run(&["run", "answer.toml", "Where is my order?", "--id", "a"]), @r#"
    exit 0
    -- stdout
    [simulated: wrong] The answer is 9225. This is no real model. This is no real model. This is no real model. This is no
    -- stderr
    small answered · the best that was left, though no gate accepted it: the last tier failed
      small  defer   mean-logprob 0.553 < 0.850  $0.000007 [time]
      large  failed  overloaded                  $0 [time]
             simulated model "large": a simulated failure (overloaded)
    $0.000007 · [time]
    "#);
}

#[test]
fn explain_calls_nothing() {
    let sandbox = Sandbox::new();
    // Nobody listens there, and no key is set.
    let live = "version = 1\nname = \"live\"\n[provider.p.openai-chat]\nbase-url = \"http://127.0.0.1:9/v1\"\n\
        api-key = { env = \"TIERFALL_TEST_NO_SUCH_KEY\" }\n\
        [[tier]]\nname = \"a\"\nmodel = \"p/a\"\nprice = { input = 1, output = 2 }\nparams = { max-tokens = 100 }\n\
        gate = { signal = \"mean-logprob\", threshold = 0.8 }\n[[tier]]\nname = \"bigger\"\nmodel = \"p/b\"\n";
    sandbox.write("live.toml", live);
    assert_snapshot!(sandbox.run(&["explain", "live.toml", "Hi?"]), @"
    exit 0
    -- stdout
    no rule holds
    1. a       accepts from mean-logprob 0.800  about $0.000204
       waits [time] to connect, [time] in all, [time] for a stream to begin; 2 attempts, no pause beyond [time], left alone for [time] after 5 failures in a row
    2. bigger  accepts all                      cost unknown
       waits [time] to connect, [time] in all, [time] for a stream to begin; 3 attempts, no pause beyond [time]
    ");
    assert_snapshot!(sandbox.run(&["explain", "live.toml", "Hi?", "--json"]), @r#"
    exit 0
    -- stdout
    {"route":{"rules":[],"tiers":["a","bigger"]},"tiers":[{"expected_cost_usd":0.000204,"not_allowed":[],"patience":{"attempts":2,"breaker":{"failures":5,"pause_ms":10000},"longest_pause_ms":3000,"stream":{"connect_ms":2000,"idle_ms":8000,"total_ms":600000},"whole":{"connect_ms":2000,"idle_ms":8000,"total_ms":8000}},"signal":"mean-logprob","threshold":0.8,"tier":"a"},{"expected_cost_usd":null,"not_allowed":[],"patience":{"attempts":3,"breaker":null,"longest_pause_ms":30000,"stream":{"connect_ms":10000,"idle_ms":60000,"total_ms":600000},"whole":{"connect_ms":10000,"idle_ms":60000,"total_ms":600000}},"signal":null,"threshold":null,"tier":"bigger"}]}
    "#);
}

#[test]
fn traces_are_logged() {
    let sandbox = Sandbox::with_cascade();
    for id in ["a", "b"] {
        sandbox.run(&["run", "two.cascade.toml", "Hi?", "--id", id, "--trace-log", "traces.jsonl"]).exits(0);
    }
    let ids: Vec<_> =
        sandbox.lines("traces.jsonl").iter().map(|trace| trace["request_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, ["a", "b"]);
    assert!(!sandbox.read("traces.jsonl").contains("simulated"), "a log holds no text of the conversation");
}

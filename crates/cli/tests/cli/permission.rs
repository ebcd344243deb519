//! Who may see a request: what `check`, `explain`, `record` and `grade` say of rules that keep it from a tier.

use insta::assert_snapshot;

use crate::support::{CASCADE, Sandbox};

/// Three tiers; the first two ask the last whether they are right, and it may not see orders below ten.
fn cascade(policy: &str) -> String {
    let asks = "{ p-true = { surrogate = \"large\" } }";
    let small = CASCADE.replace("\"mean-logprob\"", asks).replace("[[tier]]\nname = \"large\"", "[TIERS]");
    let (head, tiers) = small.split_once("[[tier]]").unwrap();
    let medium = format!("[[tier]]{}", tiers.split("[TIERS]").next().unwrap().replace("\"small\"", "\"medium\""));
    let rule = "[[rule]]\nname = \"private\"\nregex = \"order [0-9][?]\"\nroute = { only = [\"small\", \"medium\"] }\n";
    format!("{head}{rule}\n[[tier]]{tiers}{policy}").replace("[TIERS]", &format!("{medium}[[tier]]\nname = \"large\""))
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("two.cascade.toml", cascade(""));
    sandbox
}

#[test]
fn check_says_which_gate_has_nothing_to_read() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.run(&["check", "two.cascade.toml"]), @r#"
    exit 0
    -- stdout
    ok two.cascade.toml: small → medium → large
    -- stderr
    warning[C064]: under the rule "private" the gate of "small" has nothing to read: p-true(surrogate=large) asks "large", which may not see such requests; the tier's answers are deferred, whatever they are
      --> two.cascade.toml:12:18
       |
    12 | route = { only = ["small", "medium"] }
       |                  ^^^^^^^^^^^^^^^^^^^
    ...
    18 | gate = { signal = { p-true = { surrogate = "large" } }, threshold = 0.85 }
       |        ------------------------------------------------------------------- this gate
       |
       = help: let it ask a tier that the rule allows, or read a signal that asks nobody
    "#);
    sandbox.run(&["check", "two.cascade.toml", "--strict"]).exits(1);
    sandbox.write("accept.toml", cascade("\n[policy]\non-abstain = \"accept\"\n"));
    let said = sandbox.run(&["check", "accept.toml"]).exits(0);
    assert!(said.stderr().contains("the tier's complete answers are accepted unread, as on-abstain = \"accept\" says"), "{said}");
}

#[test]
fn explain_says_what_a_gate_would_have_to_ask() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.run(&["explain", "two.cascade.toml", "Where is order 7?"]), @"
    exit 0
    -- stdout
    rule private: only small, medium
    1. small   accepts from p-true(surrogate=large) 0.850  about $0.0000008 and the answer
       p-true(surrogate=large) would ask large, which may not see this: the tier's answers are deferred, whatever they are
    2. medium  accepts all                                 about $0.0000008 and the answer
       large may not see it (by the rule private)
    ");
    assert_snapshot!(sandbox.run(&["explain", "two.cascade.toml", "Where is order 7?", "--json"]), @r#"
    exit 0
    -- stdout
    {"route":{"rules":[{"only":["small","medium"],"rule":"private"}],"skipped":{"large":"not-allowed"},"tiers":["small","medium"]},"tiers":[{"expected_cost_usd":8e-7,"not_allowed":[{"asks":"large","signal":"p-true(surrogate=large)"}],"patience":null,"signal":"p-true(surrogate=large)","threshold":0.85,"tier":"small"},{"expected_cost_usd":8e-7,"not_allowed":[],"patience":null,"signal":null,"threshold":null,"tier":"medium"}]}
    "#);
    let free = sandbox.run(&["explain", "two.cascade.toml", "Where is order 70?"]).exits(0);
    assert!(!free.stdout().contains("may not see"), "{free}");
}

#[test]
fn a_run_asks_nobody_who_may_not_see_it() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "Where is order 7?", "--id", "a"]), @"
    exit 0
    -- stdout
    [simulated: wrong] The answer is 8262. This is no real model. This is no real model. This is no real model. This is no
    -- stderr
    medium answered · the last tier that may answer, so no gate is asked
      rule private: only small, medium
      small   defer   abstained: not-allowed  $0.000007 [time]
      medium  accept  last tier               $0.000007 [time]
    $0.000014, 95 % less than always the last tier (about $0.000264) · [time]
    ");
}

#[test]
fn record_counts_apart_what_is_not_allowed_and_grade_calls_it_neither_wrong_nor_missing() {
    let sandbox = sandbox();
    sandbox.fixture_set("orders", 12);
    let recorded = sandbox.run(&["record", "two.cascade.toml", "orders"]).exits(0);
    assert!(recorded.stderr().contains("✓ small: 12 recorded · ") && recorded.stderr().contains("✓ medium: 12 recorded · "));
    assert!(recorded.stderr().contains("✓ large: 2 recorded, 10 not allowed · "), "{recorded}");
    let marked = sandbox.lines("fixtures/orders/recordings/large.jsonl");
    assert_eq!(
        (&marked[1]["status"], &marked[1]["rule"], marked[1].get("text")),
        (&"not-allowed".into(), &"private".into(), None)
    );
    let again = sandbox.run(&["record", "two.cascade.toml", "orders", "--only-missing"]).exits(0);
    assert!(again.stderr().contains("✓ large: 0 recorded, 2 were there already, 10 not allowed · "), "{again}");
    let graded = sandbox.run(&["grade", "fixtures/orders"]).exits(0);
    assert!(graded.stdout().contains("/2 (10 not allowed)") && !graded.stdout().contains("missing"), "{graded}");
    let table = sandbox.run(&["grade", "fixtures/orders", "--json", "--quiet"]).exits(0).json();
    let large = &table["total"][1];
    assert_eq!((&large["n"], &large["missing"], &large["not_allowed"]), (&2.into(), &0.into(), &10.into()));
    sandbox.write("replay.toml", cascade("\n[replay]\nfixtures = \"orders\"\n"));
    let checked = sandbox.run(&["check", "replay.toml"]).exits(0);
    assert!(checked.stdout().contains("orders: 12 examples, 10 not allowed for large"), "{checked}");
    assert!(!checked.stdout().contains("F032"), "{checked}");
    // Without the rule they are missing.
    let lifted = cascade("\n[replay]\nfixtures = \"orders\"\n").replace("order [0-9][?]", "never");
    sandbox.write("lifted.toml", lifted);
    let checked = sandbox.run(&["check", "lifted.toml"]).exits(0);
    assert!(checked.stdout().contains("orders: 12 examples, 10 not recorded for large"), "{checked}");
}

#[test]
fn what_is_said_against_the_last_tier_is_about_what_it_may_see() {
    let sandbox = Sandbox::new();
    sandbox.fixture_set("orders", 12);
    let expect = "\n[[expect]]\nfixtures = \"orders\"\nsplit = \"test\"\nloss-vs-last-at-most = 1\ncost-ratio-at-most = 9\n";
    let regressed = |text: &str| {
        sandbox.write("two.cascade.toml", text);
        sandbox.run(&["record", "two.cascade.toml", "orders", "--quiet"]).exits(0);
        sandbox.run(&["grade", "fixtures/orders", "--quiet"]).exits(0);
        sandbox.run(&["regress", "two.cascade.toml", "--format", "json"])
    };
    let ran = regressed(&cascade(expect)).exits(0);
    let checks = ran.json()["cascades"][0]["checks"].clone();
    let of = |name: &str| checks.as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone();
    for name in ["loss-vs-last", "cost-ratio"] {
        assert_eq!((&of(name)["n"], &of(name)["verdict"]), (&2.into(), &"pass".into()), "{}", of(name));
    }
    assert!(ran.stdout().contains("rules keep 10 of 12 examples from the last tier \\\"large\\\""), "{ran}");
    // Where it may see none, nothing can be said.
    let none = regressed(&cascade(expect).replace("order [0-9][?]", "order")).json();
    let checks = none["cascades"][0]["checks"].as_array().unwrap();
    let loss = checks.iter().find(|check| check["name"] == "loss-vs-last").unwrap();
    assert_eq!((&loss["n"], &loss["verdict"]), (&0.into(), &"inconclusive".into()), "{loss}");
    assert!(loss["why"].as_str().unwrap().contains("rules keep every example from the last tier, \"large\""), "{loss}");
}

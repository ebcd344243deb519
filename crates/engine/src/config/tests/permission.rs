//! What is said of rules that keep from a tier what a gate has to ask.

const HEAD: &str = r#"version = 1
name = "demo"

[provider.local.openai-chat]
base-url = "http://127.0.0.1:8001/v1"

"#;

/// Three tiers with log-probabilities, of which the first two ask the last whether they are right.
fn asking(rule: &str, policy: &str, first: &str) -> String {
    let tier = |name: &str, gate: &str| format!("[[tier]]\nname = \"{name}\"\nmodel = \"local/{name}\"\n{gate}\n");
    let gate = |signals: &str| format!("gate = {{ {signals}, threshold = 0.5 }}");
    let asks = "signal = { p-true = { surrogate = \"large\" } }";
    let tiers = tier("small", &gate(first)) + &tier("medium", &gate(asks)) + &tier("large", "");
    format!(
        "{HEAD}[[rule]]\nname = \"private\"\npersonal-data = {{ any = [\"card\"] }}\nroute = {{ {rule} }}\n\n{tiers}\n{policy}"
    )
}

fn warned(text: &str) -> String {
    let loaded = super::good(text);
    loaded.warnings.iter().map(|warning| warning.render("demo.cascade.toml", &loaded.text)).collect()
}

#[test]
fn a_gate_that_a_rule_leaves_nothing_to_read_is_a_warning() {
    let asks = "signal = { p-true = { surrogate = \"large\" } }";
    insta::assert_snapshot!(warned(&asking("only = [\"small\", \"medium\"]", "", asks)));
}

#[test]
fn where_unread_answers_are_accepted_the_warning_says_so() {
    let asks = "signal = { p-true = { surrogate = \"large\" } }";
    let said = warned(&asking("only = [\"small\", \"medium\"]", "[policy]\non-abstain = \"accept\"\n", asks));
    assert!(said.contains("the tier's complete answers are accepted unread, as on-abstain = \"accept\" says"), "{said}");
    // What no validator can read is deferred all the same.
    let requires = "signal = \"mean-logprob\", require = [{ p-true = { surrogate = \"large\" } }]";
    let said = warned(&asking("only = [\"small\", \"medium\"]", "[policy]\non-abstain = \"accept\"\n", requires));
    assert!(said.contains("the tier's answers are deferred, whatever they are"), "{said}");
}

#[test]
fn a_gate_that_can_read_or_decides_nothing_is_no_warning() {
    let asks = "signal = { p-true = { surrogate = \"large\" } }";
    for (rule, policy, first) in [
        // The tier at the end of its way has no gate in force.
        ("only = [\"small\"]", "", asks),
        ("only = [\"medium\", \"large\"]", "", asks),
        ("enter-at = \"large\"", "", asks),
        ("refuse = \"no\"", "", asks),
        ("only = [\"small\", \"medium\"]", "", "signal = \"p-true\""),
        ("only = [\"small\", \"medium\"]", "", "signal = \"mean-logprob\", observe = [{ p-true = { surrogate = \"large\" } }]"),
    ] {
        assert_eq!(warned(&asking(rule, policy, first)), "", "{rule} {first}");
    }
    // Where nothing is served unsure, it has one.
    let abstaining = "[policy]\non-exhausted = \"abstain\"\n";
    assert!(warned(&asking("only = [\"medium\"]", abstaining, asks)).contains("the gate of \"medium\""));
}

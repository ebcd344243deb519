//! What changes a digest, and what does not.

use super::EXAMPLE;
use super::{edited, good};
use crate::binding::TierBinding;

fn small(text: &str) -> TierBinding {
    good(text).tiers[0].clone().unwrap()
}

#[test]
fn unrelated_edits_change_no_digest() {
    let before = small(EXAMPLE);
    for (from, to) in [
        ("version = 1", "# a comment\nversion = 1"),
        ("\"0.02\"", "\"0.03\""),
        ("threshold = 0.6", "threshold = 0.5"),
        ("observe = [\"mean-logprob\"]", "observe = []"),
        ("total = \"30s\"", "total = \"40s\""),
        ("context-window = 4096", "context-window = 8192"),
        ("http://127.0.0.1:8001/v1", "http://127.0.0.1:9001/v1"),
        ("deadline = \"60s\"", "deadline = \"50s\""),
    ] {
        let after = small(&edited(from, to));
        assert_eq!(
            (&after.digest, &after.prompt_digest, &after.params_digest),
            (&before.digest, &before.prompt_digest, &before.params_digest),
            "{from} -> {to}"
        );
    }
}

#[test]
fn a_mismatch_can_be_named() {
    let before = small(EXAMPLE);
    for (from, to, prompt, params) in [
        ("in one sentence", "in two sentences", true, false),
        ("in five to seven days", "in a week", true, false),
        ("temperature = 0,", "temperature = 1,", false, true),
        ("max-tokens = 200", "max-tokens = 200, extra = { top_k = 5 }", false, true),
        ("qwen2.5-0.5b\"", "qwen2.5-0.5b\"\nmodel-digest = \"sha256:1\"", false, false),
        ("local/qwen2.5-0.5b", "local/qwen3", false, false),
        ("alpha = 0.2", "alpha = 0.3", false, false),
        ("require = [\"non-empty\"]", "require = []", false, false),
    ] {
        let after = small(&edited(from, to));
        assert_ne!(after.digest, before.digest, "{from} -> {to}");
        assert_eq!(after.prompt_digest != before.prompt_digest, prompt, "{from} -> {to}");
        assert_eq!(after.params_digest != before.params_digest, params, "{from} -> {to}");
    }
}

#[test]
fn instructions_of_a_signal_are_part_of_the_prompt() {
    let rated = edited("{ quantile-logprob = { alpha = 0.2 } }", "\"self-rated\"");
    assert_ne!(small(&rated).prompt_digest, small(EXAMPLE).prompt_digest);
}

#[test]
fn the_provider_is_part_of_the_digest() {
    let renamed = EXAMPLE.replace("local", "lan");
    let (before, after) = (small(EXAMPLE), small(&renamed));
    assert_eq!((&*after.provider, &*after.provider_kind), ("lan", "openai-chat"));
    assert_ne!(before.digest, after.digest);
    assert_eq!(before.prompt_digest, after.prompt_digest);
}

#[test]
fn only_used_keys_are_asked_for() {
    let loaded = good(&edited(
        "[[rule]]",
        "[provider.spare.openai-chat]\nbase-url = \"http://h\"\napi-key = { env = \"SPARE\" }\n\n[[rule]]",
    ));
    let unset = |set: &[&str]| -> Vec<String> {
        loaded.unset_keys(|env| set.contains(&env)).into_iter().map(|key| format!("{}: {}", key.provider, key.env)).collect()
    };
    assert_eq!(unset(&[]), ["claude: ANTHROPIC_API_KEY", "local: LOCAL_KEY"]);
    assert_eq!(unset(&["LOCAL_KEY"]), ["claude: ANTHROPIC_API_KEY"]);
    assert_eq!(loaded.warnings.iter().map(|warning| warning.code.id).collect::<Vec<_>>(), ["C060", "C062"]);
}

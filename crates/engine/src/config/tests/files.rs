//! Files that a cascade names, and what a good file becomes.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use tierfall_core::cascade::Answerer;
use tierfall_core::number::Threshold;
use tierfall_core::plan::Plan;
use tierfall_core::request::{Message, Request};

use super::{EXAMPLE, bad, edited, good};
use crate::config::file::HeaderSource;
use crate::config::{ConfigError, Loaded, ProviderSpec, load, parse};

fn with(files: &[(&str, &str)], text: &str) -> Result<Loaded, ConfigError> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let read = |path: &Path| {
        let found = files.get(path.to_str().unwrap()).ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        Ok((*found).to_owned())
    };
    parse(text, Path::new("cascades/support.cascade.toml"), &read)
}

fn preamble(loaded: &Loaded) -> Vec<Message> {
    let Answerer::Model(model) = &loaded.cascade.tiers()[0].answerer else { panic!("the first tier is a model") };
    model.preamble.to_vec()
}

#[test]
fn the_example_becomes_what_it_says() {
    let loaded = good(EXAMPLE);
    assert_eq!(loaded.warnings, []);
    let names: Vec<&str> = loaded.cascade.tiers().iter().map(|tier| &*tier.name).collect();
    assert_eq!(names, ["small", "medium", "large"]);
    let gate = loaded.cascade.tiers()[0].gate.as_ref().unwrap();
    assert_eq!(&*gate.signal.label, "quantile-logprob(alpha=0.2)");
    let Threshold::AcceptFrom { score, .. } = gate.threshold else { panic!("a number accepts from it on") };
    assert!((score.get() - 0.6f64.ln()).abs() < 1e-12);
    let Answerer::Model(model) = &loaded.cascade.tiers()[2].answerer else { panic!("the last tier is a model") };
    let price = model.price.unwrap();
    assert_eq!((price.cached_input.unwrap().to_string(), price.cached_write.unwrap().to_string()), ("0.5".into(), "6.25".into()));
    assert_eq!(loaded.cascade.policy().deadline, Some(Duration::from_mins(1)));
    assert_eq!(loaded.cascade.rules().iter().map(|rule| &*rule.name).collect::<Vec<_>>(), ["legal", "personal-data"]);
    let planned = |question: &str| {
        let plan = Plan::new(&loaded.cascade, Request::new("id", question));
        plan.tiers.iter().map(|ix| ix.0).collect::<Vec<_>>()
    };
    assert_eq!(planned("I will go to court"), [1, 2]);
    assert_eq!(planned("Is 4111 1111 1111 1111 my card?"), [0, 1]);
    assert_eq!(planned("I will go to court over 4111 1111 1111 1111"), [1]);
    let Some(ProviderSpec::Http(http)) = loaded.providers.get("claude") else { panic!("claude is declared") };
    assert_eq!((http.settings.retries, http.settings.max_concurrency, http.settings.max_body_mib), (Some(3), 32, 16));
    assert_eq!(loaded.expects[0].split, "test");
}

#[test]
fn a_budget_over_tiers_that_nothing_limits_is_a_warning() {
    let warned = |text: &str| good(text).warnings.into_iter().map(|one| (one.code.id, one.message)).collect::<Vec<_>>();
    let without = EXAMPLE.replace("params = { max-tokens = 1000 }\n", "");
    let message = "nothing limits the tokens that \"large\" may generate: of requests without a limit of their own the budget counts the prompt alone";
    assert_eq!(warned(&without), [("C067", message.to_owned())]);
    for limited in ["context-window = 200000\n", "params = { extra = { max_completion_tokens = 9 } }\n"] {
        assert_eq!(warned(&EXAMPLE.replace("params = { max-tokens = 1000 }\n", limited)), []);
    }
    assert_eq!(warned(&without.replace("budget = \"0.05\"\n", "")), []);
}

#[test]
fn a_person_may_be_the_last_tier() {
    let text = EXAMPLE
        .replace("model = \"claude/opus\"\nprice = { input = 5, output = 25, cached-input = 0.5, cached-write = 6.25 }\nparams = { max-tokens = 1000 }", "review = true\ncost = 2.5");
    let loaded = good(&text);
    assert!(loaded.tiers[2].is_none());
    let Answerer::Human { cost: Some(cost) } = loaded.cascade.tiers()[2].answerer else { panic!("a person") };
    assert_eq!(cost.pico(), 2_500_000_000_000);
}

#[test]
fn headers_come_from_the_file_or_the_environment() {
    let loaded = good(&edited("retries = 3", "headers = { x-team = \"blue\", authorization = { env = \"TOKEN\" } }"));
    let Some(ProviderSpec::Http(http)) = loaded.providers.get("claude") else { panic!("claude is declared") };
    let team = http.settings.headers.iter().find(|(name, _)| name.get_ref() == "x-team");
    assert_eq!(team.unwrap().1, &HeaderSource::Text("blue".into()));
    assert!(loaded.unset_keys(|_| false).iter().any(|key| key.env == "TOKEN"));
}

#[test]
fn prompts_and_turns_from_files_are_the_same_as_inline() {
    let text = edited("\"You answer questions of customers in one sentence.\"", "{ file = \"small.md\" }");
    let turns = "[{ user = \"Do you ship to Norway?\", assistant = \"Yes, in five to seven days.\" }]";
    let text = text.replace(turns, "{ file = \"told/../turns.jsonl\" }");
    let files = [
        ("cascades/small.md", "You answer questions of customers in one sentence.\n"),
        (
            "cascades/told/../turns.jsonl",
            "{\"role\": \"user\", \"content\": \"Do you ship to Norway?\"}\n\n{\"role\": \"assistant\", \"content\": \"Yes, in five to seven days.\"}\n",
        ),
    ];
    let loaded = with(&files, &text).unwrap();
    assert_eq!(preamble(&loaded), preamble(&good(EXAMPLE)));
    assert_eq!(loaded.tiers[0].as_ref().unwrap().digest, good(EXAMPLE).tiers[0].as_ref().unwrap().digest);
}

#[test]
fn broken_files_are_named_with_their_lines() {
    let text = edited("\"You answer questions of customers in one sentence.\"", "{ file = \"empty.md\" }");
    let text = text.replace(
        "name = \"medium\"",
        "name = \"medium\"\nsystem-prompt = { file = \"absent.md\" }\nexample-turns = { file = \"turns.jsonl\" }",
    );
    let files = [
        ("cascades/empty.md", " \n"),
        (
            "cascades/turns.jsonl",
            "{\"role\": \"system\", \"content\": \"x\"}\n{\"role\": \"user\"\n{\"role\": \"user\", \"content\": \"x\"}\n",
        ),
    ];
    insta::assert_snapshot!(with(&files, &text).unwrap_err());
}

#[test]
fn an_absent_cascade_is_a_diagnostic_too() {
    let error = load("no/such.cascade.toml").unwrap_err();
    insta::assert_snapshot!(error, @r"
    error[C008]: no/such.cascade.toml cannot be read: there is no such file

    1 problem in no/such.cascade.toml
    ");
}

#[test]
fn the_digest_is_of_the_bytes() {
    assert_ne!(good(EXAMPLE).digest, good(&format!("# a comment\n{EXAMPLE}")).digest);
    assert_eq!(good(EXAMPLE).digest, good(EXAMPLE).digest);
}

#[test]
fn simulated_models_are_declared_whole() {
    let simulated = "[provider.local.simulated]\nseed = 7\n\n[provider.local.simulated.models.\"qwen2.5-0.5b\"]\nability = 0.3\n\
                     latency = { first = \"20ms\" }\nerrors = { rate-limited = 0.1 }\n\n\
                     [provider.local.simulated.models.\"qwen2.5-1.5b\"]\nlogprobs = false\n";
    let real = "[provider.local.openai-chat]\nbase-url = \"http://127.0.0.1:8001/v1\"\napi-key = { env = \"LOCAL_KEY\" }\n";
    // The second model tells no log-probabilities, which its gate reads.
    let error = bad(&edited(real, simulated));
    assert_eq!(error.diagnostics.iter().map(|found| found.code.id).collect::<Vec<_>>(), ["C022"], "{error}");
    let loaded = good(&edited(real, &simulated.replace("logprobs = false", "slope = 5")));
    let Some(ProviderSpec::Simulated(spec)) = loaded.providers.get("local") else { panic!("local is simulated") };
    let small = &spec.models["qwen2.5-0.5b"];
    assert_eq!((small.seed, small.latency.first, small.errors.len()), (7, Duration::from_millis(20), 1));
}

/// What a dialect cannot ask for is known before the small tier is paid.
#[test]
fn a_format_that_the_dialect_cannot_say_skips_the_tier() {
    let text = |more: &str| {
        format!(
            "version = 1\nname = \"demo\"\n[provider.local.openai-chat]\nbase-url = \"http://127.0.0.1:8001/v1\"\n\
             [provider.claude.anthropic]\nbase-url = \"https://api.anthropic.com/v1\"\n\
             [[tier]]\nname = \"small\"\nmodel = \"local/a\"\ngate = {{ signal = \"mean-logprob\", threshold = 0.7 }}\n\
             [[tier]]\nname = \"large\"\nmodel = \"claude/b\"\n{more}"
        )
    };
    for more in ["", "capabilities = [\"tools\"]"] {
        let loaded = good(&text(more));
        let mut request = Request::new("id", "q");
        let asked = |request: &Request| Plan::new(&loaded.cascade, request.clone()).tiers.len();
        assert_eq!(asked(&request), 2);
        request.response_format = Some(serde_json::json!({ "type": "json_object" }).into());
        assert_eq!(asked(&request), 1, "{more}");
    }
    let error = bad(&text("capabilities = [\"structured-output\"]")).to_string();
    assert!(error.contains("declares `structured-output`, which cannot be asked for in the dialect `anthropic`"), "{error}");
}

#[test]
fn where_another_tier_is_ready_nobody_waits_long_unless_the_file_says_so() {
    use std::time::Duration;
    use tierfall_core::cascade::TierIx;

    let file = |provider: &str, tier: &str| {
        format!(
            "version = 1\nname = \"two\"\n[provider.p.openai-chat]\nbase-url = \"http://127.0.0.1:1/v1\"\n{provider}\n[[tier]]\nname = \
             \"small\"\nmodel = \"p/a\"\n{tier}\ngate = {{ signal = \"mean-logprob\", threshold = 0.8 }}\n[[tier]]\nname = \"large\"\nmodel = \"p/b\"\n"
        )
    };
    let told = |provider: &str, tier: &str, fails_over: bool| {
        let loaded = good(&file(provider, tier));
        let patience = loaded.patience(TierIx(usize::from(!fails_over)), fails_over).unwrap();
        let secs = |limit: Option<Duration>| limit.unwrap().as_secs();
        let whole = (secs(patience.whole.connect), secs(patience.whole.idle), secs(patience.whole.total));
        let more = (secs(patience.stream.total), patience.attempts, patience.longest_pause.as_secs());
        (whole, more, patience.breaker.map(|breaker| (breaker.failures.get(), breaker.pause.as_secs())))
    };
    assert_eq!(told("", "", true), ((2, 8, 8), (600, 2, 3), Some((5, 10))));
    assert_eq!(told("", "", false), ((10, 60, 600), (600, 3, 30), None));
    let provider =
        "retries = 4\nmax-retry-after = \"20s\"\nconnect-timeout = \"7s\"\nbreaker-failures = 9\nbreaker-pause = \"1m\"";
    let tier = "timeouts = { idle = \"9s\", total = \"30s\" }";
    assert_eq!(told(provider, tier, true), ((7, 9, 30), (30, 5, 20), Some((9, 60))), "what is written counts");
    assert_eq!(told(provider, "", false), ((7, 60, 600), (600, 5, 20), None));
    assert_eq!(told("breaker-failures = 0", "", true).2, None);
    assert_eq!(told("retries = 0", "timeouts = { connect = \"1s\" }", true), ((1, 8, 8), (600, 1, 3), Some((5, 10))));
}

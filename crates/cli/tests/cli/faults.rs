//! Providers that fail: exit 3, with what happened and what to do.

use insta::assert_snapshot;
use tierfall_testkit::openai::chat;
use tierfall_testkit::{Script, Server, sample};

use crate::support::{Ran, Sandbox};

/// Asks a cascade of one tier whose provider answers everything with `script`: what came of it, and how many requests it took.
async fn asking(script: Script, settings: &str) -> (Ran, usize, Sandbox) {
    let server = Server::start(script).await.unwrap();
    let sandbox = Sandbox::new();
    let cascade = format!(
        "version = 1\nname = \"live\"\n[provider.p.openai-chat]\nbase-url = \"{}/v1\"\n{settings}\n[[tier]]\nname = \"only\"\nmodel = \"p/m\"\n",
        server.url()
    );
    sandbox.write("live.toml", cascade);
    let ran = sandbox.run(&["run", "live.toml", "Hi?", "--id", "1"]);
    (ran, server.received().len(), sandbox)
}

fn answer() -> String {
    chat(&sample::sure("Hello.", 0.9)).to_string()
}

// The server runs in this process: it needs a thread while the test waits for the command.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nothing_is_wrong() {
    let (ran, _, _sandbox) = asking(Script::json(answer()), "").await;
    assert_eq!(ran.exits(0).stdout(), "Hello.\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_provider_is_down() {
    let sandbox = Sandbox::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    sandbox.write(
        "down.toml",
        format!(
            "version = 1\nname = \"down\"\n[provider.p.openai-chat]\nbase-url = \"http://127.0.0.1:{port}/v1\"\nretries = 0\n[[tier]]\nname = \"only\"\nmodel = \"p/m\"\n"
        ),
    );
    assert_snapshot!(sandbox.run(&["run", "down.toml", "Hi?"]), @r#"
    exit 3
    -- stderr
    no answer · no tier could give one
      only  failed  connect  $0 [time]
    $0 · [time]
    error: provider "p": connection refused at 127.0.0.1:[port]; is the server running?
    "#);
    let ran = sandbox.run(&["run", "down.toml", "Hi?", "--trace", "json"]).exits(3);
    let json = ran.json();
    assert_eq!((&json["outcome"], &json["answer"], &json["tier"]), (&"failed".into(), &().into(), &().into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_key_is_refused() {
    let body = r#"{"error": {"message": "Incorrect API key provided: sk-abcdefghijklmnop", "code": "invalid_api_key"}}"#;
    let (ran, asked, _sandbox) = asking(Script::status(401).piece(body), "").await;
    assert_eq!(asked, 1, "asking again cannot help");
    assert_snapshot!(ran, @r#"
    exit 3
    -- stderr
    no answer · no tier could give one
      only  failed  auth  $0 [time]
    $0 · [time]
    error: provider "p": 401 Unauthorized: Incorrect API key provided: [key]; no key is configured for this provider
    hint: set the key that the cascade file names, and check that it is valid
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_storm_of_429() {
    let body = r#"{"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}"#;
    let (ran, asked, _sandbox) = asking(Script::status(429).header("retry-after", "0").piece(body), "retries = 2").await;
    assert_eq!(asked, 3);
    assert_snapshot!(ran, @r#"
    exit 3
    -- stderr
    no answer · no tier could give one
      only  failed  rate-limited, 3 attempts  $0 [time]
    $0 · [time]
    error: provider "p": 429 Too Many Requests: Slow down; lower the provider's concurrency or wait; tried 3 times
    hint: try again later, or lower the concurrency
    "#);
}

/// Two tiers at one server: the first answers with this choice, the second as it should.
async fn two_tiers(choice: &serde_json::Value) -> (Server, Sandbox) {
    let server = Server::start(Script::json(answer())).await.unwrap();
    let usage = serde_json::json!({ "prompt_tokens": 9, "completion_tokens": 2 });
    server.push(Script::json(serde_json::json!({ "choices": [choice], "usage": usage }).to_string()));
    let sandbox = Sandbox::new();
    let tiers = "[[tier]]\nname = \"small\"\nmodel = \"p/s\"\nprice = { input = 1, output = 2 }\n\
                 gate = { signal = \"mean-logprob\", threshold = 0.8 }\n\
                 [[tier]]\nname = \"large\"\nmodel = \"p/l\"\nprice = { input = 10, output = 20 }\n";
    let provider = format!("[provider.p.openai-chat]\nbase-url = \"{}/v1\"\nretries = 0\n", server.url());
    sandbox.write("two.toml", format!("version = 1\nname = \"two\"\n{provider}{tiers}"));
    sandbox.write(
        "fixtures/one/set.toml",
        "name = \"one\"\nsplits = [\"test\"]\ntiers = [\"small\", \"large\"]\ngrader = \"exact\"\n",
    );
    let example = r#"{"id": "a", "segment": "s", "split": "test", "query": "Hi?", "expected": "Hello."}"#;
    sandbox.write("fixtures/one/examples.jsonl", format!("{example}\n"));
    (server, sandbox)
}

fn surely(message: &serde_json::Value, finish: &str) -> serde_json::Value {
    let logprobs = serde_json::json!({ "content": [{ "token": "Hello.", "logprob": -0.01 }] });
    serde_json::json!({ "index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn only_what_is_finished_and_says_something_is_accepted() {
    let hello = serde_json::json!({ "role": "assistant", "content": "Hello." });
    let reasoned = serde_json::json!({ "role": "assistant", "content": "", "reasoning_content": "It is a greeting." });
    for (message, finish, reason, detail) in [
        (&hello, "stop", "above-threshold", None),
        (&hello, "eos_token", "above-threshold", None),
        (&hello, "error", "failed", Some("overloaded")),
        (&hello, "abort", "failed", Some("overloaded")),
        (&hello, "max_tokens", "truncated", None),
        (&hello, "MAX_TOKENS", "truncated", None),
        (&hello, "SAFETY", "filtered", None),
        (&hello, "abort2", "unfinished", Some("abort2")),
        (&hello, "sk-SECRETKEYabcdef123456", "unfinished", Some("a word that cannot be told")),
        (&hello, "tool_calls", "unfinished", Some("tool_calls")),
        (&reasoned, "stop", "empty", None),
    ] {
        let (_server, sandbox) = two_tiers(&surely(message, finish)).await;
        let json = sandbox.run(&["run", "two.toml", "Hi?", "--trace", "json"]).exits(0).json();
        let step = &json["steps"][0];
        assert_eq!((step["reason"].as_str(), step["detail"].as_str()), (Some(reason), detail), "{finish}: {step}");
        assert_eq!(json["tier"], if reason == "above-threshold" { "small" } else { "large" }, "{finish}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_served_beside_a_rating_is_what_the_model_said() {
    let unclear = r#"{"answer":"5" long","confidence":0.9}"#;
    for (gate, said, served, reason) in [
        ("{ self-rated = {} }", "Paris\nConfidence: 85 (high)", "Paris", "above-threshold"),
        ("{ self-rated = {} }", "Paris (Confidence: 85)", "Paris", "above-threshold"),
        ("{ self-rated = {} }", "Confidence: 90\nParis", "Paris", "above-threshold"),
        ("{ self-rated = {} }", "Confidence: 90", "Hello.", "empty"),
        ("{ self-rated = {} }", "<think>It is Paris.</think>\nConfidence: 90", "Hello.", "empty"),
        ("{ self-rated = {} }", "We report (confidence: 95%) the mean.", "Hello.", "abstained"),
        (
            "{ self-rated = { style = 'json', scale = 'unit' } }",
            "{'answer':'Paris','confidence':.9,}",
            "Paris",
            "above-threshold",
        ),
        ("{ self-rated = { style = 'json', scale = 'unit' } }", r#"{"answer":null,"confidence":0.9}"#, "Hello.", "empty"),
        ("{ self-rated = { style = 'json', scale = 'unit' } }", unclear, "Hello.", "abstained"),
    ] {
        let (_server, sandbox) = two_tiers(&surely(&serde_json::json!({ "content": said }), "stop")).await;
        let cascade = sandbox.read("two.toml").replace("\"mean-logprob\"", gate);
        sandbox.write("two.toml", cascade);
        let json = sandbox.run(&["run", "two.toml", "Hi?", "--trace", "json"]).exits(0).json();
        assert_eq!((json["answer"].as_str(), json["steps"][0]["reason"].as_str()), (Some(served), Some(reason)), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_unknown_reason_is_said_in_the_trace_and_by_record() {
    let (_server, sandbox) = two_tiers(&surely(&serde_json::json!({ "content": "Hello." }), "abort2\u{1b}[2J")).await;
    assert_snapshot!(sandbox.run(&["run", "two.toml", "Hi?", "--trace", "text"]), @"
    exit 0
    -- stdout
    Hello.
    -- stderr
    large answered · the last tier, without a gate
      small  defer   unfinished: a word that cannot be told  $0.000013 [time]
      large  accept  last tier                               $0.00012 [time]
    $0.000133, 11 % more than always the last tier ($0.00012) · [time]
    ");
    let (_server, sandbox) = two_tiers(&surely(&serde_json::json!({ "content": "Hello." }), "abort2")).await;
    assert_snapshot!(sandbox.run(&["record", "two.toml", "one", "--tier", "small"]), @"
    exit 0
    -- stderr
    ! small: 1 recorded · 9 tokens in, 2 out · $0.000013 · [time]
      no gate accepts these answers of it, however sure: 1 unfinished (abort2)
    ");
    assert_snapshot!(sandbox.run(&["record", "two.toml", "one"]), @"
    exit 0
    -- stderr
    ! small: 0 recorded, 1 were there already · 0 tokens in, 0 out · $0 · [time]
      no gate accepts these answers of it, however sure: 1 unfinished (abort2)
    ✓ large: 1 recorded · 10 tokens in, 1 out · $0.00012 · [time]
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_last_tier_says_what_is_the_matter_with_what_it_serves() {
    let choice = surely(&serde_json::json!({ "content": "" }), "stop");
    let body = serde_json::json!({ "choices": [choice] }).to_string();
    let (ran, _, _sandbox) = asking(Script::json(body), "").await;
    assert_snapshot!(ran, @"
    exit 0
    -- stdout

    -- stderr
    only answered · the last tier, without a gate, though its answer is empty
    unknown cost · [time]
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_reply_is_cut() {
    let (ran, _, _sandbox) = asking(Script::json(answer()[..40].to_owned()).cut(), "retries = 0").await;
    assert_snapshot!(ran, @r#"
    exit 3
    -- stderr
    no answer · no tier could give one
      only  failed  truncated  unknown cost [time]
    unknown cost · [time]
    error: provider "p": the connection to 127.0.0.1:[port] broke before the reply was complete: unexpected EOF during chunk size line
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_reply_is_not_utf8() {
    let (ran, _, _sandbox) = asking(Script::json(&b"{\"choices\": [{\"message\": {\"content\": \"\xff\"}}]}"[..]), "").await;
    assert_snapshot!(ran, @r#"
    exit 3
    -- stderr
    no answer · no tier could give one
      only  failed  malformed  unknown cost [time]
    unknown cost · [time]
    error: provider "p": its reply cannot be read (the body: the body is not UTF-8 (byte 38)); is the dialect the right one for this server?
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_reply_is_a_page() {
    let (ran, _, _sandbox) = asking(Script::json("<html><body>Welcome to the proxy</body></html>"), "").await;
    assert_snapshot!(ran, @r#"
    exit 3
    -- stderr
    no answer · no tier could give one
      only  failed  malformed  unknown cost [time]
    unknown cost · [time]
    error: provider "p": its reply cannot be read (the body: not valid JSON (line 1, column 1)); is the dialect the right one for this server?
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_reply_has_50_mib() {
    let script = Script::json(r#"{"choices": [{"message": {"content": ""#).repeat(vec![b'a'; 1 << 20], 50);
    let (ran, _, _sandbox) = asking(script, "retries = 0").await;
    assert_snapshot!(ran, @r#"
    exit 3
    -- stderr
    no answer · no tier could give one
      only  failed  too-large  unknown cost [time]
    unknown cost · [time]
    error: provider "p": the reply exceeds 16777216 bytes and was not read further; raise the limit if answers may be that long
    "#);
}

/// Sums with such a count once ended the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_usage_is_absurd() {
    for tokens in ["18446744073709551615", "-1", "1e999", "7.5"] {
        let body = answer().replace("\"prompt_tokens\":10", &format!("\"prompt_tokens\":{tokens}"));
        assert!(body.contains(tokens), "{body}");
        let server = Server::start(Script::json(body)).await.unwrap();
        let sandbox = Sandbox::new();
        let provider = format!("version = 1\nname = \"live\"\n[provider.p.openai-chat]\nbase-url = \"{}/v1\"\n", server.url());
        let tier = |name: &str| format!("[[tier]]\nname = \"{name}\"\nmodel = \"p/m\"\nprice = {{ input = 1, output = 2 }}\n");
        let gate = "gate = { signal = \"mean-logprob\", threshold = 0.8 }\n";
        sandbox.write("live.toml", provider + &tier("small") + gate + &tier("large"));
        let ran = sandbox.run(&["run", "live.toml", "Hi?", "--id", "1", "--trace", "json"]).exits(0);
        let json = ran.json();
        assert_eq!((&json["answer"], &json["tier"]), (&"Hello.".into(), &"small".into()), "{tokens}");
        assert_eq!((&json["cost_usd"], &json["cost_if_last_usd"]), (&().into(), &().into()), "{tokens}");
        assert_eq!(sandbox.run(&["run", "live.toml", "Hi?", "--id", "1"]).exits(0).stdout(), "Hello.\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_better_tier_answers_for_a_broken_one() {
    let server = Server::start(Script::json(answer())).await.unwrap();
    let sandbox = Sandbox::new();
    let cascade = format!(
        "version = 1\nname = \"live\"\n[provider.up.openai-chat]\nbase-url = \"{}/v1\"\n\
        [provider.down.simulated]\nmodels.m = {{ errors = {{ overloaded = 1.0 }} }}\n\
        [[tier]]\nname = \"small\"\nmodel = \"down/m\"\ngate = {{ signal = \"mean-logprob\", threshold = 0.5 }}\n\
        [[tier]]\nname = \"large\"\nmodel = \"up/m\"\n",
        server.url()
    );
    sandbox.write("live.toml", cascade);
    assert_snapshot!(sandbox.run(&["run", "live.toml", "Hi?", "--id", "1"]), @r#"
    exit 0
    -- stdout
    Hello.
    -- stderr
    large answered · the last tier, without a gate
      small  failed  overloaded  $0 [time]
             simulated model "m": a simulated failure (overloaded)
      large  accept  last tier   unknown cost [time]
    unknown cost · [time]
    "#);
}

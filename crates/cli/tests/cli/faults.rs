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

//! Tiers that are down: what a batch and a single run say of it, and what is asked again.

use insta::assert_snapshot;
use tierfall_core::completion::{Completion, Finish};
use tierfall_testkit::openai::{chat, error};
use tierfall_testkit::{Script, Server, sample};

use crate::support::{CASCADE, Sandbox, lines, of_the_repository};

/// Two tiers at two servers.
fn two(small: &str, large: &str, more: &str) -> String {
    let provider = |name: &str, url: &str| format!("[provider.{name}.openai-chat]\nbase-url = \"{url}/v1\"\nretries = 0\n");
    let tier = |name: &str, usd: u8| {
        let price = format!("price = {{ input = {usd}, output = {usd} }}");
        format!("[[tier]]\nname = \"{name}\"\nmodel = \"{name}/m\"\n{price}\n")
    };
    let gate = "gate = { signal = \"mean-logprob\", threshold = 0.8 }\n";
    let providers = provider("small", small) + &provider("large", large);
    format!("version = 1\nname = \"two\"\n{providers}{}{gate}{}{more}", tier("small", 1), tier("large", 10))
}

fn queries(n: usize) -> String {
    lines((0..n).map(|n| format!("{{\"id\": \"q{n:02}\", \"query\": \"Where is order {n}?\"}}")))
}

/// Nobody listens there.
fn nowhere() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}")
}

async fn answering(answer: &Completion) -> Server {
    Server::start(Script::json(chat(answer).to_string())).await.unwrap()
}

const BATCH: [&str; 4] = ["run", "two.toml", "--jsonl", "queries.jsonl"];
const TO_FILE: [&str; 6] = ["run", "two.toml", "--jsonl", "queries.jsonl", "--out", "out.jsonl"];

// The servers run in this process: they need a thread while a test waits for the command.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_cheap_tier_that_is_down_is_named() {
    let large = answering(&sample::sure("Hello.", 0.9)).await;
    let sandbox = Sandbox::new();
    sandbox.write("two.toml", two(&nowhere(), &large.url(), ""));
    sandbox.write("queries.jsonl", queries(12));
    let ran = sandbox.run(&[&BATCH[..], &["--concurrency", "1"]].concat()).exits(0);
    assert_snapshot!(ran.stderr(), @r#"
    12 queries: large 12 · $0.00132 (100 % of $0.00132 for always the last tier, estimated where it was not called)
      small  asked 5, failed 5, left alone for 7: provider "small": connection refused at 127.0.0.1:[port]; is the server running?
      large  asked 12
    "#);
    assert!(ran.stdout().lines().all(|line| !line.contains("fallback")), "the last tier accepted them: {ran}");

    let one = sandbox.run(&["run", "two.toml", "Hi?", "--id", "1"]).exits(0);
    assert_snapshot!(one, @r#"
    exit 0
    -- stdout
    Hello.
    -- stderr
    large answered · the last tier, without a gate
      small  failed  connect    $0 [time]
             provider "small": connection refused at 127.0.0.1:[port]; is the server running?
      large  accept  last tier  $0.00011 [time]
    $0.00011, as much as always the last tier ($0.00011) · [time]
    "#);
    let json = sandbox.run(&["run", "two.toml", "Hi?", "--trace", "json"]).exits(0).json();
    assert!(json["steps"][0]["message"].as_str().unwrap().contains("connection refused"), "{json}");
    assert_eq!((json["steps"][1].get("message"), json.get("error"), json.get("fallback")), (None, None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_tier_whose_gate_never_has_anything_to_read_is_named() {
    let small = answering(&Completion { tokens: None, ..sample::sure("Hello.", 0.9) }).await;
    let large = answering(&sample::sure("Hello.", 0.9)).await;
    let sandbox = Sandbox::new();
    sandbox.write("two.toml", two(&small.url(), &large.url(), ""));
    sandbox.write("queries.jsonl", queries(12));
    assert_snapshot!(sandbox.run(&BATCH).exits(0).stderr(), @"
    12 queries: large 12 · $0.00145 (110 % of $0.00132 for always the last tier, estimated where it was not called)
      small  asked 12, abstained 12 (no-logprobs)
      large  asked 12
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_probe_that_cannot_be_put_is_named() {
    let small = answering(&sample::sure("Hello.", 0.9)).await;
    let sandbox = Sandbox::new();
    let cascade = two(&small.url(), &nowhere(), "");
    sandbox
        .write("two.toml", cascade.replace("\"mean-logprob\", threshold", "{ p-true = { surrogate = \"large\" } }, threshold"));
    sandbox.write("queries.jsonl", queries(2));
    assert_snapshot!(sandbox.run(&BATCH).exits(0).stderr(), @r#"
    2 queries: small 2 · $0.000022
      small  asked 2, abstained 2 (probe-failed): provider "large": connection refused at 127.0.0.1:[port]; is the server running?
      large  asked 2, failed 2: provider "large": connection refused at 127.0.0.1:[port]; is the server running?
    2 of 2 fell back on what was left, accepted by nobody: 2 after the last tier failed
    "#);
}

#[test]
fn what_fell_back_is_counted_and_asked_again_until_there_is_better() {
    let sandbox = Sandbox::new();
    let cascade = CASCADE.replace("threshold = 0.85", "threshold = 0.99");
    let broken = cascade.replace("{ ability = 0.9 }", "{ ability = 0.9, errors = { overloaded = 1.0 } }");
    sandbox.write("two.toml", &broken);
    sandbox.write("queries.jsonl", queries(4));
    let ran = sandbox.run(&BATCH).exits(0);
    assert!(ran.stdout().lines().all(|line| line.contains("\"fallback\":\"failed\"")), "{ran}");
    assert_snapshot!(ran.stderr(), @r#"
    4 queries: small 4 · $0.0000254
      small  asked 4
      large  asked 4, failed 4: simulated model "large": a simulated failure (overloaded)
    4 of 4 fell back on what was left, accepted by nobody: 4 after the last tier failed
    "#);
    assert_eq!(sandbox.run(&[&BATCH[..], &["--strict", "--quiet"]].concat()).exits(1).stderr(), "");
    let one = ["run", "two.toml", "Where is order 0?", "--id", "q00", "--quiet"];
    sandbox.run(&one).exits(0);
    sandbox.run(&[&one[..], &["--strict"]].concat()).exits(1);

    let kinds = || -> Vec<(String, Option<String>)> {
        let text = |line: &serde_json::Value, key: &str| line[key].as_str().map(str::to_owned);
        let mut kinds: Vec<_> =
            sandbox.lines("out.jsonl").iter().map(|line| (text(line, "key").unwrap(), text(line, "fallback"))).collect();
        kinds.sort();
        kinds
    };
    let all = |fallback: Option<&str>| (0..4).map(|n| (format!("q{n:02}"), fallback.map(str::to_owned))).collect::<Vec<_>>();
    sandbox.run(&TO_FILE).exits(0);
    assert_eq!(kinds(), all(Some("failed")));
    let again = sandbox.run(&TO_FILE).exits(0);
    assert!(again.stderr().starts_with("0 already answered, 4 fell back and are asked again, 4 left\n"), "{again}");
    assert_eq!(kinds(), all(Some("failed")), "one line a query");

    // A run that fails as a whole takes nobody the answer that there is.
    sandbox.write("two.toml", broken.replace("{ ability = 0.4 }", "{ ability = 0.4, errors = { connect = 1.0 } }"));
    let failing = sandbox.run(&TO_FILE).exits(3);
    assert!(failing.stderr().contains("hint: the same command asks again what has no answer"), "{failing}");
    assert_eq!(kinds(), all(Some("failed")));

    sandbox.write("two.toml", &cascade);
    sandbox.run(&TO_FILE).exits(0);
    assert_eq!(kinds(), all(None));
    let done = sandbox.run(&TO_FILE).exits(0);
    assert!(done.stderr().starts_with("4 already answered, 0 left\n"), "{done}");
}

#[test]
fn a_line_that_failed_and_one_that_fell_back() {
    let sandbox = Sandbox::new();
    let broken = CASCADE.replace("{ ability = 0.9 }", "{ ability = 0.9, errors = { overloaded = 1.0 } }");
    sandbox
        .write("two.toml", broken.replace("ability = 0.4", "ability = 0.4, errors = { timeout = 0.4 }").replace("0.85", "0.99"));
    sandbox.write("queries.jsonl", queries(6));
    assert_snapshot!(sandbox.run(&[&BATCH[..], &["--strict"]].concat()).exits(3).stderr(), @r#"
    6 queries: small 4, failed 2 · about $0.000025 (at least $0.0000234)
      small  asked 6, failed 2: simulated model "small": a simulated failure (timeout)
      large  asked 6, failed 6: simulated model "large": a simulated failure (overloaded)
    error: 2 of 6 failed, the first one with q02: tier "small": simulated model "small": a simulated failure (timeout); tier "large": simulated model "large": a simulated failure (overloaded)
    4 of 6 fell back on what was left, accepted by nobody: 4 after the last tier failed
    "#);
}

/// What a batch of sixty queries says whose cheap tier answers everything so.
async fn stopped_by(status: u16, body: serde_json::Value) -> (String, Sandbox) {
    let small = Server::start(Script::status(status).piece(body.to_string())).await.unwrap();
    let large = answering(&sample::sure("Hello.", 0.9)).await;
    let sandbox = Sandbox::new();
    sandbox.write("two.toml", two(&small.url(), &large.url(), ""));
    sandbox.write("queries.jsonl", queries(60));
    let ran = sandbox.run(&[&BATCH[..], &["--concurrency", "1"]].concat()).exits(3);
    assert_eq!((small.counts().requests, ran.stdout().lines().count()), (3, 3));

    let at_once = sandbox.run(&[&TO_FILE[..], &["--concurrency", "8"]].concat()).exits(3);
    let written = sandbox.lines("out.jsonl").len();
    assert!(written < 20 && written + 3 == large.received().len(), "what was under way is kept: {written}\n{at_once}");
    (ran.stderr().to_owned(), sandbox)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_refused_key_or_an_unknown_model_stops_the_batch() {
    let refused = error("Incorrect API key provided: sk-abcdefghijklmnop", "invalid_api_key");
    let (said, _sandbox) = stopped_by(401, refused).await;
    assert_snapshot!(said, @r#"
    3 queries: large 3 · $0.00033 (100 % of $0.00033 for always the last tier, estimated where it was not called)
      small  asked 3, failed 3: provider "small": 401 Unauthorized: Incorrect API key provided: [key]; no key is configured for this provider
      large  asked 3
    error: stopped after 3 of 60 queries: the provider of tier "small" refuses access: provider "small": 401 Unauthorized: Incorrect API key provided: [key]; no key is configured for this provider
    hint: check the key that the cascade file names, and the account behind it
    "#);
    let (said, _sandbox) = stopped_by(404, error("The model `m` does not exist", "model_not_found")).await;
    assert_snapshot!(said, @r#"
    3 queries: large 3 · $0.00033 (100 % of $0.00033 for always the last tier, estimated where it was not called)
      small  asked 3, failed 3: provider "small": 404 Not Found: The model `m` does not exist; check the model's name and the base URL http://127.0.0.1:[port]/v1
      large  asked 3
    error: stopped after 3 of 60 queries: the provider of tier "small" does not know the model: provider "small": 404 Not Found: The model `m` does not exist; check the model's name and the base URL http://127.0.0.1:[port]/v1
    hint: check the tier's `model` and the provider's `base-url`
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_refusal_may_be_about_what_is_asked() {
    let large = answering(&sample::sure("Hello.", 0.9)).await;
    let small = answering(&sample::sure("Hello.", 0.9)).await;
    small.push(Script::status(403).piece("blocked by the firewall"));
    let sandbox = Sandbox::new();
    sandbox.write("two.toml", two(&small.url(), &large.url(), ""));
    sandbox.write("queries.jsonl", queries(30));
    sandbox.run(&[&BATCH[..], &["--concurrency", "1"]].concat()).exits(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_full_queue_is_served_by_no_dearer_tier() {
    let (small, large) = (answering(&sample::sure("Hello.", 0.9)).await, answering(&sample::sure("Hello.", 0.9)).await);
    let sandbox = Sandbox::new();
    // Three samples at once, of which one has a place and none may wait.
    let narrow = "retries = 0\nsample-by-calls = true\nmax-concurrency = 1\nmax-queue = 0\n";
    let cascade = two(&small.url(), &large.url(), "").replacen("retries = 0\n", narrow, 1);
    let cascade = cascade.replace("\"mean-logprob\"", "{ agreement = { samples = 3 } }");
    let silent = Server::start(Script::silent()).await.unwrap();
    sandbox.write("two.toml", cascade.replace(&small.url(), &silent.url()));
    sandbox.write("queries.jsonl", queries(2));
    assert_snapshot!(sandbox.run(&["run", "two.toml", "Hi?", "--id", "1"]), @r#"
    exit 3
    -- stderr
    no answer · there was no place for the call
      small  failed  queue-full, 2 attempts  about $0.000004 [time]
    about $0.000004 · [time]
    error: provider "small": all places (1) are taken, and as many calls wait as may (0); the call was not made
    hint: ask less at once, or raise the provider's max-concurrency, max-queue or queue-timeout in the cascade file
    "#);
    sandbox.write("two.toml", cascade);
    sandbox.run(&TO_FILE).exits(0);
    assert!(sandbox.lines("out.jsonl").iter().all(|line| line["tier"] == "small"));
    assert_eq!(large.received().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_batch_is_turned_away_by_no_queue_of_its_own() {
    let (small, large) = (answering(&sample::sure("Hello.", 0.9)).await, answering(&sample::sure("Hello.", 0.9)).await);
    let cascade = two(&small.url(), &large.url(), "");
    let narrow = "retries = 0\nmax-concurrency = 1\nmax-queue = 2\nqueue-timeout = \"1ms\"\n";
    let sampled = cascade.replace("\"mean-logprob\"", "{ agreement = { samples = 10 } }");
    for (cascade, n, at_once) in [
        (cascade.replace("retries = 0\n", narrow), 60, "8"),
        (sampled.replace("retries = 0\n", "retries = 0\nsample-by-calls = true\n"), 130, "128"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("two.toml", cascade);
        sandbox.write("queries.jsonl", queries(n));
        sandbox.run(&[&TO_FILE[..], &["--concurrency", at_once]].concat()).exits(0);
        let lines = sandbox.lines("out.jsonl");
        assert_eq!(lines.iter().filter(|line| line["tier"] == "small").count(), n);
    }
    assert_eq!((small.counts().requests, large.counts().requests), (60 + 1300, 0), "nothing is asked twice");
}

#[test]
fn rejected_text_is_never_the_answer() {
    let sandbox = Sandbox::new();
    let unsure = CASCADE.replace("0.85", "0.99");
    let gate = "gate = { signal = \"mean-logprob\", threshold = 0.999 }\n";
    let desk = format!("{unsure}{gate}\n[[tier]]\nname = \"desk\"\nreview = true\n");
    let broken = unsure.replace("{ ability = 0.9 }", "{ ability = 0.9, errors = { overloaded = 1.0 } }");
    sandbox.write("queries.jsonl", queries(1));
    for (cascade, outcome) in [
        (desk, "review"),
        (format!("{broken}\n[policy]\non-exhausted = \"abstain\"\n"), "abstained"),
        (format!("{broken}\n[policy]\non-exhausted = \"review\"\n"), "review"),
    ] {
        sandbox.write("two.toml", cascade);
        let one = ["run", "two.toml", "Where is order 0?", "--id", "q00"];
        assert_eq!(sandbox.run(&one).exits(0).stdout(), "", "{outcome}");
        let traced = sandbox.run(&[&one[..], &["--trace", "json"]].concat()).exits(0).json();
        let line: serde_json::Value = serde_json::from_str(sandbox.run(&BATCH).exits(0).stdout()).unwrap();
        for json in [traced, line] {
            assert_eq!((&json["outcome"], &json["answer"]), (&outcome.into(), &().into()));
            assert!(json["attached"].as_str().is_some_and(|text| text.starts_with("[simulated:")), "{json}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_finished_was_not_stopped() {
    let small = Server::start(Script::status(401).piece(error("no", "invalid_api_key").to_string())).await.unwrap();
    let large = answering(&sample::sure("Hello.", 0.9)).await;
    let sandbox = Sandbox::new();
    sandbox.write("two.toml", two(&small.url(), &large.url(), ""));
    sandbox.write("queries.jsonl", queries(3));
    let ran = sandbox.run(&[&TO_FILE[..], &["--concurrency", "1"]].concat()).exits(0);
    assert!(!ran.stderr().contains("error:") && ran.stderr().contains("small  asked 3, failed 3: provider"), "{ran}");
    assert_eq!(sandbox.lines("out.jsonl").len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_answer_that_was_cut_says_so() {
    let small = answering(&sample::sure("Perhaps.", 0.1)).await;
    let large = answering(&Completion { finish: Finish::Length, ..sample::sure("Par", 0.9) }).await;
    let sandbox = Sandbox::new();
    sandbox.write("two.toml", two(&small.url(), &large.url(), ""));
    sandbox.write("queries.jsonl", queries(3));
    let ran = sandbox.run(&BATCH).exits(0);
    assert!(ran.stdout().lines().all(|line| line.contains("\"unusable\":\"truncated\"")), "{ran}");
    assert!(ran.stderr().ends_with("3 of 3 served as they came, though no gate could accept them: 3 truncated\n"), "{ran}");
    let json = sandbox.run(&["run", "two.toml", "Hi?", "--trace", "json"]).exits(0).json();
    assert_eq!(json["unusable"], "truncated");

    // Nor is a cut answer that is only fallen back on taken for a whole one.
    let cut = answering(&Completion { finish: Finish::Length, ..sample::sure("Par", 0.9) }).await;
    sandbox.write("two.toml", two(&cut.url(), &nowhere(), ""));
    let ran = sandbox.run(&BATCH).exits(0);
    assert!(ran.stdout().lines().all(|line| line.contains("\"fallback\":\"failed\"") && line.contains("truncated")), "{ran}");
    sandbox.write("two.toml", two(&large.url(), &small.url(), ""));
    let whole = sandbox.run(&BATCH).exits(0);
    assert!(!whole.stdout().contains("unusable"), "{whole}");
}

#[test]
fn who_got_no_answer_is_counted_as_that() {
    let sandbox = Sandbox::new();
    let broken = CASCADE.replace("ability = 0.9", "ability = 0.9, errors = { overloaded = 1.0 }").replace("0.85", "0.99");
    sandbox.write("queries.jsonl", queries(12));
    for (policy, outcome) in [("abstain", "abstained"), ("review", "review")] {
        sandbox.write("two.toml", format!("{broken}\n[policy]\non-exhausted = \"{policy}\"\n"));
        let ran = sandbox.run(&BATCH).exits(0);
        let first = ran.stderr().lines().next().unwrap();
        assert!(first.starts_with(&format!("12 queries: {outcome} 12 · $")), "{ran}");
        assert!(!first.contains("always the last tier"), "nothing was saved: {ran}");
        let one = sandbox.run(&["run", "two.toml", "Where is order 0?", "--id", "q00"]).exits(0);
        assert!(one.stderr().contains("\nnot served, since no gate accepted it: the best there was, from small: "), "{one}");
        assert!(!one.stderr().contains("always the last tier"), "{one}");
    }
}

#[test]
fn the_guide_shows_what_a_batch_says() {
    let sandbox = Sandbox::new();
    let cascade = CASCADE
        .replace("ability = 0.4", "ability = 0.4, errors = { connect = 0.3 }")
        .replace("ability = 0.9", "ability = 0.9, errors = { overloaded = 0.3 }")
        .replace("0.85", "0.99");
    sandbox.write("two.toml", cascade);
    sandbox.write("queries.jsonl", queries(12));
    let ran = sandbox.run(&BATCH).exits(3);
    let guide = of_the_repository("docs/guide/running.md");
    assert!(guide.contains(&format!("```text\n{}```", ran.stderr())), "the guide shows something else than\n{ran}");
}

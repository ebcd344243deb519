//! What a cascade adds to calls over HTTP: a server on this machine asked by reqwest alone, which does not look at the JSON, reads what
//! a gate needs of it into structs made for it, or all of it; and by an engine whose first tier is accepted, or whose second one has to
//! be asked.
//!
//! `cargo bench -p tierfall-tests --bench http` prints medians and ratios of one run, in which the five take turns.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark may stop, reads the clock and prints"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tierfall::{BaseUrl, Engine, Gate, HttpProvider, HttpSettings, Model, NamedSignal, OpenAiChat, Threshold, Tier};
use tierfall_core::completion::Usage;
use tierfall_testkit::{Script, Server, openai, sample};

const TOKENS: usize = 300;
const TOP: u8 = 5;
const ROUNDS: usize = 3000;

/// What somebody reads who writes the one gate by hand: text, log-probabilities with their alternatives, usage.
#[derive(Deserialize)]
#[expect(dead_code, reason = "reading is what is timed")]
struct Reply {
    choices: Vec<Choice>,
    usage: serde_json::Value,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading is what is timed")]
struct Choice {
    message: Said,
    logprobs: Logprobs,
    finish_reason: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading is what is timed")]
struct Said {
    content: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading is what is timed")]
struct Logprobs {
    content: Vec<Token>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading is what is timed")]
struct Token {
    #[serde(rename = "token")]
    text: String,
    logprob: f64,
    #[serde(default, rename = "top_logprobs")]
    alternatives: Vec<Token>,
}

fn engine(url: &str, threshold: Threshold) -> Engine {
    let provider = || {
        let url = BaseUrl::parse(&format!("{url}/v1")).unwrap();
        HttpProvider::layered(HttpSettings::new("local", Arc::new(OpenAiChat), url)).unwrap()
    };
    let gate = Gate::new(NamedSignal::built_in("mean-logprob").unwrap(), threshold);
    Engine::named("bench")
        .tier(Tier::new("small", Model::new("m")).gated(gate), provider())
        .tier(Tier::new("large", Model::new("m")), provider())
        .build()
        .unwrap()
}

/// Serves from a thread of its own.
fn server() -> String {
    let (told, url) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut answer = sample::answer(TOKENS, TOP);
            answer.usage = Some(Usage { input: 100, output: TOKENS as u64, ..Usage::default() });
            let server = Server::start(Script::json(openai::chat(&answer).to_string())).await.unwrap();
            told.send(server.url()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    url.recv().unwrap()
}

fn client() -> reqwest::Client {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
    let tls = tls.unwrap().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().tcp_nodelay(true).build().unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() {
    let url = server();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = client();
    let (accepted, escalated) = (engine(&url, Threshold::accept_all()), engine(&url, Threshold::DeferAll));
    let question = "Where is my order 10234?";
    let body = serde_json::json!({
        "model": "m", "messages": [{ "role": "user", "content": question }], "logprobs": true, "top_logprobs": 0,
    });
    let body = body.to_string();
    let bare = async || {
        let request = client.post(format!("{url}/v1/chat/completions")).header("content-type", "application/json");
        let reply = request.body(body.clone()).send().await.unwrap();
        reply.bytes().await.unwrap()
    };
    let asked = async |engine: &Engine, tier: &str| {
        let answer = engine.complete(question).await;
        assert_eq!(answer.trace.tier.as_deref(), Some(tier));
    };
    let mut times: [Vec<Duration>; 5] = Default::default();
    let mut bytes = 0;
    runtime.block_on(async {
        for round in 0..ROUNDS + ROUNDS / 10 {
            let begun = Instant::now();
            bytes = black_box(bare().await.len());
            let unread = begun.elapsed();
            let begun = Instant::now();
            black_box(serde_json::from_slice::<serde_json::Value>(&bare().await).unwrap());
            let read = begun.elapsed();
            let begun = Instant::now();
            black_box(serde_json::from_slice::<Reply>(&bare().await).unwrap());
            let typed = begun.elapsed();
            let begun = Instant::now();
            asked(&accepted, "small").await;
            let once = begun.elapsed();
            let begun = Instant::now();
            asked(&escalated, "large").await;
            let twice = begun.elapsed();
            // The first ones open connections.
            if round >= ROUNDS / 10 {
                for (times, took) in times.iter_mut().zip([unread, typed, read, once, twice]) {
                    times.push(took);
                }
            }
        }
    });
    println!("an answer of {TOKENS} tokens, {TOP} alternatives each, {bytes} bytes of JSON; medians of {ROUNDS}\n");
    let names = [
        "reqwest alone, JSON not read",
        "reqwest alone, JSON into structs",
        "reqwest alone, JSON read whole",
        "accepted: one call, one gate",
        "escalated: two calls, one gate",
    ];
    let medians = times.map(median);
    for (name, time) in names.iter().zip(medians) {
        let ratio = time.as_secs_f64() / medians[1].as_secs_f64();
        println!("{name:<34} {:>9.1} µs {ratio:>6.2}×", time.as_secs_f64() * 1e6);
    }
}

//! What the ledger says is what the providers charged: over random usages, told in the ways of several servers, and random failures.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};
use tierfall::{Asker, Engine, config};
use tierfall_core::completion::{Completion, Tokens};
use tierfall_core::money::Money;
use tierfall_testkit::{Script, Server, openai};

/// In pico-dollars a token: prompt, read from the cache, written into it, generated.
type Prices = [u128; 4];

const SMALL: Prices = [1_000_000, 100_000, 1_250_000, 2_000_000];
const LARGE: Prices = [10_000_000, 10_000_000, 10_000_000, 20_000_000];
/// The most tokens that a server here generates.
const LIMIT: u64 = 64;

/// How a server tells its usage.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// As `OpenAI` does; with what was written, as `OpenRouter` does.
    Within,
    /// Cached tokens beside the prompt, as proxies of Anthropic do.
    Beside,
    /// Anthropic's names, within the prompt.
    Proxied,
    /// Cached tokens as `DeepSeek` names them; nothing is written.
    Hits,
    /// Reasoning beside the completion, as xAI has it; nothing is written.
    ReasoningBeside,
    /// Nothing.
    Nothing,
    /// A count that is none.
    Absurd,
}

/// What a server does with a request.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// Answers, this sure, and tells its usage so.
    Answers(f64, Told),
    /// Refuses, for nothing.
    Refuses(u16),
    /// Has generated, and breaks off.
    Cuts,
    /// Closes the connection, as one that it no longer keeps: nothing was generated.
    HangsUp,
}

/// What was used: fresh prompt tokens, read and written ones, generated ones, of which some reason.
type Used = [u64; 5];

fn done() -> impl Strategy<Value = Does> {
    let told = prop::sample::select(vec![
        Told::Within,
        Told::Beside,
        Told::Proxied,
        Told::Hits,
        Told::ReasoningBeside,
        Told::Nothing,
        Told::Absurd,
    ]);
    prop_oneof![
        6 => (-2.0..-0.01f64, told).prop_map(|(logprob, told)| Does::Answers(logprob, told)),
        2 => prop::sample::select(vec![429, 500, 400, 503]).prop_map(Does::Refuses),
        1 => Just(Does::Cuts),
        1 => Just(Does::HangsUp),
    ]
}

fn used() -> impl Strategy<Value = Used> {
    // Few tokens, so that counts of different kinds are often the same; no more than the prompt has bytes.
    let count = || prop_oneof![Just(0u64), 1..4u64, 4..9u64];
    (1..9u64, count(), count(), 1..LIMIT / 2, count())
        .prop_map(|(fresh, read, written, answer, reasoning)| [fresh, read, written, answer + reasoning, reasoning])
}

fn charge([fresh, read, written, generated, _]: Used, [prompt, cached, write, output]: Prices) -> u128 {
    u128::from(fresh) * prompt + u128::from(read) * cached + u128::from(written) * write + u128::from(generated) * output
}

fn usage(told: Told, [fresh, read, written, generated, reasoning]: Used) -> Value {
    let input = fresh + read + written;
    match told {
        Told::Within | Told::Hits | Told::Nothing | Told::Absurd => json!({
            "prompt_tokens": input, "completion_tokens": generated, "total_tokens": input + generated,
            "prompt_tokens_details": { "cached_tokens": read, "cache_write_tokens": written },
            "completion_tokens_details": { "reasoning_tokens": reasoning },
        }),
        Told::Beside => json!({
            "prompt_tokens": fresh, "completion_tokens": generated, "total_tokens": input + generated,
            "cache_read_input_tokens": read, "cache_creation_input_tokens": written,
            "completion_tokens_details": { "reasoning_tokens": reasoning },
        }),
        Told::Proxied => json!({
            "prompt_tokens": input, "completion_tokens": generated, "total_tokens": input + generated,
            "cache_read_input_tokens": read, "cache_creation_input_tokens": written,
        }),
        Told::ReasoningBeside => json!({
            "prompt_tokens": input, "completion_tokens": generated - reasoning, "total_tokens": input + generated,
            "prompt_tokens_details": { "cached_tokens": read },
            "completion_tokens_details": { "reasoning_tokens": reasoning },
        }),
    }
}

/// A server that does one thing after the other, the last one for ever, and keeps books.
async fn server(does: Vec<(Does, Used)>, prices: Prices, charged: Arc<Mutex<u128>>) -> Server {
    let next = AtomicUsize::new(0);
    let script = move |_: &_| {
        let (does, mut used) = does[next.fetch_add(1, Ordering::SeqCst).min(does.len() - 1)];
        if matches!(does, Does::Answers(_, Told::Hits | Told::ReasoningBeside)) {
            used[2] = 0;
        }
        if !matches!(does, Does::Refuses(_) | Does::HangsUp) {
            *charged.lock().unwrap() += charge(used, prices);
        }
        match does {
            Does::Answers(logprob, told) => {
                let mut tokens = Tokens::default();
                tokens.push("Paris", logprob);
                let mut body = openai::chat(&Completion { tokens: Some(tokens), ..Completion::text("Paris") });
                body["usage"] = usage(told, used);
                match told {
                    Told::Nothing => body["usage"] = Value::Null,
                    Told::Absurd => body["usage"]["prompt_tokens"] = (-1).into(),
                    Told::Hits => {
                        body["usage"]["prompt_tokens_details"] = Value::Null;
                        body["usage"]["prompt_cache_hit_tokens"] = used[1].into();
                    }
                    _ => {}
                }
                Script::json(body.to_string())
            }
            Does::Refuses(status) => Script::status(status).header("retry-after", "0").piece(r#"{"error":{"message":"no"}}"#),
            Does::Cuts => Script::json(r#"{"choices":[{"message":{"content":"Par"#).cut(),
            Does::HangsUp => Script::hang_up(),
        }
    };
    Server::answering(script).await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_ledger_is_what_the_providers_charged(
        small in proptest::collection::vec((done(), used()), 1..5),
        large in proptest::collection::vec((done(), used()), 1..5),
        gate in prop::sample::select(vec!["\"mean-logprob\"", "{ p-true = { surrogate = \"large\" } }", "{ agreement = { samples = 3 } }"]),
        free_retries in 0..3u32,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (known, told, least, most) = runtime.block_on(async {
            let charged = Arc::new(Mutex::new(0));
            let (small, large) = (server(small, SMALL, charged.clone()).await, server(large, LARGE, charged.clone()).await);
            let mut text = "version = 1\nname = \"desk\"\n".to_owned();
            for (name, server) in [("cheap", &small), ("dear", &large)] {
                writeln!(text, "[provider.{name}.openai-chat]\nbase-url = \"{}/v1\"\nretries = {free_retries}", server.url()).unwrap();
            }
            writeln!(
                text,
                "[[tier]]\nname = \"small\"\nmodel = \"cheap/s\"\nparams = {{ max-tokens = {LIMIT}, temperature = 1 }}\n\
                 price = {{ input = \"1\", output = \"2\", cached-input = \"0.1\", cached-write = \"1.25\" }}\n\
                 gate = {{ signal = {gate}, threshold = 0.6 }}\n\
                 [[tier]]\nname = \"large\"\nmodel = \"dear/l\"\nparams = {{ max-tokens = {LIMIT} }}\nprice = {{ input = \"10\", output = \"20\" }}"
            ).unwrap();
            let loaded = config::parse_str(&text).unwrap();
            let engine = Engine::live(loaded, Asker::Anybody).unwrap().build().unwrap();
            let trace = engine.complete("What is the capital of France, and of which country is it the capital?").await.trace;
            let charged = *charged.lock().unwrap();
            let exact = trace.cost.estimated_charges() == 0;
            (charged, trace.cost.total().filter(|_| exact).map(Money::pico), trace.cost.at_least().pico(), trace.cost.at_most().map(Money::pico))
        });
        if let Some(told) = told {
            prop_assert_eq!(told, known);
        }
        prop_assert!(least <= known, "at least {least}, and {known} were charged");
        if let Some(most) = most {
            prop_assert!(known <= most, "at most {most}, and {known} were charged");
        }
    }
}

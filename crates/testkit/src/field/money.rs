//! What servers say of tokens that are paid for.

use serde_json::{Value, json};

use super::behaviour::{Behaviour, Right, answer};

fn usage(name: &'static str, who: &'static str, usage: Value, right: Right) -> Behaviour {
    answer(name, who, |body| body["usage"] = usage, right)
}

pub(super) fn all() -> Vec<Behaviour> {
    let unknown = || Right::accepted().unknown_cost();
    vec![
        answer(
            "no usage",
            "many servers when they stream",
            |body| _ = body.as_object_mut().map(|body| body.remove("usage")),
            unknown(),
        ),
        usage("usage that is null", "OpenRouter before its last chunk", Value::Null, unknown()),
        usage(
            "counts with a point",
            "servers in languages without integers",
            json!({ "prompt_tokens": 10.0, "completion_tokens": 2.0, "total_tokens": 12.0 }),
            Right::accepted(),
        ),
        usage(
            "counts below zero",
            "proxies that do not know",
            json!({ "prompt_tokens": -1, "completion_tokens": -1, "total_tokens": -2 }),
            unknown(),
        ),
        usage(
            "counts as texts",
            "small servers of one's own",
            json!({ "prompt_tokens": "10", "completion_tokens": "2", "total_tokens": "12" }),
            Right::accepted(),
        ),
        usage(
            "an absurd count",
            "an overflow",
            json!({ "prompt_tokens": 18_446_744_073_709_551_615_u64, "completion_tokens": 2, "total_tokens": 1 }),
            unknown(),
        ),
        usage(
            "no tokens at all beside a text",
            "proxies that do not count",
            json!({ "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0 }),
            unknown(),
        ),
        usage(
            "no output at all beside a text",
            "proxies that do not count what streams",
            json!({ "prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10 }),
            unknown(),
        ),
        usage("a total alone", "small servers of one's own", json!({ "total_tokens": 12 }), unknown()),
        usage("only what came in", "embedding servers, proxies", json!({ "prompt_tokens": 10 }), unknown()),
        usage(
            "cached tokens",
            "OpenAI: prompt_tokens_details.cached_tokens",
            json!({ "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "prompt_tokens_details": { "cached_tokens": 4 } }),
            Right::accepted(),
        ),
        usage(
            "cached tokens in DeepSeek's place",
            "DeepSeek: prompt_cache_hit_tokens",
            json!({ "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 6 }),
            Right::accepted(),
        ),
        usage(
            "reasoning within the output",
            "OpenAI: completion_tokens_details.reasoning_tokens",
            json!({ "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12, "completion_tokens_details": { "reasoning_tokens": 1 } }),
            Right::accepted(),
        ),
        usage(
            "reasoning told beside the output",
            "xAI: reasoning_tokens are in the total alone; vercel/ai pull request 12425",
            json!({ "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 20, "completion_tokens_details": { "reasoning_tokens": 8 } }),
            Right::accepted().cost("0.00003"),
        ),
        usage(
            "reasoning in the total and nowhere else",
            "proxies in front of Gemini: mozilla-ai/any-llm issue 1290",
            json!({ "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 20 }),
            unknown(),
        ),
        usage(
            "cache reads beside the input",
            "Anthropic behind proxies: cache_read_input_tokens in the total alone",
            json!({ "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 1012, "cache_read_input_tokens": 1000 }),
            Right::accepted().cost("0.001014"),
        ),
    ]
}

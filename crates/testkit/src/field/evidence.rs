//! Log-probabilities.

use serde_json::{Value, json};

use super::behaviour::{Behaviour, Right, answer};

fn logprobs(name: &'static str, who: &'static str, logprobs: Value, right: Right) -> Behaviour {
    answer(name, who, |body| body["choices"][0]["logprobs"] = logprobs, right)
}

fn token(text: &str, logprob: impl Into<Value>) -> Value {
    json!({ "token": text, "logprob": logprob.into(), "bytes": text.as_bytes(), "top_logprobs": [] })
}

pub(super) fn all() -> Vec<Behaviour> {
    let two = |first: Value, second: Value| json!({ "content": [first, second] });
    let abstained = |why: &str| Right::of(format!("abstained: {why}"));
    vec![
        logprobs(
            "log-probabilities that were not given",
            "Anthropic, Bedrock and Groq behind proxies",
            Value::Null,
            abstained("no-logprobs"),
        ),
        answer(
            "no member for log-probabilities",
            "Ollama before 0.12.11",
            |body| _ = body["choices"][0].as_object_mut().map(|choice| choice.remove("logprobs")),
            abstained("no-logprobs"),
        ),
        logprobs(
            "an empty object of log-probabilities",
            "proxies that drop what they do not know",
            json!({}),
            abstained("no-logprobs"),
        ),
        logprobs(
            "an empty list of log-probabilities",
            "OpenAI for an answer of tool calls alone",
            json!({ "content": [] }),
            abstained("no-tokens"),
        ),
        logprobs(
            "the refusal's list beside the content's",
            "OpenAI: logprobs.refusal",
            json!({ "content": [token("Paris", -0.01)], "refusal": null }),
            Right::accepted(),
        ),
        logprobs(
            "a token without a log-probability",
            "vLLM for prompt tokens, proxies",
            two(token("Par", Value::Null), token("is", -0.1)),
            abstained("invalid-logprob"),
        )
        // The draft is cut as soon as that is read.
        .but_streamed(abstained("invalid-logprob").unknown_cost()),
        logprobs(
            "a log-probability of a server's lowest",
            "OpenAI and vLLM: -9999.0 for minus infinity",
            two(token("Par", -0.01), token("is", -9999.0)),
            abstained("invalid-logprob"),
        )
        // The draft is cut as soon as that is read.
        .but_streamed(abstained("invalid-logprob").unknown_cost()),
        logprobs(
            "a log-probability above zero by rounding",
            "vLLM with half precision",
            two(token("Par", 1e-7), token("is", -0.01)),
            Right::accepted(),
        ),
        answer(
            "the tokens of what was thought beside those of the answer",
            "vLLM with a reasoning parser: logprobs.content holds all tokens",
            |body| {
                let all =
                    [token("Hm", -4.0), token("</think>", -3.0), token("\n\n", -2.0), token("Par", -0.01), token("is", -0.02)];
                body["choices"][0]["message"]["reasoning_content"] = "Hm".into();
                body["choices"][0]["logprobs"] = json!({ "content": all });
            },
            Right::accepted(),
        ),
        answer(
            "the tokens of what was thought in place of those of the answer",
            "SGLang with a reasoning parser",
            |body| {
                body["choices"][0]["message"]["reasoning"] = "Hm".into();
                body["choices"][0]["logprobs"] = json!({ "content": [token("Hm", -0.01)] });
            },
            abstained("no-logprobs"),
        ),
        logprobs(
            "no alternatives",
            "llama.cpp, Together",
            json!({ "content": [{ "token": "Paris", "logprob": -0.01 }] }),
            Right::accepted(),
        ),
        logprobs(
            "an alternative that is no number",
            "SGLang: null in top_logprobs",
            json!({ "content": [{ "token": "Paris", "logprob": -0.01, "bytes": null, "top_logprobs": [{ "token": "London", "logprob": null }] }] }),
            Right::accepted(),
        ),
        logprobs(
            "an alternative without a text",
            "vLLM for ids outside the vocabulary",
            json!({ "content": [{ "token": "Paris", "logprob": -0.01, "top_logprobs": [{ "token": null, "logprob": -9.0 }] }] }),
            Right::accepted(),
        ),
        logprobs(
            "a token without a text",
            "TGI for special tokens",
            json!({ "content": [token("Paris", -0.01), { "token": null, "logprob": -0.01, "bytes": [], "top_logprobs": [] }] }),
            Right::accepted(),
        ),
        logprobs(
            "the lists of the old completions",
            "Together, Fireworks, LM Studio: {tokens, token_logprobs}",
            json!({ "tokens": ["Par", "is"], "token_logprobs": [-0.01, -0.02], "top_logprobs": null }),
            Right::accepted(),
        ),
        logprobs(
            "the lists of the old completions with alternatives",
            "Together: top_logprobs as a list of objects",
            json!({ "tokens": ["Par", "is"], "token_logprobs": [-0.01, -0.02], "top_logprobs": [{ "Par": -0.01, "Lon": -5.0 }, { "is": -0.02 }], "text_offset": [0, 3] }),
            Right::accepted(),
        ),
        logprobs(
            "tokens by number",
            "vLLM with return_tokens_as_token_ids",
            json!({ "content": [{ "token": "token_id:59604", "logprob": -0.01, "bytes": [80, 97, 114, 105, 115], "top_logprobs": [] }] }),
            Right::accepted(),
        ),
        logprobs(
            "log-probabilities as a list",
            "Ollama 0.12.11 and later, in its own format",
            json!([{ "token": "Paris", "logprob": -0.01 }]),
            Right::accepted(),
        ),
        logprobs(
            "an end of the turn among the tokens",
            "vLLM, SGLang",
            two(token("Paris", -0.01), token("<|im_end|>", -0.02)),
            Right::accepted(),
        ),
    ]
}

//! Why answers end, and in what shape they come.

use serde_json::{Value, json};

use super::behaviour::{Behaviour, Right, answer};

fn ends(name: &'static str, who: &'static str, word: &'static str, right: Right) -> Behaviour {
    answer(name, who, move |body| body["choices"][0]["finish_reason"] = word.into(), right)
}

fn says(name: &'static str, who: &'static str, message: Value, right: Right) -> Behaviour {
    answer(name, who, |body| body["choices"][0]["message"] = message, right)
}

fn deferred(reason: &str) -> Right {
    Right::of(reason)
}

pub(super) fn all() -> Vec<Behaviour> {
    let broke_off = || Right::failed_again("overloaded").cost("0.000028");
    // Of a stream a piece had come, so it is not asked again, and what came later is not counted.
    let in_the_middle = || Right::failed("overloaded").unknown_cost();
    vec![
        ends("a plain answer", "OpenAI", "stop", Right::accepted()),
        ends(
            "the end of the turn in Anthropic's word",
            "LiteLLM and other proxies in front of Anthropic",
            "end_turn",
            Right::accepted(),
        ),
        ends("the end in capitals", "Gemini behind proxies", "STOP", Right::accepted()),
        ends("the end token by its name", "TGI before 2.0", "eos_token", Right::accepted()),
        ends("an end at a stop sequence", "TGI, Anthropic behind proxies", "stop_sequence", Right::accepted()),
        ends("a cut at the limit", "OpenAI", "length", deferred("truncated")),
        ends(
            "a cut at the limit in Anthropic's word",
            "LiteLLM, OpenRouter's native_finish_reason",
            "max_tokens",
            deferred("truncated"),
        ),
        ends("a cut at the limit in Gemini's word", "Gemini behind proxies", "MAX_TOKENS", deferred("truncated")),
        ends(
            "a cut at the end of the context",
            "Mistral's OpenAPI document: FinishReason",
            "model_length",
            deferred("truncated"),
        ),
        ends(
            "a cut at the end of Anthropic's context",
            "Anthropic behind proxies",
            "model_context_window_exceeded",
            deferred("truncated"),
        ),
        ends("a filter that took the answer", "Azure OpenAI", "content_filter", deferred("filtered")),
        ends("Gemini's filter", "Gemini behind proxies", "SAFETY", deferred("filtered")),
        ends(
            "Gemini's recitation beside OpenAI's word",
            "Gemini's compatible endpoint",
            "content_filter: RECITATION",
            deferred("filtered"),
        ),
        ends("an error in place of an end", "OpenRouter", "error", broke_off()).but_streamed(in_the_middle()),
        ends("an aborted request", "vllm-project/vllm issue 57082: the engine ends a request", "abort", broke_off())
            .but_streamed(in_the_middle()),
        ends("no resources left", "DeepSeek: insufficient_system_resource", "insufficient_system_resource", broke_off())
            .but_streamed(in_the_middle()),
        ends("a word that nobody knows", "any server of tomorrow", "vibes", deferred("unfinished: vibes")),
        ends(
            "calls to tools of which there is none",
            "vLLM with a tool parser that found nothing",
            "tool_calls",
            deferred("unfinished: tool_calls"),
        ),
        answer(
            "no reason in a reply that has a place for it",
            "watsonx, Azure while a filter still looks",
            |body| body["choices"][0]["finish_reason"] = Value::Null,
            deferred("unfinished: null"),
        ),
        answer(
            "no place for a reason",
            "small servers of one's own",
            |body| _ = body["choices"][0].as_object_mut().map(|choice| choice.remove("finish_reason")),
            Right::accepted(),
        ),
        says(
            "no text at all",
            "vLLM with a reasoning parser that took everything",
            json!({ "role": "assistant", "content": null }),
            deferred("empty"),
        ),
        says("an empty text", "any", json!({ "role": "assistant", "content": "" }), deferred("empty")),
        says(
            "all of the text in `reasoning`",
            "OpenRouter, vLLM: `reasoning`",
            json!({ "role": "assistant", "content": "", "reasoning": "Paris, I think" }),
            deferred("empty"),
        ),
        says(
            "all of the text in `reasoning_content`",
            "DeepSeek, SGLang, llama.cpp: `reasoning_content`",
            json!({ "role": "assistant", "content": null, "reasoning_content": "Paris, I think" }),
            deferred("empty"),
        ),
        says(
            "reasoning in the text and nothing behind it",
            "Ollama and llama.cpp without a reasoning parser",
            json!({ "role": "assistant", "content": "<think>Paris?</think>\n" }),
            deferred("empty"),
        ),
        says(
            "a refusal beside the text",
            "OpenAI",
            json!({ "role": "assistant", "content": null, "refusal": "I can't help" }),
            deferred("refused"),
        ),
        says(
            "text in parts",
            "Mistral, LiteLLM",
            json!({ "role": "assistant", "content": [{ "type": "text", "text": "Par" }, { "type": "text", "text": "is" }] }),
            Right::accepted(),
        ),
        says(
            "thinking in a part of its own",
            "Mistral's Magistral: vercel/ai pull request 8072",
            json!({ "role": "assistant", "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }] }, { "type": "text", "text": "Paris" }] }),
            Right::accepted(),
        ),
        says("no role", "small servers of one's own", json!({ "content": "Paris" }), Right::accepted()),
        answer(
            "a choice with an error in it",
            "OpenRouter: `choices[].error`",
            |body| body["choices"][0]["error"] = json!({ "code": 502, "message": "Provider returned error" }),
            broke_off(),
        )
        .but_streamed(Right::failed_again("overloaded").unknown_cost()),
        answer(
            "an empty error beside the answer",
            "LiteLLM, one-api: `\"error\": null`",
            |body| body["error"] = Value::Null,
            Right::accepted(),
        ),
        answer(
            "a filter's verdict on an answer that it let through",
            "Azure OpenAI: content_filter_results",
            |body| {
                body["choices"][0]["content_filter_results"] = json!({ "hate": { "filtered": false, "severity": "safe" } });
                body["prompt_filter_results"] = json!([{ "prompt_index": 0, "content_filter_results": {} }]);
            },
            Right::accepted(),
        ),
        answer(
            "a choice without a message, taken by a filter",
            "Gemini's compatible endpoint",
            |body| {
                let choice = body["choices"][0].as_object_mut();
                choice.map(|choice| {
                    choice.remove("message");
                    choice.remove("logprobs");
                    choice.insert("finish_reason".to_owned(), "content_filter".into())
                });
            },
            deferred("filtered"),
        ),
        answer(
            "no choice where usage is told",
            "Gemini's compatible endpoint, when a filter took all",
            |body| body["choices"] = Value::Null,
            deferred("filtered"),
        ),
        answer(
            "an empty list of choices where usage is told",
            "Gemini's compatible endpoint",
            |body| body["choices"] = json!([]),
            deferred("filtered"),
        ),
        answer(
            "the number of the choice as a text",
            "small servers of one's own",
            |body| body["choices"][0]["index"] = "0".into(),
            Right::accepted(),
        ),
        answer(
            "no calls, written as an object",
            "small servers of one's own",
            |body| body["choices"][0]["message"]["tool_calls"] = json!({}),
            Right::accepted(),
        ),
        answer(
            "no calls, written as null",
            "Ollama, Mistral",
            |body| body["choices"][0]["message"]["tool_calls"] = Value::Null,
            Right::accepted(),
        ),
        answer(
            "a call whose id is a number",
            "small servers of one's own",
            |body| {
                body["choices"][0]["message"] = json!({ "role": "assistant", "content": null, "tool_calls": [
                    { "id": 7, "type": "function", "function": { "name": "find", "arguments": "{}" } }
                ] });
                body["choices"][0]["finish_reason"] = "tool_calls".into();
            },
            Right::accepted().says(""),
        ),
        answer(
            "arguments of a call as an object",
            "Ollama's own format behind proxies",
            |body| {
                body["choices"][0]["message"] = json!({ "role": "assistant", "content": null, "tool_calls": [
                    { "id": "a", "type": "function", "function": { "name": "find", "arguments": { "id": 3 } } }
                ] });
                body["choices"][0]["finish_reason"] = "tool_calls".into();
            },
            Right::accepted().says(""),
        ),
        answer(
            "a call where the end says stop",
            "streams of Gemini's compatible endpoint: googleapis/python-genai issue 2868; of Ollama: ollama/ollama pull request 7963",
            |body| {
                body["choices"][0]["message"] = json!({ "role": "assistant", "content": "", "tool_calls": [
                    { "id": "a", "type": "function", "function": { "name": "find", "arguments": "{}" } }
                ] });
            },
            Right::accepted().says(""),
        ),
        answer(
            "unknown members everywhere",
            "every server",
            |body| {
                body["x_groq"] = json!({ "id": "req_1" });
                body["choices"][0]["stop_reason"] = json!(151_645);
                body["choices"][0]["message"]["annotations"] = json!([]);
                body["service_tier"] = "default".into();
            },
            Right::accepted(),
        ),
        answer(
            "no model named",
            "small servers of one's own",
            |body| _ = body.as_object_mut().map(|body| body.remove("model")),
            Right::accepted(),
        ),
    ]
}

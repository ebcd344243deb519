//! Quirks of streams alone.

use serde_json::{Value, json};

use super::behaviour::{Behaviour, Right, as_events, body, events};
use crate::server::Script;

fn stream(name: &'static str, who: &'static str, script: Script, right: Right) -> Behaviour {
    Behaviour::new(name, who, Vec::new(), vec![script], right)
}

fn piece(delta: &Value) -> String {
    json!({ "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": null }] }).to_string()
}

pub(super) fn all() -> Vec<Behaviour> {
    let plain = as_events(&body(|_| {}));
    let (said, ended, counted) = (&plain[0], &plain[1], &plain[2]);
    let text = |pieces: &[String]| pieces.iter().fold(Script::sse(), |script, piece| script.piece(piece.clone()));
    let lines = |end: &str| text(&plain.iter().map(|data| format!("data: {data}{end}{end}")).collect::<Vec<_>>());
    let broke_off = |kind: &str| Right::failed(kind).unknown_cost();
    vec![
        stream("a stream with carriage returns", "servers on Windows", lines("\r\n"), Right::accepted()),
        stream("no blank behind `data:`", "some proxies", text(&plain.iter().map(|data| format!("data:{data}\n\n")).collect::<Vec<_>>()), Right::accepted()),
        stream(
            "comments that keep the connection awake",
            "OpenRouter's page Streaming",
            plain.iter().fold(Script::sse().piece(": OPENROUTER PROCESSING\n\n"), |script, data| script.piece(format!("data: {data}\n\n: ping\n\n"))),
            Right::accepted(),
        ),
        stream(
            "names and ids of events",
            "proxies that pass on Anthropic's events",
            plain.iter().fold(Script::sse(), |script, data| script.piece(format!("event: message\nid: 7\nretry: 10\ndata: {data}\n\n"))),
            Right::accepted(),
        ),
        stream("a stream byte by byte", "a slow network", Script::sse().bytewise(plain.iter().map(|data| format!("data: {data}\n\n")).collect::<Vec<_>>().concat()), Right::accepted()),
        stream("no end mark", "Gemini's compatible endpoint, Cohere", events(&plain[..3]), Right::accepted()),
        stream("usage with the last piece", "Groq, DeepSeek, Mistral", {
            let mut last: Value = serde_json::from_str(ended).unwrap_or_default();
            last["usage"] = serde_json::from_str::<Value>(counted).unwrap_or_default()["usage"].clone();
            events(&[said.clone(), last.to_string(), "[DONE]".to_owned()])
        }, Right::accepted()),
        stream("usage in every piece", "vLLM: continuous_usage_stats", {
            let with = |data: &str, output: u64| {
                let mut chunk: Value = serde_json::from_str(data).unwrap_or_default();
                chunk["usage"] = json!({ "prompt_tokens": 10, "completion_tokens": output, "total_tokens": 10 + output });
                chunk.to_string()
            };
            events(&[with(said, 1), with(ended, 2), "[DONE]".to_owned()])
        }, Right::accepted()),
        stream("usage before the end mark and null before", "OpenAI: stream_options.include_usage", {
            let null = |data: &str| data.replacen('{', "{\"usage\":null,", 1);
            events(&[null(said), null(ended), counted.clone(), "[DONE]".to_owned()])
        }, Right::accepted()),
        stream("no usage in the stream", "servers that ignore stream_options", events(&[said.clone(), ended.clone(), "[DONE]".to_owned()]), Right::accepted().unknown_cost()),
        stream("a first piece without a choice", "Azure: AbanteAI/archive-old-cli-mentat issue 429", {
            let first = r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}"#.to_owned();
            events(&[[first].as_slice(), &plain].concat())
        }, Right::accepted()),
        stream("an end without a delta", "some proxies", events(&[
            said.clone(), r#"{"choices":[{"index":0,"finish_reason":"stop"}]}"#.to_owned(), counted.clone(), "[DONE]".to_owned(),
        ]), Right::accepted()),
        stream("an empty reason until the end", "ollama/ollama issue 4357, sgl-project/sglang issue 3912", events(&[
            said.replace("\"finish_reason\":null", "\"finish_reason\":\"\""), ended.clone(), counted.clone(), "[DONE]".to_owned(),
        ]), Right::accepted()),
        stream("an error in the middle", "OpenRouter: error at the top of a chunk", events(&[
            said.clone(), r#"{"error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#.to_owned(),
        ]), broke_off("overloaded")),
        stream("an event named error", "Anthropic behind proxies, SGLang", Script::sse()
            .piece(format!("data: {said}\n\n"))
            .piece("event: error\ndata: {\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"), broke_off("overloaded")),
        stream("an end mark without a reason", "a server that was stopped", events(&[said.clone(), "[DONE]".to_owned()]), Right::of("unfinished: null").unknown_cost()),
        stream("a stream that is cut", "a server that restarts", Script::sse().piece(format!("data: {said}\n\n")).cut(), broke_off("truncated")),
        stream("a stream that ends early", "a proxy that gave up", events(std::slice::from_ref(said)), broke_off("truncated")),
        stream("a piece that is no JSON", "a proxy's bug", events(&[said.clone(), "{\"choices\":[{\"index\":0,".to_owned()]), broke_off("malformed")),
        stream("reasoning in pieces of its own", "DeepSeek, vLLM: delta.reasoning_content", events(&[
            piece(&json!({ "role": "assistant", "content": null, "reasoning_content": "hm" })), said.clone(), ended.clone(), counted.clone(), "[DONE]".to_owned(),
        ]), Right::accepted()),
        stream("a role in every piece", "vLLM before 0.6, Mistral", events(&[
            piece(&json!({ "role": "assistant", "content": "" })), said.clone(), ended.clone(), counted.clone(), "[DONE]".to_owned(),
        ]), Right::accepted()),
    ]
}

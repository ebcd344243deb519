//! How servers refuse.

use super::behaviour::{Behaviour, Right, refusal, then_good};
use crate::server::Script;

fn html(name: &'static str, who: &'static str, status: u16, page: &str, right: Right) -> Behaviour {
    let script = Script::status(status).header("content-type", "text/html; charset=UTF-8").piece(page.to_owned());
    Behaviour::new(name, who, vec![script.clone()], vec![script], right)
}

fn error(status: u16, body: &str) -> Script {
    Script::status(status).header("content-type", "application/json").piece(body.to_owned())
}

pub(super) fn all() -> Vec<Behaviour> {
    let auth = || Right::failed("auth");
    let limited = || Right::failed_again("rate-limited");
    let overloaded = || Right::failed_again("overloaded");
    let context = || Right::failed("context-length");
    let invalid = || Right::failed("invalid-request");
    let missing = || Right::failed("not-found");
    let filtered = || Right::failed("content-filter");
    vec![
        refusal(
            "a wrong key",
            "OpenAI",
            401,
            r#"{"error":{"message":"Incorrect API key provided: sk-proj-****","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            auth(),
        ),
        refusal("a wrong key in one word", "vLLM with --api-key", 401, r#"{"error":"Unauthorized"}"#, auth()),
        refusal(
            "a key without the right",
            "OpenRouter: a key's limit",
            403,
            r#"{"error":{"message":"Key limit exceeded (total limit)","code":403}}"#,
            auth(),
        ),
        refusal("no credit left", "OpenRouter", 402, r#"{"error":{"message":"Insufficient credits","code":402}}"#, auth()),
        refusal(
            "no balance left",
            "DeepSeek",
            402,
            r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}"#,
            auth(),
        ),
        refusal(
            "a quota that is used up",
            "OpenAI: insufficient_quota",
            429,
            r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            auth(),
        ),
        refusal(
            "a limit by the minute that speaks of billing",
            "OpenAI: rate_limit_exceeded",
            429,
            r#"{"error":{"message":"Rate limit reached for gpt-4o in organization org-x on requests per min (RPM): Limit 3, Used 3. Visit https://x.example/account/billing to add a payment method.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            limited(),
        ),
        refusal(
            "a quota by the minute",
            "Gemini: RESOURCE_EXHAUSTED with violations",
            429,
            r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.01s"}]}}]"#,
            limited(),
        ),
        refusal("a limit told in a plain line", "nginx limit_req behind proxies", 429, r#""slow down""#, limited()),
        refusal(
            "a limit with OpenRouter's cause",
            "OpenRouter: error.metadata.raw",
            429,
            r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"model is temporarily rate-limited upstream","provider_name":"X"}}}"#,
            limited(),
        ),
        then_good(
            "a limit that passes",
            "OpenAI: retry-after-ms",
            &error(429, r#"{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}"#)
                .header("retry-after-ms", "5"),
            Right::accepted().attempts(2),
        ),
        then_good(
            "a limit that passes, told in the body",
            "Gemini: RetryInfo.retryDelay",
            &error(
                429,
                r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"0.005s"}]}}]"#,
            ),
            Right::accepted().attempts(2),
        ),
        then_good(
            "a limit that says how long in its sentence",
            "Groq, Azure: try again in 5ms",
            &error(
                429,
                r#"{"error":{"message":"Rate limit reached for model `x`. Please try again in 5ms.","type":"tokens","code":"rate_limit_exceeded"}}"#,
            ),
            Right::accepted().attempts(2),
        ),
        Behaviour::new(
            "a failure that says not to try again",
            "OpenAI, Anthropic: x-should-retry",
            vec![error(500, r#"{"error":{"message":"no use"}}"#).header("x-should-retry", "false")],
            vec![error(500, r#"{"error":{"message":"no use"}}"#).header("x-should-retry", "false")],
            Right::failed("overloaded"),
        ),
        then_good(
            "a failure that passes",
            "every server",
            &error(500, r#"{"error":{"message":"The server had an error while processing your request","type":"server_error"}}"#),
            Right::accepted().attempts(2),
        ),
        refusal(
            "an overloaded server",
            "Anthropic: 529",
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            overloaded(),
        ),
        refusal(
            "a model that is still loading",
            "llama.cpp",
            503,
            r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#,
            overloaded(),
        ),
        refusal("a full queue", "TGI", 429, r#"{"error":"Model is overloaded","error_type":"overloaded"}"#, limited()),
        html("a gateway's page", "nginx", 502, "<html><head><title>502 Bad Gateway</title></head></html>", overloaded()),
        html(
            "a gateway's page when it waits too long",
            "nginx",
            504,
            "<html><head><title>504 Gateway Time-out</title></head></html>",
            Right::failed("timeout").unknown_cost(),
        ),
        html(
            "an origin that does not answer",
            "Cloudflare: 524",
            524,
            "<html>A timeout occurred</html>",
            Right::failed("timeout").unknown_cost(),
        ),
        html(
            "a firewall's page",
            "Cloudflare, Akamai: 403",
            403,
            "<!DOCTYPE html><html><title>Attention Required!</title></html>",
            invalid(),
        ),
        refusal(
            "a prompt longer than the context",
            "OpenAI: context_length_exceeded",
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            context(),
        ),
        refusal(
            "a prompt longer than vLLM's context",
            "vLLM",
            400,
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4900 in the messages, 100 in the completion).","type":"BadRequestError","param":null,"code":400}"#,
            context(),
        ),
        refusal(
            "a prompt longer than llama.cpp's context",
            "ggml-org/llama.cpp pull request 15780; with status 400 in oobabooga/textgen issue 7257",
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size. try increasing the context size or enable context shift","type":"exceed_context_size_error","n_prompt_tokens":600,"n_ctx":512}}"#,
            context(),
        ),
        refusal(
            "a prompt longer than TGI's context",
            "TGI: validation",
            422,
            r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 200 `max_new_tokens`","error_type":"validation"}"#,
            context(),
        ),
        refusal(
            "a prompt longer than Anthropic's context",
            "Anthropic",
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
            context(),
        ),
        refusal(
            "a body that is too large",
            "nginx, Anthropic: request_too_large",
            413,
            r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
            context(),
        ),
        refusal(
            "a prompt that a filter refused",
            "Azure OpenAI: ResponsibleAIPolicyViolation",
            400,
            r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"jailbreak":{"filtered":true,"detected":true}}}}}"#,
            filtered(),
        ),
        refusal(
            "a prompt that OpenRouter's moderation refused",
            "OpenRouter's page Errors and Debugging: 403 for a flagged input",
            403,
            r#"{"error":{"message":"Input was flagged","code":403,"metadata":{"reasons":["violence"],"flagged_input":"...","provider_name":"X"}}}"#,
            filtered(),
        ),
        refusal(
            "a model that is not there",
            "OpenAI: model_not_found",
            404,
            r#"{"error":{"message":"The model `m` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            missing(),
        ),
        refusal(
            "a model that Ollama has not pulled",
            "Ollama",
            404,
            r#"{"error":{"message":"model \"m\" not found, try pulling it first","type":"api_error","param":null,"code":null}}"#,
            missing(),
        ),
        html("a path that is not there", "Go's default handler", 404, "404 page not found", missing()),
        refusal(
            "a member that is not known",
            "Groq: logprobs are not supported",
            400,
            r#"{"error":{"message":"'logprobs' is not supported with this model","type":"invalid_request_error"}}"#,
            invalid(),
        ),
        refusal(
            "a complaint in FastAPI's form",
            "vLLM, SGLang",
            422,
            r#"{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required","input":{}}]}"#,
            invalid(),
        ),
        refusal(
            "an error inside a success",
            "OpenRouter's page Errors and Debugging: 200 once the model has started",
            200,
            r#"{"error":{"message":"Internal Server Error","code":500}}"#,
            overloaded(),
        ),
        refusal(
            "a limit inside a success",
            "OpenRouter",
            200,
            r#"{"error":{"message":"Rate limit exceeded","code":429}}"#,
            limited(),
        ),
        refusal("a redirect", "a base URL without https", 301, "", invalid()),
    ]
}

//! What a provider's error body means. Shared by the dialects: servers mix each other's shapes, so all are tolerated
//! everywhere.

use std::time::Duration;

use serde_json::Value;
use tierfall_core::provider::{Billing, CallErrorKind};

/// A provider's failure, from its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What a cascade can do about it.
    pub kind: CallErrorKind,
    /// The provider's own message on one line, as long as it came; empty where there is none. It may quote what was sent
    /// to it: whoever shows it takes out the secrets and shortens it, in this order, lest half of a key is left.
    pub message: String,
    /// What it cost, where the provider had begun to answer; otherwise the kind of failure tells.
    pub billing: Option<Billing>,
    /// When to come back, where the body says so.
    pub retry_after: Option<Duration>,
}

/// The longest plain body that may be a message, in bytes.
const PLAIN_BYTES: usize = 300;

/// Reads a reply with this status. With a success status the body's own code or type decides.
pub(super) fn classify(status: u16, body: &[u8]) -> Failure {
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        return classify_value(status, &value);
    }
    // A short plain line ("404 page not found") helps; a proxy's HTML page does not.
    let text = std::str::from_utf8(body).map_or("", str::trim);
    let message = if text.len() > PLAIN_BYTES || text.starts_with(['<', '{', '[']) { "" } else { text };
    let kind = match (status, text.starts_with('<')) {
        // A page is not the API's word on a key: a firewall or a proxy takes offence at the request.
        (403, true) => CallErrorKind::InvalidRequest,
        _ => of_status(status, ""),
    };
    Failure { kind, message: clean(message), billing: None, retry_after: None }
}

fn classify_value(status: u16, body: &Value) -> Failure {
    // Gemini may wrap the object in a list.
    let body = body.get(0).unwrap_or(body);
    let error = body.get("error").filter(|error| error.is_object()).unwrap_or(body);
    let message = message(body, error);
    let mut labels = String::new();
    for (object, key) in [(error, "code"), (error, "type"), (error, "status"), (&error["innererror"], "code")] {
        if let Some(label) = object[key].as_str() {
            labels.push_str(&label.to_lowercase());
            labels.push(' ');
        }
    }
    let code = error["code"].as_u64().and_then(|code| u16::try_from(code).ok());
    let status = match code {
        Some(code) if status < 300 && (400..600).contains(&code) => code,
        _ => status,
    };
    let flagged = ["reasons", "flagged_input"].iter().any(|key| !error["metadata"][key].is_null());
    let kind = if flagged { CallErrorKind::ContentFilter } else { kind(status, &labels, &message.to_lowercase()) };
    let mut said = clean(&message);
    // OpenRouter's own sentence says only that the provider behind it failed.
    if let Some(raw) = error["metadata"]["raw"].as_str().map(clean).filter(|raw| !raw.is_empty()) {
        said = if said.is_empty() { raw } else { format!("{said}: {raw}") };
    }
    Failure { kind, message: said, billing: None, retry_after: retry_after(error, &message) }
}

/// When to come back, as a body says it: Google's `RetryInfo`, or a sentence that ends in a time.
fn retry_after(error: &Value, message: &str) -> Option<Duration> {
    let details = error["details"].as_array().map_or(&[][..], Vec::as_slice);
    let told = details.iter().find_map(|detail| duration(detail["retryDelay"].as_str()?));
    told.or_else(|| {
        let message = message.to_lowercase();
        let behind =
            ["try again in ", "retry in ", "retry after "].iter().find_map(|words| Some(message.split_once(words)?.1))?;
        // `1m2.5s`, `2 seconds.`
        let word = behind.split([' ', ',', ')']).next()?.trim_end_matches('.');
        duration(word).or_else(|| {
            let unit = behind.split_whitespace().nth(1)?;
            unit.starts_with("second").then(|| Duration::try_from_secs_f64(word.parse().ok()?).ok()).flatten()
        })
    })
}

/// A duration as Go and protocol buffers write it: `57s`, `1.2s`, `850ms`, `1m2.5s`.
fn duration(text: &str) -> Option<Duration> {
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let unit = &behind[..behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len())];
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = &behind[unit.len()..];
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(total).ok()).flatten()
}

/// The provider's sentence, in any of the shapes in use.
fn message(body: &Value, error: &Value) -> String {
    let places = [&error["message"], &body["error"], &body["message"], &body["detail"], &error["msg"]];
    if let Some(text) = places.into_iter().find_map(Value::as_str) {
        return text.to_owned();
    }
    // FastAPI: a list of complaints. Their `input` repeats the request and is not read.
    let complaints = body["detail"].as_array().map_or(&[][..], Vec::as_slice);
    let said: Vec<String> = complaints
        .iter()
        .filter_map(|complaint| {
            let place = complaint["loc"].as_array().map_or(&[][..], Vec::as_slice);
            let place: Vec<String> = place.iter().map(|p| p.as_str().map_or_else(|| p.to_string(), str::to_owned)).collect();
            complaint["msg"].as_str().map(|msg| format!("{}: {msg}", place.join(".")))
        })
        .collect();
    said.join("; ")
}

const CONTEXT: [&str; 9] = [
    "context length",
    "context_length_exceeded",
    "context window",
    "context size",
    "exceed_context_size",
    "prompt is too long",
    "input token count",
    "too many tokens",
    "`inputs` tokens + `max_new_tokens` must be",
];
const FILTER: [&str; 5] =
    ["content_filter", "content_policy", "responsibleaipolicyviolation", "content management policy", "content filtering policy"];
/// Labels of an account that has to be paid for first. What a message says decides nothing: limits by the minute speak of
/// billing too, and a message may quote the prompt.
const QUOTA: [&str; 3] = ["insufficient_quota", "billing_", "insufficient_balance"];
/// How Anthropic says the same, under a label that says nothing.
const CREDIT: &str = "your credit balance is too low";

const MODEL: [&str; 4] = ["model_not_found", "model_not_available", "invalid_model", "unknown_model"];

/// `labels` and `message` in lower case.
fn kind(status: u16, labels: &str, message: &str) -> CallErrorKind {
    let says = |words: &[&str]| words.iter().any(|word| labels.contains(word) || message.contains(word));
    // A 5xx that speaks of the context is llama.cpp's; a 429 that does speaks of tokens a minute.
    if status != 429 && status != 401 && says(&CONTEXT) {
        return CallErrorKind::ContextLength;
    }
    if matches!(status, 0..=299 | 400 | 403 | 422) && says(&FILTER) {
        return CallErrorKind::ContentFilter;
    }
    // A used-up quota does not come back by waiting: somebody has to pay first.
    let unpaid = QUOTA.iter().any(|label| labels.contains(label)) || (status != 429 && message.starts_with(CREDIT));
    if matches!(status, 0..=299 | 400 | 402 | 403 | 429) && unpaid {
        return CallErrorKind::Auth;
    }
    if matches!(status, 0..=299 | 400 | 404 | 422) && MODEL.iter().any(|label| labels.contains(label)) {
        return CallErrorKind::NotFound;
    }
    of_status(status, labels)
}

fn of_status(status: u16, labels: &str) -> CallErrorKind {
    match status {
        // An error inside a success: its label decides; without one the fault is the server's.
        0..=299 => of_label(labels),
        401..=403 => CallErrorKind::Auth,
        408 | 504 | 524 => CallErrorKind::Timeout,
        // Conflict and too-early are about the moment, not about the request.
        409 | 425 => CallErrorKind::Overloaded,
        404 => CallErrorKind::NotFound,
        // Nothing but the prompt makes these bodies large, and a model with more room may take it.
        413 => CallErrorKind::ContextLength,
        429 => CallErrorKind::RateLimited,
        // Redirects are not followed: the base URL is wrong. 501: this server will never do it.
        300..=499 | 501 => CallErrorKind::InvalidRequest,
        _ => CallErrorKind::Overloaded,
    }
}

fn of_label(labels: &str) -> CallErrorKind {
    let says = |words: &[&str]| words.iter().any(|word| labels.contains(word));
    if says(&["authentication", "permission", "invalid_api_key", "unauthenticated"]) {
        CallErrorKind::Auth
    } else if says(&["rate_limit", "resource_exhausted"]) {
        CallErrorKind::RateLimited
    } else if says(&["request_too_large"]) {
        CallErrorKind::ContextLength
    } else if says(&["timeout", "deadline_exceeded"]) {
        CallErrorKind::Timeout
    } else if says(&["not_found"]) {
        CallErrorKind::NotFound
    } else if says(&["invalid"]) {
        CallErrorKind::InvalidRequest
    } else {
        CallErrorKind::Overloaded
    }
}

/// Whether a word may be a provider's key.
pub(super) fn looks_like_a_key(word: &str) -> bool {
    word.len() > 12 && ["sk-", "AIza", "gsk_", "xai-"].iter().any(|mark| word.contains(mark))
}

/// One line without what looks like a key, queries of URLs, or the request that some validators
/// quote back.
fn clean(message: &str) -> String {
    let end = ["input_value=", "'input':", "\"input\":"].iter().filter_map(|mark| message.find(mark)).min();
    let message = &message[..end.unwrap_or(message.len())];
    let mut line = String::new();
    for word in message.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(match word.split_once('?') {
            _ if looks_like_a_key(word) => "[key]",
            Some((url, _)) if url.contains("://") => url,
            _ => word,
        });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use CallErrorKind::{Auth, ContentFilter, ContextLength, InvalidRequest, NotFound, Overloaded, RateLimited, Timeout};

    #[test]
    fn what_providers_say() {
        for (status, body, want) in [
            (401, r#"{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}"#, Auth),
            (403, r#"{"error":"forbidden"}"#, Auth),
            (404, "404 page not found", NotFound),
            (405, "", InvalidRequest),
            (404, r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#, NotFound),
            (400, r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","code":"1500"}"#, NotFound),
            (200, r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#, NotFound),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","code":400}"#,
                ContextLength,
            ),
            (400, r#"{"error":{"code":400,"message":"too big","type":"exceed_context_size_error","n_ctx":512}}"#, ContextLength),
            (500, r#"{"error":{"message":"the request exceeds the available context size"}}"#, ContextLength),
            (
                400,
                r#"[{"error":{"code":400,"message":"The input token count (9) exceeds","status":"INVALID_ARGUMENT"}}]"#,
                ContextLength,
            ),
            (400, r#"{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#, ContentFilter),
            (400, r#"{"error":{"code":"content_policy_violation","message":"no"}}"#, ContentFilter),
            (413, "<html>too large</html>", ContextLength),
            (422, r#"{"detail":[{"loc":["body","messages"],"msg":"Field required","input":"secret"}]}"#, InvalidRequest),
            (429, r#"{"error":{"message":"slow down: 9 tokens, context length","type":"tokens"}}"#, RateLimited),
            (429, r#"{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}"#, Auth),
            (
                422,
                r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 9","error_type":"validation"}"#,
                ContextLength,
            ),
            (403, "<html>Attention Required!</html>", InvalidRequest),
            (403, r#"{"error":{"code":403,"message":"Input was flagged","metadata":{"reasons":["violence"]}}}"#, ContentFilter),
            (
                429,
                r#"{"error":{"message":"Limit 3 a minute; add a payment method at https://x.y/account/billing","code":"rate_limit_exceeded"}}"#,
                RateLimited,
            ),
            (
                429,
                r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details","status":"RESOURCE_EXHAUSTED"}}]"#,
                RateLimited,
            ),
            (400, r#"{"error":{"message":"no schema for: my billing address and credit balance"}}"#, InvalidRequest),
            (403, r#"{"error":{"type":"billing_error","message":"pay first"}}"#, Auth),
            (402, r#"{"error":{"message":"Insufficient Balance"}}"#, Auth),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#,
                Auth,
            ),
            (408, "", Timeout),
            (504, "<html>", Timeout),
            (503, r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#, Overloaded),
            (529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, Overloaded),
            (500, "", Overloaded),
            (501, "", InvalidRequest),
            (301, "", InvalidRequest),
            (200, r#"{"error":{"code":429,"message":"later"}}"#, RateLimited),
            (200, r#"{"error":{"type":"rate_limit_error","message":"later"}}"#, RateLimited),
            (200, r#"{"error":{"type":"server_error","message":"oops"}}"#, Overloaded),
            (200, r#"{"type":"error","error":{"type":"request_too_large"}}"#, ContextLength),
        ] {
            assert_eq!(classify(status, body.as_bytes()).kind, want, "{status} {body}");
        }
    }

    #[test]
    fn when_to_come_back_is_read_from_the_body() {
        for (body, milliseconds) in [
            (
                r#"[{"error":{"code":429,"details":[{"@type":"a"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"57.5s"}]}}]"#,
                Some(57_500),
            ),
            (r#"{"error":{"message":"Rate limit reached. Please try again in 1m2.5s. Visit x"}}"#, Some(62_500)),
            (r#"{"error":{"message":"Please retry in 850ms."}}"#, Some(850)),
            (r#"{"error":{"message":"Please retry after 6 seconds."}}"#, Some(6_000)),
            (r#"{"error":{"message":"Please try again in a while"}}"#, None),
            (r#"{"error":{"message":"Please try again in 99999999999999999999999h"}}"#, None),
            (r#"{"error":{"details":[{"retryDelay":""}]}}"#, None),
        ] {
            assert_eq!(classify(429, body.as_bytes()).retry_after, milliseconds.map(Duration::from_millis), "{body}");
        }
    }

    #[test]
    fn the_cause_behind_a_proxy_is_told() {
        let body =
            r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"slow down","provider_name":"X"}}}"#;
        assert_eq!(classify(429, body.as_bytes()).message, "Provider returned error: slow down");
    }

    #[test]
    fn messages_are_found_and_clean() {
        let message = |body: &str| classify(400, body.as_bytes()).message;
        assert_eq!(message(r#"{"error":{"message":"a\n  b"}}"#), "a b");
        assert_eq!(message(r#"{"error":"a"}"#), "a");
        assert_eq!(message(r#"{"detail":"a"}"#), "a");
        assert_eq!(message(r#"{"detail":[{"loc":["body",0],"msg":"no","input":"secret"}]}"#), "body.0: no");
        assert_eq!(message("page not found"), "page not found");
        assert_eq!(message("<html>no</html>"), "");
        assert_eq!(
            message(r#"{"error":{"message":"bad key: sk-abcdefghijklmnop at https://x.y/z?key=1 now"}}"#),
            "bad key: [key] at https://x.y/z now"
        );
        assert_eq!(
            message(r#"{"error":{"message":"1 error: [{'msg': 'no', 'input': {'messages': 'secret'}}]"}}"#),
            "1 error: [{'msg': 'no',"
        );
        let long = message(&format!(r#"{{"error":"{}"}}"#, "é ".repeat(5000)));
        assert_eq!(long.chars().count(), 9999, "who knows the keys shortens it");
        assert_eq!(message(""), "");
    }
}

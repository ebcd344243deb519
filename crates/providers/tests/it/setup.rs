//! What every test needs.

use std::sync::Arc;
use std::time::Duration;

use tierfall_core::completion::Completion;
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Provider};
use tierfall_core::request::{Call, Prompt, Request};
use tierfall_providers::{Access, BaseUrl, HttpProvider, HttpSettings, Layers, RetryPolicy, collect};
use tierfall_testkit::openai::InTurn;
use tierfall_wire::dialect::table;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) const KEY: &str = "very-secret-key-0123456789";

/// Settings for a server at `url`: openai-chat, a key.
pub(crate) fn settings(url: &str) -> HttpSettings {
    dialect("openai-chat", url)
}

pub(crate) fn dialect(name: &str, url: &str) -> HttpSettings {
    let mut settings = HttpSettings::new("local", table::by_name(name).unwrap(), BaseUrl::parse(url).unwrap());
    settings.access = Access::Key { key: KEY.into(), source: Some("LOCAL_KEY".to_owned()) };
    settings
}

pub(crate) fn provider(url: &str) -> HttpProvider {
    HttpProvider::new(settings(url)).unwrap()
}

/// A provider that tries three times without pauses worth mentioning.
pub(crate) fn persistent(url: &str) -> Arc<dyn Provider> {
    persistent_with(settings(url))
}

pub(crate) fn persistent_with(settings: HttpSettings) -> Arc<dyn Provider> {
    layered(settings, |layers| layers.retry = RetryPolicy { base: Duration::from_millis(1), ..RetryPolicy::default() })
}

/// A provider that tries once, with one of its layers changed.
pub(crate) fn layered(settings: HttpSettings, change: impl FnOnce(&mut Layers)) -> Arc<dyn Provider> {
    let changed = |layers: &mut Layers| {
        layers.retry = RetryPolicy::never();
        change(layers);
    };
    HttpProvider::layered_by(settings, changed).unwrap()
}

/// A server that gives these responses in turn.
pub(crate) async fn serving(responses: impl IntoIterator<Item = ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(InTurn::new(responses)).mount(&server).await;
    server
}

pub(crate) fn call() -> Call {
    let request = Arc::new(Request::new("q1", "where is it?"));
    let prompt = Prompt::Request { preamble: Arc::new([]), request, addendum: None };
    Call { logprobs: Some(5), ..Call::new("q1".into(), "model", prompt) }
}

pub(crate) fn streaming() -> Call {
    Call { stream: true, ..call() }
}

/// The answer and the attempts that failed before it.
pub(crate) type Answered = (Arc<Completion>, Vec<Attempt>);

/// Makes a call and reads its reply; an error carries every attempt.
pub(crate) async fn ask(provider: &dyn Provider, call: &Call) -> Result<Answered, CallError> {
    let (failed, answer) = collect(call, provider.call(call).await?, || Duration::ZERO).await;
    match answer {
        Ok(answer) => Ok((answer, failed)),
        Err(error) => {
            let attempts = failed.into_iter().chain(error.attempts.iter().cloned()).collect();
            Err(error.with_attempts(attempts))
        }
    }
}

/// Checks kind, billing and number of attempts, and that nothing secret is told. What nobody told of a reply that broke is an estimate.
#[track_caller]
pub(crate) fn assert_failed(error: &CallError, kind: CallErrorKind, billing: Billing) {
    assert_eq!(error.kind, kind, "{error}");
    let untold = |billing| matches!(billing, Billing::Unknown | Billing::Estimated(_));
    let of = |told| if untold(told) && untold(billing) { billing } else { told };
    let told: Vec<_> = error.attempts.iter().map(|attempt| (attempt.error, of(attempt.billing))).collect();
    assert_eq!(told, [(Some(kind), billing)], "{error}");
    assert_clean(error);
}

#[track_caller]
pub(crate) fn assert_clean(error: &CallError) {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(KEY), "{shown}");
    assert!(error.message.starts_with("provider \"local\": "), "{shown}");
    assert!(!error.message.contains("where is it?"), "{shown}");
    assert!(!error.message.contains('\n') && error.message.len() < 700, "{shown}");
}

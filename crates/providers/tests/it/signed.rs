//! Dialects that compute their paths, and requests that are signed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tierfall_core::completion::Completion;
use tierfall_core::provider::{CallError, CallErrorKind};
use tierfall_core::request::Call;
use tierfall_providers::{Access, BaseUrl, HttpProvider, HttpSettings, Sign, Signing};
use tierfall_testkit::openai;
use tierfall_wire::dialect::openai_chat::OpenAiChat;
use tierfall_wire::dialect::{Auth, Dialect, EncodeError, Encoded, Gives, NoAnswer, StreamDecoder, path};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::setup::{ask, call, persistent_with, serving};

/// Chat completions at a URL that names the model, under a header of its own.
#[derive(Debug)]
struct Deployments;

impl Dialect for Deployments {
    fn name(&self) -> &'static str {
        "deployments"
    }

    fn gives(&self) -> Gives {
        OpenAiChat.gives()
    }

    fn auth(&self) -> Auth {
        Auth::Header("API-Key".into())
    }

    fn encode(&self, call: &Call) -> Result<Encoded, EncodeError> {
        let model = path::segment(&call.model)?;
        Ok(Encoded {
            path: format!("/deployments/{model}/chat:complete?api-version=1").into(),
            headers: vec![(format!("X-Model-{}", call.model.len()).into(), "named".to_owned())],
            ..OpenAiChat.encode(call)?
        })
    }

    fn decode(&self, body: &[u8]) -> Result<Completion, NoAnswer> {
        OpenAiChat.decode(body)
    }

    fn stream(&self) -> Box<dyn StreamDecoder> {
        OpenAiChat.stream()
    }
}

/// What a signature is over: the body, and the URL behind its host, which the test's server does not keep.
fn signature(url: &str, body: &[u8], token: usize) -> String {
    let sum: usize = body.iter().zip(1..).map(|(byte, place)| usize::from(*byte) * place).sum();
    format!("signed-{token}-{sum}-{}", url.split_once("/openai").unwrap().1.len())
}

/// Signs with a token that is a new one each time.
#[derive(Default)]
struct Signer {
    tokens: AtomicUsize,
    /// The names of the headers that it was shown.
    shown: Mutex<Vec<String>>,
}

impl Sign for Signer {
    fn sign<'a>(&'a self, request: &'a mut Signing<'_>) -> BoxFuture<'a, Result<(), CallError>> {
        async {
            // As where a token is fetched.
            tokio::task::yield_now().await;
            let token = self.tokens.fetch_add(1, Ordering::Relaxed);
            assert_eq!(request.method, "POST");
            *self.shown.lock().unwrap() = request.headers.iter().map(|(name, _)| (*name).to_owned()).collect();
            request.add("X-Signature", signature(request.url, request.body, token));
            Ok(())
        }
        .boxed()
    }
}

fn good() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(openai::chat(&Completion::text("Monday")))
}

fn settings(server: &MockServer, access: Access) -> HttpSettings {
    let base_url = BaseUrl::parse(&format!("{}/openai", server.uri())).unwrap();
    HttpSettings { access, ..HttpSettings::new("local", Arc::new(Deployments), base_url) }
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_path_names_the_model() {
    let server = serving([good()]).await;
    let provider = HttpProvider::new(settings(&server, Access::key("k-1234"))).unwrap();
    for (model, want) in [("gpt-4.1", "gpt-4.1"), ("../org/m 1?x", "..%2Forg%2Fm%201%3Fx")] {
        ask(&provider, &Call { model: model.into(), ..call() }).await.unwrap();
        let asked = server.received_requests().await.unwrap().pop().unwrap();
        assert!(
            asked.url.as_str().ends_with(&format!("/openai/deployments/{want}/chat:complete?api-version=1")),
            "{}",
            asked.url
        );
        assert_eq!((header(&asked, "api-key"), header(&asked, &format!("x-model-{}", model.len()))), ("k-1234", "named"));
    }
    let error = ask(&provider, &Call { model: "..".into(), ..call() }).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::InvalidRequest, "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 2, "the way up was not asked");
}

#[tokio::test]
async fn each_attempt_is_signed_over_what_arrives() {
    let server = serving([ResponseTemplate::new(503), good()]).await;
    let signer = Arc::new(Signer::default());
    let provider = persistent_with(settings(&server, Access::Signed(signer.clone())));
    ask(&provider, &call()).await.unwrap();
    let asked = server.received_requests().await.unwrap();
    assert_eq!(asked.len(), 2);
    for (token, request) in asked.iter().enumerate() {
        assert_eq!(header(request, "x-signature"), signature(request.url.as_str(), &request.body, token));
        assert_eq!(header(request, "authorization"), "");
    }
    let shown = signer.shown.lock().unwrap();
    assert!(["content-type", "accept", "x-model-5"].iter().all(|name| shown.iter().any(|shown| shown == name)), "{shown:?}");
}

#[tokio::test]
async fn what_a_signer_adds_is_told_nowhere() {
    let server = MockServer::start().await;
    let echo = |request: &Request| {
        let said = header(request, "x-signature");
        ResponseTemplate::new(401).set_body_json(openai::error(&format!("what is {said}?"), "no")).insert_header("x-echo", said)
    };
    Mock::given(method("POST")).respond_with(echo).mount(&server).await;
    let provider = HttpProvider::new(settings(&server, Access::Signed(Arc::new(Signer::default())))).unwrap();
    let error = ask(&provider, &call()).await.unwrap_err();
    assert!(
        error.message.contains("what is [key]?") && error.message.ends_with("check what the requests are signed with"),
        "{error}"
    );
    let upstream = error.upstream.unwrap();
    assert!(upstream.body.contains("what is [key]?") && upstream.header("x-echo") == Some("[key]"));
}

/// Has no token, twice.
struct Late(AtomicUsize);

impl Sign for Late {
    fn sign<'a>(&'a self, _: &'a mut Signing<'_>) -> BoxFuture<'a, Result<(), CallError>> {
        let late = self.0.fetch_add(1, Ordering::Relaxed) < 2;
        let error = || CallError::new(CallErrorKind::Connect, "no token yet");
        std::future::ready(if late { Err(error()) } else { Ok(()) }).boxed()
    }
}

#[tokio::test]
async fn a_signer_that_fails_fails_the_attempt() {
    let server = serving([good()]).await;
    let provider = persistent_with(settings(&server, Access::Signed(Arc::new(Late(AtomicUsize::new(0))))));
    let (_, failed) = ask(&provider, &call()).await.unwrap();
    assert_eq!(failed.iter().map(|attempt| attempt.error).collect::<Vec<_>>(), [Some(CallErrorKind::Connect); 2]);
    let settings = settings(&server, Access::Signed(Arc::new(Late(AtomicUsize::new(1)))));
    let error = ask(&HttpProvider::new(settings).unwrap(), &call()).await.unwrap_err();
    assert_eq!(error.message, "provider \"local\": the request cannot be signed: no token yet");
}

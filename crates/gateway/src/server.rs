//! The routes.

use std::hash::Hasher as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::{Listener, ListenerExt as _};
use serde_json::json;
use siphasher::sip::SipHasher24;
use tierfall_core::provider::CallErrorKind;
use tierfall_wire::openai::{Head, parse_request};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::ask::call;
use crate::models::Models;
use crate::reply::{self, Pace, Refusal};

/// The largest request, in bytes.
const BODY_LIMIT: usize = 32 << 20;

/// A client's own id of a request; it decides the answer, and comes back.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

struct Shared {
    models: Models,
    /// Requests that wait for the beginning of their answer.
    waiting: AtomicUsize,
}

/// One request that waits; gone with its client.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers requests until the listener fails. Dropped, it cuts off whoever is still being answered.
pub async fn serve(listener: TcpListener, models: Models) -> std::io::Result<()> {
    axum::serve(prompt(listener), router(models)).await
}

fn router(models: Models) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(list))
        .route("/health", get(health))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Arc::new(Shared { models, waiting: AtomicUsize::new(0) }))
}

async fn complete(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    let result = match body {
        Ok(body) => answer(&shared, &headers, &body).await,
        Err(rejection) => Err(Refusal { status: rejection.status(), ..Refusal::invalid(rejection.body_text()) }),
    };
    result.unwrap_or_else(Refusal::into_response)
}

async fn answer(shared: &Shared, headers: &HeaderMap, body: &Bytes) -> Result<Response, Refusal> {
    let text = std::str::from_utf8(body).map_err(|error| Refusal::invalid(format!("the body is not UTF-8: {error}")))?;
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let id = given.map_or_else(|| digest(body), str::to_owned);
    let (request, asked) = parse_request(text, id.as_str().into()).map_err(|error| Refusal::invalid(error.to_string()))?;
    let model = shared.models.get(&asked.model).ok_or_else(|| unknown(&shared.models, &asked.model))?;
    let call = call(request, &asked);
    let (attempt, drawn) = model.draw(&call);
    let (first, per_token) = model.simulation().latency(&call, attempt);
    let (completion, cut) = match &drawn {
        Ok(completion) => (Ok(completion.clone()), false),
        Err(CallErrorKind::Truncated) => (Ok(model.simulation().answer(&call)), true),
        Err(kind) => (Err(*kind), false),
    };
    let tokens =
        completion.as_ref().ok().filter(|_| !asked.stream).and_then(|answer| answer.usage).map_or(0, |usage| usage.output);
    let wait = first + per_token.saturating_mul(u32::try_from(tokens).unwrap_or(u32::MAX));
    if !wait.is_zero() {
        let _waiting = Waiting::begin(&shared.waiting);
        sleep(wait).await;
    }
    let completion = completion.map_err(Refusal::simulated)?;
    let name = format!("chatcmpl-{id}");
    // No clock: the same request gives the same bytes.
    let head = Head { id: &name, created: 0, model: completion.model.as_deref().unwrap_or(&asked.model) };
    let pace = Pace { per_token, cut };
    let send = if asked.stream { reply::in_pieces } else { reply::in_whole };
    let mut response = send(&completion, &head, &asked, pace)?;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    Ok(response)
}

/// Stands in for the id that a client did not give.
fn digest(body: &[u8]) -> String {
    let mut hasher = SipHasher24::new();
    hasher.write(body);
    format!("{:016x}", hasher.finish())
}

fn unknown(models: &Models, name: &str) -> Refusal {
    Refusal {
        status: StatusCode::NOT_FOUND,
        code: Some("model_not_found"),
        ..Refusal::invalid(format!("the model \"{name}\" is not simulated here (there is: {})", models.names().join(", ")))
    }
}

async fn list(State(shared): State<Arc<Shared>>) -> Response {
    let model = |name| json!({ "id": name, "object": "model", "created": 0, "owned_by": "tierfall simulate" });
    let models: Vec<_> = shared.models.names().into_iter().map(model).collect();
    reply::json(StatusCode::OK, json!({ "object": "list", "data": models }).to_string())
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let waiting = shared.waiting.load(Ordering::Relaxed);
    reply::json(StatusCode::OK, json!({ "status": "ok", "waiting": waiting }).to_string())
}

async fn nothing_here(method: Method, uri: Uri) -> Response {
    let message = format!("there is no {method} {}; try POST /v1/chat/completions, GET /v1/models or GET /health", uri.path());
    Refusal { status: StatusCode::NOT_FOUND, ..Refusal::invalid(message) }.into_response()
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}", uri.path());
    Refusal { status: StatusCode::METHOD_NOT_ALLOWED, ..Refusal::invalid(message) }.into_response()
}

/// Accepted sockets send at once: Nagle's algorithm would hold back the small events of a fast stream for about 45 ms.
fn prompt(listener: TcpListener) -> impl Listener<Io = TcpStream, Addr = SocketAddr> {
    listener.tap_io(|stream| {
        // A socket that is already gone is noticed when it is read.
        let _ = stream.set_nodelay(true);
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn accepted_sockets_send_at_once() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut listener = prompt(listener);
        let (accepted, _client) = tokio::join!(listener.accept(), TcpStream::connect(address));
        assert!(accepted.0.nodelay().unwrap());
    }
}

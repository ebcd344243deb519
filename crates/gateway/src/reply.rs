//! Replies and errors on the wire.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use tierfall_core::completion::{Completion, Tokens};
use tierfall_core::provider::CallErrorKind;
use tierfall_wire::openai::{ClientAsked, Head, chunks, error_body, whole};
use tokio::time::sleep;

/// How an answer is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// From token to token of a stream.
    pub(crate) per_token: Duration,
    /// Break off in the middle.
    pub(crate) cut: bool,
}

/// An error in OpenAI's shape.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) kind: &'static str,
    pub(crate) code: Option<&'static str>,
    pub(crate) message: String,
}

impl Refusal {
    /// The client's fault.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "invalid_request_error", code: None, message: message.into() }
    }

    /// A simulated failure.
    pub(crate) fn simulated(kind: CallErrorKind) -> Self {
        let message = format!("a simulated failure ({kind})");
        let (status, kind, code) = match kind {
            CallErrorKind::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "requests", Some("rate_limit_exceeded")),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "server_error", None),
        };
        Self { status, kind, code, message }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json(self.status, error_body(&self.message, self.kind, self.code))
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, kind: "server_error", code: None, message: format!("the reply could not be written: {error}") }
    }
}

/// The answer as one body.
pub(crate) fn in_whole(answer: &Completion, head: &Head<'_>, asked: &ClientAsked, pace: Pace) -> Result<Response, Refusal> {
    let mut body = whole(answer, head, asked)?;
    if !pace.cut {
        return Ok(json(StatusCode::OK, body));
    }
    body.truncate(body.floor_char_boundary(body.len() / 2));
    Ok(typed(StatusCode::OK, "application/json", broken_off(stream::iter([body]))))
}

/// The answer as a stream of events.
pub(crate) fn in_pieces(answer: &Completion, head: &Head<'_>, asked: &ClientAsked, pace: Pace) -> Result<Response, Refusal> {
    let mut events = chunks(answer, head, asked)?;
    if pace.cut {
        events.truncate(events.len().div_ceil(2));
    }
    // The role and the first token come together, and the end with the last one.
    let last = answer.tokens.as_ref().map_or(0, Tokens::len);
    let events = stream::iter(events.into_iter().enumerate()).then(move |(place, event)| async move {
        if (2..=last).contains(&place) && !pace.per_token.is_zero() {
            sleep(pace.per_token).await;
        }
        format!("data: {event}\n\n")
    });
    let body = if pace.cut { broken_off(events) } else { Body::from_stream(events.map(Ok::<_, Infallible>)) };
    Ok(typed(StatusCode::OK, "text/event-stream", body))
}

/// A body whose connection breaks off after `pieces`.
fn broken_off(pieces: impl futures_util::Stream<Item = String> + Send + 'static) -> Body {
    let end = stream::once(async {
        // What was written so far is sent while the stream waits; an error at once would take it along.
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    Body::from_stream(pieces.map(Ok).chain(end))
}

/// A JSON body.
pub(crate) fn json(status: StatusCode, body: String) -> Response {
    typed(status, "application/json", Body::from(body))
}

fn typed(status: StatusCode, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

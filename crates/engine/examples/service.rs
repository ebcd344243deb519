//! A service: the answer as it streams, by a cascade file that is loaded again while others are answered.
//!
//! ```sh
//! cargo run --example service -- desk.cascade.toml 127.0.0.1:8080
//! curl -N 127.0.0.1:8080/ask -d 'Where is my order 10234?'
//! curl -X POST 127.0.0.1:8080/reload
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse;
use axum::response::{IntoResponse, Sse};
use axum::routing::post;
use futures_util::{Stream, StreamExt as _};
use tierfall::{Answer, Ask, Event, Reloadable};

/// What is asked at `/ask` is answered as server-sent events: the text, piece by piece, and at the end how it went and what it cost.
/// Who goes away cancels the call that is under way.
pub(crate) fn service(desk: Arc<Reloadable>) -> Router {
    Router::new().route("/ask", post(ask)).route("/reload", post(reload)).with_state(desk)
}

async fn ask(State(desk): State<Arc<Reloadable>>, question: String) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let events = desk.engine().stream(Ask::from(question).with_deadline(Duration::from_secs(30)));
    Sse::new(events.filter_map(async |event| {
        Some(Ok(match event {
            Event::Delta { delta, .. } if !delta.text.is_empty() => sse::Event::default().event("text").data(delta.text),
            Event::Ended(answer) => sse::Event::default().event("ended").data(ending(&answer)),
            _ => return None,
        }))
    }))
}

/// What whoever asked may know: nobody's words but the answer's.
fn ending(answer: &Answer) -> String {
    let cost = answer.trace.cost.total().map_or("an unknown cost".to_owned(), |cost| format!("{cost} USD"));
    format!("{} for {cost}", answer.trace.outcome)
}

async fn reload(State(desk): State<Arc<Reloadable>>) -> impl IntoResponse {
    match tokio::task::spawn_blocking(move || desk.reload()).await {
        Ok(Ok(engine)) => (StatusCode::OK, format!("{} is in force\n", engine.cascade().name())),
        Ok(Err(error)) => (StatusCode::UNPROCESSABLE_ENTITY, format!("nothing has changed: {error}\n")),
        Err(stopped) => (StatusCode::INTERNAL_SERVER_ERROR, format!("nothing has changed: {stopped}\n")),
    }
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("name a cascade file, and an address to listen at")?;
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let desk = tokio::task::spawn_blocking(move || Reloadable::load(file)).await??;
    axum::serve(listener, service(Arc::new(desk))).await?;
    Ok(())
}

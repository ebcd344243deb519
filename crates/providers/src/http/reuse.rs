//! Whether a request went out on a connection that had been used before.
//!
//! Servers close connections that nobody used for a while, and a request that is on its way then dies without a reply. That says
//! nothing of the server, and is no attempt at the call.

use std::cell::Cell;
use std::io;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    static OPENED: Cell<bool>;
}

/// Runs one request: what came of it, and whether a connection was opened for it.
pub(super) async fn watching<T>(request: impl Future<Output = T>) -> (T, bool) {
    let watched = async {
        let came = request.await;
        (came, OPENED.with(Cell::get))
    };
    OPENED.scope(Cell::new(false), watched).await
}

/// Whether a request failed so that its connection was gone before a byte of the reply came.
pub(super) fn died(error: &reqwest::Error) -> bool {
    if !error.is_request() || error.is_connect() || error.is_timeout() {
        return false;
    }
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let of_http = inner
            .downcast_ref::<hyper::Error>()
            .is_some_and(|error| error.is_incomplete_message() || error.is_canceled() || error.is_closed());
        let of_socket = inner.downcast_ref::<io::Error>().is_some_and(|error| {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
        });
        if of_http || of_socket {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// Notes that a connection is opened for the request under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noting;

/// A connector that does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted<S>(S);

impl<S> Layer<S> for Noting {
    type Service = Noted<S>;

    fn layer(&self, inner: S) -> Noted<S> {
        Noted(inner)
    }
}

impl<S: Service<R>, R> Service<R> for Noted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        // A connection that is opened for nobody in particular is nobody's.
        let _ = OPENED.try_with(|opened| opened.set(true));
        self.0.call(request)
    }
}

//! What the server does with one request.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

/// Holds the server until the test says so: nothing in a test sleeps.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets one waiter through, now or later.
    pub fn open(&self) {
        self.open_for(1);
    }

    /// Lets `waiters` through, now or later.
    pub fn open_for(&self, waiters: usize) {
        self.0.add_permits(waiters);
    }

    /// Waits to be let through.
    pub async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

/// One thing that the server does after the head.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Bytes(Bytes),
    Repeat(Bytes, usize),
    Wait(Gate),
    Sleep(Duration),
    Cut,
    Reset,
    Stall,
}

/// How the client knows where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Chunked,
    UntilClosed,
    Length(usize),
}

/// The answer to one request: a head, then pieces of body with gates, cuts and stalls between them.
///
/// Every piece is one HTTP chunk, so the client reads exactly the pieces that were scripted.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) framing: Framing,
    pub(super) before_head: Option<Part>,
    pub(super) parts: Vec<Part>,
}

impl Script {
    /// An empty reply with this status.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), framing: Framing::Chunked, before_head: None, parts: Vec::new() }
    }

    /// A reply with status 200 and this JSON body.
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self::status(200).header("content-type", "application/json").piece(body)
    }

    /// An empty event stream.
    pub fn sse() -> Self {
        Self::status(200).header("content-type", "text/event-stream")
    }

    /// Reads the request and never answers.
    pub fn silent() -> Self {
        Self { before_head: Some(Part::Stall), ..Self::status(200) }
    }

    /// Answers nothing, not even the head, before the gate opens.
    #[must_use]
    pub fn after(mut self, gate: &Gate) -> Self {
        self.before_head = Some(Part::Wait(gate.clone()));
        self
    }

    /// Answers nothing, not even the head, for so long on tokio's clock.
    #[must_use]
    pub fn after_time(mut self, time: Duration) -> Self {
        self.before_head = Some(Part::Sleep(time));
        self
    }

    /// Resets the connection in place of a head.
    pub fn reset() -> Self {
        Self { before_head: Some(Part::Reset), ..Self::status(200) }
    }

    /// Closes the connection in place of a head.
    pub fn hang_up() -> Self {
        Self { before_head: Some(Part::Cut), ..Self::status(200) }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Announces the body's length instead of sending it in chunks; it need not be true.
    #[must_use]
    pub fn length(mut self, bytes: usize) -> Self {
        self.framing = Framing::Length(bytes);
        self
    }

    /// Says nothing of the body's length: it ends with the connection.
    #[must_use]
    pub fn until_closed(mut self) -> Self {
        self.framing = Framing::UntilClosed;
        self
    }

    /// Adds one piece of body.
    #[must_use]
    pub fn piece(mut self, bytes: impl Into<Bytes>) -> Self {
        self.parts.push(Part::Bytes(bytes.into()));
        self
    }

    /// Adds one piece of body for every byte.
    #[must_use]
    pub fn bytewise(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.parts.extend(bytes.as_ref().iter().map(|byte| Part::Bytes(Bytes::copy_from_slice(&[*byte]))));
        self
    }

    /// Adds the same piece many times.
    #[must_use]
    pub fn repeat(mut self, piece: impl Into<Bytes>, times: usize) -> Self {
        self.parts.push(Part::Repeat(piece.into(), times));
        self
    }

    /// Waits until the gate opens.
    #[must_use]
    pub fn wait(mut self, gate: &Gate) -> Self {
        self.parts.push(Part::Wait(gate.clone()));
        self
    }

    /// Closes the connection in the middle of the body.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.parts.push(Part::Cut);
        self
    }

    /// Sends nothing more and keeps the connection open until the client closes it.
    #[must_use]
    pub fn stall(mut self) -> Self {
        self.parts.push(Part::Stall);
        self
    }

    pub(super) fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = match self.framing {
            Framing::Chunked => write!(head, "transfer-encoding: chunked\r\n\r\n"),
            Framing::UntilClosed => write!(head, "connection: close\r\n\r\n"),
            Framing::Length(bytes) => write!(head, "content-length: {bytes}\r\n\r\n"),
        };
        head
    }
}

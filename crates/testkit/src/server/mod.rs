//! An HTTP server whose every byte, pause and cut is scripted, and which sees when the client goes away.

mod connection;
mod script;
mod shared;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use script::{Gate, Script};
use shared::{Answers, Shared};
pub use shared::{Counts, Received};

/// The server. Dropping it closes every connection.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Owns the tasks: they end with the server.
    _tasks: JoinSet<()>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// A server that answers every request with `script`, unless others are [queued](Self::push).
    pub async fn start(script: Script) -> std::io::Result<Self> {
        Self::answering(move |_| script.clone()).await
    }

    /// A server that answers every request with what `script` makes of it, unless others are [queued](Self::push).
    pub async fn answering(script: impl Fn(&Received) -> Script + Send + Sync + 'static) -> std::io::Result<Self> {
        Self::listen(Box::new(script), false).await
    }

    /// A server that accepts connections and never writes a byte: for an `https` client, an endless handshake.
    pub async fn mute() -> std::io::Result<Self> {
        Self::listen(Box::new(|_| Script::silent()), true).await
    }

    async fn listen(answers: Answers, mute: bool) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(answers));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, shared.clone(), mute));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers the next request that has no script yet with `script`.
    pub fn push(&self, script: Script) {
        self.shared.next.lock().unwrap_or_else(PoisonError::into_inner).push_back(script);
    }

    /// Every request so far, in order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits until the counts are as `reached` wants them.
    ///
    /// # Panics
    /// After half a minute of real time, so that a broken test fails instead of hanging.
    pub async fn until(&self, what: &str, mut reached: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.shared.counts.subscribe();
        tokio::select! {
            biased;
            seen = counts.wait_for(|now| reached(now)) => seen.map_or_else(|_| self.counts(), |seen| *seen),
            () = patience() => {
                let counts = self.counts();
                assert!(reached(&counts), "waited in vain until {what}: {counts:?}");
                counts
            }
        }
    }

    /// Waits until `requests` whole requests have arrived.
    pub async fn until_requests(&self, requests: usize) {
        self.until(&format!("{requests} requests arrived"), |counts| counts.requests >= requests).await;
    }

    /// Waits until the client has closed `connections` connections.
    pub async fn until_closed(&self, connections: usize) {
        self.until(&format!("the client closed {connections} connections"), |counts| counts.closed >= connections).await;
    }
}

/// Half a minute of real time, also where a test has paused tokio's.
async fn patience() {
    let (over, wait) = tokio::sync::oneshot::channel::<()>();
    let (cancelled, cancel) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let _ = cancel.recv_timeout(Duration::from_secs(30));
        drop(over);
    });
    let _cancels_on_drop = cancelled;
    let _ = wait.await;
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mute: bool) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.note(|counts| counts.connections += 1);
        connections.spawn(connection::serve(stream, shared.clone(), mute));
        while connections.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn ask(server: &Server, body: &str) -> TcpStream {
        let mut client = TcpStream::connect(server.address()).await.unwrap();
        let head = format!("POST /v1/x HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\r\n", body.len());
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(body.as_bytes()).await.unwrap();
        client
    }

    #[tokio::test]
    async fn pieces_come_as_chunks_when_the_gate_opens() {
        let gate = Gate::new();
        let server = Server::start(Script::sse().piece("ab").wait(&gate).bytewise("cd").cut()).await.unwrap();
        let mut client = ask(&server, "{}").await;
        let mut seen = Vec::new();
        while !seen.ends_with(b"2\r\nab\r\n") {
            client.read_buf(&mut seen).await.unwrap();
        }
        gate.open();
        client.read_to_end(&mut seen).await.unwrap();
        assert!(seen.ends_with(b"2\r\nab\r\n1\r\nc\r\n1\r\nd\r\n"), "{}", String::from_utf8_lossy(&seen));
        let received = server.received();
        assert_eq!(
            (received[0].target.as_str(), received[0].header("host"), &received[0].body[..]),
            ("/v1/x", Some("here"), &b"{}"[..])
        );
        assert_eq!(server.counts().closed, 0, "the script cut the connection, not the client");
    }

    #[tokio::test]
    async fn the_server_sees_the_client_go() {
        let server = Server::start(Script::json("1").stall()).await.unwrap();
        let client = ask(&server, "{}").await;
        server.until_requests(1).await;
        assert_eq!((server.counts().closed, server.counts().in_flight), (0, 1));
        drop(client);
        server.until_closed(1).await;
        assert_eq!(server.counts().in_flight, 0);
    }
}

//! One connection: requests in, scripts out, and an eye on whether the client is still there.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::script::{Framing, Part, Script};
use super::shared::{Received, Shared};

/// How a script ended.
enum Played {
    /// The whole reply was written.
    Whole,
    /// The script closes the connection.
    Cut,
}

/// Counts a request as being answered until it is dropped.
struct InFlight<'a>(&'a Shared);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.note(|counts| counts.in_flight -= 1);
    }
}

pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>, mute: bool) {
    // Without it small pieces wait for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let (mut read, mut write) = stream.into_split();
    let mut buffer = BytesMut::new();
    if mute {
        until_gone(&mut read, &mut buffer).await;
        return shared.note(|counts| counts.closed += 1);
    }
    loop {
        let Ok(Some(request)) = next_request(&mut read, &mut buffer).await else {
            return shared.note(|counts| counts.closed += 1);
        };
        let script = shared.take(request);
        let in_flight = InFlight(&shared);
        let played = tokio::select! {
            biased;
            played = play(&script, &mut write, &shared) => played,
            () = until_gone(&mut read, &mut buffer) => Err(io::ErrorKind::ConnectionAborted.into()),
        };
        drop(in_flight);
        match played {
            Ok(Played::Whole) => {}
            Ok(Played::Cut) => return,
            Err(_) => return shared.note(|counts| counts.closed += 1),
        }
    }
}

/// Reads until the client closes; what it sends meanwhile is kept.
async fn until_gone(read: &mut OwnedReadHalf, buffer: &mut BytesMut) {
    while let Ok(1..) = read.read_buf(buffer).await {}
}

async fn play(script: &Script, write: &mut OwnedWriteHalf, shared: &Shared) -> io::Result<Played> {
    if let Some(before) = &script.before_head
        && let Some(end) = do_part(before, script.framing, write, shared).await?
    {
        return Ok(end);
    }
    write.write_all(script.head().as_bytes()).await?;
    for part in &script.parts {
        if let Some(end) = do_part(part, script.framing, write, shared).await? {
            return Ok(end);
        }
    }
    if script.framing == Framing::Chunked {
        write.write_all(b"0\r\n\r\n").await?;
    }
    if script.framing == Framing::UntilClosed {
        write.shutdown().await?;
        return Ok(Played::Cut);
    }
    Ok(Played::Whole)
}

async fn do_part(part: &Part, framing: Framing, write: &mut OwnedWriteHalf, shared: &Shared) -> io::Result<Option<Played>> {
    match part {
        Part::Bytes(piece) => send(piece, framing, write, shared).await?,
        Part::Repeat(piece, times) => {
            for _ in 0..*times {
                send(piece, framing, write, shared).await?;
            }
        }
        Part::Wait(gate) => gate.pass().await,
        Part::Sleep(time) => tokio::time::sleep(*time).await,
        Part::Reset => {
            write.as_ref().set_zero_linger()?;
            return Ok(Some(Played::Cut));
        }
        Part::Cut => {
            write.shutdown().await?;
            return Ok(Some(Played::Cut));
        }
        Part::Stall => std::future::pending().await,
    }
    Ok(None)
}

async fn send(piece: &Bytes, framing: Framing, write: &mut OwnedWriteHalf, shared: &Shared) -> io::Result<()> {
    // An empty chunk would end the body.
    if piece.is_empty() {
        return Ok(());
    }
    match framing {
        Framing::Length(_) | Framing::UntilClosed => write.write_all(piece).await?,
        Framing::Chunked => {
            let mut framed = format!("{:x}\r\n", piece.len()).into_bytes();
            framed.extend_from_slice(piece);
            framed.extend_from_slice(b"\r\n");
            write.write_all(&framed).await?;
        }
    }
    shared.note(|counts| counts.sent += piece.len());
    Ok(())
}

/// Reads one request; `None` where the client closed between two.
async fn next_request(read: &mut OwnedReadHalf, buffer: &mut BytesMut) -> io::Result<Option<Received>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if read.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = buffer.split_to(end);
    buffer.advance(4);
    let head = String::from_utf8_lossy(&head);
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default().to_owned(), first.next().unwrap_or_default().to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    while buffer.len() < length {
        if read.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = buffer.split_to(length).freeze();
    Ok(Some(Received { method, target, headers, body }))
}

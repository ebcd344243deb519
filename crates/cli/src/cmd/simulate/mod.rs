//! `tierfall simulate`: a simulated provider on a port, as its clients see a real one.

mod ask;
mod models;
mod reply;
mod server;

use std::net::Ipv4Addr;

use axum::serve::{Listener, ListenerExt as _};
use tokio::net::{TcpListener, TcpStream};

use self::models::Models;
use crate::args::Simulate;
use crate::exit::{Exit, Failure};
use crate::interrupt::interrupted;
use crate::{print, say};

pub(crate) async fn simulate(args: &Simulate, quiet: bool) -> Result<Exit, Failure> {
    let models = Models::try_from(args).map_err(Failure::usage)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(|error| {
        Failure::usage(format!("port {} on 127.0.0.1 cannot be used: {error}", args.port)).with_hint("--port 0 picks a free one")
    })?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    let interrupted = interrupted();
    print(format_args!("{base_url}\n"))?;
    if !quiet {
        say(format_args!("simulating {models} at {base_url}; Ctrl-C ends it"));
    }
    // Whoever is still being answered is cut off: nobody waits for a simulation.
    tokio::select! {
        served = axum::serve(prompt(listener), server::router(models)).into_future() => served.map(|()| Exit::Fine).map_err(Failure::usage),
        () = interrupted => Ok(Exit::Fine),
    }
}

/// Accepted sockets send at once: Nagle's algorithm would hold back the small events of a fast stream for about 45 ms.
fn prompt(listener: TcpListener) -> impl Listener<Io = TcpStream, Addr = std::net::SocketAddr> {
    listener.tap_io(|stream| {
        // A socket that is already gone is noticed when it is read.
        let _ = stream.set_nodelay(true);
    })
}

#[cfg(test)]
mod tests {
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

//! The examples do what they say.

use std::sync::Arc;

use tierfall::Reloadable;
use tierfall_core::completion::Completion;
use tierfall_testkit::openai;
use tierfall_testkit::server::{Script, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[path = "../../examples/failover.rs"]
#[expect(dead_code, reason = "its `main` stops a clock of its own")]
mod failover;
#[path = "../../examples/in_code.rs"]
mod in_code;
#[path = "../../examples/sans_io.rs"]
mod sans_io;
#[path = "../../examples/service.rs"]
#[expect(dead_code, reason = "its `main` serves until it is killed")]
mod service;

#[tokio::test(start_paused = true)]
async fn every_way_to_fail_is_met_rightly_on_defaults() {
    let (table, bad) = failover::scoreboard().await.unwrap();
    assert_eq!((bad, table.lines().count()), (0, 19), "{table}");
}

#[test]
fn a_cascade_in_code_is_asked_and_streamed() {
    in_code::main().unwrap();
}

#[test]
fn the_fold_needs_no_runtime() {
    sans_io::main().unwrap();
}

#[tokio::test]
async fn a_service_streams_and_is_loaded_again() {
    let server = Server::start(Script::json(openai::chat(&Completion::text("Due 14 May.")).to_string())).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.cascade.toml");
    let file = |name: &str, price: &str| {
        format!(
            "version = 1\nname = \"{name}\"\n[provider.p.openai-chat]\nbase-url = \"{}/v1\"\n[[tier]]\nname = \"only\"\nmodel = \"p/m\"\n\
             price = {{ input = {price}, output = {price} }}\n",
            server.url()
        )
    };
    fs_err::write(&path, file("desk", "1")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let desk = Arc::new(Reloadable::load(&path).unwrap());
    let serving = axum::serve(listener, service::service(desk)).into_future();
    let ask = async |at: &str| {
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = format!("POST {at} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\nwhen?");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        said
    };
    let asking = async {
        let answered = ask("/ask").await;
        assert!(answered.contains("event: text\ndata: Due 14 May.\n"), "{answered}");
        assert!(answered.contains("event: ended\ndata: answered for "), "{answered}");
        fs_err::write(&path, file("other", "1")).unwrap();
        let reloaded = ask("/reload").await;
        assert!(reloaded.contains("other is in force"), "{reloaded}");
        fs_err::write(&path, "version = 1").unwrap();
        let refused = ask("/reload").await;
        assert!(refused.starts_with("HTTP/1.1 422") && refused.contains("nothing has changed"), "{refused}");
        assert!(ask("/ask").await.contains("Due 14 May."));
    };
    tokio::select! {
        _ = serving => panic!("it serves until it is dropped"),
        () = asking => {}
    }
}

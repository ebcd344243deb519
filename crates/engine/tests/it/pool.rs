//! Engines that share a pool share its providers.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join;
use tierfall::{Engine, Pool};
use tierfall_core::completion::Completion;
use tierfall_testkit::openai;
use tierfall_testkit::server::{Gate, Script, Server};

/// A cascade of one tier at this server, which takes so many calls at once.
fn file(folder: &tempfile::TempDir, name: &str, server: &Server, places: usize) -> PathBuf {
    let path = folder.path().join(format!("{name}.cascade.toml"));
    let url = server.url();
    let text = format!(
        "version = 1\nname = \"{name}\"\n\n[provider.desk.openai-chat]\nbase-url = \"{url}/v1\"\nmax-concurrency = {places}\n\n\
         [[tier]]\nname = \"only\"\nmodel = \"desk/m\"\n"
    );
    fs_err::write(&path, text).unwrap();
    path
}

/// A server that answers once the gate is open.
async fn behind(gate: &Gate) -> Server {
    Server::start(Script::json(openai::chat(&Completion::text("yes")).to_string()).after(gate)).await.unwrap()
}

fn is_shared(one: &Engine, other: &Engine) -> bool {
    let provider = |engine: &Engine| engine.providers()[0].clone().unwrap();
    Arc::ptr_eq(&provider(one), &provider(other))
}

/// The most calls that the server has had at once when two engines have asked it together.
async fn side_by_side(server: &Server, gate: &Gate, engines: [&Engine; 2]) -> usize {
    let before = server.counts().requests;
    let both = join(engines[0].complete("a"), engines[1].complete("b"));
    tokio::pin!(both);
    tokio::select! {
        _ = &mut both => panic!("nobody is answered"),
        () = server.until_requests(before + 1) => {}
    }
    gate.open_for(2);
    let (a, b) = both.await;
    assert_eq!((a.text(), b.text()), (Some("yes"), Some("yes")));
    server.counts().peak
}

#[tokio::test]
async fn cascades_that_declare_the_same_provider_share_its_places() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::new();
    let server = behind(&gate).await;
    let pool = Pool::new();
    let open =
        |pool: &Pool, name: &str, places| Engine::open_in(pool, file(&folder, name, &server, places)).unwrap().build().unwrap();
    let (one, other) = (open(&pool, "one", 1), open(&pool, "other", 1));
    assert!(is_shared(&one, &other));
    assert_eq!(Box::pin(side_by_side(&server, &gate, [&one, &other])).await, 1);
    assert_eq!(server.counts().connections, 1);
}

#[tokio::test]
async fn another_limit_or_another_pool_is_another_provider() {
    let folder = tempfile::tempdir().unwrap();
    for apart in [false, true] {
        let gate = Gate::new();
        let server = behind(&gate).await;
        let (pool, places) = (Pool::new(), if apart { 1 } else { 2 });
        let elsewhere = Pool::new();
        let one = Engine::open_in(&pool, file(&folder, "one", &server, 1)).unwrap().build().unwrap();
        let other_pool = if apart { &elsewhere } else { &pool };
        let other = Engine::open_in(other_pool, file(&folder, "other", &server, places)).unwrap().build().unwrap();
        assert!(!is_shared(&one, &other));
        let (a, b) = (one.complete("a"), other.complete("b"));
        tokio::select! {
            _ = join(a, b) => panic!("nobody is answered"),
            () = server.until_requests(2) => {}
        }
    }
}

#[tokio::test]
async fn a_reload_keeps_connections_and_places() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::new();
    let server = behind(&gate).await;
    let pool = Pool::new();
    let path = file(&folder, "one", &server, 1);
    let before = Engine::open_in(&pool, &path).unwrap().build().unwrap();
    let text = fs_err::read_to_string(&path).unwrap().replace("[[tier]]", "# Asked of all.\n[[tier]]");
    fs_err::write(&path, text).unwrap();
    let after = Engine::open_in(&pool, &path).unwrap().build().unwrap();
    assert!(is_shared(&before, &after));
    assert_eq!(Box::pin(side_by_side(&server, &gate, [&before, &after])).await, 1);
    drop(before);
    gate.open_for(1);
    assert_eq!(after.complete("c").await.text(), Some("yes"));
    assert_eq!((server.counts().requests, server.counts().connections), (3, 1));
    drop(after);
    server.until_closed(1).await;
}

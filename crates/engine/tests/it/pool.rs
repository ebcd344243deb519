//! Engines that share a pool share its providers.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::{ThreadId, current};

use futures_util::future::join;
use tierfall::{Engine, LoadError, Observer, Pool, Reloadable};
use tierfall_core::completion::Completion;
use tierfall_core::observer::Ended;
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

/// The runs of which it was told, and by which thread.
#[derive(Default)]
struct Told(Mutex<Vec<(String, ThreadId)>>);

impl Observer for Told {
    fn ended(&self, ended: &Ended) {
        self.0.lock().unwrap().push((ended.trace.request_id.to_string(), current().id()));
    }
}

#[tokio::test]
async fn a_reload_keeps_connections_places_observers_and_ids() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::new();
    let server = behind(&gate).await;
    let path = file(&folder, "one", &server, 1);
    let told = Arc::<Told>::default();
    let (from, observer) = (path.clone(), told.clone());
    let desk = Reloadable::<LoadError>::new(move |pool| Ok(Engine::open_in(pool, &from)?.observer(observer.clone()))).unwrap();
    let before = desk.engine();
    let text = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, text.replace("[[tier]]", "# Asked of all.\n[[tier]]").replace("name = \"one\"", "name = \"two\""))
        .unwrap();
    let after = desk.reload().unwrap();
    assert_eq!((&**before.cascade().name(), &**after.cascade().name(), &**desk.engine().cascade().name()), ("one", "two", "two"));
    assert!(is_shared(&before, &after));
    assert_eq!(Box::pin(side_by_side(&server, &gate, [&before, &after])).await, 1);
    drop(before);
    gate.open_for(1);
    assert_eq!(after.complete("c").await.text(), Some("yes"));
    assert_eq!((server.counts().requests, server.counts().connections), (3, 1));
    after.flush();
    let told = told.0.lock().unwrap().clone();
    let ids: BTreeSet<_> = told.iter().map(|(id, _)| id).collect();
    let threads: HashSet<_> = told.iter().map(|(_, thread)| thread).collect();
    assert_eq!((told.len(), ids.len(), threads.len()), (3, 3, 1), "{told:?}");
    drop((after, desk));
    server.until_closed(1).await;
}

#[tokio::test]
async fn what_cannot_be_loaded_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::new();
    let server = behind(&gate).await;
    gate.open_for(1);
    let path = file(&folder, "one", &server, 1);
    let desk = Reloadable::load(&path).unwrap();
    fs_err::write(&path, "version = 1\nname = \"broken\"\n").unwrap();
    let error = desk.reload().unwrap_err();
    assert!(matches!(&error, LoadError::Config(_)), "{error}");
    assert_eq!(desk.engine().complete("a").await.text(), Some("yes"));
}

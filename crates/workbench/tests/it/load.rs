//! From files: keys that are not there, and recordings in place of providers.

use std::path::{Path, PathBuf};

use tierfall::config::load;
use tierfall::{Ask, Asker, Engine, LoadError, Reloadable, SystemClock, sources, sources_for};
use tierfall_core::trace::OutcomeKind;
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::record::{RecordEvent, RecordOptions, record};
use tierfall_workbench::{Answers, Error, open, open_in};

const CASCADE: &str = r#"
version = 1
name = "example"

[provider.here.simulated.models.small]
ability = 0.2
[provider.here.simulated.models.large]
ability = 5

[[tier]]
name = "small"
model = "here/small"
gate = { signal = "mean-logprob", threshold = 0.7 }

[[tier]]
name = "large"
model = "here/large"
"#;

/// A cascade file and a set of three questions beside its folder.
pub(crate) fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (cascades, set) = (dir.path().join("cascades"), dir.path().join("fixtures/places"));
    for folder in [&cascades, &set] {
        fs_err::create_dir_all(folder).unwrap();
    }
    fs_err::write(cascades.join("a.cascade.toml"), CASCADE).unwrap();
    fs_err::write(set.join("set.toml"), "name = \"places\"\nsplits = [\"test\"]\ngrader = \"exact\"\n").unwrap();
    let line = |n: u32| format!(r#"{{"id":"p{n}","segment":"s","split":"test","query":"Where is shop {n}?","expected":"{n}"}}"#);
    fs_err::write(set.join("examples.jsonl"), (1..=3).map(|n| line(n) + "\n").collect::<String>()).unwrap();
    let path = cascades.join("a.cascade.toml");
    (dir, path)
}

async fn recorded(path: &Path, set: &Path) {
    let loaded = load(path).unwrap();
    let set = FixtureSet::load(set).unwrap();
    let sources = sources(&loaded).unwrap();
    let (options, clock, quiet) = (RecordOptions::default(), SystemClock::default(), |_: RecordEvent<'_>| ());
    record(&loaded.cascade, &sources, &set, &options, &clock, &quiet, std::future::pending()).await.unwrap();
}

#[tokio::test]
async fn a_replay_gives_a_question_the_id_of_its_example() {
    let (dir, path) = folder();
    recorded(&path, &dir.path().join("fixtures/places")).await;
    let opened = open(&path, &Answers::Replay("places".to_owned()), Asker::Anybody).unwrap();
    let replay = opened.builder.build().unwrap();
    let live = Engine::load(&path).unwrap();
    let answer = replay.complete("Where is shop 2?").await;
    assert_eq!(answer.trace.request_id.as_str(), "p2");
    let asked = live.complete(Ask::from("Where is shop 2?").with_id("p2")).await;
    assert_eq!(answer.text(), asked.text(), "simulated models answer by id");
    let unknown = replay.complete("Where is shop 20?").await;
    assert_eq!(unknown.trace.outcome, OutcomeKind::Failed);
    let hint = opened.replay.unwrap().not_in_the_set("Where is shop 20?");
    assert!(hint.contains("p2"), "{hint}");
}

#[tokio::test]
async fn a_replay_that_is_loaded_again_replays() {
    let (dir, path) = folder();
    recorded(&path, &dir.path().join("fixtures/places")).await;
    let answers = Answers::Replay("places".to_owned());
    let from = path.clone();
    let desk = Reloadable::<Error>::new(move |pool| Ok(open_in(pool, &from, &answers, Asker::Anybody)?.builder)).unwrap();
    let before = desk.engine().complete("Where is shop 2?").await;
    let after = desk.reload().unwrap().complete("Where is shop 2?").await;
    assert_eq!((before.text(), before.trace.request_id.as_str()), (after.text(), "p2"));
    assert_eq!(after.trace.request_id, before.trace.request_id);
}

#[test]
fn recordings_that_are_not_there_are_an_error() {
    let (_dir, path) = folder();
    let error = open(&path, &Answers::Replay("places".to_owned()), Asker::Anybody).err().unwrap();
    assert!(matches!(error, Error::Fixture(_)) && error.to_string().contains("small"), "{error}");
}

#[test]
fn a_cascade_that_replays_is_not_answered_by_its_providers_unasked() {
    let (_dir, path) = folder();
    fs_err::write(&path, format!("{CASCADE}\n[replay]\nfixtures = \"places\"\n")).unwrap();
    let error = Engine::load(&path).err().unwrap();
    assert!(matches!(&error, LoadError::Replays { fixtures, .. } if fixtures == "places"), "{error}");
    assert!(Engine::live(load(&path).unwrap(), Asker::Anybody).unwrap().build().is_ok());
}

#[test]
fn every_key_that_is_not_set_is_named() {
    let (_dir, path) = folder();
    let keyed = CASCADE
        .replace(
            "[provider.here.simulated.models.small]\nability = 0.2",
            "[provider.here.openai-chat]\nbase-url = \"https://a.example/v1\"\napi-key = { env = \"TIERFALL_TEST_NO_SUCH_KEY\" }",
        )
        .replace(
            "[provider.here.simulated.models.large]\nability = 5",
            "[provider.there.anthropic]\nbase-url = \"https://b.example/v1\"\napi-key = { env = \"TIERFALL_TEST_NOR_THIS_ONE\" }",
        )
        .replace("here/large", "there/large");
    fs_err::write(&path, keyed).unwrap();
    let error = Engine::load(&path).err().unwrap();
    let LoadError::UnsetKeys(keys) = &error else { panic!("{error}") };
    let named: Vec<_> = keys.iter().map(|key| (key.provider.as_str(), key.env.as_str())).collect();
    assert_eq!(named, [("here", "TIERFALL_TEST_NO_SUCH_KEY"), ("there", "TIERFALL_TEST_NOR_THIS_ONE")]);
    // Recording a tier takes the keys of its own provider.
    let loaded = load(&path).unwrap();
    let Err(LoadError::UnsetKeys(keys_of_one)) = sources_for(&loaded, &["large".to_owned()]) else { panic!("no key is set") };
    assert_eq!(keys_of_one, keys[1..]);
    let text = error.to_string();
    assert!(keys.iter().all(|key| text.contains(&key.env)), "{text}");
}

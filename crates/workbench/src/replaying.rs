//! An engine whose answers come from where they are asked to: its providers, or the recordings of a fixture set.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tierfall::config::{self, Loaded};
use tierfall::{Asker, Engine, EngineBuilder, Pool, TierBinding, bindings};
use tierfall_core::request::{Request, RequestId};

use crate::Error;
use crate::fixture::FixtureSet;
use crate::fixture::replay::Recordings;

/// Where an engine's answers come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// As the cascade file says: from `[replay]`, else from the providers.
    #[default]
    AsDeclared,
    /// From the providers, whatever `[replay]` says.
    Live,
    /// From the recordings of this fixture set.
    Replay(String),
}

/// An engine to be built, and what its answers are.
pub struct Opened {
    /// Takes observers and other providers.
    pub builder: EngineBuilder,
    /// What answers, where recordings do.
    pub replay: Option<Arc<Replaying>>,
    /// What the answers of each tier with a model are bound to.
    pub tiers: Vec<TierBinding>,
}

/// Loads a cascade file, and whatever it names, into an engine's builder.
///
/// ```no_run
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use tierfall::Asker;
/// use tierfall_workbench::{Answers, open};
///
/// let engine = open("cascades/support.cascade.toml", &Answers::AsDeclared, Asker::Anybody)?.builder.build()?;
/// # Ok(())
/// # }
/// ```
pub fn open(path: impl AsRef<Path>, answers: &Answers, asker: Asker) -> Result<Opened, Error> {
    open_in(&Pool::new(), path, answers, asker)
}

/// The same with the providers of a pool, as [`tierfall::Reloadable`] loads it again.
///
/// ```no_run
/// # fn example() -> Result<(), tierfall_workbench::Error> {
/// use tierfall::{Asker, Reloadable};
/// use tierfall_workbench::{Answers, open_in};
///
/// let open = |pool: &_| Ok(open_in(pool, "support.cascade.toml", &Answers::AsDeclared, Asker::Anybody)?.builder);
/// let desk = Reloadable::<tierfall_workbench::Error>::new(open)?;
/// # Ok(())
/// # }
/// ```
pub fn open_in(pool: &Pool, path: impl AsRef<Path>, answers: &Answers, asker: Asker) -> Result<Opened, Error> {
    let loaded = config::load(path)?;
    let declared = loaded.replay.as_ref().map(|replay| fixture_folder(&loaded.path, &replay.fixtures));
    let set = match answers {
        Answers::AsDeclared => declared,
        Answers::Live => None,
        Answers::Replay(set) => Some(given_folder(&loaded.path, set)),
    };
    if let Some(set) = set {
        return replaying(loaded, &set);
    }
    let tiers = bindings(&loaded);
    Ok(Opened { builder: Engine::live_in(pool, loaded, asker)?, replay: None, tiers })
}

fn replaying(loaded: Loaded, set: &Path) -> Result<Opened, Error> {
    let set = FixtureSet::load(set)?;
    let tiers = bindings(&loaded);
    let recordings = Arc::new(Recordings::load(set.dir(), &tiers)?.with_questions_of(&set));
    for (tier, _) in recordings.torn() {
        tracing::warn!(tier, "the last line of the recording was cut in the middle of a write and is missing");
    }
    let replay = Arc::new(Replaying { set: Arc::new(set), recordings: recordings.clone() });
    let identify = replay.clone();
    let mut builder = Engine::unprovided(loaded).identify(move |request| identify.identify(request));
    for tier in &tiers {
        builder = builder.provider(&*tier.tier, Arc::new(recordings.provider(tier.tier.clone())));
    }
    Ok(Opened { builder, replay: Some(replay), tiers })
}

/// The set whose recordings answer an engine's calls.
#[derive(Clone, Debug)]
pub struct Replaying {
    /// The examples that can be asked.
    pub set: Arc<FixtureSet>,
    /// What the tiers answered to them.
    pub recordings: Arc<Recordings>,
}

impl Replaying {
    /// The id of the example that asks what the request asks.
    fn identify(&self, request: &Request) -> Option<RequestId> {
        self.set.find(request).map(|example| RequestId::from(example.id.clone()))
    }

    /// What to say of a question that no example asks.
    pub fn not_in_the_set(&self, question: &str) -> String {
        let name = &self.set.about().name;
        match self.set.nearest(question, 1).first() {
            Some((example, likeness)) if *likeness > 0.0 => {
                format!(
                    "the fixture set \"{name}\" has no recording of this query; the nearest example is {}: {}",
                    example.id,
                    example.question()
                )
            }
            _ => format!("the fixture set \"{name}\" has no recording of this query, nor of one like it"),
        }
    }
}

/// The folder of a fixture set that somebody names beside a cascade file, on a command line say: a folder that holds one, else what the
/// cascade file would mean by it.
pub fn given_folder(cascade: &Path, set: &str) -> PathBuf {
    let given = PathBuf::from(set);
    if holds_a_set(&given) { given } else { fixture_folder(cascade, set) }
}

/// The folder of a fixture set that a cascade file names: what has more than one part (`./sums`, `sets/sums`) is a path as it is, and a bare name is below
/// `fixtures/` beside the cascade's folder, else below `fixtures/` in that folder. The working directory has no part in a name, so
/// that it is the same set wherever this is run.
pub fn fixture_folder(cascade: &Path, set: &str) -> PathBuf {
    let given = PathBuf::from(set);
    if given.is_absolute() || set.contains(std::path::is_separator) {
        return given;
    }
    let folder = cascade.parent().unwrap_or(Path::new(""));
    let within = folder.join("fixtures").join(set);
    let beside = folder.join("../fixtures").join(set);
    if !holds_a_set(&beside) && (holds_a_set(&within) || folder == Path::new("")) {
        return within;
    }
    // Where both are one, the plain path is the better one in messages.
    let plain = Path::new("fixtures").join(set);
    if is_same(&beside, &plain) { plain } else { beside }
}

fn holds_a_set(folder: &Path) -> bool {
    folder.join("set.toml").exists()
}

fn is_same(a: &Path, b: &Path) -> bool {
    matches!((fs_err::canonicalize(a), fs_err::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_below_fixtures_beside_the_cascades_folder_else_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let cascade = dir.path().join("cascades/a.cascade.toml");
        let beside = dir.path().join("fixtures/sums");
        for set in [dir.path().join("cascades/fixtures/sums"), beside] {
            fs_err::create_dir_all(&set).unwrap();
            fs_err::write(set.join("set.toml"), "").unwrap();
            let found = fixture_folder(&cascade, "sums");
            assert!(is_same(&found, &set), "{}", found.display());
        }
    }

    #[test]
    fn a_bare_name_is_never_a_set_of_the_working_directory() {
        let dir = tempfile::tempdir().unwrap();
        let cascade = dir.path().join("cascades/a.cascade.toml");
        for name in ["support", "src"] {
            let found = fixture_folder(&cascade, name);
            assert_eq!(found, dir.path().join("cascades/../fixtures").join(name));
        }
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        let cascade = Path::new("cascades/a.cascade.toml");
        for path in ["./sums", "elsewhere/sums", "/sets/sums"] {
            assert_eq!(fixture_folder(cascade, path), Path::new(path));
        }
    }
}

//! A fixture set in place of providers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tierfall_core::request::{Request, RequestId};

use crate::fixture::FixtureSet;
use crate::fixture::replay::Recordings;

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
    pub(crate) fn identify(&self, request: &Request) -> Option<RequestId> {
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

/// The folder of a fixture set: a path as it is, a bare name below `fixtures/` beside the cascade's folder, else in the
/// working directory.
pub fn fixture_folder(cascade: &Path, set: &str) -> PathBuf {
    let given = PathBuf::from(set);
    if given.components().count() > 1 || given.is_absolute() || holds_a_set(&given) {
        return given;
    }
    let here = Path::new("fixtures").join(set);
    let beside = cascade.parent().unwrap_or(Path::new("")).join("../fixtures").join(set);
    // The cascade's own set wins; where both are one, the plain path is the better one in messages.
    if holds_a_set(&beside) && !is_same(&beside, &here) { beside } else { here }
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
    fn a_bare_name_is_below_fixtures_beside_the_cascades_folder() {
        let dir = tempfile::tempdir().unwrap();
        let cascade = dir.path().join("cascades/a.cascade.toml");
        fs_err::create_dir_all(cascade.parent().unwrap()).unwrap();
        assert_eq!(fixture_folder(&cascade, "sums"), Path::new("fixtures/sums"), "nothing is beside it");
        let set = dir.path().join("fixtures/sums");
        fs_err::create_dir_all(&set).unwrap();
        fs_err::write(set.join("set.toml"), "").unwrap();
        let found = fixture_folder(&cascade, "sums");
        assert!(is_same(&found, &set), "{}", found.display());
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        let cascade = Path::new("cascades/a.cascade.toml");
        for path in ["./sums", "elsewhere/sums", "/sets/sums"] {
            assert_eq!(fixture_folder(cascade, path), Path::new(path));
        }
    }
}

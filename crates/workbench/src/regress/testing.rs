//! A small set in a temporary folder, recorded in whatever way a test wants.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::fixture::FixtureSet;
use crate::fixture::recording::Header;
use crate::fixture::replay::Recordings;
use crate::regress::{Played, replay};
use tierfall::config::{self, Loaded};

pub(super) const CASCADE: &str = r#"
version = 1
name = "shop"
[provider.p.simulated]
[provider.p.simulated.models]
s = { ability = 0.5 }
t = { ability = 0.5 }
[[tier]]
name = "small"
model = "p/s"
price = { input = "1", output = "2" }
params = { temperature = 0 }
gate = { signal = "mean-logprob", threshold = 0.5 }
[[tier]]
name = "large"
model = "p/s"
price = { input = "10", output = "20" }
"#;

/// A folder with a cascade, a set of one split `test` and one `train`, and recordings.
pub(super) struct Shop {
    dir: tempfile::TempDir,
    pub(super) cascade: String,
}

/// What the small tier answers to example `k`: right and sure, wrong and sure, wrong and unsure, failed.
pub(super) const SMALL: [&str; 4] = [
    r#""text":"yes","logprobs":[["yes",-0.1,[]]],"usage":{"input":10,"output":1}"#,
    r#""text":"no","logprobs":[["no",-0.2,[]]],"usage":{"input":10,"output":1}"#,
    r#""text":"no","logprobs":[["no",-3.0,[]]],"usage":{"input":10,"output":2}"#,
    r#""error":{"kind":"timeout","message":"late","free":true}"#,
];

/// What the large tier answers.
pub(super) const LARGE: &str = r#""text":"yes","usage":{"input":10,"output":3}"#;

impl Shop {
    /// With `n` examples, every fifth of them in the split `train`, and every tier's answers recorded.
    pub(super) fn new(n: usize) -> Self {
        let shop = Self { dir: tempfile::tempdir().unwrap(), cascade: CASCADE.to_owned() };
        fs_err::write(shop.path("set.toml"), "name = \"shop\"\ngrader = \"exact\"\nsplits = [\"train\", \"test\"]\n").unwrap();
        fs_err::create_dir(shop.path("recordings")).unwrap();
        shop.examples(n, |_| "is it?");
        shop.record("small", n, |k| Some(SMALL[k % 4]));
        shop.record("large", n, |_| Some(LARGE));
        shop
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn examples(&self, n: usize, question: impl Fn(usize) -> &'static str) {
        let mut lines = String::new();
        for k in 0..n {
            let (split, question) = (if k % 5 == 4 { "train" } else { "test" }, question(k));
            let _ = writeln!(
                lines,
                r#"{{"id":"e{k}","segment":"s{}","split":"{split}","group":"g{}","weight":{},"query":"{k}: {question}","expected":"yes"}}"#,
                k % 2,
                k / 2,
                1.0 + k as f64 / 4.0
            );
        }
        fs_err::write(self.path("examples.jsonl"), lines).unwrap();
    }

    /// Records what a tier says to each of `n` examples, as it is declared now.
    pub(super) fn record(&self, tier: &str, n: usize, answer: impl Fn(usize) -> Option<&'static str>) {
        let bindings = tierfall::bindings(&self.loaded());
        let binding = bindings.iter().find(|binding| *binding.tier == *tier).unwrap();
        let mut lines = serde_json::to_string(&Header::new(binding)).unwrap() + "\n";
        let set = self.set();
        for k in 0..n {
            let asked = set.get(&format!("e{k}")).unwrap().digest();
            if let Some(answer) = answer(k) {
                let _ = writeln!(lines, r#"{{"id":"e{k}","asked":"{asked}",{answer}}}"#);
            }
        }
        fs_err::write(self.path(&format!("recordings/{tier}.jsonl")), lines).unwrap();
    }

    pub(super) fn loaded(&self) -> Loaded {
        let path = self.path("shop.cascade.toml");
        fs_err::write(&path, &self.cascade).unwrap();
        config::load(&path).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(super) fn set(&self) -> FixtureSet {
        FixtureSet::load(self.dir.path()).unwrap()
    }

    pub(super) fn recordings(&self) -> Result<Recordings, String> {
        let read = Recordings::load(self.dir.path(), &tierfall::bindings(&self.loaded()));
        read.map_err(|error| self.said(&error.to_string()))
    }

    pub(super) fn replay(&self, split: &str) -> Result<Played, String> {
        let replayed = replay(&self.loaded(), &self.set(), &self.recordings()?, split, &|_, _| ());
        replayed.map_err(|error| self.said(&error.to_string()))
    }

    /// A message without the temporary folder.
    fn said(&self, message: &str) -> String {
        message.replace(&self.dir.path().display().to_string(), "DIR")
    }

    pub(super) fn baseline(&self) -> PathBuf {
        super::Baseline::path_for(&self.path("shop.cascade.toml"))
    }
}

pub(super) fn read(path: &Path) -> String {
    fs_err::read_to_string(path).unwrap()
}

//! Cascade files and their problems.

use std::path::{Path, PathBuf};

use tierfall::config::{self, ConfigError, Loaded};
use tierfall::{Asker, LoadError};
use tierfall_workbench::fixture::replay::Recordings;
use tierfall_workbench::fixture::{FixtureError, FixtureSet};
use tierfall_workbench::{Answers, OpenError, Opened};

use crate::args::Source;
use crate::exit::Failure;
use crate::render;
use crate::render::style::{WARN, paint};
use crate::say;

/// The engine of a cascade file, with answers from where the command line says.
pub(crate) fn engine(path: &Path, source: &Source, asker: Asker) -> Result<Opened, Failure> {
    let answers = match &source.replay {
        Some(set) => Answers::Replay(set.clone()),
        None if source.live => Answers::Live,
        None => Answers::AsDeclared,
    };
    tierfall_workbench::open(path, &answers, asker).map_err(|error| match error {
        OpenError::Load(error) => failure(&error, ", or answer from recordings with --replay SET"),
        OpenError::Fixture(error) => fixture(&error),
        _ => Failure::usage(error),
    })
}

/// A cascade file, read and found right.
pub(crate) fn cascade(path: &Path) -> Result<Loaded, Failure> {
    config::load(path).map_err(|error| invalid(&error))
}

/// A cascade file without its fit, which may be stale or not there yet.
pub(crate) fn unfitted(path: &Path) -> Result<Loaded, Failure> {
    config::load_unfitted(path).map_err(|error| invalid(&error))
}

/// Shows every problem of a file; what is left to say is how many there are.
pub(crate) fn invalid(error: &ConfigError) -> Failure {
    let (path, n) = (error.path.display(), error.diagnostics.len());
    for diagnostic in &error.diagnostics {
        say(render::diagnostic::draw(diagnostic, &path.to_string(), &error.text));
    }
    Failure::usage(format!("{path} has {n} problem{}", if n == 1 { "" } else { "s" }))
}

/// Why providers cannot be asked; `otherwise` is what can be done without keys.
pub(crate) fn failure(error: &LoadError, otherwise: &str) -> Failure {
    match error {
        LoadError::Config(error) => invalid(error),
        LoadError::UnsetKeys(keys) => {
            let names: Vec<String> = keys.iter().map(|key| format!("export {}=…", key.env)).collect();
            Failure::usage(error).with_hint(format!("{}{otherwise}", names.join("; ")))
        }
        _ => Failure::usage(error),
    }
}

/// A set of labelled examples.
pub(crate) fn fixture_set(folder: impl Into<PathBuf>) -> Result<FixtureSet, Failure> {
    FixtureSet::load(folder).map_err(|error| fixture(&error))
}

/// Why a fixture set cannot be used.
pub(crate) fn fixture(error: &FixtureError) -> Failure {
    match error {
        FixtureError::Io(io) if io.kind() == std::io::ErrorKind::NotFound => Failure::usage(error)
            .with_hint("a fixture set is a folder with set.toml and examples.jsonl: its path, or its name below fixtures/"),
        FixtureError::Mismatch { .. } => Failure::usage(error).with_hint("recordings are bound to model, parameters and prompt"),
        _ => Failure::usage(error),
    }
}

/// Warns of recordings that lack what was written last.
pub(crate) fn tell_torn(recordings: &Recordings) {
    for tier in recordings.torn() {
        let line = recordings.torn_line(tier).unwrap_or_default();
        say(format_args!(
            "{} the recording of {tier} was cut in the middle of a write: its last line, {line}, cannot be read and is left out; \
             `record` asks it again",
            paint(WARN, "warning:")
        ));
    }
}

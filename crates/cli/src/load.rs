//! Cascade files and their problems.

use std::path::{Path, PathBuf};

use tierfall::config::{self, ConfigError, Loaded};
use tierfall::{Asker, LoadError};
use tierfall_workbench::fixture::replay::Recordings;
use tierfall_workbench::fixture::{FixtureError, FixtureSet};
use tierfall_workbench::{Answers, Error, Opened};

use crate::args::Source;
use crate::exit::{Exit, Failure};
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
    tierfall_workbench::open(path, &answers, asker).map_err(|error| match &error {
        Error::Load(error) => failure(error, ", or answer from recordings with --replay SET"),
        _ => Failure::from(error),
    })
}

/// A cascade file, read and found right.
pub(crate) fn cascade(path: &Path) -> Result<Loaded, Failure> {
    config::load(path).map_err(|error| invalid(&error))
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
        _ => Failure { hint: error.hint().map(|hint| hint + otherwise), ..Failure::usage(error) },
    }
}

/// A set of labelled examples.
pub(crate) fn fixture_set(folder: impl Into<PathBuf>) -> Result<FixtureSet, Failure> {
    FixtureSet::load(folder).map_err(|error| fixture(&error))
}

/// Why a fixture set cannot be used.
pub(crate) fn fixture(error: &FixtureError) -> Failure {
    Failure { hint: error.hint().map(str::to_owned), ..Failure::usage(error) }
}

/// How the command ends where a call came to nothing.
impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let exit = if matches!(error, Error::Provider(_)) { Exit::Provider } else { Exit::Usage };
        let message = match error {
            Error::Load(LoadError::Config(broken)) => invalid(broken).message,
            Error::Judge { judge, path, error } => {
                format!("judge \"{judge}\" ({}): {}", path.display(), failure(error, "").message)
            }
            _ => error.to_string(),
        };
        Self { exit, message, hint: error.hint() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

/// Warns of recordings that lack what was written last.
pub(crate) fn tell_torn(recordings: &Recordings) {
    for (tier, line) in recordings.torn() {
        say(format_args!(
            "{} the recording of {tier} was cut in the middle of a write: its last line, {line}, cannot be read and is left out; \
             `record` asks it again",
            paint(WARN, "warning:")
        ));
    }
}

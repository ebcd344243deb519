//! Cascade files and their problems.

use std::path::Path;

use tierfall::config::{self, ConfigError, Loaded};
use tierfall::{Asker, LoadError};
use tierfall_workbench::fixture::FixtureError;
use tierfall_workbench::fixture::replay::Recordings;
use tierfall_workbench::{Answers, Error, Opened};

use crate::args::Run;
use crate::{Exit, Failure, render};
use crate::{say, warn};

/// The engine of a cascade file, with answers from where the command line says.
pub(crate) fn engine(args: &Run, asker: Asker) -> Result<Opened, Failure> {
    let answers = match &args.replay {
        Some(set) => Answers::Replay(set.clone()),
        None if args.live => Answers::Live,
        None => Answers::AsDeclared,
    };
    tierfall_workbench::open(&args.cascade, &answers, asker).map_err(|error| {
        let otherwise = if matches!(error, Error::Load(_)) { ", or answer from recordings with --replay SET" } else { "" };
        let failure = Failure::from(error);
        Failure { hint: failure.hint.map(|hint| hint + otherwise), ..failure }
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
        say(diagnostic.render_styled(&path.to_string(), &error.text));
    }
    Failure::usage(format!("{path} has {}", render::words::some(n as u64, "problem")))
}

/// How the command ends where a call came to nothing.
impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let exit = if matches!(error, Error::Provider(_)) { Exit::Provider } else { Exit::Usage };
        let message = match error {
            Error::Load(LoadError::Config(broken)) => invalid(broken).message,
            Error::Judge { judge, path, error } => {
                let why = match &**error {
                    LoadError::Config(broken) => invalid(broken).message,
                    error => error.to_string(),
                };
                format!("judge \"{judge}\" ({}): {why}", path.display())
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

impl From<FixtureError> for Failure {
    fn from(error: FixtureError) -> Self {
        Error::from(error).into()
    }
}

/// Warns of recordings that lack what was written last.
pub(crate) fn tell_torn(recordings: &Recordings) {
    for (tier, line) in recordings.torn() {
        warn(format_args!(
            "the recording of {tier} was cut in the middle of a write: its last line, {line}, cannot be read and is left out; `record` \
             asks it again"
        ));
    }
}

//! Why a set cannot be replayed under a cascade: everything at once, each with what mends it. And why a baseline cannot be used.

use std::path::PathBuf;
use std::sync::Arc;
use std::{fmt, io};

use crate::fixture::FixtureError;

/// A fixture set that cannot be replayed under a cascade.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegressError {
    /// The set, its recordings or its grades cannot be read.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// The set has no such split.
    #[error("{} has no split \"{split}\"; {hint}", path.display())]
    UnknownSplit {
        /// The examples' file.
        path: PathBuf,
        /// What was asked for.
        split: String,
        /// Which splits there are.
        hint: String,
    },
    /// The cascade's thresholds are to come from a fit, and were not read.
    #[error("{} takes its thresholds from {}, which was not read: without them every gate would defer all", cascade.display(), fit.display())]
    Unfitted {
        /// The cascade file.
        cascade: PathBuf,
        /// The fit's file.
        fit: PathBuf,
    },
    /// Recordings or grades do not cover the split.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Problems(Vec<Problem>),
}

/// What keeps some examples of a split from being replayed and graded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file that lacks something.
    pub path: PathBuf,
    /// The tier that it is about.
    pub tier: Arc<str>,
    /// What is wrong.
    pub kind: ProblemKind,
    /// The examples, in the order of the set.
    pub examples: Vec<Arc<str>>,
    /// The command that mends it.
    pub command: String,
}

/// What a recording or a grade lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The tier has no recorded answer.
    NotRecorded,
    /// The tier's recorded answer is to a question that was edited since.
    Edited,
    /// What was recorded does not do, for this reason: of the first example, in words.
    Unusable(String),
    /// The answer was never graded, and its grader cannot be asked in passing.
    NotGraded,
    /// The grade is of another answer.
    StaleGrade,
}

/// So many examples are named.
const NAMED: usize = 5;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, tier, kind, examples, command } = self;
        let n = examples.len();
        let (examples_are, them) = if n == 1 { ("example", "it") } else { ("examples", "them") };
        write!(f, "{}: ", path.display())?;
        match kind {
            ProblemKind::NotRecorded => write!(f, "tier \"{tier}\" has no recorded answer to {n} {examples_are}")?,
            ProblemKind::Edited => {
                write!(f, "tier \"{tier}\" was recorded before the questions of {n} {examples_are} were edited")?;
            }
            ProblemKind::Unusable(why) => write!(f, "{why}; {n} {examples_are} of tier \"{tier}\"")?,
            ProblemKind::NotGraded => write!(f, "the answers of tier \"{tier}\" to {n} {examples_are} are not graded")?,
            ProblemKind::StaleGrade => {
                write!(f, "the answers of tier \"{tier}\" to {n} {examples_are} were recorded again since they were graded")?;
            }
        }
        let names: Vec<&str> = examples.iter().take(NAMED).map(|id| &**id).collect();
        let more = if n > NAMED { format!(" and {} more", n - NAMED) } else { String::new() };
        let mends = match kind {
            ProblemKind::NotGraded | ProblemKind::StaleGrade => "grades",
            _ => "records",
        };
        write!(f, ": {}{more}; `{command}` {mends} {them}", names.join(", "))
    }
}

/// A baseline that cannot be used. No file is touched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// The file could not be read or written.
    #[error("{}: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        why: io::Error,
    },
    /// The file is not what a baseline must be.
    #[error("{}:{line}:{column}: {}{why}; {mend}", path.display(), if pointer.is_empty() { String::new() } else { format!("{pointer}: ") })]
    Broken {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// JSON pointer to what is wrong; empty for the whole file.
        pointer: String,
        /// What is wrong.
        why: String,
        /// What to do.
        mend: String,
    },
    /// The entry is about other examples than those it is held against.
    #[error(
        "the baseline is from another fixture set: {why}; if the set was replaced on purpose, agree with what the cascade does on it \
         with `tierfall regress CASCADE --update-baseline`"
    )]
    OtherSet {
        /// What differs.
        why: String,
    },
}

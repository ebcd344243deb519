//! Why a set cannot be replayed under a cascade: everything at once, each with what mends it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// What keeps some examples of a split from being replayed and graded.
#[derive(Debug)]
pub(super) struct ReplayProblem {
    /// The file that lacks something.
    pub(super) path: PathBuf,
    /// The tier that it is about.
    pub(super) tier: Arc<str>,
    /// What is wrong.
    pub(super) kind: ReplayProblemKind,
    /// What is said of a recording that does not do: of the first example, in words.
    pub(super) why: String,
    /// The examples, in the order of the set.
    pub(super) examples: Vec<Arc<str>>,
    /// The command that mends it.
    pub(super) command: String,
}

/// What a recording or a grade lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ReplayProblemKind {
    /// The tier has no recorded answer.
    NotRecorded,
    /// The tier's recorded answer is to a question that was edited since.
    Edited,
    /// What was recorded does not do.
    Unusable,
    /// The answer was never graded, and its grader cannot be asked in passing.
    NotGraded,
    /// The grade is of another answer.
    StaleGrade,
}

/// So many examples are named.
const NAMED: usize = 5;

impl fmt::Display for ReplayProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, tier, kind, why, examples, command } = self;
        let n = examples.len();
        let (examples_are, them) = if n == 1 { ("example", "it") } else { ("examples", "them") };
        write!(f, "{}: ", path.display())?;
        match kind {
            ReplayProblemKind::NotRecorded => write!(f, "tier \"{tier}\" has no recorded answer to {n} {examples_are}")?,
            ReplayProblemKind::Edited => {
                write!(f, "tier \"{tier}\" was recorded before the questions of {n} {examples_are} were edited")?;
            }
            ReplayProblemKind::Unusable => write!(f, "{why}; {n} {examples_are} of tier \"{tier}\"")?,
            ReplayProblemKind::NotGraded => write!(f, "the answers of tier \"{tier}\" to {n} {examples_are} are not graded")?,
            ReplayProblemKind::StaleGrade => {
                write!(f, "the answers of tier \"{tier}\" to {n} {examples_are} were recorded again since they were graded")?;
            }
        }
        let names: Vec<&str> = examples.iter().take(NAMED).map(|id| &**id).collect();
        let more = if n > NAMED { format!(" and {} more", n - NAMED) } else { String::new() };
        let mends = match kind {
            ReplayProblemKind::NotGraded | ReplayProblemKind::StaleGrade => "grades",
            _ => "records",
        };
        write!(f, ": {}{more}; `{command}` {mends} {them}", names.join(", "))
    }
}

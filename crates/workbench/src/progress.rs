//! What a call tells of itself before it returns.

use tierfall_core::money::Cost;

use crate::Error;
use crate::fixture::grade::command::CommandReport;
use crate::fixture::grade::judge::JudgeReport;
use crate::fixture::replay::Recordings;
use crate::ledger::Spending;
use crate::observations::Summary;

/// Watches a call. Every method does nothing unless it is written, and none may block; `()` watches nothing.
pub trait Progress: Send + Sync {
    /// Work of another kind has begun, and that before it is over.
    fn begins(&self, _stage: Stage) {}
    /// So much of the stage is done, of so much.
    fn at(&self, _done: u64, _of: u64) {}
    /// So much was spent in this stage.
    fn spent(&self, _cost: Cost) {}
    /// Something is known that may matter however the call ends.
    fn notice(&self, _notice: Notice<'_>) {}
}

impl Progress for () {}

/// What takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Files are read.
    Reading,
    /// Recordings are replayed and graded.
    Grading,
    /// Thresholds are fitted.
    Calibrating,
    /// A fit is judged.
    Judging,
    /// Chains or fits are compared.
    Comparing,
    /// A fixture set is replayed under a cascade.
    Replaying,
    /// Providers are asked.
    Asking,
    /// Programs grade.
    Commands,
    /// Models grade.
    Judges,
}

/// What is known before a call ends.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// Recordings were read; some may lack what was written [last](Recordings::torn).
    Recordings(&'a Recordings),
    /// Labelled answers were read, and this became of them.
    Read(&'a Summary),
    /// Providers were asked so many examples in a live run.
    Asked {
        /// Those that were finished.
        examples: usize,
        /// Everything charged.
        cost: Cost,
    },
    /// A cascade could not be judged; others may be.
    Broken(&'a Error),
    /// A certificate is about to be made.
    Certificate(&'a Spending),
    /// Programs have graded.
    Ran(&'a CommandReport),
    /// Judges have graded.
    Judged(&'a JudgeReport),
}

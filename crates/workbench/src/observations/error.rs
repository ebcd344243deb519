//! What can be wrong with observations.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::fixture::FixtureError;

/// A row that cannot be used as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// The file.
    pub path: PathBuf,
    /// Its line, from 1.
    pub line: u64,
    /// JSON pointer to the offending value, or the column of a CSV file; empty for the whole line.
    pub field: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.path.display(), self.line)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.reason)
    }
}

/// Rows that cannot be read as they are written, and that nothing allows to leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Rows that were read, these included.
    pub read: u64,
    /// How many cannot be.
    pub bad: u64,
    /// How many of them for a grade that is none; no declaration allows to leave those out.
    pub bad_grades: u64,
    /// The first of them, at most [`Summary::SHOWN`](super::Summary::SHOWN), in the files' order.
    pub first: Vec<BadRow>,
    /// What the grades look like, by column.
    pub scales: Vec<String>,
}

impl Unreadable {
    /// Why it matters, and what to do.
    pub fn advice(&self) -> String {
        let mut advice = self.scales.clone();
        if self.bad_grades > 0 {
            advice
                .push("a grade is a number from 0 to 1, true or false, or nothing; no row is left out for its grade".to_owned());
        }
        if self.bad > self.bad_grades {
            advice.push(
                "mend the rows: whether one can be read may depend on whether its answers are right, so none is left out by itself. \
                 `--bad-rows at-random` declares that it does not, and leaves them out"
                    .to_owned(),
            );
        }
        advice.join("\n")
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} rows cannot be read as they are written:", self.bad, self.read)?;
        for row in &self.first {
            write!(f, "\n  {row}")?;
        }
        let more = self.bad.saturating_sub(self.first.len() as u64);
        if more > 0 {
            write!(f, "\n  and {more} more")?;
        }
        Ok(())
    }
}

/// Observations that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObservationsError {
    /// A file could not be read; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The fixture set cannot be used.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// The file is something else.
    #[error("{} is no file of observations: {why}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it looks like, and what it should be.
        why: String,
    },
    /// The file cannot be read to its end.
    #[error("{} cannot be read to its end ({why}): it is damaged or only a part of itself", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        why: String,
    },
    /// The options contradict each other or the chain.
    #[error("{0}")]
    Options(String),
    /// No row has a tier of the chain.
    #[error("no row has the tier \"{tier}\"; {hint}")]
    UnknownTier {
        /// The tier.
        tier: String,
        /// Tiers that there are.
        hint: String,
    },
    /// No row is of the split that was asked for.
    #[error("no row is of the split \"{split}\"; {hint}")]
    UnknownSplit {
        /// The split.
        split: String,
        /// Splits that there are.
        hint: String,
    },
    /// Rows that cannot be read as they are written.
    #[error("{0}")]
    Rows(Box<Unreadable>),
    /// Not one row could be used.
    #[error("none of {read} rows can be used: {why}")]
    NothingUsable {
        /// Rows that were read.
        read: u64,
        /// What became of them.
        why: String,
    },
    /// The cascade decides in a way that a table of observations cannot show.
    #[error("cascade \"{cascade}\": {why}")]
    Cascade {
        /// Its name.
        cascade: String,
        /// What it does, and what to do about it.
        why: String,
    },
    /// Examples that the last tier, which losses refer to, was never asked. Which those are may depend on anything, so none is left out for
    /// it: it can be asked.
    #[error(
        "{rows} of {of} examples have no recording of tier \"{tier}\", which losses refer to, and which those are may depend on how right \
         answers are: `tierfall record … --only-missing` asks what is missing"
    )]
    Unrecorded {
        /// The last tier.
        tier: String,
        /// How many it was not asked.
        rows: u64,
        /// Of how many that are to be used.
        of: usize,
    },
    /// A tier whose recordings have no grades.
    #[error("tier \"{tier}\" has no grades in {}: run `tierfall grade` on the set first", path.display())]
    NotGraded {
        /// The tier.
        tier: String,
        /// The set's directory.
        path: PathBuf,
    },
}

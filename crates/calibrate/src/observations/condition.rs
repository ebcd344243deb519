//! What whoever concludes from a table has to suppose, beside its rows being drawn as requests are.

use std::fmt;
use std::sync::Arc;

/// What is not as it is in requests, or may not be: rows that are not in a table, and what those in it may have lost. Each may depend on
/// how right answers are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// They have no grade, and the user declared that which ones have none is chance.
    UngradedAtRandom {
        /// How many.
        rows: u64,
    },
    /// They could not be read, and the user declared that which ones could not is chance.
    BadAtRandom {
        /// How many.
        rows: u64,
    },
    /// The last tier, which losses refer to, has no part in them.
    WithoutLast {
        /// The last tier.
        tier: Arc<str>,
        /// How many.
        rows: u64,
    },
    /// They are in the table and name no group, as others do: each is taken for a question of its own.
    Ungrouped {
        /// How many.
        rows: u64,
    },
    /// They are in the table and lack something that a gate reads: a signal of several, or all.
    Unread {
        /// The tier of the gate.
        tier: Arc<str>,
        /// How many.
        rows: u64,
    },
    /// They are in the table and name no segment, where thresholds depend on it.
    Unsegmented {
        /// How many.
        rows: u64,
    },
    /// A rule or a limit of a tier sends such requests another way.
    Elsewhere {
        /// The rule or limit.
        why: String,
        /// How many.
        rows: u64,
    },
}

/// A sentence of the promise.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UngradedAtRandom { rows } => {
                write!(f, "It supposes that the {rows} fixtures without a grade, which were left out, lack it by chance.")
            }
            Self::BadAtRandom { rows } => {
                write!(f, "It supposes that the {rows} rows that could not be read, and were left out, are so by chance.")
            }
            Self::WithoutLast { tier, rows } => {
                write!(f, "It is made of requests that \"{tier}\" has an answer to: {rows} fixtures have none and were left out.")
            }
            Self::Ungrouped { rows } => {
                write!(f, "It takes each of the {rows} fixtures that name no group for a question of its own.")
            }
            Self::Unread { tier, rows } => write!(
                f,
                "The gate of \"{tier}\" lacks something that it reads in {rows} of the fixtures: it supposes that requests lack it as these \
                 do."
            ),
            Self::Unsegmented { rows } => {
                write!(f, "It supposes that the {rows} fixtures that name no segment are of requests that have none at run time.")
            }
            Self::Elsewhere { why, rows } => {
                write!(f, "It says nothing of requests that go another way: {rows} fixtures were left out because {why}.")
            }
        }
    }
}

/// What a promise rests on beside its rows being a sample of the traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// Whether the rows are different questions, each counted once however often it was asked, and not requests.
    pub questions: bool,
    /// Whether signals read the answers themselves, and not a file that may have lost some of what they read.
    pub replayed: bool,
    /// What it supposes of rows that are not there, or of all.
    pub conditions: Arc<[Condition]>,
    /// Of all rows, those in which what counts for the target is not known: the worst it can be stands for it.
    pub assumed: usize,
    /// How many other gate values share δ: a promise made of one of them at its part of δ is said at the whole, at which all hold.
    pub rivals: usize,
}

//! What implementations of a seam owe, tried: one call in a test, for authors of signals, providers and observers.
//!
//! Each tells the first rule that is broken: which, what was seen, and where it is written down.

mod observer;
mod provider;
mod signal;
mod upstream;

use std::fmt;

pub use observer::observer;
pub use provider::provider;
pub use signal::signal;
pub use upstream::{Echo, Fate, Nothing, Upstream};

/// Something that every implementation of a seam owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is called.
    pub name: &'static str,
    /// What it asks.
    pub asks: &'static str,
    /// The item whose documentation says so.
    pub documented: &'static str,
}

/// A rule that is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Who does not keep it.
    pub who: String,
    /// The rule.
    pub rule: &'static Rule,
    /// What was seen in place of it.
    pub what: String,
    /// On what it was seen, where that was something long: the pieces of an answer.
    pub on: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, rule: Rule { name, asks, documented }, what, on } = self;
        write!(f, "{who}: {what}\nexpected ({name}): {asks}, see {documented}\n{on}")
    }
}

impl std::error::Error for Broken {}

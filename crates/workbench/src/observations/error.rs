//! Rows that cannot be read.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

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

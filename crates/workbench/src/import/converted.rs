//! Where converted rows go, and what became of them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::grades::Grades;
use super::options::ImportOptions;
use super::row::ConvertedRow;
use crate::Error;
use crate::observations::BadRow;
use crate::observations::faults::{Fault, Faults};
use crate::observations::row::UNREADABLE;

/// What became of the rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Imported {
    /// Rows of the source.
    pub read: u64,
    /// Examples written.
    pub written: u64,
    /// Rows that could not be converted, which was declared to be [at random](crate::observations::BadRows::AtRandom): they are written as rows that cannot be read,
    /// so that whoever reads them has to declare it, too.
    pub bad: u64,
    /// The first of them, at most [`Summary::SHOWN`](crate::observations::Summary::SHOWN).
    pub first_bad: Vec<BadRow>,
    /// Examples by tier.
    pub tiers: BTreeMap<String, u64>,
    /// Answers without a grade: they are written without one.
    pub ungraded: u64,
    /// Answers that the grader of what is expected could not read: they are written as wrong.
    pub unreadable: u64,
    /// Places of tiers in which nothing is said: they are written as they are.
    pub unsaid: u64,
    /// Requests that cannot be read: their answers are written, and signals that look at the request saw none.
    pub unread_requests: u64,
    /// Questions whose right answer is known and that nobody answered.
    pub unanswered: u64,
    /// Records that were not asked for: of another filter, say.
    pub others: u64,
    /// The signals that were found.
    pub signals: BTreeSet<String>,
    /// Columns of a tier that are no fields, and that nobody calls signals.
    pub passed_over: BTreeSet<String>,
}

/// Takes converted rows.
pub(super) struct Converted<'w> {
    pub(super) options: &'w ImportOptions,
    /// The file that is read.
    pub(super) source: PathBuf,
    pub(super) out: &'w mut dyn Write,
    pub(super) report: Imported,
    pub(super) faults: Faults,
    /// What the grades look like that are none.
    pub(super) scales: Vec<String>,
    /// Why it is not certain of a column that it holds grades.
    pub(super) unsure: Vec<String>,
    /// The examples that were written, where it is known what is expected.
    pub(super) met: HashSet<String>,
}

impl<'w> Converted<'w> {
    /// Nothing yet.
    pub(super) fn new(options: &'w ImportOptions, source: &Path, out: &'w mut dyn Write) -> Self {
        Self {
            options,
            source: source.to_owned(),
            out,
            report: Imported::default(),
            faults: Faults::default(),
            scales: Vec::new(),
            unsure: Vec::new(),
            met: HashSet::new(),
        }
    }

    /// Takes what the columns of grades of a file look like.
    pub(super) fn judge(&mut self, grades: &Grades<'_>) {
        let (scales, unsure) = grades.scales();
        self.scales.extend(scales);
        self.unsure.extend(unsure);
    }

    /// One row of the source: an example, a part of one that is written later, or why it is neither.
    pub(super) fn row(&mut self, line: u64, row: Result<Option<ConvertedRow>, Fault>) -> Result<(), Error> {
        self.report.read += 1;
        match row {
            Ok(row) => row.map_or(Ok(()), |row| self.write(row)),
            Err(fault) => self.bad(line, fault),
        }
    }

    /// What cannot be converted is one row of the result, too, which cannot be read: what is promised on it rests on the same declaration.
    pub(super) fn bad(&mut self, line: u64, mut fault: Fault) -> Result<(), Error> {
        let column = self.options.column(&fault.field).to_owned();
        fault.field = column;
        let bad = BadRow { path: self.source.clone(), line, field: fault.field.clone(), reason: fault.reason.clone() };
        self.faults.note(&self.source, line, fault);
        self.put(&BTreeMap::from([(UNREADABLE, bad.to_string())]))
    }

    pub(super) fn write(&mut self, mut row: ConvertedRow) -> Result<(), Error> {
        self.report.written += 1;
        if let Some(expected) = &self.options.expected {
            self.report.unreadable += expected.grade(&mut row);
            self.met.insert(row.id.clone());
        }
        row.without_answers();
        for (tier, cell) in &row.tiers {
            if !cell.said {
                self.report.unsaid += 1;
                continue;
            }
            *self.report.tiers.entry(tier.clone()).or_default() += 1;
            self.report.ungraded += u64::from(cell.correct.is_none() && cell.judged.is_none());
            self.report.signals.extend(cell.confidence.keys().cloned());
        }
        self.put(&row)
    }

    fn put(&mut self, row: &impl Serialize) -> Result<(), Error> {
        let mut line = serde_json::to_vec(row).map_err(std::io::Error::from)?;
        line.push(b'\n');
        Ok(self.out.write_all(&line)?)
    }
}

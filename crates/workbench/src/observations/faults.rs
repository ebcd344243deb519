//! Rows that cannot be read as they are written: as they are met, and what they come to in the end.

use std::path::Path;

use super::options::BadRows;
use super::{BadRow, Summary, Unreadable};

/// Why a row cannot be read as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The place in the row.
    pub(crate) field: String,
    pub(crate) reason: String,
    /// It is a grade that is none: to leave the row out would be to leave it out for its grade.
    of_grade: bool,
}

impl Fault {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into(), of_grade: false }
    }

    pub(crate) fn of_grade(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { of_grade: true, ..Self::new(field, reason) }
    }

    pub(crate) fn twice(field: impl Into<String>) -> Self {
        Self::new(field, "stands twice: which of the two counts is not known")
    }
}

/// How many there are, and the first of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Those of a grade aside.
    rows: u64,
    grades: u64,
    /// In order, at most [`Summary::SHOWN`] of either kind; whether it is a grade.
    first: Vec<(BadRow, bool)>,
}

impl Faults {
    pub(crate) fn note(&mut self, path: &Path, line: u64, fault: Fault) {
        let Fault { field, reason, of_grade } = fault;
        let n = if of_grade { &mut self.grades } else { &mut self.rows };
        *n += 1;
        if *n <= Summary::SHOWN as u64 {
            self.first.push((BadRow { path: path.to_owned(), line, field, reason }, of_grade));
        }
    }

    /// Adds those of rows that follow.
    pub(super) fn add(&mut self, more: &Self) {
        for (row, of_grade) in &more.first {
            if self.first.iter().filter(|(_, known)| known == of_grade).count() < Summary::SHOWN {
                self.first.push((row.clone(), *of_grade));
            }
        }
        self.rows += more.rows;
        self.grades += more.grades;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many rows there are that cannot be read.
    pub(crate) fn count(&self) -> u64 {
        self.rows + self.grades
    }

    pub(super) fn fields_mut(&mut self) -> impl Iterator<Item = &mut String> {
        self.first.iter_mut().map(|(row, _)| &mut row.field)
    }

    /// How many rows are left out and the first of them, where that was declared; a grade that is none is an error in any case. `scales`: what
    /// the grades look like.
    pub(crate) fn settle(
        self,
        read: u64,
        how: BadRows,
        scales: impl FnOnce() -> Vec<String>,
    ) -> Result<(u64, Vec<BadRow>), Box<Unreadable>> {
        let Self { rows, grades, first } = self;
        let leave_out = how == BadRows::AtRandom;
        let of_grades_alone = leave_out && grades > 0;
        let first = first.into_iter().filter(|(_, of_grade)| *of_grade || !of_grades_alone).map(|(row, _)| row);
        let first: Vec<BadRow> = first.take(Summary::SHOWN).collect();
        if grades == 0 && (leave_out || rows == 0) {
            return Ok((rows, first));
        }
        let bad = if leave_out { grades } else { rows + grades };
        Err(Box::new(Unreadable { read, bad, bad_grades: grades, first, scales: if grades > 0 { scales() } else { Vec::new() } }))
    }
}

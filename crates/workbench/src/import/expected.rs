//! What right answers say, for sources that hold answers and no grades.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use tierfall_core::completion::Completion;

use super::row::ConvertedRow;
use crate::fixture::grade::{Grade, NamedGrader};
use crate::observations::faults::Fault;

/// By example, what a right answer says, and the grader that compares.
#[derive(Clone, Debug)]
pub struct Expected {
    grader: NamedGrader,
    by_id: HashMap<String, Value>,
}

impl Expected {
    pub(super) fn new(grader: NamedGrader) -> Self {
        Self { grader, by_id: HashMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn add(&mut self, id: Option<String>, expected: Option<Value>) -> Result<(), Fault> {
        let id = id.ok_or_else(|| Fault::new("id", "is missing: it says which question this is of"))?;
        let expected = expected.ok_or_else(|| Fault::new("expected", "is missing: it says what a right answer says"))?;
        let expected = of_form(&self.grader, expected).map_err(|why| Fault::new("expected", why))?;
        match self.by_id.insert(id.clone(), expected) {
            None => Ok(()),
            Some(_) => Err(Fault::new("id", format!("\"{id}\" stands twice: which of the two is right is not known"))),
        }
    }

    /// Grades the answers of a row that have no grade, and returns how many its grader could not read.
    pub(super) fn grade(&self, row: &mut ConvertedRow) -> u64 {
        let Some(expected) = self.by_id.get(&row.id) else { return 0 };
        let mut unreadable = 0;
        for (_, cell) in row.tiers.iter_mut().filter(|(_, cell)| cell.correct.is_none() && cell.judged.is_none()) {
            let grade = cell.answer.as_ref().and_then(|answer| self.grader.grade(expected, &Completion::text(answer.as_str())));
            unreadable += u64::from(grade.as_ref().is_some_and(Grade::is_unreadable));
            cell.correct = grade.map(|grade| grade.correct());
        }
        unreadable
    }

    /// The questions that none of these answers is to.
    pub(super) fn unanswered(&self, met: &HashSet<String>) -> u64 {
        self.by_id.keys().filter(|id| !met.contains(*id)).count() as u64
    }
}

/// What is expected in the form that a grader compares with: a text in a table may be one, or the JSON that it spells.
pub(super) fn of_form(grader: &NamedGrader, expected: Value) -> Result<Value, String> {
    let spelled = expected.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    // A text that spells a list is none that an answer could be.
    if let Some(list) = spelled.as_ref().filter(|spelled| spelled.is_array() && grader.check(spelled).is_ok()) {
        return Ok(list.clone());
    }
    let Err(why) = grader.check(&expected) else { return Ok(expected) };
    let spelled = spelled.filter(|expected| grader.check(expected).is_ok());
    spelled.ok_or_else(|| format!("{why} (grader {})", grader.name()))
}

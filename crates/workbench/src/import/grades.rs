//! Grades as a source gives them, and on which scale they are.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::ImportOptions;
use crate::observations::faults::Fault;
use crate::observations::scalar::Scalar;
use crate::observations::scale::Seen;

/// Reads grades, and remembers by column what they look like.
pub(super) struct Grades<'o> {
    options: &'o ImportOptions,
    seen: RefCell<BTreeMap<String, Seen>>,
}

impl<'o> Grades<'o> {
    pub(super) fn new(options: &'o ImportOptions) -> Self {
        Self { options, seen: RefCell::default() }
    }

    fn most(&self) -> f64 {
        self.options.max_score.unwrap_or(1.0)
    }

    /// A grade as one from 0 to 1.
    pub(super) fn read(&self, field: &str, value: &Scalar<'_>) -> Result<Option<f64>, Fault> {
        let mut seen = self.seen.borrow_mut();
        let seen = seen.entry(field.to_owned()).or_default();
        seen.read(value, self.most()).map_err(|reason| Fault::of_grade(field, reason))
    }

    /// What those columns look like that hold something else than grades, and why it is not certain of others that they hold any.
    pub(super) fn scales(&self) -> (Vec<String>, Vec<String>) {
        let (mut hints, mut unsure) = (Vec::new(), Vec::new());
        for (field, seen) in &*self.seen.borrow() {
            let column = format!("{:?}", self.options.column(field));
            hints.extend(seen.hint(&column, self.most()));
            unsure.extend(seen.unsure(&column));
        }
        (hints, unsure)
    }
}

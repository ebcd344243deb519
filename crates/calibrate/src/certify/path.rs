//! Fixed-sequence testing along a path of policies that was laid on other rows (Pareto testing, arXiv 2210.07913).

use std::ops::Range;

use super::goal::Goal;
use super::latency::Slow;
use super::test::Test;
use crate::ask::LatencyLimit;
use crate::policy::Thresholds;
use crate::table::Table;

/// Policies in the order in which they are tested, the safest first.
#[derive(Debug)]
pub(crate) struct Path<'t> {
    pub(crate) table: &'t Table<'t>,
    /// The group of every row; `None` = all are of the only one.
    pub(crate) group: Option<Vec<usize>>,
    /// At every place a policy for each group.
    pub(crate) places: Vec<Vec<Thresholds>>,
    pub(crate) goal: Goal,
}

impl Path<'_> {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The tiers that the policy at a place asks for a row; the last of them answers.
    pub(crate) fn asked(&self, at: usize, row: usize) -> &[usize] {
        self.of(at, row).asked(self.table, row)
    }

    /// The tier that answers a row at a place.
    pub(crate) fn answers(&self, at: usize, row: usize) -> usize {
        self.of(at, row).answers(self.table, row)
    }

    fn of(&self, at: usize, row: usize) -> &Thresholds {
        &self.places[at][self.group.as_ref().map_or(0, |group| group[row])]
    }

    /// Whether a place needs no test, being the last tier alone where a loss against it is the goal.
    pub(crate) fn free(&self, at: usize) -> bool {
        matches!(self.goal, Goal::Loss(_)) && self.places[at].iter().all(|policy| policy.tiers() == [self.table.last()])
    }
}

/// The places that are certified, all at once: from the safest on for the target, and from the fastest back for the limit
/// on latency.
pub(crate) fn certified(
    test: &Test<'_>,
    path: &Path<'_>,
    level: f64,
    slow: (Option<LatencyLimit>, Option<&Slow<'_>>, f64),
) -> Range<usize> {
    let keeps = |at: &usize| path.free(*at) || test.certifies(&test.of(|row| path.answers(*at, row)), level);
    let end = (0..path.len()).take_while(keeps).count();
    let start = match slow {
        (None, _, _) => 0,
        (Some(_), None, _) => path.len(),
        (Some(_), Some(slow), level) => {
            path.len() - (0..path.len()).rev().take_while(|at| slow.holds_for(|row| path.asked(*at, row), level)).count()
        }
    };
    start..end.max(start)
}

//! Fixed-sequence testing along a path of policies that was laid on other rows (Pareto testing, arXiv 2210.07913).

use std::ops::Range;

use super::evidence::Evidence;
use super::latency::Slow;
use super::test::Test;
use crate::ask::LatencyLimit;

/// Policies in the order in which they are tested, the safest first.
pub(crate) trait Path {
    /// How many there are.
    fn len(&self) -> usize;
    /// The tiers that the policy at a place asks for a row; the last of them answers.
    fn asked(&self, at: usize, row: usize) -> &[usize];
    /// Whether a policy needs no test, being the last tier alone where a loss against it is the goal.
    fn free(&self, at: usize) -> bool;
}

/// The evidence on the policy at a place.
pub(crate) fn evidence(test: &Test<'_>, path: &impl Path, at: usize) -> Evidence {
    let mut evidence = test.always_last();
    for row in 0..test.table.len() {
        if let Some(tier) = path.asked(at, row).last()
            && *tier != test.table.last()
        {
            test.answer(&mut evidence, row, *tier);
        }
    }
    evidence
}

/// The places that are certified, all at once: from the safest on for the target, and from the fastest back for the limit
/// on latency.
pub(crate) fn certified(
    test: &Test<'_>,
    path: &impl Path,
    level: f64,
    slow: (Option<LatencyLimit>, Option<&Slow<'_>>, f64),
) -> Range<usize> {
    let keeps = |at: &usize| path.free(*at) || test.certifies(&evidence(test, path, *at), level);
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

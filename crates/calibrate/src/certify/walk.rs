//! Fixed-sequence testing: from "defer all" downward, over every distinct cut, until the first that is not certified.
//!
//! The loosest cut that misses the goal is a fixed number, though unknown, and the walk cannot pass it without rejecting a
//! true hypothesis at it: evidence is constant between neighbouring distinct gate values and every such cell is visited.
//! So all certified cuts hold at once with probability 1 − level, whatever the shape of the risk.

use super::counts::Counts;
use super::descent::Descent;
use super::evidence::{Evidence, Gather};
use super::goal::Goal;
use super::test::Test;

/// Walks a pair down; the number of cuts, counted from "defer all", that are certified all at once.
///
/// Deferring all to the last tier is always asking it, whose loss against itself is 0 by construction: where the goal is a loss, it
/// needs no test. Where it is an accuracy, the walk begins with testing it.
pub(crate) fn walk(test: &Test<'_>, descent: &Descent<'_>, level: f64) -> usize {
    let free = usize::from(descent.second() == test.table.last() && matches!(test.goal, Goal::Loss(_)));
    if let (Gather::Counts, Some(sweep)) = (&test.gather, descent.sweep()) {
        let n = test.table.len() as u64;
        let mut before = None;
        let passes = |counts: Counts| {
            // Only rows on which the tiers differ change what counts say.
            let passes = before == Some(counts) || test.certifies(&Evidence::Counts(counts), level);
            before = Some(counts);
            passes
        };
        let counts = sweep.walk().skip(free).map(|sums| Counts {
            minus: sums.minus,
            plus: sums.plus,
            wrong: n - sums.quality / 1_000_000_000,
        });
        return free + counts.map(passes).take_while(|passes| *passes).count();
    }
    let mut evidence = test.of(|_| descent.second());
    let mut accepted = 0;
    for at in 0..descent.len() {
        let rows = descent.accepted(at);
        for row in &rows[accepted..] {
            test.replace(&mut evidence, *row as usize, (descent.second(), descent.tier()));
        }
        accepted = rows.len();
        if at >= free && !test.certifies(&evidence, level) {
            return at;
        }
    }
    descent.len()
}

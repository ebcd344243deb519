//! The verdict on one operating point.

use super::goal::Goal;
use super::ground::Ground;
use super::job::Job;
use super::uncertified;
use super::verdict::{Beside, Conclusion, Over, verdict};
use super::{Input, PointCertified, deep, frontier, segments};
use crate::ask::{Ask, BySegment, Target};
use crate::policy::Thresholds;
use tierfall_core::fit::Status;

/// The verdict on a point.
pub(crate) fn certify(job: &Job, input: &Input<'_>, ground: &Ground<'_>, ask: &Ask) -> PointCertified {
    match (job.goal(), job.delta) {
        (Some(goal), Some(delta)) => match (ask.by_segment, &input.segments) {
            (Some(BySegment::Each), Some(by)) => segments::each::certify(job, goal, delta, ground, input, by, ask),
            (Some(BySegment::Overall), Some(by)) => segments::overall::certify(job, goal, delta, ground, input, by, ask),
            _ => over_all(job, goal, delta, ground, input, ask),
        },
        _ => unpromised(job, ground),
    }
}

/// Without segments: pairs, and deeper chains where they are asked for.
fn over_all(job: &Job, goal: Goal, delta: f64, ground: &Ground<'_>, input: &Input<'_>, ask: &Ask) -> PointCertified {
    // Half each: which of the two is cheaper is then a choice among what is certified.
    let wide = deep::wanted(ground.table, ask);
    let share = if wide { 0.5 * delta } else { delta };
    let test = ground.test(goal);
    let pairs = ground.pairs(&test, share);
    let beside = if wide { deep::certified(input, &test, share, ask) } else { Beside::default() };
    let over = Over { delta, part: delta, scope: "", wide };
    let mut point = job.decided(verdict(ground, &test, &pairs, &beside, over));
    point.pair_cuts = ground.cuts(&pairs);
    point.frontier = frontier::cuts(ground, Some(&pairs));
    point
}

/// What is best on the rows, named as that.
fn unpromised(job: &Job, ground: &Ground<'_>) -> PointCertified {
    let table = ground.table;
    let last = Thresholds::always(table.last());
    let open = |policy, why: String| Conclusion::open(Status::Uncertified, policy, why);
    let verdict = match uncertified::best(table, job.target) {
        None => open(last, "the cost of some tier is unknown, so no limit on cost can be kept".into()),
        Some((policy, true)) => {
            let promised = match job.target {
                Target::MaxCost(_) => "costs are not bounded, so nothing is promised",
                _ => "no guarantee was asked for",
            };
            open(policy, format!("the best on these rows; {promised}"))
        }
        Some((policy, false)) => {
            let attainable = Some(uncertified::reached(table, job.target, &policy));
            let why = "no policy meets the target on these rows; the nearest to it is in force";
            Conclusion { attainable, ..open(policy, why.into()) }
        }
    };
    let mut point = job.decided(verdict);
    point.pair_cuts = uncertified::cuts(table, &point.policy);
    point.frontier = frontier::cuts(ground, None);
    point
}

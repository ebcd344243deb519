//! The target over all segments together: a path that takes the steps of all segments in the order of what quality they give
//! up for a unit of cost, laid on one part of the rows and tested along itself on the other.

use super::{Groups, gated, sizes};
use crate::ask::Ask;
use crate::certify::deep::{STEPS, TUNE};
use crate::certify::goal::Goal;
use crate::certify::ground::Ground;
use crate::certify::job::Job;
use crate::certify::path::{self, Path};
use crate::certify::statement::Promise;
use crate::certify::verdict::{Conclusion, Over, by_chance, refused, short};
use crate::certify::{Input, PointCertified, SegmentCertified, Segments, frontier, rows, uncertified};
use crate::policy::Thresholds;
use crate::sweep::pair::PairSweep;
use crate::table::Table;

/// The fewest tuning rows on which a segment gets cuts of its own.
const LEAST: u64 = 30;
/// Cuts of a pair that a segment's steps are chosen from.
const CUTS: usize = 64;

/// A policy of one group, and what it saves and loses on the tuning rows against always asking the last tier.
#[derive(Clone, Debug)]
struct Step {
    saving: f64,
    loss: f64,
    policy: Thresholds,
}

/// The lower hull of a group's (saving, loss) from (0, 0) on: steps whose price in quality rises.
fn hull(table: &Table<'_>) -> Vec<Step> {
    let mut all = Vec::new();
    let last = Thresholds::always(table.last()).tally(table);
    for tier in 0..table.last() {
        let sweep = PairSweep::new(table, tier, table.last());
        let every = sweep.positions().div_ceil(CUTS);
        for sums in sweep.walk().skip(1).filter(|sums| sums.at % every == 0 || sums.at + 1 == sweep.positions()) {
            let saving = last.cost.unwrap_or(0) as f64 - sums.cost.unwrap_or(0) as f64;
            if saving > 0.0 {
                all.push(Step { saving, loss: last.quality as f64 - sums.quality as f64, policy: sweep.policy(sums.at) });
            }
        }
    }
    all.sort_by(|a, b| a.saving.total_cmp(&b.saving).then(a.loss.total_cmp(&b.loss)));
    let mut hull: Vec<Step> = Vec::new();
    let corner = |at: Option<&Step>| at.map_or((0.0, 0.0), |step| (step.saving, step.loss));
    for step in all {
        loop {
            let (middle, before) = (corner(hull.last()), corner(hull.len().checked_sub(2).map(|at| &hull[at])));
            let turn = (middle.0 - before.0) * (step.loss - before.1) - (middle.1 - before.1) * (step.saving - before.0);
            if hull.is_empty() || turn > 0.0 {
                break;
            }
            hull.pop();
        }
        if step.saving > corner(hull.last()).0 {
            hull.push(step);
        }
    }
    hull
}

/// From always asking the last tier on, one step of one group at a time, the cheapest in quality first.
fn lay(tune: &Table<'_>, groups: &Groups, segments: &[Option<u32>]) -> Vec<Vec<Thresholds>> {
    let tune = tune.borrowed().priced();
    let rows_of = groups.rows(segments);
    let mut steps: Vec<(f64, usize, Step)> = Vec::new();
    for (group, rows_in) in rows_of.iter().enumerate() {
        let mut before = (0.0, 0.0);
        for step in hull(&rows::part(&tune, rows_in)) {
            let price = (step.loss - before.1) / (step.saving - before.0);
            before = (step.saving, step.loss);
            steps.push((price, group, step));
        }
    }
    // Stable: within a group prices rise already.
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut now = vec![Thresholds::always(tune.last()); rows_of.len()];
    let mut path = vec![now.clone()];
    for (_, group, step) in steps {
        now[group] = step.policy;
        path.push(now.clone());
    }
    path
}

/// The verdict on all, and every group's policy.
pub(crate) fn certify(
    job: &Job,
    goal: Goal,
    delta: f64,
    ground: &Ground<'_>,
    input: &Input<'_>,
    by: &Segments<'_>,
    ask: &Ask,
) -> PointCertified {
    let carved;
    let (input, by) = if input.tune.is_some() && !by.tune.is_empty() {
        (input, by)
    } else {
        carved = rows::carve(input, TUNE, ask.seed);
        (&carved, carved.segments.as_ref().unwrap_or(by))
    };
    let table = &input.certify;
    let tune = input.tune.as_ref().unwrap_or(table);
    let sizes = sizes(by.names.len(), &by.tune);
    let groups = Groups::new(&by.names, |ix| sizes[ix as usize] >= LEAST);
    let whole = lay(tune, &groups, &by.tune);
    let group: Vec<usize> = by.certify.iter().map(|segment| groups.of(*segment)).collect();
    let places = crate::sweep::frontier::thin(&whole, STEPS);
    let path = Path { table, group: Some(group), places, goal };

    let bare = Ground::bare(table, &input.labels, ask);
    let test = bare.test(goal);
    let (level, slow) = bare.shares(delta);
    let certified = path::certified(&test, &path, level, (bare.latency, bare.slow.as_ref(), slow));
    let price = |at: &usize| bare.prices.of_rows(|row| path.asked(*at, row));
    let best = certified.clone().map(|at| (price(&at), at)).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, at)| at);
    // Asking the last tier alone in every segment is no more than the fallback.
    let best = best.filter(|at| !path.free(*at) || path.len() == 1);
    let last = Thresholds::always(table.last());
    let verdict = if let Some(at) = best {
        let evidence = test.of(|row| path.answers(at, row));
        let promise = Promise {
            test: &test,
            labels: &input.labels,
            asked: &gated(&path.places[at]),
            delta,
            bound: test.bound(&evidence, level),
            latency: bare.latency,
            scope: " over all segments together",
            each_segment: false,
            seed: bare.seed,
            by_construction: false,
        };
        let why = format!(
            "step {at} of {} on the path over segments is the cheapest certified one: {}, where {} is allowed",
            path.len(),
            by_chance(test.p(&evidence, level), test.kind),
            short(level)
        );
        Conclusion::certified(path.places[at].last().cloned().unwrap_or(last), &promise, why)
    } else {
        let test = ground.test(goal);
        let pairs = ground.pairs(&test, delta);
        refused(ground, &test, &pairs, Over { delta, part: delta, scope: "", wide: true })
    };
    let status = verdict.status;
    let rows_of = groups.rows(&by.certify);
    let mut point = job.decided(verdict);
    point.pair_cuts = uncertified::cuts(table, &point.policy);
    for (at, rows_in) in rows_of.iter().enumerate() {
        let rest = at == groups.alone.len();
        if rest && rows_in.is_empty() && groups.pooled.is_empty() {
            continue;
        }
        let policy = best.map_or_else(|| Thresholds::always(table.last()), |place| path.places[place][at].clone());
        point.segments.push(SegmentCertified {
            name: groups.name(&by.names, at),
            status,
            n: rows_in.len() as u64,
            pooled: if rest { groups.pooled.clone() } else { Vec::new() },
            guarantee: None,
            pair_cuts: uncertified::cuts(table, &policy),
            policy,
        });
    }
    point.frontier = frontier::cuts(ground, None);
    point
}

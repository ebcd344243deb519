//! The target in every segment by itself: each walks its pairs at an equal share of the error.

use super::{Groups, REST, gated, shortened, sizes};
use crate::ask::Ask;
use crate::certify::goal::Goal;
use crate::certify::ground::Ground;
use crate::certify::job::Job;
use crate::certify::ppi::LEAST_HUMANS;
use crate::certify::statement::Promise;
use crate::certify::verdict::{Beside, Conclusion, Over, verdict};
use crate::certify::{Input, Labels, PointCertified, SegmentCertified, Segments, frontier, rows};
use crate::policy::Thresholds;
use crate::stat::plan;
use tierfall_core::fit::Status;
use tierfall_core::text::few;

/// As many segments stand alone as have enough rows at the share that this leaves each; which have is seen without any label.
fn groups(goal: Goal, delta: f64, ground: &Ground<'_>, by: &Segments<'_>) -> Groups {
    let sizes = sizes(by.names.len(), &by.certify);
    let mut descending = sizes.clone();
    descending.sort_unstable_by(|a, b| b.cmp(a));
    let (target, _) = ground.shares(delta);
    let floor = |parts: usize| {
        // With no loss at all fewer rows than this certify nothing.
        let level = target / (parts * ground.table.last().max(1)) as f64;
        plan::zero_loss_floor(goal.limit(), level).unwrap_or(u64::MAX)
    };
    let alone = (1..=descending.len()).rev().find(|n| descending[n - 1] >= floor(n + 1)).unwrap_or(0);
    let least = alone.checked_sub(1).map_or(u64::MAX, |at| descending[at]);
    // Equal sizes stand or fall together, unless the share would not do for all of them.
    let fits = sizes.iter().filter(|size| **size >= least).count();
    let least = if least < u64::MAX && fits > alone { least + 1 } else { least };
    Groups::new(&by.names, |ix| sizes[ix as usize] >= least)
}

/// Every group's verdict, and that on all.
pub(crate) fn certify(
    job: &Job,
    goal: Goal,
    delta: f64,
    ground: &Ground<'_>,
    input: &Input<'_>,
    by: &Segments<'_>,
    ask: &Ask,
) -> PointCertified {
    let groups = groups(goal, delta, ground, by);
    let rows_of = groups.rows(&by.certify);
    let judged = relative(input, &rows_of);
    let mut all;
    let ground = if let Some(labels) = &judged {
        all = ground.clone();
        all.labels = labels;
        &all
    } else {
        ground
    };
    let parts = rows_of.iter().filter(|rows| !rows.is_empty()).count().max(1);
    let share = delta / parts as f64;
    let mut segments = Vec::new();
    let mut rest = None;
    for (group, rows_in) in rows_of.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
        let table = rows::part(&input.certify, rows_in);
        let labels = rows::labels(judged.as_ref().unwrap_or(&input.labels), rows_in);
        let inside = Ground::new(&table, &labels, input.tune.as_ref(), ask);
        let test = inside.test(goal);
        let pairs = inside.pairs(&test, share);
        let name = groups.name(&by.names, group);
        let is_rest = group == groups.alone.len();
        let scope = if is_rest { " in the pooled segments".to_owned() } else { format!(" in segment \"{name}\"") };
        let over = Over { delta: share, part: share, scope: &scope, wide: false };
        let found = verdict(&inside, &test, &pairs, &Beside::default(), over);
        if is_rest {
            rest = Some((found.policy.clone(), inside.cuts(&pairs)));
        }
        segments.push((
            SegmentCertified {
                name,
                policy: found.policy.clone(),
                status: found.status,
                n: table.len() as u64,
                pooled: if is_rest { groups.pooled.clone() } else { Vec::new() },
                guarantee: found.guarantee.clone(),
                pair_cuts: inside.cuts(&pairs),
            },
            found,
        ));
    }
    // Of segments that are not listed nothing is known beyond what the rest shows.
    let nothing = || (Thresholds::always(ground.table.last()), vec![None; ground.table.last()]);
    let (policy, pair_cuts) = rest.unwrap_or_else(nothing);
    let mut point = job.decided(Conclusion { policy, ..over_all(goal, delta, ground, &segments, by) });
    point.pair_cuts = pair_cuts;
    point.segments = segments.into_iter().map(|(segment, _)| segment).collect();
    point.frontier = frontier::cuts(ground, None);
    point
}

/// The judge's labels alone, where people graded too few rows of some group: one promise is about one truth.
fn relative(input: &Input<'_>, rows_of: &[Vec<u32>]) -> Option<Labels<'static>> {
    let Labels::Ppi { judge, human } = &input.labels else { return None };
    let graded = |rows: &Vec<u32>| rows.iter().filter(|row| human.iter().all(|tier| tier[**row as usize].is_some())).count();
    let few = rows_of.iter().any(|rows| !rows.is_empty() && graded(rows) < LEAST_HUMANS);
    few.then(|| Labels::Judge { name: judge.clone() })
}

/// Where the promise holds: in segments by themselves, and in what is pooled only taken together.
fn everywhere(segments: &[(SegmentCertified, Conclusion)], by: &Segments<'_>) -> String {
    let (rest, alone): (Vec<&SegmentCertified>, Vec<_>) =
        segments.iter().map(|(segment, _)| segment).partition(|s| s.name == REST);
    let [rest] = rest.as_slice() else { return " in every segment by itself".to_owned() };
    let names = match by.certify.iter().filter(|segment| segment.is_none()).count() {
        0 => shortened(&rest.pooled),
        _ if rest.pooled.is_empty() => "requests without a segment".to_owned(),
        without => format!("{}, and {without} of its {} fixtures without a segment", shortened(&rest.pooled), rest.n),
    };
    let together = format!("in the rest taken together ({names}), of no part of which it says anything by itself");
    if alone.is_empty() {
        return format!(" {together}");
    }
    let alone: Vec<&str> = alone.iter().map(|segment| &*segment.name).collect();
    format!(" in each of these segments by itself: {}; and {together}", shortened(&alone))
}

/// What holds in every segment at once.
fn over_all(
    goal: Goal,
    delta: f64,
    ground: &Ground<'_>,
    segments: &[(SegmentCertified, Conclusion)],
    by: &Segments<'_>,
) -> Conclusion {
    let count = |status: Status| segments.iter().filter(|(segment, _)| segment.status == status).count();
    let certified = count(Status::Certified);
    // In terms of loss a segment that certifies nothing keeps the target by always asking the last tier, but no latency limit.
    let status = match goal {
        Goal::Loss(_) if certified > 0 && ground.latency.is_none() => Status::Certified,
        _ if certified == segments.len() && certified > 0 => Status::Certified,
        Goal::Accuracy(_) if count(Status::Infeasible) > 0 => Status::Infeasible,
        _ => Status::Inconclusive,
    };
    let names = |status: Status| {
        let names = segments.iter().filter(|(segment, _)| segment.status == status).map(|(segment, _)| &*segment.name);
        few(&names.collect::<Vec<_>>())
    };
    let of = |status: Status, text: &str| {
        let names = names(status);
        if names.is_empty() { String::new() } else { format!("{text} {names}") }
    };
    let why: Vec<String> = [
        of(Status::Certified, "certified in"),
        of(Status::Inconclusive, "inconclusive in"),
        of(Status::Infeasible, "infeasible in"),
    ]
    .into_iter()
    .filter(|part| !part.is_empty())
    .collect();
    let verdicts = || segments.iter().map(|(_, verdict)| verdict);
    let bounds = verdicts().filter_map(|verdict| verdict.guarantee.as_ref()).map(|guarantee| guarantee.bound);
    let bound = match goal {
        Goal::Accuracy(_) => bounds.fold(1.0, f64::min),
        Goal::Loss(_) => bounds.fold(0.0, f64::max),
    };
    let (test, last) = (ground.test(goal), Thresholds::always(ground.table.last()));
    let promise = Promise {
        test: &test,
        labels: ground.labels,
        asked: &gated(segments.iter().map(|(segment, _)| &segment.policy)),
        delta,
        bound,
        latency: ground.latency,
        scope: &everywhere(segments, by),
        each_segment: true,
        seed: ground.seed,
        by_construction: matches!(goal, Goal::Loss(_)) && segments.iter().all(|(segment, _)| segment.policy == last),
    };
    let guarantee = (status == Status::Certified).then(|| promise.guarantee());
    Conclusion {
        status,
        policy: last,
        guarantee,
        // Every segment needs its own: the shares that segments have of all rows are kept.
        needed_n: (status == Status::Inconclusive)
            .then(|| {
                let scaled = |(segment, verdict): &(SegmentCertified, Conclusion)| {
                    let needed = verdict.needed_n?;
                    (segment.n > 0).then(|| needed.times(ground.table.len() as f64 / segment.n as f64))
                };
                let each = segments.iter().filter_map(scaled);
                match goal {
                    Goal::Loss(_) => each.min_by_key(|needed| needed.from),
                    Goal::Accuracy(_) => each.max_by_key(|needed| needed.from),
                }
            })
            .flatten(),
        attainable: (status == Status::Infeasible)
            .then(|| verdicts().filter_map(|verdict| verdict.attainable).min_by(f64::total_cmp))
            .flatten(),
        why: test.unproven.clone().unwrap_or_else(|| why.join("; ")),
    }
}

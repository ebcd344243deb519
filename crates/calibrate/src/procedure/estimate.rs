//! What to expect on new data: the whole procedure is repeated without a part of the rows, and judged on that part.

use std::borrow::Cow;

use rayon::prelude::*;

use crate::ask::{Ask, SignalChoice};
use crate::certify::LEAST_HUMANS;
use crate::evaluate::{Cuts, Played, Readings, chain_of};
use crate::report::Expected;
use crate::view::{Held, View};
use tierfall_core::fit::Status;

use super::FitError;
use super::once::{Once, once};
use super::signals::{Picked, next_of, table};

/// What the folds showed, over all rows.
pub(super) struct Folded<'a> {
    /// What each operating point does, every row by cuts that were fitted without it.
    pub played: Vec<Played<'a>>,
    /// What each gated tier read, in the order of the rows of `played[0]`.
    pub readings: Vec<Readings>,
    /// How many folds there were.
    pub folds: usize,
    /// Of each point: the folds in which it was certified.
    pub certified: Vec<usize>,
}

/// Items from which folds are made one after the other.
const MANY: usize = 100_000;

/// How many folds: as many as it takes to lose little of a small table, few where rows are plenty and only cost time.
pub(crate) fn folds_for(items: usize) -> usize {
    match items {
        0..2_000 => 10,
        2_000..MANY => 5,
        _ => 2,
    }
}

/// Repeats the procedure by folds of items. `split` is that of the whole table, so that each fold does what was done; `in_force` are the
/// tiers that it has in force, by which each tier's next one is known.
pub(super) fn folded<'a>(
    view: &View<'a>,
    items: usize,
    ask: &Ask,
    split: bool,
    in_force: &[usize],
    done: &(dyn Fn(usize, usize) + Sync),
) -> Result<Folded<'a>, FitError> {
    let folds = folds_for(items).min(items.max(2));
    let counter = std::sync::atomic::AtomicUsize::new(0);
    let one = |(train, held): (View<'a>, Held<'a>)| {
        let part = part(&train, &held, ask, split, in_force);
        done(counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, folds);
        part
    };
    let all = view.folds(folds, ask.seed ^ 0xe571);
    // Many rows keep all cores busy in each fold, and its columns are the memory that counts.
    let parts: Vec<Option<Folded<'a>>> = if items < MANY {
        all.into_par_iter().map(one).collect::<Result<_, _>>()?
    } else {
        all.into_iter().map(one).collect::<Result<_, _>>()?
    };
    let all = parts.into_iter().flatten().reduce(|mut all, part| {
        all.played.iter_mut().zip(part.played).for_each(|(all, part)| all.append(part));
        all.readings.iter_mut().zip(part.readings).for_each(|(all, part)| all.append(part));
        all.certified.iter_mut().zip(part.certified).for_each(|(all, part)| *all += part);
        all
    });
    all.map(|all| Folded { folds, ..all }).ok_or(FitError::Empty)
}

/// One fold; `None` where it holds no row out.
fn part<'a>(
    train: &View<'_>,
    held: &Held<'a>,
    ask: &Ask,
    split: bool,
    in_force: &[usize],
) -> Result<Option<Folded<'a>>, FitError> {
    if held.is_empty() || train.is_empty() {
        return Ok(None);
    }
    // The rows that certified are dropped before those that are held out are put together.
    let Once { gates, maps, certification, cuts, .. } = once(&train.one_per_item(), ask, split)?;
    let rows = held.view();
    let table = table(rows, &gates)?;
    let played = cuts.iter().map(|cuts| Played::new(rows, &table, cuts)).collect();
    let certified = certification.points.iter().map(|point| usize::from(point.status == Status::Certified)).collect();
    let each = maps.iter().zip(&ask.signals).enumerate();
    let readings = each.map(|(tier, (map, choice))| {
        let readings = Readings::new(&table, tier, next_of(in_force, tier, table.last()), map.as_ref());
        // A named signal reads the same in every fold; one that is picked or fused is another in each.
        if matches!(choice, SignalChoice::Fixed(_)) { readings } else { readings.placed() }
    });
    Ok(Some(Folded { played, readings: readings.collect(), folds: 1, certified }))
}

/// What to expect of an operating point; `by_judge` is whether its promise is relative to a judge. Where always-last is in force, nothing was fitted and all rows may speak for it.
pub(super) fn expected(
    view: &View<'_>,
    folded: &Folded<'_>,
    at: usize,
    cuts: &Cuts,
    gates: &[Picked],
    by_judge: bool,
) -> Result<Expected, FitError> {
    let last = gates.len();
    let fallback = std::iter::once(&cuts.overall).chain(cuts.segments.values()).all(|cuts| chain_of(cuts) == [last]);
    if fallback {
        let played = Played::new(view, &table(view, gates)?, cuts);
        return Ok(of(view, &played, cuts, by_judge, "all rows: no threshold is in force".into()));
    }
    let method = format!("{}-fold: the whole procedure refitted a fold", folded.folds);
    Ok(of(view, &folded.played[at], cuts, by_judge, method))
}

fn of(view: &View<'_>, played: &Played<'_>, cuts: &Cuts, by_judge: bool, method: String) -> Expected {
    let last = cuts.overall.len();
    let sample = played.sample(view);
    // About people's grades where there are enough of them, unless what is promised is about the judge's.
    let judged = view.observations().weights().is_none() && view.observations().tiers().any(|spec| spec.judge.is_some());
    let people = Some(played).filter(|_| judged && !by_judge).map(Played::by_people).filter(|part| part.len() >= LEAST_HUMANS);
    let (graded, of_graded) = people.as_ref().map_or_else(|| (played, sample.clone()), |part| (part, part.sample(view)));
    let method = match &people {
        Some(part) => format!("{method}; right by people, on the {} rows that they graded", part.len()),
        None => method,
    };
    // Of the chain that the report names, which is that of the requests whose segment has none of its own.
    let chain = chain_of(&cuts.overall);
    let listed = |at: usize| {
        let segment = view.observations().segment(played.row[at] as usize);
        segment.is_some_and(|name| cuts.segments.contains_key(&**name))
    };
    let (unlisted, of_unlisted) = if cuts.segments.is_empty() {
        (Cow::Borrowed(played), sample.clone())
    } else {
        let part = played.filter(|at| !listed(at));
        let sample = part.sample(view);
        (Cow::Owned(part), sample)
    };
    Expected {
        method,
        accuracy: Some(of_graded.quality(|at| graded.quality(at))),
        loss_vs_last: Some(if view.observations().is_as_graded() {
            graded.loss(&of_graded, last)
        } else {
            graded.loss_by_differences(&of_graded, last)
        }),
        cost_usd: played.cost_usd(&sample),
        cost_last: played.cost_last_usd(&sample),
        cost_ratio: played.cost_ratio(&sample),
        coverage: chain.iter().take(chain.len() - 1).map(|tier| unlisted.coverage(&of_unlisted, *tier)).collect(),
    }
}

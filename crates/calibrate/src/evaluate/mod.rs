//! How a fit, or cuts written by hand, does on rows that no fit has seen.

mod baselines;
mod error;
mod matched;
mod play;
mod promise;
mod sample;
mod segments;
mod tiers;
mod warnings;

use tierfall_core::fusion::GateValue;

use crate::report::{Evaluation, Latency};
use crate::table::Table;
use crate::view::Held;
use tierfall_core::fit::{Fit, Guarantee, Point, TargetFit, TierFit};

pub(crate) use baselines::baselines;
pub use error::EvaluateError;
use matched::Matched;
pub use play::Cuts;
pub(crate) use play::{MOST_TIERS, Played, chain_of, loss_of};
pub(crate) use sample::{CONFIDENCE, WeightedItems, finite, indicator, share_of};
pub(crate) use tiers::Readings;

/// How a fit does at one of its operating points (the first where none is named). The fit's tiers are found by name: tiers that are
/// not in force may be missing from the observations, and those that the fit does not know are never asked.
pub fn evaluate(held: &Held<'_>, fit: &Fit, point: Option<&str>, n_excluded: u64) -> Result<Evaluation, EvaluateError> {
    let chosen = chosen(fit, point)?;
    let promise = chosen.guarantee.as_ref().map(|guarantee| (guarantee, chosen.target));
    let mut evaluation = judge(held, &fit.tier, &Cuts::from(chosen), &chosen.name, promise, n_excluded)?;
    let (_, overlap) = Held::overlapping(held.view().clone(), &fit.provenance.seen);
    if overlap > 0 {
        evaluation.warnings.insert(
            0,
            format!("{overlap} of {} rows are among those that the fit was made on: what is said here is too good", held.len()),
        );
    }
    Ok(evaluation)
}

/// A fit's operating point of this name, or its first one.
pub(crate) fn chosen<'f>(fit: &'f Fit, point: Option<&str>) -> Result<&'f Point, EvaluateError> {
    let found = match point {
        None => fit.point.first(),
        Some(name) => fit.point.iter().find(|known| known.name == name),
    };
    found.ok_or_else(|| {
        let known: Vec<&str> = fit.point.iter().map(|known| known.name.as_str()).collect();
        EvaluateError::NoPoint { asked: point.unwrap_or("default").to_owned(), known: known.join(", ") }
    })
}

/// What cuts over the tiers of a fit do to rows, the table they were played on, and what applies to each of its tiers.
pub(crate) fn play<'a, 'f>(
    held: &Held<'a>,
    tiers: &'f [TierFit],
    cuts: &Cuts,
) -> Result<(Played<'a>, Table<'a>, Matched<'f>), EvaluateError> {
    let view = held.view();
    if view.is_empty() {
        return Err(EvaluateError::Empty);
    }
    view.observations().all_graded()?;
    let matched = Matched::new(view, tiers, cuts)?;
    let gates: Vec<Option<&GateValue>> = matched.tiers.iter().map(|tier| tier.and_then(|tier| tier.gate.as_ref())).collect();
    let table = Table::partly_gated(view, &gates)?;
    Ok((Played::new(view, &table, &matched.cuts), table, matched))
}

/// How cuts that no fit chose do; `tiers` name the declared chain and its gates.
pub fn evaluate_policy(held: &Held<'_>, tiers: &[TierFit], cuts: &Cuts, n_excluded: u64) -> Result<Evaluation, EvaluateError> {
    judge(held, tiers, cuts, "by hand", None, n_excluded)
}

fn judge(
    held: &Held<'_>,
    tiers: &[TierFit],
    cuts: &Cuts,
    point: &str,
    promise: Option<(&Guarantee, TargetFit)>,
    n_excluded: u64,
) -> Result<Evaluation, EvaluateError> {
    let view = held.view();
    let (played, table, matched) = play(held, tiers, cuts)?;
    let (cuts, last) = (&matched.cuts, table.last());
    let sample = played.sample(view);
    let chain = cuts.chain();
    let name = |tier: &usize| table.tiers[*tier].name.to_string();
    let next = |tier: usize| chain.iter().copied().find(|other| *other > tier).unwrap_or(last);
    let reports = matched.tiers.iter().enumerate().filter_map(|(tier, fit)| {
        let fit = fit.as_ref()?;
        let signal = fit.gate.as_ref()?.to_string();
        let readings = Readings::new(&table, tier, next(tier), fit.map.as_ref());
        Some(readings.report(tier, &fit.name, signal, &played, &sample))
    });
    let (cost_usd, cost_last) = (played.cost_usd(&sample), played.cost_last_usd(&sample));
    let mut evaluation = Evaluation {
        chain: chain.iter().map(name).collect(),
        declared_chain: (0..=last).map(|tier| name(&tier)).collect(),
        point: point.to_owned(),
        n: view.len() as u64,
        n_items: sample.items as u64,
        n_excluded,
        accuracy: sample.quality(|at| played.quality(at)),
        accuracy_last: sample.mean(|at| f64::from(played.quality_last(at)) / 1e9),
        loss_vs_last: played.loss(&sample, last),
        cost_usd,
        cost_last,
        cost_ratio: played.cost_ratio(&sample),
        coverage: chain.iter().take(chain.len() - 1).map(|tier| played.coverage(&sample, *tier)).collect(),
        latency_ms: latency(&played, &sample),
        tiers: reports.collect(),
        baselines: baselines(view, &table, &played),
        segments: segments::segments(view, &played, last),
        conditions: table.conditions(&chain[..chain.len() - 1]).iter().map(ToString::to_string).collect(),
        promise: promise.and_then(|(guarantee, target)| promise::promise(guarantee, target, view, &played, cuts)),
        warnings: Vec::new(),
    };
    evaluation.warnings = warnings::warnings(view, &sample, &evaluation);
    let graded_by_people = view.observations().tiers().all(|spec| spec.judge.is_none());
    if let Some(judge) = promise.and_then(|(guarantee, _)| guarantee.judge.as_ref()).filter(|_| graded_by_people) {
        evaluation.warnings.push(format!(
            "the promise is about what judge \"{judge}\" says, and these rows were graded by others: they say nothing of it"
        ));
    }
    if promise.is_some_and(|(guarantee, _)| guarantee.method.starts_with("ppi")) {
        let graded = played.by_people().len();
        evaluation.warnings.push(if graded == 0 {
            "the promise is about what people say, and they graded none of these rows: they say nothing of it".into()
        } else {
            format!("the promise is about what people say, so it is looked at on the {graded} rows that they graded")
        });
    }
    Ok(evaluation)
}

fn latency(played: &Played<'_>, sample: &WeightedItems) -> Option<Latency> {
    let (mine, last) = (played.latency()?, played.latency_last()?);
    Some(Latency {
        mean: sample.mean(|at| mine(at) as f64 / 1e3),
        p95: sample.quantile(0.95, &mine) as f64 / 1e3,
        mean_last: sample.mean(|at| last(at) as f64 / 1e3),
        p95_last: sample.quantile(0.95, &last) as f64 / 1e3,
    })
}

//! From rows to verdicts: which policies may be promised, at what error, and what is said where none may.
//!
//! Every certificate comes from a test whose size is known and whose whole search is paid for: a fixed-sequence test over
//! every cut of every pair (Learn then Test, arXiv 2110.01052), and over a path laid on other rows for anything deeper.

mod certification;
mod counts;
mod deep;
mod descent;
mod evidence;
mod frontier;
mod goal;
mod ground;
mod input;
mod job;
mod latency;
pub mod ledger;
mod path;
mod point;
mod ppi;
mod price;
pub(crate) mod rows;
#[cfg(test)]
mod sample;
mod segments;
mod statement;
mod test;
#[cfg(test)]
mod tests;
mod uncertified;
mod verdict;
mod walk;

use tierfall_core::money::Money;

pub use self::certification::{BY_CONSTRUCTION, Certification, FrontierCut, PointCertified, SegmentCertified};
pub use self::input::{CertifyError, Input, Labels, Segments};
pub(crate) use self::ppi::LEAST_HUMANS;
pub(crate) use self::segments::{REST, shortened};

use self::ground::Ground;
use self::job::Job;
use self::price::Prices;
use crate::ask::{Ask, BySegment, Target};
use crate::observations::Condition;
use tierfall_core::fit::Status;

/// The verdict on every operating point that is asked for.
pub fn certify(input: &Input<'_>, ask: &Ask) -> Result<Certification, CertifyError> {
    input.check()?;
    let mut warnings = warnings(input, ask);
    let delta = ask.delta.map(|delta| ledger::discount(delta.get(), ask.earlier) / (1 + ask.points.len()) as f64);
    let carved;
    let input = if delta.is_some() && input.tune.is_none() && ground::needs_grid(&input.certify, &input.labels) {
        warnings.push(
            "grades are not all right or wrong, rows have weights or a judge is corrected, and there are many rows: cuts lie at \
             quantiles of a part of them that is set apart"
                .into(),
        );
        // Paths are searched on the rows that are set apart, and want more of them than cuts do.
        let searched = laid_on_rows(input, ask);
        carved = rows::carve(input, if searched { deep::TUNE } else { 1.0 / 16.0 }, ask.seed);
        &carved
    } else {
        input
    };
    let conditioned;
    let input = match unsegmented(input, ask) {
        0 => input,
        rows => {
            conditioned = input.under(&Condition::Unsegmented { rows });
            &conditioned
        }
    };
    let ground = Ground::new(&input.certify, &input.labels, input.tune.as_ref(), ask);
    let default = Job { name: "default".into(), target: ask.target, delta };
    let extra = ask.points.iter().map(|point| Job {
        name: point.name.clone(),
        target: match ask.target {
            Target::Accuracy(_) => Target::Accuracy(point.target),
            Target::MaxLoss(_) => Target::MaxLoss(point.target),
            Target::MaxCost(_) => Target::MaxCost(usd(point.target)),
        },
        delta,
    });
    let points: Vec<PointCertified> =
        std::iter::once(default).chain(extra).map(|job| point::certify(&job, input, &ground, ask)).collect();
    let relative = points.iter().filter_map(|point| point.guarantee.as_ref()).any(|guarantee| guarantee.judge.is_some());
    if let Some(graded) = people_graded(input).filter(|graded| relative && *graded >= LEAST_HUMANS) {
        warnings.push(format!(
            "people graded {graded} rows, but fewer than {LEAST_HUMANS} of some part that is certified by itself, a segment or what a \
             search leaves: what is promised is relative to the judge"
        ));
    }
    Ok(Certification { points, warnings })
}

/// Certifies the same rows under several gate values, each at an equal part of δ, so that whichever is chosen holds at δ, and keeps the cheapest of what is certified,
/// or where nothing is the one that does best on the rows: for where there are too few rows to choose the gate values on some of them. The place of the choice comes first; without
/// any input there is none.
///
/// Refusing a candidate before is free; looking at more than are given here is not.
pub(crate) fn certify_best(inputs: &[Input<'_>], ask: &Ask) -> Result<Option<(usize, Certification)>, CertifyError> {
    let ask = Ask { delta: ask.delta.map(|delta| delta.over(inputs.len())), ..ask.clone() };
    let mut best: Option<((bool, f64, f64), usize, Certification)> = None;
    for (at, input) in inputs.iter().enumerate() {
        let found = certify(&input.on(|basis| basis.rivals = inputs.len() - 1), &ask)?;
        let rank = found.points.first().map_or((true, f64::INFINITY, 0.0), |point| {
            if point.status == Status::Certified {
                return (false, 0.0, Prices::new(&input.certify).of(&point.policy));
            }
            let (short, unwanted) = uncertified::rank_of(&input.certify, ask.target, &point.policy);
            (true, short, unwanted)
        });
        let better = |before: &(bool, f64, f64)| {
            rank.0.cmp(&before.0).then(rank.1.total_cmp(&before.1)).then(rank.2.total_cmp(&before.2)).is_lt()
        };
        if best.as_ref().is_none_or(|(before, _, _)| better(before)) {
            best = Some((rank, at, found));
        }
    }
    Ok(best.map(|(_, at, found)| (at, found)))
}

/// Rows that name no segment, where others do, thresholds depend on it, and a row may have lost its own.
fn unsegmented(input: &Input<'_>, ask: &Ask) -> u64 {
    let of_rows = input.segments.as_ref().filter(|_| ask.by_segment.is_some() && !input.certify.basis.replayed);
    of_rows.map_or(0, |segments| segments.certify.iter().filter(|segment| segment.is_none()).count() as u64)
}

/// Whether policies are searched on some rows and certified on the others.
fn laid_on_rows(input: &Input<'_>, ask: &Ask) -> bool {
    match (ask.by_segment, &input.segments) {
        (Some(by), Some(_)) => by == BySegment::Overall,
        _ => deep::wanted(&input.certify, ask),
    }
}

/// How many rows people graded at every tier, where a judge graded all.
fn people_graded(input: &Input<'_>) -> Option<usize> {
    let Labels::Ppi { human, .. } = &input.labels else { return None };
    if input.certify.weights.is_some() {
        return None;
    }
    Some((0..input.certify.len()).filter(|row| human.iter().all(|tier| tier[*row].is_some())).count())
}

fn usd(usd: f64) -> Money {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; nothing costs less than nothing")]
    Money::from_pico((usd.max(0.0) * 1e12).round() as u128)
}

fn warnings(input: &Input<'_>, ask: &Ask) -> Vec<String> {
    let mut warnings = Vec::new();
    let table = &input.certify;
    if ask.delta.is_some()
        && let Labels::Ppi { judge, .. } = &input.labels
    {
        let graded = people_graded(input).unwrap_or(0);
        if table.weights.is_some() {
            warnings.push(format!(
                "rows have weights, so people's grades are not used: what is promised is relative to judge \"{judge}\""
            ));
        } else if graded < LEAST_HUMANS {
            warnings.push(format!(
                "people graded {graded} rows at every tier and {LEAST_HUMANS} are needed to say anything of the truth: what is \
                 promised is relative to judge \"{judge}\""
            ));
        }
    }
    if ask.latency.is_some() && ask.delta.is_some() && table.tiers.iter().any(|tier| tier.latency.is_none()) {
        warnings.push("the latency of some tier is not known in every row, so no limit on it can be certified".into());
    }
    if !table.costs_known() {
        warnings.push("some cost is not known: of certified policies the one that asks the last tier least is taken".into());
    }
    if ask.promises() && laid_on_rows(input, ask) {
        let what = if ask.by_segment.is_some() { "thresholds by segment" } else { "chains of more than two tiers" };
        warnings.push(if input.tune.is_some() {
            format!("{what} are searched on the rows that gate values were chosen on, and certified on the others")
        } else {
            format!("{what} are searched on 40 in 100 of the rows and certified on the others, so it is those that count")
        });
    }
    if ask.by_segment.is_some() && ask.max_depth > 1 && ask.delta.is_some() {
        warnings.push("thresholds by segment are searched over pairs of tiers alone".into());
    }
    if ask.by_segment.is_some() && !ask.promises() {
        warnings.push("thresholds by segment are only searched with a promise to keep: one threshold is used for all".into());
    }
    if ask.earlier > 0
        && let Some(delta) = ask.delta
    {
        warnings.push(format!(
            "{} made on these rows before, so this one may spend {} of the {} that were asked for",
            if ask.earlier == 1 { "a certificate was".to_owned() } else { format!("{} certificates were", ask.earlier) },
            statement::number(ledger::discount(delta.get(), ask.earlier)),
            statement::number(delta.get())
        ));
    }
    warnings
}

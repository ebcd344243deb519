//! The verdicts on a comparison with the baseline.

use std::sync::Arc;

use super::cost::{Cost, Known};
use super::family::{Adjusted, Family};
use super::latency::{self, Latency};
use super::quality::Quality;
use super::words::{by_chance, examples, percent, plain, points};
use super::{Check, Moved, Pair, Rules, Unit, Verdict};

/// Judges examples that were played under a baseline and now: quality overall and by segment, cost, and latency where it was
/// measured. The names of the segments are those that [`Pair::segment`] counts through; a single segment is all there is, and
/// gets no check of its own.
///
/// A check fails where its p-value, adjusted over all of them, is at most [`Rules::level`] (and, for cost, the rise is above
/// [`Rules::cost_rise`]); it passes where worse by the margin is ruled out at [`Rules::margin_level`]. Where quality fails, cost
/// and latency are shown, nothing is concluded from them, and they decide nothing; likewise latency where cost fails.
pub fn judge(pairs: &[Pair], segments: &[Arc<str>], rules: &Rules) -> Vec<Check> {
    let all: Vec<&Pair> = pairs.iter().collect();
    let overall = Quality::of(&all, rules);
    let mut parts: Vec<Vec<&Pair>> = vec![Vec::new(); segments.len()];
    for pair in pairs {
        if let Some(part) = parts.get_mut(pair.segment as usize) {
            part.push(pair);
        }
    }
    let mut named: Vec<(&Arc<str>, Vec<&Pair>)> = segments.iter().zip(parts).filter(|(_, part)| !part.is_empty()).collect();
    if named.len() < 2 {
        named.clear();
    }
    let named: Vec<(&Arc<str>, Quality)> = named.into_iter().map(|(name, part)| (name, Quality::of(&part, rules))).collect();
    let (cost, latency) = (Cost::of(&all, rules), Latency::of(&all, rules));
    let family = Family {
        quality: overall.test,
        segments: named.iter().map(|(_, quality)| quality.in_segment).collect(),
        cost: match &cost {
            Cost::Known(known) => Some(known.test),
            Cost::Unknown { .. } => None,
        },
        latency: latency.as_ref().map(|latency| latency.test),
    };
    let shared = family.share(rules.own_level()).of_a_share(rules.share);
    let mut checks = vec![quality_check(&overall, None, shared.quality, rules)];
    for ((name, quality), adjusted) in named.iter().zip(&shared.segments) {
        checks.push(quality_check(quality, Some(name), *adjusted, rules));
    }
    let mut worse = checks.iter().any(|check| check.verdict == Verdict::Fail).then_some("quality");
    if !pairs.is_empty() {
        checks.push(cost_check(&cost, pairs.len() as u64, shared.cost, worse, rules));
    }
    if let (Some(latency), Some(adjusted)) = (&latency, shared.latency) {
        if worse.is_none() && checks.last().is_some_and(|check| check.verdict == Verdict::Fail) {
            worse = Some("cost");
        }
        checks.push(latency_check(latency, adjusted, worse, rules));
    }
    checks
}

/// What would have been found, in words.
fn found(what: &str, power: f64) -> String {
    format!("{what} would have been found with probability {}", plain(power))
}

fn quality_check(quality: &Quality, segment: Option<&Arc<str>>, adjusted: Adjusted, rules: &Rules) -> Check {
    let mde = quality.detectable(adjusted.level, rules.power);
    let verdict = if adjusted.p <= rules.level {
        Verdict::Fail
    } else if quality.non_inferior(rules.margin, rules.margin_level, rules.seed) {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    };
    let seen = moved(quality);
    let mde_words = if mde < 1.0 {
        found(&format!("a loss above {}", points(mde)), rules.power)
    } else {
        found("of so few examples no loss", rules.power)
    };
    let why = match verdict {
        _ if quality.n == 0 => "no example was played under both".to_owned(),
        Verdict::Fail => by_chance(&seen, adjusted.p),
        Verdict::Pass => format!("{seen}: a loss of {} is ruled out; {mde_words}", points(rules.margin)),
        Verdict::Inconclusive => {
            format!("{}, and a loss of {} is not ruled out; {mde_words}", by_chance(&seen, adjusted.p), points(rules.margin))
        }
    };
    Check {
        segment: segment.map(ToString::to_string),
        value: quality.value,
        baseline: quality.baseline,
        moved: Some(Moved { lost: quality.lost, gained: quality.gained }),
        p: Some(adjusted.p),
        interval: quality.interval,
        mde: (verdict != Verdict::Fail).then_some(mde),
        verdict,
        decides: segment.is_none(),
        why,
        ..Check::of_quality(quality.n)
    }
}

/// `12 examples lost, 3 gained of 842`; graded ones fall and rise; repeats of one item are told.
fn moved(quality: &Quality) -> String {
    let (fell, rose) = if quality.whole { ("lost", "gained") } else { ("fell", "rose") };
    let of = if quality.clusters() as u64 == quality.n {
        quality.n.to_string()
    } else {
        format!("{} in {} groups", quality.n, quality.clusters())
    };
    match (quality.lost, quality.gained) {
        (0, 0) => format!("no grade of {} changed", examples(quality.n)),
        (lost, gained) => format!("{} {fell}, {gained} {rose} of {of}", examples(lost)),
    }
}

/// A check that is shown, and not concluded on, because something before it fails.
fn gated(worse: &str, seen: &str) -> String {
    format!("{seen}; not concluded on, because {worse} fails")
}

fn cost_check(cost: &Cost, n: u64, adjusted: Option<Adjusted>, worse: Option<&str>, rules: &Rules) -> Check {
    let (Cost::Known(cost), Some(adjusted)) = (cost, adjusted) else {
        let (missing, lost) = if let Cost::Unknown { missing, lost } = cost { (*missing, *lost) } else { (0, 0) };
        let mut why = format!("not judged: the cost of {missing} of {} is unknown", examples(n));
        if lost > 0 {
            // Removing a price must not be a way past the gate.
            why = format!("{why}, and the baseline knows that of {lost} of them: declare the prices, or update the baseline");
        }
        return Check { decides: lost > 0 && worse.is_none(), why, ..Check::of_cost(n) };
    };
    let mde = cost.detectable(adjusted.level, rules);
    let verdict = if worse.is_some() {
        Verdict::Inconclusive
    } else if adjusted.p <= rules.level && cost.rise > rules.cost_rise {
        Verdict::Fail
    } else if cost.non_inferior {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    };
    let seen = rose(cost);
    let limit = percent(rules.cost_rise);
    let mde_words =
        mde.map_or_else(String::new, |mde| format!("; {}", found(&format!("a rise above {}", percent(mde)), rules.power)));
    let why = match (worse, verdict) {
        (Some(worse), _) => gated(worse, &by_chance(&seen, adjusted.p)),
        (None, Verdict::Fail) => by_chance(&format!("{seen}, more than {limit}"), adjusted.p),
        (None, Verdict::Pass) => format!("{seen}: a rise of {limit} is ruled out{mde_words}"),
        (None, Verdict::Inconclusive) => {
            format!("{}, and a rise of {limit} is not ruled out{mde_words}", by_chance(&seen, adjusted.p))
        }
    };
    Check {
        value: Some(cost.value),
        baseline: Some(cost.baseline),
        p: Some(adjusted.p),
        interval: cost.interval,
        mde: mde.filter(|_| verdict != Verdict::Fail),
        verdict,
        decides: worse.is_none(),
        why,
        ..Check::of_cost(n)
    }
}

fn rose(cost: &Known) -> String {
    if cost.rise.is_infinite() {
        "what was free costs something".to_owned()
    } else if cost.rise > 0.0 {
        format!("cost rose by {}", percent(cost.rise))
    } else if cost.rise < 0.0 {
        format!("cost fell by {}", percent(-cost.rise))
    } else {
        "cost did not change".to_owned()
    }
}

fn latency_check(latency: &Latency, adjusted: Adjusted, worse: Option<&str>, rules: &Rules) -> Check {
    let mde = latency.detectable(adjusted.level, rules);
    let verdict = if worse.is_some() {
        Verdict::Inconclusive
    } else if adjusted.p <= rules.level {
        Verdict::Fail
    } else if latency.non_inferior {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    };
    let missing = if latency.missing == 0 { String::new() } else { format!(" ({} without a time left out)", latency.missing) };
    let seen = format!(
        "{} of {} took more than {} ms even without the rise of {} that is none, {} under the baseline{missing}",
        percent(latency.slow),
        examples(latency.n),
        plain(latency.long),
        percent(rules.latency_rise),
        percent(latency.slow_before),
    );
    let mde_words = found(&format!("{} more such answers", points(mde)), rules.power);
    let why = match (worse, verdict) {
        (Some(worse), _) => gated(worse, &by_chance(&seen, adjusted.p)),
        (None, Verdict::Fail) => by_chance(&seen, adjusted.p),
        (None, Verdict::Pass) => format!("{seen}: {} more is ruled out; {mde_words}", points(latency::MARGIN)),
        (None, Verdict::Inconclusive) => {
            format!("{}, and {} more is not ruled out; {mde_words}", by_chance(&seen, adjusted.p), points(latency::MARGIN))
        }
    };
    Check {
        value: Some(latency.value),
        baseline: Some(latency.baseline),
        p: Some(adjusted.p),
        verdict,
        decides: worse.is_none(),
        why,
        ..Check::new("latency-vs-baseline", Unit::Ms, latency.n)
    }
}

#[cfg(test)]
mod tests;

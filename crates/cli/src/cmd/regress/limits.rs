//! The limits of an `[[expect]]`, held against what was replayed.

use tierfall::config::Expect;
use tierfall::regress::{Mode, Played, PlayedItem};
use tierfall_calibrate::regress::limits::{self, Sample};
use tierfall_calibrate::regress::{Check, Limit, Side};
use tierfall_calibrate::report::Estimate;

use super::rows;

/// One check a limit, in the order in which limits are documented. What only live runs can say is left to them.
pub(super) fn checks(expect: &Expect, played: &Played) -> Vec<Check> {
    let segment = expect.segment.as_deref();
    let samples = rows::samples(played, segment);
    let items: Vec<&PlayedItem> = rows::graded(played, segment).collect();
    let n = samples.len() as u64;
    let mut checks = Vec::new();
    let mut check = |name: &str, n: u64, bound: Option<f64>, limit_is: Side, estimate: Option<Estimate>| {
        if let Some(limit) = bound {
            checks.push(Check::of_limit(name, segment, n, estimate, Limit { limit, limit_is }, Some(expect.line)));
        }
    };
    let (least, most) = (Side::AtLeast, Side::AtMost);
    check("accuracy", n, expect.accuracy_at_least, least, Some(limits::accuracy(&samples)));
    check("loss-vs-last", n, expect.loss_vs_last_at_most, most, limits::loss(&samples));
    check("cost-ratio", n, expect.cost_ratio_at_most, most, limits::cost_ratio(&samples));
    let (reached, rate) = escalation_rate(&samples, &items);
    check("escalation-rate", reached, expect.escalation_rate_at_least, least, rate);
    check("escalation-rate", reached, expect.escalation_rate_at_most, most, rate);
    for limit in &expect.coverage {
        let (reached, share) = coverage(&samples, &items, played.tiers.iter().position(|name| *name == limit.tier));
        let name = format!("coverage.{}", limit.tier);
        check(&name, reached, limit.at_least, least, share);
        check(&name, reached, limit.at_most, most, share);
    }
    if played.mode == Mode::Live {
        check("latency-p95-ms", n, expect.latency_p95_ms_at_most, most, limits::p95(&samples));
        let (answered, asked) = attempts(played, segment);
        check("availability", asked, expect.availability_at_least, least, Some(limits::rate(answered, asked)));
    }
    checks
}

/// Whether an expectation has limits that a replay says nothing about.
pub(super) fn for_live_alone(expect: &Expect) -> bool {
    expect.latency_p95_ms_at_most.is_some() || expect.availability_at_least.is_some()
}

/// Of those that reached any tier, how many the first one did not answer; and how many reached one.
fn escalation_rate(samples: &[Sample], items: &[&PlayedItem]) -> (u64, Option<Estimate>) {
    let first = |at: usize| items[at].asked_tiers.first();
    let reached = (0..items.len()).filter(|at| first(*at).is_some()).count() as u64;
    let escalates = |at: usize| first(at).is_some_and(|(_, accepted)| !accepted);
    (reached, limits::share(samples, |at| first(at).is_some(), escalates))
}

/// Of those that reached a tier, how many it accepted; and how many reached it.
fn coverage(samples: &[Sample], items: &[&PlayedItem], tier: Option<usize>) -> (u64, Option<Estimate>) {
    let asked = |at: usize| items[at].asked_tiers.iter().find(|(place, _)| Some(*place) == tier);
    let reached = (0..items.len()).filter(|at| asked(*at).is_some()).count() as u64;
    let accepts = |at: usize| asked(at).is_some_and(|(_, accepted)| *accepted);
    (reached, limits::share(samples, |at| asked(at).is_some(), accepts))
}

/// How many attempts were answered, of all: errors of transport are no grade, but they are counted.
fn attempts(played: &Played, segment: Option<&str>) -> (u64, u64) {
    let items = played.items.iter().filter(|item| segment.is_none_or(|wanted| *item.segment == *wanted));
    items.fold((0, 0), |(answered, of), item| {
        (answered + u64::from(item.repeats - item.errors.min(item.repeats)), of + u64::from(item.repeats))
    })
}

//! The limits of an `[[expect]]`, held against what was replayed.

use tierfall::config::{Expect, Loaded};
use tierfall_calibrate::regress::limits::{self, ExampleRun, Missing};
use tierfall_calibrate::regress::{Check, Limit, Side, Unit};
use tierfall_calibrate::report::Estimate;

use super::entry::Mode;
use super::played::{NoLast, Played, PlayedItem};
use super::{missing, rows};

/// One check a limit, in the order in which limits are documented. What only live runs can say is left to them.
pub(super) fn checks(loaded: &Loaded, expect: &Expect, played: &Played) -> Vec<Check> {
    let segment = expect.segment.as_deref();
    let samples = rows::samples(played, segment);
    let items: Vec<&PlayedItem> = rows::graded(played, segment).collect();
    let n = samples.len() as u64;
    let mut checks = Vec::new();
    let mut check = |name: &str, unit: Unit, n: u64, bound: Option<f64>, limit_is: Side, value: Value| {
        if let Some(limit) = bound {
            let value = if items.is_empty() { Err(missing::examples()) } else { value };
            checks.push(Check::of_limit((name, unit), segment, n, value, Limit { limit, limit_is }, Some(expect.line)));
        }
    };
    let (least, most) = (Side::AtLeast, Side::AtMost);
    check("accuracy", Unit::Share, n, expect.accuracy_at_least, least, Ok(limits::accuracy(&samples)));
    // Where a rule keeps a request from the last tier, always asking that tier is no choice to be held against.
    let comparable = |item: &PlayedItem| item.last != Err(NoLast::NotAllowed);
    let (samples_vs_last, vs_last): (Vec<ExampleRun>, Vec<&PlayedItem>) =
        samples.iter().copied().zip(items.iter().copied()).filter(|(_, item)| comparable(item)).unzip();
    let against = |value: Option<Estimate>, why: &dyn Fn() -> Missing| {
        if vs_last.is_empty() { Err(missing::last_is_kept(loaded)) } else { value.ok_or_else(why) }
    };
    let n_vs_last = vs_last.len() as u64;
    let loss = against(limits::loss(&samples_vs_last), &|| missing::last_answers(loaded, played.mode, &vs_last));
    check("loss-vs-last", Unit::Points, n_vs_last, expect.loss_vs_last_at_most, most, loss);
    let ratio = against(limits::cost_ratio(&samples_vs_last), &|| missing::costs(loaded, played.mode, &vs_last));
    check("cost-ratio", Unit::Share, n_vs_last, expect.cost_ratio_at_most, most, ratio);
    // Of those that reached any tier, how many the first one did not answer; of those that reached a tier, how many it accepted.
    let (reached, rate) = share(&samples, &items, |item| item.asked_tiers.first().map(|(_, accepted)| !accepted));
    let rate = rate.ok_or_else(|| missing::reach(played.mode, None));
    check("escalation-rate", Unit::Share, reached, expect.escalation_rate_at_least, least, rate.clone());
    check("escalation-rate", Unit::Share, reached, expect.escalation_rate_at_most, most, rate);
    for (tier, limit) in &expect.coverage {
        let tier = tier.get_ref().as_str();
        let place = played.tiers.iter().position(|name| **name == *tier);
        let accepted =
            |item: &PlayedItem| item.asked_tiers.iter().find(|(asked, _)| Some(*asked) == place).map(|(_, accepted)| *accepted);
        let (reached, value) = share(&samples, &items, accepted);
        let value = value.ok_or_else(|| missing::reach(played.mode, Some(tier)));
        let name = format!("coverage.{tier}");
        check(&name, Unit::Share, reached, limit.at_least, least, value.clone());
        check(&name, Unit::Share, reached, limit.at_most, most, value);
    }
    if played.mode == Mode::Live {
        let times = limits::p95(&samples).ok_or_else(missing::times);
        check("latency-p95-ms", Unit::Ms, n, expect.latency_p95_ms_at_most, most, times);
        if let Some(limit) = expect.availability_at_least {
            // Of requests that were never answered there is no grade, and this is about them.
            let (answered, asked) = attempts(played, segment);
            let value = if asked == 0 { Err(missing::examples()) } else { Ok(limits::rate(answered, asked)) };
            let limit = Limit { limit, limit_is: least };
            checks.push(Check::of_limit(("availability", Unit::Share), segment, asked, value, limit, Some(expect.line)));
        }
    }
    checks
}

/// A metric's value, or why it has none.
type Value = Result<Estimate, Missing>;

/// Whether an expectation has limits that a replay says nothing about.
pub(super) fn for_live_alone(expect: &Expect) -> bool {
    expect.latency_p95_ms_at_most.is_some() || expect.availability_at_least.is_some()
}

/// Of those of which `step` says whether it is so, how many are; and of how many it says that.
fn share(samples: &[ExampleRun], items: &[&PlayedItem], step: impl Fn(&PlayedItem) -> Option<bool>) -> (u64, Option<Estimate>) {
    let steps: Vec<Option<bool>> = items.iter().map(|item| step(item)).collect();
    let known = steps.iter().flatten().count() as u64;
    (known, limits::share(samples, |at| steps[at].is_some(), |at| steps[at] == Some(true)))
}

/// How many attempts were answered, of all: errors of transport are no grade, but they are counted.
fn attempts(played: &Played, segment: Option<&str>) -> (u64, u64) {
    let items = played.items.iter().filter(|item| segment.is_none_or(|wanted| *item.segment == *wanted));
    items.fold((0, 0), |(answered, of), item| {
        (answered + u64::from(item.repeats - item.errors.min(item.repeats)), of + u64::from(item.repeats))
    })
}

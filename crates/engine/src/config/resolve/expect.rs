//! Expectations: read here, judged when a fixture set is replayed.

use super::Context;
use crate::config::code::Code;
use crate::config::file::ExpectFile;
use crate::config::types::{Share, Spanned};
use crate::config::{CoverageLimit, Expect};

pub(super) fn resolve_all(context: &mut Context<'_>) -> Vec<Expect> {
    let file = context.file;
    file.expect.iter().filter_map(|expect| resolve(context, expect)).collect()
}

fn resolve(context: &mut Context<'_>, file: &Spanned<ExpectFile>) -> Option<Expect> {
    let (at, file) = (file.span(), file.get_ref());
    let share = |limit: Option<Share>| limit.map(|share| share.0);
    let mut coverage = Vec::new();
    for (tier, limits) in &file.coverage {
        let ix = context.target(tier.get_ref(), tier.span());
        if let Some(ix) = ix
            && ix.0 + 1 == context.tiers().len()
        {
            let message = format!("the last tier \"{}\" accepts everything; its coverage is always 1", tier.get_ref());
            context.error(Code::BAD_VALUE, tier.span(), message);
        }
        coverage.push(CoverageLimit {
            tier: tier.get_ref().as_str().into(),
            at_least: share(limits.at_least),
            at_most: share(limits.at_most),
        });
    }
    let expect = Expect {
        fixtures: file.fixtures.clone()?.0,
        split: file.split.0.clone(),
        segment: file.segment.as_ref().map(|segment| segment.0.clone()),
        accuracy_at_least: share(file.accuracy_at_least),
        loss_vs_last_at_most: file.loss_vs_last_at_most,
        cost_ratio_at_most: file.cost_ratio_at_most,
        escalation_rate_at_least: share(file.escalation_rate_at_least),
        escalation_rate_at_most: share(file.escalation_rate_at_most),
        coverage,
        latency_p95_ms_at_most: file.latency_p95_ms_at_most,
        availability_at_least: share(file.availability_at_least),
        line: context.line(at.start),
    };
    let limits = [
        expect.accuracy_at_least,
        expect.loss_vs_last_at_most,
        expect.cost_ratio_at_most,
        expect.escalation_rate_at_least,
        expect.escalation_rate_at_most,
        expect.latency_p95_ms_at_most,
        expect.availability_at_least,
    ];
    let limits_coverage = expect.coverage.iter().any(|limit| limit.at_least.is_some() || limit.at_most.is_some());
    if limits.iter().all(Option::is_none) && !limits_coverage {
        context.error(Code::MISSING_KEY, at.clone(), "an expectation needs at least one limit, like `accuracy-at-least = 0.9`");
    }
    if let (Some(low), Some(high)) = (expect.escalation_rate_at_least, expect.escalation_rate_at_most)
        && low > high
    {
        context.error(Code::BAD_VALUE, at, format!("no escalation rate is at least {low} and at most {high}"));
    }
    Some(expect)
}

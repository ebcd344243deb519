//! Expectations: read here, judged when a fixture set is replayed.

use super::context::Context;
use crate::config::Expect;
use crate::config::code::Code;
use crate::config::types::Spanned;

pub(super) fn resolve_all(context: &mut Context<'_>) -> Vec<Expect> {
    let expects = &context.file.expect;
    expects.iter().map(|expect| resolve(context, expect)).collect()
}

fn resolve(context: &mut Context<'_>, file: &Spanned<Expect>) -> Expect {
    let (at, expect) = (file.span(), file.get_ref());
    for tier in expect.coverage.keys() {
        let ix = context.target(tier.get_ref(), tier.span());
        if let Some(ix) = ix
            && ix.0 + 1 == context.tiers().len()
        {
            let message = format!("the last tier \"{}\" accepts everything; its coverage is always 1", tier.get_ref());
            context.found.error(Code::BAD_VALUE, tier.span(), message);
        }
    }
    let limits = [
        expect.accuracy_at_least,
        expect.loss_vs_last_at_most,
        expect.cost_ratio_at_most,
        expect.escalation_rate_at_least,
        expect.escalation_rate_at_most,
        expect.latency_p95_ms_at_most,
        expect.availability_at_least,
    ];
    let by_tier = expect.coverage.values().flat_map(|limit| [limit.at_least, limit.at_most]);
    // Without a fixture set it is not known what was meant.
    if !expect.fixtures.is_empty() && limits.into_iter().chain(by_tier).all(|limit| limit.is_none()) {
        let message = "an expectation needs at least one limit, like `accuracy-at-least = 0.9`";
        context.found.error(Code::MISSING_KEY, at.clone(), message);
    }
    if let (Some(low), Some(high)) = (expect.escalation_rate_at_least, expect.escalation_rate_at_most)
        && !expect.fixtures.is_empty()
        && low > high
    {
        context.found.error(Code::BAD_VALUE, at.clone(), format!("no escalation rate is at least {low} and at most {high}"));
    }
    Expect { line: context.line(at.start), ..expect.clone() }
}

//! The spans of runs and of their calls, under the names of OpenTelemetry's conventions for generative AI where those have one. No text of a
//! conversation is in them.

use std::sync::Arc;

use tierfall_core::completion::{Completion, Usage};
use tierfall_core::money::Money;
use tierfall_core::provider::CallError;
use tierfall_core::request::{Call, Purpose, Request};
use tierfall_core::trace::{Step, Trace};
use tierfall_core::trace_context::TraceContext;
use tracing::Span;
use tracing::field::{Empty, debug};

/// In which distributed trace the span stands in which it is asked.
pub(crate) type SpanContext = dyn Fn() -> Option<TraceContext> + Send + Sync;

/// Of a whole run.
pub(crate) fn run(cascade: &str, request: &Request) -> Span {
    tracing::info_span!(
        "run",
        cascade = %cascade,
        request_id = %request.id,
        trace_id = request.context.as_ref().map(TraceContext::trace_id),
        outcome = Empty,
        tier = Empty,
        cost_usd = Empty,
        cost_basis = Empty,
    )
}

/// Notes how a run ended.
pub(crate) fn ended(span: &Span, trace: &Trace) {
    span.record("outcome", trace.outcome.as_str());
    span.record("tier", trace.tier.as_deref());
    span.record("cost_usd", trace.cost.total().map(Money::usd));
    if trace.cost.total().is_some() && trace.cost.estimated_charges() > 0 {
        span.record("cost_basis", "estimated");
    }
}

/// Of one call to a tier, which lies within its run's.
pub(crate) fn call(tier: &str, call: &Call) -> Span {
    tracing::info_span!(
        "tier",
        "otel.name" = format_args!("chat {}", call.model),
        "otel.kind" = "client",
        tier = %tier,
        probe = call.purpose != Purpose::Answer,
        "gen_ai.operation.name" = "chat",
        "gen_ai.request.model" = %call.model,
        "gen_ai.response.model" = Empty,
        "gen_ai.response.finish_reasons" = Empty,
        "gen_ai.usage.input_tokens" = Empty,
        "gen_ai.usage.output_tokens" = Empty,
        "error.type" = Empty,
        decision = Empty,
        reason = Empty,
    )
}

/// Notes what a call came to.
pub(crate) fn came(span: &Span, result: &Result<Arc<Completion>, CallError>) {
    match result {
        Ok(answer) => {
            span.record("gen_ai.response.model", answer.model.as_deref());
            span.record("gen_ai.response.finish_reasons", debug([answer.finish.as_str()]));
            if let Some(usage) = answer.usage.and_then(Usage::plausible) {
                span.record("gen_ai.usage.input_tokens", usage.input);
                span.record("gen_ai.usage.output_tokens", usage.output);
            }
        }
        Err(error) => {
            span.record("error.type", error.kind.as_str());
        }
    }
}

/// Notes what was decided at the tier after the call.
pub(crate) fn decided(span: &Span, step: &Step) {
    span.record("decision", step.decision.as_str());
    span.record("reason", step.decision.reason());
}

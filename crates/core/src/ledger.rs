//! What calls cost, and what the last tier would have cost.

use std::sync::Arc;

use crate::cascade::{Answerer, Cascade, Model, TierIx};
use crate::completion::Usage;
use crate::gate::Gate;
use crate::money::Money;
use crate::permit::PermittedCall;
use crate::plan::{expected_input, max_tokens};
use crate::provider::Attempt;
use crate::request::{Request, estimated_tokens};
use crate::trace::{CallTrace, CostBasis, Step};

/// Prices the attempts of one call to a tier.
pub(crate) fn price_attempts(
    cascade: &Cascade,
    tier: TierIx,
    probe: Option<&Arc<str>>,
    answers: usize,
    attempts: Vec<Attempt>,
) -> impl Iterator<Item = CallTrace> {
    let tier = cascade.tier(tier);
    let price = match &tier.answerer {
        Answerer::Model(model) => model.price,
        Answerer::Human { .. } => None,
    };
    attempts.into_iter().map(move |attempt| {
        let cost = attempt.cost(price);
        CallTrace { tier: tier.name.clone(), probe: probe.cloned(), answers, attempt, cost }
    })
}

/// The most that one call to a model with `samples` answers is expected to cost: the estimated prompt, and as many tokens
/// as it may generate: `max-tokens`, else what the context window leaves. `None` where price is not declared.
pub(crate) fn expected_cost(model: &Model, request: &Request, samples: u8) -> Option<Money> {
    let input = expected_input(model, request);
    expected(model, input, max_tokens(model, request), samples)
}

/// The most that a tier's answering call is expected to cost, with as many samples as its gate wants.
pub fn answering_cost(model: &Model, request: &Request, gate: Option<&Gate>) -> Option<Money> {
    let samples = gate.into_iter().flat_map(Gate::signals).map(|named| named.needs().samples).max();
    expected_cost(model, request, samples.unwrap_or(1))
}

/// The most that a probe is expected to cost.
pub(crate) fn probe_cost(cascade: &Cascade, call: &PermittedCall) -> Option<Money> {
    match &cascade.tier(call.tier()).answerer {
        Answerer::Model(model) => expected(model, estimated_tokens(&call.messages()), call.params.most_tokens(), 1),
        Answerer::Human { .. } => None,
    }
}

fn expected(model: &Model, input: u64, max_tokens: Option<u64>, samples: u8) -> Option<Money> {
    let price = model.price?;
    let window = || model.context_window.map_or(0, |window| window.saturating_sub(input));
    let output = max_tokens.unwrap_or_else(window);
    Some(price.input.of(input) + price.output.of(output.saturating_mul(samples.max(1).into())))
}

/// What sending the request straight to the last model would have cost; `None` where its price is unknown or no tier
/// told its usage.
pub(crate) fn cost_if_last(cascade: &Cascade, request: &Request, steps: &[Step]) -> Option<(Money, CostBasis)> {
    let (last, model) = cascade.last_model()?;
    let name = &cascade.tier(last).name;
    if let Some(step) = steps.iter().find(|step| step.tier == *name && step.usage().is_some()) {
        let cost = step.cost();
        let basis = if cost.estimated_charges() > 0 { CostBasis::Estimated } else { CostBasis::Measured };
        return cost.total().map(|cost| (cost, basis));
    }
    // Tokens of the latest tier that answered. Its own preamble is exchanged for the last tier's, by estimated length.
    let (step, (usage, answers)) = steps.iter().rev().find_map(|step| Some((step, answering_usage(step)?)))?;
    let (_, answered) = cascade.model_named(&step.tier)?;
    let preambles = |model: &Model| expected_input(model, request);
    let input = usage.input.saturating_add(preambles(model)).saturating_sub(preambles(answered));
    // The last tier has no gate and answers once, however many samples the tiers before it took.
    let usage = Usage { input, output: usage.output.div_ceil(answers), ..Usage::default() };
    Some((model.price?.of(usage), CostBasis::Estimated))
}

fn answering_usage(step: &Step) -> Option<(Usage, u64)> {
    let answering = |call: &&CallTrace| call.probe.is_none() && call.attempt.error.is_none();
    step.calls.iter().rev().filter(answering).find_map(|call| Some((call.attempt.billing.usage()?, call.answers.max(1) as u64)))
}

//! What calls cost, and what the last tier would have cost.

use crate::cascade::{Cascade, Model};
use crate::completion::Usage;
use crate::estimate::Estimate;
use crate::money::Money;
use crate::permit::PermittedCall;
use crate::plan::expected_input;
use crate::provider::Attempt;
use crate::request::{Purpose, Request};
use crate::trace::{CallTrace, CostBasis, Step};

/// Prices the attempts of a call: each with what a budget keeps back for it. A charge that nobody told counts as the most that it can
/// be, at the price of who made the attempt; where there is no most, as what it is expected to be.
pub(crate) fn price_attempts(
    cascade: &Cascade,
    call: &PermittedCall,
    answers: usize,
    attempts: Vec<Attempt>,
) -> impl Iterator<Item = (CallTrace, Money)> {
    attempts.into_iter().map(move |attempt| {
        let cost = attempt.cost(call.price());
        let most = |price| {
            let estimate = Estimate::of(call, None);
            estimate.cost(price).at_most().unwrap_or_else(|| estimate.expected(price))
        };
        let price = attempt.price(call.price()).or(call.price());
        let kept = cost.at_most().unwrap_or_else(|| cost.reserving(price.map(most).unwrap_or_default()));
        let probe = match &call.purpose {
            Purpose::Answer => None,
            Purpose::Probe(label) => Some(label.clone()),
        };
        (CallTrace { tier: cascade.tier(call.tier()).name.clone(), probe, answers, attempt, cost }, kept)
    })
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

//! Numbers that nobody should give: a run books what can be booked, counts the rest as unknown, and never panics.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tierfall_core::cascade::{Answerer, Cascade, Policy};
use tierfall_core::completion::{Completion, Delta, MOST_TOOL_CALLS, TooManyToolCalls, ToolCallDelta, Usage};
use tierfall_core::money::Price;
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind};
use tierfall_core::replay::replay;
use tierfall_core::run::{Outcome, Took};

use crate::scripted::{Cell, chain, completion, request};

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), Just(Usage::ABSURD), Just(Usage::ABSURD - 1), any::<u64>(), 0..100_000u64]
}

fn usage() -> impl Strategy<Value = Usage> {
    (count(), count(), count(), count(), count()).prop_map(|(input, output, cached_input, cached_write, reasoning)| Usage {
        input,
        output,
        cached_input,
        cached_write,
        reasoning,
    })
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::MAX),
        Just(Duration::ZERO),
        any::<(u64, u32)>().prop_map(|(s, n)| Duration::new(s, n % 1_000_000_000))
    ]
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let billing = prop_oneof![usage().prop_map(Billing::Metered), Just(Billing::Unknown), Just(Billing::Free)];
    (billing, duration()).prop_map(|(billing, latency)| Attempt::new(CallErrorKind::Overloaded, billing, latency))
}

/// What one tier does: an answer or an error, after attempts that failed.
type Played = (Option<Option<Usage>>, Vec<Attempt>, Duration);

fn played() -> impl Strategy<Value = Played> {
    let answer = proptest::option::of(proptest::option::of(usage()));
    (answer, proptest::collection::vec(attempt(), 0..3), duration())
}

proptest! {
    #[test]
    fn a_run_books_them(
        tiers in proptest::collection::vec(played(), 3),
        rates in proptest::collection::vec((any::<u64>(), any::<u64>(), proptest::option::of(any::<u64>())), 3),
        budget in proptest::option::of(any::<u64>()),
        deadline in proptest::option::of(duration()),
        window in proptest::option::of(any::<u64>()),
        max_tokens in proptest::option::of(any::<u32>()),
    ) {
        let policy = Policy { budget: budget.map(|pico| tierfall_core::money::Money::from_pico(pico.into())), deadline, ..Policy::default() };
        let mut parts = chain(&[0.5, 0.5], policy);
        for (tier, (input, output, cached)) in parts.tiers.iter_mut().zip(rates) {
            let Answerer::Model(model) = &mut tier.answerer else { unreachable!() };
            // The dearest price that can be written has nineteen digits.
            let rate = |pico: u64| format!("{}.{:06}", pico / 1_000_000, pico % 1_000_000).parse().unwrap();
            model.price = Some(Price { input: rate(input), output: rate(output), cached_input: cached.map(rate), cached_write: cached.map(rate) });
            (model.context_window, model.params.max_tokens) = (window, max_tokens);
        }
        let cascade = Cascade::try_from(parts).unwrap();
        let (outcome, trace) = replay(&cascade, request(), |tier, _| {
            let (answer, failed, latency) = tiers[tier.0].clone();
            match answer {
                Some(usage) => {
                    let answer = Completion { usage, ..Completion::clone(&completion(&Cell::score(0.1))) };
                    (Ok(Arc::new(answer)), Took { latency, failed, queued: latency, ..Took::default() })
                }
                None => (Err(CallError::new(CallErrorKind::Overloaded, "down").with_attempts(failed)), Took { latency, ..Took::default() }),
            }
        });
        trace.to_json(None).unwrap();
        let told = trace.steps.iter().flat_map(|step| &step.calls);
        let untold = told.filter(|call| call.attempt.billing != Billing::Free && call.attempt.billing.usage().is_none()).count();
        prop_assert_eq!((trace.cost.unknown_charges() + trace.cost.estimated_charges()) as usize, untold);
        prop_assert!(trace.steps.iter().filter_map(tierfall_core::trace::Step::usage).all(|usage| usage.input < 9 * Usage::ABSURD));
        if let Outcome::Answered(served) = outcome {
            prop_assert_eq!(&served.answer.text, "an answer");
        }
    }
}

#[test]
fn a_piece_of_a_call_far_away_allocates_nothing() {
    let piece = |index| Delta {
        text: "x".to_owned(),
        tool_calls: vec![ToolCallDelta { index, ..ToolCallDelta::default() }],
        ..Delta::default()
    };
    let mut answer = Completion::default();
    for index in [MOST_TOOL_CALLS, usize::MAX] {
        assert_eq!(answer.push(&piece(index)), Err(TooManyToolCalls));
        assert_eq!(answer, Completion::default());
    }
    assert_eq!(answer.push(&piece(MOST_TOOL_CALLS - 1)), Ok(()));
}

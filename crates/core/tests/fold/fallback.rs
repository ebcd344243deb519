//! What is accepted, and what is only the best that was left.

use std::sync::Arc;
use std::time::Duration;

use crate::scripted::{Cell, cascade, chain, request, result, run_on};
use proptest::prelude::*;
use tierfall_core::cascade::{Answerer, Cascade, OnAbstain, OnError, OnExhausted, OnFilter, Policy};
use tierfall_core::completion::{Completion, Finish};
use tierfall_core::gate::{Decision, Deferral};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind};
use tierfall_core::replay::replay;
use tierfall_core::run::{Outcome, Took};
use tierfall_core::trace::{Fallback, OutcomeKind};

fn down() -> Cell {
    Cell::error(CallErrorKind::Connect)
}

#[test]
fn an_answer_after_a_chain_that_broke_is_a_fallback() {
    for (on_exhausted, kind) in [
        (OnExhausted::Answer, OutcomeKind::Answered),
        (OnExhausted::Abstain, OutcomeKind::Abstained),
        (OnExhausted::Review, OutcomeKind::Review),
    ] {
        let broken = cascade(&[0.5], Policy { on_exhausted, ..Policy::default() });
        let (outcome, trace) = run_on(&broken, &[Cell::score(0.1), down()]);
        assert_eq!((trace.outcome, trace.fallback), (kind, Some(Fallback::Failed)));
        assert!(outcome.served().or(outcome.attached()).is_some_and(|best| best.accepted.is_none()));
        assert_eq!(trace.to_json(None).unwrap()["fallback"], "failed");
    }
    let whole = cascade(&[0.5], Policy::default());
    for cells in [[Cell::score(0.9), down()], [down(), Cell::score(0.1)], [Cell::score(0.1), Cell::score(0.1)]] {
        let (outcome, trace) = run_on(&whole, &cells);
        assert!(outcome.served().is_some_and(|served| served.accepted.is_some()));
        assert_eq!((trace.fallback, trace.to_json(None).unwrap().get("fallback")), (None, None));
    }
    let (_, trace) = run_on(&whole, &[down(), down()]);
    assert_eq!((trace.outcome, trace.fallback), (OutcomeKind::Failed, None));
}

#[test]
fn best_whole_serves_a_whole_answer_before_one_that_is_not() {
    let not_whole = [
        Cell::score(0.1).text("cut in the mid").finish(Finish::Length),
        Cell::score(0.1).finish(Finish::ContentFilter),
        Cell::score(0.1).refusal(),
        Cell::score(0.1).text(""),
    ];
    for last in not_whole {
        let served = |on_exhausted, first: Cell| {
            let cascade = cascade(&[0.5], Policy { on_exhausted, ..Policy::default() });
            let (outcome, trace) = run_on(&cascade, &[first, last.clone()]);
            (outcome.served().map(|served| served.tier.0), trace.fallback, trace.unusable().is_some())
        };
        let whole = Cell::score(0.1);
        assert_eq!(served(OnExhausted::Answer, whole.clone()), (Some(1), None, true), "{last:?}");
        assert_eq!(served(OnExhausted::BestWhole, whole), (Some(0), Some(Fallback::NotWhole), false), "{last:?}");
        for other in [Cell::score(0.1).refusal(), down()] {
            assert_eq!(served(OnExhausted::BestWhole, other), (Some(1), Some(Fallback::NotWhole), true), "{last:?}");
        }
    }
    let (outcome, trace) = run_on(
        &cascade(&[0.5], Policy { on_exhausted: OnExhausted::BestWhole, ..Policy::default() }),
        &[Cell::score(0.1), Cell::score(0.1)],
    );
    assert!(outcome.served().is_some_and(|served| served.tier.0 == 1 && served.accepted.is_some()) && trace.fallback.is_none());
}

#[test]
fn the_cause_is_told() {
    let calls = [Cell::score(0.1), Cell::score(0.1), Cell::score(0.1)];
    let budget = Policy { budget: "0.00005".parse().ok(), ..Policy::default() };
    let mut parts = chain(&[0.5, 0.5], budget);
    for tier in &mut parts.tiers {
        let Answerer::Model(model) = &mut tier.answerer else { unreachable!() };
        model.params.max_tokens = Some(1);
    }
    let stopped = Cascade::try_from(parts).unwrap();
    let (_, trace) = run_on(&stopped, &calls);
    assert!(trace.steps.len() < 3 && trace.outcome == OutcomeKind::Answered);
    assert_eq!((trace.fallback, Fallback::Budget.may_pass()), (Some(Fallback::Budget), false));

    let late = cascade(&[0.5], Policy { deadline: Some(ms(15)), ..Policy::default() });
    let (_, trace) = replay(&late, request(), |tier, _| answered(if tier.0 == 0 { 1 } else { 15 }, Took::default()));
    assert_eq!((trace.fallback, Fallback::Deadline.may_pass()), (Some(Fallback::Deadline), true));
}

#[test]
fn a_person_who_looks_because_the_last_model_failed_is_told() {
    let mut parts = chain(&[0.5, 0.5], Policy::default());
    parts.tiers.last_mut().unwrap().answerer = Answerer::Human { cost: None };
    let desk = Cascade::try_from(parts).unwrap();
    let (_, trace) = run_on(&desk, &[Cell::score(0.1), down(), Cell::none()]);
    assert_eq!((trace.outcome, trace.fallback), (OutcomeKind::Review, Some(Fallback::Failed)));
    let (_, trace) = run_on(&desk, &[Cell::score(0.1), Cell::score(0.1), Cell::none()]);
    assert_eq!((trace.outcome, trace.fallback), (OutcomeKind::Review, None));
}

#[test]
fn every_failed_step_keeps_what_was_said() {
    let failing = cascade(&[0.5], Policy::default());
    let (_, trace) = replay(&failing, request(), |tier, _| match tier.0 {
        0 => (Err(CallError::new(CallErrorKind::Auth, "provider \"p\":\n\tno   such key")), Took::default()),
        _ => result(&Cell::score(0.9)),
    });
    assert_eq!(trace.steps[0].message.as_deref(), Some("provider \"p\": no such key"));
    assert_eq!((trace.steps[1].message.as_ref(), trace.error.as_ref()), (None, None), "a later tier answered");
    let json = trace.to_json(None).unwrap();
    assert_eq!((&json["steps"][0]["message"], json["steps"][1].get("message")), (&"provider \"p\": no such key".into(), None));

    let long = "x".repeat(5000);
    let (_, trace) = replay(&failing, request(), |_, _| (Err(CallError::new(CallErrorKind::Auth, &*long)), Took::default()));
    assert_eq!(trace.error.as_deref().map(|error| error.chars().count()), Some(1001));
}

fn answered(latency: u64, took: Took) -> (Result<Arc<Completion>, CallError>, Took) {
    (result(&Cell::score(0.1)).0, Took { latency: ms(latency), ..took })
}

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

fn failed(kind: CallErrorKind, latency: u64) -> Attempt {
    Attempt::new(kind, Billing::Free, ms(latency))
}

/// What ran side by side took its time once: for the deadline, the tier's limit and the trace, and every attempt is in it.
#[test]
fn parallel_attempts_take_their_time_once() {
    let mut parts = chain(&[0.5], Policy { deadline: Some(ms(2200)), ..Policy::default() });
    let Answerer::Model(model) = &mut parts.tiers[0].answerer else { unreachable!() };
    model.timeouts.total = Some(ms(1000));
    let cascade = Cascade::try_from(parts).unwrap();
    let both = || vec![failed(CallErrorKind::Overloaded, 600), failed(CallErrorKind::Overloaded, 600)];
    for (wall, steps) in [(Some(ms(700)), vec!["below-threshold", "last-tier"]), (None, vec!["failed", "last-tier"])] {
        let (_, trace) = replay(&cascade, request(), |tier, _| match tier.0 {
            0 => answered(700, Took { wall, failed: both(), ..Took::default() }),
            _ => answered(100, Took::default()),
        });
        assert_eq!(trace.steps.iter().map(|step| step.decision.reason()).collect::<Vec<_>>(), steps);
        assert_eq!(trace.steps[0].calls.len(), 3);
        if wall.is_some() {
            assert_eq!((trace.latency, trace.steps[0].latency), (ms(800), ms(700)));
        }
    }
    // All of them failed: the time is that of the longest.
    let (_, trace) = replay(&cascade, request(), |tier, _| match tier.0 {
        0 => {
            let error = CallError::new(CallErrorKind::Overloaded, "down").with_attempts(both());
            (Err(error), Took { latency: ms(600), wall: Some(ms(600)), ..Took::default() })
        }
        _ => answered(100, Took::default()),
    });
    assert_eq!((trace.latency, trace.steps[0].calls.len(), trace.tier.as_deref()), (ms(700), 2, Some("t1")));
}

/// A call that took all that was left to the request is cut by its deadline, and not by its provider.
#[test]
fn the_deadline_is_not_blamed_on_the_provider() {
    for human in [false, true] {
        let mut parts = chain(&[0.5, 0.5], Policy { deadline: Some(ms(1000)), ..Policy::default() });
        if human {
            parts.tiers.last_mut().unwrap().answerer = Answerer::Human { cost: None };
        }
        let cascade = Cascade::try_from(parts).unwrap();
        // The last model may take all that is left.
        let (last, left) = if human { (1, 900) } else { (2, 800) };
        let timed_out = |took| {
            let kind = CallErrorKind::Timeout;
            let error = CallError::new(kind, "the call may take 0.9 s in all").with_attempts(vec![failed(kind, took)]);
            (Err(error), Took { latency: ms(took), ..Took::default() })
        };
        for late in [timed_out(left), answered(left + 1, Took::default())] {
            let (_, trace) =
                replay(&cascade, request(), |tier, _| if tier.0 < last { answered(100, Took::default()) } else { late.clone() });
            assert_eq!(trace.fallback, Some(Fallback::Deadline));
            assert_eq!(trace.steps[last].decision, Decision::Defer(Deferral::Failed(CallErrorKind::Deadline)));
            assert_eq!(trace.steps[last].calls[0].attempt.error, Some(CallErrorKind::Deadline));
            assert_eq!(trace.error.as_deref(), Some("the request's deadline passed before it answered"));
            assert_eq!(trace.outcome, if human { OutcomeKind::Review } else { OutcomeKind::Answered });
        }
        let (_, trace) = replay(&cascade, request(), |_, _| timed_out(300));
        assert_eq!(trace.steps[0].decision, Decision::Defer(Deferral::Failed(CallErrorKind::Timeout)), "the tier's own limit");
    }
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        4 => (0.0..1.0f64).prop_map(Cell::score),
        1 => Just(Cell::none()),
        1 => (0.0..1.0f64).prop_map(|score| Cell::score(score).finish(Finish::Length)),
        1 => Just(Cell::score(0.9).refusal()),
        2 => proptest::sample::select(vec![CallErrorKind::Connect, CallErrorKind::ContentFilter, CallErrorKind::QueueFull])
            .prop_map(Cell::error),
    ]
}

proptest! {
    /// What is served was accepted by a gate or by the last tier, or the trace says that it was not.
    #[test]
    fn nothing_is_served_unaccepted_in_silence(
        cells in proptest::collection::vec(cell(), 4),
        on_exhausted in proptest::sample::select(vec![OnExhausted::Answer, OnExhausted::BestWhole, OnExhausted::Abstain, OnExhausted::Review]),
        on_abstain in proptest::sample::select(vec![OnAbstain::Escalate, OnAbstain::Accept]),
        on_error in proptest::sample::select(vec![OnError::Escalate, OnError::Fail]),
        on_filter in proptest::sample::select(vec![OnFilter::Refuse, OnFilter::Escalate]),
        deadline in proptest::option::of((5..50u64).prop_map(Duration::from_millis)),
        human in any::<bool>(),
    ) {
        let mut parts = chain(&[0.3, 0.6, 0.9], Policy { on_exhausted, on_abstain, on_error, on_filter, budget: None, deadline });
        if human {
            parts.tiers.last_mut().unwrap().answerer = Answerer::Human { cost: None };
        }
        let (outcome, trace) = run_on(&Cascade::try_from(parts).unwrap(), &cells);
        let accepted = trace.steps.iter().any(|step| matches!(step.decision, Decision::Accept(_)));
        match &outcome {
            Outcome::Answered(served) => {
                prop_assert_eq!(served.accepted.is_some(), accepted);
                prop_assert_eq!(trace.fallback.is_some(), !accepted);
            }
            Outcome::Abstained(best) | Outcome::Review(best) => {
                prop_assert!(!accepted && outcome.served().is_none());
                prop_assert!(best.iter().all(|best| best.accepted.is_none()));
            }
            Outcome::Failed(error) => {
                prop_assert!(trace.fallback.is_none());
                // A queue that was full is nothing that another tier makes up for.
                let shed = trace.steps.iter().any(|step| step.decision == Decision::Defer(Deferral::Failed(CallErrorKind::QueueFull)));
                prop_assert!(!shed || error.kind == CallErrorKind::QueueFull);
            }
            Outcome::Refused(_) => {
                prop_assert!(on_filter == OnFilter::Refuse && !accepted && trace.fallback.is_none());
                let last = trace.steps.last().map(|step| &step.decision);
                prop_assert_eq!(last, Some(&Decision::Defer(Deferral::Failed(CallErrorKind::ContentFilter))));
            }
        }
        for step in &trace.steps {
            let failed = matches!(step.decision, Decision::Defer(Deferral::Failed(_)));
            prop_assert_eq!(step.message.is_some(), failed);
        }
    }
}

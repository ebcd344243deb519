use std::sync::Arc;
use std::time::Duration;

use super::*;
use tierfall_core::cascade::{Answerer, OnExhausted, Parts, Policy, Tier};
use tierfall_core::completion::{Completion, Finish};
use tierfall_core::provider::CallError;
use tierfall_core::replay::replay;
use tierfall_core::request::Request;
use tierfall_core::run::Took;
use tierfall_testkit::sample;

type Fed = Result<Completion, CallError>;

fn cascade(on_exhausted: OnExhausted, desk: bool) -> Cascade {
    let parts = sample::cascade(&[("small", 0.8), ("large", 0.8)]).unwrap();
    let mut tiers = parts.tiers().to_vec();
    if desk {
        tiers[1].gate = Some(sample::gate(0.8));
        tiers.push(Tier { name: "desk".into(), answerer: Answerer::Human { cost: None }, gate: None });
    }
    let policy = Policy { on_exhausted, ..Policy::default() };
    Cascade::try_from(Parts { name: "c".into(), salt: "".into(), tiers, rules: Vec::new(), policy }).unwrap()
}

/// A call that failed: after a second, or before it was made.
fn failed(kind: CallErrorKind, made: bool) -> Fed {
    let latency = if made { Duration::from_secs(1) } else { Duration::ZERO };
    let attempt = Attempt::new(kind, Billing::Free, latency);
    Err(CallError::new(kind, kind.as_str()).with_attempts(vec![attempt]))
}

fn add(tally: &mut Tally, cascade: &Cascade, small: &Fed, large: &Fed) -> OutcomeKind {
    let (outcome, trace) = replay(cascade, Request::new("1", "?"), |tier, _| {
        let result = if tier.0 == 0 { small } else { large };
        (result.clone().map(Arc::new), Took::default())
    });
    let kind = trace.outcome;
    tally.add("1", &Answer::new(outcome, trace));
    kind
}

fn results() -> Vec<Fed> {
    let cut = Completion { finish: Finish::Length, ..sample::sure("Par", 0.9) };
    let mut all = vec![Ok(sample::sure("yes", 0.9)), Ok(sample::sure("perhaps", 0.1)), Ok(cut)];
    let kinds = [CallErrorKind::Connect, CallErrorKind::Deadline, CallErrorKind::QueueFull, CallErrorKind::Cancelled];
    all.extend(kinds.into_iter().flat_map(|kind| [failed(kind, true), failed(kind, false)]));
    all
}

#[test]
fn every_query_is_counted_once_however_it_ends() {
    for on_exhausted in [OnExhausted::Answer, OnExhausted::Abstain, OnExhausted::Review] {
        for desk in [false, true] {
            let cascade = cascade(on_exhausted, desk);
            let mut tally = Tally::new(&cascade);
            let mut answered = 0;
            for small in results() {
                for large in results() {
                    answered += usize::from(add(&mut tally, &cascade, &small, &large) == OutcomeKind::Answered);
                }
            }
            let of_tiers: usize = tally.tiers.iter().map(|tier| tier.answered).sum();
            let of_none = tally.unanswered.iter().sum::<usize>() + tally.cut_off;
            assert_eq!((of_tiers, of_tiers + of_none), (answered, tally.n), "{on_exhausted:?}: {}", tally.summary());
            assert!(tally.accepted.0 <= answered);
            for tier in &tally.tiers {
                assert!(tier.failed <= tier.asked && tier.asked <= tally.n, "{}", tally.summary());
            }
        }
    }
}

#[test]
fn a_run_that_was_cancelled_is_no_failure() {
    let cascade = cascade(OnExhausted::Answer, false);
    let mut tally = Tally::new(&cascade);
    let cut = failed(CallErrorKind::Cancelled, true);
    add(&mut tally, &cascade, &cut, &cut);
    assert_eq!((tally.failed(), tally.first_failure.is_none()), (0, true));
    assert!(tally.summary().starts_with("1 query: cut off 1 · $0\n"), "{}", tally.summary());
}

#[test]
fn what_we_kept_from_a_provider_is_no_failure_of_its_own() {
    let cascade = cascade(OnExhausted::Answer, false);
    for (kind, made, said) in [
        (CallErrorKind::QueueFull, false, "asked 1, no place for 2: queue-full"),
        (CallErrorKind::Deadline, false, "asked 1, no place before the deadline for 2: deadline"),
        (CallErrorKind::Deadline, true, "asked 3, failed 2: deadline"),
        (CallErrorKind::Cancelled, true, "asked 3, taken back 2: cancelled"),
        (CallErrorKind::Connect, false, "asked 3, failed 2: connect"),
    ] {
        let mut tally = Tally::new(&cascade);
        let sure = Ok(sample::sure("yes", 0.9));
        for small in [sure.clone(), failed(kind, made), failed(kind, made)] {
            add(&mut tally, &cascade, &small, &sure);
        }
        assert_eq!(anstream::adapter::strip_str(&tally.tiers[0].summary()).to_string(), said);
    }
}

#[test]
fn only_accepted_answers_are_compared_with_always_the_last_tier() {
    let (sure, down) = (Ok(sample::sure("yes", 0.9)), failed(CallErrorKind::Connect, true));
    for on_exhausted in [OnExhausted::Answer, OnExhausted::Abstain] {
        let cascade = cascade(on_exhausted, false);
        let mut tally = Tally::new(&cascade);
        add(&mut tally, &cascade, &Ok(sample::sure("perhaps", 0.1)), &down);
        let alone = tally.summary();
        assert!(!alone.contains("always the last tier"), "{alone}");
        add(&mut tally, &cascade, &sure, &sure);
        assert_eq!(tally.accepted.0, 1);
    }
}

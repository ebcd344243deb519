//! Gates that ask back: what a probe sees, when it is made, and what several samples cost.

use std::sync::Arc;

use crate::scripted::chain;
use tierfall_core::cascade::{Cascade, Policy, TierIx};
use tierfall_core::completion::{Completion, Sample, Usage};
use tierfall_core::gate::Gate;
use tierfall_core::number::Threshold;
use tierfall_core::replay::replay;
use tierfall_core::request::{Call, Purpose, Request};
use tierfall_core::rule::table::Condition;
use tierfall_core::rule::{Route, Rule};
use tierfall_core::run::{Outcome, Took};
use tierfall_core::signal::NamedSignal;
use tierfall_core::signal::table::SignalSpec;
use tierfall_core::trace::{CostBasis, Trace};

fn signal(json: &str) -> NamedSignal {
    serde_json::from_str::<SignalSpec>(json).unwrap().build().unwrap()
}

#[derive(Debug)]
struct Always;

impl Condition for Always {
    fn holds(&self, _: &Request) -> bool {
        true
    }
}

fn gated(gate: Gate, rule: Option<Route>) -> Cascade {
    let mut parts = chain(&[0.5], Policy::default());
    parts.tiers[0].gate = Some(gate);
    parts.rules = rule.into_iter().map(|route| Rule { name: "fixed".into(), when: Arc::new(Always), route }).collect();
    Cascade::try_from(parts).unwrap()
}

fn answer(text: &str) -> Completion {
    Completion { usage: Some(Usage { input: 10, output: 4, ..Usage::default() }), ..Completion::text(text) }
}

/// Runs on one answer for every call, and keeps the calls.
fn run(cascade: &Cascade, answer: &Completion) -> (Outcome, Trace, Vec<Call>) {
    let mut calls = Vec::new();
    let (outcome, trace) = replay(cascade, Request::new("id", "Is water wet?"), |_, call| {
        calls.push((**call).clone());
        (Ok(Arc::new(answer.clone())), Took::default())
    });
    (outcome, trace, calls)
}

fn probes(calls: &[Call]) -> Vec<&Call> {
    calls.iter().filter(|call| matches!(call.purpose, Purpose::Probe(_))).collect()
}

#[test]
fn a_probe_sees_the_answer_as_the_caller_would() {
    let mut gate = Gate::new(signal(r#""p-true""#), Threshold::DeferAll);
    gate.observe = vec![signal(r#""self-rated""#)];
    let (outcome, trace, calls) = run(&gated(gate, None), &answer("Yes.\nConfidence: 80%"));
    let probes = probes(&calls);
    assert_eq!(probes.len(), 1);
    let asked: String = probes[0].messages().iter().flat_map(|m| m.texts().map(str::to_owned).collect::<Vec<_>>()).collect();
    assert!(asked.contains("Yes.") && !asked.contains("80"), "{asked}");
    let rating = trace.steps[0].signals.iter().find(|(label, _)| label.starts_with("self-rated")).unwrap();
    assert!((rating.1.unwrap().get() - 0.8).abs() < 1e-12);
    assert_eq!(outcome.served().map(|served| served.tier), Some(TierIx(1)));
}

#[test]
fn nobody_pays_for_a_probe_after_a_validator_said_no() {
    let mut gate = Gate::new(signal(r#""p-true""#), Threshold::DeferAll);
    gate.require = vec![signal(r#"{"regex": {"pattern": "^[0-9]+$"}}"#)];
    let cascade = gated(gate, None);
    let (_, trace, calls) = run(&cascade, &answer("Yes."));
    assert_eq!((probes(&calls).len(), trace.steps[0].decision.reason()), (0, "invalid"));
    let (_, _, calls) = run(&cascade, &answer("42"));
    assert_eq!(probes(&calls).len(), 1);
}

#[test]
fn the_last_tier_would_have_answered_once() {
    let gate = Gate::new(
        signal(r#"{"agreement": {"samples": 5}}"#),
        Threshold::accept_from(tierfall_core::number::Score::new(0.0).unwrap()),
    );
    let mut sampled = answer("Yes.");
    sampled.samples = vec![Sample { text: "Yes.".to_owned(), ..Sample::default() }; 4];
    sampled.usage = Some(Usage { input: 10, output: 20, ..Usage::default() });
    let (_, trace, _) = run(&gated(gate, None), &sampled);
    assert_eq!((trace.steps.len(), trace.cost_if_last_basis), (1, Some(CostBasis::Estimated)));
    // Ten tokens in at 5 USD a million, a fifth of the twenty out at 15 USD.
    assert_eq!(trace.cost_if_last, Some("0.00011".parse().unwrap()));
}

#[test]
fn a_gated_tier_at_the_end_of_its_way_is_asked_and_stripped_as_its_gate_wants() {
    let gate = Gate::new(signal(r#""self-rated""#), Threshold::DeferAll);
    let (outcome, trace, calls) = run(&gated(gate, Some(Route::only([TierIx(0)]))), &answer("Yes.\nConfidence: 80%"));
    assert_eq!(trace.steps[0].decision.reason(), "last-tier");
    assert_eq!(outcome.served().map(|served| served.answer.text.as_str()), Some("Yes."));
    assert!(calls[0].messages()[0].texts().any(|text| text.contains("onfidence")));
}

//! Whole runs: what is accepted, what escalates, what it costs, and what ends a run.

use std::sync::Arc;
use std::time::Duration;

use crate::scripted::{Cell, cascade, chain, completion, gate, request, run_on};
use proptest::prelude::*;
use tierfall_core::cascade::{Answerer, Cascade, OnAbstain, OnError, OnExhausted, OnFilter, Parts, Policy, TierIx};
use tierfall_core::completion::{Completion, Finish, Usage};
use tierfall_core::money::{Cost, Money};
use tierfall_core::number::Threshold;
use tierfall_core::plan::Skip;
use tierfall_core::provider::CallErrorKind;
use tierfall_core::request::Request;
use tierfall_core::rule::table::Condition;
use tierfall_core::rule::{Route, Rule};
use tierfall_core::run::{Next, Outcome, Run, Took};
use tierfall_core::trace::{CostBasis, OutcomeKind, Stopped};

fn tiers_called(cascade: &Cascade, cells: &[Cell]) -> Vec<Arc<str>> {
    run_on(cascade, cells).1.steps.iter().map(|step| step.tier.clone()).collect()
}

#[test]
fn a_sure_answer_is_accepted_and_an_unsure_one_escalates() {
    let cascade = cascade(&[0.5, 0.5], Policy::default());
    let (outcome, trace) = run_on(&cascade, &[Cell::score(0.9), Cell::score(0.1), Cell::score(0.1)]);
    assert!(matches!(outcome, Outcome::Answered(served) if served.tier == TierIx(0)));
    assert_eq!(trace.steps.len(), 1);
    let (outcome, trace) = run_on(&cascade, &[Cell::score(0.4), Cell::score(0.6), Cell::score(0.1)]);
    assert!(matches!(outcome, Outcome::Answered(served) if served.tier == TierIx(1)));
    assert_eq!(trace.steps[0].decision.reason(), "below-threshold");
    assert_eq!(trace.steps[1].decision.reason(), "above-threshold");
}

#[test]
fn the_last_tier_is_always_servable() {
    let cascade = cascade(&[0.5], Policy::default());
    for (cell, detail) in [
        (Cell::none(), None),
        (Cell::none().finish(Finish::Length), Some("truncated")),
        (Cell::none().finish(Finish::ContentFilter), Some("filtered")),
        (Cell::none().finish(Finish::Other("odd".into())), Some("unfinished (odd)")),
        (Cell::none().refusal(), Some("refused")),
        (Cell::none().text(" \n"), Some("empty")),
    ] {
        let (outcome, trace) = run_on(&cascade, &[Cell::score(0.1), cell]);
        assert!(matches!(outcome, Outcome::Answered(served) if served.tier == TierIx(1)));
        let decision = &trace.steps[1].decision;
        assert_eq!((decision.reason(), decision.detail().as_deref()), ("last-tier", detail));
        assert_eq!(serde_json::to_value(&trace.steps[1]).unwrap()["detail"].as_str(), detail);
        assert_eq!(trace.confidence, None);
    }
}

/// At the end of the plan no gate is in force, whatever becomes of the call.
#[test]
fn a_call_that_fails_at_the_end_of_the_plan_was_under_no_gate() {
    let rule = Rule { name: "on-premises".into(), when: Arc::new(Always), route: Route::only([TierIx(0)]) };
    let alone = cascade(&[0.5], Policy::default()).with_rules(vec![rule]);
    for cell in [Cell::error(CallErrorKind::Overloaded), Cell::score(0.1)] {
        let (_, trace) = run_on(&alone, &[cell, Cell::none()]);
        assert_eq!((trace.steps.len(), trace.steps[0].threshold, trace.steps[0].threshold_display), (1, None, None));
    }
}

#[test]
fn broken_answers_defer_for_a_reason_of_their_own() {
    let cascade = cascade(&[0.0], Policy::default());
    for (cell, reason, detail) in [
        (Cell::score(1.0).finish(Finish::Length), "truncated", None),
        (Cell::score(1.0).finish(Finish::ContentFilter), "filtered", None),
        (Cell::score(1.0).refusal(), "refused", None),
        (Cell::score(1.0).finish(Finish::Other("abort2".into())), "unfinished", Some("abort2")),
        (Cell::score(1.0).text(""), "empty", None),
        (Cell::score(1.0).text(" \u{feff}\n\u{200b}"), "empty", None),
        (Cell::score(1.0).text("").finish(Finish::ToolCalls), "empty", None),
        (Cell::score(1.0).text("I look it up.").finish(Finish::ToolCalls), "unfinished", Some("tool_calls")),
        (Cell::score(1.0).text("\u{ad}\u{3164}"), "empty", None),
        (Cell::score(1.0).text("<think>It is Paris.</think>\n"), "empty", None),
        (Cell::score(1.0).text("<think>It is"), "empty", None),
        (Cell::score(1.0).text("").finish(Finish::Length), "truncated", None),
        (Cell::none(), "abstained", Some("no-logprobs")),
        (Cell::error(CallErrorKind::RateLimited), "failed", Some("rate-limited")),
    ] {
        let (_, trace) = run_on(&cascade, &[cell, Cell::score(0.0)]);
        assert_eq!((trace.steps[0].decision.reason(), trace.steps[0].decision.detail().as_deref()), (reason, detail));
        assert_eq!(trace.steps.len(), 2);
    }
}

#[test]
fn abstentions_are_accepted_only_where_the_policy_says_so() {
    let cascade = cascade(&[0.5], Policy { on_abstain: OnAbstain::Accept, ..Policy::default() });
    let (_, trace) = run_on(&cascade, &[Cell::none(), Cell::score(0.0)]);
    assert_eq!(trace.steps[0].decision.reason(), "abstention-allowed");
    assert_eq!(trace.confidence, None);
}

#[test]
fn a_failed_last_tier_serves_the_best_answer_before_it() {
    let cells = [Cell::score(0.1), Cell::score(0.9).finish(Finish::Length), Cell::error(CallErrorKind::Overloaded)];
    for (on_exhausted, kind) in [
        (OnExhausted::Answer, OutcomeKind::Answered),
        (OnExhausted::Abstain, OutcomeKind::Abstained),
        (OnExhausted::Review, OutcomeKind::Review),
    ] {
        let cascade = cascade(&[0.5, 0.5], Policy { on_exhausted, ..Policy::default() });
        let (outcome, trace) = run_on(&cascade, &cells);
        assert_eq!(trace.outcome, kind);
        // The complete answer of the first tier is better than the cut one of the second.
        assert_eq!(outcome.served().or(outcome.attached()).map(|served| served.tier), Some(TierIx(0)));
        assert_eq!(outcome.served().is_some(), kind == OutcomeKind::Answered, "what is attached is not served");
    }
    let cascade = cascade(&[0.5], Policy { on_error: OnError::Fail, ..Policy::default() });
    let (outcome, trace) = run_on(&cascade, &[Cell::error(CallErrorKind::Auth), Cell::score(0.0)]);
    assert!(matches!(outcome, Outcome::Failed(error) if error.kind == CallErrorKind::Auth));
    assert_eq!(trace.steps.len(), 1);
}

#[test]
fn a_prompt_that_a_filter_refused_is_answered_by_no_other_provider_unless_the_policy_says_so() {
    let cells = [Cell::score(0.1), Cell::error(CallErrorKind::ContentFilter), Cell::score(1.0)];
    for on_error in [OnError::Escalate, OnError::Fail] {
        let refuses = Policy { on_error, ..Policy::default() };
        let (outcome, trace) = run_on(&cascade(&[0.5, 0.5], refuses), &cells);
        let why = "the provider of tier \"t1\" refused the prompt: scripted failure";
        assert!(matches!(&outcome, Outcome::Refused(said) if &**said == why), "{outcome:?}");
        assert_eq!((trace.steps.len(), trace.error.as_deref(), trace.fallback), (2, Some(why), None));
        let escalates = Policy { on_filter: OnFilter::Escalate, ..refuses };
        let (outcome, trace) = run_on(&cascade(&[0.5, 0.5], escalates), &cells);
        assert_eq!(outcome.served().map(|served| served.tier), Some(TierIx(2)), "{:?}", trace.steps);
    }
}

#[test]
fn a_replay_without_a_recording_fails_instead_of_escalating() {
    let cascade = cascade(&[0.5], Policy::default());
    let (outcome, trace) = run_on(&cascade, &[Cell::error(CallErrorKind::NotRecorded), Cell::score(1.0)]);
    assert!(matches!(outcome, Outcome::Failed(error) if error.kind == CallErrorKind::NotRecorded));
    assert_eq!(trace.cost, Cost::ZERO);
}

#[test]
fn tiers_that_are_down_are_no_polite_abstention() {
    for on_exhausted in [OnExhausted::Abstain, OnExhausted::Review] {
        let cascade = cascade(&[0.5], Policy { on_exhausted, ..Policy::default() });
        let down = || Cell::error(CallErrorKind::Connect);
        let (outcome, trace) = run_on(&cascade, &[down(), down()]);
        assert!(matches!(outcome, Outcome::Failed(error) if error.kind == CallErrorKind::Connect));
        // With an answer in hand the policy holds, and the trace still says what failed.
        let (outcome, with_best) = run_on(&cascade, &[Cell::score(0.1), down()]);
        assert!(outcome.attached().is_some() && outcome.served().is_none() && outcome.kind() != OutcomeKind::Failed);
        let said = with_best.error.unwrap();
        // Where several failed, each is named.
        assert_eq!(trace.error, Some(format!("tier \"t0\": {said}; tier \"t1\": {said}")));
    }
}

#[test]
fn a_human_last_tier_ends_in_review_with_the_best_answer() {
    let mut parts = chain(&[0.5, 0.5], Policy::default());
    parts.tiers.last_mut().unwrap().answerer = Answerer::Human { cost: Some("1.5".parse().unwrap()) };
    let cascade = Cascade::try_from(parts).unwrap();
    let (outcome, trace) = run_on(&cascade, &[Cell::score(0.1), Cell::score(0.2)]);
    assert!(matches!(&outcome, Outcome::Review(Some(served)) if served.tier == TierIx(1)));
    assert!(trace.cost.total().unwrap() > "1.5".parse().unwrap());
    assert_eq!(trace.steps[2].decision.reason(), "review");
}

#[test]
fn time_and_money_stop_the_escalation() {
    let cells = [Cell::score(0.1), Cell::score(0.1), Cell::score(0.1)];
    let deadline = Some(Duration::from_millis(5));
    let cascade_ = cascade(&[0.5, 0.5], Policy { deadline, ..Policy::default() });
    // Every scripted call takes 10 ms: each uses up its share of the time, and the last one the rest.
    let (outcome, trace) = run_on(&cascade_, &cells);
    assert_eq!((trace.steps.len(), trace.stopped), (3, Some(Stopped::Deadline)));
    // Whoever waited is gone: a late answer is a failed call here as it is live, and paid for all the same.
    assert!(matches!(outcome, Outcome::Failed(error) if error.kind == CallErrorKind::Deadline));
    let details: Vec<_> = trace.steps.iter().map(|step| step.decision.detail().unwrap().into_owned()).collect();
    assert_eq!(details, ["timeout", "timeout", "deadline"]);
    assert_eq!(trace.latency, Duration::from_millis(5));
    assert!(trace.cost.total().unwrap() > Money::ZERO);
    let budget: Money = "0.000050".parse().unwrap();
    let cascade_ = cascade(&[0.5, 0.5], Policy { budget: Some(budget), ..Policy::default() });
    let (outcome, trace) = run_on(&cascade_, &cells);
    assert!(trace.steps.len() < 3 && matches!(outcome, Outcome::Answered(_)));
    assert!(trace.cost.total().unwrap() <= budget);
    assert_eq!(trace.stopped, Some(Stopped::Budget));
    let cascade = cascade(&[0.5, 0.5], Policy { budget: Some(Money::ZERO), ..Policy::default() });
    let (outcome, _) = run_on(&cascade, &cells);
    assert!(matches!(outcome, Outcome::Failed(error) if error.message.contains("budget")));
}

#[test]
fn a_request_tightens_the_limits_and_never_widens_them() {
    let tight = Policy { deadline: Some(Duration::from_millis(5)), budget: "0.00005".parse().ok(), ..Policy::default() };
    let wide = Policy { deadline: Some(Duration::from_mins(1)), budget: "100".parse().ok(), ..Policy::default() };
    let first = |policy: Policy, limits: &Policy| {
        let mut limited = request();
        (limited.deadline, limited.budget) = (limits.deadline, limits.budget);
        let run = Run::new(&cascade(&[0.5, 0.5], policy), limited);
        let Next::Call(call) = run.next() else { panic!("the first tier can be asked") };
        let (deadline, trace) = (call.deadline, run.finish().1);
        assert_eq!((trace.route.deadline, trace.route.budget), (limits.deadline, limits.budget));
        deadline
    };
    for (policy, limits) in [(tight, wide), (wide, tight), (Policy::default(), tight), (tight, Policy::default())] {
        assert_eq!(first(policy, &limits), tight.deadline);
    }
    let mut cents = request();
    cents.budget = Some(Money::ZERO);
    let run = Run::new(&cascade(&[0.5, 0.5], wide), cents.clone());
    assert!(matches!(run.finish().0, Outcome::Failed(error) if error.message.contains("budget does not allow")));
    let mut parts = chain(&[0.5], Policy::default());
    let Answerer::Model(model) = &mut parts.tiers[1].answerer else { panic!("a model") };
    model.price = None;
    let run = Run::new(&Cascade::try_from(parts).unwrap(), cents);
    assert!(matches!(run.finish().0, Outcome::Failed(error) if error.message.contains("needs the price of every tier")));
}

#[test]
fn a_call_never_gets_more_time_than_the_deadline_leaves() {
    let cascade = cascade(&[0.5], Policy { deadline: Some(Duration::from_millis(25)), ..Policy::default() });
    let mut run = Run::new(&cascade, request());
    let total = |run: &Run| match run.next() {
        Next::Call(call) => call.timeouts.total.unwrap(),
        Next::Done => panic!("the run should go on"),
    };
    assert_eq!(total(&run), Duration::from_micros(12_500), "half of it is kept for the tier after it");
    run.feed(Ok(completion(&Cell::score(0.1))), Took { latency: Duration::from_millis(10), ..Took::default() });
    assert_eq!(total(&run), Duration::from_millis(15));
}

#[derive(Debug)]
struct Always;

impl Condition for Always {
    fn holds(&self, _: &Request) -> bool {
        true
    }
}

fn routed(route: Route, policy: Policy) -> Cascade {
    let rule = |name: &str, route| Rule { name: name.into(), when: Arc::new(Always), route };
    let mut parts: Parts = chain(&[0.5, 0.5], policy);
    parts.rules = vec![rule("decides", route)];
    Cascade::try_from(parts).expect("the scripted chain is a cascade")
}

#[test]
fn a_rule_decides_where_a_run_goes() {
    let low = [Cell::score(0.1), Cell::score(0.1), Cell::score(0.1)];
    let names = |cascade: &Cascade| tiers_called(cascade, &low).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&routed(Route::enter_at(TierIx(1)), Policy::default())), ["t1", "t2"]);
    let only = Route::only([TierIx(0), TierIx(1)]);
    assert_eq!(names(&routed(only.clone(), Policy::default())), ["t0", "t1"]);
    // At the end of its way the request is served, unless the policy wants more than that.
    let (outcome, _) = run_on(&routed(only.clone(), Policy::default()), &low);
    assert!(matches!(outcome, Outcome::Answered(served) if served.tier == TierIx(1)));
    let (outcome, _) = run_on(&routed(only, Policy { on_exhausted: OnExhausted::Review, ..Policy::default() }), &low);
    assert!(matches!(outcome, Outcome::Review(Some(served)) if served.tier == TierIx(1)));
    let (outcome, trace) = run_on(&routed(Route::Refuse("no legal advice".into()), Policy::default()), &low);
    assert!(matches!(outcome, Outcome::Refused(why) if &*why == "no legal advice"));
    assert_eq!((trace.steps.len(), &*trace.route.rules[0].rule), (0, "decides"));
}

#[test]
fn a_tier_that_cannot_hold_the_prompt_is_skipped_and_named() {
    let mut parts = chain(&[0.5], Policy::default());
    if let Answerer::Model(model) = &mut parts.tiers[0].answerer {
        model.context_window = Some(3);
    }
    let cascade = Cascade::try_from(parts).unwrap();
    let (_, trace) = run_on(&cascade, &[Cell::score(1.0), Cell::score(1.0)]);
    assert_eq!(trace.steps[0].tier.as_ref(), "t1");
    assert!(matches!(trace.route.skipped["t0"], Skip::ContextWindow { .. }), "{:?}", trace.route);
}

#[test]
fn what_the_last_tier_would_have_cost_is_measured_or_estimated() {
    let cascade = cascade(&[0.5], Policy::default());
    let (_, accepted) = run_on(&cascade, &[Cell::score(0.9), Cell::score(0.0)]);
    assert_eq!(accepted.cost_if_last_basis, Some(CostBasis::Estimated));
    let (_, escalated) = run_on(&cascade, &[Cell::score(0.1), Cell::score(0.0)]);
    assert_eq!(escalated.cost_if_last_basis, Some(CostBasis::Measured));
    assert_eq!(escalated.cost_if_last, escalated.steps[1].cost().total());
    assert!(escalated.cost.total() > escalated.cost_if_last, "the rejected answer is paid for too");
}

#[test]
fn an_unknown_price_makes_the_cost_unknown_and_never_zero() {
    let mut parts = chain(&[0.5], Policy::default());
    if let Answerer::Model(model) = &mut parts.tiers[0].answerer {
        model.price = None;
    }
    let cascade = Cascade::try_from(parts).unwrap();
    let (_, trace) = run_on(&cascade, &[Cell::score(0.1), Cell::score(0.0)]);
    assert_eq!(trace.cost.total(), None);
    let json = trace.to_json(Some(&Completion::text("x"))).unwrap();
    assert!(json["cost_usd"].is_null() && json["steps"][1]["cost_usd"].is_number());
}

#[test]
fn the_trace_has_the_keys_that_other_tools_read() {
    let cascade = cascade(&[0.5], Policy::default());
    let (outcome, trace) = run_on(&cascade, &[Cell::score(0.1), Cell::score(0.0)]);
    let json = trace.to_json(outcome.served().map(|served| &*served.answer)).unwrap();
    for key in [
        "outcome",
        "tier",
        "confidence",
        "answer",
        "cost_usd",
        "cost_if_last_usd",
        "cost_if_last_basis",
        "latency_ms",
        "request_id",
        "route",
        "steps",
    ] {
        assert!(json.get(key).is_some(), "{key} is missing in {json}");
    }
    for key in [
        "tier",
        "decision",
        "reason",
        "signals",
        "gate_value",
        "tie",
        "confidence",
        "threshold",
        "usage",
        "cost_usd",
        "latency_ms",
    ] {
        assert!(json["steps"][0].get(key).is_some(), "{key} is missing in {json}");
    }
    assert_eq!(json["steps"][0]["usage"], serde_json::to_value(Usage { input: 10, output: 2, ..Usage::default() }).unwrap());
}

#[test]
fn what_the_rules_had_to_read_is_counted() {
    let cascade = cascade(&[0.5], Policy::default());
    // A positive "log-probability" is the scripted signal's own convention, and none by the declared rules.
    let (_, trace) = run_on(&cascade, &[Cell::score(0.1), Cell::score(0.0)]);
    let tokens = trace.steps[0].tokens.unwrap();
    assert_eq!((tokens.total, tokens.invalid, tokens.without_alternatives), (1, 1, 1));
    assert_eq!(trace.to_json(None).unwrap()["steps"][0]["tokens"]["invalid"], 1);
    let (_, trace) = run_on(&cascade, &[Cell::none(), Cell::score(0.0)]);
    assert_eq!(trace.steps[0].tokens, None);
}

#[test]
fn parts_that_are_no_cascade_are_refused() {
    use tierfall_core::cascade::CascadeError;
    let of = |parts: Parts| Cascade::try_from(parts).map(|_| ()).unwrap_err();
    let mut parts = chain(&[0.5], Policy::default());
    parts.tiers[0].gate = None;
    assert_eq!(of(parts), CascadeError::Ungated("t0".into()));
    let mut parts = chain(&[0.5], Policy::default());
    parts.tiers[1].gate = Some(gate(Threshold::DeferAll));
    assert_eq!(of(parts), CascadeError::LastIsGated("t1".into()));
    let mut parts = chain(&[0.5], Policy::default());
    parts.tiers[1].name = "t0".into();
    assert_eq!(of(parts), CascadeError::DuplicateName("t0".into()));
    let mut parts = chain(&[], Policy::default());
    parts.tiers.clear();
    assert_eq!(of(parts), CascadeError::NoTiers);
}

pub(crate) fn cells() -> impl Strategy<Value = Vec<Cell>> {
    let finish = prop_oneof![
        8 => Just(Finish::Stop),
        1 => Just(Finish::Length),
        1 => Just(Finish::ContentFilter),
        1 => "[a-z_]{0,9}".prop_map(Finish::from),
    ];
    let kind = prop_oneof![Just(CallErrorKind::Timeout), Just(CallErrorKind::Auth), Just(CallErrorKind::Malformed)];
    let cell = prop_oneof![
        // Few distinct scores, so that ties decide often.
        8 => ((0u8..6), finish.clone()).prop_map(|(s, finish)| Cell::score(f64::from(s) / 5.0).finish(finish)),
        1 => finish.prop_map(|finish| Cell::none().finish(finish)),
        1 => (0u8..6).prop_map(|s| Cell::score(f64::from(s) / 5.0).text(" ")),
        1 => (0u8..6).prop_map(|s| Cell::score(f64::from(s) / 5.0).refusal()),
        1 => kind.prop_map(Cell::error),
    ];
    proptest::collection::vec(cell, 5)
}

pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    let on_abstain = prop_oneof![Just(OnAbstain::Escalate), Just(OnAbstain::Accept)];
    let on_exhausted = prop_oneof![
        Just(OnExhausted::Answer),
        Just(OnExhausted::BestWhole),
        Just(OnExhausted::Abstain),
        Just(OnExhausted::Review)
    ];
    let deadline = prop_oneof![Just(None), (1u64..60).prop_map(|ms| Some(Duration::from_millis(ms)))];
    let budget = prop_oneof![Just(None), (0u128..900_000_000).prop_map(|pico| Some(Money::from_pico(pico)))];
    (on_abstain, on_exhausted, deadline, budget).prop_map(|(on_abstain, on_exhausted, deadline, budget)| Policy {
        on_error: OnError::Escalate,
        on_filter: OnFilter::default(),
        on_abstain,
        on_exhausted,
        budget,
        deadline,
    })
}

proptest! {
    #[test]
    fn raising_a_threshold_never_calls_fewer_tiers(
        cells in cells(), thresholds in proptest::collection::vec(0.0..1.0f64, 4), which in 0usize..4, by in 0.0..1.0f64, policy in policy()
    ) {
        let mut higher = thresholds.clone();
        higher[which] += by;
        let (low, high) = (tiers_called(&cascade(&thresholds, policy), &cells), tiers_called(&cascade(&higher, policy), &cells));
        prop_assert!(high.len() >= low.len());
        prop_assert_eq!(&high[..low.len()], &low[..]);
    }

    #[test]
    fn a_gate_accepts_only_what_is_finished_and_says_something(
        cells in cells(), thresholds in proptest::collection::vec(0.0..1.0f64, 4), policy in policy()
    ) {
        let (_, trace) = run_on(&cascade(&thresholds, policy), &cells);
        for (step, cell) in trace.steps.iter().zip(&cells) {
            let (decision, reason) = (step.decision.as_str(), step.decision.reason());
            prop_assert!(decision == "defer" || reason == "last-tier" || cell.is_whole(), "{reason}: {cell:?}");
            // The last tier, which serves whatever it has, says what is the matter with it.
            prop_assert_eq!(reason == "last-tier" && !cell.is_whole(), reason == "last-tier" && step.decision.detail().is_some());
        }
    }

    #[test]
    fn every_cent_in_the_ledger_is_in_a_step(cells in cells(), thresholds in proptest::collection::vec(0.0..1.0f64, 4), policy in policy()) {
        let (_, trace) = run_on(&cascade(&thresholds, policy), &cells);
        let mut steps: Vec<Cost> = trace.steps.iter().map(tierfall_core::trace::Step::cost).collect();
        prop_assert_eq!(trace.cost, steps.iter().copied().sum());
        steps.reverse();
        prop_assert_eq!(trace.cost, steps.iter().copied().sum());
        prop_assert_eq!(trace.latency, trace.steps.iter().map(|step| step.latency).sum());
    }

    #[test]
    fn a_run_ends_and_calls_no_tier_twice(cells in cells(), thresholds in proptest::collection::vec(0.0..1.0f64, 4), policy in policy()) {
        let cascade = cascade(&thresholds, policy);
        let mut run = Run::new(&cascade, request());
        let mut called = Vec::new();
        while let Next::Call(call) = run.next() {
            let tier = call.tier();
            prop_assert!(called.last().is_none_or(|before| *before < tier));
            called.push(tier);
            let (result, took) = crate::scripted::result(&cells[tier.0]);
            run.feed(result, took);
        }
        // With an answer in time from any tier and a policy to answer, nobody goes away empty-handed; without one, nobody
        // is told that the cascade declined.
        let (outcome, trace) = run.finish();
        let any = trace.steps.iter().any(|step| step.decision.reason() != "failed");
        prop_assert!(!any || outcome.kind() == OutcomeKind::Answered || !policy.on_exhausted.serves_the_best());
        prop_assert!(any || outcome.kind() == OutcomeKind::Failed);
    }
}

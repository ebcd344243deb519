//! What nobody told of a call's cost: it is estimated where there is a most, and a budget keeps that back.

use std::sync::Arc;
use std::time::Duration;

use crate::scripted::{Cell, cascade, chain, completion, request};
use tierfall_core::cascade::{Answerer, Cascade, Policy};
use tierfall_core::completion::{Completion, Delta, Sample};
use tierfall_core::draft::Verdict;
use tierfall_core::estimate::Estimate;
use tierfall_core::money::Price;
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Charges, Member};
use tierfall_core::run::{Next, Run, Took};
use tierfall_core::signal::NamedSignal;
use tierfall_core::trace::Stopped;

/// Two tiers with a limit on their answers; the first one samples ten.
fn sampling(policy: Policy, limit: Option<u32>) -> Cascade {
    let mut parts = chain(&[0.5], policy);
    for tier in &mut parts.tiers {
        let Answerer::Model(model) = &mut tier.answerer else { unreachable!() };
        model.params.max_tokens = limit;
    }
    let agreement = NamedSignal::built_in(serde_json::json!({"agreement": {"samples": 10}})).unwrap();
    parts.tiers[0].gate.as_mut().unwrap().observe.push(agreement);
    Cascade::try_from(parts).unwrap()
}

/// Ten answers that say nothing of their usage.
fn untold() -> Arc<Completion> {
    let samples = vec![Sample::default(); 9];
    Arc::new(Completion { usage: None, samples, ..Completion::clone(&completion(&Cell::score(0.1))) })
}

#[expect(clippy::unnecessary_wraps, reason = "as attempts have it")]
fn dear() -> Option<Member> {
    Some(Member { name: "dear".into(), charges: Charges::Own(Price::per_million("100", "100").unwrap()) })
}

fn next_call(run: &Run) -> tierfall_core::permit::PermittedCall {
    let Next::Call(call) = run.next() else { panic!("{:?}", run.next()) };
    call
}

#[test]
fn the_most_of_an_untold_call_is_kept_back_at_its_members_price() {
    for member in [None, dear()] {
        let mut run = Run::new(&sampling(Policy::default(), Some(30)), request());
        let (call, took) = (next_call(&run), Took { member: member.clone(), ..Took::default() });
        let attempt = Attempt::new(None, Billing::Estimated(Estimate::of(&call, Some(&untold()))), Duration::ZERO);
        let most = attempt.by(member.clone()).cost(call.price()).at_most().unwrap();
        run.feed(Ok(untold()), took.clone());
        let next = next_call(&run).expected_cost().unwrap();
        // Where the budget does not suffice for both, the next call is not made.
        for (budget, stopped) in [(most + next, None), ("0.001".parse().unwrap(), Some(Stopped::Budget))] {
            let policy = Policy { budget: Some(budget), ..Policy::default() };
            let mut run = Run::new(&sampling(policy, Some(30)), request());
            run.feed(Ok(untold()), took.clone());
            assert_eq!(matches!(run.next(), Next::Done), stopped.is_some(), "{budget:?} {member:?}");
            let (_, trace) = run.finish();
            assert_eq!((trace.stopped, trace.cost.at_most()), (stopped, Some(most)));
        }
        assert!(most + next > "0.001".parse().unwrap());
    }
}

#[test]
fn a_charge_of_unknown_size_counts_as_the_most_of_its_call() {
    // Its provider says that it may have been charged, and nothing else.
    let unknown = Attempt::new(CallErrorKind::Malformed, Billing::Unknown, Duration::ZERO);
    for member in [None, dear()] {
        let policy = Policy { budget: "0.001".parse().ok(), ..Policy::default() };
        let mut run = Run::new(&sampling(policy, Some(30)), request());
        let attempts = vec![unknown.clone().by(member)];
        run.feed(Err(CallError::new(CallErrorKind::Malformed, "no JSON").with_attempts(attempts)), Took::default());
        let (_, trace) = run.finish();
        assert_eq!((trace.stopped, trace.cost.unknown_charges()), (Some(Stopped::Budget), 1));
    }
}

#[test]
fn an_answer_that_tells_no_usage_is_estimated_where_there_is_a_most() {
    for (limit, estimated) in [(Some(30), 1), (None, 0)] {
        let mut run = Run::new(&sampling(Policy::default(), limit), request());
        run.feed(Ok(untold()), Took::default());
        let (_, trace) = run.finish();
        assert_eq!((trace.cost.estimated_charges(), trace.cost.unknown_charges()), (estimated, 1 - estimated));
        let json = trace.to_json(None).unwrap();
        assert_eq!(json["steps"][0]["calls"][0]["cost_usd"].is_null(), limit.is_none());
        assert_eq!(json["steps"][0]["calls"][0]["cost_at_most_usd"].is_null(), limit.is_none());
    }
}

#[test]
fn a_late_answer_is_charged_at_its_members_price() {
    let policy = Policy { deadline: Some(Duration::from_millis(5)), ..Policy::default() };
    let answers = [completion(&Cell::score(0.1)), untold()];
    for answer in answers {
        let mut run = Run::new(&sampling(policy, Some(30)), request());
        let call = next_call(&run);
        let expected = Attempt::new(None, Billing::of(&call, &answer), Duration::ZERO).by(dear()).cost(None);
        run.feed(Ok(answer), Took { latency: Duration::from_millis(10), member: dear(), ..Took::default() });
        assert_eq!(run.steps()[0].cost(), expected);
    }
}

#[test]
fn a_cut_call_is_told_as_one() {
    let cascade = cascade(&[0.5], Policy::default());
    let mut run = Run::new(&cascade, request());
    let mut draft = run.draft();
    let begun = Delta { finish: None, ..Delta::from(&*completion(&Cell::score(0.1))) };
    assert_eq!(draft.push(&begun), Ok(Verdict::Cut));
    run.feed_cut(&draft.cut().unwrap(), Took { member: dear(), ..Took::default() });
    let attempt = &run.steps()[0].calls[0].attempt;
    assert_eq!((attempt.error, &attempt.member), (Some(CallErrorKind::Cancelled), &dear()));
    let json = run.finish().1.to_json(None).unwrap();
    assert_eq!(json["steps"][0]["calls"][0]["error"], "cancelled");
}

#[test]
fn one_of_several_charges_what_they_all_do_or_nobody_knows_what() {
    let member = |name: &str, charges| Member { name: name.into(), charges };
    let own = |rate: &str| Charges::Own(Price::per_million(rate, rate).unwrap());
    for (members, one) in [
        (vec![], None),
        (vec![member("east", own("7"))], Some(member("east", own("7")))),
        (vec![member("west", own("7")), member("east", own("7"))], Some(member("east, west", own("7")))),
        (vec![member("west", Charges::AsTheTier), member("east", own("7"))], Some(member("east, west", Charges::Unknown))),
    ] {
        assert_eq!(Member::one_of(&members), one);
    }
    // What such a one costs is in no interval, and no budget takes it for nothing.
    let unsure = Member::one_of(&[member("west", Charges::AsTheTier), member("east", own("7"))]);
    let policy = Policy { budget: "0.001".parse().ok(), ..Policy::default() };
    let mut run = Run::new(&sampling(policy, Some(30)), request());
    run.feed(Ok(untold()), Took { member: unsure, ..Took::default() });
    let (_, trace) = run.finish();
    assert_eq!((trace.cost.unknown_charges(), trace.cost.total(), trace.stopped), (1, None, Some(Stopped::Budget)));
}

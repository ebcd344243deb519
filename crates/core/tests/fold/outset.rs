//! What a plan says of a run before any call is what the run does.

use std::time::Duration;

use crate::permission::{any_cascade, any_request, rule, ruled};
use crate::scripted::{Cell, chain, result};
use proptest::prelude::*;
use tierfall_core::cascade::{Answerer, Cascade, CascadeError, Parts, Policy, TierIx};
use tierfall_core::money::{Money, Price};
use tierfall_core::outset::Uncalled;
use tierfall_core::plan::Plan;
use tierfall_core::replay::replay;
use tierfall_core::rule::Route;
use tierfall_core::run::Outcome;

/// A cascade of other parts; its fit, which is of the old ones, is left out.
fn altered(cascade: &Cascade, edit: impl FnOnce(&mut Parts)) -> Result<Cascade, CascadeError> {
    let (name, salt) = (cascade.name().clone(), cascade.salt().into());
    let mut parts =
        Parts { name, salt, tiers: cascade.tiers().to_vec(), rules: cascade.rules().to_vec(), policy: *cascade.policy() };
    edit(&mut parts);
    Cascade::try_from(parts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_plan_says_what_a_run_does_before_any_call(
        cascade in any_cascade(), request in any_request(), own in any::<bool>(), priced in any::<bool>(),
        budget in proptest::option::of(prop_oneof![Just("0"), Just("0.00001"), Just("0.01"), Just("100")]),
        deadline in proptest::option::of(prop_oneof![Just(0), Just(1000)]),
    ) {
        let price = |n: usize| Price::per_million(&n.to_string(), &(100 * n).to_string()).ok();
        let (budget, deadline) = (budget.map(|usd| usd.parse().unwrap()), deadline.map(Duration::from_millis));
        let mut request = request;
        let mut policy = *cascade.policy();
        (request.budget, request.deadline) = (budget.filter(|_| own), deadline.filter(|_| own));
        // With its fit, where nothing of it is altered.
        let altered = if own && priced { Ok(cascade) } else { altered(&cascade, |parts| {
            (policy.budget, policy.deadline) = (budget.filter(|_| !own), deadline.filter(|_| !own));
            parts.policy = policy;
            for (n, tier) in parts.tiers.iter_mut().enumerate() {
                if let Answerer::Model(model) = &mut tier.answerer {
                    model.price = price(n).filter(|_| priced);
                    model.params.max_tokens = Some(100);
                }
            }
        }) };
        let Ok(cascade) = altered else { return Ok(()) };
        let mut calls = Vec::new();
        let (outcome, trace) = replay(&cascade, request.clone(), |tier, _| {
            calls.push(tier);
            result(&Cell::score(0.0))
        });
        let plan = Plan::new(&cascade, request);
        let person = |ix: &TierIx| matches!(cascade.tier(*ix).answerer, Answerer::Human { .. });
        match plan.uncalled() {
            Some(said) => {
                prop_assert!(calls.is_empty(), "{said:?}: {calls:?}");
                match (said, outcome) {
                    (Uncalled::Refused(why), Outcome::Refused(because)) => prop_assert_eq!(why, because),
                    (Uncalled::Review(_), Outcome::Review(None)) => {}
                    (Uncalled::Failed { error, stopped }, Outcome::Failed(came)) => {
                        prop_assert_eq!((error.kind, error.message, stopped), (came.kind, came.message, trace.stopped));
                    }
                    (said, outcome) => prop_assert!(false, "{said:?}, and then {outcome:?}"),
                }
            }
            None if person(&plan.tiers[0]) => prop_assert!(calls.is_empty() && matches!(outcome, Outcome::Review(None))),
            None => prop_assert_eq!(calls.first(), Some(&plan.tiers[0])),
        }
    }
}

#[test]
fn a_refusal_comes_before_all_else_and_a_review_before_what_keeps_models_from_being_called() {
    let mut parts = chain(&[0.5, 0.5], Policy { budget: Some(Money::ZERO), ..Policy::default() });
    let mut request = ruled();
    request.point = Some("nowhere".into());
    let mut ended = |route| {
        parts.rules = vec![rule(0, route)];
        let (outcome, trace) =
            replay(&Cascade::try_from(parts.clone()).unwrap(), request.clone(), |_, _| unreachable!("no call"));
        assert_eq!(trace.steps.len(), 0);
        outcome
    };
    assert!(matches!(ended(Route::Refuse("no".into())), Outcome::Refused(why) if &*why == "no"));
    assert!(matches!(ended(Route::Review("look".into())), Outcome::Review(None)));
    assert!(matches!(ended(Route::enter_at(TierIx(1))), Outcome::Failed(error) if error.message.contains("no operating point")
        || error.message.contains("no fit")));
}

//! Several providers behind one tier: who made an attempt is told, and charged at its own price.

use std::time::Duration;

use crate::scripted::{Cell, cascade, completion, request, result};
use tierfall_core::cascade::Policy;
use tierfall_core::completion::Usage;
use tierfall_core::estimate::Estimate;
use tierfall_core::money::{Money, Price};
use tierfall_core::provider::{Attempt, Billing, CallErrorKind, Charges, Member};
use tierfall_core::replay::replay;
use tierfall_core::run::Took;
use tierfall_core::trace::CostBasis;

fn member(name: &str, dollars: Option<&str>) -> Member {
    let price = |rate: &str| Price {
        input: rate.parse().unwrap(),
        output: rate.parse().unwrap(),
        cached_input: None,
        cached_write: None,
    };
    Member { name: name.into(), charges: dollars.map_or(Charges::AsTheTier, |rate| Charges::Own(price(rate))) }
}

#[test]
fn a_member_is_told_and_charged_at_its_own_price() {
    let metered = Billing::Metered(Usage { input: 100, output: 0, ..Usage::default() });
    let cut = Attempt::new(CallErrorKind::Truncated, metered, Duration::from_millis(1)).by(Some(member("east", Some("7"))));
    let (_, trace) = replay(&cascade(&[0.5], Policy::default()), request(), |tier, _| match tier.0 {
        0 => {
            let took = Took { failed: vec![cut.clone()], member: Some(member("west", Some("2"))), ..Took::default() };
            (Ok(completion(&Cell::score(0.1))), took)
        }
        _ => result(&Cell::score(0.9)),
    });
    let calls = &trace.steps[0].calls;
    let micro = |n: u128| Money::from_pico(n * 1_000_000);
    assert_eq!(calls.iter().map(|call| call.cost.total()).collect::<Vec<_>>(), [Some(micro(700)), Some(micro(24))]);
    // The last tier's attempt is nobody's in particular, at the tier's price.
    assert_eq!(trace.steps[1].cost().total(), Some(micro(5 * 16)));
    let json = trace.to_json(None).unwrap();
    let told = |step: usize, call: usize| json["steps"][step]["calls"][call].get("member").cloned();
    assert_eq!([told(0, 0), told(0, 1), told(1, 0)], [Some("east".into()), Some("west".into()), None]);
    assert!(json["steps"][0]["calls"][0].get("price").is_none());
}

#[test]
fn a_member_without_a_price_has_the_tiers() {
    let (_, trace) = replay(&cascade(&[], Policy::default()), request(), |_, _| {
        (Ok(completion(&Cell::score(0.9))), Took { member: Some(member("west", None)), ..Took::default() })
    });
    assert_eq!(trace.cost.total(), Some(Money::from_pico(16_000_000)));
}

#[test]
fn what_the_last_tier_cost_is_not_measured_where_a_part_of_it_is_estimated() {
    for (usage, basis) in [(None, CostBasis::Measured), (Some(Estimate::default()), CostBasis::Estimated)] {
        let cut = usage.map(|usage| Attempt::new(CallErrorKind::Timeout, Billing::Estimated(usage), Duration::ZERO));
        let (_, trace) = replay(&cascade(&[], Policy::default()), request(), |_, _| {
            (Ok(completion(&Cell::score(0.9))), Took { failed: cut.clone().into_iter().collect(), ..Took::default() })
        });
        assert_eq!((trace.cost_if_last, trace.cost_if_last_basis), (trace.cost.total(), Some(basis)));
    }
}

//! Which tiers earn their call.

use tierfall_calibrate::advise::advise;
use tierfall_calibrate::ask::SignalChoice;
use tierfall_calibrate::report::Earns;

use crate::population::{Population, draw, named};

#[test]
fn a_tier_whose_scores_know_earns_its_call() {
    let observations = draw(Population { items: 3000, ..Population::default() });
    let advice = advise(&observations, 0, &[named("sure"), named("sure")], 1).unwrap();
    assert_eq!(advice.chains.len(), 7, "every sub-chain of three tiers");
    let earns: Vec<Earns> = advice.tiers.iter().map(|tier| tier.earns).collect();
    assert!(earns[1..] == [Earns::Yes; 2], "{:#?}", advice.tiers);
    // What the smallest could save, the medium one saves already.
    assert!(advice.tiers[1].saving.unwrap().value > 0.05 && advice.tiers[0].saving.unwrap().value < 0.03);
    let always = advice.chains.iter().find(|chain| chain.chain == ["large"]).unwrap();
    assert!((always.cost_ratio.unwrap().value - 1.0).abs() < 1e-9);
}

#[test]
fn a_tier_whose_scores_know_nothing_does_not() {
    let observations = draw(Population { items: 3000, segments: 2, ..Population::default() });
    let advice = advise(&observations, 0, &[named("noise"), named("sure")], 1).unwrap();
    assert_ne!(advice.tiers[0].earns, Earns::Yes, "{:#?}", advice.tiers[0]);
    assert_eq!(advice.tiers[1].earns, Earns::Yes);
    assert_eq!(advice.tiers[0].segments.len(), 2);
    assert!(advice.advice.iter().any(|sentence| sentence.contains("\"small\"")), "{:?}", advice.advice);
}

#[test]
fn it_is_the_same_for_any_number_of_threads() {
    let observations = draw(Population { items: 400, segments: 2, ..Population::default() });
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        format!("{:?}", pool.install(|| advise(&observations, 0, &[SignalChoice::Auto, named("sure")], 3).unwrap()))
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn without_costs_nothing_is_said_of_savings() {
    let observations = draw(Population { items: 300, costs: false, ..Population::default() });
    let advice = advise(&observations, 0, &[named("sure"), named("sure")], 1).unwrap();
    assert!(advice.tiers.iter().all(|tier| tier.saving.is_none() && tier.earns == Earns::Unclear));
    assert!(!advice.warnings.is_empty());
}

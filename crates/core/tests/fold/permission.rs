//! Who may see a request: no call of any kind reaches a tier that a rule keeps it from.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::scripted::{Cell, chain, gate, result};
use proptest::prelude::*;
use tierfall_core::cascade::{Answerer, Capability, Cascade, OnAbstain, OnExhausted, Policy, Tier, TierIx};
use tierfall_core::completion::{Completion, Finish};
use tierfall_core::fusion::{FusedInput, Fusion, GateValue};
use tierfall_core::gate::{Decision, Gate};
use tierfall_core::map::Transform;
use tierfall_core::number::{Score, Threshold};
use tierfall_core::permit::{PermittedCall, Then};
use tierfall_core::plan::{Plan, Skip};
use tierfall_core::point::{Cut, FittedGate, OperatingPoint};
use tierfall_core::provider::CallErrorKind;
use tierfall_core::replay::replay;
use tierfall_core::request::{Purpose, Request};
use tierfall_core::rule::table::Condition;
use tierfall_core::rule::{Route, Rule};
use tierfall_core::run::Outcome;
use tierfall_core::segment::Segments;
use tierfall_core::signal::table::SignalSpec;
use tierfall_core::signal::{Abstain, NamedSignal};
use tierfall_core::trace::Trace;

/// Holds for requests with the tag `k`.
#[derive(Debug)]
struct Tagged(usize);

impl Condition for Tagged {
    fn holds(&self, request: &Request) -> bool {
        request.tags.contains_key(&self.0.to_string())
    }
}

fn rule(k: usize, route: Route) -> Rule {
    Rule { name: format!("rule-{k}").into(), when: Arc::new(Tagged(k)), route }
}

fn signal(json: &serde_json::Value) -> NamedSignal {
    serde_json::from_value::<SignalSpec>(json.clone()).unwrap().build().unwrap()
}

/// Asks the tier of this name whether an answer is right.
fn p_true(surrogate: &str) -> NamedSignal {
    signal(&serde_json::json!({ "p-true": { "surrogate": surrogate } }))
}

/// A request under every rule.
fn ruled() -> Request {
    let mut request = Request::new("id", "My card is 4111 1111 1111 1111. Where is my order?");
    request.tags.insert("0".to_owned(), String::new());
    request
}

/// Three tiers; the first one's gate asks the last.
fn asking_the_last(route: Route, policy: Policy) -> Cascade {
    let mut parts = chain(&[0.5, 0.5], policy);
    parts.tiers[0].gate = Some(Gate::new(p_true("t2"), Threshold::accept_from(Score::new(0.0).unwrap())));
    parts.rules = vec![rule(0, route)];
    Cascade::try_from(parts).unwrap()
}

fn only(tiers: &[usize]) -> Route {
    Route::Only(tiers.iter().copied().map(TierIx).collect())
}

/// Every tier that was called, in order, and whether by a probe.
fn called(cascade: &Cascade, request: Request) -> (Outcome, Trace, Vec<(usize, bool)>) {
    let mut calls = Vec::new();
    let (outcome, trace) = replay(cascade, request, |tier, call| {
        assert_eq!(tier, call.tier());
        calls.push((tier.0, matches!(call.purpose, Purpose::Probe(_))));
        result(&Cell::score(0.9))
    });
    (outcome, trace, calls)
}

#[test]
fn a_probe_does_not_reach_a_tier_that_a_rule_forbids() {
    let (outcome, trace, calls) = called(&asking_the_last(only(&[0, 1]), Policy::default()), ruled());
    assert_eq!(calls, [(0, false), (1, false)]);
    assert_eq!(trace.steps[0].decision.detail().as_deref(), Some("not-allowed"));
    assert_eq!(outcome.served().map(|served| served.tier), Some(TierIx(1)));
    assert_eq!(trace.route.skipped["t2"], Skip::NotAllowed);
    // What no rule restricts is asked as ever.
    let (_, _, calls) = called(&asking_the_last(only(&[0, 1]), Policy::default()), Request::new("id", "Where is it?"));
    assert_eq!(calls[..2], [(0, false), (2, true)]);
}

#[test]
fn a_gate_that_may_not_ask_is_accepted_only_where_the_policy_accepts_abstentions() {
    let policy = Policy { on_abstain: OnAbstain::Accept, ..Policy::default() };
    let (outcome, trace, calls) = called(&asking_the_last(only(&[0, 1]), policy), ruled());
    assert_eq!((calls, trace.steps[0].decision.reason()), (vec![(0, false)], "abstention-allowed"));
    assert_eq!(trace.steps[0].signals[0].1, Err(Abstain::NotAllowed), "the trace says why nothing was read");
    assert_eq!(outcome.served().map(|served| served.tier), Some(TierIx(0)));
}

#[test]
fn a_validator_that_may_not_ask_lets_nothing_pass() {
    let mut parts = chain(&[0.5, 0.5], Policy { on_abstain: OnAbstain::Accept, ..Policy::default() });
    let own = parts.tiers[0].gate.as_mut().unwrap();
    own.require = vec![p_true("t2")];
    parts.rules = vec![rule(0, only(&[0, 1]))];
    let (_, trace, calls) = called(&Cascade::try_from(parts).unwrap(), ruled());
    assert_eq!((calls, trace.steps[0].decision.detail().as_deref()), (vec![(0, false), (1, false)], Some("not-allowed")));
}

#[test]
fn a_rule_that_enters_later_skips_tiers_and_forbids_none() {
    let mut parts = chain(&[0.5, 0.5], Policy::default());
    parts.tiers[1].gate = Some(Gate::new(p_true("t0"), Threshold::DeferAll));
    parts.rules = vec![rule(0, Route::EnterAt(TierIx(1)))];
    let cascade = Cascade::try_from(parts).unwrap();
    let (_, trace, calls) = called(&cascade, ruled());
    assert_eq!(calls, [(1, false), (0, true), (2, false)]);
    assert_eq!(trace.route.skipped["t0"], Skip::BeforeEntry);
    let plan = Plan::new(&cascade, ruled());
    assert!(matches!(plan.skipped[..], [(TierIx(0), Skip::BeforeEntry)]) && plan.may_see(TierIx(0)).is_some());
}

#[test]
fn a_refusal_lets_nobody_see_the_request() {
    let cascade = asking_the_last(Route::Refuse("no".into()), Policy::default());
    let (outcome, _, calls) = called(&cascade, ruled());
    assert!(matches!(outcome, Outcome::Refused(_)) && calls.is_empty());
    let plan = Plan::new(&cascade, ruled());
    assert!((0..3).all(|ix| plan.may_see(TierIx(ix)).is_none()) && plan.tiers.is_empty());
}

#[test]
fn a_prompt_that_is_too_long_for_the_allowed_goes_to_none_of_the_others() {
    let mut parts = chain(&[0.5, 0.5], Policy::default());
    for tier in &mut parts.tiers[..2] {
        if let Answerer::Model(model) = &mut tier.answerer {
            model.context_window = Some(3);
        }
    }
    parts.rules = vec![rule(0, only(&[0, 1]))];
    let (_, _, calls) = called(&Cascade::try_from(parts).unwrap(), ruled());
    assert_eq!(calls, [(1, false)], "the dearest that the rule allows is asked all the same");
}

#[test]
fn only_the_plan_of_a_tier_with_a_model_permits() {
    let mut parts = chain(&[0.5, 0.5], Policy::default());
    parts.tiers[2].answerer = Answerer::Human { cost: None };
    let cascade = Cascade::try_from(parts).unwrap();
    let plan = Plan::new(&cascade, ruled());
    let permitted: Vec<bool> = (0..9).map(|ix| plan.may_see(TierIx(ix)).is_some()).collect();
    assert_eq!(permitted[..4], [true, true, false, false]);
    let permit = plan.may_see(TierIx(1)).unwrap();
    let call = permit.answering_call();
    assert_eq!((call.tier(), &*call.model), (TierIx(1), "model-1"));
}

#[test]
fn what_comes_of_a_signal_that_may_not_ask_is_told() {
    let asks = || p_true("t2");
    let said = |signal: NamedSignal, observe: Vec<NamedSignal>, value: Option<GateValue>, on_abstain| {
        let mut parts = chain(&[0.5, 0.5], Policy { on_abstain, ..Policy::default() });
        parts.tiers[0].gate = Some(Gate { observe, value, ..Gate::new(signal, Threshold::DeferAll) });
        parts.rules = vec![rule(0, only(&[0, 1]))];
        let cascade = Cascade::try_from(parts).unwrap();
        let plan = Plan::new(&cascade, ruled());
        assert!(plan.unread(1).is_empty() && plan.unread(9).is_empty());
        plan.unread(0).iter().map(|unread| (unread.asks, unread.then)).collect::<Vec<_>>()
    };
    let own = || gate(Threshold::DeferAll).signal;
    let (escalate, accept) = (OnAbstain::Escalate, OnAbstain::Accept);
    assert_eq!(said(asks(), Vec::new(), None, escalate), [(TierIx(2), Then::Deferred)]);
    assert_eq!(said(asks(), Vec::new(), None, accept), [(TierIx(2), Then::Accepted)]);
    assert_eq!(said(own(), vec![asks()], None, accept), [(TierIx(2), Then::Observed)]);
    assert_eq!(said(own(), Vec::new(), None, accept), []);
    let value = |label: &str| Some(GateValue::Signal { signal: label.to_owned(), negated: false });
    assert_eq!(said(own(), vec![asks()], value("p-true(surrogate=t2)"), escalate), [(TierIx(2), Then::Deferred)]);
    assert_eq!(said(asks(), vec![own()], value("scripted"), escalate), [(TierIx(2), Then::Observed)]);
    let input = |signal: &str| {
        let (low, high, mean, scale, weight, missing) = (-9.0, 9.0, 0.0, 1.0, 1.0, 0.0);
        FusedInput { signal: signal.into(), transform: Transform::Identity, low, high, mean, scale, weight, missing }
    };
    let fused =
        |labels: &[&str]| Some(GateValue::Fused(Fusion { intercept: 0.0, inputs: labels.iter().copied().map(input).collect() }));
    let both = fused(&["scripted", "p-true(surrogate=t2)"]);
    assert_eq!(said(asks(), vec![own()], both, escalate), [(TierIx(2), Then::Fused)]);
    assert_eq!(said(asks(), vec![own()], fused(&["p-true(surrogate=t2)"]), accept), [(TierIx(2), Then::Accepted)]);
}

const TIERS: usize = 5;

/// A signal of a gate, which may ask any tier.
fn any_signal() -> impl Strategy<Value = NamedSignal> {
    prop_oneof![
        3 => (0..TIERS).prop_map(|ix| p_true(&format!("t{ix}"))),
        1 => Just(signal(&serde_json::json!("p-true"))),
        1 => Just(signal(&serde_json::json!({ "self-rated": { "mode": "probe" } }))),
        1 => Just(signal(&serde_json::json!({ "agreement": { "samples": 3 } }))),
        1 => Just(signal(&serde_json::json!("non-empty"))),
        1 => Just(gate(Threshold::DeferAll).signal),
    ]
}

fn any_threshold() -> impl Strategy<Value = Threshold> {
    let scores = (0u8..5).prop_map(|score| Threshold::accept_from(Score::new(f64::from(score) / 5.0).unwrap()));
    prop_oneof![4 => scores, 1 => Just(Threshold::DeferAll), 1 => Just(Threshold::accept_all())]
}

fn any_gate() -> impl Strategy<Value = Gate> {
    let some = |most| proptest::collection::vec(any_signal(), 0..most);
    (any_signal(), some(2), some(3), any_threshold()).prop_map(|(signal, require, observe, threshold)| {
        // A label stands for one signal.
        let mut labels = BTreeSet::from([signal.label.clone()]);
        let mut others = |all: Vec<NamedSignal>| all.into_iter().filter(|s| labels.insert(s.label.clone())).collect();
        Gate { require: others(require), observe: others(observe), ..Gate::new(signal, threshold) }
    })
}

fn any_route() -> impl Strategy<Value = Route> {
    let tiers = || (0..TIERS).prop_map(TierIx);
    prop_oneof![
        4 => proptest::collection::btree_set(tiers(), 0..TIERS).prop_map(|allowed| Route::Only(allowed.into_iter().collect())),
        2 => tiers().prop_map(Route::EnterAt),
        1 => Just(Route::Refuse("no".into())),
        1 => Just(Route::Pass),
    ]
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let exhausted = prop_oneof![Just(OnExhausted::Answer), Just(OnExhausted::Abstain), Just(OnExhausted::Review)];
    let abstain = prop_oneof![Just(OnAbstain::Escalate), Just(OnAbstain::Accept)];
    (exhausted, abstain).prop_map(|(on_exhausted, on_abstain)| Policy { on_exhausted, on_abstain, ..Policy::default() })
}

fn any_cuts() -> impl Strategy<Value = Vec<Cut>> {
    proptest::collection::vec((any::<bool>(), any_threshold()).prop_map(|(asked, threshold)| Cut { asked, threshold }), TIERS - 1)
}

/// Tiers with gates that ask each other, limits of models, a person at the end or not, rules by tags, and a fit with a segment.
fn any_cascade() -> impl Strategy<Value = Cascade> {
    let limits = proptest::collection::vec((prop_oneof![2 => Just(None), 1 => Just(Some(3))], any::<bool>()), TIERS);
    let fit = proptest::option::of((any_cuts(), any_cuts()));
    let gates = proptest::collection::vec(any_gate(), TIERS - 1);
    (gates, limits, any::<bool>(), proptest::collection::vec(any_route(), 1..4), any_policy(), fit).prop_map(
        |(gates, limits, person, routes, policy, fit)| {
            let mut parts = chain(&[0.5; TIERS - 1], policy);
            for (tier, gate) in parts.tiers.iter_mut().zip(gates) {
                tier.gate = Some(gate);
            }
            for (tier, (window, blind)) in parts.tiers.iter_mut().zip(limits) {
                if let Answerer::Model(model) = &mut tier.answerer {
                    model.context_window = window;
                    model.capabilities = blind.then(|| BTreeSet::from([Capability::Vision]));
                }
            }
            if person {
                // Beside the tiers that signals ask.
                parts.tiers[TIERS - 1].gate = Some(gate(Threshold::DeferAll));
                parts.tiers.push(Tier { name: "person".into(), answerer: Answerer::Human { cost: None }, gate: None });
            }
            parts.rules = routes.into_iter().enumerate().map(|(k, route)| rule(k, route)).collect();
            let cascade = Cascade::try_from(parts).unwrap();
            let Some((mut cuts, mut of_segment)) = fit else { return cascade };
            if person {
                cuts.push(Cut { asked: true, threshold: Threshold::DeferAll });
                of_segment.push(Cut { asked: true, threshold: Threshold::DeferAll });
            }
            let own = |tier: &Tier| {
                let signal = tier.gate.as_ref()?.signal.label.to_string();
                Some(FittedGate { value: GateValue::Signal { signal, negated: false }, map: None })
            };
            let gates = cascade.tiers().iter().filter_map(own).collect();
            let segments = [("billing".into(), of_segment)].into();
            let point = OperatingPoint { name: "default".into(), promise: "none".into(), cuts, segments };
            let tag = Segments { tag: Some("topic".into()), rules: Vec::new() };
            cascade.fitted(gates, vec![point]).unwrap().with_segments(tag)
        },
    )
}

fn any_request() -> impl Strategy<Value = Request> {
    let tags = proptest::collection::btree_set(0usize..3, 0..3);
    (tags, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(tags, billing, tools, unknown)| {
        let mut request = Request::new("id", "Where is my order?");
        request.tags.extend(tags.into_iter().map(|tag| (tag.to_string(), String::new())));
        if billing {
            request.tags.insert("topic".to_owned(), "billing".to_owned());
        }
        if tools {
            request.tools = Some(tierfall_core::request::Json::of(&["a tool"]).unwrap());
        }
        if unknown && tools {
            request.point = Some("nowhere".into());
        }
        request
    })
}

/// What a call gives: an answer with a score or without, a cut one, a refusal, or a failure.
fn any_cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        5 => (0u8..5).prop_map(|score| Cell::score(f64::from(score) / 5.0)),
        1 => Just(Cell::none()),
        1 => Just(Cell::score(0.5).finish(Finish::Length)),
        1 => Just(Cell::score(0.5).refusal()),
        1 => Just(Cell::error(CallErrorKind::Timeout)),
    ]
}

/// By the rules as written: the first one whose tag the request has, and that does not pass, decides.
fn allowed(routes: &[Route], request: &Request) -> BTreeSet<usize> {
    let holds = |k: &usize| request.tags.contains_key(&k.to_string());
    let decides = (0..routes.len()).filter(holds).map(|k| &routes[k]).find(|route| **route != Route::Pass);
    match decides {
        None | Some(Route::Pass | Route::EnterAt(_)) => (0..=TIERS).collect(),
        Some(Route::Only(tiers)) => tiers.iter().map(|ix| ix.0).collect(),
        Some(Route::Refuse(_)) => BTreeSet::new(),
    }
}

fn routes(cascade: &Cascade) -> Vec<Route> {
    let with = |k: usize| {
        let mut request = Request::new("id", "?");
        request.tags.insert(k.to_string(), String::new());
        request
    };
    cascade.rules().iter().enumerate().map(|(k, named)| named.route(&with(k)).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_call_reaches_a_tier_that_is_not_allowed(
        cascade in any_cascade(), request in any_request(), cells in proptest::collection::vec(any_cell(), 40)
    ) {
        let allowed = allowed(&routes(&cascade), &request);
        let mut cells = cells.iter().cycle();
        let mut reached = Vec::new();
        let (_, trace) = replay(&cascade, request.clone(), |tier, call: &PermittedCall| {
            reached.push((tier.0, call.purpose.clone()));
            result(cells.next().unwrap())
        });
        for (tier, purpose) in &reached {
            prop_assert!(allowed.contains(tier), "{purpose:?} reached t{tier} of {allowed:?}");
        }
        let plan = Plan::new(&cascade, request);
        for ix in 0..cascade.tiers().len() {
            let model = matches!(cascade.tiers()[ix].answerer, Answerer::Model(_));
            prop_assert_eq!(plan.may_see(TierIx(ix)).is_some(), model && allowed.contains(&ix));
        }
        prop_assert!(plan.tiers.iter().all(|ix| allowed.contains(&ix.0)));
        // What may not be asked reads nothing, and says so; a gate that cannot be read accepts nothing unless the policy says so.
        for (position, step) in trace.steps.iter().enumerate() {
            let ix = cascade.tiers().iter().position(|tier| tier.name == step.tier).unwrap();
            prop_assert_eq!(plan.tiers[position], TierIx(ix));
            let unread: BTreeSet<_> = plan.unread(position).iter().map(|unread| unread.signal.clone()).collect();
            for (label, reading) in &step.signals {
                prop_assert!(!(unread.contains(label) && reading.is_ok()), "{label} of t{ix} was read");
                prop_assert!(unread.contains(label) || *reading != Err(Abstain::NotAllowed), "{label} of t{ix} may be read");
            }
            let own = plan.gate(position).map(|gate| gate.signal.label.clone()).filter(|label| unread.contains(label));
            if own.is_some() {
                prop_assert!(step.decision != Decision::Accept(tierfall_core::gate::Accepted::AboveThreshold));
            }
        }
    }
}

/// A probe is counted among the calls, so that the property above is about something.
#[test]
fn the_property_sees_probes() {
    let cascade = asking_the_last(Route::Pass, Policy::default());
    let mut probes = 0;
    replay(&cascade, ruled(), |_, call| {
        probes += usize::from(matches!(call.purpose, Purpose::Probe(_)));
        (Ok(Arc::new(Completion::text("yes"))), tierfall_core::run::Took::default())
    });
    assert_eq!(probes, 1);
}

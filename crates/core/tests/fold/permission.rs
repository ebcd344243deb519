//! Who may see a request: no call of any kind reaches a tier that a rule keeps it from.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::scripted::{Cell, chain, gate, result};
use proptest::prelude::*;
use tierfall_core::cascade::{Answerer, Capability, Cascade, OnAbstain, OnExhausted, Policy, Tier, TierIx};
use tierfall_core::completion::{Completion, Finish};
use tierfall_core::constraints::{End, InForce};
use tierfall_core::fusion::{FusedInput, Fusion, GateValue};
use tierfall_core::gate::{Decision, Gate};
use tierfall_core::map::Transform;
use tierfall_core::number::{Score, Threshold};
use tierfall_core::permit::{PermittedCall, Then};
use tierfall_core::plan::{Plan, Skip};
use tierfall_core::point::{Cut, FittedGate, OperatingPoint};
use tierfall_core::provider::CallErrorKind;
use tierfall_core::replay::replay;
use tierfall_core::request::{Purpose, Request, UnixMillis};
use tierfall_core::rule::table::Condition;
use tierfall_core::rule::{Route, Rule, Within};
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

pub(crate) fn rule(k: usize, route: Route) -> Rule {
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
pub(crate) fn ruled() -> Request {
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
    Route::only(tiers.iter().copied().map(TierIx))
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
    parts.rules = vec![rule(0, Route::enter_at(TierIx(1)))];
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
    // The person at the end of the chain, where there is one, is the tier after the last.
    let tiers = || (0..=TIERS).prop_map(TierIx);
    let only = proptest::option::weighted(0.6, proptest::collection::btree_set(tiers(), 0..=TIERS));
    let enter_at = proptest::option::weighted(0.3, (0..TIERS).prop_map(TierIx));
    let point = proptest::option::weighted(0.3, prop_oneof![Just("default"), Just("strict")]);
    let within = (only, enter_at, point);
    prop_oneof![
        8 => within.prop_map(|(only, enter_at, point)| Route::Answer(Within { only, enter_at, point: point.map(Into::into) })),
        1 => Just(Route::Review("look".into())),
        1 => Just(Route::Refuse("no".into())),
    ]
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let all = [OnExhausted::Answer, OnExhausted::BestWhole, OnExhausted::Abstain, OnExhausted::Review];
    (proptest::sample::select(all.to_vec()), prop_oneof![Just(OnAbstain::Escalate), Just(OnAbstain::Accept)])
        .prop_map(|(on_exhausted, on_abstain)| Policy { on_exhausted, on_abstain, ..Policy::default() })
}

fn any_cuts() -> impl Strategy<Value = Vec<Cut>> {
    proptest::collection::vec((any::<bool>(), any_threshold()).prop_map(|(asked, threshold)| Cut { asked, threshold }), TIERS - 1)
}

/// Tiers with gates that ask each other, limits of models, a person at the end or not, rules by tags, and a fit with a segment.
pub(crate) fn any_cascade() -> impl Strategy<Value = Cascade> {
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
            let tiers = parts.tiers.len();
            let mut routes = routes;
            for route in &mut routes {
                if let Route::Answer(Within { only: Some(only), .. }) = route {
                    only.retain(|tier| tier.0 < tiers);
                }
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
            let strict =
                OperatingPoint { name: "strict".into(), promise: "none".into(), cuts: of_segment.clone(), segments: [].into() };
            let segments = [("billing".into(), of_segment)].into();
            let point = OperatingPoint { name: "default".into(), promise: "none".into(), cuts, segments };
            let tag = Segments { tag: Some("topic".into()), rules: Vec::new() };
            cascade.fitted(gates, vec![point, strict]).unwrap().with_segments(tag)
        },
    )
}

pub(crate) fn any_request() -> impl Strategy<Value = Request> {
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

/// The rules that hold, as written: a rule has the name of the tag that it looks for.
fn in_force<'a>(cascade: &'a Cascade, request: &Request) -> Vec<&'a Route> {
    let holds = |rule: &&Rule| request.tags.contains_key(rule.name.trim_start_matches("rule-"));
    cascade.rules().iter().filter(holds).map(|rule| &rule.route).collect()
}

/// How a run ends that calls no model, or that models answer; in the order of what beats what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Answered,
    Reviewed,
    Refused,
}

/// By the rules as written: what they come to, and which tiers may see the request.
fn by_rules(cascade: &Cascade, request: &Request) -> (Fate, BTreeSet<usize>) {
    let routes = in_force(cascade, request);
    let mut allowed: BTreeSet<usize> = (0..cascade.tiers().len()).collect();
    let mut from = 0;
    for route in &routes {
        if let Route::Answer(Within { only, enter_at, .. }) = route {
            allowed.retain(|ix| only.as_ref().is_none_or(|only| only.contains(&TierIx(*ix))));
            from = from.max(enter_at.map_or(0, |at| at.0));
        }
    }
    let refuses = |route: &&&Route| matches!(route, Route::Refuse(_));
    if routes.iter().any(|route| refuses(&route)) || allowed.iter().all(|ix| *ix < from) {
        return (Fate::Refused, BTreeSet::new());
    }
    if routes.iter().any(|route| matches!(route, Route::Review(_))) {
        allowed.retain(|ix| matches!(cascade.tiers()[*ix].answerer, Answerer::Human { .. }));
        return (Fate::Reviewed, allowed);
    }
    (Fate::Answered, allowed)
}

fn may_see(cascade: &Cascade, request: &Request) -> BTreeSet<usize> {
    let plan = Plan::new(cascade, request.clone());
    (0..cascade.tiers().len()).filter(|ix| plan.may_see(TierIx(*ix)).is_some()).collect()
}

fn fate(plan: &Plan) -> Fate {
    match plan.constraints().end() {
        None => Fate::Answered,
        Some(End::Review(_)) => Fate::Reviewed,
        Some(End::Refused(_) | End::Fault(_) | End::Invalid(_)) => Fate::Refused,
    }
}

/// The rules of a cascade in another order: turned, and turned round or not.
fn reordered(cascade: &Cascade, by: usize, back: bool) -> Cascade {
    let mut rules = cascade.rules().to_vec();
    let most = rules.len().max(1);
    rules.rotate_left(by % most);
    if back {
        rules.reverse();
    }
    cascade.clone().with_rules(rules)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_call_reaches_a_tier_that_is_not_allowed(
        cascade in any_cascade(), request in any_request(), cells in proptest::collection::vec(any_cell(), 40)
    ) {
        let (fate, allowed) = by_rules(&cascade, &request);
        let mut cells = cells.iter().cycle();
        let mut reached = Vec::new();
        let (outcome, trace) = replay(&cascade, request.clone(), |tier, call: &PermittedCall| {
            reached.push((tier.0, call.purpose.clone()));
            result(cells.next().unwrap())
        });
        for (tier, purpose) in &reached {
            prop_assert!(allowed.contains(tier), "{purpose:?} reached t{tier} of {allowed:?}");
        }
        let plan = Plan::new(&cascade, request.clone());
        for ix in 0..cascade.tiers().len() {
            let model = matches!(cascade.tiers()[ix].answerer, Answerer::Model(_));
            prop_assert_eq!(plan.may_see(TierIx(ix)).is_some(), model && allowed.contains(&ix));
        }
        prop_assert!(plan.tiers.iter().all(|ix| allowed.contains(&ix.0)));
        prop_assert!(trace.steps.iter().all(|step| plan.tiers.iter().any(|ix| cascade.tier(*ix).name == step.tier)));
        // Also where the request names a point that is not there.
        let ended = match outcome {
            Outcome::Refused(_) => Fate::Refused,
            Outcome::Review(None) if reached.is_empty() && fate == Fate::Reviewed => Fate::Reviewed,
            _ => Fate::Answered,
        };
        prop_assert_eq!(ended, fate);
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

    #[test]
    fn when_it_arrives_and_who_asks_decides_nothing(
        cascade in any_cascade(), request in any_request(), cells in proptest::collection::vec(any_cell(), 40), at in any::<u64>(),
        by in "[a-z0-9]{0,9}",
    ) {
        let run = |request: Request| {
            let (mut cells, mut asked) = (cells.iter().cycle(), Vec::new());
            let (_, trace) = replay(&cascade, request, |tier, call: &PermittedCall| {
                asked.push((tier, call.purpose.clone()));
                result(cells.next().unwrap())
            });
            (asked, trace)
        };
        let (asked, trace) = run(request.clone());
        let mut other = request;
        (other.at, other.principal) = (Some(UnixMillis(at)), Some(by.as_str().into()));
        let (too, mut told) = run(other);
        prop_assert_eq!((told.at, told.principal.as_deref()), (Some(UnixMillis(at)), Some(by.as_str())));
        prop_assert_eq!((trace.at, trace.principal.as_deref()), (None, None));
        prop_assert_eq!(asked, too);
        (told.at, told.principal) = (None, None);
        prop_assert_eq!(trace, told);
    }

    #[test]
    fn a_rule_that_is_added_never_allows_more(
        cascade in any_cascade(), request in any_request(), route in any_route(), at in 0usize..4
    ) {
        let mut rules = cascade.rules().to_vec();
        rules.insert(at.min(rules.len()), Rule { name: "added".into(), when: Arc::new(Always), route });
        let more = cascade.clone().with_rules(rules);
        prop_assert!(may_see(&more, &request).is_subset(&may_see(&cascade, &request)));
        let (before, after) = (Plan::new(&cascade, request.clone()), Plan::new(&more, request));
        prop_assert!(fate(&after) >= fate(&before));
        prop_assert!(after.constraints().from() >= before.constraints().from());
    }

    #[test]
    fn the_order_of_rules_decides_nothing_but_which_point_is_first(
        cascade in any_cascade(), request in any_request(), by in 0usize..4, back in any::<bool>(),
    ) {
        let other = reordered(&cascade, by, back);
        // A request that names the point itself leaves rules none to choose.
        for point in [None, Some("default")] {
            let mut request = request.clone();
            request.point = point.map(Into::into).or(request.point.clone());
            let (one, other) = (Plan::new(&cascade, request.clone()), Plan::new(&other, request.clone()));
            let mut seen = one.constraints().rules().to_vec();
            let mut too = other.constraints().rules().to_vec();
            prop_assert_eq!(seen.iter().find_map(named), one.constraints().point().cloned());
            prop_assert_eq!(too.iter().find_map(named), other.constraints().point().cloned());
            seen.sort_by_key(|one| one.rule.clone());
            too.sort_by_key(|one| one.rule.clone());
            prop_assert_eq!(seen, too);
            prop_assert_eq!((fate(&one), one.constraints().from()), (fate(&other), other.constraints().from()));
            for ix in (0..cascade.tiers().len()).map(TierIx) {
                prop_assert_eq!(one.constraints().allows(ix), other.constraints().allows(ix));
                let names = |plan: &Plan| plan.constraints().kept_from(ix).into_iter().cloned().collect::<BTreeSet<_>>();
                prop_assert_eq!(names(&one), names(&other));
                prop_assert_eq!(names(&one).is_empty(), one.constraints().allows(ix), "whoever may not see it learns by which rule");
            }
            if one.point == other.point {
                prop_assert_eq!((one.tiers, one.skipped, one.thresholds), (other.tiers, other.skipped, other.thresholds));
            }
        }
    }
}

fn named(one: &InForce) -> Option<Arc<str>> {
    if let Route::Answer(within) = &one.route { within.point.clone() } else { None }
}

#[derive(Debug)]
struct Always;

impl Condition for Always {
    fn holds(&self, _: &Request) -> bool {
        true
    }
}

/// The restriction of one rule and the entry of another, as a file would write them.
#[test]
fn two_rules_restrict_together() {
    let under = |routes: Vec<Route>| {
        let mut parts = chain(&[0.5, 0.5], Policy::default());
        let rule = |(k, route)| Rule { when: Arc::new(Always), ..rule(k, route) };
        parts.rules = routes.into_iter().enumerate().map(rule).collect();
        called(&Cascade::try_from(parts).unwrap(), ruled())
    };
    // Personal data stays with the first two, and a lawyer's question does not go to the first.
    let (_, trace, calls) = under(vec![only(&[0, 1]), Route::enter_at(TierIx(1))]);
    assert_eq!(calls, [(1, false)]);
    assert_eq!((&trace.route.skipped["t0"], &trace.route.skipped["t2"]), (&Skip::BeforeEntry, &Skip::NotAllowed));
    assert_eq!(
        serde_json::to_value(&trace.route.rules).unwrap(),
        serde_json::json!([{ "rule": "rule-0", "only": ["t0", "t1"] }, { "rule": "rule-1", "enter-at": "t1" }])
    );
    // The latest entry counts, whichever rule names it.
    let (_, _, calls) = under(vec![Route::enter_at(TierIx(2)), Route::enter_at(TierIx(1))]);
    assert_eq!(calls, [(2, false)]);
    // What leaves nobody is a refusal with every reason.
    let refused = |routes| match under(routes) {
        (Outcome::Refused(why), trace, calls) => {
            assert!(calls.is_empty() && trace.steps.is_empty());
            assert_eq!((trace.route.refused.as_ref(), trace.error.as_deref()), (Some(&why), Some(&*why)));
            why.to_string()
        }
        (outcome, ..) => panic!("{outcome:?}"),
    };
    let none = "the rules leave no tier: \"rule-0\" allows only t0, t1; \"rule-1\" allows only t2";
    assert_eq!(refused(vec![only(&[0, 1]), only(&[2])]), none);
    let behind = "the rules leave no tier: \"rule-0\" allows only t0; \"rule-1\" enters at t1";
    assert_eq!(refused(vec![only(&[0]), Route::enter_at(TierIx(1))]), behind);
    let (review, no) = (|| Route::Review("look".into()), |why: &str| Route::Refuse(why.into()));
    assert_eq!(refused(vec![only(&[0]), Route::enter_at(TierIx(1)), review()]), behind, "a review does not make it good");
    assert_eq!(refused(vec![no("no"), only(&[0]), review(), no("never"), no("no")]), "no; never");
}

#[test]
fn only_the_rules_that_keep_a_request_from_a_tier_are_named() {
    let mut parts = chain(&[0.5, 0.5], Policy::default());
    parts.tiers[2].answerer = Answerer::Human { cost: None };
    let kept_from = |routes: Vec<Route>| {
        let rules = routes.into_iter().enumerate().map(|(k, route)| Rule { when: Arc::new(Always), ..rule(k, route) }).collect();
        let plan = Plan::new(&Cascade::try_from(parts.clone()).unwrap().with_rules(rules), ruled());
        let names = |ix| plan.constraints().kept_from(TierIx(ix)).iter().map(|name| name[5..].to_owned()).collect::<String>();
        [0, 1, 2].map(names)
    };
    let review = || Route::Review("look".into());
    assert_eq!(kept_from(vec![review(), only(&[0])]), ["0", "01", "1"], "a review allows the person");
    assert_eq!(kept_from(vec![review(), Route::Refuse("no".into()), only(&[1])]), ["012", "01", "12"]);
    // No rule alone keeps it from the first: the second enters behind it. The third leaves out none.
    let none = vec![only(&[0]), Route::enter_at(TierIx(1)), only(&[0, 1, 2]), Route::at_point("strict")];
    assert_eq!(kept_from(none), ["01", "01", "01"]);
}

#[test]
fn a_rule_sends_the_request_to_a_person_and_to_no_model() {
    let mut parts = chain(&[0.5, 0.5], Policy::default());
    parts.rules = vec![rule(0, Route::Review("an angry customer".into()))];
    let none = Cascade::try_from(parts.clone()).unwrap();
    let (outcome, trace, calls) = called(&none, ruled());
    assert!(matches!(outcome, Outcome::Review(None)) && calls.is_empty() && trace.steps.is_empty());
    assert_eq!((trace.route.review.as_deref(), trace.fallback, trace.error), (Some("an angry customer"), None, None));
    assert!(may_see(&none, &ruled()).is_empty());
    // The person at the end of the chain is asked, and costs what a person costs.
    parts.tiers[2].answerer = Answerer::Human { cost: "1.5".parse().ok() };
    let (outcome, trace, calls) = called(&Cascade::try_from(parts.clone()).unwrap(), ruled());
    assert!(matches!(outcome, Outcome::Review(None)) && calls.is_empty());
    assert_eq!((&*trace.steps[0].tier, trace.cost.total()), ("t2", "1.5".parse().ok()));
    // Unless another rule keeps the request from that person as well.
    parts.rules.push(Rule { name: "private".into(), ..rule(0, only(&[0])) });
    let (outcome, trace, _) = called(&Cascade::try_from(parts).unwrap(), ruled());
    assert!(matches!(outcome, Outcome::Review(None)) && trace.steps.is_empty());
}

/// A probe is counted among the calls, so that the property above is about something.
#[test]
fn the_property_sees_probes() {
    let cascade = asking_the_last(only(&[0, 1, 2]), Policy::default());
    let mut probes = 0;
    replay(&cascade, ruled(), |_, call| {
        probes += usize::from(matches!(call.purpose, Purpose::Probe(_)));
        (Ok(Arc::new(Completion::text("yes"))), tierfall_core::run::Took::default())
    });
    assert_eq!(probes, 1);
}

//! Operating points: which tiers a fit leaves in, what its gates compare, and what a rule or an unknown name changes.

use std::sync::Arc;

use crate::runs::{cells, policy};
use crate::scripted::{Cell, ScriptedScore, chain, completion, request, run_on};
use proptest::prelude::*;
use tierfall_core::cascade::{Answerer, Cascade, CascadeError, OnAbstain, Policy, TierIx};
use tierfall_core::fusion::{FusedInput, Fusion, GateValue};
use tierfall_core::map::{ScoreMap, Transform};
use tierfall_core::number::{Score, Threshold, Tie};
use tierfall_core::plan::{Plan, Skip};
use tierfall_core::point::{Cut, FittedGate, OperatingPoint};
use tierfall_core::provider::CallErrorKind;
use tierfall_core::replay::replay;
use tierfall_core::request::Request;
use tierfall_core::rule::table::Condition;
use tierfall_core::rule::{Route, Rule};
use tierfall_core::run::Outcome;
use tierfall_core::segment::Segments;
use tierfall_core::signal::NamedSignal;
use tierfall_core::trace::Trace;

fn raw(score: f64) -> Threshold {
    Threshold::accept_from(Score::new(score).unwrap())
}

fn cut(score: f64) -> Cut {
    Cut { asked: true, threshold: raw(score) }
}

const LEFT_OUT: Cut = Cut { asked: false, threshold: Threshold::DeferAll };

fn point(name: &str, cuts: &[Cut]) -> OperatingPoint {
    OperatingPoint { name: name.into(), promise: "certified".into(), cuts: cuts.to_vec(), segments: [].into() }
}

fn own() -> GateValue {
    GateValue::Signal { signal: "scripted".into(), negated: false }
}

fn gates(value: &GateValue, n: usize) -> Vec<FittedGate> {
    vec![FittedGate { value: value.clone(), map: None }; n]
}

fn fitted_with(route: Option<Route>, points: Vec<OperatingPoint>) -> Cascade {
    #[derive(Debug)]
    struct Always;

    impl Condition for Always {
        fn holds(&self, _: &Request) -> bool {
            true
        }
    }
    let gated = points[0].cuts.len();
    let mut parts = chain(&vec![0.0; gated], Policy::default());
    parts.rules = route.into_iter().map(|route| Rule { name: "fixed".into(), when: Arc::new(Always), route }).collect();
    Cascade::try_from(parts).unwrap().fitted(gates(&own(), gated), points).unwrap()
}

fn fitted(points: Vec<OperatingPoint>) -> Cascade {
    fitted_with(None, points)
}

fn at(cascade: &Cascade, point: Option<&str>, cells: &[Cell]) -> (Outcome, Trace) {
    let mut request = request();
    request.point = point.map(Into::into);
    replay(cascade, request, |tier, _| crate::scripted::result(&cells[tier.0]))
}

fn called(trace: &Trace) -> Vec<&str> {
    trace.steps.iter().map(|step| &*step.tier).collect()
}

fn planned(cascade: &Cascade) -> Vec<usize> {
    Plan::new(cascade, request()).tiers.iter().map(|ix| ix.0).collect()
}

#[test]
fn a_point_is_taken_by_name_and_the_first_one_by_default() {
    let cascade = fitted(vec![point("default", &[cut(0.5)]), point("strict", &[cut(0.9)])]);
    let cells = [Cell::score(0.7), Cell::score(0.0)];
    let (_, trace) = at(&cascade, None, &cells);
    assert_eq!((called(&trace), trace.route.point.as_deref()), (vec!["t0"], Some("default")));
    assert_eq!(trace.route.promise.as_deref(), Some("certified"));
    let (_, trace) = at(&cascade, Some("strict"), &cells);
    assert_eq!((called(&trace), trace.route.point.as_deref()), (vec!["t0", "t1"], Some("strict")));
    assert_eq!(trace.steps[0].threshold, Some(raw(0.9)), "the step tells the threshold that was in force");
}

#[test]
fn a_rule_names_the_point_where_the_request_names_none() {
    let points = || vec![point("default", &[cut(0.5)]), point("strict", &[cut(0.9)])];
    let cascade = fitted_with(Some(Route::at_point("strict")), points());
    let cells = [Cell::score(0.7), Cell::score(0.0)];
    let (_, trace) = at(&cascade, None, &cells);
    assert_eq!((called(&trace), trace.route.point.as_deref()), (vec!["t0", "t1"], Some("strict")));
    assert_eq!(trace.route.promise, None, "nothing is promised for what a rule picks");
    // The caller knows more of the request.
    let (_, trace) = at(&cascade, Some("default"), &cells);
    assert_eq!((called(&trace), trace.route.point.as_deref()), (vec!["t0"], Some("default")));
    assert_eq!(trace.route.rules[0].point.as_deref(), Some("strict"), "what the rule wanted is told all the same");
    // A point that is not there decides nothing; without a fit the gates' own thresholds do.
    let (outcome, _) = at(&fitted_with(Some(Route::at_point("fast")), points()), None, &cells);
    assert!(matches!(outcome, Outcome::Failed(error) if error.message.starts_with("there is no operating point \"fast\"; ")));
    let unfitted = crate::scripted::cascade(&[0.5], Policy::default());
    let (_, trace) = at(&unfitted.with_rules(cascade.rules().to_vec()), None, &cells);
    assert_eq!((called(&trace), trace.route.point.as_deref()), (vec!["t0"], None));
}

#[test]
fn an_unknown_point_fails_before_any_call() {
    let cascade = fitted(vec![point("default", &[cut(0.5)])]);
    let (outcome, trace) = at(&cascade, Some("fast"), &[]);
    let Outcome::Failed(error) = outcome else { panic!("nothing can decide") };
    assert_eq!(error.kind, CallErrorKind::InvalidRequest);
    assert_eq!(error.message, "there is no operating point \"fast\"; there is \"default\" alone");
    assert!(trace.steps.is_empty() && trace.route.tiers.is_empty());
    let unfitted = crate::scripted::cascade(&[0.5], Policy::default());
    let (_, trace) = at(&unfitted, Some("default"), &[]);
    assert!(trace.error.unwrap().contains("no fit"));
}

#[test]
fn tiers_that_the_fit_leaves_out_are_not_called() {
    let cascade = fitted(vec![point("default", &[LEFT_OUT, cut(0.5)])]);
    let (_, trace) = at(&cascade, None, &[Cell::score(1.0), Cell::score(0.1), Cell::score(0.0)]);
    assert_eq!(called(&trace), ["t1", "t2"]);
    assert_eq!(trace.route.skipped["t0"].to_string(), "fit: not in the sub-chain in force");
}

#[test]
fn a_rule_that_enters_at_a_tier_asks_it_all_the_same() {
    let points = || vec![point("default", &[cut(0.5), LEFT_OUT, LEFT_OUT])];
    assert_eq!(planned(&fitted(points())), [0, 3]);
    assert_eq!(planned(&fitted_with(Some(Route::enter_at(TierIx(1))), points())), [1, 3]);
    assert_eq!(planned(&fitted_with(Some(Route::enter_at(TierIx(3))), points())), [3]);
    // Where a rule leaves none of the sub-chain in force, the others answer as declared.
    assert_eq!(planned(&fitted_with(Some(Route::only([TierIx(0), TierIx(1)])), points())), [0]);
    assert_eq!(planned(&fitted_with(Some(Route::only([TierIx(1), TierIx(2)])), points())), [1, 2]);
}

#[test]
fn a_declared_format_is_told_from_text_that_speaks_of_one() {
    let mut parts = chain(&[0.5], Policy::default());
    if let Answerer::Model(model) = &mut parts.tiers[1].answerer {
        model.capabilities = Some([].into());
    }
    let cascade = Cascade::try_from(parts).unwrap();
    let asked = |format: serde_json::Value| {
        let mut request = request();
        request.response_format = Some(format.into());
        Plan::new(&cascade, request).tiers.len()
    };
    for structured in ["json_schema", "json_object", "grammar"] {
        assert_eq!(asked(serde_json::json!({ "type": structured })), 1, "{structured}");
    }
    for text in [serde_json::json!({ "type": "text", "note": "no json_schema" }), serde_json::json!(null), serde_json::json!({})]
    {
        assert_eq!(asked(text.clone()), 2, "{text}");
    }
}

#[test]
fn a_request_that_the_sub_chain_cannot_take_goes_to_a_tier_that_can() {
    let mut parts = chain(&[0.5], Policy::default());
    if let Answerer::Model(model) = &mut parts.tiers[1].answerer {
        model.context_window = Some(3);
    }
    let cascade = Cascade::try_from(parts).unwrap().fitted(gates(&own(), 1), vec![point("default", &[LEFT_OUT])]).unwrap();
    let plan = Plan::new(&cascade, request());
    assert_eq!(plan.tiers, [TierIx(0)]);
    assert!(matches!(plan.skipped[..], [(TierIx(1), Skip::ContextWindow { .. })]));
}

#[test]
fn a_sub_chain_may_end_before_the_last_tier() {
    let ends = Cut { asked: true, threshold: Threshold::accept_all() };
    let cascade = fitted(vec![point("default", &[cut(0.5), ends, LEFT_OUT])]);
    assert_eq!(planned(&cascade), [0, 1]);
    for last in [Cell::score(0.0), Cell::none()] {
        let (outcome, trace) = at(&cascade, None, &[Cell::score(0.1), last, Cell::score(1.0), Cell::score(1.0)]);
        assert_eq!(outcome.served().map(|served| served.tier), Some(TierIx(1)), "its answer is served whatever is read");
        assert_eq!(trace.steps[1].decision.reason(), "last-tier");
    }
    // A rule that enters behind the end finds the last tier again.
    let ends = || vec![point("default", &[cut(0.5), ends, LEFT_OUT])];
    assert_eq!(planned(&fitted_with(Some(Route::enter_at(TierIx(2))), ends())), [2, 3]);
}

#[test]
fn segments_have_cuts_of_their_own() {
    let mut default = point("default", &[cut(0.5)]);
    default.segments.insert("billing".into(), vec![cut(0.9)]);
    let segments = Segments { tag: Some("topic".into()), rules: Vec::new() };
    let cascade = fitted(vec![default]).with_segments(segments);
    for (topic, calls) in [(None, 1), (Some("billing"), 2), (Some("orders"), 1)] {
        let mut request = request();
        request.tags.extend(topic.map(|topic| ("topic".to_owned(), topic.to_owned())));
        assert_eq!(cascade.segment_of(&request), topic);
        let (_, trace) = replay(&cascade, request, |_, _| crate::scripted::result(&Cell::score(0.7)));
        assert_eq!((trace.steps.len(), trace.route.segment.as_deref()), (calls, topic));
    }
}

fn with_value(value: GateValue, threshold: Threshold, map: Option<ScoreMap>) -> Cascade {
    let mut parts = chain(&[0.0], Policy::default());
    let gate = parts.tiers[0].gate.as_mut().unwrap();
    gate.observe = vec![
        NamedSignal::new("other", ScriptedScore { times: 2.0 }),
        NamedSignal::new("never", ScriptedScore { times: f64::NAN }),
    ];
    let default = point("default", &[Cut { asked: true, threshold }]);
    Cascade::try_from(parts).unwrap().fitted(vec![FittedGate { value, map }], vec![default]).unwrap()
}

fn first_step(cascade: &Cascade, score: f64) -> tierfall_core::trace::Step {
    run_on(cascade, &[Cell::score(score), Cell::score(0.0)]).1.steps.remove(0)
}

fn input(signal: &str, weight: f64) -> FusedInput {
    let (low, high, mean, scale, missing) = (-9.0, 9.0, 0.0, 1.0, 0.25);
    FusedInput { signal: signal.into(), transform: Transform::Identity, low, high, mean, scale, weight, missing }
}

#[test]
fn a_gate_may_compare_another_signal_that_it_reads() {
    let cascade = with_value(GateValue::Signal { signal: "other".into(), negated: false }, raw(1.0), None);
    let step = first_step(&cascade, 0.5);
    assert_eq!((step.gate_value, step.decision.reason()), (Score::new(1.0), "above-threshold"));
    assert_eq!(step.signals.len(), 3, "every signal is still recorded");
    assert_eq!(first_step(&cascade, 0.4).decision.reason(), "below-threshold");
    let cascade = with_value(GateValue::Signal { signal: "never".into(), negated: false }, raw(0.0), None);
    let step = first_step(&cascade, 0.5);
    assert_eq!((step.gate_value, step.decision.detail().as_deref()), (None, Some("invalid-logprob")));
}

#[test]
fn a_negated_signal_is_surer_where_it_is_lower() {
    let cascade = with_value(GateValue::Signal { signal: "scripted".into(), negated: true }, raw(-0.5), None);
    assert_eq!(first_step(&cascade, 0.4).decision.reason(), "above-threshold");
    let unsure = first_step(&cascade, 0.6);
    assert_eq!((unsure.decision.reason(), unsure.gate_value), ("below-threshold", Score::new(-0.6)));
    assert!((unsure.nominal.unwrap() - 0.4).abs() < 1e-12, "its nominal scale is turned round");
}

#[test]
fn several_signals_are_fused_and_a_silent_one_adds_what_the_fit_says() {
    let fused = GateValue::Fused(Fusion { intercept: -1.0, inputs: vec![input("scripted", 1.0), input("never", 3.0)] });
    let cascade = with_value(fused, raw(0.0), None);
    let step = first_step(&cascade, 0.8);
    assert!((step.gate_value.unwrap().get() - 0.05).abs() < 1e-12);
    assert_eq!(step.decision.reason(), "above-threshold");
    assert!((step.nominal.unwrap() - 1.0 / (1.0 + (-0.05_f64).exp())).abs() < 1e-12);
    let silent = with_value(GateValue::Fused(Fusion { intercept: 9.0, inputs: vec![input("never", 1.0)] }), raw(0.0), None);
    assert_eq!(
        first_step(&silent, 0.8).decision.detail().as_deref(),
        Some("invalid-logprob"),
        "it abstains where every signal did"
    );
}

#[test]
fn a_map_shows_gate_value_and_threshold_as_confidences_and_decides_nothing() {
    let map = ScoreMap::Platt { transform: Transform::Identity, low: -9.0, high: 9.0, intercept: 0.0, slope: 0.0 };
    let cascade = with_value(own(), raw(0.6), Some(map));
    let (sure, unsure) = (first_step(&cascade, 0.7), first_step(&cascade, 0.5));
    assert_eq!((sure.decision.reason(), unsure.decision.reason()), ("above-threshold", "below-threshold"));
    for step in [&sure, &unsure] {
        assert!((step.confidence.unwrap().get() - 0.5).abs() < 1e-12 && (step.threshold_display.unwrap() - 0.5).abs() < 1e-12);
    }
    let (_, trace) = run_on(&cascade, &[Cell::score(0.7), Cell::score(0.0)]);
    assert_eq!(trace.confidence, sure.confidence);
}

#[test]
fn a_fit_of_another_chain_is_refused() {
    let cascade = || crate::scripted::cascade(&[0.5], Policy::default());
    let refused = |gates, points| cascade().fitted(gates, points).unwrap_err();
    let one = || gates(&own(), 1);
    assert_eq!(refused(one(), vec![]), CascadeError::NoPoint);
    assert!(matches!(refused(one(), vec![point("default", &[])]), CascadeError::PointShape { .. }));
    assert!(matches!(refused(gates(&own(), 2), vec![point("default", &[cut(0.5)])]), CascadeError::PointShape { .. }));
    let twice = vec![point("default", &[cut(0.5)]), point("default", &[cut(0.6)])];
    assert_eq!(refused(one(), twice), CascadeError::DuplicatePoint("default".into()));
    let unread = GateValue::Signal { signal: "margin".into(), negated: false };
    let error = refused(gates(&unread, 1), vec![point("default", &[cut(0.5)])]);
    assert_eq!(error, CascadeError::UnknownSignal { tier: "t0".into(), signal: "margin".into() });
}

#[test]
fn only_the_plain_signal_of_a_gate_can_bound_it() {
    let partial = completion(&Cell::score(0.1));
    let sure = |cascade: &Cascade| crate::scripted::cuts(cascade, &partial);
    assert!(sure(&fitted(vec![point("default", &[cut(0.5)])])));
    assert!(!sure(&fitted(vec![point("default", &[cut(0.0)])])), "the point's threshold counts, not the gate's");
    assert!(!sure(&with_value(GateValue::Signal { signal: "scripted".into(), negated: true }, raw(0.5), None)));
    let no_score = completion(&Cell::score(f64::NAN));
    let at = |on_abstain| Cascade::try_from(chain(&[0.5], Policy { on_abstain, ..Policy::default() })).unwrap();
    let sure = |cascade: &Cascade| crate::scripted::cuts(cascade, &no_score);
    assert!(
        sure(&at(OnAbstain::Escalate)) && !sure(&at(OnAbstain::Accept)),
        "who is sure to abstain is deferred where policy says so"
    );
}

fn cuts() -> impl Strategy<Value = Vec<Cut>> {
    let threshold = (0u8..6, 0.0..1.0f64).prop_map(|(score, tie)| Threshold::AcceptFrom {
        score: Score::new(f64::from(score) / 5.0).unwrap(),
        tie: Tie::try_from(tie).unwrap(),
    });
    let threshold = prop_oneof![6 => threshold, 1 => Just(Threshold::DeferAll)];
    proptest::collection::vec((any::<bool>(), threshold).prop_map(|(asked, threshold)| Cut { asked, threshold }), 4)
}

/// The tier that answers, the last one where none does.
fn exit(outcome: &Outcome) -> usize {
    outcome.served().map_or(usize::MAX, |served| served.tier.0)
}

proptest! {
    #[test]
    fn moving_to_a_stricter_point_never_calls_fewer_tiers(
        cells in cells(), cuts in cuts(), which in 0usize..4, by in 0.0..1.0f64, policy in policy()
    ) {
        let mut stricter = cuts.clone();
        stricter[which].threshold = match stricter[which].threshold {
            Threshold::AcceptFrom { score, tie } => Threshold::AcceptFrom { score: Score::new(score.get() + by).unwrap(), tie },
            Threshold::DeferAll => Threshold::DeferAll,
        };
        let points = vec![point("default", &cuts), point("strict", &stricter)];
        let cascade = crate::scripted::cascade(&[0.0; 4], policy).fitted(gates(&own(), 4), points).unwrap();
        let (low, high) = (at(&cascade, None, &cells).1, at(&cascade, Some("strict"), &cells).1);
        let (low, high) = (called(&low), called(&high));
        prop_assert!(high.len() >= low.len());
        prop_assert_eq!(&high[..low.len()], &low[..]);
    }

    #[test]
    fn leaving_a_tier_out_never_lets_a_cheaper_one_answer(cells in proptest::collection::vec(0u8..6, 5), cuts in cuts(), which in 0usize..4) {
        let cells: Vec<Cell> = cells.iter().map(|score| Cell::score(f64::from(*score) / 5.0)).collect();
        let mut without = cuts.clone();
        without[which].asked = false;
        let cascade = fitted(vec![point("default", &cuts), point("without", &without)]);
        prop_assert!(exit(&at(&cascade, Some("without"), &cells).0) >= exit(&at(&cascade, None, &cells).0));
    }
}

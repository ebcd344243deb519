//! Signals and rules that panic: an abstention, and a run that fails closed.

use std::sync::Arc;

use crate::scripted::{Cell, chain, completion, cuts, request};
use tierfall_core::cascade::{Cascade, OnAbstain, Policy, TierIx};
use tierfall_core::completion::{Completion, Delta};
use tierfall_core::gate::Gate;
use tierfall_core::number::{Score, Threshold};
use tierfall_core::plan::Plan;
use tierfall_core::provider::CallErrorKind;
use tierfall_core::replay::replay;
use tierfall_core::request::{Call, Request};
use tierfall_core::rule::table::Condition;
use tierfall_core::rule::{Route, Rule, Within};
use tierfall_core::run::{Outcome, Took};
use tierfall_core::segment::{SegmentRule, Segments};
use tierfall_core::signal::{Abstain, Bounds, Evidence, NamedSignal, Needs, Nominal, Probe, Reading, Settles, Signal, Watch};
use tierfall_core::trace::Trace;

/// Panics in one of its methods; the others do as they should.
#[derive(Debug)]
struct Breaking(&'static str);

impl Breaking {
    fn here(&self, method: &str) {
        assert!(self.0 != method, "broken in {method}");
    }
}

impl Signal for Breaking {
    fn needs(&self) -> Needs {
        self.here("needs");
        Needs { probe: self.0 == "probe" || self.0 == "surrogate", ..Needs::default() }
    }
    fn nominal(&self) -> Nominal {
        self.here("nominal");
        Nominal::Identity
    }
    fn version(&self) -> u32 {
        self.here("version");
        1
    }
    fn surrogate(&self) -> Option<&str> {
        self.here("surrogate");
        None
    }
    fn prepare(&self, call: &mut Call) {
        call.want_logprobs(1);
        self.here("prepare");
    }
    fn probe(&self, _: &Request, _: &Completion) -> Option<Probe> {
        self.here("probe");
        None
    }
    fn read(&self, evidence: Evidence<'_>) -> Reading {
        self.here("read");
        if self.0 == "probe" {
            evidence.probe.map(|_| Score::new(1.0).unwrap()).ok_or(Abstain::ProbeFailed)
        } else {
            Ok(Score::new(1.0).unwrap())
        }
    }
    fn strip(&self, answer: &mut Completion) {
        answer.text.clear();
        self.here("strip");
    }
    fn strips(&self) -> bool {
        self.here("strips");
        self.0 == "strip"
    }
    fn watch(&self, _: &Request) -> Option<Box<dyn Watch>> {
        self.here("watch");
        Some(Box::new(Self(self.0)))
    }
    fn settles(&self) -> Settles {
        self.here("settles");
        Settles::Early
    }
}

impl Watch for Breaking {
    fn push(&mut self, _: &Delta) -> Bounds {
        self.here("push");
        Bounds::within(0.0, 0.0)
    }
}

fn gated(gate: Gate, on_abstain: OnAbstain) -> Cascade {
    let mut parts = chain(&[0.5], Policy { on_abstain, ..Policy::default() });
    parts.tiers[0].gate = Some(gate);
    Cascade::try_from(parts).unwrap()
}

fn breaking(method: &'static str) -> Gate {
    Gate::new(NamedSignal::new("breaking", Breaking(method)), Threshold::accept_from(Score::new(0.5).unwrap()))
}

fn run(cascade: &Cascade) -> (Outcome, Trace) {
    replay(cascade, request(), |_, _| (Ok(completion(&Cell::score(0.9))), Took::default()))
}

#[test]
fn a_signal_that_panics_abstains() {
    let (outcome, trace) = run(&gated(breaking("read"), OnAbstain::Escalate));
    assert_eq!((trace.steps[0].decision.reason(), trace.steps[0].decision.detail()), ("abstained", Some("panicked".into())));
    assert_eq!(trace.steps[0].signals, [("breaking".into(), Err(Abstain::Panicked))]);
    assert!(matches!(outcome, Outcome::Answered(_)) && trace.steps.len() == 2);
    let (_, trace) = run(&gated(breaking("read"), OnAbstain::Accept));
    assert_eq!(trace.steps[0].decision.reason(), "abstention-allowed");

    let mut validated = breaking("none");
    validated.require = vec![NamedSignal::new("validator", Breaking("read"))];
    let (_, trace) = run(&gated(validated, OnAbstain::Accept));
    assert_eq!(trace.steps[0].decision.reason(), "abstained", "a validator that says nothing lets nothing pass");
}

#[test]
fn a_panic_elsewhere_in_a_signal_costs_what_it_would_have_done() {
    for (method, reason) in [("prepare", "above-threshold"), ("probe", "abstained"), ("strip", "above-threshold")] {
        let (outcome, trace) = run(&gated(breaking(method), OnAbstain::Escalate));
        assert_eq!(trace.steps[0].decision.reason(), reason, "{method}");
        let Outcome::Answered(served) = outcome else { panic!("{method}: nothing is served") };
        assert_eq!(served.answer.text, "an answer", "{method}: half of a change is none");
    }
    for (method, sure) in [("none", true), ("watch", false), ("push", false)] {
        let cascade = gated(breaking(method), OnAbstain::Escalate);
        assert_eq!(cuts(&cascade, &Completion::text("an")), sure, "{method}");
    }
}

#[derive(Debug)]
struct Always;

impl Condition for Always {
    fn holds(&self, _: &Request) -> bool {
        true
    }
}

/// Every method of a signal, at every place of a gate, and on the chain's last tier, whose gate is not asked.
#[test]
fn no_method_of_a_signal_ends_a_run_by_a_panic() {
    let methods =
        ["needs", "nominal", "version", "surrogate", "strips", "prepare", "probe", "read", "strip", "settles", "watch", "push"];
    for method in methods {
        let broken = || NamedSignal::new("broken", Breaking(method));
        let whole = || breaking("none");
        let required = Gate { require: vec![broken()], ..whole() };
        let observed = Gate { observe: vec![broken()], ..whole() };
        for gate in [breaking(method), required, observed] {
            let cascade = gated(gate, OnAbstain::Escalate);
            for route in [Route::Answer(Within::default()), Route::only([TierIx(0)])] {
                let mut parts = chain(&[0.5], Policy { budget: "1".parse().ok(), ..Policy::default() });
                parts.tiers[0] = cascade.tier(TierIx(0)).clone();
                parts.rules = vec![Rule { name: "fixed".into(), when: Arc::new(Always), route }];
                let cascade = Cascade::try_from(parts).unwrap();
                let (outcome, _) = run(&cascade);
                let Outcome::Answered(served) = outcome else { panic!("{method}: nothing is served") };
                assert_eq!(served.answer.text, "an answer", "{method}");
                let _ = cuts(&cascade, &Completion::text("an"));
                let _ = Plan::new(&cascade, request()).unread(0);
            }
        }
    }
    for declaration in ["needs", "nominal", "version", "surrogate", "strips", "settles"] {
        let (_, trace) = run(&gated(breaking(declaration), OnAbstain::Escalate));
        assert_eq!(trace.steps[0].decision.detail(), Some("panicked".into()), "{declaration}");
    }
}

#[derive(Debug)]
struct Broken;

impl Condition for Broken {
    fn holds(&self, _: &Request) -> bool {
        panic!("no topic")
    }
}

fn never_called(cascade: &Cascade) -> String {
    let (outcome, trace) = replay(cascade, request(), |tier, _| panic!("{tier:?} was called"));
    let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
    assert_eq!(
        (error.kind, trace.route.refused.as_deref(), trace.steps.len()),
        (CallErrorKind::Panicked, Some(&*error.message), 0)
    );
    let plan = Plan::new(cascade, request());
    assert!(plan.tiers.is_empty(), "whoever looks at the plan alone calls nothing either");
    error.message
}

#[test]
fn a_rule_that_panics_lets_nothing_through() {
    let mut parts = chain(&[0.5], Policy::default());
    parts.rules = vec![Rule { name: "privacy".into(), when: Arc::new(Broken), route: Route::Answer(Within::default()) }];
    let message = never_called(&Cascade::try_from(parts).unwrap());
    assert!(message.starts_with("the rule \"privacy\" panicked: no topic; "), "{message}");

    let segments = Segments { tag: None, rules: vec![SegmentRule { name: "billing".into(), when: Arc::new(Broken) }] };
    let cascade = Cascade::try_from(chain(&[0.5], Policy::default())).unwrap().with_segments(segments);
    let message = never_called(&cascade);
    assert!(message.starts_with("a rule of the segments panicked: no topic; "), "{message}");
}

//! A fit in force: points by name and by target, confidences, segments, and the same decisions live as from memory.

use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use tierfall::config::load_unfitted;
use tierfall::fit::{self, Cut, Fit, Guarantee, Point, Provenance, Status, TargetFit, TierFit};
use tierfall::{Answer, Ask, Clock, Engine, LoadError};
use tierfall_core::completion::Completion;
use tierfall_core::fusion::{FusedInput, Fusion, GateValue};
use tierfall_core::map::{ScoreMap, Transform};
use tierfall_core::number::{Score, Threshold, Tie};
use tierfall_core::provider::CallErrorKind;
use tierfall_core::replay::replay;
use tierfall_core::request::{Request, UnixMillis};
use tierfall_core::run::Took;
use tierfall_core::trace::Trace;
use tierfall_testkit::Scripted;

const CASCADE: &str = r#"version = 1
name = "three"

[provider.sim.openai-chat]
base-url = "http://127.0.0.1:1/v1"

[[rule]]
name = "legal"
keyword = { any = ["lawyer"] }
route = { enter-at = "medium" }

[segment]
tag = "topic"

[[tier]]
name = "small"
model = "sim/small"
price = { input = 1, output = 1 }
gate = { signal = "mean-logprob", threshold = "fit", observe = ["min-logprob"] }

[[tier]]
name = "medium"
model = "sim/medium"
price = { input = 10, output = 10 }
gate = { signal = "mean-logprob", threshold = "fit" }

[[tier]]
name = "large"
model = "sim/large"
price = { input = 100, output = 100 }
"#;

fn from(score: f64) -> Cut {
    Cut { asked: true, threshold: Threshold::accept_from(Score::new(score).unwrap()) }
}

fn left_out() -> Cut {
    Cut { asked: false, threshold: Threshold::DeferAll }
}

fn own() -> GateValue {
    GateValue::Signal { signal: "mean-logprob".into(), negated: false }
}

fn point(name: &str, loss: f64, cuts: Vec<Cut>) -> Point {
    let (method, statement) = ("trinomial-grid".to_owned(), "The loss is small.".to_owned());
    let guarantee = Some(Guarantee {
        delta: 0.1,
        method,
        bound: loss,
        finite_sample: true,
        judge: None,
        each_segment: false,
        conditions: Vec::new(),
        statement,
    });
    let (status, target, segments) = (Status::Certified, TargetFit::MaxLoss(loss), [].into());
    Point { name: name.into(), status, target, guarantee, cuts, segments }
}

/// The cascade and its fit on the disk.
struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn with(value: GateValue, points: Vec<Point>) -> Self {
        let files = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::write(files.cascade(), CASCADE).unwrap();
        let map = ScoreMap::Platt { transform: Transform::Identity, low: -9.0, high: 0.0, intercept: 2.0, slope: 1.0 };
        let tier = |name: &str, gate: Option<GateValue>| {
            let map = gate.is_some().then(|| map.clone());
            TierFit { name: name.into(), binding: None, gate, map }
        };
        let mut fit = Fit {
            version: 1,
            cascade: String::new(),
            salt: String::new(),
            provenance: Provenance::default(),
            tier: vec![tier("small", Some(value)), tier("medium", Some(own())), tier("large", None)],
            point: points,
        };
        let loaded = load_unfitted(files.cascade()).unwrap();
        fit::bind(&mut fit, &loaded);
        fs_err::write(loaded.fit_path.unwrap(), fit::render(&fit).unwrap()).unwrap();
        files
    }

    fn cascade(&self) -> PathBuf {
        self.dir.path().join("three.cascade.toml")
    }

    /// The engine, on answers that are so sure of every token.
    fn engine(&self, sure: [&[f64]; 3]) -> Engine {
        let builder = Engine::open(self.cascade()).unwrap();
        let named = ["small", "medium", "large"].into_iter().zip(sure);
        named.fold(builder, |b, (name, sure)| b.provider(name, Arc::new(Scripted::always(answer(sure))))).build().unwrap()
    }
}

/// An answer of words with these log-probabilities.
fn answer(logprobs: &[f64]) -> Completion {
    let mut answer = Completion::text("yes ".repeat(logprobs.len()));
    let mut tokens = tierfall_core::completion::Tokens::default();
    for logprob in logprobs {
        tokens.push("yes ", *logprob);
    }
    answer.tokens = Some(tokens);
    answer
}

fn called(trace: &Trace) -> Vec<&str> {
    trace.steps.iter().map(|step| &*step.tier).collect()
}

async fn ask(engine: &Engine, ask: impl Into<Ask>) -> Answer {
    engine.complete(ask).await
}

const UNSURE: &[f64] = &[-0.4];

#[tokio::test]
async fn an_engine_takes_its_points_by_name_and_by_target() {
    let points =
        || vec![point("default", 0.05, vec![from(-0.5), from(-0.5)]), point("strict", 0.01, vec![from(-0.1), from(-0.5)])];
    let engine = Files::with(own(), points()).engine([UNSURE; 3]);
    assert_eq!(engine.points().iter().map(|point| &*point.name).collect::<Vec<_>>(), ["default", "strict"]);
    assert_eq!(engine.point_for(TargetFit::MaxLoss(0.02)).map(|point| &*point.name), Some("strict"));
    assert_eq!(engine.point_for(TargetFit::Accuracy(0.5)), None);
    for (chosen, point, calls) in [
        (None, "default", vec!["small"]),
        (Some("default"), "default", vec!["small"]),
        (Some("strict"), "strict", vec!["small", "medium"]),
        (Some("loss<=0.02"), "strict", vec!["small", "medium"]),
        (Some("loss <= 0.3"), "default", vec!["small"]),
    ] {
        let asked = chosen.into_iter().fold(Ask::from("Where is it?"), Ask::at_point);
        let answer = ask(&engine, asked).await;
        assert_eq!((answer.trace.route.point.as_deref(), called(&answer.trace)), (Some(point), calls), "{chosen:?}");
    }
    for (unknown, why) in
        [("fast", "there is no operating point \"fast\""), ("loss<=0.001", "no operating point is certified for \"loss<=0.001\"")]
    {
        let answer = ask(&engine, Ask::from("Where is it?").at_point(unknown)).await;
        let error = answer.error().unwrap();
        assert_eq!(error.kind, CallErrorKind::InvalidRequest);
        assert!(error.message.starts_with(why), "{}", error.message);
        assert!(answer.trace.steps.is_empty() && answer.trace.cost.total().is_some_and(|cost| cost.pico() == 0));
        assert!(engine.find_point(unknown).is_err());
    }
}

#[tokio::test]
async fn confidences_come_from_the_maps_of_the_fit() {
    let engine = Files::with(own(), vec![point("default", 0.05, vec![from(-0.5), from(-0.5)])]).engine([UNSURE; 3]);
    let answer = ask(&engine, "Where is it?").await;
    let shown = 1.0 / (1.0 + (-1.6_f64).exp());
    assert!((answer.trace.confidence.unwrap().get() - shown).abs() < 1e-12);
    let json = answer.to_json().unwrap();
    assert!(json["steps"][0]["confidence"].is_number() && json["steps"][0]["threshold"].is_number());
    assert_eq!(
        (&json["route"]["point"], &json["route"]["promise"]),
        (&"default".into(), &"certified: loss ≤ 0.05 at 90 %".into())
    );
}

#[tokio::test]
async fn a_tier_outside_the_sub_chain_is_asked_only_where_a_rule_enters_at_it() {
    let engine = Files::with(own(), vec![point("default", 0.05, vec![from(-0.1), left_out()])]).engine([UNSURE; 3]);
    let answer = ask(&engine, "Where is it?").await;
    assert_eq!(called(&answer.trace), ["small", "large"]);
    assert_eq!(answer.trace.route.skipped["medium"].to_string(), "fit: not in the sub-chain in force");
    let answer = ask(&engine, "My lawyer asks where it is").await;
    assert_eq!(called(&answer.trace), ["medium", "large"]);
}

#[tokio::test]
async fn a_segment_has_thresholds_of_its_own() {
    let mut default = point("default", 0.05, vec![from(-0.5), from(-0.5)]);
    default.segments.insert("billing".into(), vec![from(-0.1), from(-0.5)]);
    let engine = Files::with(own(), vec![default]).engine([UNSURE; 3]);
    for (topic, calls) in [("billing", 2), ("orders", 1)] {
        let answer = ask(&engine, Ask::from("Where is it?").with_tag("topic", topic)).await;
        assert_eq!((answer.trace.steps.len(), answer.trace.route.segment.as_deref()), (calls, Some(topic)));
    }
}

#[tokio::test]
async fn a_gate_value_may_be_an_observed_signal_a_negated_or_a_fused_one() {
    let mixed: &[f64] = &[-0.1, -0.9];
    let input = |signal: &str, weight| {
        let (low, high, mean, scale, missing) = (-9.0, 0.0, 0.0, 1.0, 0.0);
        FusedInput { signal: signal.into(), transform: Transform::Identity, low, high, mean, scale, weight, missing }
    };
    let fused = Fusion { intercept: 1.0, inputs: vec![input("mean-logprob", 1.0), input("min-logprob", 0.5)] };
    for (value, read) in [
        (own(), -0.5),
        (GateValue::Signal { signal: "min-logprob".into(), negated: false }, -0.9),
        (GateValue::Signal { signal: "min-logprob".into(), negated: true }, 0.9),
        (GateValue::Fused(fused), 1.0 - 0.5 - 0.45),
    ] {
        for (by, accepted) in [(-1e-9, true), (1e-9, false)] {
            let files = Files::with(value.clone(), vec![point("default", 0.05, vec![from(read + by), from(-9.0)])]);
            let answer = ask(&files.engine([mixed; 3]), "Where is it?").await;
            let step = &answer.trace.steps[0];
            assert!((step.gate_value.unwrap().get() - read).abs() < 1e-12, "{value:?}");
            assert_eq!(step.decision.as_str() == "accept", accepted, "{value:?}");
            assert_eq!(step.signals.len(), 2, "all that is declared is recorded");
        }
    }
}

#[test]
fn without_its_fit_or_with_a_stale_one_there_is_no_engine() {
    let files = Files::with(own(), vec![point("default", 0.05, vec![from(-0.5), from(-0.5)])]);
    assert!(Engine::load(files.cascade()).is_ok());
    std::fs::write(files.cascade(), CASCADE.replace("sim/large", "sim/medium")).unwrap();
    let Err(LoadError::Config(error)) = Engine::load(files.cascade()) else { panic!("the fit is stale") };
    assert!(error.to_string().contains("tier \"large\": the model was large and is medium"), "{error}");
    std::fs::remove_file(files.dir.path().join("three.fit.toml")).unwrap();
    let Err(LoadError::Config(error)) = Engine::load(files.cascade()) else { panic!("the fit is gone") };
    assert!(error.to_string().contains("`tierfall calibrate"), "{error}");
}

/// Takes no time.
struct Still;

impl Clock for Still {
    fn now(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

fn cut() -> impl Strategy<Value = Cut> {
    let threshold = (0u8..4, 0.0..1.0f64).prop_map(|(score, tie)| {
        let (score, tie) = (Score::new(-f64::from(score) / 4.0).unwrap(), Tie::try_from(tie).unwrap());
        Threshold::AcceptFrom { score, tie }
    });
    let threshold = prop_oneof![6 => threshold, 1 => Just(Threshold::DeferAll), 1 => Just(Threshold::accept_all())];
    (any::<bool>(), threshold).prop_map(|(asked, threshold)| Cut { asked, threshold })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn live_is_replay_under_a_fit(
        cuts in proptest::collection::vec(cut(), 6),
        sure in proptest::collection::vec(0u8..4, 3),
        id in "[a-z]{1,8}",
        negated in any::<bool>(),
        which in 0usize..4,
    ) {
        let mut default = point("default", 0.05, cuts[0..2].to_vec());
        default.segments.insert("billing".into(), cuts[4..6].to_vec());
        let value = GateValue::Signal { signal: "min-logprob".into(), negated };
        let files = Files::with(value, vec![default, point("strict", 0.01, cuts[2..4].to_vec())]);
        let sure: Vec<Vec<f64>> = sure.into_iter().map(|sure| vec![-f64::from(sure) / 4.0]).collect();
        let mut request = Request::new(id.as_str(), "Where is it?");
        request.point = [None, Some("strict"), None, Some("none")][which].map(Into::into);
        // The engine would say when it was put.
        request.at = Some(UnixMillis(7));
        if which == 2 {
            request.tags.insert("topic".into(), "billing".into());
        }
        let builder = Engine::open(files.cascade()).unwrap().clock(Arc::new(Still));
        let named = ["small", "medium", "large"].into_iter().zip(&sure);
        let engine = named.fold(builder, |b, (name, sure)| b.provider(name, Arc::new(Scripted::always(answer(sure))))).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let live = runtime.block_on(engine.complete(request.clone()));
        let (_, memory) = replay(engine.cascade(), request, |tier, _| (Ok(Arc::new(answer(&sure[tier.0]))), Took::default()));
        prop_assert_eq!(&*live.trace, &memory);
    }
}

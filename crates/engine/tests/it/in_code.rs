//! Cascades in code: what `build` refuses, as it is refused in a file; what fits put in force.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tierfall::fit::{self, Cut, Fit, Point, Provenance, Status, TargetFit, TierFit};
use tierfall::{
    BuildError, CallError, Completion, Condition, Declares, Engine, EngineBuilder, Gate, Gives, Model, NamedSignal, OnAbstain,
    Params, Policy, Provider, Reply, Request, Route, Rule, Score, Threshold, Tier, TierIx, Within, provider_fn,
};
use tierfall_core::cascade::{CascadeError, Parts};
use tierfall_core::fusion::GateValue;

/// Says the same to everything, and declares what it gives.
struct Says(&'static str, Declares);

impl Provider for Says {
    fn call<'a>(&'a self, _: &'a tierfall::Call) -> futures_util::future::BoxFuture<'a, Result<Reply, CallError>> {
        Box::pin(async { Ok(Reply::whole(Completion::text(self.0))) })
    }

    fn declares(&self, _: &str) -> Declares {
        self.1.clone()
    }
}

fn giving(top_logprobs: Option<u8>) -> Says {
    Says("yes", Declares::new("plain", "openai-chat", Gives { top_logprobs, samples: true }))
}

fn signal(declared: serde_json::Value) -> NamedSignal {
    NamedSignal::built_in(declared).unwrap()
}

fn gate(declared: serde_json::Value, raw: f64) -> Gate {
    Gate::new(signal(declared), Threshold::accept_from(Score::new(raw).unwrap()))
}

fn two(gate: Gate, small: impl Provider + 'static) -> EngineBuilder<Parts> {
    let (tier, last) = (Tier::new("small", Model::new("s")).gated(gate), Tier::new("large", Model::new("l")));
    Engine::named("desk").tier(tier, small).tier(last, giving(None))
}

fn refused(builder: EngineBuilder<Parts>) -> String {
    builder.build().unwrap_err().to_string()
}

#[tokio::test]
async fn a_cascade_in_code_answers() {
    let answers = |text: &'static str| provider_fn(move |_| async move { Ok(text) });
    let gate = Gate::nominal_from(signal(json!("not-refusal")), 0.5).unwrap();
    let engine = Engine::named("desk")
        .tier(Tier::new("small", Model::new("s")).gated(gate), answers("I cannot help with that."))
        .tier(Tier::new("large", Model::new("l")), Arc::new(answers("Due 14 May.")))
        .salt("pepper")
        .build()
        .unwrap();
    let answer = engine.complete("When is it due?").await;
    assert_eq!((answer.text(), answer.trace.steps.len()), (Some("Due 14 May."), 2));
    assert_eq!(engine.cascade().salt(), "pepper");
}

#[tokio::test]
async fn what_no_call_can_carry_fails_and_an_empty_id_is_none() {
    let engine = two(gate(json!("non-empty"), 0.5), giving(None)).build().unwrap();
    let answer = engine.complete(tierfall::Ask::from("?").with_id("")).await;
    assert!(answer.text().is_some() && !answer.trace.request_id.as_str().is_empty());
    let extra = [("messages".to_owned(), json!([{ "role": "user", "content": "4111 1111 1111 1111" }]))].into();
    let answer = engine.complete(tierfall::Ask::from("?").with_params(Params { extra, ..Params::default() })).await;
    assert!(answer.error().unwrap().message.contains("`messages`") && answer.trace.steps.is_empty());
    let answer = engine.complete(tierfall::Ask::from("?").with_tools(json!("x"))).await;
    assert!(answer.error().unwrap().message.contains("`tools`"));
}

#[test]
fn what_a_provider_does_not_give_cannot_be_read() {
    let mean = || gate(json!("mean-logprob"), -0.5);
    let why = refused(two(mean(), giving(None)));
    assert!(why.contains("tier \"small\": mean-logprob reads log-probabilities, and the provider \"plain\" gives none"), "{why}");
    let margin = gate(json!("entropy"), -0.5);
    let why = refused(two(margin.clone(), giving(Some(1))));
    assert!(why.contains("alternatives a token, and the provider \"plain\" gives at most 1"), "{why}");
    assert!(two(margin, giving(Some(20))).build().is_ok());
    let judged = gate(json!({ "p-true": { "surrogate": "large" } }), 0.5);
    let why = refused(two(judged, giving(Some(20))));
    assert!(why.contains("p-true") && why.contains("gives none"), "the tier that is probed gives none: {why}");
    // What nobody says is not checked.
    assert!(two(mean(), Says("yes", Declares::default())).build().is_ok());
}

#[cfg(feature = "http")]
#[test]
fn a_provider_over_http_declares_what_its_dialect_gives() {
    use tierfall::{Anthropic, BaseUrl, HttpProvider, HttpSettings};
    let url = BaseUrl::parse("http://127.0.0.1:1/v1").unwrap();
    let provider = HttpProvider::new(HttpSettings::new("claude", Arc::new(Anthropic), url)).unwrap();
    assert_eq!(provider.declares("any"), Declares::new("claude", "anthropic", Gives { top_logprobs: None, samples: false }));
    let why = refused(two(gate(json!("mean-logprob"), -0.5), provider));
    assert!(why.contains("the provider \"claude\" gives none"), "{why}");
}

#[test]
fn what_cannot_work_is_told_in_one_go() {
    let mut gate = gate(json!({ "agreement": { "samples": 3 } }), 7.0);
    gate.require.push(signal(json!("mean-logprob")));
    let extra = [("top_p".to_owned(), json!(1))].into();
    let params = Params { temperature: Some(0.0), extra, ..Params::default() };
    let built = Engine::named("the desk")
        .tier(Tier::new("small", Model::new("s").with_params(params)).gated(gate), giving(Some(5)))
        .tier(Tier::new("large", Model::new("l")), giving(None))
        .rule(Rule { name: "private".into(), when: Arc::new(Never), route: Route::only([]) })
        .build();
    insta::assert_snapshot!(built.unwrap_err(), @r#"
    the cascade cannot run:
      the cascade's name cannot be "the desk"; names are file names and keys: letters, digits, `-`, `_` and `.`, not beginning with `.`
      tier "small": mean-logprob is no validator: its scores are not on [0, 1], where 0.5 is the pass mark; put it under `observe`, or use it as the gate's `signal`
      tier "small": no score of agreement(samples=3) is 7: they go from 0 to 1
      tier "small": agreement(samples=3) compares several samples, and at temperature 0 they agree with themselves; sample at a temperature like 0.7
      tier "small": `top_p` has a key of its own beside `extra`
      the rule "private": `only` names no tier, so nothing could answer; let the rule refuse, or name a tier
    "#);
}

#[test]
fn what_a_file_refuses_is_refused_in_code() {
    let desk = |edit: &dyn Fn(&mut Model)| {
        let mut model = Model::new("l");
        edit(&mut model);
        Engine::named("desk").tier(Tier::new("large", model), giving(None))
    };
    let model = |edit: &dyn Fn(&mut Model)| refused(desk(edit));
    let rule = |name: &str, route| Rule { name: name.into(), when: Arc::new(Never), route };
    let ruled = |name: &str, route| refused(two(gate(json!("non-empty"), 0.5), giving(None)).rule(rule(name, route)));
    let behind = Within { only: Some([TierIx(0)].into()), enter_at: Some(TierIx(1)), point: None };
    let endless = Policy { deadline: Some(Duration::ZERO), ..Policy::default() };
    let told = [
        (model(&|model| model.params.temperature = Some(-5.0)), "`params.temperature` must be from 0 to 100"),
        (model(&|model| model.params.temperature = Some(f64::NAN)), "`params.temperature` must be from 0 to 100"),
        (model(&|model| model.params.top_p = Some(7.0)), "`params.top_p` must be above 0 and at most 1"),
        (model(&|model| model.params.max_tokens = Some(0)), "`params.max_tokens` must be at least 1"),
        (model(&|model| model.params.stop = vec![String::new()]), "a text of `params.stop` is empty"),
        (model(&|model| model.context_window = Some(0)), "`context_window` must be at least 1"),
        (model(&|model| model.timeouts.idle = Some(Duration::ZERO)), "`timeouts.idle` is no usable duration"),
        (model(&|model| model.name = "".into()), "tier \"large\": the model's name is empty"),
        (refused(desk(&|_| {}).policy(endless)), "the policy's `deadline` is no usable duration"),
        (ruled("r", Route::only([])), "the rule \"r\": `only` names no tier"),
        (ruled("r", Route::Answer(behind)), "the rule \"r\": the chain is entered behind every tier"),
        (ruled("r", Route::at_point("cheap")), "the rule \"r\": there is no operating point \"cheap\", since"),
        (ruled("r", Route::Refuse("".into())), "the rule \"r\": what it says is empty"),
        (ruled("a rule", Route::Refuse("no".into())), "its name cannot be \"a rule\""),
        (ruled("r", Route::only([TierIx(9)])), "the rule \"r\" names the tier at 9, and there are 2"),
        (
            refused(desk(&|_| {}).rule(rule("r", Route::Refuse("a".into()))).rule(rule("r", Route::Refuse("b".into())))),
            "two rules are named \"r\"",
        ),
    ];
    for (why, wanted) in told {
        assert!(why.contains(wanted), "{why}");
    }
    assert!(desk(&|model| model.params.temperature = Some(0.0)).build().is_ok());
}

#[test]
fn what_a_main_prints_of_an_error_is_its_message() {
    let unset = tierfall::secret_from_env("NO_SUCH_KEY").unwrap_err();
    assert_eq!(format!("{unset:?}"), "NO_SUCH_KEY is not set in the environment: `export NO_SUCH_KEY=…`");
    let unknown = NamedSignal::built_in("mean-logprobs").unwrap_err();
    assert_eq!(format!("{unknown:?}"), "there is no signal \"mean-logprobs\"; did you mean `mean-logprob`?");
    let url = tierfall::BaseUrl::parse("localhost:8000").unwrap_err();
    let money = "0.1.2".parse::<tierfall::Money>().unwrap_err();
    let outside = Gate::nominal_from(signal(json!("margin")), 7.0).unwrap_err();
    let file = tierfall::config::parse_str("name = ").unwrap_err();
    let fit = fit::read(std::path::Path::new("no.fit.toml")).unwrap_err();
    let point = two(gate(json!("non-empty"), 0.5), giving(None)).build().unwrap().find_point("x").unwrap_err();
    let errors: [&dyn std::error::Error; 6] = [&url, &money, &outside, &file, &fit, &point];
    for error in errors {
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}

#[test]
fn a_rule_names_a_point_of_the_fit() {
    let own = |point: &str| {
        let rule = Rule { name: "r".into(), when: Arc::new(Never), route: Route::at_point(point) };
        two(Gate::new(signal(json!("non-empty")), Threshold::DeferAll), giving(None)).rule(rule).fit(fit()).build()
    };
    let why = own("defualt").unwrap_err().to_string();
    assert!(why.contains("the rule \"r\": the fit has no operating point \"defualt\"; did you mean `default`?"), "{why}");
    assert!(own("default").is_ok());
}

#[derive(Debug)]
struct Never;

impl Condition for Never {
    fn holds(&self, _: &Request) -> bool {
        false
    }
}

#[test]
fn parts_that_are_no_cascade_are_refused() {
    let none = || giving(None);
    let large = || Tier::new("large", Model::new("l"));
    let built = Engine::named("desk").tier(large(), none()).tier(large(), none()).build();
    assert_eq!(built.unwrap_err(), BuildError::Cascade(CascadeError::DuplicateName("large".into())));
    let policy = Policy { budget: Some("0.01".parse().unwrap()), ..Policy::default() };
    let built = Engine::named("desk").tier(large(), none()).policy(policy).build();
    assert_eq!(format!("{:?}", built.unwrap_err()), "a budget needs prices, and tier \"large\" has none");
    let built = Engine::named("desk").review("person", None).build();
    assert_eq!(built.unwrap_err(), BuildError::Cascade(CascadeError::NoModel));
}

/// A fit that accepts everything of `small`, bound to the engine's own cascade.
fn fit() -> Fit {
    let binding = fit::BindingFit {
        provider: "plain".into(),
        provider_kind: "openai-chat".into(),
        model: "s".into(),
        model_digest: Some("weights".into()),
        params: tierfall::digest::of(&Params::default()),
        prompt: tierfall::digest::of::<[tierfall::Message]>(&[]),
        require: [].into(),
        on_truncated: tierfall::OnTruncated::Defer,
        signals: [("non-empty".to_owned(), signal(json!("non-empty")).version())].into(),
    };
    let value = GateValue::Signal { signal: "non-empty".into(), negated: false };
    let last = fit::BindingFit { model: "l".into(), signals: [].into(), ..binding.clone() };
    let cuts = vec![Cut { asked: true, threshold: Threshold::accept_from(Score::new(0.5).unwrap()) }];
    Fit {
        version: 1,
        cascade: "desk".into(),
        salt: "desk".into(),
        provenance: Provenance::default(),
        tier: vec![
            TierFit { name: "small".into(), binding: Some(binding), gate: Some(value), map: None },
            TierFit { name: "large".into(), binding: Some(last), gate: None, map: None },
        ],
        point: vec![Point {
            name: "default".into(),
            status: Status::Uncertified,
            target: TargetFit::MaxLoss(0.05),
            guarantee: None,
            cuts,
            segments: [].into(),
        }],
    }
}

#[tokio::test]
async fn a_fit_is_put_in_force() {
    let deferring = || two(Gate::new(signal(json!("non-empty")), Threshold::DeferAll), giving(None));
    let unfitted = deferring().build().unwrap();
    assert_eq!(unfitted.complete("?").await.trace.tier.as_deref(), Some("large"));
    let fitted = deferring().fit(fit()).build().unwrap();
    let answer = fitted.complete("?").await;
    assert_eq!(answer.trace.tier.as_deref(), Some("small"));
    assert_eq!(answer.trace.route.point.as_deref(), Some("default"));
    assert_eq!(fitted.points().len(), 1);
}

#[test]
fn a_fit_of_another_cascade_is_refused() {
    let own = || two(Gate::new(signal(json!("non-empty")), Threshold::DeferAll), giving(None));
    let stale = |change: &dyn Fn(&mut Fit)| {
        let mut fit = fit();
        change(&mut fit);
        refused(own().fit(fit))
    };
    let told = [
        (stale(&|fit| fit.salt = "other".into()), "the salt was"),
        (stale(&|fit| fit.tier[0].name = "tiny".into()), "the fit is of the chain tiny → large"),
        (
            stale(&|fit| fit.tier[0].binding.as_mut().unwrap().model = "m".into()),
            "tier \"small\": the fit is stale: the model was m and is s",
        ),
        (stale(&|fit| fit.tier[1].binding.as_mut().unwrap().provider = "p".into()), "the provider was p and is plain"),
        (stale(&|fit| fit.tier[0].binding.as_mut().unwrap().prompt.clear()), "its prompt changed"),
        (stale(&|fit| fit.tier[0].binding = None), "does not say which model"),
        (stale(&|fit| fit.point[0].cuts.clear()), "the fit is broken"),
        (
            stale(&|fit| {
                let cuts = fit.point[0].cuts.clone();
                fit.point[0].segments.insert("vip".into(), cuts);
                fit.provenance.segment_digest = Some("x".into());
            }),
            "by segment",
        ),
        (
            refused(own().policy(Policy { on_abstain: OnAbstain::Accept, ..Policy::default() }).fit(fit())),
            "escalates after a signal",
        ),
    ];
    for (why, wanted) in told {
        assert!(why.contains(wanted), "{why}");
    }
    // A provider that says nothing of itself may be the one.
    let silent = |tier: &str, gate| {
        let tier = Tier { gate, ..Tier::new(tier, Model::new(&tier[..1])) };
        (tier, Says("yes", Declares::default()))
    };
    let (small, says) = silent("small", Some(Gate::new(signal(json!("non-empty")), Threshold::DeferAll)));
    let (large, too) = silent("large", None);
    assert!(Engine::named("desk").tier(small, says).tier(large, too).fit(fit()).build().is_ok());
}

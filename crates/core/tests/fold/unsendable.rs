//! Requests that no call can carry: nothing is called, and the field is named.

use serde_json::json;
use tierfall_core::cascade::{Answerer, Cascade, Policy, TierIx};
use tierfall_core::plan::Plan;
use tierfall_core::provider::CallErrorKind;
use tierfall_core::replay::replay;
use tierfall_core::request::{Params, Request};
use tierfall_core::run::Outcome;

use crate::scripted::{Cell, chain, request, result};

fn cascade() -> Cascade {
    Cascade::try_from(chain(&[0.5], Policy::default())).unwrap()
}

fn with(edit: impl Fn(&mut Request)) -> Request {
    let mut request = request();
    edit(&mut request);
    request
}

fn with_extra(name: &str) -> Request {
    with(|request| _ = request.params.extra.insert(name.to_owned(), json!(1)))
}

#[test]
fn what_no_call_can_carry_is_put_to_nobody() {
    let fields =
        ["messages", "max_tokens", "max-tokens", "Max_Tokens", "max_completion_tokens", "model", "n", "system", "stop_sequences"];
    let extra = fields.map(|name| (with_extra(name), format!("`{name}`")));
    let nan = with(|request| request.params.temperature = Some(f64::NAN));
    let infinite = with(|request| request.params.top_p = Some(f64::INFINITY));
    let told = [
        (nan, "`temperature` is NaN"),
        (infinite, "`top_p` is inf"),
        (with(|request| request.tools = Some(json!("x").into())), "`tools` are no JSON array"),
        (with(|request| request.tools = Some(json!({}).into())), "`tools` are no JSON array"),
        (with(|request| request.response_format = Some(json!([]).into())), "`response_format` is no JSON object"),
    ];
    for (request, named) in extra.into_iter().chain(told.map(|(request, why)| (request, why.to_owned()))) {
        let plan = Plan::new(&cascade(), request.clone());
        assert!((0..2).all(|ix| plan.may_see(TierIx(ix)).is_none()), "{named}");
        let (outcome, trace) = replay(&cascade(), request, |_, _| panic!("{named} was sent"));
        let Outcome::Failed(error) = outcome else { panic!("{named}: {outcome:?}") };
        assert_eq!(error.kind, CallErrorKind::InvalidRequest);
        assert!(error.message.contains(&named), "{}", error.message);
        assert_eq!(trace.route.refused.as_deref(), Some(&*error.message));
        assert!(trace.steps.is_empty());
    }
}

#[test]
fn all_else_is_sent_as_it_is() {
    let odd = with(|request| {
        request.params = Params { temperature: Some(3.5), ..Params::default() };
        request.params.extra.insert("top_k".to_owned(), json!(5));
        request.tools = Some(serde_json::Value::Null.into());
        request.response_format = Some(json!({ "type": "text" }).into());
    });
    let (outcome, _) = replay(&cascade(), odd, |_, _| result(&Cell::score(0.9)));
    assert!(matches!(outcome, Outcome::Answered(_)));
}

#[test]
fn a_limit_under_its_newer_name_counts_for_the_budget() {
    let limited = |most: u32| {
        let mut parts = chain(&[0.5], Policy { budget: Some("0.05".parse().unwrap()), ..Policy::default() });
        for tier in &mut parts.tiers {
            let Answerer::Model(model) = &mut tier.answerer else { continue };
            model.params.extra.insert("max_completion_tokens".to_owned(), json!(most));
        }
        let small = with(|request| request.params.max_tokens = Some(1));
        replay(&Cascade::try_from(parts).unwrap(), small, |_, _| result(&Cell::score(0.9))).0
    };
    assert!(matches!(limited(1), Outcome::Answered(_)), "{:?}", limited(1));
    assert!(!matches!(limited(u32::MAX), Outcome::Answered(_)));
}

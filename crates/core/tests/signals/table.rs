//! The table as a cascade file sees it.

use serde_json::{Value, json};
use tierfall_core::signal::table::SignalSpec;

fn parse(value: Value) -> Result<SignalSpec, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[test]
fn a_name_and_a_name_with_options_are_the_same_signal() {
    for name in SignalSpec::NAMES {
        let bare = parse(json!(name)).unwrap();
        assert_eq!(bare, parse(json!({ *name: {} })).unwrap());
        assert_eq!(bare, SignalSpec::by_name(name).unwrap());
        assert_eq!(bare.label(), *name);
    }
}

#[test]
fn signals_survive_being_written() {
    for spec in crate::examples() {
        let written = serde_json::to_value(&spec).unwrap();
        assert_eq!(parse(written).unwrap(), spec);
    }
    assert_eq!(serde_json::to_value(parse(json!({ "entropy": { "top": 5 } })).unwrap()).unwrap(), json!("entropy"));
}

#[test]
fn mistakes_are_told_with_what_would_be_right() {
    for (value, needles) in [
        (json!("mean-logprobs"), &["mean-logprobs", "mean-logprob`", "agreement"][..]),
        (json!({ "meen": {} }), &["meen", "mean-logprob"]),
        (json!({ "mean-logprob": { "alpha": 0.1 } }), &["alpha", "tokens"]),
        (json!({ "quantile-logprob": { "alpha": "low" } }), &["low"]),
        (json!({ "mean-logprob": { "tokens": "some" } }), &["some", "after-marker"]),
        (json!({ "mean-logprob": {}, "min-logprob": {} }), &["mean-logprob", "is not the only key"]),
        (json!({}), &["only key"]),
        (json!(3), &["the name of a signal"]),
    ] {
        let message = parse(value).unwrap_err();
        for needle in needles {
            assert!(message.contains(needle), "{message}");
        }
    }
}

#[test]
fn bad_options_are_named() {
    for (value, option) in [
        (json!({ "quantile-logprob": { "alpha": 1.01 } }), "alpha"),
        (json!({ "trimmed-logprob": { "lowest": 0 } }), "lowest"),
        (json!({ "trimmed-logprob": { "share": 0.0 } }), "share"),
        (json!({ "entropy": { "top": 1 } }), "top"),
        (json!({ "mean-logprob": { "tokens": { "answer-span": "(" } } }), "tokens"),
        (json!({ "mean-logprob": { "tokens": { "json-pointer": "a" } } }), "tokens"),
        (json!("choice"), "choices"),
        (json!({ "choice": { "choices": ["a", "b"], "variants": { "c": ["d"] } } }), "variants"),
        (json!({ "choice": { "choices": ["a", "b"], "min-coverage": 2.0 } }), "min-coverage"),
        (json!({ "p-true": { "surrogate": "" } }), "surrogate"),
        (json!({ "agreement": { "samples": 1 } }), "samples"),
        (json!({ "agreement": { "normalise": "choice" } }), "choices"),
        (json!("regex"), "pattern"),
        (json!({ "json-schema": { "schema": { "type": 3 } } }), "schema"),
        (json!({ "not-refusal": { "phrases": [" "] } }), "phrases"),
        (json!({ "finish": { "allowed": [] } }), "allowed"),
    ] {
        let spec = parse(value.clone()).unwrap();
        let error = spec.build().unwrap_err();
        assert_eq!((error.signal, error.option), (spec.name(), option), "{value}");
        assert!(error.to_string().contains(option) && !error.problem.is_empty(), "{error}");
    }
}

#[test]
fn labels_are_stable() {
    for (value, label) in [
        (json!("mean-logprob"), "mean-logprob"),
        (json!({ "quantile-logprob": { "alpha": 0.1 } }), "quantile-logprob"),
        (json!({ "quantile-logprob": { "tokens": "content", "alpha": 0.25 } }), "quantile-logprob(alpha=0.25,tokens=content)"),
        (json!({ "length-penalised-logprob": { "alpha": 1 } }), "length-penalised-logprob(alpha=1)"),
        (
            json!({ "mean-logprob": { "tokens": { "after-marker": "Answer:" } } }),
            "mean-logprob(tokens={\"after-marker\":\"Answer:\"})",
        ),
        (json!({ "p-true": { "surrogate": "small" } }), "p-true(surrogate=small)"),
        (json!({ "choice": { "choices": ["yes", "no"] } }), "choice(choices=[\"yes\",\"no\"])"),
        (json!({ "regex": { "pattern": "a,b(c)=d" } }), "regex(pattern=\"a,b(c)=d\")"),
        (json!({ "json-schema": { "schema": { "type": "object" } } }), "json-schema(schema={\"type\":\"object\"})"),
        (json!({ "regex": { "pattern": "x".repeat(60) } }), "regex(pattern=#LONG)"),
    ] {
        let written = parse(value).unwrap().label();
        match label.split_once("#LONG") {
            None => assert_eq!(written, label),
            Some((before, _)) => assert!(written.starts_with(before) && written.len() == before.len() + 18, "{written}"),
        }
    }
}

#[cfg(feature = "schema")]
#[test]
fn schemas_describe_the_options() {
    let schema = schemars::schema_for!(SignalSpec).to_value();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for example in crate::examples() {
        let name = example.name();
        assert!(validator.is_valid(&serde_json::to_value(&example).unwrap()), "{name}");
        assert!(!validator.is_valid(&json!({ name: { "no-such-option": 1 } })), "{name}");
        let builds = SignalSpec::by_name(name).unwrap().build().is_ok();
        assert_eq!(validator.is_valid(&json!({ name: {} })), builds, "{name}: an option without a default is required");
    }
    for (name, options) in schema["$defs"].as_object().unwrap() {
        for (option, described) in options["properties"].as_object().into_iter().flatten() {
            assert!(described["description"].is_string(), "{name}: `{option}` says nothing");
        }
    }
}

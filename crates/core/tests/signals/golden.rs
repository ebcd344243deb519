//! Every formula against vectors that `testdata/signals.py` computed from the formulas alone.

use serde::Deserialize;
use tierfall_core::completion::{Completion, Sample, Tokens};
use tierfall_core::request::Request;
use tierfall_core::signal::Evidence;
use tierfall_core::signal::table::SignalSpec;

type Row = (String, f64, Vec<(String, f64)>);

#[derive(Deserialize)]
struct Case {
    text: Option<String>,
    tokens: Vec<Row>,
    probe: Option<Vec<Row>>,
    #[serde(default)]
    samples: Vec<String>,
    readings: Vec<(SignalSpec, f64)>,
}

fn completion(text: Option<String>, rows: &[Row]) -> Completion {
    let mut tokens = Tokens::default();
    for (text, logprob, alternatives) in rows {
        tokens.push(text, *logprob);
        for (text, logprob) in alternatives {
            tokens.push_alternative(text, *logprob);
        }
    }
    let written = rows.iter().map(|(text, ..)| text.as_str()).collect::<String>();
    Completion { tokens: Some(tokens), ..Completion::text(text.unwrap_or(written)) }
}

#[test]
fn formulas_give_what_was_computed_elsewhere() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../testdata/signals.json")).unwrap();
    let request = Request::new("1", "?");
    let mut covered: Vec<&str> = Vec::new();
    for (place, case) in cases.into_iter().enumerate() {
        let mut answer = completion(case.text, &case.tokens);
        answer.samples = case.samples.into_iter().map(|text| Sample { text, ..Sample::default() }).collect();
        let probe = case.probe.map(|rows| completion(None, &rows));
        for (spec, expected) in case.readings {
            let named = spec.build().unwrap();
            let score = named.read(Evidence { request: &request, answer: &answer, probe: probe.as_ref() }).unwrap();
            let close = (score.get() - expected).abs() <= 1e-9 * expected.abs().max(1.0);
            assert!(close, "case {place}, {}: {score}, but {expected} was computed", named.label);
            covered.push(spec.name());
        }
    }
    let validators = ["non-empty", "regex", "json-schema", "not-refusal", "finish"];
    for name in SignalSpec::NAMES.iter().filter(|name| !validators.contains(name)) {
        assert!(covered.contains(name), "{name} has no vector");
    }
}

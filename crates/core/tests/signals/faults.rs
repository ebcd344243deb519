//! Faults that were seen in other systems.

use tierfall_core::completion::{Completion, Tokens};
use tierfall_core::request::Request;
use tierfall_core::signal::table::SignalSpec;
use tierfall_core::signal::{Abstain, Evidence, Reading};

fn read(spec: &str, answer: &Completion) -> Reading {
    let spec: SignalSpec = serde_json::from_str(spec).unwrap();
    spec.build().unwrap().read(Evidence { request: &Request::new("1", "?"), answer, probe: None })
}

fn answer(logprobs: &[f64]) -> Completion {
    let mut tokens = Tokens::default();
    for logprob in logprobs {
        tokens.push("x", *logprob);
        tokens.push_alternative("x", *logprob);
        tokens.push_alternative("y", -3.0);
        tokens.push_alternative("z", -4.0);
    }
    Completion { tokens: Some(tokens), ..Completion::text("x".repeat(logprobs.len())) }
}

const AVERAGES: &[&str] = &[
    "\"mean-logprob\"",
    "\"sum-logprob\"",
    "\"length-penalised-logprob\"",
    "\"trimmed-logprob\"",
    "{\"trimmed-logprob\": {\"share\": 0.5}}",
    "\"margin\"",
    "\"log-margin\"",
    "\"entropy\"",
];
const RANKS: &[&str] = &["\"min-logprob\"", "{\"quantile-logprob\": {\"alpha\": 0.1}}"];

#[test]
fn no_tokens_are_not_a_perfect_score() {
    for spec in AVERAGES.iter().chain(RANKS) {
        assert_eq!(read(spec, &answer(&[])), Err(Abstain::NoTokens), "{spec}");
        assert_eq!(read(spec, &Completion::text("x")), Err(Abstain::NoLogprobs), "{spec}");
    }
}

#[test]
fn not_in_the_top_is_lowest_for_ranks_and_no_number_for_averages() {
    for floor in [-9999.0, -1e9, f64::NEG_INFINITY] {
        let answer = answer(&[-0.1, floor, -0.2]);
        for spec in AVERAGES {
            assert_eq!(read(spec, &answer), Err(Abstain::InvalidLogprob), "{spec}");
        }
        for spec in RANKS {
            assert_eq!(read(spec, &answer).unwrap().get().to_bits(), f64::NEG_INFINITY.to_bits(), "{spec}");
        }
    }
}

#[test]
fn what_is_no_log_probability_makes_every_token_signal_abstain() {
    for bad in [f64::NAN, 0.01, f64::INFINITY] {
        for spec in AVERAGES.iter().chain(RANKS) {
            assert_eq!(read(spec, &answer(&[-0.1, bad])), Err(Abstain::InvalidLogprob), "{spec}");
        }
    }
}

#[test]
fn exactly_zero_and_rounded_zero_are_legal() {
    for spec in AVERAGES.iter().chain(RANKS) {
        let (zero, rounded) = (read(spec, &answer(&[0.0, 0.0])), read(spec, &answer(&[9e-7, 0.0])));
        assert!(zero.is_ok(), "{spec}");
        assert_eq!(zero, rounded, "{spec}");
    }
    assert_eq!(read("\"mean-logprob\"", &answer(&[0.0])).unwrap().get().to_bits(), 0f64.to_bits());
}

#[test]
fn the_end_of_turn_changes_nothing() {
    for spec in AVERAGES.iter().chain(RANKS) {
        let plain = answer(&[-0.5, -1.0]);
        let mut ended = plain.clone();
        if let Some(tokens) = &mut ended.tokens {
            tokens.push("", -7.0);
        }
        assert_eq!(read(spec, &plain), read(spec, &ended), "{spec}");
    }
}

#[test]
fn a_rating_asked_for_in_the_answer_reaches_nobody() {
    let spec: SignalSpec = serde_json::from_str("\"self-rated\"").unwrap();
    let signal = spec.build().unwrap();
    let mut tokens = Tokens::default();
    let texts = ["Pa", "ris", "\n", "Confidence", ":", " 90", "%", ""];
    for text in texts {
        tokens.push(text, -0.5);
    }
    let mut answer = Completion { tokens: Some(tokens), ..Completion::text(texts.concat()) };
    let request = Request::new("1", "?");
    let reading = signal.read(Evidence { request: &request, answer: &answer, probe: None });
    assert!((reading.unwrap().get() - 0.9).abs() < 1e-12);
    signal.strip(&mut answer);
    assert_eq!(answer.text, "Paris");
    let left: String = answer.tokens.iter().flat_map(Tokens::iter).map(|token| token.text().to_owned()).collect();
    assert_eq!(left, "Paris");
    // Stripped once, there is nothing left to read or to strip.
    let reading = signal.read(Evidence { request: &request, answer: &answer, probe: None });
    assert_eq!(reading, Err(Abstain::Unparsable));
    let before = answer.clone();
    signal.strip(&mut answer);
    assert_eq!(answer, before);
}

//! Every built-in signal keeps what signals owe, and a signal that does not is found.

#![expect(clippy::unwrap_used, reason = "a wrong example should stop the test")]

use serde_json::{Value, json};
use tierfall_core::completion::{Completion, Delta, Finish, Token, Tokens};
use tierfall_core::number::Score;
use tierfall_core::request::Request;
use tierfall_core::signal::table::SignalSpec;
use tierfall_core::signal::{Abstain, Bounds, Evidence, NamedSignal, Reading, Settles, Signal, Watch};
use tierfall_testkit::conformance;

/// Signals beside the usual ones, as files write them.
fn others() -> Value {
    json!([
        { "quantile-logprob": { "alpha": 0.0 } },
        { "quantile-logprob": { "alpha": 1.0, "tokens": { "first-n": 4 } } },
        { "length-penalised-logprob": { "alpha": 0.0 } },
        { "length-penalised-logprob": { "alpha": 0.3, "tokens": { "first-n": 6 } } },
        { "trimmed-logprob": { "lowest": 2 } },
        { "trimmed-logprob": { "lowest": 2, "tokens": { "first-n": 5 } } },
        { "trimmed-logprob": { "share": 0.3 } },
        { "trimmed-logprob": { "share": 0.3, "tokens": { "first-n": 5 } } },
        { "mean-logprob": { "tokens": "content" } },
        { "mean-logprob": { "tokens": { "first-n": 7 } } },
        { "sum-logprob": { "tokens": { "first-n": 7 } } },
        { "min-logprob": { "tokens": { "first-n": 3 } } },
        { "min-logprob": { "tokens": "content" } },
        { "sum-logprob": { "tokens": { "after-marker": "Answer: " } } },
        { "min-logprob": { "tokens": { "answer-span": "[a-c0-9]+" } } },
        { "min-logprob": { "tokens": { "aligned-span": "[a-c]+" } } },
        { "margin": { "tokens": { "aligned-span": "x(a|b+)" } } },
        { "mean-logprob": { "tokens": { "json-pointer": "/a" } } },
        { "mean-logprob": { "tokens": "tool-arguments" } },
        { "margin": { "over": "worst" } },
        { "margin": { "tokens": { "first-n": 6 } } },
        { "log-margin": { "over": "worst", "tokens": "content" } },
        { "log-margin": { "tokens": { "first-n": 6 } } },
        { "entropy": { "tail": "bin", "tokens": { "first-n": 6 } } },
        { "entropy": { "over": "worst", "top": 3 } },
        { "choice": { "choices": ["a", "b"], "of": "best", "min-coverage": 0.0 } },
        { "choice": { "choices": ["ab", "ac"], "min-coverage": 0.0 } },
        { "choice": { "choices": ["a", "b"], "at": { "after-marker": "Answer: " } } },
        { "choice": { "choices": ["a", "b"], "at": { "json-pointer": "/a" } } },
        { "self-rated": { "style": "json", "scale": "unit" } },
        { "self-rated": { "mode": "probe" } },
        { "self-rated": { "at": "start" } },
        { "p-true": { "surrogate": "small", "min-coverage": 0.0 } },
        { "agreement": { "samples": 2, "smoothing": "beta" } },
        { "regex": { "pattern": "b|42", "must": "not-match" } },
        { "regex": { "pattern": "(?m)^a$" } },
        { "regex": { "pattern": "a\\b" } },
        { "regex": { "pattern": "x*" } },
        { "not-refusal": { "within": 6, "phrases": ["i can't", "οδος"] } },
        { "not-refusal": { "within": 40 } },
        { "finish": { "allowed": ["length"] } },
        { "json-schema": { "schema": {} } }
    ])
}

/// Every signal of the table, and some with other options.
fn all() -> impl Iterator<Item = NamedSignal> {
    let usual = |name: &&str| match *name {
        "choice" => json!({ "choice": { "choices": ["yes", "no"] } }),
        "regex" => json!({ "regex": { "pattern": "^[A-D]$" } }),
        "json-schema" => json!({ "json-schema": { "schema": { "type": "object", "required": ["a"] } } }),
        name => json!(name),
    };
    let specs: Vec<SignalSpec> = serde_json::from_value(others()).unwrap();
    let usual = SignalSpec::NAMES.iter().map(move |name| serde_json::from_value(usual(name)).unwrap());
    usual.chain(specs).map(|spec: SignalSpec| spec.build().unwrap())
}

/// What an answer must hold for a signal to come to something.
fn words(label: &str) -> &'static [&'static str] {
    match label.split('(').next().unwrap_or_default() {
        "json-schema" => &["{\"a\": ", "1", "}", "[", "]", "tr", "ue", "\"\\u00", "e9\""],
        "not-refusal" => &["ΟΔΟΣ", "α", " ", "I can", "'t help"],
        "regex" => &["a", "B", "\na\n", "é"],
        "self-rated" => &["Confidence: ", "90", "\n", "<think>", "</think>"],
        "non-empty" => &["<think>", "</think>", "\u{200b}"],
        _ => &["yes", " no", "ab", "ac", "x"],
    }
}

#[test]
fn every_signal_keeps_what_signals_owe() {
    for named in all() {
        conformance::signal(&named, words(&named.label)).unwrap_or_else(|broken| panic!("{broken}"));
    }
}

/// The others are not known at all before the end.
#[test]
fn what_can_be_known_before_the_end() {
    let mut tokens = Tokens::default();
    for _ in 0..8 {
        tokens.push("x", -0.5);
        tokens.push_alternative("x", -0.5);
        tokens.push_alternative("y", -1.5);
    }
    let begun = Delta { text: "x".repeat(8), tokens: Some(tokens), ..Delta::default() };
    let (mut bounded, mut early) = (Vec::new(), Vec::new());
    for named in all() {
        let mut watching = named.watch(&Request::new("id", "?"));
        if named.settles() == Settles::Early {
            early.push(named.label.to_string());
        } else if watching.bounds() != watching.push(&begun) {
            bounded.push(named.label.to_string());
        }
    }
    let expected = [
        "sum-logprob",
        "min-logprob",
        "trimmed-logprob",
        "length-penalised-logprob(alpha=0)",
        "trimmed-logprob(lowest=2)",
        "min-logprob(tokens=content)",
        "margin(over=worst)",
        "log-margin(over=worst,tokens=content)",
        "entropy(over=worst,top=3)",
    ];
    assert_eq!(bounded, expected);
    let expected = [
        "choice(choices=[\"yes\",\"no\"])",
        "non-empty",
        "regex(pattern=\"^[A-D]$\")",
        "json-schema(schema={\"required\":[\"a\"],\"type\":\"object\"})",
        "not-refusal",
        "quantile-logprob(alpha=1,tokens={\"first-n\":4})",
        "length-penalised-logprob(alpha=0.3,tokens={\"first-n\":6})",
        "trimmed-logprob(lowest=2,tokens={\"first-n\":5})",
        "trimmed-logprob(share=0.3,tokens={\"first-n\":5})",
        "mean-logprob(tokens={\"first-n\":7})",
        "sum-logprob(tokens={\"first-n\":7})",
        "min-logprob(tokens={\"first-n\":3})",
        "min-logprob(tokens={\"aligned-span\":\"[a-c]+\"})",
        "margin(tokens={\"aligned-span\":\"x(a|b+)\"})",
        "margin(tokens={\"first-n\":6})",
        "log-margin(tokens={\"first-n\":6})",
        "entropy(tail=bin,tokens={\"first-n\":6})",
        "choice(choices=[\"a\",\"b\"],min-coverage=0,of=best)",
        "choice(choices=[\"ab\",\"ac\"],min-coverage=0)",
        "self-rated(at=start)",
        "regex(must=not-match,pattern=\"b|42\")",
        "regex(pattern=\"(?m)^a$\")",
        "regex(pattern=\"a\\\\b\")",
        "not-refusal(phrases=[\"i can't\",\"οδος\"],within=6)",
        "not-refusal(within=40)",
        "json-schema(schema={})",
    ];
    assert_eq!(early, expected);
}

/// One over the characters, and something wrong with it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Nothing,
    Grows,
    Forgets,
    NeverEnds,
    EndsOtherwise,
    Panics,
    Boasts,
    OffScale,
}

#[derive(Clone, Copy, Debug)]
struct Brevity {
    wrong: Wrong,
    characters: usize,
}

impl Brevity {
    fn score(self) -> f64 {
        let shift = if self.wrong == Wrong::OffScale { 2.0 } else { 0.0 };
        1.0 / (1.0 + self.characters as f64) + shift
    }
}

impl Signal for Brevity {
    fn read(&self, evidence: Evidence<'_>) -> Reading {
        let characters = evidence.answer.text.chars().count();
        Score::new(Self { characters, ..*self }.score()).ok_or(Abstain::NotANumber)
    }

    fn watch(&self, _: &Request) -> Option<Box<dyn Watch>> {
        Some(Box::new(*self))
    }

    fn settles(&self) -> Settles {
        if self.wrong == Wrong::Boasts { Settles::Early } else { Settles::AtEnd }
    }
}

impl Watch for Brevity {
    fn push(&mut self, delta: &Delta) -> Bounds {
        assert!(self.wrong != Wrong::Panics, "broken");
        self.characters += delta.text.chars().count();
        let score = self.score();
        let settled = |score| Bounds::settled(Score::new(score).ok_or(Abstain::NotANumber));
        match (self.wrong, &delta.finish) {
            (Wrong::NeverEnds, _) | (Wrong::Nothing | Wrong::EndsOtherwise | Wrong::Boasts | Wrong::OffScale, None) => {
                Bounds::within(0.0, score)
            }
            (Wrong::EndsOtherwise, Some(_)) => settled(score / 2.0),
            (Wrong::Grows, None) => Bounds::within(score, 1.0),
            (Wrong::Forgets, None) if self.characters % 3 == 1 => Bounds::within(0.0, 1.0),
            (Wrong::Forgets, None) => Bounds::within(0.0, score),
            _ => settled(score),
        }
    }
}

#[test]
fn a_signal_that_owes_something_is_found() {
    for (wrong, needle) in [
        (Wrong::Nothing, ""),
        (Wrong::Grows, "does not hold"),
        (Wrong::Forgets, "takes back"),
        (Wrong::NeverEnds, "at the end"),
        (Wrong::EndsOtherwise, "does not hold"),
        (Wrong::Panics, "panicked"),
        (Wrong::Boasts, "declares"),
        (Wrong::OffScale, "outside its scale"),
    ] {
        let named = NamedSignal::new("brevity", Brevity { wrong, characters: 0 });
        let said = conformance::signal(&named, &[]).err().map(|broken| broken.to_string()).unwrap_or_default();
        assert!(said.contains(needle) && said.is_empty() == (wrong == Wrong::Nothing), "{wrong:?}: {said}");
    }
}

#[test]
fn a_signal_that_knows_sooner_than_it_declares_is_found() {
    #[derive(Debug)]
    struct Sure;
    impl Signal for Sure {
        fn read(&self, _: Evidence<'_>) -> Reading {
            Score::new(1.0).ok_or(Abstain::NotANumber)
        }
        fn watch(&self, _: &Request) -> Option<Box<dyn Watch>> {
            Some(Box::new(Self))
        }
    }
    impl Watch for Sure {
        fn push(&mut self, _: &Delta) -> Bounds {
            Bounds::settled(Score::new(1.0).ok_or(Abstain::NotANumber))
        }
    }
    let broken = conformance::signal(&NamedSignal::new("sure", Sure), &[]).unwrap_err();
    assert!(broken.what.contains("settles at the end alone"), "{broken}");
}

#[test]
fn a_signal_without_a_watch_owes_no_more_than_its_readings() {
    #[derive(Debug)]
    struct Unsure;
    impl Signal for Unsure {
        fn read(&self, evidence: Evidence<'_>) -> Reading {
            let tokens = evidence.answer.tokens.as_ref().ok_or(Abstain::NoLogprobs)?;
            Score::new(tokens.iter().map(Token::logprob).fold(0.0, f64::min).exp()).ok_or(Abstain::NotANumber)
        }
    }
    let named = NamedSignal::new("unsure", Unsure);
    conformance::signal(&named, &[]).unwrap();
    let whole = Delta { text: "x".into(), finish: Some(Finish::Stop), ..Delta::default() };
    let mut watching = named.watch(&Request::new("id", "?"));
    assert_eq!((watching.push(&whole), watching.is_open()), (Bounds::within(0.0, 1.0), false));
    assert_eq!(
        named.read(Evidence { request: &Request::new("id", "?"), answer: &Completion::text("x"), probe: None }),
        Err(Abstain::NoLogprobs)
    );
}

//! Properties of every signal in the table.

use std::sync::LazyLock;

use proptest::prelude::*;
use tierfall_core::completion::{Completion, Delta, Finish, Sample, Tokens, ToolCall};
use tierfall_core::request::{Call, Prompt, Request};
use tierfall_core::signal::table::SignalSpec;
use tierfall_core::signal::{Evidence, NamedSignal, Reading};

/// Every signal with options that build, and some with other options.
static ALL: LazyLock<Vec<NamedSignal>> = LazyLock::new(|| {
    let others = r#"[
        {"quantile-logprob": {"alpha": 0.0}}, {"quantile-logprob": {"alpha": 1.0}},
        {"length-penalised-logprob": {"alpha": 0.0}}, {"trimmed-logprob": {"share": 0.3}}, {"trimmed-logprob": {"lowest": 2}},
        {"margin": {"over": "worst"}}, {"log-margin": {"over": "worst"}},
        {"entropy": {"tail": "bin"}}, {"entropy": {"over": "worst", "top": 3}},
        {"mean-logprob": {"tokens": "content"}}, {"min-logprob": {"tokens": {"first-n": 3}}},
        {"sum-logprob": {"tokens": {"after-marker": "a"}}}, {"min-logprob": {"tokens": {"answer-span": "[a-c]+"}}},
        {"mean-logprob": {"tokens": {"json-pointer": "/a"}}}, {"mean-logprob": {"tokens": "tool-arguments"}},
        {"choice": {"choices": ["a", "b"], "of": "best", "min-coverage": 0.0}},
        {"choice": {"choices": ["a", "b"], "at": {"after-marker": ":"}}},
        {"self-rated": {"style": "json", "scale": "unit"}}, {"self-rated": {"mode": "probe"}},
        {"p-true": {"surrogate": "small", "min-coverage": 0.0}},
        {"agreement": {"samples": 2, "smoothing": "beta"}}, {"agreement": {"samples": 3, "normalise": "number"}},
        {"agreement": {"samples": 2, "normalise": "json"}}, {"agreement": {"samples": 2, "normalise": "choice", "choices": ["a", "b"]}},
        {"regex": {"pattern": "a", "must": "not-match"}}
    ]"#;
    let others: Vec<SignalSpec> = serde_json::from_str(others).unwrap();
    crate::examples().chain(others).map(|spec| spec.build().unwrap()).collect()
});

fn logprob() -> impl Strategy<Value = f64> {
    prop_oneof![
        12 => -8.0..0.0f64,
        2 => Just(0.0),
        1 => Just(-0.0),
        1 => Just(5e-7),
        1 => Just(-9999.0),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(f64::NAN),
        1 => Just(0.3),
        1 => Just(f64::INFINITY),
        1 => Just(-800.0),
    ]
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-c]{1,2}",
        1 => Just(String::new()),
        1 => Just(" ".to_owned()),
        1 => Just("True".to_owned()),
        1 => Just("```json\n".to_owned()),
        1 => Just("{\"a\": ".to_owned()),
        1 => Just("\"b\"}".to_owned()),
        1 => Just("\nConfidence: ".to_owned()),
        1 => Just("80%".to_owned()),
        1 => Just("é\u{fffd}🙂".to_owned()),
        1 => Just("<|end|>".to_owned()),
    ]
}

fn tokens() -> impl Strategy<Value = Tokens> {
    let alternatives = proptest::collection::vec((word(), logprob()), 0..7);
    proptest::collection::vec((word(), logprob(), alternatives), 0..10).prop_map(|rows| {
        let mut tokens = Tokens::default();
        for (text, logprob, alternatives) in rows {
            tokens.push(&text, logprob);
            for (text, logprob) in &alternatives {
                tokens.push_alternative(text, *logprob);
            }
        }
        tokens
    })
}

prop_compose! {
    fn completion()(
        tokens in proptest::option::weighted(0.9, tokens()),
        own_text in any::<bool>(),
        words in proptest::collection::vec(word(), 0..6),
        samples in proptest::collection::vec(word(), 0..6),
        arguments in proptest::option::of(prop_oneof![Just("{\"a\":\"b\"}".to_owned()), word()]),
        refused in proptest::bool::weighted(0.1),
        cut in proptest::bool::weighted(0.1),
    ) -> Completion {
        let written = tokens.as_ref().map(|tokens| tokens.iter().map(tierfall_core::completion::Token::text).collect::<String>());
        Completion {
            text: written.filter(|_| own_text).unwrap_or_else(|| words.concat()),
            refusal: refused.then(|| "no".to_owned()),
            tool_calls: arguments.into_iter().map(|arguments| ToolCall { arguments, ..ToolCall::default() }).collect(),
            tokens,
            samples: samples.into_iter().map(|text| Sample { text, finish: Finish::Stop }).collect(),
            finish: if cut { Finish::Length } else { Finish::Stop },
            ..Completion::default()
        }
    }
}

fn read(named: &NamedSignal, answer: &Completion, probe: Option<&Completion>) -> Reading {
    named.read(Evidence { request: &Request::new("id", "a or b?"), answer, probe })
}

fn with_tokens(tokens: Tokens) -> Completion {
    let text = tokens.iter().map(tierfall_core::completion::Token::text).collect::<String>();
    Completion { tokens: Some(tokens), ..Completion::text(text) }
}

thread_local! {
    static PANICKED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Behind a named signal a panic is an abstention. Of the built-in ones none may come to that.
fn notice_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICKED.set(true);
            before(panic);
        }));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_signal_is_total_deterministic_and_in_range(answer in completion(), probe in proptest::option::of(completion())) {
        notice_panics();
        for named in ALL.iter() {
            let reading = read(named, &answer, probe.as_ref());
            prop_assert_eq!(reading, read(named, &answer.clone(), probe.clone().as_ref()), "{}", named.label);
            if let Ok(score) = reading {
                let (low, high) = named.nominal().range();
                prop_assert!((low..=high).contains(&score.get()), "{} reads {}", named.label, score);
                let nominal = named.nominal().value(score);
                prop_assert!((0.0..=1.0).contains(&nominal), "{} shows {}", named.label, nominal);
            }
            let mut stripped = answer.clone();
            named.strip(&mut stripped);
            if !named.strips() {
                // `NaN != NaN` keeps `PartialEq` from saying this of tokens.
                prop_assert_eq!(&stripped.text, &answer.text, "{}", named.label);
            }
            let begun = Delta { text: answer.text.clone(), tokens: answer.tokens.clone(), ..Delta::default() };
            let _ = named.watch(&Request::new("id", "?")).push(&begun);
            let _ = named.probe(&Request::new("id", "?"), &answer);
            prop_assert!(!PANICKED.take(), "{} panics", named.label);
        }
    }
}

#[test]
fn nothing_is_read_from_nothing() {
    // Validators judge the absence itself; `not-refusal` has nothing to judge.
    let validators = ["non-empty", "regex(pattern=\"^[A-D]$\")", "regex(must=not-match,pattern=a)", "finish"];
    let empty = [
        Completion::default(),
        Completion { tokens: Some(Tokens::default()), ..Completion::default() },
        with_tokens({
            let mut end = Tokens::default();
            end.push("", -0.1);
            end
        }),
    ];
    for answer in &empty {
        for named in ALL.iter() {
            let reading = read(named, answer, None);
            let judged = validators.contains(&&*named.label) || named.label.starts_with("json-schema");
            assert_eq!(reading.is_ok(), judged, "{} reads {reading:?}", named.label);
        }
    }
}

#[test]
fn what_is_needed_is_asked_for() {
    for named in ALL.iter() {
        let needs = named.needs();
        let request = std::sync::Arc::new(Request::new("id", "?"));
        let prompt = Prompt::Request { preamble: [].into(), request: request.clone(), addendum: None };
        let mut call = Call::new(request.id.clone(), "m", prompt);
        named.prepare(&mut call);
        assert_eq!(call.logprobs, needs.logprobs.then_some(needs.top), "{}", named.label);
        assert_eq!(call.samples.get(), needs.samples.max(1), "{}", named.label);
        let asked = matches!(&call.prompt, Prompt::Request { addendum: Some(_), .. });
        assert_eq!(asked, named.strips(), "{}: what is asked for with the answer is stripped again", named.label);
        let probe = named.probe(&request, &Completion::text("a"));
        assert_eq!(probe.is_some(), needs.probe, "{}", named.label);
        assert_eq!(probe.and_then(|probe| probe.logprobs), needs.probe_logprobs, "{}", named.label);
        assert!(named.surrogate().is_none() || needs.probe, "{}", named.label);
    }
}

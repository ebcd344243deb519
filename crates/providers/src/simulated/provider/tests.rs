use super::super::{Latency, SimulatedSettings};
use super::*;
use crate::reply::collect;
use crate::retry::{RetryPolicy, Retrying};
use crate::test_calls::call;
use tierfall_core::completion::{Finish, Token};
use tierfall_core::provider::Billing;
use tierfall_core::request::{Message, Prompt, Request};

fn simulation(change: impl FnOnce(&mut SimulatedSettings)) -> Simulation {
    let mut settings = SimulatedSettings::new("small", 7);
    change(&mut settings);
    settings.try_into().unwrap()
}

/// A call about question `n`, with five alternatives a token.
fn asking(n: usize) -> Call {
    let request = Arc::new(Request::new(format!("q{n}"), format!("question {n}?")));
    let prompt = Prompt::Request { preamble: Arc::new([]), request, addendum: None };
    Call { prompt, logprobs: Some(5), ..call(&format!("q{n}")) }
}

fn request(call: &Call) -> &Request {
    let Prompt::Request { request, .. } = &call.prompt else { panic!("not a request") };
    request
}

fn is_right(answer: &Completion) -> bool {
    answer.text.starts_with("[simulated: right]")
}

fn mean_logprob(answer: &Completion) -> f64 {
    let tokens = answer.tokens.as_ref().unwrap();
    tokens.iter().map(Token::logprob).sum::<f64>() / tokens.len() as f64
}

fn auroc(scored: &[(f64, bool)]) -> f64 {
    let (mut won, mut pairs) = (0.0, 0.0);
    for (right, _) in scored.iter().filter(|(_, right)| *right) {
        for (wrong, _) in scored.iter().filter(|(_, right)| !right) {
            pairs += 1.0;
            won += if right > wrong { 1.0 } else { 0.0 };
        }
    }
    won / pairs
}

#[test]
fn the_same_call_has_the_same_answer_and_every_answer_is_marked() {
    let (one, other) = (simulation(|_| ()), simulation(|_| ()));
    for n in 0..50 {
        let answer = one.answer(&asking(n));
        assert_eq!(answer, other.answer(&asking(n)));
        assert!(answer.text.starts_with("[simulated: "), "{}", answer.text);
        assert_eq!(answer.model.as_deref(), Some("simulated/small"));
        let tokens = answer.tokens.as_ref().unwrap();
        assert_eq!(tokens.iter().map(Token::text).collect::<String>(), answer.text);
        assert_eq!(answer.usage.unwrap().output, tokens.len() as u64);
        let contains = answer.text.contains(&format!("{:04}", one.right_number(request(&asking(n)))));
        assert_eq!(contains, is_right(&answer));
    }
    assert_ne!(one.answer(&asking(1)).text, simulation(|s| s.seed = 8).answer(&asking(1)).text);
}

#[test]
fn ability_decides_how_many_are_right_and_difficulty_which() {
    let share = |ability: f64| {
        let model = simulation(|s| s.ability = ability);
        (0..2000).filter(|n| is_right(&model.answer(&asking(*n)))).count() as f64 / 2000.0
    };
    // The mean of σ(10 (a − d)) over d in [0, 1): the antiderivative of σ is ln(1 + eˣ).
    let softplus = |x: f64| x.exp().ln_1p();
    for ability in [0.2, 0.5, 0.9] {
        let want = (softplus(10.0 * ability) - softplus(10.0 * (ability - 1.0))) / 10.0;
        let got = share(ability);
        assert!((got - want).abs() < 0.04, "ability {ability}: {got} of {want}");
    }
    let (small, large) = (simulation(|_| ()), simulation(|s| (s.name, s.ability) = ("large".into(), 0.9)));
    for n in 0..20 {
        let asked = asking(n);
        assert!((small.difficulty(request(&asked)) - large.difficulty(request(&asked))).abs() < 1e-15);
    }
}

#[test]
fn log_probabilities_know_as_much_as_declared() {
    for (separation, want) in [(0.0, 0.5), (1.0, 0.760), (2.0, 0.921)] {
        let model = simulation(|s| s.separation = separation);
        let scored: Vec<_> = (0..1500).map(|n| model.answer(&asking(n))).map(|a| (mean_logprob(&a), is_right(&a))).collect();
        let got = auroc(&scored);
        assert!((got - want).abs() < 0.04, "separation {separation}: {got} of {want}");
    }
}

#[test]
fn alternatives_descend_and_stay_below_one_together() {
    let model = simulation(|_| ());
    for n in 0..50 {
        for token in model.answer(&asking(n)).tokens.unwrap().iter() {
            let all: Vec<f64> = token.alternatives().map(|(_, logprob)| logprob).collect();
            assert!(all.len() == 5 && all.is_sorted_by(|a, b| a >= b), "{all:?}");
            assert!(all.iter().map(|logprob| logprob.exp()).sum::<f64>() <= 1.0 + 1e-9, "{all:?}");
            assert!(token.logprob() < 0.0);
        }
    }
}

#[test]
fn a_probe_about_an_answer_knows_whether_it_is_right() {
    let model = simulation(|_| ());
    let mut scored = Vec::new();
    for n in 0..800 {
        let asked = asking(n);
        let answer = model.answer(&asked);
        let text = format!("<answer>\n{}\n</answer>\n\nIs it correct? Reply with exactly one word: True or False.", answer.text);
        let prompt = Prompt::Probe(vec![Message::user(text)]);
        let judged = model.answer(&Call { prompt, purpose: Purpose::Probe("p-true".into()), ..asked });
        let tokens = judged.tokens.as_ref().unwrap();
        // As with real models, a word of next to no probability is not among the alternatives.
        let of = |word| tokens.get(0).unwrap().alternatives().find(|(text, _)| *text == word).map_or(0.0, |found| found.1.exp());
        let (yes, no) = (of("True"), of("False"));
        assert!(yes + no > 0.9 && (judged.text == "True") == (yes >= no), "{judged:?}");
        scored.push((yes / (yes + no), is_right(&answer)));
    }
    let got = auroc(&scored);
    assert!((got - 0.921).abs() < 0.04, "{got}");
}

#[test]
fn ratings_are_written_as_asked() {
    let model = simulation(|_| ());
    for (words, begins) in [
        ("Reply with a whole number from 0 to 100, in exactly this form:\nConfidence: 65", "Confidence: "),
        ("Reply with a number from 0.0 to 1.0, in this form:\n{\"confidence\": 0.65}", "{\"confidence\": "),
    ] {
        let answer = model.answer(&Call { prompt: Prompt::Probe(vec![Message::user(words)]), ..asking(1) });
        let number = answer.text.strip_prefix(begins).unwrap().trim_end_matches('}').parse::<f64>().unwrap();
        assert!((0.0..=100.0).contains(&number), "{}", answer.text);
    }
    let mut asked = asking(1);
    asked.append_instructions("State a whole number from 0 to 10 in exactly this form:\nConfidence: 6");
    let answer = model.answer(&asked).text;
    let number: u8 = answer.rsplit_once("\nConfidence: ").unwrap().1.parse().unwrap();
    assert!(number <= 10 && answer.starts_with("[simulated: "));
}

#[test]
fn samples_differ_unless_greedy_and_limits_cut() {
    let model = simulation(|s| s.ability = 0.5);
    let mut asked = asking(3);
    asked.samples = 8.try_into().unwrap();
    let answer = model.answer(&asked);
    assert!(answer.samples.iter().any(|sample| sample.text != answer.text));
    asked.params.temperature = Some(0.0);
    let answer = model.answer(&asked);
    assert!(answer.samples.len() == 7 && answer.samples.iter().all(|sample| sample.text == answer.text));
    asked.params.max_tokens = Some(5);
    let answer = model.answer(&asked);
    assert_eq!((answer.finish, answer.tokens.unwrap().len(), answer.usage.unwrap().output), (Finish::Length, 5, 40));
}

#[test]
fn log_probabilities_come_only_where_asked_and_given() {
    let silent = simulation(|s| s.gives_logprobs = false);
    assert_eq!(silent.answer(&asking(1)).tokens, None);
    let model = simulation(|_| ());
    assert_eq!(model.answer(&Call { logprobs: None, ..asking(1) }).tokens, None);
}

#[test]
fn settings_that_describe_no_model_are_refused() {
    let changes: [fn(&mut SimulatedSettings); 6] = [
        |s| s.ability = f64::NAN,
        |s| s.slope = -1.0,
        |s| s.separation = f64::INFINITY,
        |s| s.tokens = (5, 4),
        |s| s.latency.jitter = 1.5,
        |s| s.errors = [(CallErrorKind::Timeout, 0.6), (CallErrorKind::Overloaded, 0.6)].into(),
    ];
    for change in changes {
        let mut settings = SimulatedSettings::new("odd", 1);
        change(&mut settings);
        assert!(Simulation::try_from(settings).unwrap_err().to_string().starts_with("simulated model \"odd\": "));
    }
}

#[tokio::test(start_paused = true)]
async fn it_fails_as_often_as_declared_and_a_retry_is_a_new_draw() {
    let errors: BTreeMap<_, _> = [(CallErrorKind::RateLimited, 0.2), (CallErrorKind::InvalidRequest, 0.1)].into();
    let make = || Simulated::new(simulation(|s| s.errors.clone_from(&errors)));
    let alone = make();
    let mut failed = 0;
    for n in 0..1000 {
        failed += usize::from(alone.call(&asking(n)).await.is_err());
    }
    assert!((260..340).contains(&failed), "{failed}");

    let retrying = Retrying::new(make(), RetryPolicy { budget_share: 1.0, ..RetryPolicy::default() });
    let mut final_failures = 0;
    for n in 0..1000 {
        final_failures += usize::from(retrying.call(&asking(n)).await.is_err());
    }
    assert!((70..170).contains(&final_failures), "only the lasting tenth and unlucky retries are left: {final_failures}");
}

#[tokio::test(start_paused = true)]
async fn time_passes_as_declared_and_streams_add_up() {
    let latency = Latency { first: Duration::from_millis(300), per_token: Duration::from_millis(20), jitter: 0.0 };
    let provider = Simulated::new(simulation(|s| s.latency = latency));
    let whole = provider.simulation().answer(&asking(1));
    let want = Duration::from_millis(300 + 20 * whole.usage.unwrap().output);
    for stream in [false, true] {
        let began = Instant::now();
        let asked = Call { stream, ..asking(1) };
        let (_, answer) = collect(&asked, provider.call(&asked).await.unwrap(), || Duration::ZERO).await;
        assert_eq!(*answer.unwrap(), whole);
        assert!(
            began.elapsed().abs_diff(want) <= Duration::from_millis(2 + whole.usage.unwrap().output),
            "{:?}",
            began.elapsed()
        );
    }
    let mut hurried = asking(1);
    hurried.timeouts.total = Some(Duration::from_millis(310));
    for stream in [false, true] {
        let result = provider.call(&Call { stream, ..hurried.clone() }).await;
        let error = match result {
            Ok(reply) => collect(&hurried, reply, || Duration::ZERO).await.1.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind, CallErrorKind::Timeout);
        assert_eq!(error.attempts[0].billing == Billing::Unknown, !stream, "what had arrived is estimated");
    }
}

#[tokio::test]
async fn a_cut_stream_has_begun() {
    let provider = Simulated::new(simulation(|s| s.errors = [(CallErrorKind::Truncated, 1.0)].into()));
    let asked = Call { stream: true, ..asking(1) };
    let mut reply = provider.call(&asked).await.unwrap();
    assert!(matches!(reply.chunks.next().await, Some(Ok(Chunk::Delta(_)))));
    assert_eq!(collect(&asked, reply, || Duration::ZERO).await.1.unwrap_err().kind, CallErrorKind::Truncated);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_calls_at_once_leave_nothing_behind() {
    let latency = Latency { first: Duration::from_millis(200), per_token: Duration::from_millis(10), jitter: 0.5 };
    let errors: BTreeMap<_, _> = [(CallErrorKind::Overloaded, 0.1)].into();
    let simulated = Simulated::new(simulation(|s| (s.latency, s.errors) = (latency, errors)));
    let provider = Retrying::new(simulated, RetryPolicy { attempts: 10, budget_share: 1.0, ..RetryPolicy::default() });
    let calls: Vec<_> = (0..1000).map(|n| Call { stream: n % 2 == 0, ..asking(n) }).collect();
    let answers = futures_util::future::join_all(calls.iter().map(|call| async {
        let (_, answer) = collect(call, provider.call(call).await?, || Duration::ZERO).await;
        answer
    }))
    .await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.text.starts_with("[simulated: "))));
    assert!(provider.inner.failures.lock().unwrap().is_empty(), "what succeeded is forgotten");
}

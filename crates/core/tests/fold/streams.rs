//! A run that is fed pieces ends as one that is fed whole answers.

use std::sync::Arc;

use crate::runs::cells;
use crate::scripted::{Cell, chain, completion, request, result, run_on};
use proptest::prelude::*;
use tierfall_core::cascade::{Answerer, Cascade, OnAbstain, OnError, OnExhausted, OnFilter, Policy};
use tierfall_core::completion::{Completion, Delta};
use tierfall_core::draft::Verdict;
use tierfall_core::fusion::GateValue;
use tierfall_core::gate::{Decision, Deferral, OnTruncated};
use tierfall_core::money::Money;
use tierfall_core::provider::CallErrorKind;
use tierfall_core::run::{Next, Outcome, Run, Took};
use tierfall_core::signal::NamedSignal;
use tierfall_core::trace::{OutcomeKind, Trace};

/// An answer as a server streams it: the evidence of the first token in one piece, the text in `parts` pieces, then the end.
fn pieces(answer: &Completion, parts: usize) -> Vec<Delta> {
    let Delta { text, tokens, finish, usage, refusal, .. } = Delta::from(answer);
    let letters: Vec<char> = text.chars().collect();
    let mut pieces: Vec<Delta> = letters
        .chunks(letters.len().div_ceil(parts).max(1))
        .map(|part| Delta { text: part.iter().collect(), ..Delta::default() })
        .collect();
    if let Some(first) = pieces.first_mut() {
        first.tokens = tokens;
    } else {
        pieces.push(Delta { tokens, ..Delta::default() });
    }
    pieces.push(Delta { refusal, ..Delta::default() });
    pieces.push(Delta { finish, usage, ..Delta::default() });
    pieces
}

/// What came of a run whose answers streamed.
struct Streamed {
    outcome: Outcome,
    trace: Trace,
    /// What reached the caller as it came.
    passed: String,
    cut: usize,
}

fn stream(cascade: &Cascade, cells: &[Cell], parts: usize) -> Streamed {
    let mut run = Run::new(cascade, request());
    let (mut passed, mut cut) = (String::new(), 0);
    while let Next::Call(call) = run.next() {
        let (answer, took) = result(&cells[call.tier().0]);
        let Ok(answer) = answer else {
            run.feed(answer, took);
            continue;
        };
        let (mut draft, mut held, mut deferred) = (run.draft(), String::new(), false);
        for piece in pieces(&answer, parts) {
            held += &piece.text;
            match draft.push(&piece).unwrap() {
                Verdict::Hold => {}
                Verdict::Pass => passed += &std::mem::take(&mut held),
                Verdict::PassAs(begun) => {
                    held.clear();
                    passed += &begun.text;
                }
                Verdict::Cut => {
                    deferred = true;
                    break;
                }
            }
        }
        if !passed.is_empty() {
            run.commit();
        }
        match draft.cut() {
            Some(draft) if deferred => {
                cut += 1;
                run.feed_cut(&draft, took);
            }
            _ => run.feed(Ok(answer), took),
        }
    }
    let (outcome, trace) = run.finish();
    Streamed { outcome, trace, passed, cut }
}

fn policy() -> impl Strategy<Value = Policy> {
    let on_error = prop_oneof![3 => Just(OnError::Escalate), 1 => Just(OnError::Fail)];
    let on_abstain = prop_oneof![3 => Just(OnAbstain::Escalate), 1 => Just(OnAbstain::Accept)];
    let on_exhausted = prop_oneof![
        Just(OnExhausted::Answer),
        Just(OnExhausted::BestWhole),
        Just(OnExhausted::Abstain),
        Just(OnExhausted::Review)
    ];
    let on_filter = prop_oneof![Just(OnFilter::Refuse), Just(OnFilter::Escalate)];
    (on_error, on_filter, on_abstain, on_exhausted).prop_map(|(on_error, on_filter, on_abstain, on_exhausted)| Policy {
        on_error,
        on_filter,
        on_abstain,
        on_exhausted,
        ..Policy::default()
    })
}

fn gates() -> impl Strategy<Value = Vec<(f64, bool)>> {
    proptest::collection::vec((0.0..1.0f64, any::<bool>()), 4)
}

fn cascade(gates: &[(f64, bool)], human: bool, policy: Policy) -> Cascade {
    let mut parts = chain(&gates.iter().map(|(threshold, _)| *threshold).collect::<Vec<_>>(), policy);
    for (tier, (_, accepts)) in parts.tiers.iter_mut().zip(gates) {
        let gate = tier.gate.as_mut().unwrap();
        gate.on_truncated = if *accepts { OnTruncated::Accept } else { OnTruncated::Defer };
    }
    if human {
        parts.tiers.last_mut().unwrap().answerer = Answerer::Human { cost: None };
    }
    Cascade::try_from(parts).unwrap()
}

fn said(outcome: &Outcome) -> Option<(usize, Arc<Completion>)> {
    let served = outcome.served().or(outcome.attached())?;
    Some((served.tier.0, served.answer.clone()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_outcome_is_that_of_the_whole_answers(
        cells in cells(), gates in gates(), human in any::<bool>(), policy in policy(), parts in 1usize..6
    ) {
        let cascade = cascade(&gates, human, policy);
        let (outcome, trace) = run_on(&cascade, &cells);
        let streamed = stream(&cascade, &cells, parts);
        prop_assert_eq!(streamed.outcome.kind(), outcome.kind());
        prop_assert_eq!(said(&streamed.outcome), said(&outcome));
        prop_assert_eq!((streamed.trace.fallback, &streamed.trace.tier), (trace.fallback, &trace.tier));
        prop_assert_eq!(&streamed.trace.error, &trace.error);
        if !streamed.passed.is_empty() {
            prop_assert_eq!(Some(streamed.passed.as_str()), outcome.served().map(|served| served.answer.text.as_str()));
        }
        // Without prices of what was cut the sums would be exact; with it they lie in an interval.
        prop_assert_eq!(streamed.trace.cost.estimated_charges() as usize, streamed.cut);
        let steps: Money = streamed.trace.steps.iter().map(|step| step.cost().at_least()).sum();
        prop_assert!(streamed.trace.cost.at_least() == steps);
    }
}

fn plain(policy: Policy) -> Cascade {
    cascade(&[(0.5, false), (0.5, false)], false, policy)
}

#[test]
fn a_draft_that_is_sure_to_be_deferred_is_cut_and_its_cost_estimated() {
    let streamed = stream(&plain(Policy::default()), &[Cell::score(0.1), Cell::score(0.9), Cell::none()], 4);
    assert_eq!((streamed.cut, streamed.trace.tier.as_deref()), (1, Some("t1")));
    let step = &streamed.trace.steps[0];
    assert_eq!(step.decision, Decision::Defer(Deferral::BelowThreshold));
    assert_eq!(step.gate_value.map(tierfall_core::number::Score::get), Some(0.1));
    let json = streamed.trace.to_json(None).unwrap();
    assert_eq!((&json["cost_basis"], &json["steps"][0]["cost_basis"]), (&"estimated".into(), &"estimated".into()));
    assert!(json["steps"][1].get("cost_basis").is_none());
    assert!(json["cost_at_least_usd"].as_f64() < json["cost_usd"].as_f64());
    assert!(json["cost_at_most_usd"].is_null(), "nobody said how long the answer may be");
}

/// The large tiers fail, so that the draft is what is left: it is asked for again, and nobody notices but the bill.
#[test]
fn a_draft_that_was_cut_is_asked_for_again_where_it_is_the_best() {
    let down = || Cell::error(CallErrorKind::Connect);
    let streamed = stream(&plain(Policy::default()), &[Cell::score(0.1), down(), down()], 4);
    assert_eq!(streamed.outcome.served().map(|served| &*served.answer.text), Some("an answer"));
    assert_eq!(streamed.trace.steps.iter().map(|step| &*step.tier).collect::<Vec<_>>(), ["t0", "t1", "t2", "t0"]);
}

/// Nobody is left but a person when the draft is asked for again, with all the time that there is; however that ends, the person looks.
#[test]
fn a_draft_that_cannot_be_had_again_changes_no_end() {
    let kinds = [CallErrorKind::QueueFull, CallErrorKind::RateLimited, CallErrorKind::Deadline].map(Some);
    for (kind, on_error) in kinds.into_iter().chain([None]).flat_map(|kind| [(kind, OnError::Escalate), (kind, OnError::Fail)]) {
        let deadline = std::time::Duration::from_secs(1);
        let policy = Policy { deadline: Some(deadline), on_error, on_exhausted: OnExhausted::Abstain, ..Policy::default() };
        let mut run = Run::new(&cascade(&[(0.5, false), (0.5, false)], true, policy), request());
        let mut draft = run.draft();
        assert_eq!(draft.push(&pieces(&completion(&Cell::score(0.1)), 1)[0]), Ok(Verdict::Cut));
        run.feed_cut(&draft.cut().unwrap(), Took::default());
        run.feed(Ok(completion(&Cell::score(0.9).finish(tierfall_core::completion::Finish::ContentFilter))), Took::default());
        let Next::Call(again) = run.next() else { panic!() };
        assert_eq!((again.tier().0, again.timeouts.total), (0, Some(deadline)));
        let (answer, took) = kind.map_or_else(
            || (Ok(completion(&Cell::score(0.1))), Took { queued: 2 * deadline, ..Took::default() }),
            |kind| result(&Cell::error(kind)),
        );
        run.feed(answer, took);
        let (outcome, trace) = run.finish();
        assert_eq!((outcome.kind(), trace.stopped), (OutcomeKind::Review, None), "{kind:?} {on_error:?}");
    }
}

#[test]
fn a_draft_that_may_have_to_be_served_is_not_cut_under_a_deadline() {
    let deadline = Some(std::time::Duration::from_mins(1));
    for (on_exhausted, cut) in [(OnExhausted::Answer, 0), (OnExhausted::Abstain, 1)] {
        let policy = Policy { deadline, on_exhausted, ..Policy::default() };
        assert_eq!(stream(&plain(policy), &[Cell::score(0.1), Cell::score(0.9), Cell::none()], 4).cut, cut);
    }
}

/// What the cut call can cost at most is kept back: where the next tier could not be paid then, the draft goes on.
#[test]
fn a_budget_cuts_no_draft_that_would_keep_it_from_the_next_tier() {
    let cells = [Cell::score(0.1), Cell::score(0.9), Cell::none()];
    let cut = |budget: &str| {
        let policy = Policy { budget: budget.parse().ok(), ..Policy::default() };
        let mut parts = chain(&[0.5, 0.5], policy);
        for tier in &mut parts.tiers {
            let Answerer::Model(model) = &mut tier.answerer else { unreachable!() };
            model.params.max_tokens = Some(10);
        }
        let streamed = stream(&Cascade::try_from(parts).unwrap(), &cells, 4);
        (streamed.cut, streamed.trace.tier.map(|tier| tier.to_string()))
    };
    assert_eq!(cut("1"), (1, Some("t1".to_owned())));
    assert_eq!(cut("0.00024"), (0, Some("t1".to_owned())));
}

#[test]
fn what_has_reached_the_caller_is_followed_by_no_other_text() {
    let cascade = plain(Policy::default());
    let mut run = Run::new(&cascade, request());
    run.feed(Ok(completion(&Cell::score(0.1))), result(&Cell::none()).1);
    run.feed(Ok(completion(&Cell::score(0.1))), result(&Cell::none()).1);
    let mut draft = run.draft();
    assert_eq!(draft.push(&Delta { text: "The par".to_owned(), ..Delta::default() }), Ok(Verdict::Pass));
    run.commit();
    let (error, took) = result(&Cell::error(CallErrorKind::Truncated));
    run.feed(error, took);
    let (outcome, _) = run.finish();
    assert!(
        matches!(outcome, Outcome::Failed(error) if error.kind == CallErrorKind::Truncated),
        "and not an earlier tier's answer"
    );
}

/// A closing tag that nothing opened makes reasoning of all that came before it; and a signal may not keep what its watch has said.
#[test]
fn whatever_a_gate_makes_of_an_answer_that_it_committed_to_no_other_tier_answers() {
    for (score_at_the_end, kind) in [(0.9, OutcomeKind::Answered), (0.1, OutcomeKind::Failed)] {
        let mut run = Run::new(&cascade(&[(0.5, true)], false, Policy::default()), request());
        let begun = &pieces(&completion(&Cell::score(0.9)), 1)[0];
        assert_eq!(run.draft().push(begun), Ok(Verdict::Pass));
        run.commit();
        let (answer, took) = result(&Cell::score(score_at_the_end).text("an answer</think>"));
        run.feed(answer, took);
        assert!(matches!(run.next(), Next::Done));
        assert_eq!(run.finish().0.kind(), kind);
    }
}

#[test]
fn a_gate_commits_early_only_where_truncated_answers_are_accepted() {
    let verdict = |accepts: bool, score: f64| {
        let cascade = cascade(&[(0.5, accepts)], false, Policy::default());
        let mut draft = Run::new(&cascade, request()).draft();
        draft.push(&pieces(&completion(&Cell::score(score)), 4)[0]).unwrap()
    };
    assert_eq!(verdict(true, 0.9), Verdict::Pass);
    assert_eq!(verdict(false, 0.9), Verdict::Hold);
    assert_eq!(verdict(true, 0.1), Verdict::Cut);
    let cell = Cell::score(0.9).finish(tierfall_core::completion::Finish::Length);
    for (accepts, tier) in [(true, "t0"), (false, "t1")] {
        let whole = run_on(&cascade(&[(0.5, accepts)], false, Policy::default()), &[cell.clone(), Cell::score(0.9)]).1;
        assert_eq!(whole.tier.as_deref(), Some(tier), "whole answers are read likewise");
    }
}

/// What it compares is known at the end alone, so how the answer ended matters.
#[test]
fn a_gate_that_compares_another_value_stands_by_nothing_that_its_signal_read_early() {
    let opposite = GateValue::Signal { signal: "scripted".to_owned(), negated: true };
    let filtered = [Cell::score(0.9).finish(tierfall_core::completion::Finish::ContentFilter), Cell::none()];
    for (value, tier) in [(None, "t0"), (Some(opposite), "t1")] {
        let mut parts = chain(&[-1.0], Policy::default());
        let gate = parts.tiers[0].gate.as_mut().unwrap();
        (gate.value, gate.on_truncated) = (value, OnTruncated::Accept);
        let (_, trace) = run_on(&Cascade::try_from(parts).unwrap(), &filtered);
        assert_eq!(trace.tier.as_deref(), Some(tier));
    }
}

fn self_rated(options: &str) -> NamedSignal {
    let spec: tierfall_core::signal::table::SignalSpec = serde_json::from_str(options).unwrap();
    spec.build().unwrap()
}

proptest! {
    #[test]
    fn a_rating_that_comes_first_is_cut_out_of_what_streams_as_out_of_the_whole(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "Confidence: 90\n", "Confidence: 20\r\n", "Confidence: 90", "\n", " ", "Paris", "é.", "<think>", "</think>", "Confidence",
            ]),
            0..8,
        ),
        (accepts, whole) in any::<(bool, bool)>(), parts in 1usize..30,
    ) {
        let mut tiers = chain(&[0.5], Policy::default());
        let gate = tiers.tiers[0].gate.as_mut().unwrap();
        gate.signal = self_rated(r#"{ "self-rated": { "at": "start" } }"#);
        gate.on_truncated = if accepts { OnTruncated::Accept } else { OnTruncated::Defer };
        let cascade = Cascade::try_from(tiers).unwrap();
        let finish = if whole { tierfall_core::completion::Finish::Stop } else { tierfall_core::completion::Finish::Length };
        let cells = [Cell::none().text(&words.concat()).finish(finish), Cell::none().text("large")];
        let (outcome, _) = run_on(&cascade, &cells);
        let streamed = stream(&cascade, &cells, parts);
        prop_assert_eq!(said(&streamed.outcome), said(&outcome));
        if !streamed.passed.is_empty() {
            prop_assert_eq!(Some(streamed.passed.as_str()), outcome.served().map(|served| served.answer.text.as_str()));
        }
    }
}

#[test]
fn a_rating_that_comes_first_decides_before_the_answer_comes() {
    let mut tiers = chain(&[0.5], Policy::default());
    let gate = tiers.tiers[0].gate.as_mut().unwrap();
    gate.signal = self_rated(r#"{ "self-rated": { "at": "start" } }"#);
    gate.on_truncated = OnTruncated::Accept;
    let cascade = Cascade::try_from(tiers).unwrap();
    let text = |text: &str| Delta { text: text.to_owned(), ..Delta::default() };
    let mut draft = Run::new(&cascade, request()).draft();
    for held in ["Confidence: ", "90\r", "\n", "\n"] {
        assert_eq!(draft.push(&text(held)), Ok(Verdict::Hold), "{held}");
    }
    assert_eq!(draft.push(&text("Par")), Ok(Verdict::PassAs(Box::new(text("Par")))));
    assert_eq!(draft.push(&text("is\nConfidence: 10")), Ok(Verdict::Pass));
    let mut draft = Run::new(&cascade, request()).draft();
    assert_eq!(draft.push(&text("Confidence: 40\n")), Ok(Verdict::Cut));
}

#[test]
fn a_gate_that_strips_or_asks_more_reads_at_the_end() {
    let mut parts = chain(&[0.5], Policy::default());
    parts.tiers[0].gate.as_mut().unwrap().observe.push(self_rated(r#""self-rated""#));
    let cascade = Cascade::try_from(parts).unwrap();
    let mut draft = Run::new(&cascade, request()).draft();
    assert_eq!(draft.push(&pieces(&completion(&Cell::score(0.1)), 4)[0]), Ok(Verdict::Hold));
}

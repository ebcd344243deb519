use super::*;
use crate::test_calls::{attempt, call};
use tierfall_core::completion::Completion;
use tierfall_testkit::{Gate, Scripted};

const PAUSE: Duration = Duration::from_secs(10);

fn fails(kind: CallErrorKind) -> Result<Arc<Completion>, CallError> {
    Err(CallError::new(kind, format!("it is {kind}")).with_attempts(vec![attempt(kind)]))
}

#[expect(clippy::unnecessary_wraps, reason = "a cell of a script, as a failure is")]
fn answer() -> Result<Arc<Completion>, CallError> {
    Ok(Arc::new(Completion::text("there")))
}

fn breaking(script: impl IntoIterator<Item = Result<Arc<Completion>, CallError>>) -> Breaking<Scripted> {
    let policy = BreakerPolicy { failures: NonZeroU32::new(3).unwrap(), pause: PAUSE };
    Breaking::new(Scripted::new().then(script), "p", policy)
}

fn failing_over() -> Call {
    Call { fails_over: true, ..call("q") }
}

/// What came of each of so many calls.
async fn ask(provider: &Breaking<Scripted>, call: &Call, times: usize) -> Vec<Option<CallErrorKind>> {
    let mut kinds = Vec::new();
    for _ in 0..times {
        kinds.push(provider.call(call).await.err().map(|error| error.kind));
    }
    kinds
}

#[tokio::test(start_paused = true)]
async fn it_opens_after_failures_in_a_row_and_closes_after_a_trial() {
    use CallErrorKind::{CircuitOpen, Connect, Overloaded, Timeout};
    let script = [fails(Connect), fails(Timeout), answer(), fails(Connect), fails(Overloaded), fails(Timeout)];
    let provider = breaking(script.into_iter().chain([fails(Connect), answer(), fails(Connect), answer()]));
    let asked = failing_over();
    let kinds = ask(&provider, &asked, 8).await;
    let open = Some(CircuitOpen);
    assert_eq!(kinds, [Some(Connect), Some(Timeout), None, Some(Connect), Some(Overloaded), Some(Timeout), open, open]);
    let error = provider.call(&asked).await.err().unwrap();
    assert_eq!(
        error.message,
        "provider \"p\": \"model\" is left alone, since 3 calls failed and none came through meanwhile (the last one with timeout); the \
         next try is in 10 s, and this call was not made"
    );
    assert_eq!((error.attempts.len(), error.attempts[0].billing, error.retry_after), (1, Billing::Free, Some(PAUSE)));
    tokio::time::advance(PAUSE).await;
    assert_eq!(ask(&provider, &asked, 2).await, [Some(Connect), open], "the trial failed");
    tokio::time::advance(PAUSE).await;
    assert_eq!(ask(&provider, &asked, 3).await, [None, Some(Connect), None], "one failure opens no circuit that was closed");
}

#[tokio::test(start_paused = true)]
async fn a_call_without_another_model_is_always_made() {
    use CallErrorKind::{CircuitOpen, Connect};
    let provider = breaking((0..5).map(|_| fails(Connect)).chain([answer(), answer()]));
    assert_eq!(ask(&provider, &failing_over(), 4).await[3], Some(CircuitOpen));
    assert_eq!(ask(&provider, &call("q"), 3).await, [Some(Connect), Some(Connect), None]);
    assert_eq!(ask(&provider, &failing_over(), 1).await, [None], "what it came to closed the circuit");
}

#[tokio::test(start_paused = true)]
async fn only_a_server_that_is_not_there_or_not_able_counts() {
    use CallErrorKind as Kind;
    let cut = |call: Call| Call { share: Some(PAUSE), ..call }.within(PAUSE);
    for kind in Kind::ALL {
        let counts = matches!(kind, Kind::Connect | Kind::Overloaded | Kind::Timeout | Kind::Truncated);
        let provider = breaking((0..9).map(|_| fails(kind)));
        let opened = ask(&provider, &failing_over(), 4).await[3] == Some(Kind::CircuitOpen) && kind != Kind::CircuitOpen;
        assert_eq!(opened, counts, "{kind}");
        let provider = breaking((0..9).map(|_| fails(kind)));
        ask(&provider, &cut(failing_over()), 9).await;
        // A server that was given up before the caller's time was over is as slow for everybody.
        assert_eq!(provider.inner.calls().len() == 3, counts, "{kind} of a caller in a hurry");
    }
}

#[tokio::test(start_paused = true)]
async fn each_model_has_its_own_circuit() {
    let provider = breaking((0..3).map(|_| fails(CallErrorKind::Connect)).chain([answer()]));
    ask(&provider, &failing_over(), 3).await;
    let other = Call { model: "other".into(), ..failing_over() };
    assert_eq!(ask(&provider, &other, 1).await, [None]);
    assert_eq!(ask(&provider, &failing_over(), 1).await, [Some(CallErrorKind::CircuitOpen)]);
}

#[tokio::test(start_paused = true)]
async fn one_trial_at_a_time_and_one_that_is_dropped_is_none() {
    let gate = Gate::new();
    let script = Scripted::new().then((0..3).map(|_| fails(CallErrorKind::Connect)).chain([answer(), answer()])).behind(&gate);
    let policy = BreakerPolicy { failures: NonZeroU32::new(3).unwrap(), pause: PAUSE };
    let provider = Breaking::new(script, "p", policy);
    gate.open_for(3);
    let asked = failing_over();
    ask(&provider, &asked, 3).await;
    tokio::time::advance(PAUSE).await;
    let mut trial = provider.call(&asked);
    assert!(futures_util::poll!(&mut trial).is_pending());
    let error = provider.call(&asked).await.err().unwrap();
    assert!(error.message.contains("one is being tried now"), "{error}");
    assert_eq!(error.retry_after, None);
    drop(trial);
    gate.open();
    assert_eq!(ask(&provider, &asked, 1).await, [None]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_counts_and_one_that_is_left_does_not() {
    let broken = || {
        let pieces = [Err(CallError::new(CallErrorKind::Truncated, "cut"))];
        Reply::new(stream::iter(pieces).boxed())
    };
    let streamed = Call { stream: true, ..failing_over() };
    let provider = breaking([]);
    for left in [true, false] {
        for _ in 0..3 {
            let made = provider.admit(&streamed).unwrap();
            let mut chunks = watched(broken().chunks, made, streamed.clone());
            if !left {
                assert!(chunks.next().await.unwrap().is_err());
            }
        }
        assert_eq!(provider.admit(&streamed).is_err(), !left);
    }
}

//! What every observer owes, tried on runs as odd as they come.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use tierfall_core::caught::{Panicked, caught};
use tierfall_core::completion::{Completion, Finish, ToolCall, Usage};
use tierfall_core::observer::{Called, Ended, Observer};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind};
use tierfall_core::request::Request;
use tierfall_core::run::{Next, Run, Took};

use super::{Broken, Rule};
use crate::sample;

const TAKES: Rule = Rule {
    name: "takes",
    asks: "whatever stands in a request, a call or a run, it is taken without a panic",
    documented: "tierfall_core::observer::Observer",
};

const EVERY_RUN: Rule = Rule {
    name: "every-run",
    asks: "each run is taken once, also one that failed or was cancelled, and whichever thread tells of it",
    documented: "tierfall_core::observer::Observer::ended",
};

const RETURNS: Rule = Rule {
    name: "returns",
    asks: "it comes back from every call, also while another thread is in one",
    documented: "tierfall_core::observer::Observer",
};

/// How long an observer is waited for that may never come back.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many threads tell of the same runs at once.
const THREADS: usize = 4;

/// Tries an observer on runs that were served, failed and cancelled, with texts that are empty, hostile and huge, from one thread and
/// from several at once. `taken` says how many runs it has taken so far, as far as its author can see.
///
/// # Errors
/// The first rule that it does not keep.
pub fn observer<O: Observer + 'static>(observer: &Arc<O>, taken: impl Fn() -> usize) -> Result<(), Broken> {
    let observer: Arc<dyn Observer> = observer.clone();
    within(PATIENCE, &observer, taken)
}

fn within(patience: Duration, observer: &Arc<dyn Observer>, taken: impl Fn() -> usize) -> Result<(), Broken> {
    let runs = Arc::new(runs());
    for (name, run) in &*runs {
        let before = taken();
        told(patience, 1, observer, &Arc::new(vec![(*name, run.clone())]))?;
        let now = taken().saturating_sub(before);
        if now != 1 {
            return broken(&EVERY_RUN, format!("took {now} runs when it was told of one"), name);
        }
    }
    let before = taken();
    told(patience, THREADS, observer, &runs)?;
    let (now, all) = (taken().saturating_sub(before), THREADS * runs.len());
    if now != all {
        return broken(&EVERY_RUN, format!("took {now} runs when {THREADS} threads told it of {all}"), "all runs");
    }
    Ok(())
}

fn broken<T>(rule: &'static Rule, what: String, run: &str) -> Result<T, Broken> {
    Err(Broken { who: "the observer".to_owned(), rule, what, on: format!("on {run}") })
}

type Runs = Vec<(&'static str, Ended)>;

/// Tells of these runs, with their calls, from so many threads at once.
fn told(patience: Duration, threads: usize, observer: &Arc<dyn Observer>, runs: &Arc<Runs>) -> Result<(), Broken> {
    let (done, is_done) = channel::<(&'static str, Result<(), Panicked>)>();
    for _ in 0..threads {
        let (observer, runs, done) = (observer.clone(), runs.clone(), done.clone());
        // One that never comes back is left behind.
        thread::spawn(move || {
            for (name, run) in &*runs {
                let said = caught(|| {
                    run.calls.iter().for_each(|called| observer.called(called));
                    observer.ended(run);
                });
                if done.send((name, said)).is_err() {
                    break;
                }
            }
        });
    }
    drop(done);
    let mut last = "the first run";
    loop {
        match is_done.recv_timeout(patience) {
            Ok((name, Ok(()))) => last = name,
            Ok((name, Err(panicked))) => return broken(&TAKES, panicked.to_string(), name),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                return broken(&RETURNS, format!("did not come back within {patience:?}"), &format!("a run at or after {last}"));
            }
        }
    }
}

/// Runs, and what is odd about each.
fn runs() -> Runs {
    let hostile = "\u{0}\u{1b}[31m\r\n{\"a\":\"\\\u{202e}\u{feff}\u{ffff}</script>%s'; DROP TABLE runs; -- \u{1f600}";
    let plain = || Request::new("plain", "Where is it?");
    let says = |text: &str| Ok(Completion::text(text));
    let fails = |message: &str| {
        let attempts = vec![Attempt::new(CallErrorKind::Overloaded, Billing::Unknown, Duration::MAX)];
        Err(CallError::new(CallErrorKind::Overloaded, message).with_attempts(attempts))
    };
    let odd = Completion {
        refusal: Some(hostile.to_owned()),
        tool_calls: vec![ToolCall { id: String::new(), name: hostile.to_owned(), arguments: "{".to_owned() }],
        finish: Finish::Other(hostile.to_owned()),
        usage: Some(Usage {
            input: u64::MAX,
            output: u64::MAX,
            cached_input: u64::MAX,
            cached_write: u64::MAX,
            reasoning: u64::MAX,
        }),
        model: Some(String::new()),
        ..sample::scored(&[("", f64::NAN), (hostile, f64::NEG_INFINITY)])
    };
    let mut tagged = Request::new(hostile, hostile);
    tagged.tags = [(hostile.to_owned(), hostile.to_owned()), (String::new(), String::new())].into();
    tagged.principal = Some(hostile.into());
    vec![
        ("a run that was served", run(plain(), Some(Ok(sample::sure("There.", 0.9))))),
        ("a run whose request and answer are empty", run(Request::new("", ""), Some(says("")))),
        ("a run without a message", run(Request::from_messages("none", Vec::new()), Some(says("?")))),
        ("a run with a hostile request", run(tagged.clone(), Some(says(hostile)))),
        ("a run with an odd answer", run(plain(), Some(Ok(odd)))),
        ("a run with a huge answer", run(plain(), Some(Ok(sample::answer(20_000, 1))))),
        ("a run that failed", run(plain(), Some(fails(hostile)))),
        ("a run that was cancelled", run(plain(), None)),
        ("a hostile run that was cancelled", run(tagged, None)),
    ]
}

/// A run whose every call comes to this; it is cancelled at its first where there is nothing.
fn run(request: Request, comes: Option<Result<Completion, CallError>>) -> Ended {
    let Ok(cascade) = sample::cascade(&[("small", 0.8), ("large", 0.0)]) else { unreachable!("it is one") };
    let (request, comes) = (Arc::new(request), comes.map(|result| result.map(Arc::new)));
    let mut run = Run::new(&cascade, request.clone());
    let mut calls = Vec::new();
    while let (Some(result), Next::Call(call)) = (&comes, run.next()) {
        let took = Took { latency: Duration::from_millis(3), ..Took::default() };
        let tier = cascade.tier(call.tier()).name.clone();
        calls.push(Arc::new(Called::new(tier, call, result.clone(), took.clone())));
        run.feed(result.clone(), took);
    }
    let (outcome, trace) = run.finish();
    Ended::new(cascade, request, outcome, calls, trace.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Condvar, Mutex};

    /// Holds a run for ever.
    #[derive(Default)]
    struct Waits(Mutex<()>, Condvar);

    impl Observer for Waits {
        fn ended(&self, _: &Ended) {
            let Ok(held) = self.0.lock() else { return };
            drop(self.1.wait_while(held, |()| true));
        }
    }

    #[test]
    fn one_that_never_comes_back_is_found() {
        let waits: Arc<dyn Observer> = Arc::new(Waits::default());
        let found = within(Duration::from_millis(20), &waits, || 0).map_err(|broken| broken.rule.name);
        assert_eq!(found, Err("returns"));
    }
}

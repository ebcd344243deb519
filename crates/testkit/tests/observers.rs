//! Observers that keep what observers owe pass, and each that breaks a rule is found by that rule.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use tierfall_core::observer::{Called, Ended, Observer};
use tierfall_core::trace::OutcomeKind;
use tierfall_testkit::{Seen, conformance};

#[test]
fn what_keeps_every_trace_keeps_what_observers_owe() {
    let seen = Seen::new();
    conformance::observer(&seen, || seen.traces().len()).unwrap_or_else(|broken| panic!("{broken}"));
    let outcomes: Vec<_> = seen.traces().iter().map(|trace| trace.outcome).collect();
    for kind in [OutcomeKind::Answered, OutcomeKind::Failed] {
        assert!(outcomes.contains(&kind), "{outcomes:?}");
    }
    assert!(seen.traces().iter().any(|trace| trace.error.as_deref().is_some_and(|error| error.contains("cancelled"))));
}

/// What is wrong with an observer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    SkipsCancelled,
    TakesTwice,
    CountsAlone,
    PanicsAtCalls,
    PanicsAtRuns,
}

/// How many runs one thread tells of, before several do.
const ALONE: usize = 9;

#[derive(Debug)]
struct Odd {
    wrong: Wrong,
    taken: AtomicUsize,
    /// All threads that tell of runs at once.
    all: Barrier,
}

impl Observer for Odd {
    fn called(&self, called: &Called) {
        assert!(self.wrong != Wrong::PanicsAtCalls || called.result.is_ok(), "an error was not thought of");
    }

    fn ended(&self, ended: &Ended) {
        assert!(self.wrong != Wrong::PanicsAtRuns || !ended.request.messages.is_empty(), "no message was not thought of");
        let cancelled = ended.calls.is_empty();
        // Counts by reading and writing, as one does who thinks of one thread alone.
        let before = self.taken.load(Ordering::SeqCst);
        if self.wrong == Wrong::CountsAlone && before >= ALONE {
            self.all.wait();
            self.taken.store(before + 1, Ordering::SeqCst);
            self.all.wait();
            return;
        }
        let n = match self.wrong {
            Wrong::SkipsCancelled if cancelled => 0,
            Wrong::TakesTwice => 2,
            _ => 1,
        };
        self.taken.fetch_add(n, Ordering::SeqCst);
    }
}

#[test]
fn an_observer_that_breaks_a_rule_is_found_by_that_rule() {
    for (wrong, rule) in [
        (Wrong::SkipsCancelled, "every-run"),
        (Wrong::TakesTwice, "every-run"),
        (Wrong::CountsAlone, "every-run"),
        (Wrong::PanicsAtCalls, "takes"),
        (Wrong::PanicsAtRuns, "takes"),
    ] {
        let odd = Arc::new(Odd { wrong, taken: AtomicUsize::new(0), all: Barrier::new(4) });
        let found = conformance::observer(&odd, || odd.taken.load(Ordering::SeqCst)).err();
        let said = found.as_ref().map(ToString::to_string).unwrap_or_default();
        assert_eq!(found.map(|broken| broken.rule.name).unwrap_or_default(), rule, "{wrong:?}: {said}");
    }
}

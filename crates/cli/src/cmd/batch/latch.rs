//! Notices a tier that can answer nobody: its key is refused, or its model is unknown. Every further query would be paid at
//! another tier, or fail.

use std::collections::BTreeMap;
use std::sync::Arc;

use tierfall_core::provider::CallErrorKind;
use tierfall_core::trace::Trace;

use crate::Failure;
use crate::render::printable;

/// So many of the first queries that a tier was asked have to fail there: a single one may be about what it asks.
const FIRST: u32 = 3;
/// So many in a row, where the tier has answered before.
const IN_A_ROW: u32 = 20;

#[derive(Default)]
pub(super) struct Latch {
    tiers: BTreeMap<Arc<str>, Seen>,
    /// What is wrong with the tier, and what to do about it.
    closed: Option<(String, &'static str)>,
}

#[derive(Default)]
struct Seen {
    answered: bool,
    in_a_row: u32,
}

/// How a tier fared with one query, all its attempts, samples and probes together: it answered where there is no error that every
/// further query would meet, with what is wrong and what was said of it.
type Fared = Option<(CallErrorKind, &'static str, Option<Arc<str>>)>;

impl Latch {
    /// Takes note of what every tier did for a query.
    pub(super) fn see(&mut self, trace: &Trace) {
        for (tier, fared) in fared(trace) {
            let seen = self.tiers.entry(tier.clone()).or_default();
            let Some((kind, what, said)) = fared else {
                *seen = Seen { answered: true, in_a_row: 0 };
                continue;
            };
            seen.in_a_row += 1;
            if seen.in_a_row >= if seen.answered { IN_A_ROW } else { FIRST } {
                let said = printable::line(said.as_deref().unwrap_or(kind.as_str()));
                let hint = match kind {
                    CallErrorKind::NotFound => "check the tier's `model` and the provider's `base-url`",
                    _ => "check the key that the cascade file names, and the account behind it",
                };
                self.closed.get_or_insert_with(|| (format!("the provider of tier \"{tier}\" {what}: {said}"), hint));
            }
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// What is wrong with the tier, where queries are left because of it.
    pub(super) fn failure(&self, asked: usize, of: Option<usize>) -> Option<Failure> {
        let (wrong, hint) = self.closed.as_ref()?;
        Some(Failure::provider(format!("{}: {wrong}", stopped(asked, of)?)).with_hint(*hint))
    }
}

/// That a batch was stopped before its end; `None` where nothing was left.
pub(super) fn stopped(asked: usize, of: Option<usize>) -> Option<String> {
    match of {
        Some(of) => (asked < of).then(|| format!("stopped after {asked} of {of} queries")),
        None => Some(format!("stopped after {asked} queries")),
    }
}

/// The tiers that a query says something of. A call that was not made, or broke, says nothing of the key.
fn fared(trace: &Trace) -> BTreeMap<&Arc<str>, Fared> {
    let mut all = BTreeMap::new();
    for step in &trace.steps {
        // A step's message is about the last of its calls that failed, which may be another tier's probe.
        let about = step.calls.iter().rev().find(|call| call.attempt.error.is_some()).map(|call| &call.tier);
        for call in &step.calls {
            match call.attempt.error.map(|kind| (kind, kind.lasting())) {
                None => drop(all.insert(&call.tier, None)),
                Some((kind, Some(what))) => {
                    let said = step.message.clone().filter(|_| about == Some(&call.tier));
                    all.entry(&call.tier).or_insert(Some((kind, what, said)));
                }
                Some((_, None)) => {}
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use tierfall_core::completion::Completion;
    use tierfall_core::provider::{Attempt, Billing, CallError};
    use tierfall_core::replay::replay;
    use tierfall_core::request::Request;
    use tierfall_core::run::Took;
    use tierfall_testkit::sample;

    fn ran(error: Option<CallErrorKind>) -> Trace {
        let cascade = sample::cascade(&[("small", 0.8), ("large", 0.0)]).unwrap();
        replay(&cascade, Request::new("1", "?"), |tier, _| match error.filter(|_| tier.0 == 0) {
            None => (Ok(Arc::new(Completion::clone(&sample::sure("yes", 0.9)))), Took::default()),
            Some(kind) => {
                let attempt = Attempt::new(kind, Billing::Free, Duration::ZERO);
                (Err(CallError::new(kind, "no such thing").with_attempts(vec![attempt])), Took::default())
            }
        })
        .1
    }

    fn after(errors: impl IntoIterator<Item = Option<CallErrorKind>>) -> usize {
        let mut latch = Latch::default();
        errors
            .into_iter()
            .map(ran)
            .take_while(|trace| {
                latch.see(trace);
                !latch.is_closed()
            })
            .count()
    }

    #[test]
    fn the_first_answers_decide_and_later_only_a_row_of_them() {
        use CallErrorKind::{Auth, Connect, NotFound};
        assert_eq!(after(vec![Some(Auth); 9]), 2);
        assert_eq!(after(vec![Some(NotFound); 9]), 2);
        assert_eq!(after([Some(Auth), Some(Connect), Some(Auth), Some(NotFound)]), 3);
        assert_eq!(after(vec![Some(Connect); 50]), 50, "what may come back is waited for");
        let once = std::iter::once(None);
        assert_eq!(after(once.clone().chain(vec![Some(Auth); 50])), 20);
        let odd = (0..100).map(|n| (n % 10 != 0).then_some(Auth));
        assert_eq!(after(odd), 100, "who answers now and then has a key");
        assert_eq!(after(once), 1);
    }

    #[test]
    fn queries_are_counted_and_not_attempts() {
        let mut latch = Latch::default();
        let mut three = ran(Some(CallErrorKind::Auth));
        let one = three.steps[0].calls[0].clone();
        three.steps[0].calls = vec![one; 3];
        (0..2).for_each(|_| latch.see(&three));
        assert!(!latch.is_closed());
        latch.see(&three);
        assert!(latch.is_closed());

        // Who answered one of a query's calls has a key.
        let mut sampled = three;
        sampled.steps[0].calls[1].attempt.error = None;
        let mut latch = Latch::default();
        (0..9).for_each(|_| latch.see(&sampled));
        assert!(!latch.is_closed());
    }

    #[test]
    fn what_is_said_of_another_tiers_probe_is_not_quoted() {
        let mut trace = ran(Some(CallErrorKind::Auth));
        let mut probe = trace.steps[0].calls[0].clone();
        (probe.tier, probe.attempt.error) = ("large".into(), Some(CallErrorKind::Overloaded));
        trace.steps[0].calls.push(probe);
        trace.steps[0].message = Some("large is overloaded".into());
        trace.steps.truncate(1);
        let mut latch = Latch::default();
        (0..3).for_each(|_| latch.see(&trace));
        let message = latch.failure(3, Some(90)).unwrap().message;
        assert!(message.ends_with("the provider of tier \"small\" refuses access: auth"), "{message}");
    }

    #[test]
    fn where_nothing_is_left_nothing_was_stopped() {
        let mut latch = Latch::default();
        (0..3).for_each(|_| latch.see(&ran(Some(CallErrorKind::Auth))));
        assert!(latch.is_closed() && latch.failure(3, Some(3)).is_none() && latch.failure(3, Some(4)).is_some());
    }

    #[test]
    fn the_tier_and_its_providers_words_are_named() {
        let mut latch = Latch::default();
        (0..3).for_each(|_| latch.see(&ran(Some(CallErrorKind::NotFound))));
        let failure = latch.failure(3, Some(90)).unwrap();
        assert_eq!(
            failure.message,
            "stopped after 3 of 90 queries: the provider of tier \"small\" does not know the model: no such thing"
        );
    }
}

//! Feeds a run with answers from providers. The fold decides; this only calls, waits and measures.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tierfall_core::cascade::Cascade;
use tierfall_core::caught::{Panicked, caught};
use tierfall_core::completion::Completion;
use tierfall_core::money::Money;
use tierfall_core::observer::{Called, Ended, Observer};
use tierfall_core::permit::PermittedCall;
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Provider};
use tierfall_core::request::{Purpose, Request};
use tierfall_core::run::{Next, Outcome, Run, Took};
use tierfall_core::trace::Trace;
use tierfall_providers::waits::Waits;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::clock::Clock;
use crate::timed::timed;

/// Everything a run needs from outside the fold.
pub(crate) struct Outside<'a> {
    /// One provider a tier; `None` for a human one.
    pub(crate) providers: &'a [Option<Arc<dyn Provider>>],
    pub(crate) observers: &'a [Arc<dyn Observer>],
    pub(crate) clock: &'a dyn Clock,
}

/// Runs a request to its end and tells the observers.
///
/// Dropping the future cancels the call in flight; the observers then get the trace so far, with that call's cost unknown.
pub(crate) async fn drive(cascade: &Cascade, outside: Outside<'_>, request: Arc<Request>) -> (Outcome, Trace) {
    let span = tracing::info_span!(
        "run",
        cascade = %cascade.name(),
        request_id = %request.id,
        outcome = Empty,
        tier = Empty,
        cost_usd = Empty,
    );
    // Declared before the calls, so dropped after them: a call is cancelled before its run is told as cancelled.
    let run = Some(Run::new(cascade, request.clone()));
    let mut under_way = UnderWay { run, cascade, request, calls: Vec::new(), call: None, outside: &outside, span: span.clone() };
    let fold = async {
        while let Some(run) = under_way.run.as_mut()
            && let Next::Call(call) = run.next()
        {
            let (_, waits) = under_way.call.insert((outside.clock.now(), Waits::default()));
            let waits = waits.clone();
            let name = &cascade.tier(call.tier()).name;
            let probe = matches!(call.purpose, Purpose::Probe(_));
            let span = tracing::info_span!("tier", tier = %name, model = %call.model, probe);
            let (result, took) = waits.of(answer(&outside, &call)).instrument(span).await;
            if let Err(error) = &result {
                tracing::warn!(tier = %name, kind = %error.kind, "{}", error.message);
            }
            under_way.call = None;
            if !outside.observers.is_empty() {
                under_way.calls.push(Called { call, result: result.clone(), took: took.clone() });
            }
            run.feed(result, took);
        }
    };
    // What the seams of signals, rules and providers do not catch is still the failure of this run alone.
    let folded = AssertUnwindSafe(fold).catch_unwind().instrument(span).await;
    if let (Err(panic), Some(run)) = (folded, under_way.run.as_mut()) {
        let message = format!("code that the cascade runs {}", Panicked::from(panic));
        run.abort(CallError::new(CallErrorKind::Panicked, message));
    }
    under_way.finish()
}

async fn answer(outside: &Outside<'_>, call: &PermittedCall) -> (Result<Arc<Completion>, CallError>, Took) {
    if let Some(Some(provider)) = outside.providers.get(call.tier().0) {
        return timed(provider.as_ref(), call, outside.clock).await;
    }
    let message = "no provider was given for this tier; pass one to the engine's builder";
    (Err(CallError::new(CallErrorKind::InvalidRequest, message)), Took::default())
}

/// A run that reports itself even when its future is dropped.
struct UnderWay<'a> {
    run: Option<Run>,
    cascade: &'a Cascade,
    request: Arc<Request>,
    /// What came back, where somebody is told.
    calls: Vec<Called>,
    /// When the call in flight began, on the engine's clock, and what it waits.
    call: Option<(Duration, Waits)>,
    outside: &'a Outside<'a>,
    span: Span,
}

impl UnderWay<'_> {
    fn finish(mut self) -> (Outcome, Trace) {
        let run = self.run.take().unwrap_or_else(|| unreachable!("only finish() and drop() take the run"));
        self.tell(run)
    }

    /// Ends the run: to its span, and to every observer.
    fn tell(&mut self, run: Run) -> (Outcome, Trace) {
        let (outcome, trace) = run.finish();
        self.span.record("outcome", trace.outcome.as_str());
        self.span.record("tier", trace.tier.as_deref());
        self.span.record("cost_usd", trace.cost.total().map(Money::usd));
        let _inside = self.span.enter();
        let ended = Ended { cascade: self.cascade, request: &self.request, calls: &self.calls, trace: &trace };
        for observer in self.outside.observers {
            if let Err(panicked) = caught(|| observer.ended(&ended)) {
                tracing::error!(request_id = %trace.request_id, "an observer {panicked}; the others were told");
            }
        }
        (outcome, trace)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let Some(mut run) = self.run.take() else { return };
        if let Some((since, waits)) = self.call.take() {
            let kind = CallErrorKind::Cancelled;
            let elapsed = self.outside.clock.now().saturating_sub(since);
            // Who never had a place was not called: all that it did was to wait.
            let never = waits.never_placed();
            let (billing, queued) = if never { (Billing::Free, elapsed) } else { (Billing::Unknown, waits.waited()) };
            let attempt = Attempt { error: Some(kind), billing, latency: elapsed.saturating_sub(queued) };
            let error = CallError::new(kind, "the caller went away").with_attempts(vec![attempt]);
            run.feed(Err(error), Took { queued, ..Took::default() });
        }
        self.tell(run);
    }
}

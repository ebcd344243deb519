//! Feeds a run with answers from providers. The fold decides; this only calls, waits and measures.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use tierfall_core::cascade::Cascade;
use tierfall_core::caught::{Panicked, caught};
use tierfall_core::completion::{Completion, Delta, TooManyToolCalls};
use tierfall_core::draft::{Draft, Verdict};
use tierfall_core::observer::{Called, Ended};
use tierfall_core::permit::PermittedCall;
use tierfall_core::provider::{CallError, CallErrorKind, Provider};
use tierfall_core::request::{Purpose, Request};
use tierfall_core::run::{Next, Outcome, Run, Served, Took};
use tierfall_core::trace::Trace;
use tierfall_providers::Listener;
use tierfall_providers::meter::Meter;
use tracing::{Instrument, Span};

use crate::clock::Clock;
use crate::events::{Event, Hand};
use crate::observing::Observers;
use crate::spans::{self, SpanContext};
use crate::timed::{Came, cut_off, heard};

/// Everything a run needs from outside the fold.
pub(crate) struct Outside<'a> {
    /// One provider a tier; `None` for a human one.
    pub(crate) providers: &'a [Option<Arc<dyn Provider>>],
    pub(crate) observers: &'a Observers,
    pub(crate) clock: &'a dyn Clock,
    /// In which distributed trace a call stands, asked in its span.
    pub(crate) context: Option<&'a SpanContext>,
    /// Takes the events as they happen; without one the answers are asked for whole.
    pub(crate) hand: Option<Hand>,
}

/// Runs a request to its end and tells the observers.
///
/// Dropping the future cancels the call in flight, and so does `stop`; the observers then get the trace so far, with that call's cost
/// estimated.
pub(crate) async fn drive(
    cascade: &Cascade,
    outside: Outside<'_>,
    request: Arc<Request>,
    stop: impl Future<Output = ()>,
) -> (Outcome, Arc<Trace>) {
    let span = spans::run(cascade.name(), &request);
    // Declared before the calls, so dropped after them: a call is cancelled before its run is told as cancelled.
    let run = Some(Run::new(cascade, request.clone()).streaming(outside.hand.is_some()));
    let mut under_way =
        UnderWay { run, cascade, request, calls: Vec::new(), flight: None, outside: &outside, span: span.clone() };
    // What the seams of signals, rules and providers do not catch is still the failure of this run alone.
    let folded = {
        let fold = pin!(AssertUnwindSafe(under_way.fold()).catch_unwind().instrument(span));
        match select(fold, pin!(stop)).await {
            Either::Left((folded, _)) => Some(folded),
            Either::Right(_) => None,
        }
    };
    let last = match folded {
        Some(Ok(last)) => last,
        Some(Err(panic)) => {
            under_way.panicked(&Panicked::from(panic));
            Last::default()
        }
        None => {
            under_way.cut_off();
            Last::default()
        }
    };
    let (outcome, trace) = under_way.finish();
    if let (Some(hand), Some(served)) = (&outside.hand, outcome.served()) {
        last.pass_on(hand, cascade, served).await;
    }
    (outcome, trace)
}

/// What was heard of the last answering call of a run.
#[derive(Default)]
struct Last {
    answer: Option<Arc<Completion>>,
    held: Vec<Delta>,
    passed: bool,
}

impl Last {
    /// Passes on the answer that is served, where that was not done as it came: as its pieces, where they are the answer.
    async fn pass_on(self, hand: &Hand, cascade: &Cascade, served: &Served) {
        if self.passed {
            return;
        }
        let tier = &cascade.tier(served.tier).name;
        // The best answer that was left may be an earlier tier's.
        let same = self.answer.is_some_and(|answer| Arc::ptr_eq(&answer, &served.answer)) && !self.held.is_empty();
        let whole = || vec![Delta::from(&*served.answer)];
        for delta in if same { self.held } else { whole() } {
            hand.give(Event::Delta { tier: tier.clone(), delta }).await;
        }
    }
}

/// A call in flight.
struct Flight {
    call: PermittedCall,
    /// When it began, on the engine's clock, and what it has waited and paid for.
    since: Duration,
    meter: Meter,
    draft: Draft,
    span: Span,
    /// Pieces that nobody may see yet.
    held: Vec<Delta>,
    /// Pieces have reached the caller.
    passed: bool,
}

impl Flight {
    fn new(run: &Run, call: PermittedCall, span: &Span, outside: &Outside<'_>) -> Self {
        let draft = run.draft();
        Self {
            call,
            since: outside.clock.now(),
            meter: Meter::default(),
            draft,
            span: span.clone(),
            held: Vec::new(),
            passed: false,
        }
    }

    async fn answer(&mut self, tier: &Arc<str>, outside: &Outside<'_>) -> Result<Came, Took> {
        let Some(Some(provider)) = outside.providers.get(self.call.tier().0) else {
            let message = "no provider was given for this tier; pass one to the engine's builder";
            return Ok((Err(CallError::new(CallErrorKind::InvalidRequest, message)), Took::default()));
        };
        let Self { call, meter, draft, held, passed, .. } = self;
        let mut ear = Ear { tier, draft, held, passed, hand: outside.hand.as_ref() };
        meter.of(heard(provider.as_ref(), call, outside.clock, &mut ear)).await
    }
}

/// Hears the pieces of an answer for the run that asked for it.
struct Ear<'a> {
    tier: &'a Arc<str>,
    draft: &'a mut Draft,
    held: &'a mut Vec<Delta>,
    passed: &'a mut bool,
    hand: Option<&'a Hand>,
}

impl Listener for Ear<'_> {
    async fn hear(&mut self, delta: Delta) -> Result<bool, TooManyToolCalls> {
        let verdict = self.draft.push(&delta)?;
        let Some(hand) = self.hand else { return Ok(!matches!(verdict, Verdict::Cut)) };
        // A piece that says nothing commits to nothing: another tier may still take the place of this one.
        let mut passes = matches!(verdict, Verdict::Pass) && (*self.passed || delta.says_something());
        match verdict {
            Verdict::Cut => return Ok(false),
            Verdict::PassAs(begun) => {
                passes = true;
                *self.held = vec![*begun];
            }
            Verdict::Pass | Verdict::Hold => self.held.push(delta),
        }
        if passes {
            *self.passed = true;
            for delta in self.held.drain(..) {
                hand.give(Event::Delta { tier: self.tier.clone(), delta }).await;
            }
        }
        Ok(true)
    }

    fn take(&mut self) -> Completion {
        self.draft.take_answer()
    }
}

/// A run that reports itself even when its future is dropped.
struct UnderWay<'a> {
    run: Option<Run>,
    cascade: &'a Cascade,
    request: Arc<Request>,
    /// What came back, where somebody is told.
    calls: Vec<Arc<Called>>,
    flight: Option<Flight>,
    outside: &'a Outside<'a>,
    span: Span,
}

impl UnderWay<'_> {
    async fn fold(&mut self) -> Last {
        let (mut last, mut told) = (Last::default(), 0);
        while let Some(run) = self.run.as_mut() {
            // A person's step is there before any call where a rule wants that.
            if let Some(hand) = &self.outside.hand {
                for step in run.steps()[told..].iter().cloned() {
                    hand.give(Event::Decided(step)).await;
                }
            }
            told = run.steps().len();
            let Next::Call(mut call) = run.next() else { break };
            let name = &self.cascade.tier(call.tier()).name;
            let probe = match &call.purpose {
                Purpose::Answer => None,
                Purpose::Probe(label) => Some(label.clone()),
            };
            let span = spans::call(name, &call);
            call.stand_in(self.outside.context.and_then(|context| span.in_scope(context)));
            let is_probe = probe.is_some();
            if let Some(hand) = &self.outside.hand {
                hand.give(Event::Began { tier: name.clone(), model: call.model.clone(), probe }).await;
            }
            // Not before: who goes away while a call is only announced has asked nobody.
            let flight = self.flight.insert(Flight::new(run, call, &span, self.outside));
            let came = flight.answer(name, self.outside).instrument(span.clone()).await;
            let Some(Flight { call, draft, held, passed, .. }) = self.flight.take() else { continue };
            if passed {
                run.commit();
            }
            if !is_probe {
                let answer = came.as_ref().ok().and_then(|(result, _)| result.as_ref().ok()).cloned();
                last = Last { answer, held, passed };
            }
            let (tier, observers, calls) = (name.clone(), self.outside.observers, &mut self.calls);
            let tell = |result: Result<Arc<Completion>, CallError>, took: &Took| {
                if !observers.is_empty() {
                    let called = Arc::new(Called::new(tier, call, result, took.clone()));
                    observers.called(&called);
                    calls.push(called);
                }
            };
            match came {
                Ok((result, took)) => {
                    if let Err(error) = &result {
                        tracing::warn!(tier = %name, kind = %error.kind, "{}", error.message);
                    }
                    spans::came(&span, &result);
                    tell(result.clone(), &took);
                    run.feed(result, took);
                }
                Err(took) => {
                    let why = "its gate was sure to defer the answer: it was cut off";
                    tell(Err(CallError::new(CallErrorKind::Cancelled, why)), &took);
                    if let Some(cut) = draft.cut() {
                        run.feed_cut(&cut, took);
                    }
                }
            }
            if let Some(step) = run.steps().get(told) {
                spans::decided(&span, step);
            }
        }
        last
    }

    /// Ends the run after a panic. Of a call that was under way nobody knows what it cost.
    fn panicked(&mut self, panic: &Panicked) {
        let Some(run) = &mut self.run else { return };
        let error = CallError::new(CallErrorKind::Panicked, format!("code that the cascade runs {panic}"));
        if let Some(Flight { since, meter, span, .. }) = self.flight.take() {
            let queued = meter.waited();
            let elapsed = caught(|| self.outside.clock.now()).map_or(queued, |now| now.saturating_sub(since));
            let took =
                Took { latency: elapsed.saturating_sub(meter.uncounted()).saturating_sub(queued), queued, ..Took::default() };
            feed(run, &span, Err(error.clone()), took);
        }
        run.abort(error);
    }

    /// Books the call that was under way when the caller went away.
    fn cut_off(&mut self) {
        let (Some(run), Some(Flight { call, since, meter, draft, span, .. })) = (&mut self.run, &self.flight) else { return };
        let Some(Some(provider)) = self.outside.providers.get(call.tier().0) else { return };
        let error = CallError::new(CallErrorKind::Cancelled, "the caller went away");
        let elapsed = self.outside.clock.now().saturating_sub(*since).saturating_sub(meter.uncounted());
        let (result, took) = cut_off(error, (&**provider, call), (meter, meter.failed()), elapsed, draft.arrived());
        let span = span.clone();
        self.flight = None;
        feed(run, &span, result, took);
    }

    fn finish(mut self) -> (Outcome, Arc<Trace>) {
        let run = self.run.take().unwrap_or_else(|| unreachable!("only finish() and drop() take the run"));
        self.tell(run)
    }

    /// Ends the run: to its span, and to every observer.
    fn tell(&mut self, run: Run) -> (Outcome, Arc<Trace>) {
        let (outcome, trace) = run.finish();
        let trace = Arc::new(trace);
        spans::ended(&self.span, &trace);
        if !self.outside.observers.is_empty() {
            let (request, calls) = (self.request.clone(), std::mem::take(&mut self.calls));
            self.outside.observers.ended(Ended::new(self.cascade.clone(), request, outcome.clone(), calls, trace.clone()));
        }
        (outcome, trace)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        // Whoever drops a run has nothing to do with the panics of what runs in it.
        if let Err(panic) = caught(|| self.cut_off()) {
            self.panicked(&panic);
        }
        if let Some(run) = self.run.take() {
            let _ = caught(|| self.tell(run));
        }
    }
}

/// Feeds the result of a call to its run, and tells the call's span of it.
fn feed(run: &mut Run, span: &Span, result: Result<Arc<Completion>, CallError>, took: Took) {
    spans::came(span, &result);
    let decided = run.steps().len();
    run.feed(result, took);
    run.steps().get(decided).into_iter().for_each(|step| spans::decided(span, step));
}

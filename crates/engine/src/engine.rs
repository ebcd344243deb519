//! The library's front door: a cascade, its providers and its observers, ready to answer.

use std::future::pending;
use std::sync::Arc;

use futures_util::FutureExt;
use tierfall_core::cascade::Cascade;
use tierfall_core::fit::{Fit, Point, TargetFit};
use tierfall_core::plan::Plan;
use tierfall_core::provider::Provider;
use tierfall_core::request::{Request, RequestId};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::clock::Clock;
use crate::drive::{Outside, drive};
use crate::events::{Events, Hand};
use crate::fit::{self, NoSuchPoint};
use crate::ids;
use crate::observing::{Lost, Observers};
use crate::spans::SpanContext;

pub(crate) type Identify = dyn Fn(&Request) -> Option<RequestId> + Send + Sync;

/// A cascade that answers. Clones share it; one engine serves any number of runs at once.
///
/// Whoever drops the last clone waits until every observer has taken what it was told: a thread of the runtime, where a task does that.
/// After [`flushed`](Self::flushed) that takes no time. Observers that another engine goes on with
/// ([`EngineBuilder::after`](crate::EngineBuilder::after), [`Reloadable`](crate::Reloadable)) are not waited for.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) cascade: Cascade,
    /// One a tier; `None` for a human one.
    pub(crate) providers: Vec<Option<Arc<dyn Provider>>>,
    pub(crate) observers: Observers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) identify: Option<Arc<Identify>>,
    pub(crate) context: Option<Arc<SpanContext>>,
    /// The one in force, for what its points promise.
    pub(crate) fit: Option<Arc<Fit>>,
}

impl From<Inner> for Engine {
    fn from(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl Engine {
    /// The cascade.
    pub fn cascade(&self) -> &Cascade {
        &self.0.cascade
    }

    /// The provider of each tier, in the cascade's order; `None` for a human tier.
    pub fn providers(&self) -> &[Option<Arc<dyn Provider>>] {
        &self.0.providers
    }

    /// Answers a question, a conversation or a request.
    ///
    /// A failure is an outcome with a trace like any other. Dropping the future cancels the call in flight; the observers
    /// still get the trace.
    pub async fn complete(&self, ask: impl Into<Ask>) -> Answer {
        self.complete_until(ask, pending()).await
    }

    /// Answers as [`complete`](Self::complete) does, unless `stop` comes first. Then the call in flight is cancelled, and the run ends at once
    /// as one whose future is dropped, but comes back: an answer that [failed](tierfall_core::provider::CallErrorKind::Cancelled), with what it had paid for.
    pub async fn complete_until(&self, ask: impl Into<Ask>, stop: impl Future<Output = ()>) -> Answer {
        let request = self.request(ask);
        self.0.run(request, None, stop).await
    }

    /// Answers as [`complete`](Self::complete) does, and gives out what happens as it happens: the pieces of the answer that is
    /// served, of one tier alone, and at the end the answer.
    ///
    /// Nothing happens while nobody asks for the next event, and no limit counts [that time](Events). Dropping the stream cancels the call
    /// in flight.
    ///
    /// ```
    /// # use futures_util::StreamExt;
    /// # async fn example(engine: tierfall::Engine) {
    /// let mut events = engine.stream("Where is my order 10234?");
    /// while let Some(event) = events.next().await {
    ///     match event {
    ///         tierfall::Event::Delta { delta, .. } => print!("{}", delta.text),
    ///         tierfall::Event::Ended(answer) => println!("\n({})", answer.trace.outcome),
    ///         _ => {}
    ///     }
    /// }
    /// # }
    /// ```
    pub fn stream(&self, ask: impl Into<Ask>) -> Events {
        let (request, inner) = (self.request(ask), self.0.clone());
        Events::of(|hand| async move { inner.run(request, Some(hand), pending()).await }.boxed())
    }

    /// Waits until every observer has taken what it was told so far. Blocks the thread as long as they take.
    pub fn flush(&self) {
        self.0.observers.flush();
    }

    /// The same for a task, which blocks no thread. What was told before this call counts; whoever drops the future waits no longer.
    pub fn flushed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.observers.flushed()
    }

    /// What was lost to observers that had no [room](tierfall_core::observer::Room) for it, each loss to each of them.
    pub fn lost(&self) -> Lost {
        self.0.observers.lost()
    }

    /// What the rules and the tiers' limits leave for a request, and who may see it. Calls nothing.
    pub fn plan(&self, ask: impl Into<Ask>) -> Plan {
        Plan::new(&self.0.cascade, self.request(ask))
    }

    /// The operating points of the fit in force, the default one first; empty without a fit.
    pub fn points(&self) -> &[Point] {
        self.0.fit.as_ref().map_or(&[], |fit| &fit.point)
    }

    /// The cheapest certified operating point that meets a target; `None` where none does.
    pub fn point_for(&self, target: TargetFit) -> Option<&Point> {
        fit::meeting(self.0.fit.as_ref()?, target)
    }

    /// The operating point of this name, or the cheapest certified one that meets a target like `loss<=0.02`.
    pub fn find_point(&self, text: &str) -> Result<&Point, NoSuchPoint> {
        match &self.0.fit {
            Some(fit) => fit::find(fit, text),
            None => Err(NoSuchPoint { wanted: format!("there is no operating point \"{text}\""), known: None }),
        }
    }

    pub(crate) fn observers(&self) -> &Observers {
        &self.0.observers
    }

    fn request(&self, ask: impl Into<Ask>) -> Arc<Request> {
        let Ask { id, mut request } = ask.into();
        let identified = || self.0.identify.as_ref().and_then(|identify| identify(&request));
        request.id = id.or_else(identified).unwrap_or_else(ids::next);
        request.at = request.at.or_else(|| Some(self.0.clock.time_of_day().into()));
        // A target becomes the point that meets it; what none meets is left, and refused by its own name.
        if let Some(text) = &request.point
            && let Ok(point) = self.find_point(text)
            && *point.name != **text
        {
            request.point = Some(point.name.as_str().into());
        }
        Arc::new(request)
    }
}

impl Inner {
    async fn run(&self, request: Arc<Request>, hand: Option<Hand>, stop: impl Future<Output = ()>) -> Answer {
        let Self { providers, observers, clock, context, .. } = self;
        let outside = Outside { providers, observers, clock: &**clock, context: context.as_deref(), hand };
        let (outcome, trace) = drive(&self.cascade, outside, request, stop).await;
        Answer::new(outcome, trace)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("cascade", self.0.cascade.name()).finish_non_exhaustive()
    }
}

//! The library's front door: a cascade, its providers and its observers, ready to answer.

use std::sync::Arc;

use futures_util::FutureExt;
use tierfall_core::cascade::{Answerer, Cascade};
use tierfall_core::completion::Completion;
use tierfall_core::fit::{Fit, Point, TargetFit};
use tierfall_core::observer::Observer;
use tierfall_core::plan::Plan;
use tierfall_core::provider::{CallError, Provider};
use tierfall_core::request::{Request, RequestId};
use tierfall_core::run::Outcome;
use tierfall_core::trace::{Fallback, Trace};

use crate::ask::Ask;
use crate::clock::{Clock, SystemClock};
use crate::drive::{Outside, drive};
use crate::events::{Events, Hand};
use crate::fit::{self, NoSuchPoint};
use crate::ids::Ids;
use crate::observing::Observers;

type Identify = dyn Fn(&Request) -> Option<RequestId> + Send + Sync;

/// A cascade that answers. Clones share it; one engine serves any number of runs at once.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    cascade: Cascade,
    providers: Vec<Option<Arc<dyn Provider>>>,
    observers: Observers,
    clock: Arc<dyn Clock>,
    ids: Ids,
    identify: Option<Arc<Identify>>,
    fit: Option<Arc<Fit>>,
}

/// How a request was answered, and the record of why.
#[derive(Debug)]
pub struct Answer {
    /// How the run ended.
    pub outcome: Outcome,
    /// Every decision and every cent.
    pub trace: Arc<Trace>,
}

impl Answer {
    /// The answer that is served; `None` unless the run ended with one.
    pub fn completion(&self) -> Option<&Completion> {
        self.outcome.served().map(|served| &*served.answer)
    }

    /// The best answer that there was, attached to an abstention or a review: no gate accepted it. It is for the person who
    /// looks, not for whoever asked.
    pub fn attached(&self) -> Option<&Completion> {
        self.outcome.attached().map(|attached| &*attached.answer)
    }

    /// The text of [`completion`](Self::completion).
    pub fn text(&self) -> Option<&str> {
        self.completion().map(|completion| completion.text.as_str())
    }

    /// Why the run fell back on what was left, where it did: the answer served, if there is one, was accepted by nobody.
    pub fn fallback(&self) -> Option<Fallback> {
        self.trace.fallback
    }

    /// The trace as JSON, and beside it the text: under `answer` what is served (null where nothing is), under `attached` the
    /// best rejected answer of an abstention or a review (absent where there is none).
    pub fn to_json(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut json = self.trace.to_json(self.text())?;
        if let (Some(map), Some(attached)) = (json.as_object_mut(), self.attached()) {
            map.insert("attached".to_owned(), attached.text.as_str().into());
        }
        Ok(json)
    }

    /// Why no tier could answer, where none could.
    pub fn error(&self) -> Option<&CallError> {
        match &self.outcome {
            Outcome::Failed(error) => Some(error),
            _ => None,
        }
    }
}

impl Engine {
    /// Begins an engine from parts: providers of your own, say, or a cascade built in code.
    pub fn builder(cascade: Cascade) -> EngineBuilder {
        EngineBuilder {
            cascade,
            providers: Vec::new(),
            observers: Vec::new(),
            clock: Arc::new(SystemClock::default()),
            identify: None,
            fit: None,
        }
    }

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
        let request = self.request(ask);
        self.0.run(request, None).await
    }

    /// Answers as [`complete`](Self::complete) does, and gives out what happens as it happens: the pieces of the answer that is
    /// served, of one tier alone, and at the end the answer.
    ///
    /// Nothing happens while nobody asks for the next event. Dropping the stream cancels the call in flight.
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
        Events::of(|hand| async move { inner.run(request, Some(hand)).await }.boxed())
    }

    /// Waits until every observer has taken what it was told so far. Blocks the thread as long as they take.
    pub fn flush(&self) {
        self.0.observers.flush();
    }

    /// How many calls and runs were lost to observers whose queues were full.
    pub fn lost(&self) -> u64 {
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

    fn request(&self, ask: impl Into<Ask>) -> Arc<Request> {
        let Ask { id, mut request } = ask.into();
        let identified = || self.0.identify.as_ref().and_then(|identify| identify(&request));
        request.id = id.or_else(identified).unwrap_or_else(|| self.0.ids.next());
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
    async fn run(&self, request: Arc<Request>, hand: Option<Hand>) -> Answer {
        let outside = Outside { providers: &self.providers, observers: &self.observers, clock: &*self.clock, hand };
        let (outcome, trace) = drive(&self.cascade, outside, request).await;
        Answer { outcome, trace }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("cascade", self.0.cascade.name()).finish_non_exhaustive()
    }
}

/// Puts an [`Engine`] together.
pub struct EngineBuilder {
    cascade: Cascade,
    providers: Vec<(String, Arc<dyn Provider>)>,
    observers: Vec<Arc<dyn Observer>>,
    clock: Arc<dyn Clock>,
    identify: Option<Arc<Identify>>,
    fit: Option<Arc<Fit>>,
}

/// Why an engine could not be put together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A provider for a tier that is not there, or a human one.
    #[error("there is no tier \"{0}\" with a model to give a provider to")]
    UnknownTier(String),
    /// An observer whose thread could not be started.
    #[error("no thread could be started to tell an observer: {0}")]
    Observer(String),
    /// A tier without a provider.
    #[error("tier \"{0}\" has a model but no provider; give it one with `provider(\"{0}\", …)`")]
    NoProvider(String),
}

impl EngineBuilder {
    /// Gives a tier its provider; the last one given counts.
    #[must_use]
    pub fn provider(mut self, tier: impl Into<String>, provider: Arc<dyn Provider>) -> Self {
        self.providers.push((tier.into(), provider));
        self
    }

    /// Adds somebody who is told of every run. Without one no text leaves a run but its answer.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// Replaces the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Names the requests that come without an id: one that asks what a recorded example asks is decided as the example was, ties
    /// included, only under the example's id. Where it knows none, the request gets a new one.
    #[must_use]
    pub fn identify(mut self, identify: impl Fn(&Request) -> Option<RequestId> + Send + Sync + 'static) -> Self {
        self.identify = Some(Arc::new(identify));
        self
    }

    /// Tells the engine of the fit that its cascade was given: what its operating points are for, and what they promise.
    #[must_use]
    pub fn fit(mut self, fit: impl Into<Arc<Fit>>) -> Self {
        self.fit = Some(fit.into());
        self
    }

    /// Checks that every tier with a model has a provider.
    pub fn build(self) -> Result<Engine, BuildError> {
        let mut providers: Vec<Option<Arc<dyn Provider>>> = vec![None; self.cascade.tiers().len()];
        for (name, provider) in self.providers {
            let (ix, _) = self.cascade.model_named(&name).ok_or(BuildError::UnknownTier(name))?;
            providers[ix.0] = Some(provider);
        }
        for (tier, provider) in self.cascade.tiers().iter().zip(&providers) {
            if matches!(tier.answerer, Answerer::Model(_)) && provider.is_none() {
                return Err(BuildError::NoProvider(tier.name.to_string()));
            }
        }
        let Self { cascade, clock, identify, fit, .. } = self;
        let observers = Observers::new(self.observers).map_err(|error| BuildError::Observer(error.to_string()))?;
        Ok(Engine(Arc::new(Inner { cascade, providers, observers, clock, ids: Ids::new(), identify, fit })))
    }
}

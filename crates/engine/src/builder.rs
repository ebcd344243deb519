//! Putting an engine together: a cascade with its providers, checked as a file is.

use std::sync::Arc;

use tierfall_core::cascade::{Answerer, Cascade, CascadeError, Parts, Policy, Tier};
use tierfall_core::fit::Fit;
use tierfall_core::money::Money;
use tierfall_core::observer::Observer;
use tierfall_core::provider::{Declares, Provider};
use tierfall_core::request::{Request, RequestId};
use tierfall_core::rule::Rule;
use tierfall_core::trace_context::TraceContext;

use crate::clock::{Clock, SystemClock};
use crate::engine::{Engine, Identify, Inner};
use crate::fault::{self, Fault};
use crate::fit;
use crate::observing::Observers;
use crate::spans::SpanContext;

impl Engine {
    /// Begins a cascade in code, which is given one tier after the other, the cheapest first, each with its provider.
    ///
    /// ```
    /// use tierfall::{Engine, Gate, Model, NamedSignal, Tier, provider_fn};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gate = Gate::nominal_from(NamedSignal::built_in("not-refusal")?, 0.5)?;
    /// let engine = Engine::named("desk")
    ///     .tier(Tier::new("small", Model::new("a")).gated(gate), provider_fn(|_| async { Ok("I cannot help with that.") }))
    ///     .tier(Tier::new("large", Model::new("b")), provider_fn(|_| async { Ok("Due 14 May.") }))
    ///     .build()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # let answer = runtime.block_on(engine.complete("When is my parcel due?"));
    /// # assert_eq!(answer.text(), Some("Due 14 May."));
    /// # Ok(())
    /// # }
    /// ```
    pub fn named(name: impl Into<Arc<str>>) -> EngineBuilder<Parts> {
        let name = name.into();
        let (tiers, rules) = (Vec::new(), Vec::new());
        EngineBuilder::of(Parts { salt: name.clone(), name, tiers, rules, policy: Policy::default() })
    }

    /// Begins an engine for a cascade that is there already.
    pub fn builder(cascade: Cascade) -> EngineBuilder {
        EngineBuilder::of(cascade)
    }
}

/// Puts an [`Engine`] together, for a [`Cascade`] that is there or for [`Parts`] that are still to be one.
#[must_use = "nothing is built before `build`"]
pub struct EngineBuilder<C = Cascade> {
    of: C,
    providers: Vec<(String, Arc<dyn Provider>)>,
    observers: Vec<Arc<dyn Observer>>,
    clock: Arc<dyn Clock>,
    identify: Option<Arc<Identify>>,
    context: Option<Arc<SpanContext>>,
    fit: Option<Arc<Fit>>,
    before: Option<Engine>,
}

/// Why an engine could not be put together. Its `Debug` is its message.
#[derive(PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The parts are no cascade.
    #[error(transparent)]
    Cascade(#[from] CascadeError),
    /// The parts do not work together; everything that is wrong is in the error.
    #[error("the cascade cannot run:\n  {}", .0.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n  "))]
    Faults(Vec<Fault>),
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

tierfall_core::debug_is_message!(BuildError);

impl<C> EngineBuilder<C> {
    fn of(of: C) -> Self {
        let clock = Arc::new(SystemClock::default());
        Self { of, providers: Vec::new(), observers: Vec::new(), clock, identify: None, context: None, fit: None, before: None }
    }

    /// Adds somebody who is told of every run. Without one no text leaves a run but its answer.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// Replaces the system's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Names the requests that come without an id: one that asks what a recorded example asks is decided as the example was, ties
    /// included, only under the example's id. Where it knows none, the request gets a new one.
    pub fn identify(mut self, identify: impl Fn(&Request) -> Option<RequestId> + Send + Sync + 'static) -> Self {
        self.identify = Some(Arc::new(identify));
        self
    }

    /// Says in which distributed trace each call stands; it is asked in the call's span, so that an OpenTelemetry layer can say it.
    /// Where it says nothing, and without it, a call stands where [its request](crate::Ask::in_trace) does.
    pub fn trace_context(mut self, context: impl Fn() -> Option<TraceContext> + Send + Sync + 'static) -> Self {
        self.context = Some(Arc::new(context));
        self
    }

    /// Puts a fit in force: its gate values, score maps and operating points. [`build`](EngineBuilder::build) refuses one that is of
    /// another cascade, as far as that can be known here: what a provider does not [declare](Provider::declares), and the digest of
    /// a model's weights, are taken to be those of the fit.
    pub fn fit(mut self, fit: impl Into<Arc<Fit>>) -> Self {
        self.fit = Some(fit.into());
        self
    }

    /// Takes the place of another engine: an observer of both goes on with the queue and the thread that it has, so that it is told of
    /// the last runs of the one and the first of the other by one thread, and [`Engine::lost`] counts on.
    pub fn after(mut self, before: &Engine) -> Self {
        self.before = Some(before.clone());
        self
    }
}

impl EngineBuilder<Parts> {
    /// Adds a tier with a model, dearer than those before it, and its provider. One that is shared goes in as clones of its [`Arc`].
    pub fn tier(mut self, tier: Tier, provider: impl Provider + 'static) -> Self {
        self.providers.push((tier.name.to_string(), Arc::new(provider)));
        self.of.tiers.push(tier);
        self
    }

    /// Adds a person, as the last tier; one review costs `cost`.
    pub fn review(mut self, name: impl Into<Arc<str>>, cost: Option<Money>) -> Self {
        self.of.tiers.push(Tier::human(name, cost));
        self
    }

    /// Adds a rule; all that hold for a request are in force together.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.of.rules.push(rule);
        self
    }

    /// Sets what happens when a gate cannot decide alone, and what a request may cost and last.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.of.policy = policy;
        self
    }

    /// Sets what keys the ties; without it the cascade's name does.
    pub fn salt(mut self, salt: impl Into<Arc<str>>) -> Self {
        self.of.salt = salt.into();
        self
    }

    /// Checks that the parts are a cascade, and everything that is checked of one.
    pub fn build(self) -> Result<Engine, BuildError> {
        let Self { of, providers, observers, clock, identify, context, fit, before } = self;
        EngineBuilder { of: Cascade::try_from(of)?, providers, observers, clock, identify, context, fit, before }.build()
    }
}

impl EngineBuilder {
    /// Gives a tier its provider; the last one given counts.
    pub fn provider(mut self, tier: impl Into<String>, provider: Arc<dyn Provider>) -> Self {
        self.providers.push((tier.into(), provider));
        self
    }

    /// Checks what is checked of a cascade file: that every tier with a model has a provider that gives its gate what it reads, as far
    /// as the provider [declares](Provider::declares) what it gives; that thresholds are scores of their signals, rules name tiers,
    /// names can be written, and a fit is of this cascade.
    pub fn build(self) -> Result<Engine, BuildError> {
        let Self { of: cascade, clock, identify, context, fit, .. } = self;
        let mut providers: Vec<Option<Arc<dyn Provider>>> = vec![None; cascade.tiers().len()];
        for (name, provider) in self.providers {
            let (ix, _) = cascade.model_named(&name).ok_or(BuildError::UnknownTier(name))?;
            providers[ix.0] = Some(provider);
        }
        for (tier, provider) in cascade.tiers().iter().zip(&providers) {
            if matches!(tier.answerer, Answerer::Model(_)) && provider.is_none() {
                return Err(BuildError::NoProvider(tier.name.to_string()));
            }
        }
        let declared = fault::declared(&cascade, &providers);
        let mut found = fault::all(&cascade, &declared);
        let fitted = fit.as_ref().map(|fit| fitted(&cascade, fit, &declared, &mut found));
        let in_force = fitted.as_ref().map_or(Some(&cascade), |fitted| fitted.as_ref().ok());
        found.extend(in_force.into_iter().flat_map(fault::points));
        if !found.is_empty() {
            return Err(BuildError::Faults(found));
        }
        let cascade = fitted.transpose()?.unwrap_or(cascade);
        let before = self.before.as_ref().map(Engine::observers);
        let observers = Observers::new(self.observers, before).map_err(|error| BuildError::Observer(error.to_string()))?;
        Ok(Inner { cascade, providers, observers, clock, identify, context, fit }.into())
    }
}

/// The cascade under a fit; what keeps the fit from being in force is added to `found`.
fn fitted(cascade: &Cascade, fit: &Fit, declared: &[Declares], found: &mut Vec<Fault>) -> Result<Cascade, BuildError> {
    found.extend(fault::under_fit(cascade.policy()).map(|(_, fault)| fault));
    found.extend(fit::foreign(fit, cascade, declared));
    Ok(fit::apply(cascade.clone(), fit)?)
}

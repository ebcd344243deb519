//! A rung of the chain, and who answers at it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::gate::Gate;
use crate::money::{Money, Price};
use crate::request::{Message, Params, Preamble, Timeouts};

/// A tier's place in the chain, 0 = cheapest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TierIx(pub usize);

crate::words! {
    /// Something that a request may need and not every model has.
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub enum Capability {
        /// Calls tools.
        Tools = "tools",
        /// Answers in a declared format: JSON, or what a JSON schema describes.
        StructuredOutput = "structured-output",
        /// Reads images.
        Vision = "vision",
    }
}

/// A model behind a tier.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name that the provider knows.
    pub name: Arc<str>,
    /// What its tokens cost; `None` = unknown, and so are all costs.
    pub price: Option<Price>,
    /// The tier's system prompt and example turns.
    pub preamble: Preamble,
    /// The tier's sampling parameters; they override the client's.
    pub params: Params,
    /// How long a call may take.
    pub timeouts: Timeouts,
    /// How long it may take in all where the timeouts do not say, it is answered whole and [fails over](crate::request::Call::fails_over); `None` = as
    /// its provider has it.
    pub total_failing_over: Option<Duration>,
    /// Most tokens of prompt and answer together; `None` = not declared.
    pub context_window: Option<u64>,
    /// What the model can do; `None` = not declared, everything is tried.
    pub capabilities: Option<BTreeSet<Capability>>,
}

impl Model {
    /// A model without preamble, price or limits.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            price: None,
            preamble: Arc::new([]),
            params: Params::default(),
            timeouts: Timeouts::default(),
            total_failing_over: None,
            context_window: None,
            capabilities: None,
        }
    }

    /// The model with what its tokens cost.
    #[must_use]
    pub fn priced(mut self, price: Price) -> Self {
        self.price = Some(price);
        self
    }

    /// The model with the tier's own system prompt.
    #[must_use]
    pub fn instructed(mut self, system_prompt: impl Into<String>) -> Self {
        self.preamble = Arc::new([Message::system(system_prompt)]);
        self
    }

    /// The model with the tier's own sampling parameters, which override the client's.
    #[must_use]
    pub fn with_params(mut self, params: Params) -> Self {
        self.params = params;
        self
    }
}

/// Who answers at a tier.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful a process, never moved")]
pub enum Answerer {
    /// A model.
    Model(Model),
    /// A person: the run ends with the outcome *review*.
    Human {
        /// What one review costs.
        cost: Option<Money>,
    },
}

/// One rung.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name in configuration, traces and recordings.
    pub name: Arc<str>,
    /// Who answers.
    pub answerer: Answerer,
    /// Its deferral rule; absent exactly on the last tier.
    pub gate: Option<Gate>,
}

impl Tier {
    /// A model at the end of a chain.
    pub fn new(name: impl Into<Arc<str>>, model: Model) -> Self {
        Self { name: name.into(), answerer: Answerer::Model(model), gate: None }
    }

    /// A person at the end of a chain; one review costs `cost`.
    pub fn human(name: impl Into<Arc<str>>, cost: Option<Money>) -> Self {
        Self { name: name.into(), answerer: Answerer::Human { cost }, gate: None }
    }

    /// The tier with a gate, which every tier but the last has.
    #[must_use]
    pub fn gated(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }
}

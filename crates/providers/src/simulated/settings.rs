//! How a simulated model is to behave, as declared.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tierfall_core::provider::CallErrorKind;

/// How a simulated model behaves. Everything is declared; nothing is learned from the request but its hash.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedSettings {
    /// The model's name; it answers as `simulated/NAME`.
    pub name: Arc<str>,
    /// Common to the tiers of one simulated world: it decides how difficult each request is for all of them.
    pub seed: u64,
    /// A request of difficulty d in [0, 1) is answered rightly with probability σ(slope · (ability − d)).
    pub ability: f64,
    /// How sharply ability divides right from wrong, ≥ 0.
    pub slope: f64,
    /// How well the model knows when it is right, ≥ 0: the distance, in standard deviations, between the scores of right
    /// and wrong answers. The AUROC of its log-probabilities is Φ(separation / √2): 0 → 0.5, 1 → 0.76, 2 → 0.92.
    pub separation: f64,
    /// Fewest and most tokens of an answer; one below ten is ten, since the wording needs them.
    pub tokens: (u32, u32),
    /// Whether the model tells log-probabilities.
    pub gives_logprobs: bool,
    /// How long it takes.
    pub latency: Latency,
    /// How often a call fails in each way, each in [0, 1] and together at most 1.
    pub errors: BTreeMap<CallErrorKind, f64>,
}

/// How long a simulated model takes, by the clock of tokio's timers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// Until the first token.
    pub first: Duration,
    /// Between two tokens.
    pub per_token: Duration,
    /// All of it varies by this share up and down, in [0, 1].
    pub jitter: f64,
}

impl SimulatedSettings {
    /// A model that is right on about half of the requests, knows fairly well when, answers at once and never fails.
    pub fn new(name: impl Into<Arc<str>>, seed: u64) -> Self {
        Self {
            name: name.into(),
            seed,
            ability: 0.5,
            slope: 10.0,
            separation: 2.0,
            tokens: (12, 40),
            gives_logprobs: true,
            latency: Latency::default(),
            errors: BTreeMap::new(),
        }
    }
}

/// Settings that describe no model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("simulated model \"{name}\": {what}")]
pub struct SimulationError {
    name: Arc<str>,
    what: String,
}

/// A simulated model.
#[derive(Clone, Debug)]
pub struct Simulation {
    pub(super) settings: SimulatedSettings,
}

impl TryFrom<SimulatedSettings> for Simulation {
    type Error = SimulationError;

    fn try_from(settings: SimulatedSettings) -> Result<Self, SimulationError> {
        let fails = |what: String| Err(SimulationError { name: settings.name.clone(), what });
        if !settings.ability.is_finite() {
            return fails(format!("ability must be a finite number, not {}", settings.ability));
        }
        for (name, value) in [("slope", settings.slope), ("separation", settings.separation)] {
            if !value.is_finite() || value < 0.0 {
                return fails(format!("{name} must be a finite number of at least 0, not {value}"));
            }
        }
        if settings.tokens.0 > settings.tokens.1 {
            return fails(format!(
                "an answer cannot have at least {} and at most {} tokens",
                settings.tokens.0, settings.tokens.1
            ));
        }
        let rates = settings.errors.iter().map(|(kind, rate)| (kind.as_str(), *rate));
        for (name, share) in rates.chain([("jitter", settings.latency.jitter)]) {
            if !(0.0..=1.0).contains(&share) {
                return fails(format!("{name} must be between 0 and 1, not {share}"));
            }
        }
        let together: f64 = settings.errors.values().sum();
        if together > 1.0 + 1e-9 {
            return fails(format!("the error rates add up to {together}, more than 1"));
        }
        Ok(Self { settings })
    }
}

impl Simulation {
    /// How the model behaves.
    pub fn settings(&self) -> &SimulatedSettings {
        &self.settings
    }
}

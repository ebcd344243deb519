//! The simulated model: a pure function from a call to an answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use tierfall_core::completion::{Completion, Finish, Sample, Usage};
use tierfall_core::provider::CallErrorKind;
use tierfall_core::request::{Call, Prompt, Purpose, Request, estimated_tokens};

use super::draw::{generator, hash, logistic, normal, unit};
use super::wording::{self, Asked, Said};

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
    settings: SimulatedSettings,
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

    /// How difficult a request is, in [0, 1): the same for every model with this seed.
    pub(super) fn difficulty(&self, request: &Request) -> f64 {
        unit(hash(self.settings.seed, &[b"difficulty", text_of(request).as_bytes()]))
    }

    /// The answer to a call's first attempt, without latency and errors.
    pub fn answer(&self, call: &Call) -> Completion {
        self.answer_at(call, 0)
    }

    /// The answer or the failure of attempt `attempt` (0 = the first) at a call.
    pub(crate) fn draw(&self, call: &Call, attempt: u32) -> Result<Completion, CallErrorKind> {
        let mut at: f64 = self.generator(call, attempt, "errors").random();
        for (kind, rate) in &self.settings.errors {
            if at < *rate {
                return Err(*kind);
            }
            at -= rate;
        }
        Ok(self.answer_at(call, attempt))
    }

    /// How long attempt `attempt` takes until the first token, and from token to token.
    pub fn latency(&self, call: &Call, attempt: u32) -> (Duration, Duration) {
        let Latency { first, per_token, jitter } = self.settings.latency;
        let factor = 1.0 + jitter * (2.0 * self.generator(call, attempt, "latency").random::<f64>() - 1.0);
        (first.mul_f64(factor), per_token.mul_f64(factor))
    }

    fn answer_at(&self, call: &Call, attempt: u32) -> Completion {
        let asked = Asked::of(call);
        // Greedy sampling repeats itself.
        let greedy = call.params.temperature == Some(0.0);
        let samples: Vec<Completion> = (0..call.samples.get())
            .map(|sample| {
                let stream = if greedy { "sample-0".to_owned() } else { format!("sample-{sample}") };
                self.one(call, asked, &mut self.generator(call, attempt, &stream))
            })
            .collect();
        let usage = samples.iter().filter_map(|sample| sample.usage).map(|usage| usage.output).sum();
        let mut samples = samples.into_iter();
        let mut answer = samples.next().unwrap_or_default();
        answer.usage = Some(Usage { input: estimated_tokens(&call.messages()), output: usage, ..Usage::default() });
        answer.samples = samples.map(|one| Sample { text: one.text, finish: one.finish }).collect();
        answer
    }

    fn one(&self, call: &Call, asked: Asked, rng: &mut ChaCha8Rng) -> Completion {
        let right = match &call.prompt {
            Prompt::Request { request, .. } => {
                let advantage = self.settings.ability - self.difficulty(request);
                rng.random::<f64>() < logistic(self.settings.slope * advantage)
            }
            // What is not ours cannot be judged: the coin decides.
            Prompt::Probe(_) => wording::shown_verdict(call).unwrap_or_else(|| rng.random()),
        };
        // Right and wrong answers score as two normal distributions, `separation` apart.
        let separation = self.settings.separation;
        let z = separation * if right { 0.5 } else { -0.5 } + normal(rng);
        // The likelihood ratio of the two: the probability of being right, had both been equally likely.
        let sureness = logistic(separation * z);
        let (words, rival, chosen) = match asked {
            Asked::Answer(rating) => {
                let Prompt::Request { request, .. } = &call.prompt else { unreachable!("only requests ask for answers") };
                let (fewest, most) = self.settings.tokens;
                let words = wording::answer(right, self.number(request, right, rng), rng.random_range(fewest..=most) as usize);
                (rating.map_or(words.clone(), |rating| rating.beside(words, sureness)), None, None)
            }
            Asked::Rating(rating) => (rating.alone(sureness), None, None),
            Asked::Judgement([yes, no]) => {
                // The two words together hold all but 3 %.
                let (first, second) = (0.97 * sureness.max(1.0 - sureness), 0.97 * sureness.min(1.0 - sureness));
                let (chosen, rival) = if sureness >= 0.5 { (yes, no) } else { (no, yes) };
                (vec![chosen.to_owned()], Some((rival, second)), Some(first))
            }
        };
        // The geometric mean of the token probabilities carries the score: σ(1.5 + z), whatever their number.
        let mean = logistic(1.5 + z).clamp(1e-6, 1.0 - 1e-6).ln();
        let said: Vec<Said> = match chosen {
            Some(probability) => words.into_iter().map(|word| (word, probability)).collect(),
            None => spread(words, mean, rng),
        };
        self.completion(call, said, rival, rng)
    }

    fn completion(&self, call: &Call, mut said: Vec<Said>, rival: Option<(&str, f64)>, rng: &mut ChaCha8Rng) -> Completion {
        let limit = call.params.max_tokens.map_or(usize::MAX, |limit| limit as usize);
        let finish = if said.len() > limit { Finish::Length } else { Finish::Stop };
        said.truncate(limit);
        let tokens = call.logprobs.filter(|_| self.settings.gives_logprobs).map(|top| wording::tokens(&said, rival, top, rng));
        Completion {
            text: said.iter().map(|(word, _)| word.as_str()).collect(),
            tokens,
            usage: Some(Usage { output: said.len() as u64, ..Usage::default() }),
            finish,
            model: Some(format!("simulated/{}", self.settings.name)),
            ..Completion::default()
        }
    }

    /// The number that an answer gives: one right one and three wrong ones a request, so that wrong answers agree at times.
    fn number(&self, request: &Request, right: bool, rng: &mut ChaCha8Rng) -> u64 {
        let truth = self.right_number(request);
        if right { truth } else { (truth + [1234, 3456, 5678][rng.random_range(0..3)]) % 10_000 }
    }

    pub(super) fn right_number(&self, request: &Request) -> u64 {
        hash(self.settings.seed, &[b"answer", text_of(request).as_bytes()]) % 10_000
    }

    /// One stream of randomness for each use, tier, request, purpose and attempt.
    fn generator(&self, call: &Call, attempt: u32, stream: &str) -> ChaCha8Rng {
        let purpose = match &call.purpose {
            Purpose::Answer => "",
            Purpose::Probe(label) => label,
        };
        let parts: [&[u8]; 5] = [
            self.settings.name.as_bytes(),
            call.request_id.as_str().as_bytes(),
            purpose.as_bytes(),
            &attempt.to_le_bytes(),
            stream.as_bytes(),
        ];
        generator(hash(self.settings.seed, &parts))
    }
}

/// Gives the words probabilities whose logarithms have exactly this mean: pairs a little above and below it.
fn spread(words: Vec<String>, mean: f64, rng: &mut ChaCha8Rng) -> Vec<Said> {
    let mut offset = 0.0;
    let odd = words.len() % 2 == 1;
    let said = words.into_iter().enumerate().map(|(at, word)| {
        let factor = match at {
            0 if odd => 1.0,
            _ if (at % 2 == 1) == odd => {
                offset = 0.9 * rng.random::<f64>();
                1.0 + offset
            }
            _ => 1.0 - offset,
        };
        (word, (mean * factor).exp())
    });
    said.collect()
}

/// The conversation without the tiers' own preambles: what every tier is asked.
fn text_of(request: &Request) -> String {
    let turns = request.messages.iter().map(|turn| format!("{}:{}", turn.role.as_str(), turn.texts().collect::<String>()));
    turns.collect::<Vec<_>>().join("\n")
}

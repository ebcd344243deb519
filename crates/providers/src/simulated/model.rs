//! The simulated model: a pure function from a call to an answer.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use tierfall_core::completion::{Completion, Finish, Sample, Usage};
use tierfall_core::provider::CallErrorKind;
use tierfall_core::request::{Call, Prompt, Purpose, Request, estimated_tokens};

use super::draw::{generator, hash, logistic, normal, unit};
use super::settings::{Latency, Simulation};
use super::wording::{self, Asked, Said};

impl Simulation {
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

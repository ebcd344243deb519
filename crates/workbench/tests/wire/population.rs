//! Questions whose every answer is known: what each tier says, how sure it is of it, what that takes, and where it fails.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tierfall_core::completion::Usage;
use tierfall_testkit::populations::{Kind, population};

/// The tiers, cheapest first.
pub(crate) const TIERS: [&str; 3] = ["small", "medium", "large"];

/// What a tier's server does with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Answers, and says how sure it is.
    Plain,
    /// Answers without log-probabilities.
    Unsure,
    /// Declines.
    Refuses,
    /// Has too much to do the first time, and answers the second.
    BusyOnce,
    /// Has too much to do, whenever it is asked.
    Busy,
}

/// A tier's part in a question.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) manner: Manner,
    pub(crate) text: String,
    /// Of the answer's only token.
    pub(crate) logprob: f64,
    pub(crate) usage: Usage,
    pub(crate) latency_ms: u64,
}

/// A question.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) expected: String,
    /// One a tier.
    pub(crate) parts: Vec<Part>,
}

impl Question {
    /// Whether a tier's answer is right, when it gives one.
    pub(crate) fn is_right(&self, tier: usize) -> bool {
        let part = &self.parts[tier];
        !matches!(part.manner, Manner::Refuses | Manner::Busy) && part.text == self.expected
    }
}

/// `n` of them.
pub(crate) fn questions(n: usize) -> Vec<Question> {
    const CHOICES: [&str; 4] = ["red", "green", "blue", "grey"];
    let all = population(Kind::Calibrated, 3, n, 17);
    let mut rng = ChaCha8Rng::seed_from_u64(99);
    let mut question = |at: usize| {
        let right = rng.random_range(0..4_usize);
        let part = |tier: usize| {
            let answer = if all.right[tier][at] { right } else { (right + 1 + rng.random_range(0..3_usize)) % 4 };
            let sure = all.scores.get(tier).map_or(0.9, |scores| scores[at]).clamp(0.02, 0.999);
            // The last tier has nobody behind it who could answer in its place.
            let manner = match (rng.random_range(0..100), tier) {
                (0..3, 0 | 1) => Manner::Unsure,
                (3..5, _) => Manner::Refuses,
                (5..8, _) => Manner::BusyOnce,
                (8..10, 0 | 1) => Manner::Busy,
                _ => Manner::Plain,
            };
            Part {
                manner,
                text: CHOICES[answer].to_owned(),
                logprob: sure.ln(),
                usage: Usage { input: 20 + rng.random_range(0..30_u64), output: 1, ..Usage::default() },
                latency_ms: [50, 200, 800][tier] + rng.random_range(0..100_u64),
            }
        };
        Question {
            id: format!("q{at:05}"),
            text: format!("What is the colour of thing number {at}?"),
            expected: CHOICES[right].to_owned(),
            parts: (0..3).map(part).collect(),
        }
    };
    (0..n).map(&mut question).collect()
}

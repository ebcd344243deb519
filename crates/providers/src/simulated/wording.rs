//! What a simulated model says, token by token.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use tierfall_core::completion::Tokens;
use tierfall_core::request::{Call, Message, Prompt, Role};
use tierfall_core::signal::rating::Scale;

/// What every answer begins with; a probe recognises by it what it is asked about.
const RIGHT: &str = "[simulated: right]";
const WRONG: &str = "[simulated: wrong]";

/// A token and the probability that it had.
pub(super) type Said = (String, f64);

/// What a call wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// An answer, and with it a self-rating if there is one.
    Answer(Option<Rating>),
    /// One of two words about an answer, the affirming one first.
    Judgement([&'static str; 2]),
    /// A rating of an answer.
    Rating(Rating),
}

/// How a rating is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rating {
    scale: Scale,
    json: bool,
}

impl Asked {
    /// Reads the call's instructions as a model would.
    pub(super) fn of(call: &Call) -> Self {
        match &call.prompt {
            Prompt::Request { addendum, .. } => Self::Answer(addendum.as_deref().and_then(Rating::asked_in)),
            Prompt::Probe(messages) => {
                let question = last_words(messages);
                let folded = question.to_lowercase();
                if let Some(rating) = Rating::asked_in(&question) {
                    Self::Rating(rating)
                } else if folded.contains("yes or no") {
                    Self::Judgement(["Yes", "No"])
                } else if folded.contains("(a)") {
                    Self::Judgement(["A", "B"])
                } else {
                    Self::Judgement(["True", "False"])
                }
            }
        }
    }
}

impl Rating {
    fn asked_in(instructions: &str) -> Option<Self> {
        let folded = instructions.to_lowercase();
        folded.contains("confidence").then(|| Self {
            scale: if folded.contains("0 to 100") || folded.contains("0-100") || folded.contains('%') {
                Scale::Percent
            } else if folded.contains("0 to 10") || folded.contains("0-10") {
                Scale::Ten
            } else {
                Scale::Unit
            },
            json: folded.contains("\"confidence\""),
        })
    }

    /// The rating as a number of its scale. Models like round numbers: steps of a twentieth, or of the scale.
    fn number(self, sureness: f64) -> String {
        let twentieths = (sureness * 20.0).round();
        match self.scale {
            Scale::Percent => format!("{}", twentieths * 5.0),
            Scale::Unit => format!("{:.2}", twentieths / 20.0),
            Scale::Ten => format!("{}", (sureness * 10.0).round()),
        }
    }

    /// A reply that is nothing but the rating.
    pub(super) fn alone(self, sureness: f64) -> Vec<String> {
        let number = self.number(sureness);
        if self.json {
            vec!["{\"confidence\": ".to_owned(), number, "}".to_owned()]
        } else {
            vec!["Confidence:".to_owned(), format!(" {number}")]
        }
    }

    /// Adds the rating to an answer.
    pub(super) fn beside(self, mut answer: Vec<String>, sureness: f64) -> Vec<String> {
        let number = self.number(sureness);
        if self.json {
            answer.insert(0, "{\"answer\": \"".to_owned());
            answer.extend(["\", \"confidence\": ".to_owned(), number, "}".to_owned()]);
        } else {
            answer.extend(["\n".to_owned(), "Confidence:".to_owned(), format!(" {number}")]);
        }
        answer
    }
}

/// The words of an answer: whether it is right, what it is, and filler up to `tokens` tokens.
pub(super) fn answer(right: bool, number: u64, tokens: usize) -> Vec<String> {
    const FILLER: [&str; 6] = [" This", " is", " no", " real", " model", "."];
    let verdict = if right { " right" } else { " wrong" };
    let number = format!(" {number:04}");
    let said = ["[", "simulated", ":", verdict, "]", " The", " answer", " is", &number, "."];
    said.into_iter().chain(FILLER.into_iter().cycle()).take(tokens.max(said.len())).map(str::to_owned).collect()
}

/// Whether the answer that a probe shows is right; `None` where it shows no simulated one.
pub(super) fn shown_verdict(call: &Call) -> Option<bool> {
    let Prompt::Probe(messages) = &call.prompt else { return None };
    let shown = last_words(messages);
    let (right, wrong) = (shown.rfind(RIGHT), shown.rfind(WRONG));
    (right.is_some() || wrong.is_some()).then_some(right > wrong)
}

fn last_words(messages: &[Message]) -> String {
    let last = messages.iter().rev().find(|message| message.role == Role::User);
    last.map(|message| message.texts().collect::<Vec<_>>().join("\n")).unwrap_or_default()
}

/// Log-probabilities of what was said, each with `top` alternatives in descending order.
///
/// What is left of the probability halves from one to the next, behind `rival`, where there is one.
pub(super) fn tokens(said: &[Said], rival: Option<(&str, f64)>, top: u8, rng: &mut ChaCha8Rng) -> Tokens {
    const RIVALS: [&str; 6] = [" perhaps", " not", " or", " a", " some", " never"];
    let mut tokens = Tokens::default();
    for (text, probability) in said {
        tokens.push(text, probability.ln());
        let mut left = (1.0 - probability).max(1e-9);
        let mut all = vec![(text.clone(), *probability)];
        if let Some((rival, share)) = rival {
            all.push((rival.to_owned(), share));
            left = (left - share).max(1e-9);
        }
        let first = rng.random_range(0..RIVALS.len());
        for at in 0..usize::from(top) {
            left /= 2.0;
            // Beyond the list the words are numbered, so that none repeats.
            let word = RIVALS[(first + at) % RIVALS.len()];
            all.push((if at < RIVALS.len() { word.to_owned() } else { format!("{word}{at}") }, left));
        }
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (text, probability) in all.into_iter().take(usize::from(top)) {
            tokens.push_alternative(&text, probability.ln());
        }
    }
    tokens
}

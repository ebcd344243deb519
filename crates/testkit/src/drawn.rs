//! Answers drawn at random, plain and odd ones, and cut into the pieces of a stream.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use tierfall_core::completion::{Completion, Delta, Finish, Token, Tokens, ToolCall, ToolCallDelta};

/// What answers are made of, whatever the signal.
const WORDS: [&str; 22] = [
    "a",
    " b",
    "c",
    "",
    " ",
    "\n",
    "True",
    "Answer: ",
    "42",
    "```json\n",
    "{\"a\": ",
    "\"b\"}",
    "[1, ",
    "]",
    "\nConfidence: ",
    "80%",
    "é\u{fffd}🙂",
    "<|end|>",
    "<think>",
    "</think>",
    "I can\u{2019}t help",
    "ΟΔΟΣ",
];
/// What providers give for a log-probability that is none, or hardly one.
const ODD: [f64; 9] = [0.0, -0.0, 5e-7, -9999.0, f64::NEG_INFINITY, f64::NAN, 0.3, f64::INFINITY, -800.0];
const FINISHES: [Finish; 4] = [Finish::Stop, Finish::Length, Finish::ToolCalls, Finish::ContentFilter];

/// A source of answers.
pub(crate) struct Drawn<'w> {
    rng: ChaCha8Rng,
    words: &'w [&'w str],
    /// Whether every token can be read.
    plain: bool,
}

impl<'w> Drawn<'w> {
    /// Answers of common words and of `words`.
    pub(crate) fn new(mut rng: ChaCha8Rng, words: &'w [&'w str]) -> Self {
        let plain = rng.random_bool(0.6);
        Self { rng, words, plain }
    }

    fn word(&mut self) -> &'w str {
        let words = if self.rng.random_bool(0.5) && !self.words.is_empty() { self.words } else { &WORDS };
        words[self.rng.random_range(0..words.len())]
    }

    fn logprob(&mut self) -> f64 {
        if !self.plain && self.rng.random_bool(0.1) {
            return ODD[self.rng.random_range(0..ODD.len())];
        }
        // Some sure, some not.
        let widest = if self.rng.random_bool(0.5) { 0.1 } else { 8.0 };
        -self.rng.random_range(0.0..widest)
    }

    fn tokens(&mut self) -> Tokens {
        let mut tokens = Tokens::default();
        for _ in 0..self.rng.random_range(0..10) {
            tokens.push(self.word(), self.logprob());
            for _ in 0..self.rng.random_range(if self.plain { 3..8 } else { 0..5 }) {
                tokens.push_alternative(self.word(), self.logprob());
            }
            if self.plain {
                // Two that no word is: there always is a rival.
                tokens.push_alternative("\u{1}", self.logprob());
                tokens.push_alternative("\u{2}", self.logprob());
            }
        }
        tokens
    }

    /// An answer.
    pub(crate) fn answer(&mut self) -> Completion {
        let tokens = self.rng.random_bool(0.9).then(|| self.tokens());
        let text = match &tokens {
            Some(tokens) if self.rng.random_bool(0.6) => tokens.iter().map(Token::text).collect::<String>(),
            _ => (0..self.rng.random_range(0..6)).map(|_| self.word()).collect(),
        };
        let calls = if self.rng.random_bool(0.2) { self.rng.random_range(1..3) } else { 0 };
        Completion {
            text,
            refusal: self.rng.random_bool(0.1).then(|| self.word().to_owned()),
            tool_calls: (0..calls).map(|_| self.tool_call()).collect(),
            tokens,
            finish: if self.rng.random_bool(0.7) {
                Finish::Stop
            } else {
                FINISHES[self.rng.random_range(0..FINISHES.len())].clone()
            },
            ..Completion::default()
        }
    }

    fn tool_call(&mut self) -> ToolCall {
        ToolCall { id: "1".to_owned(), name: "find".to_owned(), arguments: format!("{{\"a\": \"{}\"}}", self.word()) }
    }

    /// The answer in pieces, its end left out. Text, tokens and tool calls are cut each for itself, as some servers do.
    pub(crate) fn pieces(&mut self, answer: &Completion) -> Vec<Delta> {
        let mut pieces = vec![Delta::default(); self.rng.random_range(1..7)];
        let mut at = Places { rng: &mut self.rng, pieces: pieces.len() };
        let mut place = 0;
        for c in answer.text.chars() {
            place = at.from(place);
            pieces[place].text.push(c);
        }
        if let Some(tokens) = &answer.tokens {
            place = 0;
            pieces[at.from(0)].tokens.get_or_insert_default();
            for token in tokens.iter() {
                place = at.from(place);
                let piece = pieces[place].tokens.get_or_insert_default();
                piece.push(token.text(), token.logprob());
                token.alternatives().for_each(|(text, logprob)| piece.push_alternative(text, logprob));
            }
        }
        if let Some(refusal) = &answer.refusal {
            pieces[at.from(0)].refusal = Some(refusal.clone());
        }
        place = 0;
        for (index, call) in answer.tool_calls.iter().enumerate() {
            place = at.from(place);
            let ToolCall { id, name, arguments } = call.clone();
            pieces[place].tool_calls.push(ToolCallDelta { index, id, name, arguments });
        }
        pieces
    }
}

/// Draws the piece in which something is.
struct Places<'r> {
    rng: &'r mut ChaCha8Rng,
    pieces: usize,
}

impl Places<'_> {
    /// The piece of what follows something in the piece `from`: mostly the same.
    fn from(&mut self, from: usize) -> usize {
        if self.rng.random_bool(0.7) { from } else { self.rng.random_range(from..self.pieces) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn pieces_add_up_to_the_answer() {
        for seed in 0..200 {
            let mut drawn = Drawn::new(ChaCha8Rng::seed_from_u64(seed), &["x"]);
            let answer = drawn.answer();
            let mut streamed = Completion { finish: answer.finish.clone(), ..Completion::default() };
            for piece in drawn.pieces(&answer) {
                streamed.push(&piece).unwrap();
            }
            // `NaN != NaN` keeps `PartialEq` from saying this of tokens.
            assert_eq!(format!("{streamed:?}"), format!("{answer:?}"));
        }
    }
}

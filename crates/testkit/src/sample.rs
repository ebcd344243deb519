//! Sample answers and cascades. Deterministic: the same arguments give the same sample on every machine.

use std::sync::Arc;

use tierfall_core::cascade::{Answerer, Cascade, CascadeError, Model, Parts, Policy, Tier};
use tierfall_core::completion::{Completion, Delta, Token, Tokens, ToolCallDelta, Usage};
use tierfall_core::gate::Gate;
use tierfall_core::money::Price;
use tierfall_core::number::{Score, Threshold};
use tierfall_core::signal::{Abstain, Evidence, NamedSignal, Needs, Nominal, Reading, Signal};

const WORDS: [&str; 8] = [" the", " parcel", " left", " our", " store", " on", " Monday", "."];

/// An answer of `tokens` tokens with `top` alternatives each, the token itself first among them; the tokens make up the text.
///
/// Log-probabilities lie in (−2, 0); every alternative is less probable than the one before it.
pub fn answer(tokens: usize, top: u8) -> Completion {
    let mut all = Tokens::default();
    let mut text = String::new();
    for at in 0..tokens {
        let word = WORDS[at % WORDS.len()];
        // A multiplicative walk through 1..101: every residue, in no visible order.
        let step = (at * 37 + 11) % 101;
        let logprob = -2.0 * (step as f64 + 0.5) / 101.0;
        text.push_str(word);
        all.push(word, logprob);
        for rank in 0..usize::from(top) {
            let alternative = WORDS[(at + rank) % WORDS.len()];
            all.push_alternative(alternative, logprob - 0.75 * rank as f64);
        }
    }
    let usage = Usage { input: 40, output: tokens as u64, ..Usage::default() };
    Completion { text, tokens: Some(all), usage: Some(usage), ..Completion::default() }
}

/// An answer with these words and log-probabilities and no alternatives.
pub fn scored(tokens: &[(&str, f64)]) -> Completion {
    let mut all = Tokens::default();
    for (text, logprob) in tokens {
        all.push(text, *logprob);
    }
    let text = tokens.iter().map(|(text, _)| *text).collect();
    let usage = Usage { input: 10, output: tokens.len() as u64, ..Usage::default() };
    Completion { text, tokens: Some(all), usage: Some(usage), ..Completion::default() }
}

/// A one-token answer whose [`Certainty`] is `certainty`.
pub fn sure(text: &str, certainty: f64) -> Completion {
    scored(&[(text, certainty.ln())])
}

/// The answer as a stream: one piece a token where there are tokens, else one piece; then what only ends can say.
///
/// Samples and the raw body do not travel in streams.
pub fn deltas(answer: &Completion) -> Vec<Delta> {
    let mut pieces: Vec<Delta> = match &answer.tokens {
        Some(tokens) if tokens.iter().map(Token::text).collect::<String>() == answer.text => tokens
            .iter()
            .map(|token| {
                let mut one = Tokens::default();
                one.push(token.text(), token.logprob());
                token.alternatives().for_each(|(text, logprob)| one.push_alternative(text, logprob));
                Delta { text: token.text().to_owned(), tokens: Some(one), ..Delta::default() }
            })
            .collect(),
        tokens => vec![Delta { text: answer.text.clone(), tokens: tokens.clone(), ..Delta::default() }],
    };
    let calls = answer.tool_calls.iter().enumerate();
    pieces.push(Delta {
        refusal: answer.refusal.clone(),
        tool_calls: calls
            .map(|(index, call)| ToolCallDelta {
                index,
                id: call.id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
            })
            .collect(),
        finish: Some(answer.finish.clone()),
        usage: answer.usage,
        model: answer.model.clone(),
        ..Delta::default()
    });
    pieces
}

/// The geometric mean of the token probabilities: a signal for tests, in [0, 1].
#[derive(Clone, Copy, Debug)]
pub struct Certainty;

impl Signal for Certainty {
    fn needs(&self) -> Needs {
        Needs { logprobs: true, ..Needs::default() }
    }

    fn nominal(&self) -> Nominal {
        Nominal::Identity
    }

    fn read(&self, evidence: Evidence<'_>) -> Reading {
        let tokens = evidence.answer.tokens.as_ref().ok_or(Abstain::NoLogprobs)?;
        let sum: f64 = tokens.iter().map(Token::logprob).sum();
        if tokens.is_empty() {
            return Err(Abstain::NoTokens);
        }
        Score::new((sum / tokens.len() as f64).exp()).ok_or(Abstain::NotANumber)
    }
}

/// Accepts a [`Certainty`] of at least `from`.
pub fn gate(from: f64) -> Gate {
    let threshold = Score::new(from).map_or(Threshold::DeferAll, Threshold::accept_from);
    Gate::new(NamedSignal::new("certainty", Certainty), threshold)
}

/// A cascade of models with these names and [`Certainty`] thresholds. The last one's threshold is not used. Prices
/// are 1, 10, 100 … USD per million tokens, in and out.
pub fn cascade(tiers: &[(&str, f64)]) -> Result<Cascade, CascadeError> {
    let last = tiers.len().saturating_sub(1);
    let mut usd = 1u64;
    let mut built = Vec::new();
    for (ix, (name, from)) in tiers.iter().enumerate() {
        let price =
            usd.to_string().parse().ok().map(|rate| Price { input: rate, output: rate, cached_input: None, cached_write: None });
        let model = Model { price, ..Model::new(*name) };
        built.push(Tier { name: (*name).into(), answerer: Answerer::Model(model), gate: (ix < last).then(|| gate(*from)) });
        usd *= 10;
    }
    Cascade::try_from(Parts {
        name: Arc::from("sample"),
        salt: Arc::from("salt"),
        tiers: built,
        rules: Vec::new(),
        policy: Policy::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_adds_up_to_the_answer() {
        for whole in [answer(30, 5), answer(0, 0), Completion::text("plain")] {
            let mut streamed = Completion::default();
            for delta in deltas(&whole) {
                streamed.push(&delta).unwrap();
            }
            assert_eq!(streamed.text, whole.text);
            assert_eq!(streamed.tokens, whole.tokens.filter(|tokens| !tokens.is_empty()));
            assert_eq!(streamed.usage, whole.usage);
        }
    }

    #[test]
    fn alternatives_descend_from_the_token_itself() {
        let tokens = answer(40, 5).tokens.unwrap();
        assert_eq!(tokens.len(), 40);
        for token in tokens.iter() {
            let found: Vec<f64> = token.alternatives().map(|(_, logprob)| logprob).collect();
            assert_eq!(found.len(), 5);
            assert!(token.logprob() < 0.0 && (found[0] - token.logprob()).abs() < 1e-15 && found.is_sorted_by(|a, b| a > b));
        }
    }

    #[test]
    fn the_sample_cascade_runs() {
        let cascade = cascade(&[("small", 0.8), ("large", 0.0)]).unwrap();
        assert_eq!(cascade.tiers().len(), 2);
        assert!(cascade.tiers()[0].gate.is_some() && cascade.tiers()[1].gate.is_none());
        assert!(cascade.models().all(|(_, model)| model.price.is_some()));
    }
}

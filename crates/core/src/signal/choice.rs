//! `choice`: the probability of the label that an answer gives, among all declared labels.
//!
//! Reads the place where the answer decides. Behind reasoning that already settled the label this is always near 1.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::align::{align, covering};
use super::filter::{after_marker, checked_pointer};
use super::json::{at_pointer, find, leaves, place};
use super::labels::{Decision, Labels, Masses};
use super::logprob::recycled;
use super::options::{BadOption, Options, present, top, within};
use super::watch::{Bounds, Settles, Watch};
use super::{Abstain, Evidence, Needs, Reading, Signal};
use crate::completion::{Completion, Delta, Token, Tokens};
use crate::number::Score;
use crate::request::Request;

/// P(label) / Σ P(labels) at the token that decides between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Choice {
    /// the labels, at least two
    // None of them begins another.
    pub choices: Vec<String>,
    /// further writings of a label
    // Case, blanks, quotes, brackets and stops around it never matter.
    pub variants: BTreeMap<String, Vec<String>>,
    /// where the answer decides
    pub at: Position,
    /// the label that the answer gives, or the likeliest
    pub of: Of,
    /// the least probability that the labels must hold together
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub min_coverage: f64,
    /// how many alternatives a token are read
    #[cfg_attr(feature = "schema", schemars(range(min = 2, max = 20)))]
    pub top: u8,
}

impl Default for Choice {
    fn default() -> Self {
        Self { choices: Vec::new(), variants: BTreeMap::new(), at: Position::First, of: Of::Chosen, min_coverage: 0.5, top: 5 }
    }
}

/// Where an answer decides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// At its first token.
    #[default]
    First,
    /// Behind the last occurrence of a text.
    AfterMarker(#[cfg_attr(feature = "schema", schemars(length(min = 1)))] String),
    /// At a JSON pointer in the answer's JSON.
    JsonPointer(#[cfg_attr(feature = "schema", schemars(pattern(r"^/")))] String),
}

/// Whose probability is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Of {
    /// The label that the answer gives.
    #[default]
    Chosen,
    /// The likeliest label.
    Best,
}

/// The signal that [`Choice`] builds.
#[derive(Clone, Debug)]
pub struct ChoiceProbability {
    labels: Arc<Labels>,
    options: Arc<Choice>,
}

impl ChoiceProbability {
    /// The tokens from the decision on.
    fn decision<'a>(&self, answer: &'a Completion) -> Result<impl Iterator<Item = Token<'a>>, Abstain> {
        let tokens = answer.tokens.as_ref().ok_or(Abstain::NoLogprobs)?;
        if tokens.is_empty() {
            return Err(Abstain::NoTokens);
        }
        let text = &answer.text;
        let span = match &self.options.at {
            Position::First => None,
            Position::AfterMarker(marker) => Some(after_marker(text, marker)?),
            Position::JsonPointer(pointer) => {
                let value = find(text).and_then(|json| at_pointer(json, pointer)).ok_or(Abstain::NoSpan)?;
                Some(place(text, leaves(value).first().ok_or(Abstain::NoSpan)?))
            }
        };
        let first = match span {
            None => 0,
            Some(span) => covering(&align(text, tokens).ok_or(Abstain::Unaligned)?, &span).start,
        };
        Ok(tokens.iter().skip(first).filter(|token| !token.text().is_empty()))
    }

    fn reading(&self, masses: &Masses) -> Reading {
        let label = match self.options.of {
            Of::Best => masses.best(),
            // Without a label in the answer the coverage is low, or the answer took the unlikely way out.
            Of::Chosen => masses.chosen.ok_or(Abstain::NoSpan)?,
        };
        Score::new(masses.share(label, self.options.min_coverage)?).ok_or(Abstain::NotANumber)
    }
}

impl Signal for ChoiceProbability {
    fn needs(&self) -> Needs {
        Needs { logprobs: true, top: self.options.top, ..Needs::default() }
    }

    fn read(&self, evidence: Evidence<'_>) -> Reading {
        let mut decision = self.decision(evidence.answer)?.peekable();
        decision.peek().ok_or(Abstain::NoTokens)?;
        self.reading(&self.labels.read(decision)?)
    }

    fn watch(&self, _: &Request) -> Option<Box<dyn Watch>> {
        // Behind a marker or in JSON: what follows may move the place.
        (self.options.at == Position::First).then(|| -> Box<dyn Watch> {
            let decision = self.labels.undecided();
            Box::new(Deciding { signal: self.clone(), decision, given: false, begun: false, found: Vec::new() })
        })
    }

    fn settles(&self) -> Settles {
        if self.options.at == Position::First { Settles::Early } else { Settles::AtEnd }
    }
}

/// An answer that streams, from its first token on.
#[derive(Debug)]
struct Deciding {
    signal: ChoiceProbability,
    decision: Decision,
    /// Whether the provider gives tokens.
    given: bool,
    /// Whether one of them had a text.
    begun: bool,
    /// Room, empty between pieces.
    found: Vec<(&'static str, f64)>,
}

impl Deciding {
    /// Whether a token of the piece decided.
    fn take(&mut self, tokens: &Tokens) -> Result<bool, Abstain> {
        let mut found = recycled(mem::take(&mut self.found));
        for token in tokens.iter().filter(|token| !token.text().is_empty()) {
            self.begun = true;
            if self.signal.labels.take(&mut self.decision, token, &mut found)? {
                return Ok(true);
            }
        }
        self.found = recycled(found);
        Ok(false)
    }
}

impl Watch for Deciding {
    fn push(&mut self, delta: &Delta) -> Bounds {
        self.given |= delta.tokens.is_some();
        let decided = delta.tokens.as_ref().map_or(Ok(false), |tokens| self.take(tokens));
        match decided {
            Err(why) => Bounds::settled(Err(why)),
            Ok(false) if delta.finish.is_none() => Bounds::within(0.0, 1.0),
            Ok(_) if self.begun => Bounds::settled(self.signal.reading(&self.decision.masses)),
            Ok(_) => Bounds::settled(Err(if self.given { Abstain::NoTokens } else { Abstain::NoLogprobs })),
        }
    }
}

impl Options for Choice {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        match &self.at {
            Position::First => {}
            Position::AfterMarker(marker) => drop(present("at", marker, "the text before the label")?),
            Position::JsonPointer(pointer) => drop(checked_pointer("at", pointer)?),
        }
        let labels = Labels::new("choices", &self.choices, &self.variants)?;
        within("min-coverage", self.min_coverage, 0.0, 1.0)?;
        top(self.top)?;
        Ok(ChoiceProbability { labels: Arc::new(labels), options: Arc::new(self.clone()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::Tokens;
    use crate::request::Request;

    /// A token, its probability, and its alternatives with theirs.
    type Row<'a> = (&'a str, f64, &'a [(&'a str, f64)]);

    fn read(options: &Choice, text: &str, rows: &[Row<'_>]) -> Reading {
        let mut tokens = Tokens::default();
        for (token, p, alternatives) in rows {
            tokens.push(token, p.ln());
            for (text, p) in *alternatives {
                tokens.push_alternative(text, p.ln());
            }
        }
        let answer = Completion { tokens: Some(tokens), ..Completion::text(text) };
        options.build().unwrap().read(Evidence { request: &Request::new("1", "?"), answer: &answer, probe: None })
    }

    fn yes_no() -> Choice {
        Choice { choices: vec!["yes".into(), "no".into()], ..Choice::default() }
    }

    const YES: Row<'_> = (" Yes", 0.6, &[(" Yes", 0.6), (" No", 0.3), (" Maybe", 0.1)]);

    #[test]
    fn the_decision_is_found_by_marker_and_by_pointer() {
        let at = |at: Position| Choice { at, ..yes_no() };
        let two_thirds = |reading: Reading| (reading.unwrap().get() - 2.0 / 3.0).abs() < 1e-12;
        assert!(two_thirds(read(&yes_no(), "Yes", &[YES])));
        let marked = &[("Well. ", 1.0, &[][..]), ("Answer:", 1.0, &[]), YES, (".", 1.0, &[])];
        assert!(two_thirds(read(&at(Position::AfterMarker("Answer:".into())), "Well. Answer: Yes.", marked)));
        let quoted = (" \"Yes", 0.6, &[(" \"Yes", 0.6), (" \"No", 0.3)][..]);
        let json = &[("```json\n", 1.0, &[][..]), ("{\"ok\":", 1.0, &[]), quoted, ("\"}", 1.0, &[]), ("\n```", 1.0, &[])];
        assert!(two_thirds(read(&at(Position::JsonPointer("/ok".into())), "{\"ok\": \"Yes\"}", json)));
        assert_eq!(read(&at(Position::AfterMarker("Result:".into())), "Yes", &[YES]), Err(Abstain::NoSpan));
    }

    #[test]
    fn an_answer_without_a_label_is_no_reading() {
        let maybe = (" Maybe", 0.1, YES.2);
        assert_eq!(read(&yes_no(), "Maybe", &[maybe]), Err(Abstain::NoSpan));
        assert!(read(&Choice { of: Of::Best, ..yes_no() }, "Maybe", &[maybe]).is_ok());
    }

    #[test]
    fn without_alternatives_there_is_no_reading() {
        assert_eq!(read(&yes_no(), "Yes", &[("Yes", 0.9, &[])]), Err(Abstain::NoAlternatives));
        assert_eq!(read(&yes_no(), "Yes", &[]), Err(Abstain::NoTokens));
    }
}

//! `p-true`: the probability that a model gives to "True" when asked whether an answer is right.
//!
//! The answering tier judges itself, or a *surrogate* does: a tier with log-probabilities judges one without.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ask::about;
use super::labels::Labels;
use super::options::{BadOption, Options, present, top, within};
use super::{Abstain, Evidence, Needs, Probe, Reading, Signal};
use crate::completion::Completion;
use crate::number::Score;
use crate::request::{Call, Request};

/// P(True) / (P(True) + P(False)) at the first token of the judgement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PTrue {
    /// the tier that judges; the answering tier itself where none is named. Where a rule keeps the request from it, nothing is read
    pub surrogate: Option<String>,
    /// the least probability that True and False must hold together
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub min_coverage: f64,
    /// how many alternatives are read
    #[cfg_attr(feature = "schema", schemars(range(min = 2, max = 20)))]
    pub top: u8,
}

impl Default for PTrue {
    fn default() -> Self {
        Self { surrogate: None, min_coverage: 0.5, top: 5 }
    }
}

const QUESTION: &str = "Is this answer to the last turn of the conversation correct? Reply with exactly one word: True or False.";
const TRUE: usize = 0;

/// The signal that [`PTrue`] builds.
#[derive(Clone, Debug)]
pub struct PTrueProbe {
    labels: Labels,
    options: PTrue,
}

impl Signal for PTrueProbe {
    fn needs(&self) -> Needs {
        Needs { probe: true, probe_logprobs: Some(self.options.top), ..Needs::default() }
    }

    fn prepare(&self, _call: &mut Call) {}

    fn probe(&self, request: &Request, answer: &Completion) -> Option<Probe> {
        Some(about(request, answer, QUESTION, Some(self.options.top)))
    }

    fn surrogate(&self) -> Option<&str> {
        self.options.surrogate.as_deref()
    }

    fn read(&self, evidence: Evidence<'_>) -> Reading {
        let masses = self.labels.at_first_token(evidence.probe.ok_or(Abstain::ProbeFailed)?)?;
        Score::new(masses.share(TRUE, self.options.min_coverage)?).ok_or(Abstain::NotANumber)
    }
}

impl Options for PTrue {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        if let Some(surrogate) = &self.surrogate {
            present("surrogate", surrogate, "the name of a tier")?;
        }
        within("min-coverage", self.min_coverage, 0.0, 1.0)?;
        top(self.top)?;
        let labels = Labels::new("labels", &["True".into(), "False".into()], &BTreeMap::new())?;
        Ok(PTrueProbe { labels, options: self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::Tokens;

    fn read(probe: Option<&Completion>) -> Reading {
        let (request, answer) = (Request::new("1", "?"), Completion::text("Paris"));
        PTrue::default().build().unwrap().read(Evidence { request: &request, answer: &answer, probe })
    }

    fn judgement(alternatives: &[(&str, f64)]) -> Completion {
        let mut tokens = Tokens::default();
        tokens.push(alternatives[0].0, alternatives[0].1.ln());
        for (text, p) in alternatives {
            tokens.push_alternative(text, p.ln());
        }
        Completion { tokens: Some(tokens), ..Completion::default() }
    }

    #[test]
    fn variants_are_summed_and_normalised() {
        let probe = judgement(&[("True", 0.5), (" true", 0.1), ("TRUE", 0.1), (" False", 0.2), ("Maybe", 0.1)]);
        assert!((read(Some(&probe)).unwrap().get() - 0.7 / 0.9).abs() < 1e-12);
    }

    #[test]
    fn other_words_are_no_judgement() {
        assert_eq!(read(Some(&judgement(&[("Maybe", 0.8), ("True", 0.2)]))), Err(Abstain::LowCoverage));
    }

    #[test]
    fn a_word_that_was_not_seen_is_bounded_not_impossible() {
        let one_sided = read(Some(&judgement(&[("True", 0.9), ("The", 0.04)]))).unwrap().get();
        assert!((one_sided - 0.9 / 0.94).abs() < 1e-12);
    }

    #[test]
    fn no_probe_is_no_reading() {
        assert_eq!(read(None), Err(Abstain::ProbeFailed));
        assert_eq!(read(Some(&Completion::text("True"))), Err(Abstain::NoLogprobs));
        let empty = Completion { tokens: Some(Tokens::default()), ..Completion::text("True") };
        assert_eq!(read(Some(&empty)), Err(Abstain::NoTokens));
    }
}

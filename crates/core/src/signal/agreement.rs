//! `agreement`: how many of the other samples give the answer that is served.
//!
//! Needs a temperature above zero: repeated greedy answers agree with themselves. Systematic errors agree too.

use serde::{Deserialize, Serialize};

use super::normal::{Normalise, normal_form};
use super::options::{BadOption, Options};
use super::{Abstain, Evidence, Needs, Reading, Signal};
use crate::completion::Sample;
use crate::number::Score;

/// n of the m other samples agree with the answer: n/m, or (n+1)/(m+2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Agreement {
    /// how many answers are sampled, the served one included
    #[cfg_attr(feature = "schema", schemars(range(min = 2, max = MOST_SAMPLES)))]
    pub samples: u8,
    /// what is compared
    pub normalise: Normalise,
    /// the choices, with `normalise = "choice"`
    pub choices: Vec<String>,
    /// n/m, or (n+1)/(m+2)
    pub smoothing: Smoothing,
}

impl Default for Agreement {
    fn default() -> Self {
        Self { samples: 5, normalise: Normalise::Text, choices: Vec::new(), smoothing: Smoothing::None }
    }
}

/// How a small number of samples is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// n/m.
    #[default]
    None,
    /// (n+1)/(m+2), the posterior mean under a uniform prior.
    Beta,
}

const MOST_SAMPLES: u8 = 64;

/// The signal that [`Agreement`] builds.
#[derive(Clone, Debug)]
pub struct SampleAgreement(Agreement);

impl SampleAgreement {
    fn form(&self, text: &str) -> Option<String> {
        normal_form(text, self.0.normalise, &self.0.choices)
    }
}

impl Signal for SampleAgreement {
    fn needs(&self) -> Needs {
        Needs { samples: self.0.samples, temperature: true, ..Needs::default() }
    }

    fn read(&self, evidence: Evidence<'_>) -> Reading {
        let answer = evidence.answer;
        if answer.text.trim().is_empty() {
            return Err(Abstain::EmptyAnswer);
        }
        // Only as many as asked for: another signal may have asked for more.
        let others = usize::from(self.0.samples) - 1;
        let others: &[Sample] = answer.samples.get(..others).ok_or(Abstain::TooFewSamples)?;
        let served = self.form(&answer.text).ok_or(Abstain::NoSpan)?;
        // A sample that is not known to be whole agrees with nothing.
        let whole = |sample: &&Sample| sample.finish.is_complete();
        let agrees = |sample: &&Sample| self.form(&sample.text).as_ref() == Some(&served);
        let (n, m) = (others.iter().filter(whole).filter(agrees).count() as f64, others.len() as f64);
        let share = match self.0.smoothing {
            Smoothing::None => n / m,
            Smoothing::Beta => (n + 1.0) / (m + 2.0),
        };
        Score::new(share).ok_or(Abstain::NotANumber)
    }
}

impl Options for Agreement {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        if !(2..=MOST_SAMPLES).contains(&self.samples) {
            let problem =
                format!("is {}, but must be 2 to {MOST_SAMPLES}: the served answer and those it is compared with", self.samples);
            return Err(BadOption::new("samples", problem));
        }
        if (self.normalise == Normalise::Choice) == self.choices.is_empty() {
            return Err(BadOption::new("choices", "must be given with `normalise = \"choice\"`, and only then"));
        }
        Ok(SampleAgreement(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::{Completion, Finish};
    use crate::request::Request;

    fn read(options: &Agreement, texts: &[&str]) -> Reading {
        let samples = texts[1..].iter().map(|text| Sample { text: (*text).into(), ..Sample::default() }).collect();
        let answer = Completion { samples, ..Completion::text(texts[0]) };
        options.build().unwrap().read(Evidence { request: &Request::new("1", "?"), answer: &answer, probe: None })
    }

    fn of(samples: u8) -> Agreement {
        Agreement { samples, ..Agreement::default() }
    }

    #[test]
    fn the_share_is_of_the_other_samples() {
        let score = |value: f64| Ok(Score::new(value).unwrap());
        assert_eq!(read(&of(3), &["Paris", "paris.", "London"]), score(0.5));
        assert_eq!(read(&of(2), &["Paris", "London", "Paris", "Paris"]), score(0.0));
        let beta = Agreement { smoothing: Smoothing::Beta, ..of(3) };
        assert_eq!(read(&beta, &["Paris", "Paris", "Paris"]), score(0.75));
    }

    #[test]
    fn too_few_samples_are_no_agreement() {
        assert_eq!(read(&of(3), &["Paris", "Paris"]), Err(Abstain::TooFewSamples));
        assert_eq!(read(&of(3), &["Paris"]), Err(Abstain::TooFewSamples));
        assert_eq!(read(&of(2), &[" ", " "]), Err(Abstain::EmptyAnswer));
        let number = Agreement { normalise: Normalise::Number, ..of(2) };
        assert_eq!(read(&number, &["none", "none"]), Err(Abstain::NoSpan));
    }

    #[test]
    fn a_cut_sample_agrees_with_nothing() {
        let cut = Sample { text: "Paris".into(), finish: Finish::Length };
        let answer = Completion { samples: vec![cut], ..Completion::text("Paris") };
        let signal = of(2).build().unwrap();
        let reading = signal.read(Evidence { request: &Request::new("1", "?"), answer: &answer, probe: None });
        assert_eq!(reading, Ok(Score::new(0.0).unwrap()));
    }

    #[test]
    fn greedy_samples_are_not_enough() {
        assert!(of(5).build().unwrap().needs().temperature);
        assert_eq!(of(1).build().unwrap_err().option, "samples");
    }
}

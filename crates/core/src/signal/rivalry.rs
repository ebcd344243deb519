//! Signals over the alternatives a token: how far ahead the likeliest is, and how spread the rest.
//!
//! Alternatives that repeat a text count once; alternatives marked "not in the top" do not count. A token without at
//! least two of them is no sure token: the signal abstains.

use serde::{Deserialize, Serialize};

use super::filter::TokenFilter;
use super::logprob::{finite, rivals};
use super::options::{BadOption, Options, top};
use super::pool::Statistic;
use super::pooled::{PerToken, Pooled};
use super::{Abstain, Nominal, Signal};
use crate::completion::Token;

/// How the readings of single tokens become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// Their mean.
    #[default]
    Mean,
    /// The reading of the least sure token: the lowest margin, the highest entropy.
    Worst,
}

/// `margin`: p₁ − p₂, the two likeliest of the alternatives and the token itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Margin {
    /// the mean over the tokens, or the least sure token
    pub over: Over,
    /// which tokens are read; tokens without text never are
    pub tokens: TokenFilter,
}

/// `log-margin`: ln p₁ − ln p₂, without an upper end; shown as 1 − exp(−m/3).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogMargin {
    /// the mean over the tokens, or the least sure token
    pub over: Over,
    /// which tokens are read; tokens without text never are
    pub tokens: TokenFilter,
}

/// `entropy`: −H = Σ p̃ ln p̃ over the k likeliest alternatives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entropy {
    /// how many alternatives a token are read
    #[cfg_attr(feature = "schema", schemars(range(min = 2, max = 20)))]
    pub top: u8,
    /// what becomes of the probability outside the top: divided out, or a bin of its own
    pub tail: Tail,
    /// the mean over the tokens, or the least sure token
    pub over: Over,
    /// which tokens are read; tokens without text never are
    pub tokens: TokenFilter,
}

impl Default for Entropy {
    fn default() -> Self {
        Self { top: 5, tail: Tail::Renormalise, over: Over::Mean, tokens: TokenFilter::All }
    }
}

/// Where the probability outside the top k goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Tail {
    /// Nowhere: p̃ = p / Σ p over the k.
    #[default]
    Renormalise,
    /// Into one bin of its own, 1 − Σ p: a lower bound of the whole distribution's entropy.
    Bin,
}

/// The margin at which the log-margin's nominal value is 1 − 1/e.
const MARGIN_SCALE: f64 = 3.0;

/// What is read in the alternatives of a token.
#[derive(Clone, Copy, Debug)]
enum Formula {
    Margin,
    LogMargin,
    Entropy { top: u8, tail: Tail },
}

impl PerToken for Formula {
    fn top(self) -> u8 {
        match self {
            Self::Margin | Self::LogMargin => 2,
            Self::Entropy { top, .. } => top,
        }
    }

    fn nominal(self) -> Nominal {
        match self {
            Self::Margin => Nominal::Identity,
            Self::LogMargin => Nominal::Saturating { scale: MARGIN_SCALE },
            Self::Entropy { top, tail } => Nominal::Entropy { k: bins(top, tail) },
        }
    }

    fn read<'t>(self, token: Token<'t>, found: &mut Vec<(&'t str, f64)>) -> Result<f64, Abstain> {
        finite(token.logprob())?;
        rivals(token, !matches!(self, Self::Entropy { .. }), found)?;
        self.of(found)
    }
}

impl Over {
    fn statistic(self) -> Statistic {
        match self {
            Self::Mean => Statistic::Mean,
            Self::Worst => Statistic::Min,
        }
    }
}

impl Formula {
    /// The reading of one token, higher = surer.
    fn of(self, rivals: &mut Vec<(&str, f64)>) -> Result<f64, Abstain> {
        if rivals.len() < 2 {
            return Err(Abstain::NoAlternatives);
        }
        rivals.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let (first, second) = (rivals[0].1, rivals[1].1);
        Ok(match self {
            Self::Margin => first.exp() - second.exp(),
            Self::LogMargin => first - second,
            Self::Entropy { top, tail } => {
                rivals.truncate(usize::from(top));
                // Rounding must not leave [−ln k, 0].
                negentropy(rivals, tail).clamp(-f64::from(bins(top, tail)).ln(), 0.0)
            }
        })
    }
}

/// Σ p ln p.
fn negentropy(rivals: &[(&str, f64)], tail: Tail) -> f64 {
    let total: f64 = rivals.iter().map(|(_, logprob)| logprob.exp()).sum();
    let rest = match tail {
        Tail::Bin => (1.0 - total).max(0.0),
        Tail::Renormalise => 0.0,
    };
    let term = |p: f64| if p > 0.0 { p * p.ln() } else { 0.0 };
    // All of them below the smallest f64: no rival is ahead of another.
    if total <= 0.0 {
        return if rest > 0.0 { 0.0 } else { -(rivals.len() as f64).ln() };
    }
    let whole = total + rest;
    rivals.iter().map(|(_, logprob)| term(logprob.exp() / whole)).sum::<f64>() + term(rest / whole)
}

/// How many outcomes the entropy is over.
fn bins(top: u8, tail: Tail) -> u8 {
    match tail {
        Tail::Renormalise => top,
        Tail::Bin => top + 1,
    }
}

fn rivalry(formula: Formula, over: Over, tokens: &TokenFilter) -> Result<Pooled<Formula>, BadOption> {
    Ok(Pooled { per_token: formula, statistic: over.statistic(), tokens: tokens.build()? })
}

impl Options for Margin {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        rivalry(Formula::Margin, self.over, &self.tokens)
    }
}

impl Options for LogMargin {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        rivalry(Formula::LogMargin, self.over, &self.tokens)
    }
}

impl Options for Entropy {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        rivalry(Formula::Entropy { top: top(self.top)?, tail: self.tail }, self.over, &self.tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::{Completion, Tokens};
    use crate::request::Request;
    use crate::signal::{Evidence, Reading};

    fn read(signal: &impl Signal, alternatives: &[(&str, f64)]) -> Reading {
        let mut tokens = Tokens::default();
        tokens.push("a", -0.5);
        for (text, logprob) in alternatives {
            tokens.push_alternative(text, *logprob);
        }
        let answer = Completion { tokens: Some(tokens), ..Completion::text("a") };
        signal.read(Evidence { request: &Request::new("1", "?"), answer: &answer, probe: None })
    }

    #[test]
    fn one_rival_is_no_margin_of_zero() {
        let (margin, log_margin) = (Margin::default().build().unwrap(), LogMargin::default().build().unwrap());
        for alternatives in [&[][..], &[("a", -0.5)], &[("a", -0.5), ("a", -0.7)], &[("a", -0.5), ("b", -9999.0)]] {
            assert_eq!(read(&margin, alternatives), Err(Abstain::NoAlternatives), "{alternatives:?}");
            assert_eq!(read(&log_margin, alternatives), Err(Abstain::NoAlternatives), "{alternatives:?}");
        }
    }

    #[test]
    fn fewer_rivals_than_asked_for_are_read_as_they_are() {
        let entropy = Entropy::default().build().unwrap();
        let even = read(&entropy, &[("a", -0.7), ("b", -0.7)]).unwrap();
        assert!((even.get() + 2f64.ln()).abs() < 1e-12);
        assert_eq!(read(&entropy, &[("a", -0.1)]), Err(Abstain::NoAlternatives));
    }

    #[test]
    fn more_rivals_than_asked_for_are_not_read() {
        let entropy = Entropy { top: 2, ..Entropy::default() }.build().unwrap();
        let many: Vec<(&str, f64)> = ["a", "b", "c", "d"].map(|text| (text, -1.4)).to_vec();
        assert!((read(&entropy, &many).unwrap().get() + 2f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_rival_that_is_no_log_probability_makes_the_signal_abstain() {
        let margin = Margin::default().build().unwrap();
        assert_eq!(read(&margin, &[("a", -0.5), ("b", f64::NAN)]), Err(Abstain::InvalidLogprob));
        assert_eq!(read(&margin, &[("a", -0.5), ("b", 0.5)]), Err(Abstain::InvalidLogprob));
    }
}

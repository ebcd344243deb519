//! Signals over the log-probabilities of the answer's tokens: ℓ₁, ℓ₂, … of the T tokens that pass the filter.

use serde::{Deserialize, Serialize};

use super::filter::{Selection, Selector, TokenFilter};
use super::logprob::{checked, finite};
use super::options::{BadOption, Options, within};
use super::{Abstain, Evidence, Needs, Nominal, Reading, Signal};
use crate::completion::Completion;
use crate::number::Score;

/// `mean-logprob`: (1/T) Σ ℓₜ, the logarithm of the answer's inverse perplexity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MeanLogprob {
    /// which tokens are read; tokens without text never are
    pub tokens: TokenFilter,
}

/// `sum-logprob`: Σ ℓₜ, the logarithm of the whole answer's probability.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SumLogprob {
    /// which tokens are read; tokens without text never are
    pub tokens: TokenFilter,
}

/// `min-logprob`: min ℓₜ, the least sure token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct MinLogprob {
    /// which tokens are read; tokens without text never are
    pub tokens: TokenFilter,
}

/// `quantile-logprob`: the ⌈αT⌉-th smallest ℓₜ, without interpolation; α = 0 reads the smallest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct QuantileLogprob {
    /// which quantile; 0 reads the lowest
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub alpha: f64,
    /// which tokens are read; tokens without text never are
    pub tokens: TokenFilter,
}

impl Default for QuantileLogprob {
    fn default() -> Self {
        Self { alpha: 0.1, tokens: TokenFilter::All }
    }
}

/// `length-penalised-logprob`: Σ ℓₜ / T^α, between the sum (α = 0) and the mean (α = 1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LengthPenalisedLogprob {
    /// how much length counts: 0 is the sum, 1 the mean
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub alpha: f64,
    /// which tokens are read; tokens without text never are
    pub tokens: TokenFilter,
}

impl Default for LengthPenalisedLogprob {
    fn default() -> Self {
        Self { alpha: 0.5, tokens: TokenFilter::All }
    }
}

/// `trimmed-logprob`: the mean of the lowest ℓₜ: k of them, or ⌈rT⌉; of fewer than k tokens all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TrimmedLogprob {
    /// how many of the lowest log-probabilities are averaged; 5 unless `share` is given
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = u32::MAX)))]
    pub lowest: Option<u32>,
    /// which share of them, instead of a count
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0), range(max = 1)))]
    pub share: Option<f64>,
    /// which tokens are read; tokens without text never are
    pub tokens: TokenFilter,
}

const DEFAULT_LOWEST: u32 = 5;

/// The signal that the options of this file build.
#[derive(Clone, Debug)]
pub struct Sequence {
    formula: Formula,
    tokens: Selector,
}

#[derive(Clone, Copy, Debug)]
enum Formula {
    Mean,
    Sum,
    Min,
    Quantile { alpha: f64 },
    LengthPenalised { alpha: f64 },
    MeanOfLowest { count: usize },
    MeanOfLowestShare { share: f64 },
}

impl Sequence {
    fn new(formula: Formula, tokens: &TokenFilter) -> Result<Self, BadOption> {
        Ok(Self { formula, tokens: tokens.build()? })
    }
}

impl Signal for Sequence {
    fn needs(&self) -> Needs {
        Needs { logprobs: true, ..Needs::default() }
    }

    fn nominal(&self) -> Nominal {
        Nominal::Exp
    }

    fn read(&self, evidence: Evidence<'_>) -> Reading {
        let tokens = self.tokens.select(evidence.answer)?;
        Score::new(self.formula.of(&tokens)?).ok_or(Abstain::NotANumber)
    }

    fn bound(&self, partial: &Completion) -> Option<Score> {
        if !self.tokens.keeps_what_it_selects() {
            return None;
        }
        let tokens = self.tokens.select(partial).ok()?;
        let only_sinks = match self.formula {
            // No log-probability is above 0, and no token leaves.
            Formula::Sum | Formula::Min => true,
            Formula::LengthPenalised { alpha } => alpha <= 0.0,
            // One more token can only push a higher one out of the lowest `count`, once there are that many.
            Formula::MeanOfLowest { count } => tokens.iter().nth(count - 1).is_some(),
            // What is to come may be surer and raise these.
            Formula::Mean | Formula::Quantile { .. } | Formula::MeanOfLowestShare { .. } => false,
        };
        if only_sinks { Score::new(self.formula.of(&tokens).ok()?) } else { None }
    }
}

impl Formula {
    fn of(self, tokens: &Selection<'_>) -> Result<f64, Abstain> {
        match self {
            Self::Mean => sum(tokens).map(|(sum, count)| sum / count),
            Self::Sum => sum(tokens).map(|(sum, _)| sum),
            Self::LengthPenalised { alpha } => sum(tokens).map(|(sum, count)| sum / count.powf(alpha)),
            Self::Min => tokens.iter().try_fold(0.0, |lowest: f64, token| Ok(lowest.min(checked(token.logprob())?))),
            Self::Quantile { alpha } => {
                let mut all = collect(tokens, checked)?;
                let place = rank(alpha, all.len()) - 1;
                Ok(*all.select_nth_unstable_by(place, f64::total_cmp).1)
            }
            Self::MeanOfLowest { count } => mean_of_lowest(collect(tokens, finite)?, count),
            Self::MeanOfLowestShare { share } => {
                let all = collect(tokens, finite)?;
                let count = rank(share, all.len());
                mean_of_lowest(all, count)
            }
        }
    }
}

fn sum(tokens: &Selection<'_>) -> Result<(f64, f64), Abstain> {
    let (mut sum, mut count) = (0.0, 0.0);
    for token in tokens.iter() {
        sum += finite(token.logprob())?;
        count += 1.0;
    }
    Ok((sum, count))
}

fn collect(tokens: &Selection<'_>, rule: fn(f64) -> Result<f64, Abstain>) -> Result<Vec<f64>, Abstain> {
    tokens.iter().map(|token| rule(token.logprob())).collect()
}

/// ⌈share · count⌉, from 1 to `count`.
fn rank(share: f64, count: usize) -> usize {
    // Without the small step back, 0.07 · 100 = 7.000000000000001 would be the 8th.
    let exact = (share * count as f64 - 1e-9).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=count before the cast")]
    let rank = exact.clamp(1.0, count.max(1) as f64) as usize;
    rank
}

fn mean_of_lowest(mut all: Vec<f64>, count: usize) -> Result<f64, Abstain> {
    // Sorted, so that the sum does not depend on where in the answer the lowest stand.
    all.sort_by(f64::total_cmp);
    all.truncate(count);
    if all.is_empty() { Err(Abstain::NoTokens) } else { Ok(all.iter().sum::<f64>() / all.len() as f64) }
}

impl Options for MeanLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        Sequence::new(Formula::Mean, &self.tokens)
    }
}

impl Options for SumLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        Sequence::new(Formula::Sum, &self.tokens)
    }
}

impl Options for MinLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        Sequence::new(Formula::Min, &self.tokens)
    }
}

impl Options for QuantileLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        let alpha = within("alpha", self.alpha, 0.0, 1.0)?;
        Sequence::new(Formula::Quantile { alpha }, &self.tokens)
    }
}

impl Options for LengthPenalisedLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        let alpha = within("alpha", self.alpha, 0.0, 1.0)?;
        Sequence::new(Formula::LengthPenalised { alpha }, &self.tokens)
    }
}

impl Options for TrimmedLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        let formula = match (self.lowest, self.share) {
            (Some(_), Some(_)) => return Err(BadOption::new("share", "stands beside `lowest`, but only one of them can hold")),
            (_, Some(share)) => {
                let share = within("share", share, 0.0, 1.0)?;
                if share <= 0.0 {
                    return Err(BadOption::new("share", "is 0, but must be above 0 and at most 1"));
                }
                Formula::MeanOfLowestShare { share }
            }
            (Some(0), None) => return Err(BadOption::new("lowest", "is 0, but must be at least 1")),
            (lowest, None) => Formula::MeanOfLowest { count: lowest.unwrap_or(DEFAULT_LOWEST) as usize },
        };
        Sequence::new(formula, &self.tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_exact_where_products_are_not() {
        assert_eq!(rank(0.07, 100), 7);
        assert_eq!(rank(0.29, 100), 29);
        assert_eq!(rank(0.291, 100), 30);
        assert_eq!((rank(0.0, 5), rank(1.0, 5), rank(1.0, 0)), (1, 5, 1));
    }

    #[test]
    fn options_name_what_is_wrong() {
        let quantile = QuantileLogprob { alpha: 1.5, ..QuantileLogprob::default() };
        assert_eq!(quantile.build().unwrap_err(), BadOption::new("alpha", "is 1.5, but must lie between 0 and 1"));
        let nan = LengthPenalisedLogprob { alpha: f64::NAN, ..LengthPenalisedLogprob::default() };
        assert_eq!(nan.build().unwrap_err().option, "alpha");
        let both = TrimmedLogprob { lowest: Some(3), share: Some(0.1), ..TrimmedLogprob::default() };
        assert_eq!(both.build().unwrap_err().option, "share");
    }
}

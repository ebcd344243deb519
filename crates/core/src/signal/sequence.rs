//! Signals over the log-probabilities of the answer's tokens: ℓ₁, ℓ₂, … of the T tokens that pass the filter.

use serde::{Deserialize, Serialize};

use super::filter::TokenFilter;
use super::logprob::{checked, finite};
use super::options::{BadOption, Options, within};
use super::pool::Statistic;
use super::pooled::{PerToken, Pooled};
use super::{Abstain, Nominal, Signal};
use crate::completion::Token;

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

/// The log-probability of a token.
#[derive(Clone, Copy, Debug)]
enum Logprob {
    /// Above −∞: a sum or a mean would be lost to one token.
    Finite,
    /// −∞ too, for what picks one token out.
    Any,
}

impl PerToken for Logprob {
    fn top(self) -> u8 {
        0
    }

    fn nominal(self) -> Nominal {
        Nominal::Exp
    }

    fn read<'t>(self, token: Token<'t>, _: &mut Vec<(&'t str, f64)>) -> Result<f64, Abstain> {
        match self {
            Self::Finite => finite(token.logprob()),
            Self::Any => checked(token.logprob()),
        }
    }
}

fn sequence(statistic: Statistic, tokens: &TokenFilter) -> Result<Pooled<Logprob>, BadOption> {
    let per_token = match statistic {
        Statistic::Min | Statistic::Quantile { .. } => Logprob::Any,
        _ => Logprob::Finite,
    };
    Ok(Pooled { per_token, statistic, tokens: tokens.build()? })
}

impl Options for MeanLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        sequence(Statistic::Mean, &self.tokens)
    }
}

impl Options for SumLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        sequence(Statistic::Sum, &self.tokens)
    }
}

impl Options for MinLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        sequence(Statistic::Min, &self.tokens)
    }
}

impl Options for QuantileLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        let alpha = within("alpha", self.alpha, 0.0, 1.0)?;
        sequence(Statistic::Quantile { alpha }, &self.tokens)
    }
}

impl Options for LengthPenalisedLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        let alpha = within("alpha", self.alpha, 0.0, 1.0)?;
        sequence(Statistic::LengthPenalised { alpha }, &self.tokens)
    }
}

impl Options for TrimmedLogprob {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        let statistic = match (self.lowest, self.share) {
            (Some(_), Some(_)) => return Err(BadOption::new("share", "stands beside `lowest`, but only one of them can hold")),
            (_, Some(share)) => {
                let share = within("share", share, 0.0, 1.0)?;
                if share <= 0.0 {
                    return Err(BadOption::new("share", "is 0, but must be above 0 and at most 1"));
                }
                Statistic::MeanOfLowestShare { share }
            }
            (Some(0), None) => return Err(BadOption::new("lowest", "is 0, but must be at least 1")),
            (lowest, None) => Statistic::MeanOfLowest { count: lowest.unwrap_or(DEFAULT_LOWEST) as usize },
        };
        sequence(statistic, &self.tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

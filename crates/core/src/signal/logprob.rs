//! What a log-probability means, by declared rules, and how often each rule applied.
//!
//! Providers round, mark and omit: servers give values a hair above 0, write −9999 for "not in the top", and leave
//! values out. A value that is none of this and no log-probability either makes its signal abstain.

use serde::Serialize;

use super::filter::Selector;
use super::reading::Abstain;
use crate::completion::{Completion, Token};

/// Values in (0, `ROUNDING`] are a rounded 0.
pub(crate) const ROUNDING: f64 = 1e-6;

/// Values from here down stand for "not in the top": −∞.
const NOT_IN_TOP: f64 = -9999.0;

/// A log-probability in [−∞, 0]; NaN and values above [`ROUNDING`] are none.
pub(crate) fn checked(raw: f64) -> Result<f64, Abstain> {
    if raw.is_nan() || raw > ROUNDING {
        Err(Abstain::InvalidLogprob)
    } else if raw <= NOT_IN_TOP {
        Ok(f64::NEG_INFINITY)
    } else {
        Ok(raw.min(0.0))
    }
}

/// A log-probability that an average can hold: above −∞.
pub(crate) fn finite(raw: f64) -> Result<f64, Abstain> {
    match checked(raw)? {
        f64::NEG_INFINITY => Err(Abstain::InvalidLogprob),
        logprob => Ok(logprob),
    }
}

/// The token and its rivals, each text once with its highest log-probability, "not in the top" left out.
///
/// `rivals` is cleared and filled; passing the same one for every token of an answer allocates once. `with_own` adds
/// the token itself where the provider does not list it.
pub(super) fn rivals<'a>(token: Token<'a>, with_own: bool, rivals: &mut Vec<(&'a str, f64)>) -> Result<(), Abstain> {
    rivals.clear();
    let own = with_own.then(|| (token.text(), token.logprob()));
    for (text, raw) in token.alternatives().chain(own) {
        let logprob = checked(raw)?;
        if logprob == f64::NEG_INFINITY {
            continue;
        }
        match rivals.iter_mut().find(|(known, _)| *known == text) {
            Some((_, known)) => *known = known.max(logprob),
            None => rivals.push((text, logprob)),
        }
    }
    Ok(())
}

/// The room of a list of rivals, for the tokens of another piece.
pub(super) fn recycled<'t>(mut rivals: Vec<(&str, f64)>) -> Vec<(&'t str, f64)> {
    rivals.clear();
    rivals.into_iter().map(|(_, logprob)| ("", logprob)).collect()
}

/// How the tokens of an answer fared under the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Census {
    /// Tokens that the provider gave.
    pub total: usize,
    /// Tokens that passed the filter; the counts below are of these.
    pub selected: usize,
    /// Log-probability exactly 0.
    pub zero: usize,
    /// Log-probability in (0, 1e-6], read as 0.
    pub rounded: usize,
    /// "Not in the top", read as −∞.
    pub floor: usize,
    /// NaN or positive: no log-probability.
    pub invalid: usize,
    /// No alternatives at all.
    pub without_alternatives: usize,
}

impl Census {
    /// Counts the tokens of an answer that pass `selector`.
    pub(crate) fn of(answer: &Completion, selector: &Selector) -> Result<Self, Abstain> {
        let total = answer.tokens.as_ref().ok_or(Abstain::NoLogprobs)?.len();
        let mut census = Self { total, ..Self::default() };
        for token in selector.select(answer)?.iter() {
            let raw = token.logprob();
            census.selected += 1;
            census.rounded += usize::from(raw > 0.0 && raw <= ROUNDING);
            census.without_alternatives += usize::from(token.alternatives().len() == 0);
            match checked(raw) {
                Err(_) => census.invalid += 1,
                Ok(f64::NEG_INFINITY) => census.floor += 1,
                // The bit patterns of 0 and -0.
                Ok(_) => census.zero += usize::from(raw.abs().to_bits() == 0),
            }
        }
        Ok(census)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::Tokens;
    use crate::signal::filter::TokenFilter;

    #[test]
    fn the_rules_at_their_edges() {
        assert_eq!(checked(0.0), Ok(0.0));
        assert_eq!(checked(1e-6), Ok(0.0));
        assert_eq!(checked(1.1e-6), Err(Abstain::InvalidLogprob));
        assert_eq!(checked(f64::INFINITY), Err(Abstain::InvalidLogprob));
        assert_eq!(checked(f64::NAN), Err(Abstain::InvalidLogprob));
        assert_eq!(checked(-9998.9), Ok(-9998.9));
        for floor in [-9999.0, -1e9, f64::NEG_INFINITY] {
            assert_eq!(checked(floor), Ok(f64::NEG_INFINITY));
            assert_eq!(finite(floor), Err(Abstain::InvalidLogprob));
        }
    }

    #[test]
    fn the_census_counts_every_rule() {
        let mut tokens = Tokens::default();
        for raw in [0.0, 1e-7, -0.5, -9999.0, f64::NAN, 0.5] {
            tokens.push("x", raw);
        }
        tokens.push_alternative("y", -1.0);
        tokens.push("", 0.0);
        let answer = Completion { tokens: Some(tokens), ..Completion::default() };
        let census = Census::of(&answer, &TokenFilter::All.build().unwrap()).unwrap();
        let expected = Census { total: 7, selected: 6, zero: 1, rounded: 1, floor: 1, invalid: 2, without_alternatives: 5 };
        assert_eq!(census, expected);
    }

    #[test]
    fn rivals_are_listed_once() {
        let mut tokens = Tokens::default();
        tokens.push("a", -0.25);
        for (text, raw) in [("a", -0.25), ("b", -2.0), ("b", -1.5), ("c", -9999.0)] {
            tokens.push_alternative(text, raw);
        }
        let mut found = Vec::new();
        rivals(tokens.get(0).unwrap(), true, &mut found).unwrap();
        assert_eq!(found, [("a", -0.25), ("b", -1.5)]);
    }
}

//! How much probability each of a few labels has where the answer decides between them.
//!
//! A label is written in many ways ("A", " a", "(A", "A."): all count for it. A label of several tokens counts from the
//! first token that belongs to it alone; up to there the probability of the written tokens is carried along.

use std::collections::BTreeMap;

use super::logprob::{finite, rivals};
use super::options::BadOption;
use super::reading::Abstain;
use crate::completion::{Completion, Token};

/// Blanks, quotes, brackets and stops around a label.
const AROUND: &[char] =
    &['"', '\'', '`', '(', ')', '[', ']', '{', '}', '*', '_', '#', '.', ',', ':', ';', '!', '?', '<', '>', '\\'];

/// One writing for all writings of a label.
pub(super) fn plain(text: &str) -> String {
    text.trim_matches(|c: char| c.is_whitespace() || AROUND.contains(&c)).to_lowercase()
}

/// P(first) / (P(first) + P(second)) at the first token of an answer that is one of two labels. The labels must hold at least
/// `min_coverage` of the probability together. Of two labels that begin alike nothing can be read.
pub fn share_of_first(answer: &Completion, labels: [&str; 2], min_coverage: f64) -> Result<f64, Abstain> {
    let labels = Labels::new("labels", &labels.map(str::to_owned), &BTreeMap::new()).map_err(|_| Abstain::Unparsable)?;
    labels.at_first_token(answer)?.share(0, min_coverage)
}

/// The labels that an answer decides between, in their declared order.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    /// Every writing and the label it stands for.
    writings: Vec<(String, usize)>,
    count: usize,
}

/// What a decision position says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Masses {
    /// Each label's probability among all tokens.
    pub labels: Vec<f64>,
    /// The most that each label without probability may have: its token was not among the alternatives.
    pub unseen: f64,
    /// The most that all of them may have together: what the alternatives left.
    pub tail: f64,
    /// The label that the answer gives.
    pub chosen: Option<usize>,
}

/// A decision, as far as its tokens were read.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) masses: Masses,
    /// What was written so far, which several labels begin with.
    prefix: String,
    /// The probability of that.
    carried: f64,
}

impl Labels {
    /// At least two labels, none of which begins another: the tokens could not tell them apart.
    pub(super) fn new(
        option: &'static str,
        labels: &[String],
        variants: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, BadOption> {
        if labels.len() < 2 {
            return Err(BadOption::new(option, format!("names {} labels, but needs at least 2", labels.len())));
        }
        if let Some(stranger) = variants.keys().find(|name| !labels.contains(name)) {
            return Err(BadOption::new("variants", format!("has writings of `{stranger}`, which is not among `{option}`")));
        }
        let mut writings: Vec<(String, usize)> = Vec::new();
        for (label, name) in labels.iter().enumerate() {
            for writing in [name].into_iter().chain(variants.get(name).into_iter().flatten()) {
                let written = plain(writing);
                if written.is_empty() {
                    return Err(BadOption::new(option, format!("has `{writing}`, in which there is no letter or digit")));
                }
                let rival = writings.iter().find(|(known, other)| {
                    *other != label && (known.starts_with(&written) || written.starts_with(known.as_str()))
                });
                if let Some((known, other)) = rival {
                    let other = &labels[*other];
                    let problem = format!(
                        "has `{name}` and `{other}`, whose writings `{written}` and `{known}` begin alike to the end of \
                         one: their tokens cannot tell them apart"
                    );
                    return Err(BadOption::new(option, problem));
                }
                writings.push((written, label));
            }
        }
        Ok(Self { writings, count: labels.len() })
    }

    /// What the first tokens of an answer say.
    pub(super) fn at_first_token(&self, answer: &Completion) -> Result<Masses, Abstain> {
        let tokens = answer.tokens.as_ref().ok_or(Abstain::NoLogprobs)?;
        let mut decision = tokens.iter().filter(|token| !token.text().trim().is_empty()).peekable();
        decision.peek().ok_or(Abstain::NoTokens)?;
        self.read(decision)
    }

    /// What the tokens of a decision say, from its first token on.
    pub(super) fn read<'a>(&self, tokens: impl Iterator<Item = Token<'a>>) -> Result<Masses, Abstain> {
        let (mut decision, mut found) = (self.undecided(), Vec::new());
        for token in tokens {
            if self.take(&mut decision, token, &mut found)? {
                break;
            }
        }
        Ok(decision.masses)
    }

    /// A decision of which no token was read.
    pub(super) fn undecided(&self) -> Decision {
        let masses = Masses { labels: vec![0.0; self.count], unseen: 0.0, tail: 0.0, chosen: None };
        Decision { masses, prefix: String::new(), carried: 1.0 }
    }

    /// Reads the next token of a decision; whether it decided. `found` is room for its alternatives.
    pub(super) fn take<'a>(
        &self,
        decision: &mut Decision,
        token: Token<'a>,
        found: &mut Vec<(&'a str, f64)>,
    ) -> Result<bool, Abstain> {
        let Decision { masses, prefix, carried } = decision;
        let own = finite(token.logprob())?;
        rivals(token, true, found)?;
        let own_match = self.matches(prefix, token.text());
        // Blanks and quotes before the label decide nothing and may stand alone.
        if found.len() < 2 && !matches!(own_match, Match::Open) {
            return Err(Abstain::NoAlternatives);
        }
        let mut total = 0.0;
        let mut least = f64::INFINITY;
        for (text, logprob) in found.iter() {
            let p = logprob.exp();
            total += p;
            least = least.min(p);
            if let Match::Label(label) = self.matches(prefix, text) {
                masses.labels[label] += *carried * p;
            }
        }
        masses.unseen += *carried * least;
        masses.tail += *carried * (1.0 - total).max(0.0);
        match own_match {
            Match::Label(label) => masses.chosen = Some(label),
            Match::Open => {
                prefix.push_str(token.text());
                *carried *= own.exp();
                return Ok(false);
            }
            Match::None => {}
        }
        Ok(true)
    }

    fn matches(&self, prefix: &str, text: &str) -> Match {
        let mut written = prefix.to_owned();
        written.push_str(text);
        let written = plain(&written);
        let mut label = None;
        for (_, candidate) in self.writings.iter().filter(|(writing, _)| writing.starts_with(&written)) {
            match label {
                None => label = Some(*candidate),
                Some(known) if known == *candidate => {}
                Some(_) => return Match::Open,
            }
        }
        label.map_or(Match::None, Match::Label)
    }
}

enum Match {
    /// This label and no other.
    Label(usize),
    /// The beginning of several.
    Open,
    /// No label.
    None,
}

impl Masses {
    /// The share of the probability that is the labels' own, before anything is divided.
    pub(super) fn coverage(&self) -> f64 {
        self.labels.iter().sum()
    }

    /// The labels' probability; of those that were not seen, the most they may have.
    fn bounded(&self) -> (Vec<f64>, f64) {
        let unseen = self.labels.iter().filter(|p| **p <= 0.0).count();
        let each = if unseen == 0 { 0.0 } else { self.unseen.min(self.tail / unseen as f64) };
        let bounded: Vec<f64> = self.labels.iter().map(|p| if *p <= 0.0 { each } else { *p }).collect();
        let total = bounded.iter().sum();
        (bounded, total)
    }

    /// P(label) / Σ P over the labels, at most 1. A label that was not seen stands at the most it may have, so the
    /// share of one that was seen is never overrated.
    pub(super) fn share(&self, label: usize, min_coverage: f64) -> Result<f64, Abstain> {
        let (bounded, total) = self.bounded();
        if total <= 0.0 || self.coverage() < min_coverage {
            return Err(Abstain::LowCoverage);
        }
        Ok((bounded[label] / total).clamp(0.0, 1.0))
    }

    /// The likeliest label; of equal ones the first declared.
    pub(super) fn best(&self) -> usize {
        (1..self.labels.len()).fold(0, |best, label| if self.labels[label] > self.labels[best] { label } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::Tokens;

    /// A token, its probability, and its alternatives with theirs.
    type Row<'a> = (&'a str, f64, &'a [(&'a str, f64)]);

    fn labels(names: &[&str]) -> Labels {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        Labels::new("choices", &names, &BTreeMap::new()).unwrap()
    }

    /// Tokens from (text, probability, alternatives).
    fn tokens(rows: &[Row<'_>]) -> Tokens {
        let mut tokens = Tokens::default();
        for (text, p, alternatives) in rows {
            tokens.push(text, p.ln());
            for (text, p) in *alternatives {
                tokens.push_alternative(text, p.ln());
            }
        }
        tokens
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn all_writings_of_a_label_count_for_it() {
        let tokens = tokens(&[(" A", 0.4, &[(" A", 0.4), ("(A", 0.1), ("a", 0.1), ("A.", 0.1), ("\"B", 0.2), ("The", 0.05)])]);
        let masses = labels(&["A", "B"]).read(tokens.iter()).unwrap();
        assert!(close(masses.labels[0], 0.7) && close(masses.labels[1], 0.2), "{masses:?}");
        assert_eq!(masses.chosen, Some(0));
        assert!(close(masses.share(0, 0.5).unwrap(), 7.0 / 9.0));
    }

    #[test]
    fn a_label_that_was_not_seen_stands_at_its_bound() {
        let tokens = tokens(&[("A", 0.8, &[("A", 0.8), ("The", 0.05)])]);
        let masses = labels(&["A", "B"]).read(tokens.iter()).unwrap();
        assert!(close(masses.share(0, 0.5).unwrap(), 0.8 / 0.85));
        assert!(close(masses.share(1, 0.5).unwrap(), 0.05 / 0.85));
    }

    #[test]
    fn of_two_labels_the_share_of_the_first_is_read_whichever_is_given() {
        let tokens = tokens(&[("\n", 1.0, &[("\n", 1.0), (" ", 0.0)]), ("B", 0.6, &[("B", 0.6), (" A", 0.2), ("The", 0.1)])]);
        let answer = Completion { tokens: Some(tokens), ..Completion::text("\nB") };
        assert!(close(share_of_first(&answer, ["A", "B"], 0.5).unwrap(), 0.25));
        assert_eq!(share_of_first(&answer, ["A", "B"], 0.9), Err(Abstain::LowCoverage));
        assert_eq!(share_of_first(&answer, ["A", "An"], 0.5), Err(Abstain::Unparsable));
        assert_eq!(share_of_first(&Completion::text("A"), ["A", "B"], 0.5), Err(Abstain::NoLogprobs));
    }

    #[test]
    fn low_coverage_is_no_reading() {
        let tokens = tokens(&[("Sure", 0.8, &[("Sure", 0.8), ("A", 0.1)])]);
        let masses = labels(&["A", "B"]).read(tokens.iter()).unwrap();
        assert_eq!(masses.chosen, None);
        assert_eq!(masses.share(0, 0.5), Err(Abstain::LowCoverage));
    }

    #[test]
    fn labels_that_begin_alike_are_told_apart_further_on() {
        let rows: &[Row<'_>] = &[
            ("\"", 1.0, &[("\"", 1.0), ("The", 0.0)]),
            ("order", 0.6, &[("order", 0.6), ("refund", 0.3)]),
            ("_status", 0.8, &[("_status", 0.8), ("_change", 0.2)]),
        ];
        let tokens = tokens(rows);
        let masses = labels(&["order_status", "order_change", "refund"]).read(tokens.iter()).unwrap();
        assert!(close(masses.labels[0], 0.48) && close(masses.labels[1], 0.12) && close(masses.labels[2], 0.3), "{masses:?}");
        assert_eq!((masses.chosen, masses.best()), (Some(0), 0));
    }

    #[test]
    fn labels_that_tokens_cannot_tell_apart_are_rejected() {
        for (names, needle) in [
            (&["a"][..], "at least 2"),
            (&["no", "not sure"], "tell them apart"),
            (&["A", "a."], "apart"),
            (&["A", "!"], "no letter"),
        ] {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let problem = Labels::new("choices", &names, &BTreeMap::new()).unwrap_err().problem;
            assert!(problem.contains(needle), "{problem}");
        }
    }
}

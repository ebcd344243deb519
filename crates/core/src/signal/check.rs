//! What validators check, in a whole answer and in one that still streams.

use std::sync::Arc;

use regex::Regex;
use serde::de::IgnoredAny;

use super::schema::Schema;
use super::search::{Search, Searcher, Until};
use super::watch::{Bounds, Settles, Watch};
use super::{Abstain, Evidence, Reading, Signal};
use crate::completion::{Completion, Delta, ToolCall};
use crate::number::Score;
use crate::request::Request;

/// Reads 1 where an answer passes, 0 where it does not.
#[derive(Debug)]
pub(super) struct Validator(Arc<Check>);

#[derive(Debug)]
pub(super) enum Check {
    NonEmpty,
    /// Whether the text `must` match, or must not.
    Pattern {
        pattern: Regex,
        search: Searcher,
        must: bool,
    },
    Schema(Schema),
    /// No phrase among the first characters.
    NotRefusal {
        phrases: Vec<String>,
        within: usize,
    },
    Finish {
        allowed: Vec<String>,
    },
}

impl Check {
    fn read(&self, answer: &Completion) -> Reading {
        score(match self {
            Self::NonEmpty => !answer.is_empty(),
            Self::Pattern { pattern, must, .. } => pattern.is_match(&answer.text) == *must,
            Self::Schema(schema) => serde_json::from_str(&answer.text).is_ok_and(|value| schema.holds(&value)),
            Self::NotRefusal { .. } if answer.refusal.is_none() && answer.is_empty() => return Err(Abstain::EmptyAnswer),
            Self::NotRefusal { phrases, within } => answer.refusal.is_none() && !refuses(&answer.text, phrases, *within),
            Self::Finish { allowed } => allowed.iter().any(|reason| reason == answer.finish.as_str()),
        })
    }
}

fn score(passes: bool) -> Reading {
    Score::new(if passes { 1.0 } else { 0.0 }).ok_or(Abstain::NotANumber)
}

fn refuses(text: &str, phrases: &[String], within: usize) -> bool {
    let opening = plain_quotes(&text.trim_start().chars().take(within).collect::<String>());
    phrases.iter().any(|phrase| opening.contains(phrase))
}

/// In small letters, with one kind of apostrophe.
pub(super) fn plain_quotes(text: &str) -> String {
    text.to_lowercase().replace(['\u{2018}', '\u{2019}'], "'")
}

/// Whether a text may be the beginning of JSON.
fn begins_json(text: &str) -> bool {
    // The parser takes a number that has only begun for one that is wrong.
    let before = text.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
    serde_json::from_str::<IgnoredAny>(before).err().is_none_or(|error| error.is_eof())
}

impl Validator {
    pub(super) fn new(check: Check) -> Self {
        Self(Arc::new(check))
    }
}

impl Signal for Validator {
    fn read(&self, evidence: Evidence<'_>) -> Reading {
        self.0.read(evidence.answer)
    }

    fn watch(&self, _: &Request) -> Option<Box<dyn Watch>> {
        let progress = match &*self.0 {
            Check::NonEmpty | Check::Finish { .. } => Progress::Nothing,
            Check::Pattern { search, .. } => search.begin().map(Box::new).map_or(Progress::Nothing, Progress::Searched),
            Check::Schema(_) => Progress::Json { next: 1 },
            Check::NotRefusal { .. } => Progress::Opening { characters: 0, refuses: false },
        };
        Some(Box::new(Checking { check: self.0.clone(), answer: Completion::default(), progress }))
    }

    fn settles(&self) -> Settles {
        let early = match &*self.0 {
            Check::Finish { .. } => false,
            Check::Pattern { search, .. } => search.is_able(),
            Check::NonEmpty | Check::Schema(_) | Check::NotRefusal { .. } => true,
        };
        if early { Settles::Early } else { Settles::AtEnd }
    }
}

/// An answer that streams.
#[derive(Debug)]
struct Checking {
    check: Arc<Check>,
    /// What checks look at.
    answer: Completion,
    progress: Progress,
}

/// What is known of the text beside the text itself.
#[derive(Debug)]
enum Progress {
    Nothing,
    Searched(Box<Search>),
    /// The length, in bytes, at which the text is parsed again: twice that at which it was before, so that all of it costs a few
    /// times what the whole would.
    Json {
        next: usize,
    },
    Opening {
        /// How many have come behind the blanks at the start.
        characters: usize,
        /// Whether all that are searched have come, and hold a phrase.
        refuses: bool,
    },
}

impl Checking {
    /// What is certain of any answer that goes on like this, after its piece of `text`.
    fn known(&mut self, text: &str) -> Bounds {
        match (&*self.check, &mut self.progress) {
            // A call stays; a text may turn out to be reasoning alone.
            (Check::NonEmpty, _) if !self.answer.tool_calls.is_empty() => Bounds::settled(score(true)),
            (Check::Pattern { search: searcher, must, .. }, Progress::Searched(search)) => {
                match searcher.piece(search, text, Until::Found) {
                    Ok(Some(found)) => Bounds::settled(score(found == *must)),
                    Ok(None) => Bounds::within(0.0, 1.0),
                    Err(()) => {
                        self.progress = Progress::Nothing;
                        Bounds::within(0.0, 1.0)
                    }
                }
            }
            (Check::Schema(_), Progress::Json { next }) if self.answer.text.len() >= *next => {
                *next = 2 * self.answer.text.len();
                if begins_json(&self.answer.text) { Bounds::within(0.0, 1.0) } else { Bounds::settled(score(false)) }
            }
            (Check::NotRefusal { .. }, _) if self.answer.refusal.is_some() => Bounds::settled(score(false)),
            (Check::NotRefusal { phrases, within }, Progress::Opening { characters, refuses: known }) => {
                if *characters < *within {
                    let piece = if *characters == 0 { text.trim_start() } else { text };
                    *characters += piece.chars().count();
                    // Once, when no letter can change the one before it any more.
                    *known = *characters >= *within && refuses(&self.answer.text, phrases, *within);
                }
                // Of a text that turns out to be reasoning alone nothing is read.
                Bounds::within(0.0, if *known { 0.0 } else { 1.0 })
            }
            _ => Bounds::within(0.0, 1.0),
        }
    }
}

impl Watch for Checking {
    fn push(&mut self, delta: &Delta) -> Bounds {
        let answer = &mut self.answer;
        answer.text.push_str(&delta.text);
        answer.refusal = answer.refusal.take().or_else(|| delta.refusal.as_ref().map(|_| String::new()));
        if answer.tool_calls.is_empty() && !delta.tool_calls.is_empty() {
            answer.tool_calls.push(ToolCall::default());
        }
        match &delta.finish {
            Some(finish) => {
                answer.finish.clone_from(finish);
                Bounds::settled(self.check.read(answer))
            }
            None => self.known(&delta.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::options::Options;
    use crate::signal::validate::{NotRefusal, Pattern};

    /// What is known after each piece.
    fn known(options: &impl Options, pieces: &[&str]) -> Vec<(f64, f64)> {
        let signal = options.build().unwrap();
        let mut watch = signal.watch(&Request::new("1", "?")).unwrap();
        let ends = |bounds: Bounds| (bounds.low().unwrap().get(), bounds.high().unwrap().get());
        pieces.iter().map(|piece| ends(watch.push(&Delta { text: (*piece).to_owned(), ..Delta::default() }))).collect()
    }

    #[test]
    fn every_beginning_of_json_may_become_json() {
        for json in [
            r#" {"a": [1, -2.5e-3, true, null, {}], "b\"c": "\u00e9\ud83d\ude42\\ é", "d": {"e": ""}} "#,
            "[[], [[0]], false, 1e400]",
            "-12.5E+7",
            "\"x\"",
            "null",
        ] {
            for (end, _) in json.char_indices().chain([(json.len(), ' ')]) {
                assert!(begins_json(&json[..end]), "{}", &json[..end]);
            }
        }
        for text in ["```json", "Sure", "{a", "[1,]", "01,", "{\"a\" 1,", "1 2 ", "- ", "1.}", "\"a\nb\"", "nulx", "\u{feff}{}"] {
            let more = format!("{text} }}]\"");
            assert!(!begins_json(text) && serde_json::from_str::<serde_json::Value>(&more).is_err(), "{text}");
        }
    }

    #[test]
    fn a_refusal_is_known_when_its_opening_has_come() {
        let refusal = NotRefusal { within: 12, ..NotRefusal::default() };
        assert_eq!(known(&refusal, &["  I can\u{2019}t ", "help", " you"]), [(0.0, 1.0), (0.0, 0.0), (0.0, 0.0)]);
        assert_eq!(known(&refusal, &["I can't hel"]), [(0.0, 1.0)]);
        assert_eq!(known(&refusal, &["Of course. ", "I can't help"]), [(0.0, 1.0); 2]);
    }

    #[test]
    fn a_pattern_is_known_when_nothing_can_undo_it() {
        let letter = Pattern { pattern: "^[A-D]$".into(), ..Pattern::default() };
        assert_eq!(known(&letter, &["B", "."]), [(0.0, 1.0), (0.0, 0.0)]);
    }
}

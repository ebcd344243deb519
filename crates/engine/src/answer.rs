//! What comes back from the engine.

use std::fmt;
use std::sync::Arc;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use tierfall_core::completion::Completion;
use tierfall_core::provider::CallError;
use tierfall_core::run::Outcome;
use tierfall_core::trace::{Fallback, Trace};

/// How a request was answered, and the record of why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// How the run ended.
    pub outcome: Outcome,
    /// Every decision and every cent.
    pub trace: Arc<Trace>,
}

impl Answer {
    /// What a run came to.
    pub fn new(outcome: Outcome, trace: impl Into<Arc<Trace>>) -> Self {
        Self { outcome, trace: trace.into() }
    }

    /// The answer that is served, or why there is none: for programs that treat an abstention as they treat a failure.
    pub fn ok(&self) -> Result<&Completion, Unanswered> {
        self.completion().ok_or_else(|| Unanswered::of(self))
    }

    /// The same by value.
    pub fn into_result(self) -> Result<Arc<Completion>, Unanswered> {
        match &self.outcome {
            Outcome::Answered(served) => Ok(served.answer.clone()),
            _ => Err(Unanswered::of(&self)),
        }
    }

    /// The answer that is served; `None` unless the run ended with one.
    pub fn completion(&self) -> Option<&Completion> {
        self.outcome.served().map(|served| &*served.answer)
    }

    /// The best answer that there was, attached to an abstention or a review: no gate accepted it. It is for the person who
    /// looks, not for whoever asked.
    pub fn attached(&self) -> Option<&Completion> {
        self.outcome.attached().map(|attached| &*attached.answer)
    }

    /// The text of [`completion`](Self::completion).
    pub fn text(&self) -> Option<&str> {
        self.completion().map(|completion| completion.text.as_str())
    }

    /// Why the run fell back on what was left, where it did: the answer served, if there is one, was accepted by nobody.
    pub fn fallback(&self) -> Option<Fallback> {
        self.trace.fallback
    }

    /// The trace as JSON, and beside it [what is served](Trace::to_json), and under `attached` the text of the best rejected answer of an abstention or a review (absent where there is none).
    pub fn to_json(&self) -> Result<serde_json::Value, serde_json::Error> {
        let mut json = self.trace.to_json(self.completion())?;
        if let (Some(map), Some(attached)) = (json.as_object_mut(), self.attached()) {
            map.insert("attached".to_owned(), attached.text.as_str().into());
        }
        Ok(json)
    }

    /// Why no tier could answer, where none could.
    pub fn error(&self) -> Option<&CallError> {
        match &self.outcome {
            Outcome::Failed(error) => Some(error),
            _ => None,
        }
    }
}

/// Nothing is served, and why. Its `Debug` is its message.
#[derive(Clone)]
#[non_exhaustive]
pub struct Unanswered {
    /// How the run ended instead.
    pub outcome: Outcome,
    /// Every decision and every cent.
    pub trace: Arc<Trace>,
}

impl Unanswered {
    fn of(answer: &Answer) -> Self {
        Self { outcome: answer.outcome.clone(), trace: answer.trace.clone() }
    }
}

impl std::error::Error for Unanswered {}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.trace.request_id;
        match &self.outcome {
            Outcome::Failed(error) => write!(f, "the request {id} failed: {error}"),
            Outcome::Refused(why) => write!(f, "the request {id} is refused: {why}"),
            Outcome::Review(_) => write!(f, "a person must answer the request {id}"),
            Outcome::Abstained(_) | Outcome::Answered(_) => write!(f, "no answer to the request {id} was good enough"),
        }
    }
}

tierfall_core::debug_is_message!(Unanswered);

/// As [`Answer::to_json`].
impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().map_err(S::Error::custom)?.serialize(serializer)
    }
}

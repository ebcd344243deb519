//! Sources that are one JSON document, and where in it a value stands.

use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tierfall_core::number::Score;

use super::row::ConvertedCell;
use crate::Error;
use crate::observations::faults::Fault;
use crate::observations::scalar::Scalar;
use crate::observations::source::{no_observations, open_any};
use crate::observations::{as_python, json_error, value};

/// A document of more bytes than this does not fit beside what is made of it.
const LARGEST: u64 = 2 << 30;

/// The text of a document, unpacked where it is packed by gzip, as JSON: `NaN` of Python is null.
pub(super) fn text(path: &Path) -> Result<String, Error> {
    let (start, input) = open_any(path)?;
    let mut bytes = start;
    input.take(LARGEST).read_to_end(&mut bytes)?;
    if bytes.len() as u64 >= LARGEST {
        return Err(no_observations(path, format_args!("it is larger than {} GiB", LARGEST >> 30)));
    }
    let valid = |bytes: &[u8]| serde_json::from_slice::<&RawValue>(bytes).map(|raw| raw.get().to_owned());
    as_python(&bytes, valid).map_err(|error| no_observations(path, json_error_at(&error)))
}

/// A JSON error with its line: a document has many.
fn json_error_at(error: &serde_json::Error) -> String {
    format!("{}, line {}", json_error(error), error.line())
}

/// The line of the document on which a part of it begins.
pub(super) fn line_of(text: &str, part: &RawValue) -> u64 {
    let at = (part.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    1 + memchr::memchr_iter(b'\n', text.as_bytes().get(..at).unwrap_or_default()).count() as u64
}

/// A part of a document.
pub(super) fn part<T: DeserializeOwned>(field: &str, raw: &RawValue) -> Result<T, Fault> {
    serde_json::from_str(raw.get()).map_err(|error| Fault::new(field, json_error(&error)))
}

/// Of one record, what it names, counts and measures.
#[derive(Clone, Copy)]
pub(super) struct At<'v>(pub(super) &'v serde_json::Value);

impl At<'_> {
    /// The value at a JSON pointer, as one of a row.
    pub(super) fn scalar<T>(self, pointer: &str, read: impl FnOnce(&Scalar<'_>) -> Result<T, String>) -> Result<T, Fault> {
        let value = self.0.pointer(pointer).cloned().unwrap_or_default();
        let text = value.to_string();
        let scalar = <Scalar<'_> as Deserialize<'_>>::deserialize(&mut serde_json::Deserializer::from_str(&text));
        let scalar = scalar.map_err(|error| Fault::new(pointer, json_error(&error)))?;
        read(&scalar).map_err(|why| Fault::new(pointer, why))
    }

    pub(super) fn name(self, pointer: &str) -> Result<Option<String>, Fault> {
        self.scalar(pointer, |value| value::name(value).map(|name| name.map(str::to_owned)))
    }

    pub(super) fn amount(self, pointer: &str) -> Result<Option<f64>, Fault> {
        self.scalar(pointer, |value| value::amount(value, 0.0))
    }

    pub(super) fn tokens(self, pointer: &str) -> Result<Option<u64>, Fault> {
        self.scalar(pointer, |value| value::tokens(value).map(|tokens| tokens.map(u64::from)))
    }
}

/// The signals of an answer of which only the log-probabilities of its tokens are known.
pub(super) fn of_logprobs(cell: &mut ConvertedCell, logprobs: &[f64]) {
    if logprobs.is_empty() {
        return;
    }
    let sum: f64 = logprobs.iter().sum();
    let least = logprobs.iter().copied().fold(f64::INFINITY, f64::min);
    for (signal, value) in [("mean-logprob", sum / logprobs.len() as f64), ("sum-logprob", sum), ("min-logprob", least)] {
        cell.confidence.insert(signal.to_owned(), Score::new(value));
    }
}

//! The one list of built-in signals. Configuration parser, JSON Schema, generated reference and conformance tests read
//! it; one more signal is one file and one line here.

use std::fmt::Write;
use std::hash::Hasher;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use siphasher::sip::SipHasher24;

use super::NamedSignal;
use super::json::canonical;
use super::options::{BadOption, OptionError, Options};
use crate::nearest::suggestion;
use crate::registry::{Registry, registry};

registry! {
    /// A signal as a cascade file declares it: a name, or a name with options.
    #[derive(Clone, Debug, PartialEq)]
    pub enum SignalSpec: "signal" of AnyOptions {
        "mean-logprob" => super::sequence::MeanLogprob: "mean log-probability of the answer's tokens",
        "sum-logprob" => super::sequence::SumLogprob: "log-probability of the whole answer",
        "min-logprob" => super::sequence::MinLogprob: "log-probability of the least sure token",
        "quantile-logprob" => super::sequence::QuantileLogprob: "the alpha-quantile of the tokens' log-probabilities",
        "length-penalised-logprob" => super::sequence::LengthPenalisedLogprob: "sum of the log-probabilities over a power of their number",
        "trimmed-logprob" => super::sequence::TrimmedLogprob: "mean of the lowest log-probabilities",
        "margin" => super::rivalry::Margin: "how far the likeliest alternative's probability is ahead of the second",
        "log-margin" => super::rivalry::LogMargin: "how far the likeliest alternative's log-probability is ahead of the second",
        "entropy" => super::rivalry::Entropy: "negated entropy of the likeliest alternatives",
        "choice" => super::choice::Choice: "probability of the chosen label among declared labels",
        "self-rated" => super::self_rated::SelfRated: "the confidence that the model states itself",
        "p-true" => super::p_true::PTrue: "the probability of True when a model is asked whether the answer is right",
        "agreement" => super::agreement::Agreement: "share of the other samples that give the same answer",
        "non-empty" => super::validate::NonEmpty: "validator: there is a text or a tool call",
        "regex" => super::validate::Pattern: "validator: the text matches a pattern, or must not",
        "json-schema" => super::validate::JsonSchema: "validator: the text is JSON and fits a schema",
        "not-refusal" => super::validate::NotRefusal: "validator: the answer is no refusal",
        "finish" => super::validate::FinishReason: "validator: the model stopped for an allowed reason",
    }
}

/// An option's value is written out in a label up to this length, and as its digest beyond.
const LONGEST_VALUE: usize = 48;

impl SignalSpec {
    /// The signal with its defaults, by name.
    pub fn by_name(name: &str) -> Option<Self> {
        Registry::by_name(name)
    }

    /// Checks the options and builds the signal under its [`label`](Self::label).
    pub fn build(&self) -> Result<NamedSignal, OptionError> {
        let bad = |bad: BadOption| OptionError { signal: self.name(), option: bad.option, problem: bad.problem };
        let declared = serde_json::to_value(self).ok().map(Arc::new);
        Ok(NamedSignal { declared, ..self.options().build(self.label()).map_err(bad)? })
    }

    /// The options that are not at their defaults, by name; the others need nothing said about them.
    fn changed(&self) -> Map<String, Value> {
        let (mut options, default) = (self.options().written(), self.defaults());
        options.retain(|name, value| default.get(name) != Some(value));
        // They are sorted already, unless another crate of the build asks serde_json for the order of insertion.
        options.sort_keys();
        options
    }

    /// The name under which traces, observations and fits know the signal: its name, and in parentheses every option
    /// that is not at its default, by name: `quantile-logprob(alpha=0.25,tokens=content)`. Long values stand as a digest.
    pub fn label(&self) -> String {
        let changed = self.changed();
        let mut label = self.name().to_owned();
        for (place, (name, value)) in changed.iter().enumerate() {
            let separator = if place == 0 { '(' } else { ',' };
            let _ = write!(label, "{separator}{name}={}", shown(value));
        }
        if !changed.is_empty() {
            label.push(')');
        }
        label
    }

    /// The options of this kind of signal where nothing is said about them.
    fn defaults(&self) -> Map<String, Value> {
        Self::by_name(self.name()).map(|usual| usual.options().written()).unwrap_or_default()
    }
}

/// Why no built-in signal is what was declared. Its `Debug` is its message.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum BadSignal {
    /// No signal of this name.
    #[error("there is no signal \"{name}\"; {}", suggestion(name, SignalSpec::NAMES.iter().copied()).unwrap_or_default())]
    Unknown {
        /// What was declared.
        name: String,
    },
    /// No declaration of a signal, or no such options.
    #[error("{0}")]
    Declaration(#[from] serde_json::Error),
    /// An option that says nothing usable.
    #[error(transparent)]
    Option(#[from] OptionError),
}

crate::debug_is_message!(BadSignal);

impl NamedSignal {
    /// A built-in signal as a cascade file declares it: its name, or an object with its name as the one key, and its options.
    ///
    /// ```
    /// use tierfall_core::signal::NamedSignal;
    ///
    /// let mean = NamedSignal::built_in("mean-logprob")?;
    /// let worst = NamedSignal::built_in(serde_json::json!({ "quantile-logprob": { "alpha": 0.25 } }))?;
    /// assert_eq!((&*mean.label, &*worst.label), ("mean-logprob", "quantile-logprob(alpha=0.25)"));
    /// # Ok::<(), tierfall_core::signal::BadSignal>(())
    /// ```
    pub fn built_in(declared: impl Into<Value>) -> Result<Self, BadSignal> {
        let declared = declared.into();
        let keys = declared.as_object().and_then(|options| options.keys().next());
        let name = declared.as_str().or(keys.map(String::as_str)).filter(|name| !SignalSpec::NAMES.contains(name));
        match name {
            Some(name) => Err(BadSignal::Unknown { name: name.to_owned() }),
            None => Ok(SignalSpec::deserialize(declared)?.build()?),
        }
    }
}

fn shown(value: &Value) -> String {
    let plain = |text: &&String| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_./".contains(c));
    let written = match value {
        Value::String(text) => Some(text).filter(plain).cloned(),
        _ => None,
    };
    let written = written.unwrap_or_else(|| canonical(value.clone()));
    if written.chars().count() <= LONGEST_VALUE {
        return written;
    }
    let mut hasher = SipHasher24::new();
    hasher.write(written.as_bytes());
    format!("#{:016x}", hasher.finish())
}

/// Options of whatever signal.
trait AnyOptions {
    fn build(&self, label: String) -> Result<NamedSignal, BadOption>;

    /// As JSON, those without a value left out.
    fn written(&self) -> Map<String, Value>;
}

impl<O: Options> AnyOptions for O {
    fn build(&self, label: String) -> Result<NamedSignal, BadOption> {
        Ok(NamedSignal::new(label, Options::build(self)?))
    }

    fn written(&self) -> Map<String, Value> {
        let mut options = match serde_json::to_value(self) {
            Ok(Value::Object(options)) => options,
            _ => Map::new(),
        };
        options.retain(|_, value| !value.is_null());
        options
    }
}

impl<'de> Deserialize<'de> for SignalSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read_named(deserializer)
    }
}

/// The shortest form that reads back as the same signal.
impl Serialize for SignalSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let changed = self.changed();
        if changed.is_empty() { serializer.serialize_str(self.name()) } else { serializer.collect_map([(self.name(), changed)]) }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for SignalSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Signal".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut with_options = Self::schemas(generator);
        let mut names = Vec::new();
        for name in Self::NAMES {
            let schema = &mut with_options[*name];
            names.push(serde_json::json!({ "const": name, "description": schema["description"] }));
            // What does not build without an option needs it in the file.
            if let Some(Err(bad)) = Self::by_name(name).map(|usual| usual.build()) {
                schema["required"] = serde_json::json!([bad.option]);
            }
        }
        schemars::json_schema!({
            "anyOf": [
                { "oneOf": names },
                {
                    "type": "object",
                    "properties": with_options,
                    "additionalProperties": false,
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ]
        })
    }
}

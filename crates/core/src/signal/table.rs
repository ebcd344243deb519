//! The one list of built-in signals. Configuration parser, JSON Schema, generated reference and conformance tests read
//! it; one more signal is one file and one line here.

use std::fmt::{self, Write};
use std::hash::Hasher;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use siphasher::sip::SipHasher24;

use super::NamedSignal;
use super::agreement::Agreement;
use super::choice::Choice;
use super::json::canonical;
use super::options::{OptionError, Options};
use super::p_true::PTrue;
use super::rivalry::{Entropy, LogMargin, Margin};
use super::self_rated::SelfRated;
use super::sequence::{LengthPenalisedLogprob, MeanLogprob, MinLogprob, QuantileLogprob, SumLogprob, TrimmedLogprob};
use super::validate::{FinishReason, JsonSchema, NonEmpty, NotRefusal, Pattern};

macro_rules! table {
    ($(#[$meta:meta])* pub enum $name:ident { $($key:literal => $options:ident: $description:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name { $(#[doc = $description] $options($options)),+ }

        impl $name {
            /// The names of all signals.
            pub const NAMES: &'static [&'static str] = &[$($key),+];

            /// The signal's name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$options(_) => $key),+ }
            }

            /// The signal with its defaults, by name.
            pub fn by_name(name: &str) -> Option<Self> {
                match name { $($key => Some(Self::$options($options::default())),)+ _ => None }
            }

            /// Options that build, one signal after another.
            pub fn examples() -> impl Iterator<Item = Self> {
                [$(|| Self::$options($options::example())),+].into_iter().map(|example: fn() -> Self| example())
            }

            /// Name, description, defaults and the JSON Schema of the options of every signal.
            pub fn options() -> impl Iterator<Item = (&'static str, &'static str, Value, Value)> {
                [$(|| ($key, $description, written($options::default()), schema::<$options>($description))),+]
                    .into_iter()
                    .map(|row: fn() -> (&'static str, &'static str, Value, Value)| row())
            }

            /// Checks the options and builds the signal under its [`label`](Self::label).
            pub fn build(&self) -> Result<NamedSignal, OptionError> {
                let declared = serde_json::to_value(self).ok().map(Arc::new);
                match self {
                    $(Self::$options(options) => match options.build() {
                        Ok(signal) => Ok(NamedSignal { declared, ..NamedSignal::new(self.label(), signal) }),
                        Err(bad) => Err(OptionError { signal: $key, option: bad.option, problem: bad.problem }),
                    }),+
                }
            }

            /// The options as written, and as they are by default.
            fn values(&self) -> (Value, Value) {
                match self { $(Self::$options(options) => (written(options), written($options::default()))),+ }
            }

            fn from_map<'de, A: MapAccess<'de>>(name: &'static str, map: &mut A) -> Result<Self, A::Error> {
                match name {
                    $($key => map.next_value().map(Self::$options),)+
                    _ => Err(de::Error::unknown_variant(name, Self::NAMES)),
                }
            }
        }
    };
}

table! {
    /// A signal as a cascade file declares it: a name, or a name with options.
    pub enum SignalSpec {
        "mean-logprob" => MeanLogprob: "mean log-probability of the answer's tokens",
        "sum-logprob" => SumLogprob: "log-probability of the whole answer",
        "min-logprob" => MinLogprob: "log-probability of the least sure token",
        "quantile-logprob" => QuantileLogprob: "the alpha-quantile of the tokens' log-probabilities",
        "length-penalised-logprob" => LengthPenalisedLogprob: "sum of the log-probabilities over a power of their number",
        "trimmed-logprob" => TrimmedLogprob: "mean of the lowest log-probabilities",
        "margin" => Margin: "how far the likeliest alternative's probability is ahead of the second",
        "log-margin" => LogMargin: "how far the likeliest alternative's log-probability is ahead of the second",
        "entropy" => Entropy: "negated entropy of the likeliest alternatives",
        "choice" => Choice: "probability of the chosen label among declared labels",
        "self-rated" => SelfRated: "the confidence that the model states itself",
        "p-true" => PTrue: "the probability of True when a model is asked whether the answer is right",
        "agreement" => Agreement: "share of the other samples that give the same answer",
        "non-empty" => NonEmpty: "validator: there is a text or a tool call",
        "regex" => Pattern: "validator: the text matches a pattern, or must not",
        "json-schema" => JsonSchema: "validator: the text is JSON and fits a schema",
        "not-refusal" => NotRefusal: "validator: the answer is no refusal",
        "finish" => FinishReason: "validator: the model stopped for an allowed reason",
    }
}

/// An option's value is written out in a label up to this length, and as its digest beyond.
const LONGEST_VALUE: usize = 48;

impl SignalSpec {
    /// The name under which traces, observations and fits know the signal: its name, and in parentheses every option
    /// that is not at its default, by name: `quantile-logprob(alpha=0.25,tokens=content)`. Long values stand as a digest.
    pub fn label(&self) -> String {
        let (now, default) = self.values();
        let mut changed: Vec<(&String, &Value)> = match &now {
            Value::Object(options) => options.iter().filter(|(name, value)| default.get(name) != Some(value)).collect(),
            _ => Vec::new(),
        };
        changed.sort_by_key(|(name, _)| *name);
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

    /// The options that are not at their defaults need nothing said about the others.
    pub fn defaults(&self) -> Value {
        self.values().1
    }
}

fn shown(value: &Value) -> String {
    let plain = |text: &&String| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_./".contains(c));
    let written = match value {
        Value::String(text) => Some(text).filter(plain).cloned(),
        _ => None,
    };
    let written = written.unwrap_or_else(|| canonical(value));
    if written.chars().count() <= LONGEST_VALUE {
        return written;
    }
    let mut hasher = SipHasher24::new();
    hasher.write(written.as_bytes());
    format!("#{:016x}", hasher.finish())
}

/// Options as JSON, those without a value left out.
fn written(options: impl Serialize) -> Value {
    let mut value = serde_json::to_value(options).unwrap_or_default();
    if let Value::Object(options) = &mut value {
        options.retain(|_, value| !value.is_null());
    }
    value
}

fn schema<O: Options>(description: &str) -> Value {
    let mut schema = json!({
        "type": "object",
        "description": description,
        "properties": O::properties(),
        "additionalProperties": false,
    });
    // What does not build without an option needs it in the file.
    if let (Err(bad), Value::Object(schema)) = (O::default().build(), &mut schema) {
        schema.insert("required".to_owned(), json!([bad.option]));
    }
    schema
}

/// The name of a signal in a file; unknown ones are told all that there are.
struct Name(&'static str);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl Visitor<'_> for V {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a signal")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
                let known = SignalSpec::NAMES.iter().find(|known| **known == name);
                known.map(|known| Name(known)).ok_or_else(|| E::unknown_variant(name, SignalSpec::NAMES))
            }
        }
        deserializer.deserialize_str(V)
    }
}

/// `"mean-logprob"` or `{ quantile-logprob = { alpha = 0.1 } }`: the name is the key, so that positions in the file
/// survive inside.
impl<'de> Deserialize<'de> for SignalSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = SignalSpec;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a signal, or a table with that name as its only key and the signal's options")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<SignalSpec, E> {
                SignalSpec::by_name(name).ok_or_else(|| E::unknown_variant(name, SignalSpec::NAMES))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SignalSpec, A::Error> {
                let Some(Name(name)) = map.next_key()? else {
                    return Err(de::Error::invalid_length(0, &self));
                };
                let spec = SignalSpec::from_map(name, &mut map)?;
                if map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    return Err(de::Error::custom(format!(
                        "`{name}` stands beside another key, but a signal is one name with its options"
                    )));
                }
                Ok(spec)
            }
        }
        deserializer.deserialize_any(V)
    }
}

/// The shortest form that reads back as the same signal.
impl Serialize for SignalSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mut now, default) = self.values();
        if let Value::Object(options) = &mut now {
            options.retain(|name, value| default.get(name) != Some(value));
            if options.is_empty() {
                return serializer.serialize_str(self.name());
            }
        }
        serializer.collect_map([(self.name(), now)])
    }
}

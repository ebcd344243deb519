//! A value of a row, whatever type it has, so that a wrong one is reported with its place and not as a syntax error.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::text::{self, Plain};

/// A JSON value or CSV cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// Missing or null.
    #[default]
    Absent,
    Number(f64),
    /// A number as it is written, where it names something: a float would lose digits of it.
    Digits(&'a str),
    Bool(bool),
    Text(Cow<'a, str>),
    /// A list or an object.
    Other,
}

impl<'a> Scalar<'a> {
    /// What stands in a cell of CSV.
    pub(crate) fn of_cell(text: &'a str) -> Self {
        if text.is_empty() { Self::Absent } else { Self::Text(Cow::Borrowed(text)) }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The text, or the digits.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Digits(digits) => Some(digits),
            _ => None,
        }
    }

    /// Whether it is nothing, or a word for it.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Text(text) => text::is_missing(text),
            _ => false,
        }
    }

    /// What the value says where a number or a truth is expected.
    pub(crate) fn plain(&self) -> Plain {
        match self {
            Self::Absent => Plain::Missing,
            Self::Number(number) => Plain::Number(*number),
            Self::Bool(truth) => Plain::Bool(*truth),
            Self::Text(text) => text::plain(text),
            Self::Digits(digits) => text::plain(digits),
            Self::Other => Plain::Odd,
        }
    }

    /// The value for people, shortened.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Absent => "nothing".to_owned(),
            // Written out, 1e300 has 301 digits.
            Self::Number(number) if *number != 0.0 && !(1e-6..1e15).contains(&number.abs()) && number.is_finite() => {
                format!("{number:e}")
            }
            Self::Number(number) => number.to_string(),
            Self::Digits(digits) => (*digits).to_owned(),
            Self::Bool(bool) => bool.to_string(),
            Self::Text(text) if text.chars().count() > 40 => format!("the text {:?}…", text.chars().take(40).collect::<String>()),
            // Cells of CSV are texts, and so are the literals of Python that no JSON has.
            Self::Text(text) if matches!(text::plain(text), Plain::Number(_) | Plain::Bool(_)) => text.trim().to_owned(),
            Self::Text(text) => format!("the text {text:?}"),
            Self::Other => "a list or an object".to_owned(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(v as f64))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(v as f64))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(v))
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(v)))
    }
    fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(v.to_owned())))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Absent)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}

/// A JSON value that names something: a number is its digits.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Word<'a>(pub(crate) Scalar<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(<&'de RawValue>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<'a> Word<'a> {
    pub(crate) fn of(raw: &'a RawValue) -> Result<Self, serde_json::Error> {
        let raw = raw.get();
        if raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return Ok(Self(Scalar::Digits(raw)));
        }
        let quoted = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
        match quoted {
            Some(text) if !text.contains('\\') => Ok(Self(Scalar::Text(Cow::Borrowed(text)))),
            _ => serde_json::from_str(raw).map(Self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_own_digits() {
        let word = |json: &'static str| serde_json::from_str::<Word<'_>>(json).map(|word| word.0);
        for digits in ["9007199254740993", "123456789012345678901234567890", "-0", "1.50", "1e2"] {
            assert_eq!(word(digits).unwrap(), Scalar::Digits(digits));
        }
        assert_eq!(word(r#""a\u00e9\"""#).unwrap(), Scalar::Text("aé\"".into()));
        assert_eq!(word(r#""007""#).unwrap(), Scalar::Text("007".into()));
        assert_eq!(
            [word("null").unwrap(), word("true").unwrap(), word("[1]").unwrap()],
            [Scalar::Absent, Scalar::Bool(true), Scalar::Other]
        );
        assert!(word(r#""\ud800""#).is_err());
    }
}

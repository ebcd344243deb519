//! A value of a row, whatever type it has, so that a wrong one is reported with its place and not as a syntax error.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

use super::text::{self, Plain};
use crate::located::json_reason;

/// A JSON value or CSV cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// Missing or null.
    #[default]
    Absent,
    /// As it is written: where a number names something, a float would lose digits of it.
    Number(&'a str),
    Bool(bool),
    Text(Cow<'a, str>),
    List,
    Object,
}

impl<'a> Scalar<'a> {
    /// What stands in a cell of CSV.
    pub(crate) fn of_cell(text: &'a str) -> Self {
        if text.is_empty() { Self::Absent } else { Self::Text(Cow::Borrowed(text)) }
    }

    /// A JSON value; a text may have escapes that are none.
    pub(super) fn of(raw: &'a RawValue) -> Result<Self, serde_json::Error> {
        let raw = raw.get();
        Ok(match raw.as_bytes().first() {
            None | Some(b'n') => Self::Absent,
            Some(b't' | b'f') => Self::Bool(raw == "true"),
            Some(b'[') => Self::List,
            Some(b'{') => Self::Object,
            Some(b'"') if raw.contains('\\') => Self::Text(Cow::Owned(serde_json::from_str(raw)?)),
            Some(b'"') => Self::Text(Cow::Borrowed(raw.trim_matches('"'))),
            Some(_) => Self::Number(raw),
        })
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether it is an object, or nothing in the place of one.
    pub(super) fn may_have_keys(&self) -> bool {
        matches!(self, Self::Absent | Self::Object)
    }

    /// The text, or the digits.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(digits) => Some(digits),
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
            Self::Bool(truth) => Plain::Bool(*truth),
            Self::Text(text) => text::plain(text),
            Self::Number(digits) => text::plain(digits),
            Self::List | Self::Object => Plain::Odd,
        }
    }

    /// The value for people, shortened.
    pub(crate) fn shown(&self) -> String {
        match (self, self.plain()) {
            (Self::Absent, _) => "nothing".to_owned(),
            (Self::Number(digits), _) if digits.len() > 40 => format!("{}…", &digits[..40]),
            (Self::Number(digits), _) => (*digits).to_owned(),
            (Self::Bool(bool), _) => bool.to_string(),
            (Self::Text(text), _) if text.chars().count() > 40 => {
                format!("the text {:?}…", text.chars().take(40).collect::<String>())
            }
            // Cells of CSV are texts, and so are the literals of Python that no JSON has.
            (Self::Text(text), Plain::Number(_) | Plain::Bool(_)) => text.trim().to_owned(),
            (Self::Text(text), _) => format!("the text {text:?}"),
            (Self::List | Self::Object, _) => "a list or an object".to_owned(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(<&'de RawValue>::deserialize(deserializer)?).map_err(|error| D::Error::custom(json_reason(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_its_own_digits() {
        let value = |json: &'static str| serde_json::from_str::<Scalar<'_>>(json);
        for digits in ["9007199254740993", "123456789012345678901234567890", "-0", "1.50", "1e2"] {
            assert_eq!(value(digits).unwrap(), Scalar::Number(digits));
        }
        assert_eq!(value(r#""a\u00e9\"""#).unwrap(), Scalar::Text("aé\"".into()));
        assert_eq!(value(r#""007""#).unwrap(), Scalar::Text("007".into()));
        assert_eq!(value(r#""""#).unwrap(), Scalar::Text("".into()));
        assert_eq!(
            ["null", "true", "false", "[1]", "{}"].map(|json| value(json).unwrap()),
            [Scalar::Absent, Scalar::Bool(true), Scalar::Bool(false), Scalar::List, Scalar::Object]
        );
        assert!(value(r#""\ud800""#).is_err());
    }
}

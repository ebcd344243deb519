//! A value of a row, whatever type it has, so that a wrong one is reported with its place and not as a syntax error.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A JSON value or CSV cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// Missing or null.
    #[default]
    Absent,
    Number(f64),
    Bool(bool),
    Text(Cow<'a, str>),
    /// A list or an object.
    Other,
}

impl Scalar<'_> {
    pub(crate) fn is_absent(&self) -> bool {
        *self == Self::Absent
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
            // Python's literal, which no JSON has and which comes as a text.
            Self::Text(text) if matches!(&**text, "Infinity" | "-Infinity") => text.clone().into_owned(),
            Self::Bool(bool) => bool.to_string(),
            Self::Text(text) if text.chars().count() > 40 => format!("the text {:?}…", text.chars().take(40).collect::<String>()),
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

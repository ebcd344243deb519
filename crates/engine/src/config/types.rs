//! The types of values that TOML has none for. Each says in its schema what it looks like; `x-kind` tells the checker which one
//! it is.

use std::borrow::Cow;
use std::ops::{Deref, Range};
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tierfall_core::money::{DecimalError, Money, Rate};

use super::code::Code;
use super::values::duration;

/// A value with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Spanned<T>(toml::Spanned<T>);

impl<T> Spanned<T> {
    pub(crate) fn new(span: Range<usize>, value: T) -> Self {
        Self(toml::Spanned::new(span, value))
    }

    /// The value.
    pub fn get_ref(&self) -> &T {
        self.0.get_ref()
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.0.span()
    }
}

impl<T: Default> Default for Spanned<T> {
    fn default() -> Self {
        Self::new(0..0, T::default())
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

macro_rules! types {
    ($($(#[$meta:meta])* $name:ident($(#[$field:meta])* $of:ty) = $schema:tt;)+) => {
        $(
            #[derive(Clone, Debug, PartialEq, Deserialize)]
            $(#[$meta])*
            pub(crate) struct $name($(#[$field])* pub(crate) $of);

            impl Deref for $name {
                type Target = $of;
                fn deref(&self) -> &$of {
                    &self.0
                }
            }

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }
                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!($schema)
                }
            }
        )+
    };
}

types! {
    /// A text that is not empty.
    Text(String) = { "type": "string", "minLength": 1 };
    /// A name: letters, digits, `-`, `_` and `.`.
    #[derive(Serialize)]
    Name(String) = { "type": "string", "pattern": "^[\\p{L}\\p{N}_-][\\p{L}\\p{N}._-]*$", "x-kind": "name" };
    /// The name of an environment variable.
    Variable(String) = { "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "x-kind": "variable" };
    /// `provider/model`.
    ModelName(String) = { "type": "string", "pattern": "^[^/]+/.+$", "x-kind": "model" };
    /// A share of a whole.
    #[derive(Copy, Default, Serialize)]
    Share(f64) = { "type": "number", "minimum": 0, "maximum": 1 };
    /// `"30s"`.
    #[serde(try_from = "String")]
    Wait(Duration) = { "type": "string", "pattern": "^[0-9.]+ ?(ms|s|m|h)$", "x-kind": "duration" };
    /// US dollars, as a decimal text or a number.
    Dollars(#[serde(deserialize_with = "parsed")] Money) = { "anyOf": [
        { "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,12})?$" },
        { "type": "number", "minimum": 0 },
    ], "x-kind": "dollars" };
    /// US dollars a million tokens, likewise.
    DollarsPerMillion(#[serde(deserialize_with = "parsed")] Rate) = { "anyOf": [
        { "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,6})?$" },
        { "type": "number", "minimum": 0 },
    ], "x-kind": "dollars-per-million" };
}

/// The code of a warning.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Warning(pub(crate) String);

impl JsonSchema for Warning {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Warning".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": Code::warnings().collect::<Vec<_>>() })
    }
}

impl TryFrom<String> for Wait {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        duration(&text).map(Self)
    }
}

impl Serialize for Wait {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err = DecimalError>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

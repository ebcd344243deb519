//! Lists of kinds, one of which a file names, with options of its own: signals, rules. A list is declared once, by `registry!`; parser,
//! errors and JSON Schema come from it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{Error, MapDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// A closed list of kinds.
pub trait Registry: Sized {
    /// What one of them is called in messages: `signal`.
    const NOUN: &'static str;

    /// The names of all kinds, in the order of the list.
    const NAMES: &'static [&'static str];

    /// Reads the options of the kind `name`; `None` where there is no such kind.
    fn read<'de, D: Deserializer<'de>>(name: &str, options: D) -> Option<Result<Self, D::Error>>;

    /// The kind `name` without a word on its options; `None` where there is no such kind, or it cannot do without.
    fn by_name(name: &str) -> Option<Self> {
        Self::read(name, MapDeserializer::<_, Error>::new(std::iter::empty::<(&str, &str)>()))?.ok()
    }

    /// Reads `"mean-logprob"` or `{ quantile-logprob = { alpha = 0.1 } }`: the name is the key, so that positions in the file
    /// survive inside.
    fn read_named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Named(PhantomData))
    }
}

/// Reads the options of the kind that it names; an unknown one is told all that there are.
#[derive(Clone, Copy, Debug)]
pub struct OptionsOf<'n, R>(&'n str, PhantomData<R>);

impl<'n, R> OptionsOf<'n, R> {
    /// Of the kind `name`.
    pub fn new(name: &'n str) -> Self {
        Self(name, PhantomData)
    }
}

impl<'de, R: Registry> DeserializeSeed<'de> for OptionsOf<'_, R> {
    type Value = R;
    fn deserialize<D: Deserializer<'de>>(self, options: D) -> Result<R, D::Error> {
        R::read(self.0, options).unwrap_or_else(|| Err(de::Error::unknown_variant(self.0, R::NAMES)))
    }
}

struct Named<R>(PhantomData<R>);

impl<'de, R: Registry> Visitor<'de> for Named<R> {
    type Value = R;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name of a {0}, or a table with that name as its only key and the {0}'s options", R::NOUN)
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<R, E> {
        OptionsOf::<R>::new(name).deserialize(MapDeserializer::new(std::iter::empty::<(&str, &str)>()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<R, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(de::Error::invalid_length(0, &self));
        };
        let read = map.next_value_seed(OptionsOf::new(&name))?;
        if map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            let noun = R::NOUN;
            return Err(de::Error::custom(format!("`{name}` is not the only key, but a {noun} is one name with its options")));
        }
        Ok(read)
    }
}

/// Declares a [`Registry`](crate::registry::Registry): an enum of options, `"name" => super::module::Options: "what it is"`, from modules
/// beside the caller's. `of` is the trait through which all options are used alike. With the feature `schema` they have JSON Schemas.
macro_rules! registry {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident: $noun:literal of $seam:path {
            $($key:literal => super::$module:ident::$options:ident: $about:literal),+ $(,)?
        }
    ) => {
        $(use super::$module::$options;)+

        $(#[$meta])*
        $vis enum $name { $(#[doc = $about] $options($options)),+ }

        impl $name {
            /// The names in files.
            pub const NAMES: &'static [&'static str] = &[$($key),+];

            /// The name in files.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$options(_) => $key),+ }
            }

            fn options(&self) -> &dyn $seam {
                match self { $(Self::$options(options) => options),+ }
            }

            /// The JSON Schema of the options of every kind, by name; its description says what the kind is.
            #[cfg(feature = "schema")]
            pub fn schemas(generator: &mut schemars::SchemaGenerator) -> serde_json::Map<String, serde_json::Value> {
                let mut schemas = serde_json::Map::new();
                $(
                    let mut schema = generator.subschema_for::<$options>();
                    schema.insert("description".to_owned(), $about.into());
                    schemas.insert($key.to_owned(), schema.to_value());
                )+
                schemas
            }
        }

        impl $crate::registry::Registry for $name {
            const NOUN: &'static str = $noun;
            const NAMES: &'static [&'static str] = Self::NAMES;

            fn read<'de, D: serde::Deserializer<'de>>(name: &str, options: D) -> Option<Result<Self, D::Error>> {
                match name {
                    $($key => Some(<$options as serde::Deserialize>::deserialize(options).map(Self::$options)),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use registry;

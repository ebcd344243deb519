//! JSON objects key by key, in the order of the text.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// The keys and values of a JSON object; a map would keep the last of two equal keys. Where keys have to be `DISTINCT`, two equal ones are an
/// error.
pub(crate) struct Object<'a, V, const DISTINCT: bool>(pub(crate) Vec<(Cow<'a, str>, V)>);

/// One example: whether it matters that a key stands twice, who reads it decides.
pub(crate) type Line<'a, V> = Object<'a, V, false>;

/// A key, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Key<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a, V: Deserialize<'de>, const DISTINCT: bool> Deserialize<'de> for Object<'a, V, DISTINCT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys<V, const DISTINCT: bool>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>, const DISTINCT: bool> Visitor<'de> for Keys<V, DISTINCT> {
            type Value = Object<'de, V, DISTINCT>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(if DISTINCT { "an object" } else { "an object, one example" })
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all: Vec<(Cow<'de, str>, V)> = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    if DISTINCT && all.iter().any(|(known, _)| *known == key) {
                        return Err(A::Error::custom(format_args!("the key \"{key}\" stands twice")));
                    }
                    all.push((key, value));
                }
                Ok(Object(all))
            }
        }
        deserializer.deserialize_map(Keys(PhantomData))
    }
}

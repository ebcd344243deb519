//! Borrowed pieces of JSON that several readers share.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A string that borrows from the body wherever it holds no escape, inside an `Option` or a list too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A `T` that is written as an object: what serde derives for a struct reads a list by position too.
#[derive(Debug, Default)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// The object that `text` is.
pub(crate) fn object<'de, T: Deserialize<'de>>(text: &'de str) -> serde_json::Result<T> {
    serde_json::from_str::<Object<T>>(text).map(|object| object.0)
}

/// An object in a struct, or nothing.
pub(crate) fn maybe_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// A borrowed text, or nothing.
pub(crate) fn owned(text: Option<Text<'_>>) -> String {
    text.map(|text| text.0.into_owned()).unwrap_or_default()
}

/// A place for an error. Some servers write an empty one beside every answer.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Reported<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl<'a> Reported<'a> {
    /// The error, where there is one.
    pub(crate) fn error(&self) -> Option<&'a RawValue> {
        self.0.filter(|error| !["null", "false", "\"\"", "{}"].contains(&error.get()))
    }
}

/// A list, or null for an empty one.
pub(crate) fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A list of objects; null and an object of nothing stand for an empty one.
pub(crate) fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct ObjectsVisitor<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectsVisitor<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sequence")
        }
        fn visit_unit<E: de::Error>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut found = Vec::with_capacity(seq.size_hint().unwrap_or(0));
            while let Some(Object(next)) = seq.next_element()? {
                found.push(next);
            }
            Ok(found)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
            match map.next_key::<IgnoredAny>()? {
                None => Ok(Vec::new()),
                Some(_) => Err(de::Error::invalid_type(de::Unexpected::Map, &self)),
            }
        }
    }
    deserializer.deserialize_any(ObjectsVisitor(PhantomData))
}

/// A name that somebody else gave: a string, or the text of a number; anything else is none.
#[derive(Debug)]
pub(crate) struct Label<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Label<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        Ok(Self(match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<Text<'_>>(raw).map_err(de::Error::custom)?.0,
            Some(b'0'..=b'9') => Cow::Borrowed(raw),
            _ => Cow::Borrowed(""),
        }))
    }
}

/// A message's content: null, a string, or a list of typed parts of which only the text counts.
#[derive(Debug, Default)]
pub(crate) struct ContentText {
    /// The text, parts joined.
    pub(crate) text: String,
    /// The refusal among the parts.
    pub(crate) refusal: Option<String>,
}

impl<'de> Deserialize<'de> for ContentText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = ContentText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, null or a list of parts")
            }
            fn visit_unit<E: de::Error>(self) -> Result<ContentText, E> {
                Ok(ContentText::default())
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<ContentText, E> {
                self.visit_string(v.to_owned())
            }
            fn visit_string<E: de::Error>(self, text: String) -> Result<ContentText, E> {
                Ok(ContentText { text, refusal: None })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ContentText, A::Error> {
                let mut content = ContentText::default();
                while let Some(part) = seq.next_element::<Part>()? {
                    // Reasoning is not the answer.
                    if let (Some(text), false) = (part.text, matches!(part.kind.as_deref(), Some("thinking" | "reasoning"))) {
                        content.text.push_str(&text);
                    }
                    if let Some(refusal) = part.refusal {
                        content.refusal.get_or_insert_default().push_str(&refusal);
                    }
                }
                Ok(content)
            }
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}

#[derive(Default)]
struct Part {
    kind: Option<String>,
    text: Option<String>,
    refusal: Option<String>,
}

/// By hand, since a part may also be a bare string.
impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartVisitor;
        impl<'de> Visitor<'de> for PartVisitor {
            type Value = Part;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a content part")
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Part, E> {
                Ok(Part { text: Some(v.to_owned()), ..Part::default() })
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part, A::Error> {
                let mut part = Part::default();
                while let Some(Text(name)) = map.next_key()? {
                    match name.as_ref() {
                        "type" => part.kind = map.next_value()?,
                        "text" => part.text = map.next_value()?,
                        "refusal" => part.refusal = map.next_value()?,
                        _ => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(part)
            }
        }
        deserializer.deserialize_any(PartVisitor)
    }
}

/// A count as a server wrote it, in quotes or not; nothing where that is no count: below zero, broken, or no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get().trim_matches('"');
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and bounded")]
        let whole = || text.parse().ok().filter(|n: &f64| n.fract() == 0.0 && (0.0..1e15).contains(n)).map(|n| n as u64);
        Ok(Self(text.parse().ok().or_else(whole)))
    }
}

/// A member `usage`, read as `V`; nothing where it is missing, or not understood: what an answer cost is then unknown, and
/// the answer stays.
pub(crate) fn usage<'a, V: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<V> {
    raw.and_then(|raw| object(raw.get()).ok())
}

/// The JSON text of a tool call's arguments: the string's content, or an object's own text where a server sends one.
pub(crate) fn arguments_text(raw: Option<&RawValue>) -> Result<String, serde_json::Error> {
    match raw.map(RawValue::get) {
        None | Some("null") => Ok(String::new()),
        Some(text) if text.starts_with('"') => serde_json::from_str(text),
        Some(text) => Ok(text.to_owned()),
    }
}

/// The byte offset at which `piece` begins in `whole`; `None` where it is no part of it.
pub(crate) fn offset_in(whole: &str, piece: &str) -> Option<usize> {
    let offset = (piece.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (offset + piece.len() <= whole.len()).then_some(offset)
}

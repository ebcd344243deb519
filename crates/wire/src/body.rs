//! A JSON body as an ordered map of raw values: what is not edited leaves as it came, byte for byte.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{self, Deserialize, Deserializer, MapAccess};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::dialect::{DecodeError, EncodeError};
use crate::pointer;

/// A JSON object, read only one level deep.
///
/// Nesting costs nothing here, since values are passed over, not entered; the size is the caller's to bound, who reads it
/// from a connection.
///
/// An unedited body is written exactly as it was read. After an edit the members keep their order and every untouched
/// value its bytes (`1e2`, 23-digit integers, spacing inside); only the white space between members goes.
#[derive(Clone, Debug, Default)]
pub struct Body<'a> {
    /// What was read, as long as nothing was edited.
    text: Option<&'a str>,
    members: Members<'a>,
}

impl<'a> Body<'a> {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads an object. Anything else, a repeated member included, is an error: with a repeated member two readers
    /// may see two different requests.
    pub fn parse(text: &'a str) -> Result<Self, DecodeError> {
        let members = serde_json::from_str(text).map_err(|error| pointer::locate(text, &error))?;
        Ok(Self { text: Some(text), members })
    }

    /// The raw value of a member.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.members.0.get(name).map(AsRef::as_ref)
    }

    /// A member read as `T`; `None` where it is missing, null or something else.
    pub fn read<'s, T: Deserialize<'s>>(&'s self, name: &str) -> Option<T> {
        serde_json::from_str::<Option<T>>(self.get(name)?.get()).ok().flatten()
    }

    /// Sets a member: in its place where it exists, else at the end.
    pub fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), EncodeError> {
        self.set_raw(name, raw(name, value)?);
        Ok(())
    }

    /// Sets a member to JSON that is already written.
    pub(crate) fn set_raw(&mut self, name: &str, value: Box<RawValue>) {
        self.text = None;
        match self.members.0.get_mut(name) {
            Some(place) => *place = Cow::Owned(value),
            None => _ = self.members.0.insert(Cow::Owned(name.to_owned()), Cow::Owned(value)),
        }
    }

    /// Removes a member and says whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let there = self.members.0.shift_remove(name).is_some();
        if there {
            self.text = None;
        }
        there
    }

    /// Keeps the members for which `keep` says so, by name and raw value.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        let before = self.members.0.len();
        self.members.0.retain(|name, value| keep(name, value.get()));
        if self.members.0.len() < before {
            self.text = None;
        }
    }

    /// Writes the body.
    pub fn write(&self) -> Result<String, EncodeError> {
        let written = self.text.map_or_else(|| serde_json::to_string(&self.members), |text| Ok(text.to_owned()));
        written.map_err(|error| EncodeError::unwritable("the body", &error))
    }
}

/// A value as JSON; the error says that `what` cannot be that.
pub(crate) fn raw<T: Serialize + ?Sized>(what: &str, value: &T) -> Result<Box<RawValue>, EncodeError> {
    serde_json::value::to_raw_value(value).map_err(|error| EncodeError::unwritable(what, &error))
}

/// Writes an edited body as the value of another one's member.
impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members.serialize(serializer)
    }
}

#[derive(Clone, Debug, Default)]
struct Members<'a>(IndexMap<Cow<'a, str>, Cow<'a, RawValue>>);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value.as_ref())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = IndexMap::with_capacity(16);
                while let Some(crate::view::Text(name)) = map.next_key()? {
                    let value: &'de RawValue = map.next_value()?;
                    if members.contains_key(&name) {
                        return Err(de::Error::custom(format_args!("{} {name:.60}", pointer::REPEATED)));
                    }
                    members.insert(name, Cow::Borrowed(value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ODD: &str =
        "{ \"model\":\"a\",\n \"big\" : 12345678901234567890123, \"e\":1e2, \"m\\u006f\":[1 ,2],\"z\": {\"b\":1,\"a\":[ ]} }";

    #[test]
    fn an_unedited_body_is_written_as_it_was_read() {
        assert_eq!(Body::parse(ODD).unwrap().write().unwrap(), ODD);
        assert!(!Body::parse(ODD).unwrap().remove("absent"));
    }

    #[test]
    fn an_edit_touches_one_value() {
        let mut body = Body::parse(ODD).unwrap();
        body.set("model", "b").unwrap();
        body.set("new", &true).unwrap();
        assert!(body.remove("e"));
        let want = "{\"model\":\"b\",\"big\":12345678901234567890123,\"mo\":[1 ,2],\"z\":{\"b\":1,\"a\":[ ]},\"new\":true}";
        assert_eq!(body.write().unwrap(), want);
    }

    #[test]
    fn what_is_not_one_plain_object_is_refused() {
        for (text, at, why) in [
            ("[1]", "", "expected a JSON object"),
            ("{\"a\":1,\"b\":{},\"a\":2}", "", "repeats the member a"),
            ("{\"a\":1", "/a", "ends before"),
            ("{\"a\":tru}", "/a", "not valid JSON"),
            ("{} {}", "", "not valid JSON"),
            ("", "", "ends before"),
        ] {
            let error = Body::parse(text).unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
            assert!(error.why.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        let text = format!("{{\"a\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        let mut body = Body::parse(&text).unwrap();
        body.set("b", &1).unwrap();
        assert_eq!(body.write().unwrap().len(), text.len() + ",\"b\":1".len());
    }

    proptest! {
        #[test]
        fn untouched_values_keep_their_bytes(
            names in proptest::collection::btree_set("[a-z\\\\\"é]{1,4}", 1..8),
            values in proptest::collection::vec("-?[1-9][0-9]{0,30}(\\.[0-9]{1,25})?([eE][-+]?[0-9]{1,2})?", 8),
        ) {
            let members: Vec<String> =
                names.iter().zip(&values).map(|(n, v)| format!("{} : {v}", serde_json::to_string(n).unwrap())).collect();
            let text = format!("{{ {} }}", members.join(" ,\n"));
            let mut body = Body::parse(&text).unwrap();
            prop_assert_eq!(&body.write().unwrap(), &text);
            body.set("EDITED", &0).unwrap();
            let written = body.write().unwrap();
            let again = Body::parse(&written).unwrap();
            for (name, value) in names.iter().zip(&values) {
                prop_assert_eq!(again.get(name).unwrap().get(), value);
            }
        }

        #[test]
        fn reading_never_panics(text in "\\PC*") {
            _ = Body::parse(&text);
        }
    }
}

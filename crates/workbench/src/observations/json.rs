//! One line of JSON into the fields that count, in one pass and without a tree.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::config::{Config, Met};
use super::names;
use super::row::{Cell, Presence, Row, below_confidence};
use super::scalar::Word;

/// Reads a line into `row`; the tiers and signals that it names are added to `met`.
pub(super) fn line<'a>(text: &'a [u8], config: &Config<'_>, met: &mut Met, row: &mut Row<'a>) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Whole { config, met, row }.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Reads a line, or what Python meant by it where it is no JSON.
pub(crate) fn as_python<T>(
    text: &[u8],
    mut read: impl FnMut(&[u8]) -> Result<T, serde_json::Error>,
) -> Result<T, serde_json::Error> {
    read(text).or_else(|error| match without_literals(text) {
        Some(text) => read(&text),
        None => Err(error),
    })
}

/// JSON for a line as Python writes it: `NaN` outside of texts becomes null, `Infinity` a text. `None` where there is none.
pub(super) fn without_literals(text: &[u8]) -> Option<Vec<u8>> {
    const LITERALS: [(&[u8], &[u8]); 3] = [(b"NaN", b"null"), (b"-Infinity", br#""-Infinity""#), (b"Infinity", br#""Infinity""#)];
    let mut out = Vec::with_capacity(text.len() + 16);
    let (mut at, mut in_text, mut changed) = (0, false, false);
    while let Some(&byte) = text.get(at) {
        if !in_text && let Some((from, to)) = LITERALS.iter().find(|(from, _)| text[at..].starts_with(from)) {
            out.extend_from_slice(to);
            at += from.len();
            changed = true;
            continue;
        }
        if in_text && byte == b'\\' {
            out.push(byte);
            at += 1;
        } else if byte == b'"' {
            in_text = !in_text;
        }
        out.extend(text.get(at));
        at += 1;
    }
    changed.then_some(out)
}

/// The name of a key, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// An object that is read key by key, or something else in its place.
trait Object<'de>: Sized {
    fn key<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Reads an object; whether there was one, null, or something else.
struct OrElse<'de, O>(O, PhantomData<&'de ()>);

impl<'de, O: Object<'de>> DeserializeSeed<'de> for OrElse<'de, O> {
    type Value = Presence;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Presence, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! something_else {
    ($($visit:ident: $type:ty),*) => { $(fn $visit<E>(self, _: $type) -> Result<Presence, E> { Ok(Presence::Other) })* };
}

impl<'de, O: Object<'de>> Visitor<'de> for OrElse<'de, O> {
    type Value = Presence;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    something_else!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
    fn visit_unit<E>(self) -> Result<Presence, E> {
        Ok(Presence::Absent)
    }
    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Presence, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Presence::Other)
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Presence, A::Error> {
        while let Some(Name(key)) = map.next_key()? {
            self.0.key(&key, &mut map)?;
        }
        Ok(Presence::There)
    }
}

fn ignore<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

struct Whole<'r, 'a> {
    config: &'r Config<'r>,
    met: &'r mut Met,
    row: &'r mut Row<'a>,
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for Whole<'_, 'a> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // A row must be an object: anything else is an error of the whole line.
        deserializer.deserialize_map(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Whole<'_, 'a> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, one example")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { config, met, row } = self;
        while let Some(Name(key)) = map.next_key()? {
            match Row::field(&key) {
                Some(Row::WEIGHT) => row.set(Row::WEIGHT, map.next_value()?),
                Some(field) => row.set(field, map.next_value::<Word<'a>>()?.0),
                None if &*key == "tiers" => {
                    row.meets_tiers();
                    row.has_tiers = map.next_value_seed(OrElse(Tiers { config, met, row, next: 0 }, PhantomData))?;
                }
                None => ignore(&mut map)?,
            }
        }
        Ok(())
    }
}

struct Tiers<'r, 'a> {
    config: &'r Config<'r>,
    met: &'r mut Met,
    row: &'r mut Row<'a>,
    next: usize,
}

impl<'de: 'a, 'a> Object<'de> for Tiers<'_, 'a> {
    fn key<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let Some(tier) = names::tier(self.config.chain, key, self.next) else {
            self.met.other_tiers.add(key);
            return ignore(map);
        };
        self.next = tier + 1;
        let cell = &mut self.row.cells[tier];
        cell.meets_itself();
        cell.there = map.next_value_seed(OrElse(OneTier { met: self.met, cell, tier }, PhantomData))?;
        Ok(())
    }
}

struct OneTier<'r, 'a> {
    met: &'r mut Met,
    cell: &'r mut Cell<'a>,
    tier: usize,
}

impl<'de: 'a, 'a> Object<'de> for OneTier<'_, 'a> {
    fn key<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        // Whoever writes a key has an answer, if no value for it.
        self.cell.says = true;
        if key == "confidence" {
            let Self { met, cell, tier } = self;
            cell.meets_scores();
            let scores = Scores { met, cell, tier: *tier, next: 0 };
            let there = map.next_value_seed(OrElse(scores, PhantomData))?;
            self.cell.has_scores = there;
            return Ok(());
        }
        match Cell::field(key) {
            Some(field) => {
                let value = match field {
                    Cell::ANSWER => map.next_value::<Word<'a>>()?.0,
                    _ => map.next_value()?,
                };
                self.cell.set(field, value);
                Ok(())
            }
            None => ignore(map),
        }
    }
}

struct Scores<'r, 'a> {
    met: &'r mut Met,
    cell: &'r mut Cell<'a>,
    tier: usize,
    /// Signals from this place on were not met in the row.
    next: usize,
}

impl<'de: 'a, 'a> Object<'de> for Scores<'_, 'a> {
    fn key<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let place = self.met.signals[self.tier].place(key, self.next);
        // Rows repeat their keys in order, and then none is looked for.
        if place < self.next && self.cell.scores.iter().any(|(known, _)| *known == place) {
            self.cell.twice.get_or_insert_with(|| below_confidence(key));
        }
        self.next = self.next.max(place + 1);
        self.cell.scores.push((place, map.next_value()?));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_for_no_number_is_read() {
        let line = br#"{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN \" Infinity", "d": -1}"#;
        let expected = br#"{"a": null, "b": ["-Infinity", "Infinity"], "c": "NaN \" Infinity", "d": -1}"#;
        assert_eq!(without_literals(line).unwrap(), expected);
        assert_eq!(without_literals(br#"{"a": "NaN"}"#), None);
    }
}

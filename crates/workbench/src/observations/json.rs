//! One line of JSON into the fields that count, in one pass and without a tree.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::de::Read;

use super::row::{RawCell, RawRow, below_confidence};
use super::scalar::Scalar;
use crate::located::json_reason;
use crate::object::Key;

/// Reads a line.
pub(super) fn row<'a>(text: &'a [u8], chain: &[Arc<str>]) -> Result<RawRow<'a>, serde_json::Error> {
    // Looked at once as a whole, and not text by text; what is wrong with another one is told where it is wrong.
    match std::str::from_utf8(text) {
        Ok(text) => all_of(serde_json::Deserializer::from_str(text), chain),
        Err(_) => all_of(serde_json::Deserializer::from_slice(text), chain),
    }
}

fn all_of<'a>(mut line: serde_json::Deserializer<impl Read<'a>>, chain: &[Arc<str>]) -> Result<RawRow<'a>, serde_json::Error> {
    let mut row = RawRow::of(chain.len());
    Keys { place: Place::Row, row: &mut row, chain }.deserialize(&mut line)?;
    line.end()?;
    Ok(row)
}

/// Which object of a line it is.
#[derive(Clone, Copy)]
enum Place {
    Row,
    Tiers,
    Tier(usize),
    Confidence(usize),
}

/// Reads an object key by key; what has no keys, and is not nothing either, counts as a list in its place.
struct Keys<'r, 'a> {
    place: Place,
    row: &'r mut RawRow<'a>,
    chain: &'r [Arc<str>],
}

impl<'de: 'a, 'a> Keys<'_, 'a> {
    fn value<A: MapAccess<'de>>(&mut self, key: Cow<'a, str>, map: &mut A) -> Result<(), A::Error> {
        match self.place {
            Place::Row => match RawRow::field(&key) {
                Some(field) => self.row.set(field, map.next_value()?),
                None if key == "tiers" => {
                    let there = self.below(Place::Tiers, map)?;
                    self.row.set(RawRow::TIERS, there);
                }
                None => _ = map.next_value::<IgnoredAny>()?,
            },
            Place::Tiers => {
                let Some(tier) = self.chain.iter().position(|known| **known == *key) else {
                    self.row.others.push(key);
                    return map.next_value::<IgnoredAny>().map(drop);
                };
                let there = self.below(Place::Tier(tier), map)?;
                self.row.cells[tier].set(RawCell::ITSELF, there);
            }
            Place::Tier(tier) => {
                // Whoever writes a key has an answer, if no value for it.
                self.row.cells[tier].says = true;
                match RawCell::field(&key) {
                    Some(field) => self.row.cells[tier].set(field, map.next_value()?),
                    None if key == "confidence" => {
                        let there = self.below(Place::Confidence(tier), map)?;
                        self.row.cells[tier].set(RawCell::CONFIDENCE, there);
                    }
                    None => _ = map.next_value::<IgnoredAny>()?,
                }
            }
            Place::Confidence(tier) => {
                let cell = &mut self.row.cells[tier];
                if cell.scores.iter().any(|(known, _)| *known == key) {
                    cell.twice.get_or_insert_with(|| below_confidence(&key));
                }
                cell.scores.push((key, map.next_value()?));
            }
        }
        Ok(())
    }

    fn below<A: MapAccess<'de>>(&mut self, place: Place, map: &mut A) -> Result<Scalar<'a>, A::Error> {
        map.next_value_seed(Keys { place, row: self.row, chain: self.chain })
    }
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for Keys<'_, 'a> {
    type Value = Scalar<'a>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar<'a>, D::Error> {
        match self.place {
            Place::Row => deserializer.deserialize_map(self),
            _ => deserializer.deserialize_any(self),
        }
    }
}

macro_rules! no_object {
    ($($visit:ident: $type:ty),+) => { $(fn $visit<E>(self, _: $type) -> Result<Scalar<'a>, E> { Ok(Scalar::List) })+ };
}

impl<'de: 'a, 'a> Visitor<'de> for Keys<'_, 'a> {
    type Value = Scalar<'a>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, one example")
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Scalar<'a>, A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            self.value(key, &mut map)?;
        }
        Ok(Scalar::Object)
    }
    fn visit_unit<E>(self) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Absent)
    }
    no_object!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar<'a>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::List)
    }
}

/// Reads a line, or what Python meant by it where it is no JSON.
pub(crate) fn as_python<T>(
    text: &[u8],
    mut read: impl FnMut(&[u8]) -> Result<T, serde_json::Error>,
) -> Result<T, serde_json::Error> {
    read(text).or_else(|error| without_literals(text).map_or(Err(error), |text| read(&text)))
}

/// A JSON error without serde's own line number, which is always 1 here.
pub(crate) fn json_error(error: &serde_json::Error) -> String {
    format!("no JSON: {} (column {})", json_reason(error), error.column())
}

/// JSON for a line as Python writes it: `NaN` outside of texts becomes null, `Infinity` a text. `None` where there is none.
fn without_literals(text: &[u8]) -> Option<Vec<u8>> {
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

    #[test]
    fn bad_json_is_told_at_its_column_of_the_line_however_deep_it_stands() {
        let column = |line: &str| row(line.as_bytes(), &["small".into()]).unwrap_err().column();
        let within =
            [r#"{"tiers": "#, r#"{"tiers": {"small": "#, r#"{"tiers": {"small": {"confidence": "#, r#"{"tiers": {"other": "#];
        for deep in within.into_iter().chain([""]) {
            for value in [r#"{"correct": 1 2}"#, r#"{"correct": 1"#, r#"{"correct" 1}"#, r#"{"correct": nul}"#] {
                let line = format!("{deep}{value}");
                let expected = serde_json::from_str::<serde_json::Value>(&line).unwrap_err();
                assert_eq!(column(&line), expected.column(), "{line}");
            }
        }
        // The text of an unknown key may be anything; that of a known one is told at its end.
        assert!(row(br#"{"note": "\ud800"}"#, &[]).is_ok());
        assert_eq!(column(r#"{"note": "\ud800", "id": "\ud800", "x": 1 2}"#), 33);
    }
}

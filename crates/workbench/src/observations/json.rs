//! One line of JSON into the fields that count.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::counts::Counts;
use super::row::{RawCell, RawRow, below_confidence};
use super::scalar::Scalar;
use crate::object::{Line, Object};

/// Reads a line; the tiers and signals that it names are added to `met`.
pub(super) fn row<'a>(text: &'a [u8], chain: &[Arc<str>], met: &mut Counts) -> Result<RawRow<'a>, serde_json::Error> {
    let mut row = RawRow::of(chain.len());
    for (key, raw) in serde_json::from_slice::<Line<'a, &RawValue>>(text)?.0 {
        match RawRow::field(&key) {
            Some(field) => row.set(field, Scalar::of(raw)?),
            None if key == "tiers" => {
                row.set(RawRow::TIERS, Scalar::of(raw)?);
                for (name, raw) in keys::<&RawValue>(raw)? {
                    match chain.iter().position(|known| **known == *name) {
                        Some(tier) => cell(raw, tier, &mut row.cells[tier], met)?,
                        None => met.other_tiers.add(&name),
                    }
                }
            }
            None => {}
        }
    }
    Ok(row)
}

fn cell<'a>(raw: &'a RawValue, tier: usize, cell: &mut RawCell<'a>, met: &mut Counts) -> Result<(), serde_json::Error> {
    cell.set(RawCell::ITSELF, Scalar::of(raw)?);
    for (key, raw) in keys::<&RawValue>(raw)? {
        // Whoever writes a key has an answer, if no value for it.
        cell.says = true;
        match RawCell::field(&key) {
            Some(field) => cell.set(field, Scalar::of(raw)?),
            None if key == "confidence" => {
                cell.set(RawCell::CONFIDENCE, Scalar::of(raw)?);
                for (signal, score) in keys(raw)? {
                    let place = met.signals[tier].place(&signal);
                    if cell.scores.iter().any(|(known, _)| *known == place) {
                        cell.twice.get_or_insert_with(|| below_confidence(&signal));
                    }
                    cell.scores.push((place, score));
                }
            }
            None => {}
        }
    }
    Ok(())
}

/// The keys of an object; something else in its place has none.
fn keys<'a, V: serde::Deserialize<'a>>(raw: &'a RawValue) -> Result<Vec<(std::borrow::Cow<'a, str>, V)>, serde_json::Error> {
    if !raw.get().starts_with('{') {
        return Ok(Vec::new());
    }
    serde_json::from_str(raw.get()).map(|Object(keys): Line<'a, V>| keys)
}

/// Reads a line, or what Python meant by it where it is no JSON.
pub(crate) fn as_python<T>(
    text: &[u8],
    mut read: impl FnMut(&[u8]) -> Result<T, serde_json::Error>,
) -> Result<T, serde_json::Error> {
    read(text).or_else(|error| match without_literals(text) {
        Some(text) => read(&text),
        // What is wrong inside a value tells its column in that value; reading all at once tells it in the line.
        None => Err(serde_json::from_slice::<serde_json::Value>(text).err().unwrap_or(error)),
    })
}

/// A JSON error without serde's own line number, which is always 1 here.
pub(crate) fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    format!("no JSON: {what} (column {})", error.column())
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
}

//! JSON read piece by piece, so that whatever is wrong is said with line, column and JSON pointer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::object::Object;

/// A value in a text, not looked into yet.
#[derive(Clone, Debug)]
pub(crate) struct Located<'t> {
    text: &'t str,
    value: &'t str,
    pointer: String,
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    /// To the value that is wrong; empty for the whole.
    pub(crate) pointer: String,
    pub(crate) why: String,
}

impl<'t> Located<'t> {
    /// The whole text.
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, value: text, pointer: String::new() }
    }

    /// A part of this value; `pointer` as in `/key` or `/0`.
    pub(crate) fn part(&self, pointer: &str, value: &'t RawValue) -> Self {
        Self { text: self.text, value: value.get(), pointer: format!("{}{pointer}", self.pointer) }
    }

    /// The value of a key of this object; the object itself where it cannot be found.
    pub(crate) fn key(&self, key: &str) -> Self {
        self.object().ok().and_then(|mut values| values.remove(key)).unwrap_or_else(|| self.clone())
    }

    /// The value as it stands there.
    pub(crate) fn as_written(&self) -> &'t str {
        self.value
    }

    /// Where the value begins in the text, in bytes.
    fn offset(&self) -> usize {
        // Parsing borrows, so the value lies in the text; else the beginning is named, which is no error of the text's.
        let from = self.value.as_ptr().addr().checked_sub(self.text.as_ptr().addr());
        from.filter(|from| *from <= self.text.len()).unwrap_or(0)
    }

    /// Something is wrong with this value as a whole.
    pub(crate) fn fault(&self, why: impl Into<String>) -> Fault {
        let blank = self.value.len() - self.value.trim_start().len();
        self.fault_at(self.offset() + blank, why.into())
    }

    fn fault_at(&self, offset: usize, why: String) -> Fault {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Fault {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            pointer: self.pointer.clone(),
            why,
        }
    }

    /// The value as a type.
    pub(crate) fn parse<T: Deserialize<'t>>(&self) -> Result<T, Fault> {
        serde_json::from_str(self.value).map_err(|error| self.json_fault(&error))
    }

    /// The values of an object by key; two of one key are a fault.
    pub(crate) fn object(&self) -> Result<BTreeMap<String, Located<'t>>, Fault> {
        let Object(values) = self.parse::<Object<'t, _, true>>()?;
        let part = |(key, value): (Cow<'t, str>, _)| {
            let part = self.part(&format!("/{}", escaped(&key)), value);
            (key.into_owned(), part)
        };
        Ok(values.into_iter().map(part).collect())
    }

    /// An error of the parser, which says a line and a column in bytes within the value.
    fn json_fault(&self, error: &serde_json::Error) -> Fault {
        let what = json_reason(error);
        let why = if error.is_eof() { format!("the JSON ends too early: {what}") } else { what };
        let start: usize = self.value.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let mut within = (start + error.column().saturating_sub(1)).min(self.value.len());
        while !self.value.is_char_boundary(within) {
            within -= 1;
        }
        let key = self.key_at(within);
        let mut fault = self.fault_at(self.offset() + within, why);
        fault.pointer.extend(key);
        fault
    }

    /// Which key of this object has the value at an offset, as the end of a pointer; where it is an object that can be read.
    fn key_at(&self, within: usize) -> Option<String> {
        let Object(values) = serde_json::from_str::<Object<'_, &RawValue, true>>(self.value).ok()?;
        let offset = self.offset() + within;
        let holds = |value: &RawValue| {
            let from = self.part("", value).offset();
            (from..from + value.get().len()).contains(&offset)
        };
        values.into_iter().find(|(_, value)| holds(value)).map(|(key, _)| format!("/{}", escaped(&key)))
    }
}

/// What is wrong with JSON, without a place, and without the names that types have in this code.
pub fn json_reason(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what);
    what.split_once(", expected struct ").map_or_else(|| what.to_owned(), |(found, _)| format!("{found}, expected an object"))
}

/// A key in a JSON pointer (RFC 6901).
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "parsing is what is tested")]
    struct Row {
        a: f64,
        b: String,
    }

    #[test]
    fn the_names_of_our_types_are_not_said() {
        let error = serde_json::from_str::<Row>("3").unwrap_err();
        assert_eq!(json_reason(&error), "invalid type: integer `3`, expected an object");
    }

    fn at(fault: Fault) -> (usize, usize, String, String) {
        (fault.line, fault.column, fault.pointer, fault.why)
    }

    #[test]
    fn a_fault_has_its_place_in_the_whole_text() {
        let text = "{\n \"rows\": [\n  {\"a\": 1, \"b\": \"ü\"},\n  {\"b\": \"ü\", \"a\": \"x\"}\n ]\n}";
        let top = Located::new(text).object().unwrap();
        let rows = &top["rows"];
        let raw: Vec<&RawValue> = rows.parse().unwrap();
        rows.part("/0", raw[0]).parse::<Row>().unwrap();
        let (line, _, pointer, why) = at(rows.part("/1", raw[1]).parse::<Row>().unwrap_err());
        assert_eq!((line, pointer.as_str()), (4, "/rows/1/a"), "{why}");
        assert!(why.starts_with("invalid type: string \"x\", expected f64"), "{why}");
        let whole = rows.part("/1", raw[1]).fault("no");
        assert_eq!(at(whole), (4, 3, "/rows/1".to_owned(), "no".to_owned()));
    }

    #[test]
    fn broken_json_and_double_keys() {
        let broken = |text: &str| at(Located::new(text).object().unwrap_err());
        let (line, column, pointer, why) = broken("{\"a\": 1,\n \"b\": NaN}");
        assert_eq!((line, column, pointer.as_str()), (2, 7, ""), "{why}");
        assert!(broken("{\"a\": 1,\n \"b\"").3.starts_with("the JSON ends too early"));
        assert!(broken("{\"a\": 1, \"a\": 2}").3.contains("\"a\" stands twice"));
        assert!(broken("[]").3.contains("expected an object"));
        assert!(broken("{} {}").3.contains("trailing"));
    }
}

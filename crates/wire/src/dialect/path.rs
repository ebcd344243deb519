//! Paths that name a model.

use std::fmt::Write;

use super::EncodeError;

/// A name as one segment of a path, percent-encoded: whatever it holds (`/`, `?`, `%`, spaces), it stays one segment, as it is read at the
/// other end. The names `.` and `..` are none: every reader of URLs takes them, encoded too, for a way up.
pub fn segment(name: &str) -> Result<String, EncodeError> {
    if matches!(name, "" | "." | "..") {
        return Err(EncodeError(format!("{name:?} names no model that a URL could hold: check the tier's `model`")));
    }
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => segment.push(char::from(byte)),
            _ => _ = write!(segment, "%{byte:02X}"),
        }
    }
    Ok(segment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_one_segment() {
        for (name, want) in [
            ("gpt-4.1_mini~", "gpt-4.1_mini~"),
            ("org/model:7b", "org%2Fmodel%3A7b"),
            ("a b?c#d%e", "a%20b%3Fc%23d%25e"),
            ("é", "%C3%A9"),
            ("../x", "..%2Fx"),
            ("...", "..."),
        ] {
            assert_eq!(segment(name).unwrap(), want);
        }
        for name in ["", ".", ".."] {
            assert!(segment(name).is_err());
        }
    }

    proptest! {
        #[test]
        fn nothing_in_a_name_ends_its_segment(name in "\\PC{3,20}") {
            let segment = segment(&name).unwrap();
            prop_assert!(!segment.contains(['/', '?', '#', '\\', ' ']) && segment.is_ascii());
        }
    }
}

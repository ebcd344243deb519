//! Numbers that nobody should write, put where texts of JSON, TOML or CSV have one.

use std::ops::Range;

/// Beyond every type, at the edges of each, and what is no whole number.
pub const ABSURD: [&str; 20] = [
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "9223372036854775808",
    "4294967295",
    "4294967296",
    "10000000000",
    "256",
    "0",
    "-1",
    "-0",
    "-0.0",
    "0.5",
    "100.0",
    "1e2",
    "1e19",
    "1e308",
    "1e999",
    "-1e999",
    "5e-324",
];

/// Where the numbers of a text stand, those between double quotes aside.
pub fn places(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let (mut found, mut at, mut quoted, mut word) = (Vec::new(), 0, false, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'-' | b'0'..=b'9' if !quoted && !word => {
                let end = at + bytes[at..].iter().take_while(|b| b"+-.eE0123456789".contains(b)).count();
                found.push(at..end);
                at = end;
                continue;
            }
            _ => {}
        }
        // A digit or a hyphen inside a bare word is no number.
        word = !quoted && (bytes[at.min(bytes.len() - 1)].is_ascii_alphanumeric() || (word && b"-_".contains(&bytes[at])));
        at += 1;
    }
    found
}

/// The text with another number at a place.
pub fn exchanged(text: &str, place: &Range<usize>, number: &str) -> String {
    format!("{}{number}{}", &text[..place.start], &text[place.end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_where_they_stand() {
        let of = |text: &str| places(text).into_iter().map(|place| text[place].to_owned()).collect::<Vec<_>>();
        assert_eq!(
            of(r#"{"a1": -0.5, "b": [1e9, "7", "\"8"], "c": 18446744073709551616}"#),
            ["-0.5", "1e9", "18446744073709551616"]
        );
        assert_eq!(of("max-tokens = 24\nseed2 = 3 # 4\n"), ["24", "3", "4"]);
        assert_eq!(of("id,1,2.5\n"), ["1", "2.5"]);
        assert_eq!(exchanged("[1, 2]", &(4..5), "1e999"), "[1, 1e999]");
    }
}

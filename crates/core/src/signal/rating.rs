//! Reads a self-rating out of a reply, or says why it cannot.
//!
//! Strict on purpose: a rating counts only behind its marker, on its declared scale and without contradiction. A range, a
//! word, two different numbers or a number in the answer itself are no rating, and nothing stands in for a missing one.

use std::ops::Range;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::Abstain;
use super::json::{find, members, place};
use super::options::{BadOption, present};

/// The scale that the model was asked to rate on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// 0 to 100.
    #[default]
    Percent,
    /// 0 to 1.
    Unit,
    /// 0 to 10.
    Ten,
}

impl Scale {
    /// The scale's upper end.
    pub fn top(self) -> f64 {
        match self {
            Self::Percent => 100.0,
            Self::Unit => 1.0,
            Self::Ten => 10.0,
        }
    }
}

/// How the model was asked to write its rating.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Behind a marker in the text: `Confidence: 80%`.
    #[default]
    Text,
    /// As a field of a JSON object; where the JSON is broken, behind that field's name.
    Json,
}

/// A rating that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Rating {
    /// The rating in [0, 1].
    pub value: f64,
    /// How it was found.
    pub rule: Rule,
    /// Marker and number, in bytes of the reply.
    pub span: Range<usize>,
}

/// How a rating was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A field of a JSON object.
    JsonField,
    /// The number behind the last marker.
    Marker,
}

/// Why there is no rating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRating {
    /// No marker.
    Missing,
    /// A marker with a word or nothing behind it.
    NotANumber,
    /// A range: `70–80`.
    Range,
    /// Several different numbers.
    Contradictory,
    /// Outside the declared scale. That includes an unmarked fraction below 1 on the scales to 10 and 100, where 0.9
    /// is as likely the other scale's 90 % as this one's.
    OutOfScale,
}

impl From<NoRating> for Abstain {
    fn from(why: NoRating) -> Self {
        match why {
            NoRating::OutOfScale => Self::OutOfScale,
            NoRating::Missing | NoRating::NotANumber | NoRating::Range | NoRating::Contradictory => Self::Unparsable,
        }
    }
}

/// Reads ratings of one style and scale behind one marker.
#[derive(Clone, Debug)]
pub struct RatingParser {
    style: Style,
    scale: Scale,
    field: String,
    marker: Regex,
    number: Regex,
}

impl RatingParser {
    /// `field` is the marker (`confidence`) and the name of the JSON field; its case does not matter.
    pub fn new(style: Style, scale: Scale, field: &str) -> Result<Self, BadOption> {
        let name = regex::escape(present("field", field, "the name of the rating")?);
        // A marker begins a line, or is followed by a colon. Quotes, stars and a parenthesis around it do not matter.
        let marker = format!(
            r#"(?im)(?:^[ \t>#*_"'`-]*{name}(?:[ \t]+(?:level|score|rating))?["'*_`]*(?:[ \t]*\([^()\n]{{0,40}}\))?[ \t*_]*(?:[:=][ \t*_"'`\[(]*|[ \t])|\b{name}(?:[ \t]+(?:level|score|rating))?["'*_`]*(?:[ \t]*\([^()\n]{{0,40}}\))?[ \t*_]*[:=][ \t*_"'`\[(]*)"#
        );
        let number =
            r"(?i)^\s*([-+]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+))(?:\s*(%|percent\b|/\s*100\b|/\s*10\b|out of 100\b|out of 10\b))?";
        let compiled = |pattern: &str| {
            Regex::new(pattern).map_err(|error| BadOption::new("field", format!("makes no marker to look for: {error}")))
        };
        Ok(Self { style, scale, field: field.to_lowercase(), marker: compiled(&marker)?, number: compiled(number)? })
    }

    /// The rating in `reply`.
    pub fn parse(&self, reply: &str) -> Result<Rating, NoRating> {
        match self.style {
            Style::Text => self.behind_marker(reply),
            Style::Json => self.in_json(reply).unwrap_or_else(|| self.behind_marker(reply)),
        }
    }

    /// The last marker with what was written behind it: with its number, or, on the reply's last line and at that
    /// line's start, with whatever stands there.
    pub(super) fn locate(&self, reply: &str) -> Option<Range<usize>> {
        if let Ok(rating) = self.behind_marker(reply) {
            return Some(rating.span);
        }
        let written = reply.trim_end();
        let last = self.marker.find_iter(written).last()?;
        let line = written.rfind('\n').map_or(0, |end| end + 1);
        let starts_it = written.get(line..last.start()).is_none_or(|before| before.trim().is_empty());
        // A reply of one line is an answer, not a rating.
        (starts_it && line > 0 && last.end() > line).then_some(last.start()..written.len())
    }

    /// `None` where there is no JSON object with the field.
    fn in_json(&self, reply: &str) -> Option<Result<Rating, NoRating>> {
        let object = find(reply)?;
        let mut values = members(object)?.into_iter().filter(|(name, _)| name.to_lowercase() == self.field);
        let (_, first) = values.next()?;
        let read = |value: &str| {
            let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
            let (number, rest) = self.number(bare)?;
            if rest.trim().is_empty() { Ok(number) } else { Err(NoRating::NotANumber) }
        };
        let agrees = |known: f64| move |(_, value): (String, &str)| read(value).is_ok_and(|other| same(other, known));
        // Models correct themselves: what stands around the object must not rate otherwise.
        let around = place(reply, object);
        let outside = [&reply[..around.start], &reply[around.end..]].map(|part| self.behind_marker(part));
        let differs = |known: f64| {
            outside.iter().any(|part| match part {
                Ok(other) => !same(other.value, known),
                Err(why) => *why == NoRating::Contradictory,
            })
        };
        Some(read(first).and_then(|value| {
            if values.all(agrees(value)) && !differs(value) {
                Ok(Rating { value, rule: Rule::JsonField, span: place(reply, first) })
            } else {
                Err(NoRating::Contradictory)
            }
        }))
    }

    /// The last marker counts; numbers behind the others must not differ from it.
    fn behind_marker(&self, reply: &str) -> Result<Rating, NoRating> {
        let mut last = Err(NoRating::Missing);
        let mut known: Option<f64> = None;
        for marker in self.marker.find_iter(reply) {
            let behind = &reply[marker.end()..];
            let line = behind.split('\n').next().unwrap_or_default();
            last = self.number(line).map(|(value, rest)| Rating {
                value,
                rule: Rule::Marker,
                span: marker.start()..marker.end() + line.len() - rest.len(),
            });
            if let Ok(rating) = &last {
                if known.is_some_and(|known| !same(known, rating.value)) {
                    return Err(NoRating::Contradictory);
                }
                known = Some(rating.value);
            }
        }
        last
    }

    /// The rating at the start of `text`, and what stands behind it.
    fn number<'a>(&self, text: &'a str) -> Result<(f64, &'a str), NoRating> {
        let found = self.number.captures(text).ok_or(NoRating::NotANumber)?;
        let (Some(whole), Some(digits)) = (found.get(0), found.get(1)) else { return Err(NoRating::NotANumber) };
        let rest = &text[whole.end()..];
        follows(rest)?;
        let value: f64 = digits.as_str().parse().map_err(|_| NoRating::NotANumber)?;
        let unit = found.get(2).map(|unit| unit.as_str());
        let top = match unit {
            Some(unit) if unit.ends_with("10") => 10.0,
            Some(_) => 100.0,
            None => self.scale.top(),
        };
        let ambiguous = unit.is_none() && self.scale != Scale::Unit && value > 0.0 && value < 1.0;
        if ambiguous || !(0.0..=top).contains(&value) { Err(NoRating::OutOfScale) } else { Ok((value / top, rest)) }
    }
}

/// What may not follow a rating: more digits of another number, a letter, or the upper end of a range.
fn follows(rest: &str) -> Result<(), NoRating> {
    let mut characters = rest.chars();
    let next = characters.next();
    let after = characters.next();
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    if next.is_some_and(char::is_alphanumeric) || (matches!(next, Some('.' | ',')) && digit(after)) {
        return Err(NoRating::NotANumber);
    }
    let rest = rest.trim_start();
    if rest.starts_with('/') {
        return Err(NoRating::NotANumber);
    }
    let upper = ["-", "–", "—", "~", "to ", "or ", "and ", "±", "+/-", ".."].iter().find_map(|sign| rest.strip_prefix(sign));
    if upper.is_some_and(|upper| digit(upper.trim_start().chars().next())) { Err(NoRating::Range) } else { Ok(()) }
}

/// `80%` and `0.8` are the same rating.
fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(scale: Scale, reply: &str) -> Result<f64, NoRating> {
        RatingParser::new(Style::Text, scale, "confidence").unwrap().parse(reply).map(|rating| rating.value)
    }

    fn json(reply: &str) -> Result<f64, NoRating> {
        RatingParser::new(Style::Json, Scale::Unit, "confidence").unwrap().parse(reply).map(|rating| rating.value)
    }

    #[test]
    fn clear_ratings_are_read() {
        for (scale, reply, value) in [
            (Scale::Percent, "Paris\nConfidence: 80%", 0.8),
            (Scale::Percent, "Paris\n**Confidence:** 80", 0.8),
            (Scale::Percent, "Confidence (0-100): 85", 0.85),
            (Scale::Percent, "confidence level = 70 percent", 0.7),
            (Scale::Percent, "Answer and so on. Confidence: [90]%", 0.9),
            (Scale::Percent, "Confidence 95%\nThanks!", 0.95),
            (Scale::Percent, "Confidence: 8/10", 0.8),
            (Scale::Percent, "Confidence: 80 / 100.", 0.8),
            (Scale::Percent, "Confidence: 0", 0.0),
            (Scale::Unit, "Confidence: 0.8.", 0.8),
            (Scale::Unit, "Confidence: .8", 0.8),
            (Scale::Unit, "Confidence: 80%", 0.8),
            (Scale::Ten, "Confidence: 7", 0.7),
        ] {
            assert!(text(scale, reply).is_ok_and(|read| same(read, value)), "{reply}: {:?}", text(scale, reply));
        }
    }

    #[test]
    fn one_is_read_on_the_declared_scale() {
        for (scale, value) in [(Scale::Percent, 0.01), (Scale::Unit, 1.0), (Scale::Ten, 0.1)] {
            assert!(text(scale, "Confidence: 1").is_ok_and(|read| same(read, value)), "{scale:?}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        use NoRating::{Contradictory, Missing, NotANumber, OutOfScale, Range};
        for (reply, why) in [
            ("I am 95% sure.", Missing),
            ("It is 95 % likely to rain, says the confidence man.", Missing),
            ("", Missing),
            ("Confidence:", NotANumber),
            ("Confidence: high", NotANumber),
            ("Confidence: high (90%)", NotANumber),
            ("Confidence: 0,8", NotANumber),
            ("Confidence: 80.5.1", NotANumber),
            ("Confidence: 80x", NotANumber),
            ("Confidence: 3/5", NotANumber),
            ("Confidence: 70-80", Range),
            ("Confidence: 70% – 80%", Range),
            ("Confidence: 70 to 80%", Range),
            ("Confidence: 70%\nConfidence: 90%", Contradictory),
            ("Confidence: 120", OutOfScale),
            ("Confidence: 120%", OutOfScale),
            ("Confidence: -5", OutOfScale),
            ("Confidence: 12/10", OutOfScale),
            ("Confidence: 0.9", OutOfScale),
            ("Confidence: 90%\nConfidence: high", NotANumber),
        ] {
            assert_eq!(text(Scale::Percent, reply), Err(why), "{reply}");
        }
        assert_eq!(text(Scale::Unit, "Confidence: 85"), Err(OutOfScale));
    }

    #[test]
    fn the_last_marker_wins_where_nothing_contradicts_it() {
        assert!(text(Scale::Percent, "Confidence: low at first.\nConfidence: 80%").is_ok_and(|read| same(read, 0.8)));
        assert!(text(Scale::Percent, "Confidence: 80%\nConfidence: 80").is_ok_and(|read| same(read, 0.8)));
    }

    #[test]
    fn json_ratings_are_read_from_the_field_alone() {
        for reply in [
            r#"{"answer": "95", "confidence": 0.8}"#,
            r#"{"Answer": "x", "Confidence": "0.8"}"#,
            "```json\n{\"confidence\": 0.80}\n```",
            "{\"confidence\": \"80%\"}\n\nAsk me more!",
            // A Python literal breaks the JSON, not the rating.
            "{\"Answer\": True,\n \"Confidence\": 0.8}",
        ] {
            assert!(json(reply).is_ok_and(|read| same(read, 0.8)), "{reply}: {:?}", json(reply));
        }
        assert_eq!(json(r#"{"answer": 0.8}"#), Err(NoRating::Missing));
        assert_eq!(json(r#"{"confidence": 0.1} Wait, no: {"confidence": 0.4}"#), Err(NoRating::Contradictory));
        assert_eq!(json(r#"{"confidence": null}"#), Err(NoRating::NotANumber));
        assert_eq!(json(r#"{"confidence": true}"#), Err(NoRating::NotANumber));
        assert_eq!(json(r#"{"confidence": 0.8, "Confidence": 0.3}"#), Err(NoRating::Contradictory));
        assert_eq!(json(r#"{"confidence": "0.7-0.8"}"#), Err(NoRating::Range));
        assert_eq!(json(r#"{"confidence": 85}"#), Err(NoRating::OutOfScale));
        assert_eq!(json(r#"{"confidence": 1e-1}"#), Err(NoRating::NotANumber));
    }

    static PARSERS: std::sync::LazyLock<Vec<RatingParser>> = std::sync::LazyLock::new(|| {
        let scales = [Scale::Percent, Scale::Unit, Scale::Ten];
        let parsers =
            [Style::Text, Style::Json].map(|style| scales.map(|scale| RatingParser::new(style, scale, "confidence").unwrap()));
        parsers.into_iter().flatten().collect()
    });

    proptest! {
        #[test]
        fn every_reply_is_read_or_refused(reply in "(?s)[\\PC\n]{0,80}", tail in "(Confidence: ?)?[-0-9.,%/ ]{0,8}") {
            let reply = format!("{reply}{tail}");
            for parser in &*PARSERS {
                if let Ok(rating) = parser.parse(&reply) {
                    prop_assert!((0.0..=1.0).contains(&rating.value));
                    prop_assert!(reply.get(rating.span).is_some());
                }
                prop_assert!(parser.locate(&reply).is_none_or(|span| reply.get(span).is_some()));
            }
        }
    }
}

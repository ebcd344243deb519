//! Reads a self-rating out of a reply, or says why it cannot, and takes it out again.
//!
//! Strict on purpose: a rating counts only behind its marker, where it was asked for, on its declared scale and without
//! contradiction. A range, a word, two different numbers or a number in the answer itself are no rating, and nothing stands
//! in for a missing one. What is read is what is taken out: the last line or clause of the reply, or its first one, or the
//! member of an object that is the whole reply. All else stays as the model said it.

mod number;
mod object;
mod opening;
mod scale;
mod text;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::options::{BadOption, present};
use crate::said::{begin, thoughts};
pub(super) use object::ANSWER;
pub(super) use opening::Opening;
use scale::same;
pub use scale::{NoRating, Scale};
use text::{Mention, Mentions};

/// How the model was asked to write its rating.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Behind a marker in the text: `Confidence: 80%`.
    #[default]
    Text,
    /// As a field of a JSON object; in a reply without one, behind a marker.
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
    /// A field of an object that is JSON but for small faults.
    MendedField,
    /// The number behind a marker.
    Marker,
}

/// A reply, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The rating.
    pub rating: Result<Rating, NoRating>,
    /// The reply without it; `None` where nothing can be taken out whole, and the reply stays as it was said.
    pub rest: Option<Rest>,
}

/// What is left of a reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Rest {
    /// Its text.
    pub text: String,
    /// The parts of the reply that it is made of, in bytes, rising.
    pub kept: Vec<Range<usize>>,
}

impl Rest {
    fn of(reply: &str, kept: Vec<Range<usize>>) -> Self {
        Self { text: kept.iter().map(|span| &reply[span.clone()]).collect(), kept }
    }
}

/// Reads ratings of one style and scale behind one marker.
#[derive(Clone, Debug)]
pub struct RatingParser {
    style: Style,
    scale: Scale,
    field: String,
    mentions: Mentions,
}

impl RatingParser {
    /// `field` is the marker (`confidence`) and the name of the JSON field; its case does not matter.
    pub fn new(style: Style, scale: Scale, field: &str) -> Result<Self, BadOption> {
        let mentions = Mentions::new(present("field", field, "the name of the rating")?, scale)?;
        Ok(Self { style, scale, field: field.to_lowercase(), mentions })
    }

    /// The rating in `reply`.
    pub fn parse(&self, reply: &str) -> Result<Rating, NoRating> {
        self.take_apart(reply).rating
    }

    /// The rating in `reply`, and what the reply is without it.
    pub fn take_apart(&self, reply: &str) -> Parts {
        let from_object = match self.style {
            Style::Text => None,
            Style::Json => self.object(reply),
        };
        from_object.unwrap_or_else(|| self.within(reply, 0..reply.len()))
    }

    /// Reads this part of the reply as a text, and nothing else of it; what is left is left of the whole reply.
    pub(super) fn within(&self, reply: &str, part: Range<usize>) -> Parts {
        let (from, text) = (part.start, &reply[part]);
        let mentions = self.mentions.in_text(text, false);
        let Some((stated, clause)) = stated(&mentions, text) else {
            let why = mentions.last().map_or(NoRating::Missing, |last| last.rating.err().unwrap_or(NoRating::Misplaced));
            return Parts { rating: Err(why), rest: None };
        };
        if contradicted(&mentions, stated.rating) {
            return Parts { rating: Err(NoRating::Contradictory), rest: None };
        }
        let shift = |span: &Range<usize>| from + span.start..from + span.end;
        let rating = stated.rating.map(|value| Rating { value, rule: Rule::Marker, span: shift(&stated.span) });
        let rest = Rest::of(reply, without(reply, &shift(clause)));
        // A reply that is nothing but a word behind a marker is an answer, not a rating.
        let is_answer = rating.is_err() && rest.text.trim().is_empty();
        Parts { rating, rest: (!is_answer).then_some(rest) }
    }
}

/// The mention that rates the reply: its last clause, as was asked for, or its first one where nothing else speaks of the
/// rating. What stands in between is part of the answer, and so is a row among others of its kind.
fn stated<'m>(mentions: &'m [Mention], reply: &str) -> Option<(&'m Mention, &'m Range<usize>)> {
    let last = mentions.last()?;
    let clause = last.clause.as_ref()?;
    let (before, behind) = (&reply[..clause.start], &reply[clause.end..]);
    // The full stop behind a clause in brackets ends the sentence before it.
    let is_end = behind.trim_start_matches(text::CLOSING).trim().is_empty();
    let is_first = || {
        let begin = begin(reply, &thoughts(reply)).min(clause.start);
        mentions.len() == 1 && last.rating.is_ok() && reply[begin..clause.start].trim().is_empty()
    };
    let beside = if is_end { before.lines().next_back() } else { behind.lines().nth(1) };
    let row = text::is_row(&reply[clause.clone()]) && beside.is_some_and(text::is_row);
    (!row && (is_end || is_first())).then_some((last, clause))
}

/// Whether another clause rates otherwise.
fn contradicted(mentions: &[Mention], rating: Result<f64, NoRating>) -> bool {
    let clauses = mentions.iter().filter(|mention| mention.clause.is_some());
    rating.is_ok_and(|value| clauses.filter_map(|mention| mention.rating.ok()).any(|other| !same(value, other)))
}

/// What is left of `text` without this span. A line that has nothing else goes with its break; where the text then begins
/// or ends with blank lines, these go too.
fn without(text: &str, span: &Range<usize>) -> Vec<Range<usize>> {
    let span = whole_lines(text, span);
    let (before, behind) = (&text[..span.start], &text[span.end..]);
    let kept = match (before.trim().is_empty(), behind.trim().is_empty()) {
        (true, true) => [0..0, 0..0],
        (false, true) => [0..without_last_break(before).len(), 0..0],
        (true, false) => [0..0, span.end + blank_lines(behind)..text.len()],
        (false, false) => [0..span.start, span.end..text.len()],
    };
    kept.into_iter().filter(|span| !span.is_empty()).collect()
}

/// A span, or the whole line around it where that holds nothing else.
fn whole_lines(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text[..span.start].rfind(text::is_break).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let end = text[span.end..].find(text::is_break).map_or(text.len(), |at| span.end + at);
    if !text[start..span.start].trim().is_empty() || !text[span.end..end].trim().is_empty() {
        return span.clone();
    }
    let mut breaks = text[end..].chars();
    let width = match (breaks.next(), breaks.next()) {
        (Some('\r'), Some('\n')) => 2,
        (Some(c), _) => c.len_utf8(),
        (None, _) => 0,
    };
    start..end + width
}

/// How many bytes of blank lines `text` begins with.
fn blank_lines(text: &str) -> usize {
    text.split_inclusive(text::is_break)
        .take_while(|line| line.ends_with(text::is_break) && line.trim().is_empty())
        .map(str::len)
        .sum()
}

/// A text without the break of its last line, and without the blank lines before that.
fn without_last_break(text: &str) -> &str {
    let mut text = text;
    while let Some(ended) = text.strip_suffix(text::is_break) {
        let line = ended.rsplit(text::is_break).next().unwrap_or_default();
        text = ended;
        if !line.trim().is_empty() {
            break;
        }
        text = &text[..text.len() - line.len()];
    }
    text
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
            (Scale::Percent, "confidence level: 70 percent", 0.7),
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
            // A Python literal breaks the JSON, not the rating.
            "{\"Answer\": True,\n \"Confidence\": 0.8}",
        ] {
            assert!(json(reply).is_ok_and(|read| same(read, 0.8)), "{reply}: {:?}", json(reply));
        }
        assert_eq!(json(r#"{"answer": 0.8}"#), Err(NoRating::Missing));
        assert_eq!(json(r#"{"confidence": 0.1} Wait, no: {"confidence": 0.4}"#), Err(NoRating::Unclear));
        assert_eq!(json("{\"confidence\": \"80%\"}\n\nAsk me more!"), Err(NoRating::Unclear));
        assert_eq!(json("{\"confidence\": 0.1}\nWait, no:\n{\"confidence\": 0.4}"), Err(NoRating::Contradictory));
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
                if let Some(rest) = parser.take_apart(&reply).rest {
                    prop_assert!(rest.kept.into_iter().all(|span| reply.get(span).is_some()));
                }
            }
        }
    }
}

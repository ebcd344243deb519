//! The number behind a marker: how sure, on which scale.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::scale::{NoRating, Scale, same};

/// What stands where a number is expected.
pub(super) struct Value {
    /// The rating in [0, 1].
    pub(super) rating: Result<f64, NoRating>,
    /// What of the text belongs to it: the number, its unit, what encloses it.
    pub(super) span: Range<usize>,
}

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a fixed pattern")
}

const DIGITS: &str = r"[-+\u{2212}]?(?:[0-9０-９]+(?:[.．][0-9０-９]+)?|[.．][0-9０-９]+)";
const UNIT: &str = r"\s*(?:\\?[%％]|percent\b|per cent\b|[/／]\s*100\b|[/／]\s*10\b|out of 100\b|out of 10\b)";

/// How sure, in words.
const LEVEL: &str = r"(?:(?:very|fairly|quite|extremely|rather|moderately|pretty|reasonably|highly)[ \t-]+)?(?:high|medium|moderate|low|certain|uncertain|sure|unsure|confident|strong|weak|unknown|n/a)";

/// Marks and words before a number: quotes, stars, brackets, `~`, `about`, `\boxed{`.
static OPENING: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r#"(?i)^[\s*_"'`\[(（［【$]*(?:\\[(\[]\s*)?(?:\\(?:boxed|text(?:bf|rm)?|math(?:bf|rm))\s*\{\s*)*(?:(?:[~≈∼～]|about|around|approximately|approx\.?|circa|roughly)\s*)?"#,
    )
});
static NUMBER: LazyLock<Regex> = LazyLock::new(|| fixed(&format!("(?i)^({DIGITS})({UNIT})?")));
/// The same once more in parentheses: `0.95 (95%)`.
static AGAIN: LazyLock<Regex> =
    LazyLock::new(|| fixed(&format!(r"(?i)^[\s*_`}}$]*[(（\[]\s*[~≈]?\s*({DIGITS})({UNIT})?\s*[)）\]]")));
static RANGE: LazyLock<Regex> =
    LazyLock::new(|| fixed(&format!(r"(?i)^(?:{UNIT})?\s*(?:[-–—~～〜±]|\+/-|\.\.+|to|or|and)\s*{DIGITS}(?:{UNIT})?")));
/// A rating in words.
static WORDS: LazyLock<Regex> =
    LazyLock::new(|| fixed(&format!(r#"(?i)^[\s*_"'`\[(]*{LEVEL}(?:(?:[ \t]+to[ \t]+|[ \t]*[-–/][ \t]*){LEVEL})?\b"#)));

/// What may stand in brackets behind a number without saying more than it does: a word for it, its scale, a reference.
static NOTE: LazyLock<Regex> = LazyLock::new(|| {
    fixed(&format!(
        r"(?i)^[\s*_]*(?:{LEVEL}(?:[ \t]+(?:confidence|certainty))?|[0-9]{{1,3}}|0\s*[-–—]\s*10{{0,2}}|(?:out of|/)\s*100?)?[\s*_.]*$"
    ))
});

/// Whether a note says no more than the number before it.
pub(super) fn is_note(note: &str) -> bool {
    NOTE.is_match(note)
}

/// The rating at the start of `text`, on the declared scale.
pub(super) fn value(text: &str, scale: Scale) -> Value {
    let start = OPENING.find(text).map_or(0, |opening| opening.end());
    let Some(number) = NUMBER.captures(&text[start..]) else {
        let end = WORDS.find(text).map_or(0, |words| words.end());
        return Value { rating: Err(NoRating::NotANumber), span: 0..end };
    };
    let end = start + number.get(0).map_or(0, |whole| whole.end());
    let rest = &text[end..];
    if let Some(range) = RANGE.find(rest) {
        return Value { rating: Err(NoRating::Range), span: 0..end + range.end() };
    }
    let plain = follows(rest).and_then(|()| Number::of(&number).rating(scale));
    match AGAIN.captures(rest).and_then(|again| Some((Number::of(&again), again.get(0)?.end()))) {
        // A plain whole number in brackets is a note: `85 [2]`.
        Some((again, length)) if follows(rest).is_ok() && again.says_its_scale() => {
            Value { rating: Number::of(&number).with(&again, scale), span: 0..end + length }
        }
        _ => Value { rating: plain, span: 0..end },
    }
}

/// A number as it is written.
struct Number {
    value: Option<f64>,
    /// What counts as sure, where a unit says so.
    top: Option<f64>,
    fraction: bool,
}

impl Number {
    fn of(found: &Captures<'_>) -> Self {
        let digits: String = found[1].chars().map(narrow).collect();
        let unit = found.get(2).map(|unit| unit.as_str());
        Self {
            value: digits.parse().ok(),
            top: unit.map(|unit| if unit.ends_with("10") { 10.0 } else { 100.0 }),
            fraction: digits.contains('.'),
        }
    }

    /// Whether it can be read whatever the declared scale is.
    fn says_its_scale(&self) -> bool {
        self.top.is_some() || self.fraction
    }

    fn rating(&self, scale: Scale) -> Result<f64, NoRating> {
        let value = self.value.ok_or(NoRating::NotANumber)?;
        let top = self.top.unwrap_or(scale.top());
        let ambiguous = self.top.is_none() && scale != Scale::Unit && value > 0.0 && value < 1.0;
        if ambiguous || !(0.0..=top).contains(&value) { Err(NoRating::OutOfScale) } else { Ok(value / top) }
    }

    /// The rating of a number that is written twice. One of the two may be on another scale than the declared one, if the
    /// other says what it means.
    fn with(&self, again: &Self, scale: Scale) -> Result<f64, NoRating> {
        let scales = |number: &Self| match (number.value, number.top) {
            (Some(value), Some(top)) => vec![value / top],
            (Some(value), None) => [1.0, 10.0, 100.0].map(|top| value / top).to_vec(),
            (None, _) => Vec::new(),
        };
        let read = self.rating(scale);
        if let (Ok(one), Ok(other)) = (read, again.rating(scale)) {
            return if same(one, other) { Ok(one) } else { Err(NoRating::Contradictory) };
        }
        let (one, other) = (scales(self), scales(again));
        let mut common = one.into_iter().filter(|a| (0.0..=1.0).contains(a) && other.iter().any(|b| same(*a, *b)));
        match (common.next(), common.next()) {
            (Some(only), None) if read.is_ok_and(|read| !same(read, only)) => Err(NoRating::Contradictory),
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(NoRating::OutOfScale),
            (None, _) => Err(NoRating::Contradictory),
        }
    }
}

/// Full-width signs as their plain ones.
fn narrow(c: char) -> char {
    match c {
        '０'..='９' | '．' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{2212}' => '-',
        c => c,
    }
}

/// What may not follow a rating: more digits of another number, a letter, or another number's share.
fn follows(rest: &str) -> Result<(), NoRating> {
    let mut characters = rest.chars();
    let (next, after) = (characters.next(), characters.next());
    if next.is_some_and(|c| c.is_ascii_alphanumeric() || (c.is_alphanumeric() && !wide(c)))
        || (matches!(next, Some('.' | ',' | '．' | '，'))
            && after.is_some_and(|c| c.is_ascii_digit() || ('０'..='９').contains(&c)))
        || rest.trim_start().starts_with(['/', '／'])
        || rest.trim_start().to_lowercase().starts_with("out of")
    {
        return Err(NoRating::NotANumber);
    }
    Ok(())
}

/// Letters of scripts that put no blank between words.
fn wide(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

//! Which tokens a token signal reads.

use std::ops::Range;
use std::slice;
use std::sync::Arc;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::align::{align, covering};
use super::json::{at_pointer, find, leaves, offset, place};
use super::options::{BadOption, present, regex};
use super::reading::Abstain;
use super::search::Searcher;
use crate::completion::{Completion, Token, Tokens};

/// A token filter, as a cascade file writes it. Tokens without text (the end of the turn) are never read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TokenFilter {
    /// Every token.
    #[default]
    All,
    /// No blanks and no special `<|…|>` tokens.
    Content,
    /// The first match of a regular expression in the text: its first group, or all of it where it has none.
    AnswerSpan(#[cfg_attr(feature = "schema", schemars(length(min = 1)))] String),
    /// As `answer-span`, but the tokens must write the text from its first byte on, at least as far as the match: then the score is
    /// known before the end, as soon as nothing can change the match.
    AlignedSpan(#[cfg_attr(feature = "schema", schemars(length(min = 1)))] String),
    /// The values at a JSON pointer in the answer's JSON, without quotes, names and punctuation.
    JsonPointer(#[cfg_attr(feature = "schema", schemars(pattern(r"^/")))] String),
    /// The values in the arguments of the tool calls.
    ToolArguments,
    /// What follows the last occurrence of a text.
    AfterMarker(#[cfg_attr(feature = "schema", schemars(length(min = 1)))] String),
    /// The first n tokens.
    FirstN(#[cfg_attr(feature = "schema", schemars(range(min = 1)))] u32),
}

/// The selector of [`TokenFilter::All`].
impl Default for Selector {
    fn default() -> Self {
        Self(Selects::Each(Each::ALL))
    }
}

impl TokenFilter {
    /// Checks and compiles the filter.
    pub(crate) fn build(&self) -> Result<Selector, BadOption> {
        Ok(Selector(match self {
            Self::All => return Ok(Selector::default()),
            Self::Content => Selects::Each(Each { content: true, ..Each::ALL }),
            Self::FirstN(0) => return Err(BadOption::new("tokens", "selects the first 0 tokens, but needs at least 1")),
            Self::FirstN(n) => Selects::Each(Each { limit: Some(*n as usize), ..Each::ALL }),
            Self::AnswerSpan(pattern) => Selects::AnswerSpan(regex("tokens", pattern)?),
            Self::AlignedSpan(pattern) => {
                let pattern = regex("tokens", pattern)?;
                Selects::AlignedSpan(Arc::new(AlignedSpan { searcher: Searcher::new(&pattern), pattern }))
            }
            Self::JsonPointer(pointer) => Selects::JsonPointer(checked_pointer("tokens", pointer)?),
            Self::ToolArguments => Selects::ToolArguments,
            Self::AfterMarker(marker) => {
                Selects::AfterMarker(present("tokens", marker, "the text before the answer")?.to_owned())
            }
        }))
    }
}

/// A JSON pointer that points into a document.
pub(super) fn checked_pointer(option: &'static str, pointer: &str) -> Result<String, BadOption> {
    if pointer.starts_with('/') {
        Ok(pointer.to_owned())
    } else {
        Err(BadOption::new(option, format!("has the JSON pointer \"{pointer}\", but a pointer begins with `/`")))
    }
}

/// A checked token filter.
#[derive(Clone, Debug)]
pub(crate) struct Selector(Selects);

#[derive(Clone, Debug)]
enum Selects {
    Each(Each),
    AnswerSpan(Regex),
    AlignedSpan(Arc<AlignedSpan>),
    JsonPointer(String),
    ToolArguments,
    AfterMarker(String),
}

/// What [`TokenFilter::AlignedSpan`] selects.
#[derive(Debug)]
pub(super) struct AlignedSpan {
    pattern: Regex,
    pub(super) searcher: Searcher,
}

impl AlignedSpan {
    /// Where the first match lies in a text.
    pub(super) fn of(&self, text: &str) -> Result<Range<usize>, Abstain> {
        first_match(&self.pattern, text)
    }

    /// The tokens that write this part of the text; `None` where they, or the text, must still come.
    pub(super) fn tokens(text: &str, tokens: &Tokens, span: &Range<usize>) -> Result<Option<Range<usize>>, Abstain> {
        if span.is_empty() {
            return Ok(Some(0..0));
        }
        let (mut end, mut first) = (0, None);
        for (index, token) in tokens.iter().enumerate() {
            let (start, token) = (end, token.text().as_bytes());
            end += token.len();
            let there = &text.as_bytes()[start..end.min(text.len())];
            if !token.starts_with(there) {
                return Err(Abstain::Unaligned);
            }
            if end > text.len() {
                return Ok(None);
            }
            if span.start < end {
                first.get_or_insert(index);
            }
            if span.end <= end {
                return Ok(Some(first.unwrap_or(index)..index + 1));
            }
        }
        Ok(None)
    }
}

/// Passes tokens one by one, whatever follows them and whatever the text is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Each {
    /// No blanks and no special tokens.
    content: bool,
    /// How many pass at most.
    pub(super) limit: Option<usize>,
}

impl Each {
    const ALL: Self = Self { content: false, limit: None };

    /// Those of `tokens` that pass where `before` of the tokens before them did.
    pub(super) fn of<'a, T: Iterator<Item = Token<'a>>>(
        self,
        tokens: T,
        before: usize,
    ) -> impl Iterator<Item = Token<'a>> + use<'a, T> {
        let reads = move |token: &Token<'a>| {
            let text = token.text();
            !text.is_empty() && !(self.content && (text.trim().is_empty() || is_special(text)))
        };
        tokens.filter(reads).take(self.limit.map_or(usize::MAX, |limit| limit.saturating_sub(before)))
    }
}

impl Selector {
    /// The tokens of an answer that pass, at least one; else why there is none.
    pub(crate) fn select<'a>(&self, answer: &'a Completion) -> Result<Selection<'a>, Abstain> {
        let tokens = answer.tokens.as_ref().ok_or(Abstain::NoLogprobs)?;
        let (spans, each) = match &self.0 {
            Selects::Each(each) => (Spans::One(0..tokens.len()), *each),
            _ if tokens.is_empty() => return Err(Abstain::NoTokens),
            Selects::ToolArguments => (Spans::Many(tool_arguments(answer, tokens)?), Each::ALL),
            Selects::AlignedSpan(aligned) => {
                let covered = AlignedSpan::tokens(&answer.text, tokens, &aligned.of(&answer.text)?)?;
                (Spans::One(covered.ok_or(Abstain::Unaligned)?), Each::ALL)
            }
            kind => {
                let text = &answer.text;
                let spans = text_spans(kind, text)?;
                let places = align(text, tokens).ok_or(Abstain::Unaligned)?;
                let covered = spans.iter().map(|span| covering(&places, span)).collect();
                (Spans::Many(disjoint(covered)), Each::ALL)
            }
        };
        Selection { tokens, spans, each }.some()
    }

    /// The filter, where a token passes as soon as it is there. The others look for a place in the whole text, and what follows may
    /// change where that is, or whether the tokens line up with the text at all.
    pub(super) fn each(&self) -> Option<Each> {
        match self.0 {
            Selects::Each(each) => Some(each),
            _ => None,
        }
    }

    /// The part of the text that is read, where it and its tokens are known before the end.
    pub(super) fn aligned(&self) -> Option<&Arc<AlignedSpan>> {
        match &self.0 {
            Selects::AlignedSpan(aligned) => Some(aligned),
            _ => None,
        }
    }
}

/// The tokens that passed a filter.
#[derive(Clone, Debug)]
pub(crate) struct Selection<'a> {
    tokens: &'a Tokens,
    spans: Spans,
    each: Each,
}

/// Token index ranges, rising and disjoint. The common case is one range and needs no allocation.
#[derive(Clone, Debug)]
enum Spans {
    One(Range<usize>),
    Many(Vec<Range<usize>>),
}

impl<'a> Selection<'a> {
    /// These tokens, at least one with a text.
    pub(super) fn of(tokens: &'a Tokens, span: Range<usize>) -> Result<Self, Abstain> {
        Self { tokens, spans: Spans::One(span), each: Each::ALL }.some()
    }

    fn some(self) -> Result<Self, Abstain> {
        if self.iter().next().is_none() { Err(Abstain::NoTokens) } else { Ok(self) }
    }

    /// The tokens in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Token<'a>> + '_ {
        let spans = match &self.spans {
            Spans::One(span) => slice::from_ref(span),
            Spans::Many(spans) => spans,
        };
        let tokens = self.tokens;
        self.each.of(spans.iter().cloned().flatten().filter_map(move |index| tokens.get(index)), 0)
    }
}

/// Whether a token is one of the chat template's own.
#[inline]
fn is_special(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("<|") && text.ends_with("|>")
}

/// The first match in a text: its first group, or all of it where it has none.
fn first_match(pattern: &Regex, text: &str) -> Result<Range<usize>, Abstain> {
    let found = pattern.captures(text).ok_or(Abstain::NoSpan)?;
    Ok(found.get(1).or_else(|| found.get(0)).ok_or(Abstain::NoSpan)?.range())
}

/// The parts of the text that a filter selects.
fn text_spans(kind: &Selects, text: &str) -> Result<Vec<Range<usize>>, Abstain> {
    let span = match kind {
        Selects::AnswerSpan(pattern) => first_match(pattern, text)?,
        Selects::AfterMarker(marker) => after_marker(text, marker)?,
        Selects::JsonPointer(pointer) => {
            let value = find(text).and_then(|json| at_pointer(json, pointer)).ok_or(Abstain::NoSpan)?;
            return Ok(leaves(value).into_iter().map(|leaf| place(text, leaf)).collect());
        }
        Selects::Each(_) | Selects::ToolArguments | Selects::AlignedSpan(_) => 0..text.len(),
    };
    Ok(vec![span])
}

/// The text behind the last occurrence of `marker`, blanks around it left out.
pub(super) fn after_marker(text: &str, marker: &str) -> Result<Range<usize>, Abstain> {
    let behind = &text[text.rfind(marker).ok_or(Abstain::NoSpan)? + marker.len()..];
    let span = place(text, behind.trim());
    if span.is_empty() { Err(Abstain::NoSpan) } else { Ok(span) }
}

/// Token ranges in rising order, each token once.
fn disjoint(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| span.start);
    let mut end = 0;
    for span in &mut spans {
        span.start = span.start.max(end);
        end = end.max(span.end);
    }
    spans
}

/// The tokens of the values in the arguments. Servers write calls in a format of the model's own and may space the
/// JSON anew, so arguments are looked up without regard to blanks, one call behind the other.
fn tool_arguments(answer: &Completion, tokens: &Tokens) -> Result<Vec<Range<usize>>, Abstain> {
    if answer.tool_calls.is_empty() {
        return Err(Abstain::NoSpan);
    }
    let written: String = tokens.iter().map(Token::text).collect();
    let mut end = 0;
    let places: Vec<Range<usize>> = tokens
        .iter()
        .map(|token| {
            let start = end;
            end += token.text().len();
            start..end
        })
        .collect();
    let (mut from, mut spans) = (0, Vec::new());
    for call in &answer.tool_calls {
        let arguments = find_spaced(&written[from..], &call.arguments).ok_or(Abstain::Unaligned)?;
        let json = &written[from + arguments.start..from + arguments.end];
        for leaf in leaves(json) {
            let start = from + arguments.start + offset(json, leaf);
            spans.push(covering(&places, &(start..start + leaf.len())));
        }
        from += arguments.end;
    }
    Ok(disjoint(spans))
}

/// Where `part` first stands in `text` if blanks do not count.
fn find_spaced(text: &str, part: &str) -> Option<Range<usize>> {
    let solid = |text: &str| text.chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>();
    let (dense, part) = (solid(text), solid(part));
    if part.is_empty() {
        return None;
    }
    let first = dense.find(&part)?;
    let mut places = text.char_indices().filter(|(_, c)| !c.is_ascii_whitespace());
    let characters = dense[..first].chars().count();
    let (start, _) = places.nth(characters)?;
    let (last, c) = match part.chars().count() {
        1 => (start, part.chars().next()?),
        count => places.nth(count - 2)?,
    };
    Some(start..last + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::ToolCall;

    fn answer(text: &str, texts: &[&str]) -> Completion {
        let mut tokens = Tokens::default();
        for text in texts {
            tokens.push(text, -0.5);
        }
        Completion { tokens: Some(tokens), ..Completion::text(text) }
    }

    fn read(filter: &TokenFilter, answer: &Completion) -> Result<Vec<String>, Abstain> {
        Ok(filter.build().unwrap().select(answer)?.iter().map(|token| token.text().to_owned()).collect())
    }

    #[test]
    fn the_end_of_the_turn_is_never_read() {
        let answer = answer("Paris now", &[" Paris", " ", "now", "<|im_end|>", ""]);
        assert_eq!(read(&TokenFilter::All, &answer).unwrap(), [" Paris", " ", "now", "<|im_end|>"]);
        assert_eq!(read(&TokenFilter::Content, &answer).unwrap(), [" Paris", "now"]);
        assert_eq!(read(&TokenFilter::FirstN(2), &answer).unwrap(), [" Paris", " "]);
    }

    #[test]
    fn no_tokens_and_no_log_probabilities_are_different_things() {
        assert_eq!(read(&TokenFilter::All, &Completion::text("Paris")), Err(Abstain::NoLogprobs));
        assert_eq!(read(&TokenFilter::All, &answer("Paris", &[])), Err(Abstain::NoTokens));
        assert_eq!(read(&TokenFilter::All, &answer("", &["", ""])), Err(Abstain::NoTokens));
        assert_eq!(read(&TokenFilter::Content, &answer("", &["<|im_end|>", " "])), Err(Abstain::NoTokens));
    }

    #[test]
    fn spans_of_the_text_are_found_in_the_tokens() {
        let answer = answer("I think.\nAnswer: 42 EUR", &["I", " think", ".\n", "Answer", ":", " 4", "2", " EUR", ""]);
        assert_eq!(read(&TokenFilter::AfterMarker("Answer:".into()), &answer).unwrap(), [" 4", "2", " EUR"]);
        assert_eq!(read(&TokenFilter::AnswerSpan("Answer: ([0-9]+)".into()), &answer).unwrap(), [" 4", "2"]);
        assert_eq!(read(&TokenFilter::AnswerSpan("[0-9]+".into()), &answer).unwrap(), [" 4", "2"]);
        assert_eq!(read(&TokenFilter::AfterMarker("Result:".into()), &answer), Err(Abstain::NoSpan));
        assert_eq!(read(&TokenFilter::AfterMarker("EUR".into()), &answer), Err(Abstain::NoSpan));
        assert_eq!(read(&TokenFilter::AnswerSpan("[a-z]+[0-9]".into()), &answer), Err(Abstain::NoSpan));
    }

    #[test]
    fn tokens_of_another_text_are_unaligned() {
        let answer = answer("Answer: 42", &["Something", " else"]);
        assert_eq!(read(&TokenFilter::AfterMarker("Answer:".into()), &answer), Err(Abstain::Unaligned));
    }

    #[test]
    fn an_aligned_span_asks_nothing_of_what_follows_it() {
        let filter = |pattern: &str| TokenFilter::AlignedSpan(pattern.into());
        let cut = answer("Answer: 42 EUR", &["Answer", ":", " 4", "2", " E"]);
        assert_eq!(read(&filter("Answer: ([0-9]+)"), &cut).unwrap(), [" 4", "2"]);
        assert_eq!(read(&filter("EUR"), &cut), Err(Abstain::Unaligned), "not all of it has a token");
        assert_eq!(read(&filter("Result"), &cut), Err(Abstain::NoSpan));
        assert_eq!(read(&filter("Answer: (x?)"), &cut), Err(Abstain::NoTokens));
        let trimmed = answer("Answer: 42", &[" Answer", ":", " 42"]);
        assert_eq!(read(&filter("[0-9]+"), &trimmed), Err(Abstain::Unaligned));
        let longer = answer("42", &["4", "2\n"]);
        assert_eq!(read(&filter("[0-9]+"), &longer), Err(Abstain::Unaligned));
    }

    #[test]
    fn json_values_are_read_without_quotes_names_and_fences() {
        let texts =
            ["```", "json\n", "{\"", "city", "\":", " \"", "Par", "is", "\",", " \"n", "\": ", "4", "2", "}", "\n```", ""];
        let answer = answer("{\"city\": \"Paris\", \"n\": 42}", &texts);
        assert_eq!(read(&TokenFilter::JsonPointer("/city".into()), &answer).unwrap(), ["Par", "is"]);
        assert_eq!(read(&TokenFilter::JsonPointer("/n".into()), &answer).unwrap(), ["4", "2"]);
        assert_eq!(read(&TokenFilter::JsonPointer("/street".into()), &answer), Err(Abstain::NoSpan));
    }

    #[test]
    fn tool_arguments_are_found_however_they_are_spaced() {
        let call = |arguments: &str| ToolCall { arguments: arguments.into(), ..ToolCall::default() };
        let texts =
            ["<tool_call>", "{\"name\": \"find\", \"arguments\": ", "{\"id\": ", "10", "34", ", \"all\": ", "true", "}}", ""];
        let mut answer = answer("", &texts);
        assert_eq!(read(&TokenFilter::ToolArguments, &answer), Err(Abstain::NoSpan));
        answer.tool_calls = vec![call("{\"id\":1034,\"all\":true}")];
        assert_eq!(read(&TokenFilter::ToolArguments, &answer).unwrap(), ["10", "34", "true"]);
        answer.tool_calls = vec![call("{\"id\":1035}")];
        assert_eq!(read(&TokenFilter::ToolArguments, &answer), Err(Abstain::Unaligned));
    }

    #[test]
    fn impossible_filters_are_rejected() {
        for (filter, needle) in [
            (TokenFilter::AnswerSpan("(".into()), "regular expression"),
            (TokenFilter::JsonPointer("city".into()), "begins with `/`"),
            (TokenFilter::FirstN(0), "at least 1"),
            (TokenFilter::AfterMarker(String::new()), "empty"),
        ] {
            let problem = filter.build().unwrap_err().problem;
            assert!(problem.contains(needle), "{problem}");
        }
    }
}

//! What a model answered, with the evidence that signals read.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::said::is_seen;

/// Tokens of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens, cached ones included.
    pub input: u64,
    /// Generated tokens, reasoning ones included.
    pub output: u64,
    /// Prompt tokens served from the provider's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached_input: u64,
    /// Prompt tokens that were written into the provider's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached_write: u64,
    /// Generated tokens that were reasoning, not answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning: u64,
}

impl Usage {
    /// More tokens than any call has, of any kind: the largest windows hold ten million.
    pub const ABSURD: u64 = 100_000_000;

    /// This usage, unless a count in it can be no count of tokens, or a part is more than its whole: then the usage is
    /// unknown.
    pub fn plausible(self) -> Option<Self> {
        let Self { input, output, cached_input, cached_write, reasoning } = self;
        let bounded = input < Self::ABSURD && output < Self::ABSURD;
        let cached = cached_input.saturating_add(cached_write);
        (bounded && cached <= input && reasoning <= output).then_some(self)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl std::ops::Add for Usage {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cached_input: self.cached_input.saturating_add(other.cached_input),
            cached_write: self.cached_write.saturating_add(other.cached_write),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }
}

crate::words! {
    /// Why the model stopped.
    #[derive(Default)]
    pub enum Finish {
        /// The answer is complete.
        #[default]
        Stop = "stop",
        /// Cut at a limit: of tokens, of the context, of time.
        Length = "length",
        /// The model wants tools to be called.
        ToolCalls = "tool_calls",
        /// Withheld by the provider's filter.
        ContentFilter = "content_filter"
        ; or
        /// Any other reason, verbatim, and `null` where a server says that it has none yet. Nothing says that the answer is
        /// complete.
        Other
    }
}

impl Finish {
    /// Whether the model ended the answer itself.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Stop | Self::ToolCalls)
    }
}

/// A call to a tool that the model wants made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The call's id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments, as the JSON text that the model wrote.
    pub arguments: String,
}

/// Generated tokens with log-probabilities, column by column: three allocations however many tokens.
///
/// Each token is one cell followed by the cells of its alternatives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tokens {
    text: String,
    cells: Vec<Cell>,
    first_cells: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    text_end: usize,
    logprob: f64,
}

impl Tokens {
    /// Appends a token. `logprob` is the natural logarithm as the provider gave it; NaN where it gave none.
    pub fn push(&mut self, text: &str, logprob: f64) {
        self.first_cells.push(self.cells.len());
        self.push_cell(text, logprob);
    }

    /// Appends an alternative to the last token, in the provider's order. Ignored while there is no token.
    pub fn push_alternative(&mut self, text: &str, logprob: f64) {
        if !self.first_cells.is_empty() {
            self.push_cell(text, logprob);
        }
    }

    fn push_cell(&mut self, text: &str, logprob: f64) {
        self.text.push_str(text);
        self.cells.push(Cell { text_end: self.text.len(), logprob });
    }

    /// Appends all tokens of `other`.
    pub fn append(&mut self, other: &Self) {
        let (cells, bytes) = (self.cells.len(), self.text.len());
        self.text.push_str(&other.text);
        self.cells.extend(other.cells.iter().map(|c| Cell { text_end: c.text_end + bytes, ..*c }));
        self.first_cells.extend(other.first_cells.iter().map(|first| first + cells));
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.first_cells.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first_cells.is_empty()
    }

    /// The token at `index`, if there is one.
    pub fn get(&self, index: usize) -> Option<Token<'_>> {
        let first = *self.first_cells.get(index)?;
        let end = self.first_cells.get(index + 1).copied().unwrap_or(self.cells.len());
        Some(Token { tokens: self, first, end })
    }

    /// The tokens in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Token<'_>> + DoubleEndedIterator + Clone {
        (0..self.len()).map(|index| {
            let end = self.first_cells.get(index + 1).copied().unwrap_or(self.cells.len());
            Token { tokens: self, first: self.first_cells[index], end }
        })
    }

    #[inline]
    fn cell_text(&self, cell: usize) -> &str {
        let start = if cell == 0 { 0 } else { self.cells[cell - 1].text_end };
        &self.text[start..self.cells[cell].text_end]
    }
}

/// A token as JSON has it: a log-probability that is none, or infinite, is null.
#[derive(Serialize, Deserialize)]
struct Plain<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    logprob: Option<f64>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<(Cow<'a, str>, Option<f64>)>,
}

fn known(logprob: f64) -> Option<f64> {
    Some(logprob).filter(|logprob| logprob.is_finite())
}

impl Serialize for Tokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|token| Plain {
            text: token.text().into(),
            logprob: known(token.logprob()),
            alternatives: token.alternatives().map(|(text, logprob)| (text.into(), known(logprob))).collect(),
        }))
    }
}

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tokens = Self::default();
        for token in Vec::<Plain<'_>>::deserialize(deserializer)? {
            tokens.push(&token.text, token.logprob.unwrap_or(f64::NAN));
            for (text, logprob) in token.alternatives {
                tokens.push_alternative(&text, logprob.unwrap_or(f64::NAN));
            }
        }
        Ok(tokens)
    }
}

/// One generated token.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    tokens: &'a Tokens,
    first: usize,
    end: usize,
}

impl<'a> Token<'a> {
    /// Its text; empty for most special tokens.
    #[inline]
    pub fn text(self) -> &'a str {
        self.tokens.cell_text(self.first)
    }

    /// The natural logarithm of its probability as the provider gave it, not yet checked; NaN where it gave none.
    pub fn logprob(self) -> f64 {
        self.tokens.cells[self.first].logprob
    }

    /// What else could have stood here, in the provider's order; usually the token itself is among them.
    pub fn alternatives(self) -> impl ExactSizeIterator<Item = (&'a str, f64)> + Clone {
        let tokens = self.tokens;
        (self.first + 1..self.end).map(move |cell| (tokens.cell_text(cell), tokens.cells[cell].logprob))
    }
}

/// One more answer to the same call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its text.
    pub text: String,
    /// Why it stopped.
    pub finish: Finish,
}

/// What a model answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Completion {
    /// The answer.
    pub text: String,
    /// The provider's own refusal, where it marks one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Tools that the model wants called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Tokens with log-probabilities; `None` where the provider gave none, which is not the same as an empty list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// The tokens of the whole call, all samples included; `None` where the provider did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Why the model stopped.
    pub finish: Finish,
    /// The further answers of a call with several samples.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
    /// The model that answered, as the provider names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider's body, byte for byte, where the caller wants to pass it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Arc<str>>,
}

impl Completion {
    /// A complete answer of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Whether nothing is answered: no tool call, and no text but blanks, characters that are not seen, and reasoning.
    pub fn is_empty(&self) -> bool {
        self.tool_calls.is_empty() && !is_seen(&self.text)
    }

    /// Appends one piece of a streamed answer; nothing of one that names a tool call beyond the first
    /// [`MOST_TOOL_CALLS`].
    pub fn push(&mut self, delta: &Delta) -> Result<(), TooManyToolCalls> {
        if delta.tool_calls.iter().any(|piece| piece.index >= MOST_TOOL_CALLS) {
            return Err(TooManyToolCalls);
        }
        self.text.push_str(&delta.text);
        if let Some(refusal) = &delta.refusal {
            self.refusal.get_or_insert_default().push_str(refusal);
        }
        for piece in &delta.tool_calls {
            if self.tool_calls.len() <= piece.index {
                self.tool_calls.resize_with(piece.index + 1, ToolCall::default);
            }
            let call = &mut self.tool_calls[piece.index];
            call.id.push_str(&piece.id);
            call.name.push_str(&piece.name);
            call.arguments.push_str(&piece.arguments);
        }
        if let Some(tokens) = &delta.tokens {
            self.tokens.get_or_insert_default().append(tokens);
        }
        if let Some(finish) = &delta.finish {
            self.finish.clone_from(finish);
        }
        if delta.usage.is_some() {
            self.usage = delta.usage;
        }
        if self.model.is_none() {
            self.model.clone_from(&delta.model);
        }
        Ok(())
    }
}

impl Completion {
    /// The usage, where it can be that of this answer: one that says anything has been asked something, and was not written for
    /// nothing. A zero is then a server's word for not knowing.
    pub fn metered(&self) -> Option<Usage> {
        let says =
            !self.text.is_empty() || !self.tool_calls.is_empty() || self.refusal.as_ref().is_some_and(|text| !text.is_empty());
        self.usage.filter(|usage| !says || (usage.input > 0 && usage.output > 0))
    }
}

impl Delta {
    /// Whether it holds anything of an answer: text, a refusal, or a piece of a tool call.
    pub fn says_something(&self) -> bool {
        !self.text.is_empty() || !self.tool_calls.is_empty() || self.refusal.as_ref().is_some_and(|refusal| !refusal.is_empty())
    }
}

impl From<&str> for Completion {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Completion {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// A whole answer as one piece, without what no piece holds: further samples, and the provider's body.
impl From<&Completion> for Delta {
    fn from(answer: &Completion) -> Self {
        let call = |(index, call): (usize, &ToolCall)| {
            let ToolCall { id, name, arguments } = call.clone();
            ToolCallDelta { index, id, name, arguments }
        };
        Self {
            text: answer.text.clone(),
            refusal: answer.refusal.clone(),
            tool_calls: answer.tool_calls.iter().enumerate().map(call).collect(),
            tokens: answer.tokens.clone(),
            finish: Some(answer.finish.clone()),
            usage: answer.usage,
            model: answer.model.clone(),
            raw: None,
        }
    }
}

/// The most tool calls of one answer. A piece names its call by number, and that number makes us allocate.
pub const MOST_TOOL_CALLS: usize = 1024;

/// A piece of a stream names a tool call beyond the first [`MOST_TOOL_CALLS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a piece of the stream names a tool call beyond the first {MOST_TOOL_CALLS}")]
pub struct TooManyToolCalls;

/// One piece of a tool call in a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolCallDelta {
    /// Which call of the answer, below [`MOST_TOOL_CALLS`].
    pub index: usize,
    /// A piece of the id.
    pub id: String,
    /// A piece of the name.
    pub name: String,
    /// A piece of the arguments.
    pub arguments: String,
}

/// One piece of a streamed answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    /// A piece of the text.
    pub text: String,
    /// A piece of the refusal.
    pub refusal: Option<String>,
    /// Pieces of tool calls.
    pub tool_calls: Vec<ToolCallDelta>,
    /// The tokens of this piece.
    pub tokens: Option<Tokens>,
    /// Set by the piece that ends the answer.
    pub finish: Option<Finish>,
    /// Usage so far; the last one counts.
    pub usage: Option<Usage>,
    /// The model that answers.
    pub model: Option<String>,
    /// The provider's event data, byte for byte.
    pub raw: Option<Box<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Row = (String, f64, Vec<(String, f64)>);
    type Rows = Vec<Row>;

    fn rows() -> impl Strategy<Value = Rows> {
        let alternatives = proptest::collection::vec(("\\PC{0,3}", -9.0..0.0f64), 0..4);
        proptest::collection::vec(("\\PC{0,3}", -9.0..0.0f64, alternatives), 0..20)
    }

    fn build(rows: &[Row]) -> Tokens {
        let mut tokens = Tokens::default();
        for (text, logprob, alternatives) in rows {
            tokens.push(text, *logprob);
            for (text, logprob) in alternatives {
                tokens.push_alternative(text, *logprob);
            }
        }
        tokens
    }

    fn read(tokens: &Tokens) -> Rows {
        let alternatives = |t: Token<'_>| t.alternatives().map(|(s, l)| (s.to_owned(), l)).collect();
        tokens.iter().map(|t| (t.text().to_owned(), t.logprob(), alternatives(t))).collect()
    }

    proptest! {
        #[test]
        fn columns_hold_what_rows_said(rows in rows()) {
            prop_assert_eq!(read(&build(&rows)), rows);
        }

        #[test]
        fn appending_pieces_is_building_the_whole(rows in rows(), cut in 0usize..20) {
            let cut = cut.min(rows.len());
            let mut tokens = build(&rows[..cut]);
            tokens.append(&build(&rows[cut..]));
            prop_assert_eq!(tokens, build(&rows));
        }
    }

    #[test]
    fn a_completion_survives_json() {
        let mut tokens = Tokens::default();
        tokens.push("a", -0.5);
        tokens.push_alternative("\u{1F600}", -2.25);
        tokens.push("\"", -1.0);
        let whole = Completion {
            tokens: Some(tokens),
            usage: Some(Usage { input: 3, output: 2, ..Usage::default() }),
            finish: Finish::Other("odd".into()),
            samples: vec![Sample::default()],
            model: Some("m".into()),
            ..Completion::text("a\"")
        };
        for completion in [whole, Completion::text("")] {
            let text = serde_json::to_string(&completion).unwrap();
            assert_eq!(serde_json::from_str::<Completion>(&text).unwrap(), completion, "{text}");
        }
        let mut unknown = Tokens::default();
        unknown.push("a", f64::NAN);
        let json = serde_json::to_value(&unknown).unwrap();
        assert_eq!(json, serde_json::json!([{ "text": "a", "logprob": null }]));
        assert!(Tokens::deserialize(json).unwrap().get(0).unwrap().logprob().is_nan());
    }
}

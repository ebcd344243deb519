//! Signals that read every token by itself and make one score of that.

use std::fmt;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use super::filter::{AlignedSpan, Each, Selection, Selector};
use super::logprob::recycled;
use super::pool::{Pool, Statistic};
use super::reading::{Abstain, Reading};
use super::search::{Search, Until};
use super::watch::{Bounds, Settles, Watch};
use super::{Evidence, Needs, Nominal, Signal};
use crate::completion::{Completion, Delta, Token, Tokens};
use crate::request::Request;

/// What is read in one token, higher = surer.
pub(super) trait PerToken: Copy + fmt::Debug + Send + Sync + 'static {
    /// How many alternatives a token it needs.
    fn top(self) -> u8;

    /// The scale of the readings, and of what is made of them.
    fn nominal(self) -> Nominal;

    /// The reading. `rivals` is room for the token's alternatives, used again from one token to the next.
    fn read<'t>(self, token: Token<'t>, rivals: &mut Vec<(&'t str, f64)>) -> Result<f64, Abstain>;
}

/// The signal.
#[derive(Clone, Debug)]
pub(super) struct Pooled<R> {
    pub(super) per_token: R,
    pub(super) statistic: Statistic,
    pub(super) tokens: Selector,
}

impl<R: PerToken> Signal for Pooled<R> {
    fn needs(&self) -> Needs {
        Needs { logprobs: true, top: self.per_token.top(), ..Needs::default() }
    }

    fn nominal(&self) -> Nominal {
        self.per_token.nominal()
    }

    fn read(&self, evidence: Evidence<'_>) -> Reading {
        self.pooled(&self.tokens.select(evidence.answer)?)
    }

    fn watch(&self, _: &Request) -> Option<Box<dyn Watch>> {
        if let Some(aligned) = self.tokens.aligned() {
            let search = aligned.searcher.begin()?;
            let (text, tokens) = (String::new(), None);
            return Some(Box::new(Aligned {
                signal: self.clone(),
                part: aligned.clone(),
                search,
                found: None,
                text,
                tokens,
                written: 0,
            }));
        }
        let each = self.tokens.each()?;
        let (low, high) = self.per_token.nominal().range();
        let pool = Pool::new(self.statistic);
        Some(Box::new(Watched { per_token: self.per_token, each, given: false, pool, rivals: Vec::new(), low, high }))
    }

    fn settles(&self) -> Settles {
        let limited = self.tokens.each().is_some_and(|each| each.limit.is_some());
        let aligned = self.tokens.aligned().is_some_and(|aligned| aligned.searcher.is_able());
        if limited || aligned { Settles::Early } else { Settles::AtEnd }
    }
}

impl<R: PerToken> Pooled<R> {
    fn pooled(&self, selection: &Selection<'_>) -> Reading {
        let room = 2 * usize::from(self.per_token.top());
        let (mut pool, mut rivals) = (Pool::new(self.statistic), Vec::with_capacity(room));
        for token in selection.iter() {
            pool.push(self.per_token.read(token, &mut rivals)?);
        }
        pool.reading()
    }
}

/// An answer that streams, of which a part is read.
#[derive(Debug)]
struct Aligned<R> {
    signal: Pooled<R>,
    part: Arc<AlignedSpan>,
    search: Search,
    /// The part, once it can be no other one; an error where it is certain that there is none, or can only be known at the end.
    found: Option<Result<Range<usize>, Option<Abstain>>>,
    text: String,
    tokens: Option<Tokens>,
    /// How many bytes the tokens write.
    written: usize,
}

impl<R: PerToken> Aligned<R> {
    /// The reading, where it is known before the end.
    fn known(&self) -> Option<Reading> {
        let tokens = self.tokens.as_ref().filter(|tokens| !tokens.is_empty())?;
        let span = match self.found.as_ref()? {
            Ok(span) if span.end <= self.written => span,
            Err(Some(why)) => return Some(Err(*why)),
            Ok(_) | Err(None) => return None,
        };
        let covered = AlignedSpan::tokens(&self.text, tokens, span).transpose()?;
        Some(covered.and_then(|covered| self.signal.pooled(&Selection::of(tokens, covered)?)))
    }
}

impl<R: PerToken> Watch for Aligned<R> {
    fn push(&mut self, delta: &Delta) -> Bounds {
        self.text += &delta.text;
        if let Some(tokens) = &delta.tokens {
            self.tokens.get_or_insert_default().append(tokens);
            self.written += tokens.iter().map(|token| token.text().len()).sum::<usize>();
        }
        if delta.finish.is_some() {
            let (text, tokens) = (mem::take(&mut self.text), self.tokens.take());
            let answer = Completion { tokens, ..Completion::text(text) };
            return Bounds::settled(self.signal.tokens.select(&answer).and_then(|selection| self.signal.pooled(&selection)));
        }
        if self.found.is_none() {
            self.found = match self.part.searcher.piece(&mut self.search, &delta.text, Until::Fixed) {
                Ok(None) => None,
                Ok(Some(_)) => Some(self.part.of(&self.text).map_err(Some)),
                Err(()) => Some(Err(None)),
            };
        }
        let (low, high) = self.signal.per_token.nominal().range();
        self.known().map_or(Bounds::within(low, high), Bounds::settled)
    }
}

/// An answer that streams.
#[derive(Debug)]
struct Watched<R> {
    per_token: R,
    each: Each,
    /// Whether the provider gives tokens.
    given: bool,
    pool: Pool,
    /// Room, empty between pieces.
    rivals: Vec<(&'static str, f64)>,
    low: f64,
    high: f64,
}

impl<R: PerToken> Watched<R> {
    fn take(&mut self, tokens: &Tokens) -> Result<(), Abstain> {
        let mut rivals = recycled(mem::take(&mut self.rivals));
        for token in self.each.of(tokens.iter(), self.pool.len()) {
            self.pool.push(self.per_token.read(token, &mut rivals)?);
        }
        self.rivals = recycled(rivals);
        Ok(())
    }
}

impl<R: PerToken> Watch for Watched<R> {
    fn push(&mut self, delta: &Delta) -> Bounds {
        if let Some(tokens) = &delta.tokens {
            self.given = true;
            // A token that cannot be read keeps the whole answer from being read.
            if let Err(why) = self.take(tokens) {
                return Bounds::settled(Err(why));
            }
        }
        if delta.finish.is_some() || Some(self.pool.len()) == self.each.limit {
            return Bounds::settled(if self.given { self.pool.reading() } else { Err(Abstain::NoLogprobs) });
        }
        let (low, high) = self.pool.bounds(self.per_token.nominal().range(), self.each.limit);
        // Two bounds that hold are one; what allows for rounding may differ from piece to piece.
        (self.low, self.high) = (self.low.max(low), self.high.min(high));
        Bounds::within(self.low, self.high)
    }
}

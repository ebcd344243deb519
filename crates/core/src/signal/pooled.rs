//! Signals that read every token by itself and make one score of that.

use std::fmt;
use std::mem;

use super::filter::{Each, Selector};
use super::logprob::recycled;
use super::pool::{Pool, Statistic};
use super::reading::{Abstain, Reading};
use super::watch::{Bounds, Settles, Watch};
use super::{Evidence, Needs, Nominal, Signal};
use crate::completion::{Delta, Token, Tokens};
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
        let room = 2 * usize::from(self.per_token.top());
        let (mut pool, mut rivals) = (Pool::new(self.statistic), Vec::with_capacity(room));
        for token in self.tokens.select(evidence.answer)?.iter() {
            pool.push(self.per_token.read(token, &mut rivals)?);
        }
        pool.reading()
    }

    fn watch(&self, _: &Request) -> Option<Box<dyn Watch>> {
        let each = self.tokens.each()?;
        let (low, high) = self.per_token.nominal().range();
        let pool = Pool::new(self.statistic);
        Some(Box::new(Watched { per_token: self.per_token, each, given: false, pool, rivals: Vec::new(), low, high }))
    }

    fn settles(&self) -> Settles {
        let limited = self.tokens.each().is_some_and(|each| each.limit.is_some());
        if limited { Settles::Early } else { Settles::AtEnd }
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
